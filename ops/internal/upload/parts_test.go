package upload_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/ops/internal/upload"
)

// parts returns a body; each part is a name and a text.
func parts(list ...string) string {
	var b strings.Builder
	for i := 0; i < len(list); i += 2 {
		b.WriteString("--b\r\nContent-Disposition: form-data; name=\"" + list[i] + "\"\r\n\r\n" + list[i+1] + "\r\n")
	}
	return b.String() + "--b--\r\n"
}

func read(body string) (upload.Upload, error) {
	return upload.Read(strings.NewReader(body), "b", "plan", 100)
}

// The order of the parts does not matter, and what they have alone decides on the digest.
func TestParts(t *testing.T) {
	t.Parallel()
	digests := map[string]bool{}
	for _, body := range []string{
		parts("plan", `{"name":"n"}`, "tenants", "a\nb"), parts("tenants", "a\nb", "plan", `{"name":"n"}`),
		"a preamble\r\n" + parts("plan", "\ufeff"+`{"name":"n"}`, "tenants", "a\nb") + "an epilogue",
	} {
		u, err := read(body)
		if err != nil || u.Faults.Total > 0 || string(u.Document) != `{"name":"n"}` || len(u.Tenants.Tenants) != 2 {
			t.Errorf("%q: %+v, %v", body, u, err)
		}
		digests[u.Digest] = true
	}
	if len(digests) != 1 {
		t.Errorf("digests %v", digests)
	}
	for _, body := range []string{
		parts("plan", `{"name":"m"}`, "tenants", "a\nb"), parts("plan", `{"name":"n"}`, "tenants", "a\nc"), parts("tenants", "a\nb"), parts("plan", `{"name":"n"}`),
	} {
		u, err := read(body)
		if digests[u.Digest] || err != nil {
			t.Errorf("%q has a digest of another: %v", body, err)
		}
		digests[u.Digest] = true
	}
}

// Parts that nobody asked for are faults, and end the reading when there are many.
func TestPartsThatAreWrong(t *testing.T) {
	t.Parallel()
	many := slices.Repeat([]string{"x", ""}, 1000)
	for name, tt := range map[string]struct {
		body string
		want []string
	}{
		"unknown ones": {parts("file", "a", "", "b", "Tenants", "c"), []string{"file is a part that is not known", `"" is a part that is not known`, "Tenants is a part that is not known"}},
		"two lists":    {parts("tenants", "a", "tenants", "b"), []string{"tenants is given twice"}},
		"two plans":    {parts("plan", "{}", "plan", "{}"), []string{"plan is given twice"}},
		"a long name":  {parts(strings.Repeat("n", 99), ""), []string{strings.Repeat("n", 64) + " is a part that is not known"}},
		"many":         {parts(many...), append(slices.Repeat([]string{"x is a part that is not known"}, 16), " has too many parts")},
	} {
		u, err := read(tt.body)
		var got []string
		for _, f := range u.Faults.List {
			got = append(got, f.Field+" "+f.Problem)
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// A body that breaks off anywhere is an error, and never a shorter list.
func TestBodiesThatBreakOff(t *testing.T) {
	t.Parallel()
	whole := parts("plan", `{"name":"n"}`, "tenants", "a\nb\nc\nd")
	for end := range len(whole) - len("\r\n") {
		if u, err := read(whole[:end]); err == nil {
			t.Errorf("%q is read as %+v", whole[:end], u)
		}
	}
	if _, err := read(whole[:len(whole)-2]); err != nil { // the last line needs no end
		t.Error(err)
	}
	var tooLarge *upload.TooLargeError
	if _, err := read(parts("plan", strings.Repeat(" ", 101))); !errors.As(err, &tooLarge) || tooLarge.Limit != 100 {
		t.Error(err)
	}
	if _, err := upload.Read(io.MultiReader(strings.NewReader(whole[:99]), broken{}), "b", "plan", 100); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }
