package upload

import (
	"bytes"
	"mime"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cutover-go/cutover/ops/internal/strictjson"
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/task"
)

// format reads the lines of a list that say something. first tells the first of them from the
// others. It reports whether there may be more.
type format func(line []byte, number int, first bool) bool

// formatOf returns the format of a list by the name of its file, its type and its first line.
func (l *list) formatOf(file, contentType string, line []byte) format {
	kind, _, _ := mime.ParseMediaType(contentType) // without one it is told by the line
	switch extension := strings.ToLower(path.Ext(file)); {
	case extension == ".csv" || extension == ".tsv":
		return l.csv(line)
	case extension == ".ndjson" || extension == ".jsonl":
		return l.object
	case extension == ".txt":
		return l.text
	case kind == "text/csv" || kind == "application/vnd.ms-excel" || kind == "text/tab-separated-values":
		return l.csv(line)
	case kind == "application/x-ndjson" || kind == "application/jsonl":
		return l.object
	case kind == "text/plain" && file == "":
		return l.text
	case line[0] == '{':
		return l.object
	case line[0] == '[':
		return l.array
	case line[0] == '"' || bytes.ContainsAny(line, ",;\t"):
		return l.csv(line)
	}
	return l.text
}

// text reads a line of plain text. A table that is called text, as some spreadsheets do, is
// refused: its lines would become ids.
func (l *list) text(line []byte, number int, first bool) bool {
	id := string(bytes.TrimSpace(line))
	switch {
	case first && isID(id) || !l.printable(line, number):
		return true
	case strings.Contains(id, "\t") || first && isHeader(id):
		l.fault(number, "", "is of a table; it must be called .csv or .tsv")
		return false
	}
	return l.add(number, task.Tenant{ID: id})
}

// isHeader reports whether a line is the header of a table.
func isHeader(line string) bool {
	cells := strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ';' })
	return slices.ContainsFunc(cells, func(cell string) bool { return isID(strings.TrimSpace(cell)) })
}

// array refuses what looks like a JSON array: the lines of one would become tenants that nobody
// has. Ids that begin so need a list whose name or type tells its form.
func (l *list) array(_ []byte, number int, _ bool) bool {
	l.fault(number, "", "begins as a JSON array; it must be text, CSV or a JSON object a line")
	return false
}

// object reads a line of NDJSON.
func (l *list) object(line []byte, number int, _ bool) bool {
	var t wire.Tenant
	faults, total := strictjson.Decode(line, &t)
	for _, f := range faults {
		l.fault(number, f.Field, "%s", f.Problem)
	}
	if l.Total += total - len(faults); total > 0 {
		return true
	}
	return l.add(number, task.Tenant(t))
}

// printable reports whether a line has no control characters but tabs. Those of another encoding
// would make ids that nobody can see are wrong.
func (l *list) printable(line []byte, number int) bool {
	switch {
	case !utf8.Valid(line):
		l.fault(number, "", "is not UTF-8")
	case bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		l.fault(number, "", "has a control character")
	default:
		return true
	}
	return false
}
