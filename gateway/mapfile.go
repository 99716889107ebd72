package gateway

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// MapFirstCounts is the first line of a map file in which a tenant can have several rows, of which
// the first one counts.
const MapFirstCounts = "# cutover map 1: the first row of a tenant counts"

// ReadMap reads the rows in a map file that a gateway has written for HAProxy or nginx, and so the
// rows that a proxy serves, for instance to recover a table that has lost some. Anything else in
// the file is an error.
func ReadMap(file io.Reader) (Rows, error) {
	rows := Rows{}
	firstCounts := false
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := lines.Text()
		firstCounts = firstCounts || line == MapFirstCounts
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if inner, ok := strings.CutPrefix(line, `"`); ok {
			line = strings.Replace(strings.TrimSuffix(inner, `";`), `" "`, " ", 1)
		}
		tenant, text, _ := strings.Cut(line, " ")
		row, err := ParseRow(text)
		if err == nil {
			err = CheckTenant(tenant)
		}
		if _, twice := rows[tenant]; err == nil && twice {
			if firstCounts {
				continue
			}
			err = fmt.Errorf("gateway: the tenant %s has two rows", tenant)
		}
		if err != nil {
			return nil, err
		}
		rows[tenant] = row
	}
	return rows, lines.Err()
}
