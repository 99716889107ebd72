package executor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/cutover-go/cutover/checkpoint"
)

// emptyState is the JSON of a state without members.
const emptyState = "{}"

// kept is the saved, encoded state of [Steps]. A newer version of S may have written it: members
// that S does not have are preserved.
type kept[S any] struct {
	raw json.RawMessage
	// foreign reports that raw differs from the encoding of its S, for instance because S lacks
	// some of its members. Changes are then merged into raw instead of replacing it.
	foreign bool
}

// keep extracts the state from the data of a checkpoint: every member but those of [Steps] itself.
func keep[S any](data json.RawMessage) (kept[S], error) {
	all, err := membersOf(data)
	if err != nil {
		return kept[S]{}, fmt.Errorf("%w: the steps' state: %w", checkpoint.ErrCorrupt, err)
	}
	k := kept[S]{raw: object(slices.DeleteFunc(all, func(m member) bool { return isReserved(m.name) }))}
	s, err := k.decode()
	if err != nil {
		return kept[S]{}, err
	}
	known, err := encodeState(s)
	if err != nil {
		return kept[S]{}, err
	}
	k.foreign = !bytes.Equal(known, k.raw)
	return k, nil
}

func (k kept[S]) decode() (S, error) {
	var s S
	if err := json.Unmarshal(k.raw, &s); err != nil {
		return s, fmt.Errorf("%w: the steps' state: %w", checkpoint.ErrCorrupt, err)
	}
	return s, nil
}

// change decodes the state, applies f to it and returns the result. Members that S does not have
// are preserved. After an error it returns k unchanged.
func (k kept[S]) change(f func(*S) error) (kept[S], error) {
	s, err := k.decode()
	if err != nil {
		return k, err
	}
	var before json.RawMessage
	if k.foreign {
		if before, err = encodeState(s); err != nil {
			return k, err
		}
	}
	if err = f(&s); err != nil {
		return k, err
	}
	after, err := encodeState(s)
	if err != nil {
		return k, err
	}
	if k.foreign {
		after = merge(k.raw, before, after)
	}
	return kept[S]{raw: after, foreign: k.foreign}, nil
}

func encodeState[S any](s S) (json.RawMessage, error) {
	data, err := json.Marshal(s)
	if err == nil && !bytes.HasPrefix(data, []byte{'{'}) {
		err = errors.New("it is no JSON object")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the steps' state: %w", checkpoint.ErrInvalid, err)
	}
	return data, nil
}

// merge applies the change from before to after to old. before is old as S decodes and encodes it,
// so old may hold more than before. The result preserves that surplus: object members that before
// lacks, at any depth, and the content of list elements that neither change nor move.
func merge(old, before, after json.RawMessage) json.RawMessage {
	if bytes.Equal(before, after) {
		return old
	}
	if o, b, a, ok := three(old, before, after, membersOf); ok {
		return mergeObjects(o, b, a)
	}
	if o, b, a, ok := three(old, before, after, elementsOf); ok && len(o) == len(b) {
		for i := range min(len(a), len(b)) {
			if bytes.Equal(b[i], a[i]) {
				a[i] = o[i]
			}
		}
		return list(a)
	}
	return after
}

func mergeObjects(old, before, after []member) json.RawMessage {
	inOld, inBefore, inAfter := indexOf(old), indexOf(before), indexOf(after)
	merged := make([]member, 0, len(after)+1)
	for _, m := range old {
		if !inBefore.folded[fold(m.name)] && !inAfter.folded[fold(m.name)] {
			merged = append(merged, m)
		}
	}
	for _, m := range after {
		o, had := inOld.values[m.name]
		if b, known := inBefore.values[m.name]; had && known {
			m.value = merge(o, b, m.value)
		}
		merged = append(merged, m)
	}
	return object(merged)
}

// member is a member of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// index finds members by name. If a name occurs twice, the last member counts.
type index struct {
	values map[string]json.RawMessage
	folded map[string]bool
}

func indexOf(all []member) index {
	x := index{values: map[string]json.RawMessage{}, folded: map[string]bool{}}
	for _, m := range all {
		x.values[m.name] = m.value
		x.folded[fold(m.name)] = true
	}
	return x
}

// fold returns the same string for names that differ only in case, because encoding/json matches a
// member to a field regardless of case.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next
			}
			r = next
		}
	}, name)
}

// three applies split to three values. ok is false if one of them is not of the kind that split
// reads.
func three[T any](x, y, z json.RawMessage, split func(json.RawMessage) ([]T, error)) (a, b, c []T, ok bool) {
	a, errA := split(x)
	b, errB := split(y)
	c, errC := split(z)
	return a, b, c, errA == nil && errB == nil && errC == nil
}

// membersOf returns the members of a JSON object in their order.
func membersOf(data json.RawMessage) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is no JSON object")
	}
	var all []member
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{}
		m.name, _ = name.(string)
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// elementsOf returns the elements of a JSON list.
func elementsOf(data json.RawMessage) (all []json.RawMessage, err error) {
	if err = json.Unmarshal(data, &all); err == nil && all == nil {
		err = errors.New("it is no JSON list")
	}
	return all, err
}

// object encodes members as a JSON object.
func object(all []member) json.RawMessage {
	b := []byte{'{'}
	for i, m := range all {
		if i > 0 {
			b = append(b, ',')
		}
		name, _ := json.Marshal(m.name) // encoding a string cannot fail
		b = append(append(append(b, name...), ':'), m.value...)
	}
	return append(b, '}')
}

// list encodes elements as a JSON list.
func list(all []json.RawMessage) json.RawMessage {
	b := append([]byte{'['}, bytes.Join(asBytes(all), []byte{','})...)
	return append(b, ']')
}

func asBytes(all []json.RawMessage) [][]byte {
	bs := make([][]byte, len(all))
	for i, e := range all {
		bs[i] = e
	}
	return bs
}

// joinObjects returns an object with the members of both. It modifies neither.
func joinObjects(head, tail json.RawMessage) json.RawMessage {
	if string(tail) == emptyState {
		return head
	}
	joined := append(slices.Clone(head[:len(head)-1]), ',')
	return append(joined, tail[1:]...)
}
