package openapi_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// root is the main module, where the description and the tests are.
const root = "../.."

// description is the description of the API, with closed members, and the routes that it has.
type description struct {
	*openapi3.T
	routers.Router
}

// describe reads the description, which has to be valid.
func describe(t *testing.T) description {
	t.Helper()
	text, err := os.ReadFile(root + "/ops/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, text); err != nil {
		t.Fatalf("the description is not valid: %v", err)
	}
	closed, err := load(t, closeMembers(t, text))
	if err != nil {
		t.Fatalf("the closed description is not valid: %v", err)
	}
	closed.Servers = nil
	router, err := gorillamux.NewRouter(closed)
	if err != nil {
		t.Fatal(err)
	}
	return description{closed, router}
}

func load(t *testing.T, text []byte) (*openapi3.T, error) {
	t.Helper()
	d, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	return d, d.Validate(t.Context())
}

// closeMembers returns the description with members closed: an object has none that is not
// described. Schemas whose names end in Fields are parts of others, and stay open.
func closeMembers(t *testing.T, text []byte) []byte {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	schemas := d["components"].(map[string]any)["schemas"].(map[string]any)
	for name, s := range schemas {
		s := s.(map[string]any)
		if !strings.HasSuffix(name, "Fields") && (s["properties"] != nil || s["allOf"] != nil) {
			s["unevaluatedProperties"] = false
		}
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
