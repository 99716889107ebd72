package checkpoint_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/checkpoint"
)

func entry(step, data string) checkpoint.Undo {
	return checkpoint.Undo{Step: step, Data: json.RawMessage(data)}
}

func TestRecordFirstWins(t *testing.T) {
	t.Parallel()
	var log checkpoint.UndoLog
	for _, tt := range []struct {
		undo  checkpoint.Undo
		added bool
	}{
		{entry("A", `"blue"`), true},
		{entry("B", `1`), true},
		{entry("A", `"green"`), false},
		{entry("A", `"blue"`), false},
		{entry("a", `"case counts"`), true},
	} {
		next, added, err := log.Record(tt.undo)
		if err != nil || added != tt.added {
			t.Errorf("Record(%s) = %t, %v, want %t", tt.undo.Step, added, err, tt.added)
		}
		log = next
	}
	want := checkpoint.UndoLog{entry("A", `"blue"`), entry("B", `1`), entry("a", `"case counts"`)}
	if !reflect.DeepEqual(log, want) {
		t.Errorf("log = %+v, want %+v", log, want)
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	log := checkpoint.UndoLog{entry("A", `1`), entry("B", `2`)}
	if data, ok := log.Get("B"); !ok || string(data) != `2` {
		t.Errorf("Get(B) = %s, %t", data, ok)
	}
	if data, ok := log.Get("C"); ok || data != nil {
		t.Errorf("Get(C) = %s, %t, want nothing", data, ok)
	}
	if _, ok := checkpoint.UndoLog(nil).Get(""); ok {
		t.Error("an empty log has an entry")
	}
}

func TestRecordBound(t *testing.T) {
	t.Parallel()
	var log checkpoint.UndoLog
	var err error
	for i := range checkpoint.MaxUndoEntries {
		if log, _, err = log.Record(entry(strconv.Itoa(i), `null`)); err != nil {
			t.Fatalf("entry %d: %v", i+1, err)
		}
	}
	next, added, err := log.Record(entry("one more", `null`))
	if !errors.Is(err, checkpoint.ErrTooLarge) || added || len(next) != checkpoint.MaxUndoEntries {
		t.Errorf("Record = %d entries, %t, %v, want ErrTooLarge", len(next), added, err)
	}
	// A step that runs again adds no entry, even to a full log.
	if _, added, err := log.Record(entry("7", `1`)); err != nil || added {
		t.Errorf("Record of a known step = %t, %v", added, err)
	}
}

// Two logs made from one log do not share entries, however much room its backing array has.
func TestRecordDoesNotShare(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 8).Draw(t, "entries")
		base := make(checkpoint.UndoLog, 0, n+rapid.IntRange(0, 4).Draw(t, "room"))
		for i := range n {
			base = append(base, entry(strconv.Itoa(i), `null`))
		}
		before := string(base.Append(nil))

		left, _, err := base.Record(entry("left", `1`))
		if err != nil {
			t.Fatal(err)
		}
		right, _, err := base.Record(entry("right", `2`))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(base.Append(nil)); got != before {
			t.Errorf("the original became %s", got)
		}
		if left[n].Step != "left" || right[n].Step != "right" {
			t.Errorf("the copies end with %s and %s", left[n].Step, right[n].Step)
		}
		if spare := base[:cap(base)]; len(spare) > n && spare[n].Step != "" {
			t.Errorf("the original's spare room holds %s", spare[n].Step)
		}
	})
}
