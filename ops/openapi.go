package ops

import (
	_ "embed"
	"encoding/json"
)

// openAPI describes the API in OpenAPI 3.1. It is written by hand; tests compare it with the
// routes, the codes and the types, and with every answer that tests get.
//
//go:embed openapi.json
var openAPI []byte

// describe answers with the description of the API.
func describe(*call) (answer, error) { return answer{body: json.RawMessage(openAPI)}, nil }
