package haproxy

import (
	"context"
	"strings"

	"github.com/cutover-go/cutover/gateway"
)

// liveMap is the map in the memory of one HAProxy.
type liveMap struct {
	runtime
	name string // the file name in HAProxy's configuration
}

// differing is between two values of one key.
const differing = " and "

// entries returns what the map has. A map that is not there is a [gateway.SetupError].
//
// A key can have several entries, because two processes may add it at the same time. The first one
// counts for requests, and a single change sets them all; so several with one value are as good as
// one. Those with several values have them all, with differing between two, which is no row.
func (m liveMap) entries(ctx context.Context) (map[string]string, error) {
	answer, err := m.call(ctx, "show map "+m.name+"\n")
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(answer, "Unknown map") {
		return nil, m.unknown(ctx)
	}
	found := map[string]string{}
	for line := range strings.SplitSeq(answer, "\n") {
		if line == "" {
			continue
		}
		address, entry, _ := strings.Cut(line, " ")
		key, value, ok := strings.Cut(entry, " ")
		if !ok || !strings.HasPrefix(address, "0x") {
			return nil, &answerError{"show map", line}
		}
		if first, twice := found[key]; twice && first != value {
			value = first + differing + value
		}
		found[key] = value
	}
	return found, nil
}

// unknown returns the error for a map that HAProxy does not have, with those that it has.
func (m liveMap) unknown(ctx context.Context) error {
	answer, err := m.call(ctx, "show map\n")
	if err != nil {
		return err
	}
	var names []string
	for line := range strings.SplitSeq(answer, "\n") {
		if _, rest, ok := strings.Cut(line, " ("); ok && !strings.HasPrefix(line, "#") {
			name, _, _ := strings.Cut(rest, ")")
			names = append(names, name)
		}
	}
	found := "no maps"
	if len(names) > 0 {
		found = "the maps " + strings.Join(names[:min(len(names), 5)], ", ")
	}
	return &gateway.SetupError{Expected: "a map " + m.name + " in HAProxy's configuration", Found: found}
}

// update makes single changes: each walks the whole map. It returns the process that has made the
// last ones, or that answers if there are none.
func (m liveMap) update(ctx context.Context, changes []change) (by process, err error) {
	var commands []string
	size := 0
	for _, c := range changes {
		verb := "set map "
		if c.add {
			verb = "add map "
		}
		command := verb + m.name + " " + c.tenant + " " + c.value
		if size += len(command) + 2; size > maxPayload-1024 {
			if err := m.change(ctx, commands...); err != nil {
				return by, err
			}
			commands, size = nil, len(command)
		}
		commands = append(commands, command)
	}
	return m.changeBy(ctx, commands...)
}

// replace makes the map equal to rows in one step, by a version that is prepared beside the live
// one. A version that is not committed stays in HAProxy's memory, so a failure clears it.
func (m liveMap) replace(ctx context.Context, rows gateway.Rows, tenants []string) error {
	answer, err := m.call(ctx, "prepare map "+m.name+"\n")
	if err != nil {
		return err
	}
	version, ok := strings.CutPrefix(strings.TrimSpace(answer), "New version created: ")
	if !ok {
		return &answerError{"prepare map", strings.TrimSpace(answer)}
	}
	if err := m.fill(ctx, version, rows, tenants); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
		defer cancel()
		_ = m.change(ctx, "clear map @"+version+" "+m.name) // a restart frees it, too
		return err
	}
	return m.change(ctx, "commit map @"+version+" "+m.name)
}

// fill adds the rows of all tenants to a prepared version.
func (m liveMap) fill(ctx context.Context, version string, rows gateway.Rows, tenants []string) error {
	var text strings.Builder
	flush := func() error {
		if text.Len() == 0 {
			return nil
		}
		err := m.change(ctx, "add map @"+version+" "+m.name+" <<\n"+text.String())
		text.Reset()
		return err
	}
	for _, tenant := range tenants {
		line := tenant + " " + rows[tenant].String() + "\n"
		if text.Len()+len(line) > maxPayload-1024 {
			if err := flush(); err != nil {
				return err
			}
		}
		text.WriteString(line)
	}
	return flush()
}
