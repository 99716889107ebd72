package textform_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/internal/textform"
)

type letter uint8

func letters() []string { return []string{"a", "b", "c"} }

func parseLetter(text string) (letter, error) {
	return textform.Parse[letter]("letter", letters(), text)
}

func TestErrorNamesWhatIsAllowed(t *testing.T) {
	t.Parallel()
	_, parsing := parseLetter("z")
	_, marshaling := textform.Marshal("letter", letters(), letter(3))
	for text, err := range map[string]error{"z": parsing, "3": marshaling} {
		var e *textform.Error
		if !errors.As(err, &e) || !errors.Is(err, textform.ErrText) {
			t.Fatalf("%q: %v", text, err)
		}
		if e.Type != "letter" || e.Text != text || !slices.Equal(e.Allowed, letters()) {
			t.Errorf("%q: %+v", text, e)
		}
	}
	if got := parsing.Error(); got != `"z" is no letter (a, b, c)` {
		t.Error(got)
	}
}

func TestErrorCutsTheText(t *testing.T) {
	t.Parallel()
	_, err := parseLetter(strings.Repeat("\u20ac", 1<<20))
	var e *textform.Error
	if !errors.As(err, &e) || e.Text != strings.Repeat("\u20ac", 32) {
		t.Errorf("%.200v", err)
	}
}

// A value is not changed by a text that cannot be read.
func TestUnmarshal(t *testing.T) {
	t.Parallel()
	l := letter(1)
	if err := textform.Unmarshal(&l, []byte("z"), parseLetter); err == nil || l != 1 {
		t.Errorf("%d after %v", l, err)
	}
	if err := textform.Unmarshal(&l, []byte("c"), parseLetter); err != nil || l != 2 {
		t.Errorf("%d after %v", l, err)
	}
}
