package ops

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
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
	".svg":  "image/svg+xml",
}

// consoleIcon is what a browser shows beside the console's title. A page that names none is asked
// for /favicon.ico of its host.
const consoleIcon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M2 8h8M7 4l4 4-4 4M14 2v12" fill="none" stroke="#3b82f6" stroke-width="2"/></svg>`

// The values of headers of the console. Its files keep their names when they change, so that two
// versions of a host behind one load balancer can serve one page; a browser asks each time.
//
//nolint:gochecknoglobals // constants
var (
	revalidated   = []string{"no-cache"}
	consolePolicy = []string{"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
		"frame-ancestors 'none'; base-uri 'none'; form-action 'self'"}
)

// consoleFile is a file of the console, as it is sent.
type consoleFile struct {
	pattern       string
	content       []byte
	compressed    []byte
	contentType   string
	etag, gzipTag string
}

// consoleFiles returns the files of the console. They are read and compressed once per process.
//
//nolint:gochecknoglobals // a constant
var consoleFiles = sync.OnceValues(func() (files []consoleFile, err error) {
	err = fs.WalkDir(console, "console", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := console.ReadFile(name)
		if err != nil {
			return err
		}
		f, err := newConsoleFile(name, content)
		files = append(files, f)
		return err
	})
	icon, failed := newConsoleFile("icon.svg", []byte(consoleIcon))
	return append(files, icon), errors.Join(err, failed)
})

// newConsoleFile returns a file of the console; index.html is the root.
func newConsoleFile(name string, content []byte) (f consoleFile, err error) {
	f.contentType, f.content = consoleTypes[path.Ext(name)], content
	if f.compressed, err = compress(f.content); err != nil {
		return f, err
	}
	sum := sha256.Sum256(f.content)
	digest := hex.EncodeToString(sum[:16])
	f.etag, f.gzipTag = `"`+digest+`"`, `"`+digest+`-gzip"`
	f.pattern = "GET /" + path.Base(name)
	if path.Base(name) == "index.html" {
		f.pattern = "GET /{$}"
	}
	return f, nil
}

// addConsole adds the files of the console to the routes.
func (h *Handler) addConsole() error {
	files, err := consoleFiles()
	for i := range files {
		h.mux.Handle(files[i].pattern, asset{h.service, &files[i]})
	}
	return err
}

// asset serves a file of the console to whoever is authenticated.
type asset struct {
	service *service
	*consoleFile
}

// compress returns the content with gzip.
func compress(content []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	err := w.Close()
	return b.Bytes(), err
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
	header.Set("Vary", "Accept-Encoding")
	content, tag := a.content, a.etag
	if acceptsGzip(r) {
		content, tag = a.compressed, a.gzipTag
		header.Set("Content-Encoding", "gzip")
	}
	header.Set("ETag", tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// acceptsGzip reports whether the client has asked for gzip.
func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, weighed := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";")
		if strings.EqualFold(name, "gzip") && (!weighed || strings.Trim(strings.TrimPrefix(quality, "q="), "0.") != "") {
			return true
		}
	}
	return false
}

// admit authenticates the caller. A panic of the host's function is an error.
func (c *call) admit() (err error) {
	defer recovered(&err)
	return c.authenticate()
}
