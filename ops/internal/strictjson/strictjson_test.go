package strictjson_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/ops/internal/strictjson"
)

type document struct {
	Name  string            `json:"name"`
	Count int               `json:"count"`
	Yes   bool              `json:"yes"`
	Maybe *bool             `json:"maybe"`
	Words []string          `json:"words"`
	Pairs map[string]string `json:"pairs"`
	Parts []part            `json:"parts"`
	One   *part             `json:"one,omitempty"`
	At    time.Time         `json:"at"`
	Kept  string            // not a member
}

type part struct {
	ID string `json:"id"`
}

func TestDecode(t *testing.T) {
	t.Parallel()
	yes := true
	for text, want := range map[string]document{
		``:     {},
		`{}`:   {},
		`null`: {},
		` {"name": "a\u00e4\"\ufffd\n", "count": -3, "yes": true, "maybe": true} `: {Name: "aä\"\ufffd\n", Count: -3, Yes: true, Maybe: &yes},
		`{"words":["a","b\n",""],"pairs":{"k":"v","":"w"}}`:                        {Words: []string{"a", "b\n", ""}, Pairs: map[string]string{"k": "v", "": "w"}},
		`{"words":[],"pairs":{},"parts":[{"id":"x"},{}],"one":{"id":"y"}}`:         {Words: []string{}, Pairs: map[string]string{}, Parts: []part{{"x"}, {}}, One: &part{"y"}},
		`{"name":null,"maybe":null,"words":null,"pairs":null,"one":null}`:          {},
		`{"at":"2026-01-02T03:04:05Z"}`:                                            {At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
	} {
		var got document
		if faults, total := strictjson.Decode([]byte(text), &got); total != 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %+v with %v", text, got, faults)
		}
	}
}

func TestDecodeNamesEveryFault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{"nam":1,"Name":"x","NAME":"y","Kept":"z","":0}`: {"nam is unknown", "Name is unknown", "NAME is unknown", "Kept is unknown", `"" is unknown`},
		`{"name":"a","name":"b"}`:                         {"name is given twice"},
		`{"pairs":{"k":"v","k":"w","n":1}}`:               {"pairs.k is given twice", "pairs.n is not a text"},
		`{"name":1,"count":"x","yes":"true","maybe":0}`: {
			"name is not a text", "count is not a whole number from -9223372036854775808 to 9223372036854775807", "yes is neither true nor false", "maybe is neither true nor false",
		},
		`{"count":1.5}`:                              {"count is not a whole number from -9223372036854775808 to 9223372036854775807"},
		`{"count":9223372036854775808}`:              {"count is not a whole number from -9223372036854775808 to 9223372036854775807"},
		`{"words":["a",null,2,{}],"parts":[1,[]]}`:   {"words[1] is null", "words[2] is not a text", "words[3] is not a text", "parts[0] is not an object", "parts[1] is not an object"},
		`{"words":{},"pairs":[],"parts":{},"one":1}`: {"words is not a list", "pairs is not an object", "parts is not a list", "one is not an object"},
		`{"parts":[{"id":"x","ib":1},{"id":2}]}`:     {"parts[0].ib is unknown", "parts[1].id is not a text"},
		`{"name":"\ud800"}`:                          {"name has half of a surrogate pair"},
		`{"words":["\ud800x"]}`:                      {"words[0] has half of a surrogate pair"},
		`[]`:                                         {" is not an object"},
		`"x"`:                                        {" is not an object"},
		`{"name":"a"`:                                {" is not JSON: unexpected end of JSON input, at byte 11"},
		`{"name":"a"} x`:                             {" is not JSON: invalid character 'x' after top-level value, at byte 14"},
		"{\"name\":\"\xff\"}":                        {" is not UTF-8"},
	} {
		var got document
		faults, total := strictjson.Decode([]byte(text), &got)
		var found []string
		for _, f := range faults {
			found = append(found, f.Field+" "+f.Problem)
		}
		if !slices.Equal(found, want) || total != len(want) {
			t.Errorf("%s: %d faults %q\nwant %q", text, total, found, want)
		}
	}
}

// A value without a fault is read although others have one.
func TestDecodeReadsTheRest(t *testing.T) {
	t.Parallel()
	var got document
	if _, total := strictjson.Decode([]byte(`{"x":1,"name":"a","count":"b","words":["c"]}`), &got); total != 2 || got.Name != "a" || got.Words[0] != "c" {
		t.Errorf("%+v with %d faults", got, total)
	}
}

func TestFaultsAreBounded(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, `%s"%s%d":0`, []string{",", ""}[b(i == 0)], strings.Repeat("x", 1000), i)
	}
	var got document
	faults, total := strictjson.Decode([]byte("{"+many.String()+"}"), &got)
	if len(faults) != strictjson.MaxFaults || total != 1000 || len(faults[0].Field) > 64 {
		t.Errorf("%d of %d faults are named, the first %+v", len(faults), total, faults[0])
	}
	if faults, total := strictjson.Decode([]byte(strings.Repeat("[", 1<<20)), &got); total != 1 || len(faults[0].Problem) > 100 {
		t.Errorf("deep nesting: %.200v", faults)
	}
}

func b(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// FuzzDecode checks that what is read without a fault is what encoding/json reads, and that
// whatever is refused has a reason.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{"", "{}", `{"name":"\ud800","parts":[{"id":"x"}],"pairs":{"":""}}`, `{"name":1,"x":[[]]}`, `{"at":"x","maybe":null}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var got, want document
		faults, total := strictjson.Decode(text, &got)
		if (total == 0) != (len(faults) == 0) {
			t.Fatalf("%d faults, named %v", total, faults)
		}
		if total > 0 || len(text) == 0 {
			return
		}
		if err := json.Unmarshal(text, &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %+v, encoding/json has %+v: %v", text, got, want, err)
		}
	})
}
