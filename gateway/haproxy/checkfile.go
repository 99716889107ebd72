package haproxy

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/cutover-go/cutover/gateway"
)

// checkFile returns an error unless the file at path is one that the gateway may replace: HAProxy
// does not start without its map file, so one that is missing is another path's, and one that has
// something else than rows of the table is somebody else's.
func checkFile(path string, rows gateway.Rows, rev uint64) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &gateway.SetupError{Expected: "the map file that HAProxy reads at its start at " + path, Found: "no file", Err: err}
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		tenant, text, _ := strings.Cut(line, " ")
		row, err := gateway.ParseRow(strings.TrimSpace(text))
		_, known := rows[tenant]
		if err != nil || !known && row.Rev <= rev {
			return &gateway.SetupError{
				Expected: fmt.Sprintf("in the map file %s only tenants of the table (%d, at revision %d)", path, len(rows), rev),
				Found:    fmt.Sprintf("the line %.80q", line), Err: err,
			}
		}
		if row.Rev > rows[tenant].Rev {
			return fmt.Errorf("%w: the map file %s has revision %d of %s, the table %d, and the table is at %d",
				gateway.ErrDamaged, path, row.Rev, tenant, rows[tenant].Rev, rev)
		}
	}
	return lines.Err()
}
