package feed

import (
	"bytes"
	"slices"
	"strconv"
	"testing"
)

// texts returns events as texts.
func texts(events []Event) (list []string) {
	for _, e := range events {
		list = append(list, string(e.Text))
	}
	return list
}

func TestLog(t *testing.T) {
	t.Parallel()
	l := log{last: 40}
	for n := 41; n <= 50; n++ {
		l.add(Event{Text: []byte(strconv.Itoa(n))})
	}
	for _, tt := range []struct {
		after int64
		limit int
		want  []string
		kept  bool
	}{
		{39, 5, nil, false},
		{40, 2, []string{"41", "42"}, true},
		{47, 9, []string{"48", "49", "50"}, true},
		{50, 9, nil, true},
		{60, 9, nil, true}, // the reader has seen more than the log
	} {
		if events, kept := l.after(tt.after, tt.limit); !slices.Equal(texts(events), tt.want) || kept != tt.kept {
			t.Errorf("after %d: %q, %t", tt.after, texts(events), kept)
		}
	}
}

// The log keeps a bounded number of bytes, the newest ones, without gaps. What was taken from it
// stays as it is.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	l := log{}
	l.add(Event{Text: []byte("first")})
	taken, _ := l.after(0, 10)
	half := bytes.Repeat([]byte("x"), maxKept/20)
	large := Event{Text: half, Other: &Other{Plan: 1, Text: half}}
	for range 100 {
		l.add(large)
		kept := 0
		for _, e := range l.events {
			if kept += len(e.Text); e.Other != nil {
				kept += len(e.Other.Text)
			}
		}
		if kept != l.bytes || kept > maxKept || l.first()+int64(len(l.events)) != l.last+1 {
			t.Fatalf("%d bytes, %d to %d, counted %d", kept, l.first(), l.last, l.bytes)
		}
	}
	if l.last != 101 || len(l.events) < 4 || string(taken[0].Text) != "first" {
		t.Errorf("%d events of %d, taken %q", len(l.events), l.last, taken[0].Text)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	half := Event{Text: bytes.Repeat([]byte("x"), maxBytes/2)}
	for n, want := range []int{0, 1, 2, 2, 2} {
		if got := len(cut(slices.Repeat([]Event{half}, n))); got != want {
			t.Errorf("%d of %d", got, n)
		}
	}
	if got := len(cut([]Event{{Text: bytes.Repeat(half.Text, 3)}, half})); got != 1 {
		t.Errorf("%d with a large one", got)
	}
}
