package openapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Every answer is one that the description has: its status, its headers, and each of its members;
// so is every request that was accepted. And the tests have seen an answer of each operation.
func TestAnswersAreAsDescribed(t *testing.T) {
	d := describe(t)
	succeeded, seen := make(map[string]bool), 0
	for _, e := range exchanges(t) {
		operation, err := d.compare(t.Context(), &e)
		if err != nil {
			t.Errorf("%s: %s %s?%s %.500s\nanswers %d %.1000s\n%v", e.Test, e.Method, e.Path, e.Query, e.RequestBody, e.Status, e.Body, err)
		}
		if operation != "" {
			seen++
			succeeded[operation] = succeeded[operation] || e.Status < 300
		}
	}
	for _, operation := range d.operations() {
		if !succeeded[operation] {
			t.Errorf("no test has seen a success of %s", operation)
		}
	}
	if t.Logf("%d different exchanges", seen); seen < 1000 {
		t.Errorf("only %d exchanges were compared", seen)
	}
}

// A description that says less, or something else, is noticed.
func TestLiesAreNoticed(t *testing.T) {
	d := describe(t)
	const problem = `{"title":"x","status":404,"code":"NOT_FOUND"}`
	true200 := exchange{Method: "GET", Path: "/health", Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: `{"status":"ok"}`}
	true404 := exchange{Method: "GET", Path: "/plans/7", Status: 404, Header: http.Header{"Content-Type": {"application/problem+json"}}, Body: problem}
	for _, e := range []exchange{true200, true404} {
		if _, err := d.compare(t.Context(), &e); err != nil {
			t.Errorf("%s: %v", e.Body, err)
		}
	}
	for name, lie := range map[string]func() exchange{
		"another member":      func() exchange { e := true200; e.Body = `{"status":"ok","more":1}`; return e },
		"a member is missing": func() exchange { e := true200; e.Body = `{}`; return e },
		"another word":        func() exchange { e := true200; e.Body = `{"status":"fine"}`; return e },
		"another status":      func() exchange { e := true200; e.Status = 202; return e },
		"another type":        func() exchange { e := true200; e.Header = http.Header{"Content-Type": {"text/plain"}}; return e },
		"a code of a status": func() exchange {
			e := true404
			e.Body = strings.ReplaceAll(problem, "NOT_FOUND", "FORBIDDEN")
			return e
		},
		"another status in it": func() exchange { e := true404; e.Body = strings.ReplaceAll(problem, "404", "403"); return e },
		"a path that is not":   func() exchange { e := true200; e.Path = "/nothing"; return e },
	} {
		e := lie()
		if _, err := d.compare(t.Context(), &e); err == nil {
			t.Errorf("%s is not noticed", name)
		}
	}
}

// operations returns all operations.
func (d description) operations() (list []string) {
	for _, path := range d.Paths.Map() {
		for _, o := range path.Operations() {
			list = append(list, o.OperationID)
		}
	}
	slices.Sort(list)
	return list
}

// compare returns an error if an exchange is not as it is described. operation is empty if its path
// is none of the API.
func (d description) compare(ctx context.Context, e *exchange) (operation string, err error) {
	r, err := e.request(ctx)
	if err != nil {
		return "", err
	}
	route, parameters, err := d.FindRoute(r)
	switch {
	case errors.Is(err, routers.ErrPathNotFound), errors.Is(err, routers.ErrMethodNotAllowed):
		return "", e.outside()
	case err != nil:
		return "", err
	case e.Status == http.StatusNotFound && !strings.HasPrefix(e.Path, "/plans/") && !strings.HasPrefix(e.Path, "/tasks/"):
		return "", e.outside()
	}
	request := &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route, Options: options()}
	// The validator knows no lists of lines; that there is such a body is all that is compared.
	form := strings.HasPrefix(e.RequestHeader.Get("Content-Type"), "multipart/form-data") && route.Operation.RequestBody != nil &&
		route.Operation.RequestBody.Value.Content.Get("multipart/form-data") != nil
	request.Options.ExcludeRequestBody = form
	if e.Status < 300 {
		if err := openapi3filter.ValidateRequest(ctx, request); err != nil {
			return "", fmt.Errorf("the request that was accepted: %w", err)
		}
	}
	if err := e.typed(); err != nil {
		return "", err
	}
	response := &openapi3filter.ResponseValidationInput{RequestValidationInput: request, Status: e.Status, Header: e.Header, Options: options()}
	response.SetBodyBytes([]byte(e.Body))
	// Messages of streams are compared one by one.
	response.Options.ExcludeResponseBody = e.Method == http.MethodHead || e.streams()
	err = openapi3filter.ValidateResponse(ctx, response)
	if err == nil && e.streams() {
		err = errors.Join(d.messages(e), d.lines(e))
	}
	return route.Operation.OperationID, err
}

func options() *openapi3filter.Options {
	return &openapi3filter.Options{IncludeResponseStatus: true, RejectWhenRequestBodyNotSpecified: true, SkipSettingDefaults: true}
}

// request returns the request. What is asked with HEAD is described with GET.
func (e *exchange) request(ctx context.Context) (*http.Request, error) {
	method := e.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://host", strings.NewReader(withoutNulls(e.RequestBody)))
	if err != nil {
		return nil, err
	}
	r.URL.Path, err = url.PathUnescape(e.Path)
	r.URL.RawPath, r.URL.RawQuery, r.Header = e.Path, e.Query, maps.Clone(e.RequestHeader)
	if e.RequestBody == "" {
		r.Body = nil
	}
	return r, err
}

// withoutNulls returns a body without the members that are null, which are as good as left out.
func withoutNulls(body string) string {
	var document any
	if json.Unmarshal([]byte(body), &document) != nil {
		return body
	}
	dropNulls(document)
	text, err := json.Marshal(document)
	if err != nil {
		return body
	}
	return string(text)
}

func dropNulls(v any) {
	switch v := v.(type) {
	case map[string]any:
		maps.DeleteFunc(v, func(_ string, member any) bool { return member == nil })
		for _, member := range v {
			dropNulls(member)
		}
	case []any:
		for _, one := range v {
			dropNulls(one)
		}
	}
}

// outside returns an error unless the exchange is the refusal of a path or method that is none of
// the API, or a file of the console.
func (e *exchange) outside() error {
	problem := strings.HasPrefix(e.Header.Get("Content-Type"), "application/problem+json")
	switch e.Status {
	case http.StatusOK, http.StatusNotModified, http.StatusPartialContent, http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		if e.Header.Get("Etag") != "" {
			return nil
		}
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnauthorized, http.StatusInternalServerError:
		if problem {
			return nil
		}
	}
	return errors.New("the path or the method is not described")
}

// typed returns an error if the content type is none of the API.
func (e *exchange) typed() error {
	switch kind := e.Header.Get("Content-Type"); {
	case kind == "application/json" && e.Status < 300, kind == "application/problem+json" && e.Status >= 400, e.streams():
		return nil
	default:
		return fmt.Errorf("a content type of %q", kind)
	}
}

// streams reports whether the answer is a stream, whose parts have schemas.
func (e *exchange) streams() bool {
	return slices.Contains([]string{"text/event-stream", "application/x-ndjson"}, e.Header.Get("Content-Type"))
}

// lines compares the lines of an export with their schema.
func (d description) lines(e *exchange) error {
	if e.Header.Get("Content-Type") != "application/x-ndjson" {
		return nil
	}
	for text := range strings.Lines(e.Body) {
		if err := d.fits(text, "ExportLine"); err != nil {
			return err
		}
	}
	return nil
}

// fits compares a document with a schema.
func (d description) fits(text, schema string) error {
	var document any
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	s := d.Components.Schemas[schema]
	if s == nil {
		return fmt.Errorf("there is no schema %q for %s", schema, text)
	}
	if err := s.Value.VisitJSON(document, openapi3.EnableJSONSchema2020()); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	return nil
}

// messages compares the messages of a stream with their schemas.
func (d description) messages(e *exchange) error {
	if e.Header.Get("Content-Type") != "text/event-stream" {
		return nil
	}
	for text := range strings.SplitSeq(e.Body, "\n\n") {
		var event, data string
		for line := range strings.SplitSeq(text, "\n") {
			if name, is := strings.CutPrefix(line, "event: "); is {
				event = name
			}
			if document, is := strings.CutPrefix(line, "data: "); is {
				data = document
			}
		}
		if event == "" {
			continue
		}
		err := d.fits(data, map[string]string{
			"ping": "StreamPing", "plan": "Plan", "events": "StreamEvents", "list": "StreamList", "reset": "StreamReset", "away": "StreamAway",
		}[event])
		if err != nil {
			return err
		}
	}
	return nil
}
