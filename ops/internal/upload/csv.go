package upload

import (
	"encoding/csv"
	"errors"
	"slices"
	"strings"

	"github.com/cutover-go/cutover/task"
)

// table reads lines of CSV.
type table struct {
	*list
	separator rune
	// set has for each column the function that sets a cell of it.
	set []func(*task.Tenant, string)
}

// csv returns the format of a table that begins with this line.
func (l *list) csv(line []byte) format {
	t := table{list: l, separator: separatorOf(line), set: []func(*task.Tenant, string){setID}}
	return t.line
}

func setID(t *task.Tenant, cell string) { t.ID = cell }

// separatorOf returns the first separator of a line that is not in quotes, by default the comma.
func separatorOf(line []byte) rune {
	quoted := false
	for _, c := range string(line) {
		switch c {
		case '"':
			quoted = !quoted
		case ',', ';', '\t':
			if !quoted {
				return c
			}
		}
	}
	return ','
}

// line reads a line. Without columns there is nothing to read the further ones by.
func (t *table) line(line []byte, number int, first bool) bool {
	if !t.printable(line, number) {
		return true
	}
	cells, err := t.cells(string(line))
	switch {
	case err != nil:
		t.fault(number, "", "is not CSV: %v", err)
		return true
	case first && slices.ContainsFunc(cells, isID):
		return t.header(cells, number)
	case strings.Join(cells, "") == "": // the end of what a spreadsheet has written
		return true
	case first && len(cells) > 1:
		t.fault(number, "", "has %d cells, and is no header with the column id", len(cells))
		return false
	case len(cells) != len(t.set):
		t.fault(number, "", "has %d cells, it must have %d", len(cells), len(t.set))
		return true
	}
	var one task.Tenant
	for i, cell := range cells {
		t.set[i](&one, cell)
	}
	return t.add(number, one)
}

// cells returns the cells of a line.
func (t *table) cells(line string) ([]string, error) {
	var cells []string
	if strings.Contains(line, `"`) {
		in := csv.NewReader(strings.NewReader(line))
		in.Comma, in.TrimLeadingSpace = t.separator, t.separator != '\t' // tabs are spaces to it
		var err error
		if cells, err = in.Read(); err != nil {
			var syntax *csv.ParseError
			if errors.As(err, &syntax) {
				err = syntax.Err // its lines are not those of the list
			}
			return nil, err
		}
	} else {
		cells = strings.Split(line, string(t.separator))
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells, nil
}

// header reads the names of the columns, and reports whether all of them are known.
func (t *table) header(cells []string, number int) bool {
	before := t.Total
	t.set = nil
	seen := make(map[string]bool)
	for _, name := range cells {
		if isID(name) {
			name = "id"
		}
		if seen[name] {
			t.fault(number, "", "has the column %.64q twice", name)
		}
		seen[name] = true
		label, isLabel := strings.CutPrefix(name, "labels.")
		parameter, isParameter := strings.CutPrefix(name, "parameters.")
		switch {
		case name == "id":
			t.set = append(t.set, setID)
		case isLabel && label != "":
			t.set = append(t.set, func(one *task.Tenant, cell string) { put(&one.Labels, label, cell) })
		case isParameter && parameter != "":
			t.set = append(t.set, func(one *task.Tenant, cell string) { put(&one.Parameters, parameter, cell) })
		default:
			t.fault(number, "", "has the column %.64q, which is none of id, labels.NAME and parameters.NAME", name)
		}
	}
	return t.Total == before
}

// put sets a member of a map, which it makes first. An empty cell is none.
func put(m *map[string]string, name, cell string) {
	if cell == "" {
		return
	}
	if *m == nil {
		*m = make(map[string]string)
	}
	(*m)[name] = cell
}
