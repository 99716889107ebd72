package ops

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"runtime/debug"
	"time"
)

// console has the files of the operators' console. What a browser gets is what lies there.
//
//go:embed console
var console embed.FS

// consoleTypes are the content types of the console's files, by their extensions. The types of
// package mime depend on the machine.
//
//nolint:gochecknoglobals // a constant table
var consoleTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json",
}

// The values of headers of the console. Its files keep their names when they change, so that two
// versions of a host behind one load balancer can serve one page; a browser asks each time.
//
//nolint:gochecknoglobals // constants
var (
	revalidated   = []string{"no-cache"}
	consolePolicy = []string{"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
		"frame-ancestors 'none'; base-uri 'none'; form-action 'self'"}
)

// asset is a file of the console, and serves it to whoever is authenticated.
type asset struct {
	service     *service
	content     []byte
	contentType string
	etag        string
}

// addConsole adds the files of the console to the routes: index.html is the root.
func (h *Handler) addConsole() error {
	return fs.WalkDir(console, "console", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := console.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		a := asset{h.service, content, consoleTypes[path.Ext(name)], `"` + hex.EncodeToString(sum[:16]) + `"`}
		pattern := "GET /" + path.Base(name)
		if path.Base(name) == "index.html" {
			pattern = "GET /{$}"
		}
		h.mux.Handle(pattern, a)
		return nil
	})
}

// ServeHTTP implements http.Handler.
func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{service: a.service, w: w, r: r}
	if err := c.admit(); err != nil {
		c.problem(err).write(w)
		return
	}
	header := w.Header()
	header["Cache-Control"] = revalidated
	header["Content-Security-Policy"] = consolePolicy
	header.Set("Content-Type", a.contentType)
	header.Set("ETag", a.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}

// admit authenticates the caller. A panic of the host's function is an error.
func (c *call) admit() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return c.authenticate()
}
