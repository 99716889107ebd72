package upload

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// MaxLine is the maximum length of a line in bytes. The largest tenant fits into it in every form.
const MaxLine = 256 << 10

// lines reads a text line by line.
type lines struct {
	in *bufio.Reader
	// number is that of the line that was read last, from 1.
	number int
}

func newLines(r io.Reader) *lines { return &lines{in: bufio.NewReaderSize(r, MaxLine)} }

// errLong means that a line is longer than [MaxLine]. The next one can be read.
var errLong = errors.New("upload: a line is too long")

// next returns the next line, without its end and the spaces around it (tabs may be cells), until
// the next call. The error after the last one is io.EOF.
func (l *lines) next() ([]byte, error) {
	line, err := l.in.ReadSlice('\n')
	if len(line) > 0 || err == nil {
		l.number++
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = l.in.ReadSlice('\n')
		}
		if err == nil || err == io.EOF {
			err = errLong
		}
		return nil, err
	}
	if err == io.EOF && len(line) > 0 {
		err = nil // the last line needs no end
	}
	if l.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	return bytes.Trim(bytes.TrimRight(line, "\r\n"), " "), err
}

// silent reports whether a line says nothing.
func silent(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 || line[0] == '#' }
