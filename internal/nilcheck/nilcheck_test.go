package nilcheck_test

import (
	"io"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/internal/nilcheck"
)

func TestIsNil(t *testing.T) {
	t.Parallel()
	var pointer *strings.Reader
	var reader io.Reader = pointer
	for name, c := range map[string]struct {
		v    any
		want bool
	}{
		"nil":                             {nil, true},
		"a nil pointer":                   {pointer, true},
		"a nil pointer in an interface":   {reader, true},
		"a nil function":                  {(func())(nil), true},
		"a pointer":                       {strings.NewReader(""), false},
		"a function":                      {func() {}, false},
		"a struct":                        {struct{}{}, false},
		"zero":                            {0, false},
		"a nil map, which may be a value": {map[string]int(nil), false},
		"a nil slice":                     {[]int(nil), false},
	} {
		if got := nilcheck.IsNil(c.v); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
