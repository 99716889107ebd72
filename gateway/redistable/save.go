package redistable

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/internal/await"
)

// answer is the answer of a script that saves.
type answer struct {
	word, detail string
	err          error
}

func (t *Table) run(ctx context.Context, script *redis.Script, keys []string, args ...any) answer {
	reply, err := t.call(ctx, script, keys, args...)
	words := append(texts(reply), "", "")
	return answer{words[0], words[1], err}
}

// call runs a script, and returns when ctx ends.
func (t *Table) call(ctx context.Context, script *redis.Script, keys []string, args ...any) ([]any, error) {
	reply, err := await.Value(ctx, func(ctx context.Context) ([]any, error) {
		return script.Run(ctx, t.rdb, keys, args...).Slice()
	})
	if err != nil {
		return nil, t.explain(nameCommand(err, script))
	}
	return reply, nil
}

// nameCommand returns an error that names the command which a script was refused. Redis names only
// the line of the script.
func nameCommand(err error, script *redis.Script) error {
	at := place.FindStringSubmatch(err.Error())
	if at == nil || !strings.Contains(err.Error(), "can't run this command") {
		return err
	}
	n, _ := strconv.Atoi(at[1])
	lines := strings.Split(sources[script.Hash()], "\n")
	if n < 1 || n > len(lines) {
		return err
	}
	command := called.FindStringSubmatch(lines[n-1])
	if command == nil {
		return err
	}
	return fmt.Errorf("its user has no right to '%s': %w", strings.ToLower(command[1]), err)
}

var (
	place  = regexp.MustCompile(`@user_script:(\d+)`)
	called = regexp.MustCompile(`redis\.call\('([A-Z]+)'`)
)

const (
	// piece is the number of rows that are sent ahead at once.
	piece = 1000
	// stagedLife is how long rows that were sent ahead stay if the save never comes.
	stagedLife = time.Minute
)

// saved returns what became of a save.
func (t *Table) saved(base, next snapshot, a answer) (uint64, error) {
	switch {
	case a.err != nil:
		return 0, a.err
	case a.word == "saved":
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.known.rev < next.rev {
			t.known = next
		}
		return next.rev, nil
	case a.word == "conflict":
		found, err := strconv.ParseUint(a.detail, 10, 64)
		if err != nil || found < base.rev {
			return 0, t.wentBack(base.rev, a.detail)
		}
		return 0, conflict(base.rev, found)
	case a.word == "other":
		return 0, t.otherHistory(base.rev)
	case a.word == "incomplete":
		return 0, fmt.Errorf("redistable: %s of %d rows that were sent ahead are left", a.detail, len(next.rows))
	}
	return 0, t.damaged(a.detail)
}

// replace sends all rows ahead, which holds up nobody, and then makes them the table's.
func (t *Table) replace(ctx context.Context, base, next snapshot) (uint64, error) {
	ahead, other := t.key("new:"+next.id), t.key("new:"+next.id+":2")
	send := func(fields []any) error {
		return await.Do(ctx, func(ctx context.Context) error {
			pipe := t.rdb.Pipeline()
			pipe.HSet(ctx, ahead, fields...)
			pipe.PExpire(ctx, ahead, stagedLife)
			_, err := pipe.Exec(ctx)
			return err
		})
	}
	var fields []any
	for tenant, row := range next.rows {
		if fields = append(fields, tenant, row.String()); len(fields) == 2*piece {
			if err := send(fields); err != nil {
				return 0, t.explain(err)
			}
			fields = nil // a call that was given up may still read them
		}
	}
	if len(fields) > 0 {
		if err := send(fields); err != nil {
			return 0, t.explain(err)
		}
	}
	rev, err := t.saved(base, next, t.run(ctx, swap, append(t.keys(), ahead, other), base.rev, base.id, next.rev, next.id, len(next.rows)))
	if errors.Is(err, gateway.ErrConflict) {
		_ = await.Do(ctx, func(ctx context.Context) error { return t.rdb.Del(ctx, ahead).Err() })
	}
	return rev, err
}

func conflict(want, found uint64) error {
	return fmt.Errorf("%w: %d, not %d", gateway.ErrConflict, found, want)
}

func (t *Table) wentBack(known uint64, found any) error {
	return t.damaged(fmt.Sprintf("it went back from revision %d to %v, as after the restoration of a copy", known, found))
}

func (t *Table) otherHistory(known uint64) error {
	return t.damaged(fmt.Sprintf("its revision %d is not the one that was here before, as after the restoration of a copy", known))
}

func (t *Table) damaged(what string) error {
	return fmt.Errorf("%w: table %s in Redis: %s", gateway.ErrDamaged, t.name, what)
}

// explain returns the error of a command. A key of another type is somebody else's, or damage.
func (t *Table) explain(err error) error {
	if redis.HasErrorPrefix(err, "WRONGTYPE") || strings.Contains(err.Error(), "WRONGTYPE") {
		return t.damaged("a key of it has another type: " + err.Error())
	}
	return fmt.Errorf("redistable: table %s: %w", t.name, err)
}
