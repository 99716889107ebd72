package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// version is the first field of every stored form. It is raised by a change of the encoding that
// older libraries cannot read.
const version = '1'

// Append appends the stored form of c to dst.
func (c Checkpoint) Append(dst []byte) []byte {
	dst = append(dst, version, ':')
	dst = appendSized(dst, c.Step)
	return append(dst, c.Data...)
}

// Parse reads what [Checkpoint.Append] wrote. The result shares b's memory.
func Parse(b []byte) (Checkpoint, error) {
	rest, err := header(b)
	if err != nil {
		return Checkpoint{}, err
	}
	step, data, err := sized(rest)
	if err != nil {
		return Checkpoint{}, err
	}
	if len(step) == 0 || !isJSON(data) {
		return Checkpoint{}, fmt.Errorf("%w: no step or no JSON", ErrCorrupt)
	}
	return Checkpoint{Step: string(step), Data: data}, nil
}

// Append appends the stored form of l to dst.
func (l UndoLog) Append(dst []byte) []byte {
	dst = append(dst, version, ':')
	for _, u := range l {
		dst = appendSized(dst, u.Step)
		dst = appendSized(dst, u.Data)
	}
	return dst
}

// ParseUndo reads what [UndoLog.Append] wrote. An empty b is an empty log. The result shares b's
// memory.
func ParseUndo(b []byte) (UndoLog, error) {
	if len(b) == 0 {
		return nil, nil
	}
	rest, err := header(b)
	if err != nil {
		return nil, err
	}
	var log UndoLog
	for len(rest) > 0 {
		var step, data []byte
		if step, rest, err = sized(rest); err != nil {
			return nil, err
		}
		if data, rest, err = sized(rest); err != nil {
			return nil, err
		}
		if len(step) == 0 || !isJSON(data) {
			return nil, fmt.Errorf("%w: undo entry without step or JSON", ErrCorrupt)
		}
		grown, added, err := log.Record(Undo{Step: string(step), Data: data})
		if err != nil || !added {
			return nil, fmt.Errorf("%w: step %q twice, or too many entries", ErrCorrupt, step)
		}
		log = grown
	}
	return log, nil
}

func appendSized[T string | json.RawMessage](dst []byte, s T) []byte {
	dst = strconv.AppendInt(dst, int64(len(s)), 10)
	dst = append(dst, ':')
	return append(dst, s...)
}

func header(b []byte) ([]byte, error) {
	head, rest, ok := bytes.Cut(b, []byte{':'})
	if !ok {
		return nil, fmt.Errorf("%w: no version", ErrCorrupt)
	}
	if len(head) == 1 && head[0] == version {
		return rest, nil
	}
	if n, err := strconv.ParseUint(string(head), 10, 16); err == nil && n > uint64(version-'0') {
		return nil, fmt.Errorf("%w: %d", ErrVersion, n)
	}
	return nil, fmt.Errorf("%w: version %.10q", ErrCorrupt, head)
}

// sized cuts a length, a colon and that many bytes off b.
func sized(b []byte) (field, rest []byte, err error) {
	digits, rest, ok := bytes.Cut(b, []byte{':'})
	if !ok || len(digits) > 9 {
		return nil, nil, fmt.Errorf("%w: no length", ErrCorrupt)
	}
	n, err := strconv.ParseUint(string(digits), 10, 31)
	if err != nil || int(n) > len(rest) || len(digits) > 1 && digits[0] == '0' {
		return nil, nil, fmt.Errorf("%w: length %q of %d bytes", ErrCorrupt, digits, len(rest))
	}
	return rest[:n:n], rest[n:], nil
}
