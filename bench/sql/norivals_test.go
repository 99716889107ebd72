//go:build !rivals

package sqlbench

// The rivals are not compiled without their tag.
//
//nolint:gochecknoglobals // constant tables
var (
	rivalsOnPostgres []subject
	rivalsOnSQLite   []subject
)
