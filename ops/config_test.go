package ops_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops"
)

func TestNewNamesEveryFault(t *testing.T) {
	t.Parallel()
	var none *cutover.Engine
	for _, e := range []ops.Engine{nil, none} {
		_, err := ops.New(e, ops.Config{MaxBody: 1, MaxUpload: 2 << 30, TrustedOrigins: []string{"https://ops.example", "ops.example"}})
		var invalid *ops.InvalidError
		if !errors.As(err, &invalid) || !errors.Is(err, ops.ErrInvalid) {
			t.Fatal(err)
		}
		want := []string{
			"the engine is nil", "Authenticate is nil; AllowAll is for trials", "MaxBody is 1, it must be from 1024 to 1073741824",
			"MaxUpload is 2147483648, it must be from 1024 to 1073741824",
			`TrustedOrigins[1]: invalid origin "ops.example": scheme is required`,
		}
		if !slices.Equal(invalid.Faults, want) {
			t.Errorf("%q\nwant %q", invalid.Faults, want)
		}
	}
}
