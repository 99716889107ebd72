package sqlitestore

import "github.com/cutover-go/cutover/task"

// tokens remembers the greatest token that was issued in any plan. The table meta has a limit that
// is raised ahead, so that most claims need not write it: after the file is opened again, the limit
// stands for the greatest token. Only the writer uses it.
type tokens struct {
	newest, limit task.Token
}

// ahead is how far the limit is raised: tokens are microseconds, mostly.
const ahead = 60_000_000

func (t *tokens) load(c *conn) error {
	n, err := c.number("SELECT value FROM meta WHERE name = 'token_limit'")
	t.newest, t.limit = task.Token(n), task.Token(n)
	return c.opening("its tokens cannot be read", err)
}

// raise notes a token that a step has issued.
func (t *tokens) raise(tx *tx, newest task.Token) error {
	if newest <= t.newest {
		return nil
	}
	if newest > t.limit {
		if err := tx.exec("REPLACE INTO meta VALUES ('token_limit', ?)", int64(newest+ahead)); err != nil {
			return err
		}
		t.limit = newest + ahead
	}
	t.newest = newest
	return nil
}

// forget is called when a transaction was rolled back: the table may have less than limit says.
func (t *tokens) forget() { t.limit = 0 }
