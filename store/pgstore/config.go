package pgstore

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cutover-go/cutover/store"
)

// DefaultSchema is the schema that has the tables unless a [Config] names another.
const DefaultSchema = "cutover"

// Config configures a [Store]. The zero value means the defaults.
type Config struct {
	// Schema is the schema that has the tables: at most 63 letters, digits, _ and -. Default
	// DefaultSchema.
	Schema string
	// MaxEvents is the number of events that the log of a plan keeps; older events of tasks are
	// dropped. The events of the plan itself can still be read with PlanEvents. Default
	// store.KeptEvents; a negative value keeps all.
	MaxEvents int
	// Connections is the maximum number of connections. Default 10.
	Connections int
	// Timeout is how long a call waits for the server, if its context does not end earlier: the
	// call then fails for now, see store.Temporary. Default 10 s.
	Timeout time.Duration
	// LockTimeout is how long a statement waits for a row that another transaction has locked, and
	// how long, but at least 2 s, the server waits for the next statement of a transaction that has
	// locked rows: it then ends the transaction, and the connection. Default 5 s.
	LockTimeout time.Duration
	// Prepare uses prepared statements, which cost server and client less, and sets what they need
	// once for each connection. Both belong to a connection, so it must be off behind a pooler in
	// transaction mode.
	Prepare bool
	// Listen, if not empty, is a URL of the same database, of the server itself and of no pooler.
	// Processes that have it tell each other by LISTEN and NOTIFY which plans have changed, at most
	// every 10 ms, and keep a connection for it. Others learn of it at their next look at the
	// agenda. What they are told is a hint: nothing depends on it, and Open goes on if that server
	// does not answer. What can never work, such as a wrong password, is an error of Open.
	Listen string
	// Pool, if not nil, changes the configuration of the connections: TLS, passwords that change,
	// tracing. It must leave the application's statements as they are.
	Pool func(*pgxpool.Config)
}

func (c Config) withDefaults() Config {
	c.Schema = cmp.Or(c.Schema, DefaultSchema)
	c.MaxEvents = max(0, cmp.Or(c.MaxEvents, store.KeptEvents)) // from here on 0 means all
	c.Connections = cmp.Or(c.Connections, 10)
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.LockTimeout = cmp.Or(c.LockTimeout, 5*time.Second)
	return c
}

// check returns nil, or an *InvalidError that names every fault.
func (c Config) check() error {
	faults := schemaFaults(c.Schema)
	if c.Connections < 0 {
		faults = append(faults, "Connections is negative")
	}
	if c.Timeout < 0 {
		faults = append(faults, "Timeout is negative")
	}
	if c.LockTimeout < 0 || c.LockTimeout > 0 && c.LockTimeout < time.Millisecond {
		faults = append(faults, "LockTimeout is below a millisecond")
	}
	if len(faults) > 0 {
		return &InvalidError{Faults: faults}
	}
	return nil
}

func schemaFaults(name string) (faults []string) {
	other := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	}
	if len(name) > 63 || strings.ContainsFunc(name, other) || strings.HasPrefix(name, "pg_") {
		faults = append(faults, fmt.Sprintf("the Schema %q has other characters than letters, digits, _ and -, or is too long, or begins with pg_", name))
	}
	return faults
}

// pool returns the configuration of the connections to url.
func (c Config) pool(url string) (*pgxpool.Config, error) {
	p, err := pgxpool.ParseConfig(url)
	if err != nil {
		// It hides the password.
		return nil, &InvalidError{Faults: []string{err.Error() + "; want postgres://user@host/database, or keywords"}}
	}
	p.MaxConns = int32(min(c.Connections, 1<<20)) //nolint:gosec // it is bounded
	p.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	if c.Prepare {
		p.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	}
	if p.ConnConfig.RuntimeParams["application_name"] == "" {
		p.ConnConfig.RuntimeParams["application_name"] = "cutover"
	}
	if c.Pool != nil {
		c.Pool(p)
	}
	if c.Prepare {
		before := p.AfterConnect
		p.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			if before != nil {
				if err := before(ctx, conn); err != nil {
					return err
				}
			}
			_, err := conn.Exec(ctx, c.settings(false), pgx.QueryExecModeSimpleProtocol)
			return err
		}
	}
	return p, nil
}

// leastIdle is how long the server waits at least for the next statement of a transaction: longer
// than a busy process takes to send it.
const leastIdle = 2 * time.Second

// settings returns the statement that says how statements behave: for one transaction, or for all
// of a connection. The tables are read by their keys, whatever the planner thinks of tables that it
// has not seen full yet; prepared statements are not planned again. A table that has no key for
// what is asked, such as that of leases, then looks so dear that each statement would be compiled,
// for 200 ms, if that were not off. A process that stops in the middle, or that nothing reaches any
// more, would keep its locks.
func (c Config) settings(local bool) string {
	var b strings.Builder
	ms := func(d time.Duration) string { return fmt.Sprintf("%dms", max(1, d.Milliseconds())) }
	for i, s := range [...][2]string{
		{"lock_timeout", ms(c.LockTimeout)},
		{"idle_in_transaction_session_timeout", ms(max(leastIdle, c.LockTimeout))},
		{"enable_hashjoin", "off"},
		{"enable_mergejoin", "off"},
		{"enable_seqscan", "off"},
		{"jit", "off"},
		{"plan_cache_mode", "force_generic_plan"},
	} {
		b.WriteString([]string{"SELECT ", ", "}[min(i, 1)])
		fmt.Fprintf(&b, "set_config('%s', '%s', %t)", s[0], s[1], local)
	}
	return b.String()
}
