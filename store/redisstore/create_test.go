package redisstore

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
)

// TestLostAnswersToBeginCreate: whichever answer is lost, a repeated call continues the creation,
// no other creator can continue it, and abandoned creations are removed.
func TestLostAnswersToBeginCreate(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, tt := range beginLosses() {
		for _, retries := range []int{-1, 3} {
			t.Run(fmt.Sprintf("%s, %d retries", name, retries), func(t *testing.T) {
				t.Parallel()
				proxy, client := through(t, server, func(o *redis.Options) { o.MaxRetries = retries })
				c := &creator{
					rollout: start(t, openStore(t, client, Config{Prefix: t.Name() + ":"}), 1, 1), proxy: proxy,
					create: store.Create{
						Plan: plan.Plan{Name: "plan", TaskCount: 1, IdempotencyKey: tt.key},
						Mark: rand.Text(), Hash: "h", TTL: 200 * time.Millisecond,
					},
				}
				made := c.losing(tt.answers(c.Store), retries < 0)
				if tt.key != "" {
					c.excludes(made)
				}
				c.ok(c.AddTenants(c.ctx, made, 1, plan.Tenants("a")))
				c.ok(c.FinishCreate(c.ctx, made))
				storetest.Check(t, c.Store, made.ID)
				c.leaves(made.ID)
			})
		}
	}
}

// loss describes a creation: its idempotency key, and strings in the requests whose answers are
// lost.
type loss struct {
	key     string
	answers func(s *Store) []string
}

// beginLosses returns a loss for each round trip of BeginCreate and of its repetition.
func beginLosses() map[string]loss {
	holder := func(*Store) string { return command("get") }
	id := func(s *Store) string { return s.client.scripts.tokens.sha }
	record := func(s *Store) string { return s.client.scripts.begin.sha }
	agenda := func(s *Store) string { return s.client.scripts.expect.sha }
	list := func(*Store) string { return command("zadd") }
	key := func(*Store) string { return command("nx") }
	found := func(*Store) string { return command("hmget") }
	goOn := func(s *Store) string { return s.client.scripts.tenants.sha }
	lost := func(key string, answers ...func(*Store) string) loss {
		return loss{key: key, answers: func(s *Store) (texts []string) {
			for _, a := range answers {
				texts = append(texts, a(s))
			}
			return texts
		}}
	}
	return map[string]loss{
		"holder of the key":       lost("key", holder),
		"id":                      lost("key", id),
		"record":                  lost("key", record),
		"agenda":                  lost("key", agenda),
		"list":                    lost("key", list),
		"key":                     lost("key", key),
		"key, then what it names": lost("key", key, found),
		"key, then going on":      lost("key", key, goOn),
		"all":                     lost("key", holder, id, record, agenda, list, key, found, goOn),
		"id, without a key":       lost("", id),
		"record, without a key":   lost("", record),
		"agenda, without a key":   lost("", agenda),
		"list, without a key":     lost("", list),
	}
}

// command returns the string that a request contains if it contains a word, as its command or as an
// argument.
func command(word string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(word), word) }

// creator begins one creation through a proxy that loses answers.
type creator struct {
	*rollout
	proxy  *redistest.Proxy
	create store.Create
}

// losing begins the creation while these answers are lost. known means that the store learns of
// each loss; otherwise the client repeats the request itself.
func (c *creator) losing(answers []string, known bool) store.Creation {
	c.Helper()
	for _, text := range answers {
		c.proxy.DropReplyTo(text)
	}
	failed := 0
	for {
		made, err := c.BeginCreate(c.ctx, c.create)
		if store.Temporary(err) {
			failed++
			continue
		}
		c.ok(err)
		if lost := c.proxy.Dropped(); known && (lost != len(answers) || failed != lost) || !known && (lost == 0 || failed > 0) {
			c.Errorf("%d of %d answers were lost, and %d calls failed", lost, len(answers), failed)
		}
		if made.Exists || made.Mark != c.create.Mark {
			c.Errorf("begun: %+v", made)
		}
		return made
	}
}

// excludes checks that only its creator can continue the creation.
func (c *creator) excludes(made store.Creation) {
	c.Helper()
	again, err := c.BeginCreate(c.ctx, c.create)
	if err != nil || again != made {
		c.Errorf("begun again: %+v, %v, want %+v", again, err, made)
	}
	other := c.create
	other.Mark = rand.Text()
	if _, err := c.BeginCreate(c.ctx, other); !errors.Is(err, store.ErrCreating) {
		c.Errorf("begun by another creator: %v, want ErrCreating", err)
	}
}

// leaves removes creations as an engine does, and checks that only the plan made and the plan of
// the rollout remain.
func (c *creator) leaves(made plan.ID) {
	c.Helper()
	want := []string{c.keys.plan(c.id), c.keys.plan(made)}
	slices.Sort(want)
	var got []string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		c.sweepUp()
		if got = c.records(); slices.Equal(got, want) {
			break
		}
	}
	if !slices.Equal(got, want) {
		c.Errorf("records %v are left, want %v", got, want)
	}
	if n := c.client.rdb.ZCard(c.ctx, c.keys.plans()).Val(); n != int64(len(want)) {
		c.Errorf("%d plans are listed, want %d", n, len(want))
	}
	if n := c.client.rdb.HLen(c.ctx, c.keys.stamps()).Val(); n != int64(len(want))+1 {
		c.Errorf("%d entries on the agenda, want %d and the sweep's", n, len(want))
	}
}

// sweepUp removes the creations whose time to live is over.
func (c *creator) sweepUp() {
	c.Helper()
	due, err := c.Due(c.ctx, nil, 10)
	c.ok(err)
	for _, d := range due {
		if !d.Creating {
			continue
		}
		if _, err := c.Remove(c.ctx, d.ID); err != nil && !errors.Is(err, store.ErrConflict) {
			c.ok(err)
		}
	}
}

// records returns the keys of the records of all plans.
func (c *creator) records() []string {
	c.Helper()
	keys, err := c.client.rdb.Keys(c.ctx, "*").Result()
	c.ok(err)
	keys = slices.DeleteFunc(keys, func(k string) bool {
		return !strings.HasPrefix(k, c.keys.prefix) || !strings.HasSuffix(k, "}:plan")
	})
	slices.Sort(keys)
	return keys
}

// TestRemovalFreesTenants: the removal of a plan deletes the plan's tenant locks and leaves those
// of other plans unchanged.
func TestRemovalFreesTenants(t *testing.T) {
	t.Parallel()
	s := openStore(t, redistest.Start(t).Client(), Config{})
	r, other := busy(t, s), start(t, s, 1, 1)
	locks := []store.TenantLock{
		{Tenant: "tenant-1", Plan: r.id, Ordinal: 1, Start: 5, Phase: 2},
		{Tenant: "tenant-70", Plan: r.id, Ordinal: 70},
		{Tenant: "tenant-2", Plan: other.id, Ordinal: 1},
	}
	held, err := s.Reserve(r.ctx, locks)
	if r.ok(err); len(held) != 0 {
		t.Fatalf("locked already: %+v", held)
	}
	r.end()
	for more := true; more; {
		more, err = s.Remove(r.ctx, r.id)
		r.ok(err)
	}
	left, err := s.Locks(r.ctx, []string{"tenant-1", "tenant-2", "tenant-70"})
	if r.ok(err); len(left) != 1 || left[0] != locks[2] {
		t.Errorf("locks %+v, want that of the other plan alone", left)
	}
}
