package upload_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/ops/internal/upload"
	"github.com/cutover-go/cutover/task"
)

// file is a part with tenants.
type file struct{ name, kind, text string }

// body returns a body with the file, and its boundary.
func (f file) body(t *testing.T) (body io.Reader, boundary string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	header := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="tenants"`}}
	if f.name != "" {
		header.Set("Content-Disposition", fmt.Sprintf(`form-data; name="tenants"; filename=%q`, f.name))
	}
	if f.kind != "" {
		header.Set("Content-Type", f.kind)
	}
	part, err := w.CreatePart(header)
	if err == nil {
		_, err = io.WriteString(part, f.text)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return &b, w.Boundary()
}

// read reads the file, and returns its faults as "line field problem".
func (f file) read(t *testing.T) (upload.Upload, []string) {
	t.Helper()
	body, boundary := f.body(t)
	u, err := upload.Read(body, boundary, "plan", 1<<10)
	if err != nil {
		t.Fatal(err)
	}
	var faults []string
	for _, one := range u.Faults.List {
		faults = append(faults, fmt.Sprintf("%d %s %s", one.Line, one.Field, one.Problem))
	}
	return u, faults
}

// Whatever a file is called and typed, the same tenants come out of it.
func TestForms(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]file{
		"text":                         {"", "", "acme\nglobex\n"},
		"text without a last line end": {"", "", "acme\nglobex"},
		"text of another system":       {"list.txt", "text/plain; charset=utf-8", "\ufeffacme\r\nglobex\r\n"},
		"text with remarks":            {"list.txt", "", "# night\n\n  \n acme \n\t\n# more\nglobex\t\n\n"},
		"text with a header":           {"list", "", "tenantId\nacme\nglobex\n"},
		"CSV":                          {"list.csv", "text/csv", "id\nacme\nglobex\n"},
		"CSV without a header":         {"list.csv", "", "acme\nglobex\n"},
		"CSV of a spreadsheet":         {"LIST.CSV", "application/vnd.ms-excel", "\ufeffid;labels.region\r\n\"acme\";\r\nglobex;\r\n;\r\n"},
		"CSV that nobody calls so":     {"", "", "# who\n\"acme\"\nglobex\n"},
		"TSV":                          {"list.tsv", "", "labels.a\tID\tparameters.b\n\tacme\t\n\tglobex\t\n"},
		"NDJSON":                       {"list.ndjson", "", "{\"id\":\"acme\"}\n{\"id\":\"globex\"}\n"},
		"NDJSON of another name":       {"blob", "application/x-ndjson", "{\"id\":\"acme\",\"labels\":null}\r\n\r\n# and\r\n{\"id\":\"globex\"}"},
		"NDJSON that nobody calls so":  {"blob", "application/octet-stream", "\ufeff {\"id\":\"acme\"}\n{\"id\":\"globex\"}"},
	} {
		u, faults := f.read(t)
		if !u.Listed || faults != nil || !reflect.DeepEqual(u.Tenants.Tenants, []task.Tenant{{ID: "acme"}, {ID: "globex"}}) {
			t.Errorf("%s: %+v, faults %q", name, u.Tenants, faults)
		}
	}
}

// Labels and parameters come with CSV and NDJSON.
func TestLabelsAndParameters(t *testing.T) {
	t.Parallel()
	want := []task.Tenant{
		{ID: "a,b", Labels: map[string]string{"region": "eu"}, Parameters: map[string]string{"size": "3", "note": `say "hi"`}},
		{ID: "#c", Parameters: map[string]string{"size": "4"}},
	}
	for name, f := range map[string]file{
		"CSV":    {"a.csv", "", "labels.region, id, parameters.size, parameters.note\neu,\"a,b\",3,\"say \"\"hi\"\"\"\n,\"#c\",4,\n"},
		"NDJSON": {"a.jsonl", "", `{"id":"a,b","labels":{"region":"eu"},"parameters":{"size":"3","note":"say \"hi\""}}` + "\n" + `{"id":"#c","parameters":{"size":"4"}}`},
	} {
		u, faults := f.read(t)
		if faults != nil || !reflect.DeepEqual(u.Tenants.Tenants, want) || !slices.Equal(u.Tenants.Lines, []int32{2, 3}) && name == "CSV" {
			t.Errorf("%s: %+v, faults %q", name, u.Tenants, faults)
		}
	}
}

// Empty cells before a quoted one are cells, and ids may begin as an array does if the list has a
// name that says what it is.
func TestCellsThatLookLikeOthers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file
		want []task.Tenant
	}{
		"tabs":     {file{"a.tsv", "", "id\tlabels.a\tlabels.b\nacme\t\t\"x, y\"\n\"globex\"\t\tz\n"}, []task.Tenant{{ID: "acme", Labels: map[string]string{"b": "x, y"}}, {ID: "globex", Labels: map[string]string{"b": "z"}}}},
		"commas":   {file{"a.csv", "", "id,labels.a,labels.b\nacme, , \"x, y\"\n"}, []task.Tenant{{ID: "acme", Labels: map[string]string{"b": "x, y"}}}},
		"ids":      {file{"a.txt", "", "acme, inc.\n\tglobex; id\t\n"}, []task.Tenant{{ID: "acme, inc."}, {ID: "globex; id"}}},
		"brackets": {file{"a.txt", "", "[eu] acme\n[us] acme\n"}, []task.Tenant{{ID: "[eu] acme"}, {ID: "[us] acme"}}},
	} {
		if u, faults := tt.read(t); faults != nil || !reflect.DeepEqual(u.Tenants.Tenants, tt.want) {
			t.Errorf("%s: %+v, faults %q", name, u.Tenants, faults)
		}
	}
}

// Every fault is named with its line, and the first of two of the same tenant.
func TestFaults(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 129)
	for name, tt := range map[string]struct {
		file
		want []string
	}{
		"nothing":      {file{}, []string{"0 tenants has no tenants"}},
		"only remarks": {file{"", "", "# a\n\n"}, []string{"0 tenants has no tenants"}},
		"text":         {file{"", "text/plain", "a\n" + long + "\n\na\n\xff\nb\x00\nc\rd\na\n"}, []string{"2 tenants.id is 129 bytes, the limit is 128", `4 tenants.id is "a", which is in line 1 already`, "5 tenants is not UTF-8", "6 tenants has a control character", "7 tenants has a control character", `8 tenants.id is "a", which is in line 1 already`}},
		"UTF-16":       {file{"a.txt", "", "\xff\xfea\x00\n\x00b\x00"}, []string{"1 tenants is UTF-16, it must be UTF-8"}},
		"an endless line": {
			file{"", "", "a\n" + strings.Repeat("y", 3*upload.MaxLine) + "\nb\na\n" + strings.Repeat("z", upload.MaxLine+1)},
			[]string{"2 tenants is longer than 262144 bytes", `4 tenants.id is "a", which is in line 1 already`, "5 tenants is longer than 262144 bytes"},
		},
		"columns":         {file{"", "", "id,region,id,labels.,parameters.x,parameters.x\na,b\n"}, []string{`1 tenants has the column "region", which is none of id, labels.NAME and parameters.NAME`, `1 tenants has the column "id" twice`, `1 tenants has the column "labels.", which is none of id, labels.NAME and parameters.NAME`, `1 tenants has the column "parameters.x" twice`}},
		"no header":       {file{"", "", "acme,eu\nglobex,us\n"}, []string{"1 tenants has 2 cells, and is no header with the column id"}},
		"cells":           {file{"", "", "id,labels.x\na\nb,c,d\n,e\nf,\"g\n\"h\"i,\n"}, []string{"2 tenants has 1 cells, it must have 2", "3 tenants has 3 cells, it must have 2", "4 tenants.id is empty", `5 tenants is not CSV: extraneous or missing " in quoted-field`, `6 tenants is not CSV: extraneous or missing " in quoted-field`}},
		"a table as text": {file{"a.txt", "text/plain", "id\tlabels.x\r\nacme\teu\r\n"}, []string{"1 tenants is of a table; it must be called .csv or .tsv"}},
		"CSV as text":     {file{"a.txt", "", "labels.x; ID\neu;acme\n"}, []string{"1 tenants is of a table; it must be called .csv or .tsv"}},
		"cells as text":   {file{"", "text/plain", "a\nacme\teu\n"}, []string{"2 tenants is of a table; it must be called .csv or .tsv"}},
		"an array":        {file{"a.json", "", "[\n\"acme\",\n\"globex\"\n]\n"}, []string{"1 tenants begins as a JSON array; it must be text, CSV or a JSON object a line"}},
		"an array of one": {file{"", "application/json", `["acme"]`}, []string{"1 tenants begins as a JSON array; it must be text, CSV or a JSON object a line"}},
		"objects":         {file{"", "", `{"id":"a"}` + "\nb\n" + `{"id":"a"}` + "\n" + `{"ID":"c","labels":{"x":1}}` + "\n" + `{"id":""}` + "\n[]\n" + `{"id":"d"} {}`}, []string{"2 tenants is not JSON: invalid character 'b' looking for beginning of value, at byte 1", `3 tenants.id is "a", which is in line 1 already`, "4 tenants.ID is unknown", "4 tenants.labels.x is not a text", "5 tenants.id is empty", "6 tenants is not an object", "7 tenants is not JSON: invalid character '{' after top-level value, at byte 12"}},
		"many parameters": {file{"", "", `{"id":"a","labels":{"x":"` + strings.Repeat("v", 16<<10) + `"}}`}, []string{"1 tenants.labels are 16385 bytes, the limit is 16384"}},
	} {
		if u, got := tt.read(t); !slices.Equal(got, tt.want) || u.Faults.Total != len(tt.want) {
			t.Errorf("%s: %q\nwant %q", name, got, tt.want)
		}
	}
}

// A hundred faults are named, all are counted, and the tenants are not kept.
func TestManyFaults(t *testing.T) {
	t.Parallel()
	u, faults := file{text: "a\n" + strings.Repeat("a\n", 5000)}.read(t)
	if u.Faults.Total != 5000 || len(faults) != 100 || len(u.Tenants.Tenants) != 1 {
		t.Errorf("%d faults, %d named, %d tenants", u.Faults.Total, len(faults), len(u.Tenants.Tenants))
	}
}

// A list ends at the first tenant that a plan could not have.
func TestTooManyTenants(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range task.MaxPerPlan + 10 {
		b.WriteString(strconv.Itoa(i) + "\n")
	}
	u, faults := file{text: b.String()}.read(t)
	if !slices.Equal(faults, []string{"1000000 tenants is one more tenant than the limit of 999999"}) || len(u.Tenants.Tenants) != task.MaxPerPlan {
		t.Errorf("%d tenants, faults %q", len(u.Tenants.Tenants), faults)
	}
}

// endless is a list without an end, of which it counts what was read.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	e.read += len(b)
	if e.read > 64<<20 {
		return 0, io.ErrUnexpectedEOF
	}
	return len(b), nil
}

// What is read takes the memory of one line, however long that is. The test is not parallel: it
// counts what the process allocates.
func TestMemoryIsBounded(t *testing.T) {
	for _, start := range []string{"", "--b\r\nContent-Disposition: form-data; name=\"tenants\"\r\n\r\n"} {
		source := new(endless)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := upload.Read(io.MultiReader(strings.NewReader(start), source), "b", "plan", 1<<10)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Fatal("a list without an end was read")
		}
		allocated := after.TotalAlloc - before.TotalAlloc
		if allocated > 1<<20 {
			t.Errorf("%d bytes after %q", allocated, start)
		}
	}
}
