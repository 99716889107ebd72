package executor

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, before, after, want string }{
		"no change":             {`{ "a":1, "new":2 }`, `{"a":1}`, `{"a":1}`, `{ "a":1, "new":2 }`},
		"changed":               {`{"a":1,"new":2}`, `{"a":1}`, `{"a":3}`, `{"new":2,"a":3}`},
		"added":                 {`{"new":2}`, `{}`, `{"a":3}`, `{"new":2,"a":3}`},
		"removed":               {`{"a":1,"new":2}`, `{"a":1}`, `{}`, `{"new":2}`},
		"in an object":          {`{"a":{"b":1,"new":2}}`, `{"a":{"b":1}}`, `{"a":{"b":3}}`, `{"a":{"new":2,"b":3}}`},
		"object removed":        {`{"a":{"b":1,"new":2}}`, `{"a":{"b":1}}`, `{"a":null}`, `{"a":null}`},
		"list grown":            {`{"a":[{"b":1,"new":2}]}`, `{"a":[{"b":1}]}`, `{"a":[{"b":1},{"b":3}]}`, `{"a":[{"b":1,"new":2},{"b":3}]}`},
		"list cut":              {`{"a":[{"n":1},{"n":2}]}`, `{"a":[{},{}]}`, `{"a":[{}]}`, `{"a":[{"n":1}]}`},
		"list, element changed": {`{"a":[{"b":1,"new":2}]}`, `{"a":[{"b":1}]}`, `{"a":[{"b":3}]}`, `{"a":[{"b":3}]}`},
		"list of another size":  {`{"a":[1,2,3]}`, `{"a":[1,2]}`, `{"a":[1,3]}`, `{"a":[1,3]}`},
		"list from null":        {`{"a":null}`, `{"a":null}`, `{"a":[1]}`, `{"a":[1]}`},
		"another case":          {`{"TENANT":"x","new":1}`, `{"tenant":"x"}`, `{"tenant":"y"}`, `{"new":1,"tenant":"y"}`},
		"Kelvin":                {"{\"\u212a\":\"x\"}", `{"k":"x"}`, `{"k":"y"}`, `{"k":"y"}`},
		"twice":                 {`{"a":{"n":1},"a":{"n":2},"b":1}`, `{"a":{},"b":1}`, `{"a":{"c":1},"b":1}`, `{"a":{"n":2,"c":1},"b":1}`},
		"names to escape":       {`{"<\"":1,"a":1}`, `{"a":1}`, `{"a":2}`, `{"\u003c\"":1,"a":2}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := merge(json.RawMessage(c.old), json.RawMessage(c.before), json.RawMessage(c.after))
			if string(got) != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if !json.Valid(got) {
				t.Error("it is no JSON")
			}
		})
	}
}

// FuzzMerge checks that a change takes effect and preserves unknown members, whatever else is in
// the state.
func FuzzMerge(f *testing.F) {
	f.Add([]byte(`{"tenant":"acme","unknown":{"a":1}}`), "x", 3)
	f.Add([]byte(`{"TENANT":"acme","extra":{"A":1,"a":2},"weight":5}`), "", 0)
	f.Add([]byte(`{"extra":{"a":[{"b":1}]},"":null}`), "y", 1)
	f.Fuzz(func(t *testing.T, data []byte, tenant string, weight int) {
		k, err := keep[fuzzState](data)
		if err != nil || !utf8.ValidString(tenant) {
			return
		}
		changed, err := k.change(func(s *fuzzState) error {
			s.Tenant, s.Weight = tenant, weight
			s.Extra = map[string]any{"a": float64(weight)}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s, err := changed.decode()
		if err != nil || s.Tenant != tenant || s.Weight != weight || len(s.Extra) != 1 || s.Extra["a"] != float64(weight) {
			t.Fatalf("%s became %s, which is %+v, %v", k.raw, changed.raw, s, err)
		}
		before, _ := membersOf(k.raw)
		after, _ := membersOf(changed.raw)
		names := indexOf(after)
		for _, m := range before {
			if !names.folded[fold(m.name)] && fold(m.name) != "TENANT" && fold(m.name) != "WEIGHT" && fold(m.name) != "EXTRA" {
				t.Fatalf("%s became %s without %q", k.raw, changed.raw, m.name)
			}
		}
	})
}
