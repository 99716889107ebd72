//go:build crash

package crashtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/cutover-go/cutover/task"
)

// kind is the kind of event that an entry of the ledger records.
type kind string

const (
	Started kind = "started" // a run begins; Step is the last step that its checkpoint holds
	Effect  kind = "effect"  // the work of Step is done and not yet saved
	Saved   kind = "saved"   // the save of Step was acknowledged
	Refused kind = "refused" // the save of Step was refused; Note is the error
	Done    kind = "done"    // the executor is about to return nil
	Ended   kind = "ended"   // the outcome was committed, and Note is the state; or Note is "lost"
	CtxEnd  kind = "context" // the executor's context ended; Note is the cause
	Fault   kind = "fault"   // a call of the store failed; Note is the error
	LostOne kind = "lease"   // the worker lost its lease; Step is the number of its tasks, Note its incarnation
	GoneBy  kind = "back"    // a plan went back in time; Note is the error
	Ready   kind = "ready"   // the worker has opened its store and runs
	Made    kind = "made"    // the worker's commission is created and started; Step is the id of the plan
)

// Entry is one line of the ledger.
type Entry struct {
	At      time.Time
	Worker  string
	Kind    kind
	Task    task.ID
	Undo    bool       `json:",omitempty"` // whether the entry is about the undo of the task
	Attempt int        `json:",omitempty"`
	Token   task.Token `json:",omitempty"`
	Step    int        `json:",omitempty"`
	Note    string     `json:",omitempty"`
}

// finished reports whether the entry records that the store acknowledged the completion of a task
// or of its undo.
func (e *Entry) finished() bool {
	return e.Kind == Ended && (e.Note == task.Completed.String() || e.Note == task.RolledBack.String())
}

// Ledger is a file to which all workers append. Each entry is one write, so the lines are in the
// order in which the entries were made, and a killed process loses no entry.
type Ledger struct{ File *os.File }

// OpenLedger opens the file of a ledger, which it makes if there is none.
func OpenLedger(path string) (*Ledger, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return &Ledger{f}, err
}

// Note appends an entry. If that fails, note ends the process, because the figures would be wrong.
func (l *Ledger) Note(e Entry) {
	e.At = time.Now()
	line, err := json.Marshal(e)
	if err == nil {
		_, err = l.File.Write(append(line, '\n'))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ledger:", err)
		os.Exit(2)
	}
}

// readLedger returns all entries so far.
func readLedger(t testing.TB, path string) []Entry {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var entries []Entry
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			break // a line that a worker is still writing
		}
		entries = append(entries, e)
	}
	return entries
}
