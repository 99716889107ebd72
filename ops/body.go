package ops

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"time"

	"github.com/cutover-go/cutover/ops/internal/strictjson"
	"github.com/cutover-go/cutover/ops/internal/wire"
)

// bodyTimeout is how long a client may take to send a body.
const bodyTimeout = 30 * time.Second

// read reads the body into c.body. A body needs the content type of JSON; no body needs none.
func (c *call) read() error {
	if c.r.ContentLength == 0 {
		return nil
	}
	// A deadline that was missed stays: the server reads what is left of the body, too.
	deadline := http.NewResponseController(c.w)
	_ = deadline.SetReadDeadline(time.Now().Add(c.bodyTimeout)) // not every server has one
	kind, parameters, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	typed := err == nil && kind == "application/json" && (parameters["charset"] == "" || parameters["charset"] == "utf-8")
	if !typed && c.r.ContentLength > 0 {
		return newProblem(codeMediaType)
	}
	c.body, err = io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, c.cfg.MaxBody))
	if err != nil {
		return unread(err)
	}
	_ = deadline.SetReadDeadline(time.Time{})
	if !typed && len(c.body) > 0 {
		return newProblem(codeMediaType)
	}
	return nil
}

// unread returns the problem of a body that could not be read.
func unread(err error) *problem {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		p := newProblem(codeTooLarge)
		p.Params = map[string]any{"limit": tooLarge.Limit}
		return p
	case errors.Is(err, os.ErrDeadlineExceeded):
		return newProblem(codeSlow)
	}
	return newProblem(codeUnreadable)
}

// decode reads the body into what v points to, and returns the faults of the request. Tenants may
// be uploaded if v is a roster. A query is a fault: whoever asks for a dry run there means it.
func (c *call) decode(v any) (*faults, error) {
	f, err := c.decodeBody(v)
	if err == nil && c.r.URL.RawQuery != "" {
		f.add("", "has a query; what it says must be in the body")
	}
	return f, err
}

func (c *call) decodeBody(v any) (*faults, error) {
	if v, is := v.(roster); is {
		if kind, parameters, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); kind == "multipart/form-data" {
			return c.upload(v, parameters["boundary"])
		}
	}
	if err := c.read(); err != nil {
		return nil, err
	}
	found, total := strictjson.Decode(c.body, v)
	f := &faults{total: total}
	for _, one := range found {
		f.list = append(f.list, wire.Fault{Field: one.Field, Problem: one.Problem})
	}
	if total == 1 && found[0].Field == "" {
		return nil, faulty(codeMalformed, 1, f.list...)
	}
	return f, nil
}

// faults are the faults of a request.
type faults struct {
	list  []wire.Fault
	total int
}

// add adds a fault.
func (f *faults) add(field, problem string) { f.append(1, wire.Fault{Field: field, Problem: problem}) }

// append adds the first of total faults. Like all lists of faults f names the first
// strictjson.MaxFaults.
func (f *faults) append(total int, first ...wire.Fault) {
	f.total += total
	f.list = append(f.list, first[:min(len(first), strictjson.MaxFaults-len(f.list))]...)
}

// err returns the problem of the faults, nil if there are none.
func (f *faults) err() error {
	if f.total == 0 {
		return nil
	}
	return faulty(codeInvalid, f.total, f.list...)
}
