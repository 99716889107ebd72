package probe_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/cutover-go/cutover/redisack/probe"
)

// TestKinds checks that every kind has a unique name, which JSON encodes and decodes.
func TestKinds(t *testing.T) {
	t.Parallel()
	names := make(map[string]bool)
	for kind := probe.KindOther; kind <= probe.KindBroken; kind++ {
		text, err := json.Marshal(kind)
		var back probe.Kind
		if err != nil || json.Unmarshal(text, &back) != nil || back != kind || names[kind.String()] {
			t.Errorf("%d is %s, %v and comes back as %v", kind, text, err, back)
		}
		names[kind.String()] = true
	}
	unknown := probe.KindDial
	if err := json.Unmarshal([]byte(`"fire"`), &unknown); err != nil || unknown != 0 || unknown.String() != "none" {
		t.Errorf("an unknown name gives %v, %v", unknown, err)
	}
}

func TestErrorMatches(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("asked: %w", &probe.Error{Kind: probe.KindStatus, Status: 503, Err: io.EOF})
	if !errors.Is(err, probe.ErrEndpoint) || !errors.Is(err, io.EOF) || err.Error() != "asked: status 503: EOF" {
		t.Errorf("%v", err)
	}
}
