package checkpoint

import (
	"encoding/json"
	"strings"
	"testing"
)

// jsonTexts returns texts at the bounds of JSON.
func jsonTexts() []string {
	texts := []string{
		"", " ", "null", "nul", "nulls", "true", "tru", "false", "False", " \t\r\n1 \n", "\v1", "1 2", "1,", "\x001", "1\x00",
		"0", "-0", "-", "+1", "01", "10", "-01", "1.", "1.0", ".1", "1.e1", "1e", "1e+", "1E-07", "1e+10", "0e0", "0x1", "1.0.0", "NaN", "--1",
		`"`, `""`, `"a`, `"\`, `"\"`, `"\""`, `"\a"`, `"\b\f\n\r\t\/\\"`, `"\u12aF"`, `"\u12a"`, `"\u12ag"`, `"\u12a`, `"\U1234"`, `"\u00:0"`, `"\u@000"`, "\"\xff\"", "\"\u2028é\"", "'a'",
		`[]`, `[ ]`, `[1]`, `[1,]`, `[,]`, `[,1]`, `[1 2]`, `[1 , 2]`, `[`, `]`, `[1`, `[1,`, `[}`, `[[],[[]]]`, `[]]`,
		`{}`, `{ }`, `{"a":1}`, `{"a" : 1 , "b":[]}`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{"a",1}`, `{a:1}`, `{1:1}`, `{"a":1 "b":2}`, `{"a":{"a":{}}}`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1]`, `{"a":1}}`,
	}
	for _, n := range [...]int{maxDepth, maxDepth + 1} {
		texts = append(texts, strings.Repeat("[", n)+strings.Repeat("]", n), strings.Repeat(`{"a":`, n)+"1"+strings.Repeat("}", n))
	}
	// Every byte at every place of strings around the eight bytes that are looked at together.
	for b := range 256 {
		for place := range 19 {
			s := []byte(`"` + strings.Repeat("x", 19) + `"`)
			s[1+place] = byte(b)
			texts = append(texts, string(s))
		}
	}
	return texts
}

// isJSON accepts what encoding/json accepts, and nothing else.
func TestIsJSON(t *testing.T) {
	t.Parallel()
	for _, s := range jsonTexts() {
		if got, want := isJSON([]byte(s)), json.Valid([]byte(s)); got != want {
			t.Errorf("%.80q is JSON: %t, want %t", s, got, want)
		}
	}
}

// Neighbours that are found falsely in one word of eight bytes must not hide or add anything.
func TestPlainFindsTheFirst(t *testing.T) {
	t.Parallel()
	special := []byte{0, 0x1f, 0x20, '!', '"', '#', '[', '\\', ']', 0x7f, 0x80, 0xa2, 0xdc, 0xff, 'x'}
	for _, a := range special {
		for _, b := range special {
			for _, c := range special {
				s := text{'x', a, b, c, 'x', 'x', 'x', 'x', 'x'}
				want := len(s)
				for i, by := range s {
					if by < 0x20 || by == '"' || by == '\\' {
						want = i
						break
					}
				}
				if got := s.plain(0); got != want {
					t.Errorf("%q: %d, want %d", s, got, want)
				}
			}
		}
	}
}

func FuzzIsJSON(f *testing.F) {
	for _, s := range jsonTexts() {
		if len(s) < 100 {
			f.Add([]byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, want := isJSON(data), json.Valid(data); got != want {
			t.Errorf("%q is JSON: %t, want %t", data, got, want)
		}
	})
}

// go test -run '^$' -bench JSON ./checkpoint
func BenchmarkIsJSON(b *testing.B) {
	long := []byte(`"` + strings.Repeat("x", 198) + `"`)
	steps := []byte(`{"completedSteps":["LOOK","SWITCH_GATEWAY"],"failedStep":"TELL","from":"green","to":"blue","n":-12.5e3}`)
	for _, c := range []struct {
		name string
		f    func([]byte) bool
		data []byte
	}{{"long", isJSON, long}, {"long, encoding-json", json.Valid, long}, {"steps", isJSON, steps}, {"steps, encoding-json", json.Valid, steps}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if !c.f(c.data) {
					b.Fatal("not JSON")
				}
			}
		})
	}
}
