package wire

import "strconv"

// Ack is one entry of the acknowledgement stream.
type Ack struct {
	Instance string
	Boot     string
	Rev      uint64
	Version  string
	WriteID  string
	Sum      string
	State    State // applied or rejected
	Error    string
}

// maxAckError bounds the text of a rejection in the stream.
const maxAckError = 512

// Fields returns the entry as the stream holds it.
func (a Ack) Fields() []string {
	fields := []string{
		"instance", a.Instance, "rev", strconv.FormatUint(a.Rev, 10), "version", a.Version,
		"wid", a.WriteID, "state", string(a.State),
	}
	if a.Boot != "" {
		fields = append(fields, "boot", a.Boot)
	}
	if a.Sum != "" {
		fields = append(fields, "sum", a.Sum)
	}
	if a.Error != "" {
		fields = append(fields, "error", Clean(a.Error, maxAckError))
	}
	return fields
}

// ParseAck parses an entry. ok is false if it lacks an instance, a revision or a final state.
// Revisions start at 1; a revision 0 would count as unknown, and the write id alone would decide.
func ParseAck(values map[string]any) (ack Ack, ok bool) {
	text := func(name string) string { s, _ := values[name].(string); return s }
	rev, err := strconv.ParseUint(text("rev"), 10, 64)
	ack = Ack{
		Instance: text("instance"),
		Boot:     text("boot"),
		Rev:      rev,
		Version:  text("version"),
		WriteID:  text("wid"),
		Sum:      text("sum"),
		State:    State(text("state")),
		Error:    Clean(text("error"), maxAckError),
	}
	final := ack.State == StateApplied || ack.State == StateRejected
	return ack, err == nil && rev > 0 && ack.Instance != "" && final
}
