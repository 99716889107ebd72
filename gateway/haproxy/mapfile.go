package haproxy

import (
	"bytes"
	"os"
	"strings"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/internal/disk"
)

// mapFile is a map file on this machine. HAProxy takes the first of several rows of a tenant, so a
// change is written before the rows that are there, into room of comments, which takes one sync of
// the disk; a file that is replaced takes two, and a new inode:
//
//	# cutover map 1: the first row of a tenant counts
//	############# (room)
//	acme blue|9|31      the last change
//	beta blue|8|13
//	acme green|7|12     the rows as they were when the file was written
//	...
//
// A row is written as the end of a comment, of which one character is then replaced by the end of a
// line. So a process that reads the file meanwhile finds the row or none, also if it has read the
// beginning of the row's place before and reads the rest long afterwards. No row crosses the border
// of a sector, so that a crash leaves no half of one.
type mapFile struct {
	path string
	left os.FileInfo // as this process left the file, nil if it has not written it
}

const (
	room      = 16 << 10 // with the first line
	sector    = 512
	maxLine   = sector - 1
	maxInRoom = 64 // changes; for more the file is replaced
)

// replace replaces the file.
func (f *mapFile) replace(rows []byte) (err error) {
	f.left = nil
	content := make([]byte, 0, room+len(rows))
	content = append(content, gateway.MapFirstCounts+"\n"...)
	content = append(content, bytes.Repeat([]byte("#"), room-len(content))...)
	for end := sector - 1; end < room; end += sector {
		content[end] = '\n'
	}
	if err := gateway.ReplaceFile(f.path, append(content, rows...)); err != nil {
		return err
	}
	f.left, err = os.Stat(f.path)
	return err
}

// add writes changes into the room. It reports false, and changes nothing, if the file is not as
// this process left it, or has no room. No other process should write to it at the same time; one
// that was stopped, and has lost its lock of the table, still has the file locked, so that it is
// replaced and the other one writes to a file that nobody reads.
func (f *mapFile) add(changes []change) (added bool, err error) {
	if f.left == nil || len(changes) == 0 || len(changes) > maxInRoom {
		return false, nil
	}
	left := f.left
	f.left = nil
	file, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if err != nil {
		return false, nil // a new one can be written, or the error is told then
	}
	defer func() { _ = file.Close() }()
	if locked, err := disk.TryLock(file); !locked || err != nil {
		return false, nil
	}
	info, err := file.Stat()
	if err != nil || !os.SameFile(info, left) || info.Size() != left.Size() || !info.ModTime().Equal(left.ModTime()) {
		return false, nil
	}
	head := make([]byte, room)
	if _, err := file.ReadAt(head, 0); err != nil {
		return false, nil
	}
	starts, text := place(head, changes)
	if text == nil {
		return false, nil
	}
	at := int64(starts[len(starts)-1])
	if _, err := file.WriteAt(text, at); err != nil {
		return false, err
	}
	for _, start := range starts {
		if _, err := file.WriteAt([]byte("\n"), int64(start)); err != nil {
			return false, err
		}
	}
	if err := disk.Sync(file); err != nil {
		return false, err
	}
	f.left, err = file.Stat()
	return true, err
}

// place returns where changes go in the room, each before the one before, and the text from the
// last one on, in which they are comments until their first characters are line ends. The text is
// nil if there is no room.
func place(head []byte, changes []change) (starts []int, text []byte) {
	first := len(gateway.MapFirstCounts) + 1
	if len(head) != room || !strings.HasPrefix(string(head), gateway.MapFirstCounts+"\n") || head[room-1] != '\n' {
		return nil, nil
	}
	used := first // the line end before the first row
	for used < room-1 && (head[used] == '#' || head[used] == '\n' && used%sector == sector-1) {
		used++
	}
	if head[used] != '\n' {
		return nil, nil
	}
	end := used
	for _, c := range changes {
		length := len(c.tenant) + len(c.value) + 2
		if (end-length)/sector != end/sector {
			end = end/sector*sector - 1
		}
		end -= length
		if length > maxLine || end < first {
			return nil, nil
		}
		starts = append(starts, end)
	}
	text = bytes.Clone(head[end:used])
	for i, c := range changes {
		copy(text[starts[i]-end:], "#"+c.tenant+" "+c.value)
	}
	return starts, text
}
