package ops

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/cutover-go/cutover/ops/internal/strictjson"
	"github.com/cutover-go/cutover/ops/internal/upload"
	"github.com/cutover-go/cutover/ops/internal/wire"
)

// roster is a body into which tenants can be uploaded.
type roster interface {
	// Part is the name of the part that has the rest of the body as JSON.
	Part() string
	// Upload takes the tenants. It reports whether the body had others before.
	Upload(*wire.Uploaded) (others bool)
}

// upload reads a body of parts into v, and returns the faults of all of them.
func (c *call) upload(v roster, boundary string) (*faults, error) {
	if boundary == "" {
		return nil, faulty(codeInvalid, 1, wire.Fault{Field: "Content-Type", Problem: "has no boundary"})
	}
	if c.uploading = c.uploads.take(); !c.uploading {
		return nil, busy(codeUploads)
	}
	if c.r.ContentLength > c.cfg.MaxUpload {
		return nil, unread(&http.MaxBytesError{Limit: c.cfg.MaxUpload})
	}
	body := newPaced(c)
	u, err := upload.Read(body, boundary, v.Part(), c.cfg.MaxBody)
	var tooLarge *upload.TooLargeError
	switch {
	case errors.As(err, &tooLarge):
		return nil, unread(&http.MaxBytesError{Limit: tooLarge.Limit})
	case err != nil:
		return nil, unread(err)
	}
	body.end()
	c.body = []byte(u.Digest)
	return uploaded(v, &u), nil
}

// uploaded hands what was read to v, and returns the faults.
func uploaded(v roster, u *upload.Upload) *faults {
	f := new(faults)
	found, total := strictjson.Decode(u.Document, v)
	for _, one := range found {
		if one.Field == "" {
			one.Field = v.Part()
		}
		f.append(1, wire.Fault{Field: one.Field, Problem: one.Problem})
	}
	f.total += total - len(found)
	if v.Upload(&u.Tenants) {
		f.add(v.Part(), "has tenants, which are in the part "+upload.Tenants)
	}
	if _, is := v.(*wire.Spec); is && u.Document == nil {
		f.add(v.Part(), "is missing")
	}
	if !u.Listed {
		f.add(upload.Tenants, "is missing")
	}
	f.append(u.Faults.Total, u.Faults.List...)
	return f
}

// A client may take bodyTimeout for an upload, and a second more for every uploadRate bytes.
const uploadRate = 64 << 10

// paced is the body of an upload. It ends with the request's context, and if it comes too slowly.
type paced struct {
	io.Reader
	ctx      context.Context //nolint:containedctx // it lives as long as the request
	deadline *http.ResponseController
	begun    time.Time
	limit    time.Duration
	// read is the number of bytes so far; after next the deadline is due to be moved.
	read, next int64
}

func newPaced(c *call) *paced {
	return &paced{
		Reader: http.MaxBytesReader(c.w, c.r.Body, c.cfg.MaxUpload), ctx: c.r.Context(), deadline: http.NewResponseController(c.w),
		begun: time.Now(), limit: c.bodyTimeout,
	}
}

func (p *paced) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	if p.read >= p.next {
		more := time.Duration(p.read) * time.Second / uploadRate
		_ = p.deadline.SetReadDeadline(p.begun.Add(p.limit + more)) // not every server has one
		p.next = p.read + uploadRate
	}
	n, err := p.Reader.Read(b)
	p.read += int64(n)
	return n, err
}

// end takes the deadline away. One that was missed stays: the server reads what is left of the
// body, too.
func (p *paced) end() { _ = p.deadline.SetReadDeadline(time.Time{}) }
