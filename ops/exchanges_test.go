package ops_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
)

// exchange is a request with its answer. The module tests/openapi compares all exchanges of the
// tests here with the description of the API.
type exchange struct {
	Test, Method, Path, Query string
	RequestHeader, Header     http.Header
	RequestBody, Body         string
	Status                    int
}

// exchanges is the file to which exchanges are written, nil if nobody has asked for it.
//
//nolint:gochecknoglobals // one file for all tests
var exchanges = sync.OnceValue(func() *os.File {
	name := os.Getenv("CUTOVER_OPS_EXCHANGES")
	if name == "" {
		return nil
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	return file
})

// maxExchange is how many bytes of a body are kept; larger ones are not written.
const maxExchange = 1 << 18

// observed returns a handler, and has its exchanges written if somebody has asked for that.
func observed(t *testing.T, h http.Handler) http.Handler {
	t.Helper()
	file := exchanges()
	if file == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked copied
		if r.Body != nil {
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.TeeReader(r.Body, &asked), r.Body}
		}
		answered := &copier{ResponseWriter: w}
		h.ServeHTTP(answered, r)
		if asked.size > maxExchange || answered.body.size > maxExchange {
			return
		}
		line, err := json.Marshal(exchange{
			Test: t.Name(), Method: r.Method, Path: strings.TrimPrefix(r.URL.EscapedPath(), "/api"), Query: r.URL.RawQuery,
			RequestHeader: r.Header, Header: w.Header(), RequestBody: asked.String(), Body: answered.body.String(), Status: answered.status,
		})
		if err != nil {
			t.Error(err)
		}
		if _, err := file.Write(append(line, '\n')); err != nil {
			t.Error(err)
		}
	})
}

// copied keeps the beginning of what is written.
type copied struct {
	bytes.Buffer
	size int
}

func (c *copied) Write(b []byte) (int, error) {
	if c.size += len(b); c.size <= maxExchange {
		return c.Buffer.Write(b)
	}
	return len(b), nil
}

// copier keeps an answer.
type copier struct {
	http.ResponseWriter
	status int
	body   copied
}

func (c *copier) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *copier) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *copier) Write(b []byte) (int, error) {
	_, _ = c.body.Write(b) // it never fails
	return c.ResponseWriter.Write(b)
}
