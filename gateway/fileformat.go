package gateway

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"slices"
	"strings"
)

// A file of a table begins with a whole table: a line with its revision and the number of rows, and
// the rows. The changes follow, each with a line that has its revision, the length of its rows, and
// a checksum of these and of all changes before.
//
//	# cutover table 1 revision 7 rows 2
//	acme blue|7|12
//	beta green|3|9
//	+ revision 8 bytes 14 sum 5f2d01c3
//	beta blue|8|13
const (
	tablePrefix  = "# cutover table 1"
	changePrefix = "+ revision "
)

const (
	// maxHead bounds the first line of a table or a change.
	maxHead = 128
	// minChanges is how long the changes may be in any case before the table is written anew.
	minChanges = 64 << 10
)

// fileState is a table as it was read from its file. The zero value is that of no file.
type fileState struct {
	head string // the first line; no two tables of a path that differ have the same
	rows Rows
	rev  uint64
	base int64  // the length of the whole table at the beginning
	size int64  // the length of that and of the changes that follow
	sum  uint32 // of these changes
	last string // the line of the last one; empty if there are none
	at   int64  // where that begins
	torn bool   // more follows, which is no complete change: its writer has crashed, or is writing it
}

// readMore returns the state of a file that has s, or another table.
func (s fileState) readMore(file *os.File) (fileState, error) {
	info, err := file.Stat()
	if err != nil {
		return s, err
	}
	start := make([]byte, min(maxHead, info.Size()))
	if _, err := file.ReadAt(start, 0); err != nil {
		return s, err
	}
	head, _, found := strings.Cut(string(start), "\n")
	if !found {
		return s, fmt.Errorf("its first line is %.80q", start)
	}
	if head == s.head && info.Size() >= s.size {
		content := make([]byte, info.Size()-s.at)
		if _, err := file.ReadAt(content, s.at); err != nil {
			return s, err
		}
		if bytes.HasPrefix(content, []byte(s.last)) {
			if next, err := s.follow(content[s.size-s.at:]); err == nil {
				return next, nil
			}
		}
	}
	content := make([]byte, info.Size())
	if _, err := file.ReadAt(content, 0); err != nil {
		return s, err
	}
	first, err := parseTable(head, content)
	if err != nil {
		return s, err
	}
	return first.follow(content[first.size:])
}

// parseTable reads the whole table at the beginning of a file.
func parseTable(head string, content []byte) (fileState, error) {
	var rev uint64
	var count int
	n, err := fmt.Sscanf(head, tablePrefix+" revision %d rows %d", &rev, &count)
	if n != 2 || err != nil || rev == 0 || head != tableHead(rev, count) {
		return fileState{}, fmt.Errorf("its first line is %.80q", head)
	}
	s := fileState{head: head, rows: make(Rows, max(count, 0)), rev: rev}
	s.base = int64(len(head) + 1)
	for range count {
		line, _, found := bytes.Cut(content[s.base:], []byte("\n"))
		if !found {
			return fileState{}, fmt.Errorf("it has %d rows and should have %d", len(s.rows), count)
		}
		if err := s.rows.parse(string(line), rev); err != nil {
			return fileState{}, err
		}
		s.base += int64(len(line) + 1)
	}
	if len(s.rows) != count {
		return fileState{}, fmt.Errorf("it has %d rows and should have %d", len(s.rows), count)
	}
	s.size, s.at = s.base, s.base
	return s, nil
}

// parse adds the row of one line, of a table with revision rev.
func (r Rows) parse(line string, rev uint64) error {
	tenant, text, _ := strings.Cut(line, " ")
	row, err := ParseRow(text)
	if err == nil {
		err = CheckTenant(tenant)
	}
	if err != nil {
		return err
	}
	if row.Rev > rev {
		return fmt.Errorf("the row of %s has revision %d, the table %d", tenant, row.Rev, rev)
	}
	r[tenant] = row
	return nil
}

// follow returns the state after the changes in content. Only what comes last may be incomplete.
func (s fileState) follow(content []byte) (fileState, error) {
	s.torn = false
	own := false // s.rows is a copy of its own
	for len(content) > 0 {
		rev, body, sum, ok := s.parseChange(content)
		if !ok {
			s.torn = unfinished(content)
			if !s.torn {
				return s, fmt.Errorf("revision %d is followed by %.80q", s.rev, content)
			}
			return s, nil
		}
		if !own {
			s.rows, own = maps.Clone(s.rows), true
		}
		for line := range strings.Lines(string(body)) {
			if err := s.rows.parse(strings.TrimSuffix(line, "\n"), rev); err != nil {
				return s, err
			}
		}
		s.advance(rev, sum, len(body))
		content = content[len(s.last)+len(body):]
	}
	return s, nil
}

// unfinished reports whether what cannot be read may be a change whose writer has not finished it:
// the beginning of one, followed by zeros after some crashes of the machine.
func unfinished(content []byte) bool {
	written := string(bytes.TrimRight(content, "\x00"))
	begun := strings.HasPrefix(written, changePrefix) || strings.HasPrefix(changePrefix, written)
	return begun && !strings.Contains(written[min(1, len(written)):], changePrefix) // no row has that
}

// advance makes s the state after a change, except for its rows.
func (s *fileState) advance(rev uint64, sum uint32, length int) {
	s.rev, s.sum = rev, sum
	s.last, s.at = changeHead(rev, length, sum), s.size
	s.size += int64(len(s.last) + length)
}

// parseChange reads the change at the beginning of content. It is not ok if it is incomplete or is
// not the one that follows s.
func (s fileState) parseChange(content []byte) (rev uint64, body []byte, sum uint32, ok bool) {
	line, _, _ := bytes.Cut(content[:min(len(content), maxHead)], []byte("\n"))
	var length int
	n, err := fmt.Sscanf(string(line), changePrefix+"%d bytes %d sum %x", &rev, &length, &sum)
	head := changeHead(rev, length, sum)
	if n != 3 || err != nil || rev != s.rev+1 || length < 0 || !bytes.HasPrefix(content, []byte(head)) || len(content)-len(head) < length {
		return 0, nil, 0, false
	}
	body = content[len(head) : len(head)+length]
	return rev, body, sum, sum == s.next(rev, body)
}

// next returns the checksum of a change that follows s.
func (s fileState) next(rev uint64, body []byte) uint32 {
	sum := crc32.Update(s.sum, crc32.IEEETable, []byte(s.head+changeHead(rev, len(body), s.sum)))
	return crc32.Update(sum, crc32.IEEETable, body)
}

// append returns the text of a change and the state after it, without its rows. The text is nil if
// the file has to be written anew instead.
func (s fileState) append(changed Rows, rev uint64) (fileState, []byte) {
	body := formatRows(nil, changed)
	sum := s.next(rev, body)
	text := append([]byte(changeHead(rev, len(body), sum)), body...)
	length := s.size - s.base + int64(len(text))
	if s.head == "" || s.torn || length > max(s.base, minChanges) {
		return s, nil
	}
	s.advance(rev, sum, len(body))
	return s, text
}

// formatTable returns the content of a file without changes, and its state.
func formatTable(rows Rows, rev uint64) ([]byte, fileState) {
	s := fileState{head: tableHead(rev, len(rows)), rows: rows, rev: rev}
	content := formatRows([]byte(s.head+"\n"), rows)
	s.base = int64(len(content))
	s.size, s.at = s.base, s.base
	return content, s
}

func formatRows(text []byte, rows Rows) []byte {
	for _, tenant := range slices.Sorted(maps.Keys(rows)) {
		text = append(append(text, tenant...), ' ')
		text = append(rows[tenant].AppendTo(text), '\n')
	}
	return text
}

func tableHead(rev uint64, count int) string {
	return fmt.Sprintf("%s revision %d rows %d", tablePrefix, rev, count)
}

func changeHead(rev uint64, length int, sum uint32) string {
	return fmt.Sprintf("%s%d bytes %d sum %08x\n", changePrefix, rev, length, sum)
}
