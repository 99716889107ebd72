//go:build rivals

package sqlbench

//nolint:gochecknoglobals // constant tables
var (
	rivalsOnPostgres = []subject{{"river", 0.4, riverOnPostgres}, {"dbos", 0.1, dbosOnPostgres}}
	rivalsOnSQLite   = []subject{
		{"river", 0.15, riverOnSQLite}, {"dbos", 0.15, dbosOnSQLite("")}, {"dbos durable", 0.1, dbosOnSQLite("?_pragma=synchronous(FULL)")},
	}
)
