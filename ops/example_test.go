package ops_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/store/memstore"
)

// A host mounts the API beside its own pages, and says who its callers are.
func Example() {
	move := executor.Func(func(context.Context, *executor.Run) error { return nil })
	engine, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{"MOVE": move}})
	if err != nil {
		fmt.Println(err)
		return
	}
	api, err := ops.New(engine, ops.Config{Authenticate: ops.AllowAll("ada")})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", http.StripPrefix("/api", api))
	server := httptest.NewServer(mux)
	defer server.Close()

	spec := `{"name": "to blue", "executorType": "MOVE", "tenantIds": ["tenant1", "tenant2"]}`
	answer, err := server.Client().Post(server.URL+"/api/plans", "application/json", strings.NewReader(spec)) //nolint:noctx // an example
	if err != nil {
		fmt.Println(err)
		return
	}
	body, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	document, _, _ := strings.Cut(string(body), `,"counters"`)
	fmt.Println(answer.StatusCode, answer.Header.Get("Location"))
	fmt.Println(document)
	// Output:
	// 201 plans/1
	// {"planId":1,"name":"to blue","executorType":"MOVE","state":"CREATED","taskCount":2
}

// The configuration names everything that is wrong with it.
func ExampleNew_invalid() {
	_, err := ops.New(nil, ops.Config{})
	fmt.Println(err)
	// Output:
	// ops: invalid configuration: the engine is nil; Authenticate is nil; AllowAll is for trials
}

// Callers who only look get the same documents, without a single action.
func ExampleReadOnly() {
	engine, err := cutover.New(memstore.New(), cutover.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	api, err := ops.New(engine, ops.Config{Authenticate: ops.ReadOnly(ops.AllowAll("eve"))})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/me", nil))
	fmt.Println(w.Body)
	// Output:
	// {"actor":"eve","actions":["view","viewData"],"version":1}
}
