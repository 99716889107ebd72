package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNames(t *testing.T) {
	t.Parallel()
	cases := []struct {
		key, field string
		head       string
		nameable   bool
	}{
		{"k", "", "{k}:head", true},
		{"k", "f", "{k}:head:f", true},
		{"app:{t1}:routes", "", "app:{t1}:routes:head", true},
		{"open{key", "", "{open{key}:head", true},
		{"a}b", "", "", false},
		{"{}k", "", "", false},
		{"a}b{t}", "", "a}b{t}:head", true},
	}
	for _, tc := range cases {
		if got := Nameable(tc.key); got != tc.nameable {
			t.Errorf("%s: nameable is %v", tc.key, got)
		}
		n := NamesOf(tc.key, tc.field)
		if tc.nameable && n.Head != tc.head {
			t.Errorf("%s: head %s, want %s", tc.key, n.Head, tc.head)
		}
		for _, name := range []string{n.Head, n.Prev, n.Acks, n.Channel, n.Stage("w")} {
			if tc.nameable && !SameSlot(tc.key, name) {
				t.Errorf("%s and %s are in different slots", tc.key, name)
			}
		}
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	if _, ok, err := ParseHead(nil); ok || err != nil {
		t.Errorf("no head: %v, %v", ok, err)
	}
	if _, ok, err := ParseHead(map[string]string{"rev": "x"}); ok || err == nil {
		t.Errorf("bad head: %v, %v", ok, err)
	}
	head, ok, err := ParseHead(map[string]string{"rev": "9007199254740993", "wid": "c", "recent": "b:9007199254740992 bad c:9007199254740993"})
	if !ok || err != nil || head.Rev != 9007199254740993 || len(head.Recent) != 2 {
		t.Fatalf("%+v, %v, %v", head, ok, err)
	}
	for _, tc := range []struct {
		id          string
		rev         uint64
		held, known bool
	}{
		{"c", 9007199254740993, true, true},
		{"b", 9007199254740992, true, true},
		{"b", 9007199254740993, false, true},
		{"x", 9007199254740993, false, true},
		{"a", 9007199254740991, false, false},
	} {
		if held, known := head.Holds(tc.id, tc.rev); held != tc.held || known != tc.known {
			t.Errorf("%s %d: %v, %v", tc.id, tc.rev, held, known)
		}
	}
}

func TestRev(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Rev{
		`"9007199254740993"`: 9007199254740993, `9007199254740993`: 9007199254740993, `"0"`: 0, `null`: 0, `""`: 0,
	} {
		var got Rev
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{`"x"`, `-1`, `1.5`, `1e3`, `{}`, `[1]`, `true`, `18446744073709551616`} {
		var got Rev
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s: %d", text, got)
		}
	}
}

func TestNoticeAroundItsRevision(t *testing.T) {
	t.Parallel()
	n := Notice{Key: `k"{}`, Version: `0"}`, WriteID: "w"}
	before, after := n.Around()
	got, err := ParseNotice(before + "9007199254740993" + after)
	n.Rev = 9007199254740993
	if err != nil || got != n {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("plain", 3)
	f.Add("é\x1b\xff", 1)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = max(limit, 0) % 1000
		got := Clean(text, limit)
		if len(got) > limit || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return printable(r) != r }) {
			t.Fatalf("%q: %q", text, got)
		}
		if Clean(got, limit) != got {
			t.Fatalf("%q is not clean", got)
		}
	})
}
