package upload

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"mime/multipart"
	"strings"

	"github.com/cutover-go/cutover/ops/internal/wire"
)

// Tenants is the name of the part that has the list.
const Tenants = "tenants"

// maxParts is how many parts are looked at. Every one that is not known is a fault.
const maxParts = 16

// Upload is what a body has.
type Upload struct {
	// Document is the part that is JSON; nil if there is none.
	Document []byte
	// Listed means that there was a part with tenants. Tenants are complete if there are no faults.
	Listed  bool
	Tenants wire.Uploaded
	Faults  Faults
	// Digest is of the content of both parts. It does not depend on their order, nor on what
	// separates them.
	Digest string
}

// TooLargeError means that the document is larger than Limit bytes.
type TooLargeError struct{ Limit int64 }

func (e *TooLargeError) Error() string { return "upload: the document is too large" }

// Read reads a body whose parts are separated by boundary. The part named document is JSON of at
// most limit bytes; the parts may have any order. The faults of the parts are in the result; the
// error is that of reading, or a *[TooLargeError].
func Read(r io.Reader, boundary, document string, limit int64) (u Upload, err error) {
	// To multipart a body is whole that ends within the header of a part. So it gets to see no end,
	// but that of the line of the last boundary.
	body := multipart.NewReader(io.MultiReader(r, strings.NewReader("\r\n"), brokenOff{}), boundary)
	sums := map[string]string{}
	for n := 0; ; n++ {
		part, err := body.NextRawPart()
		if errors.Is(err, io.EOF) {
			u.Digest = document + " " + sums[document] + " tenants " + sums[Tenants]
			return u, nil
		}
		if err != nil {
			return u, err
		}
		if n == maxParts {
			u.Faults.Add(wire.Fault{Problem: "has too many parts"})
			return u, nil
		}
		name, sum := part.FormName(), sha256.New()
		switch _, twice := sums[name]; {
		case name != document && name != Tenants:
			u.Faults.Add(wire.Fault{Field: shown(name), Problem: "is a part that is not known"})
			continue
		case twice:
			u.Faults.Add(wire.Fault{Field: name, Problem: "is given twice"})
			continue
		case name == document:
			err = u.readDocument(part, sum, limit)
		default:
			err = u.readTenants(part, sum)
		}
		if err != nil {
			return u, err
		}
		sums[name] = hex.EncodeToString(sum.Sum(nil))
	}
}

// brokenOff is what follows the end of a body.
type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// shown returns the name of a part as faults show it.
func shown(name string) string {
	if name == "" {
		return `""`
	}
	return name[:min(len(name), 64)]
}

// readDocument reads the document.
func (u *Upload) readDocument(part io.Reader, sum hash.Hash, limit int64) (err error) {
	u.Document, err = io.ReadAll(io.LimitReader(part, limit+1))
	if err == nil && int64(len(u.Document)) > limit {
		err = &TooLargeError{limit}
	}
	u.Document = bytes.TrimPrefix(u.Document, []byte("\xef\xbb\xbf"))
	sum.Write(u.Document)
	return err
}

// readTenants reads the list.
func (u *Upload) readTenants(part *multipart.Part, sum hash.Hash) error {
	l := list{part: Tenants, lineOf: make(map[string]int32), Faults: u.Faults}
	err := l.read(io.TeeReader(part, sum), part.FileName(), part.Header.Get("Content-Type"))
	u.Listed, u.Tenants, u.Faults = true, l.Uploaded, l.Faults
	return err
}

// read reads the lines.
func (l *list) read(r io.Reader, file, contentType string) error {
	var read format
	in := newLines(r)
	for more := true; more; {
		line, err := in.next()
		first := read == nil
		switch {
		case err == io.EOF: //nolint:errorlint // next returns it as it is
			if first && l.Total == 0 {
				l.fault(0, "", "has no tenants")
			}
			return nil
		case errors.Is(err, errLong):
			l.fault(in.number, "", "is longer than %d bytes", MaxLine)
			continue
		case err != nil:
			return err
		case in.number == 1 && (bytes.HasPrefix(line, []byte("\xff\xfe")) || bytes.HasPrefix(line, []byte("\xfe\xff"))):
			l.fault(in.number, "", "is UTF-16, it must be UTF-8")
			return nil
		case silent(line):
			continue
		case first:
			read = l.formatOf(file, contentType, line)
		}
		more = read(line, in.number, first)
	}
	return nil
}
