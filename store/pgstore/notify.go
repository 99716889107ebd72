package pgstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

const (
	// channel is what processes listen to; messages begin with the schema and the process.
	channel = "cutover"
	// coalesced is for how long hints are collected for one message: a commit that notifies takes a
	// lock of the whole database.
	coalesced = 10 * time.Millisecond
	// maxHints are so many plans that the message stays below the limit of 8,000 bytes.
	maxHints = 300
	// answering is how long Open waits for the server that shall be listened to.
	answering = 2 * time.Second
	// again is the time between two attempts to listen. Nobody waits for it.
	again = time.Second
)

// notifier tells other processes of the hints of this one, and this one of theirs.
type notifier struct {
	s      *Store
	config *pgx.ConnConfig // of the connection that listens
	prefix string          // of messages in this schema
	own    string          // what follows in those of this process

	mu      sync.Mutex
	pending map[plan.ID]bool // whether only those who watch have to look
	some    chan struct{}    // has a token while pending has something
	end     context.CancelFunc
	running sync.WaitGroup
}

// startNotifier starts a notifier that listens at url, unless nothing can ever be heard there.
func (s *Store) startNotifier(opening context.Context, url string) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return &InvalidError{Faults: []string{"Config.Listen: " + err.Error()}} // it hides the password
	}
	config.RuntimeParams["application_name"] = "cutover listens"
	if err := s.checkListen(opening, config); err != nil && !store.Temporary(err) {
		return fmt.Errorf("pgstore: Config.Listen: %w", err)
	}
	ctx, end := context.WithCancel(context.Background())
	n := &notifier{
		s: s, config: config, prefix: s.cfg.Schema + " ", own: rand.Text() + " ", pending: make(map[plan.ID]bool),
		some: make(chan struct{}, 1), end: end,
	}
	s.notifier = n
	n.running.Go(func() { n.send(ctx) })
	n.running.Go(func() { n.listen(ctx) })
	return nil
}

// checkListen connects to where a notifier shall listen: later nobody is told that it cannot.
func (s *Store) checkListen(ctx context.Context, config *pgx.ConnConfig) error {
	limited, cancel := context.WithTimeout(ctx, min(s.cfg.Timeout, answering))
	defer cancel()
	c, err := pgx.ConnectConfig(limited, config)
	if err != nil {
		return fault(ctx, err)
	}
	defer func() { _ = c.Close(limited) }()
	const query = "SELECT current_database()"
	var here, there string
	if err := c.QueryRow(limited, query, pgx.QueryExecModeSimpleProtocol).Scan(&there); err != nil {
		return fault(ctx, err)
	}
	if err := s.pool.QueryRow(limited, query, pgx.QueryExecModeSimpleProtocol).Scan(&here); err != nil {
		return fault(ctx, err)
	}
	if here != there {
		return &InvalidError{Faults: []string{fmt.Sprintf("the database there is %q, the plans are in %q", there, here)}}
	}
	return nil
}

// close ends the notifier; hints that were not sent are lost.
func (n *notifier) close() {
	if n != nil {
		n.end()
		n.running.Wait()
	}
}

// hint gives a hint to the listeners of this process, and later to others.
func (s *Store) hint(h store.Hint) {
	s.hints.Give(h)
	n := s.notifier
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	only, is := n.pending[h.Plan]
	n.pending[h.Plan] = h.OnlyEvents && (only || !is)
	select {
	case n.some <- struct{}{}:
	default:
	}
}

// send sends hints until ctx ends. What cannot be sent is lost.
func (n *notifier) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.some:
		}
		if !pause(ctx, coalesced) {
			return
		}
		for _, message := range n.messages() {
			limited, cancel := context.WithTimeout(ctx, n.s.cfg.Timeout)
			_, _ = n.s.pool.Exec(limited, "SELECT pg_notify($1, $2)", channel, message)
			cancel()
		}
	}
}

// messages returns what waits to be sent.
func (n *notifier) messages() (list []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var b strings.Builder
	count := 0
	for id, only := range n.pending {
		if count++; count%maxHints == 1 {
			list = append(list, b.String())
			b.Reset()
			b.WriteString(n.prefix + n.own)
		} else {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.FormatInt(int64(id), 10))
		if only {
			b.WriteByte('e')
		}
	}
	clear(n.pending)
	return append(list, b.String())[1:]
}

// listen gives the hints of other processes to the listeners of this one until ctx ends. Without a
// connection there are none: whoever would need them looks at the agenda.
func (n *notifier) listen(ctx context.Context) {
	for {
		n.session(ctx)
		if !pause(ctx, again) {
			return
		}
	}
}

// session listens as long as its connection lasts.
func (n *notifier) session(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, n.s.cfg.Timeout)
	defer cancel()
	c, err := pgx.ConnectConfig(limited, n.config)
	if err != nil {
		return
	}
	defer func() {
		ended, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.Close(ended)
	}()
	if _, err := c.Exec(limited, "LISTEN "+channel, pgx.QueryExecModeSimpleProtocol); err != nil {
		return
	}
	for {
		message, err := c.WaitForNotification(ctx)
		if err != nil {
			return
		}
		n.heard(message.Payload)
	}
}

// heard gives the hints of a message of another process in this schema.
func (n *notifier) heard(message string) {
	rest, here := strings.CutPrefix(message, n.prefix)
	if !here || strings.HasPrefix(rest, n.own) {
		return
	}
	_, list, _ := strings.Cut(rest, " ")
	for word := range strings.FieldsSeq(list) {
		number, only := strings.CutSuffix(word, "e")
		if id, err := strconv.ParseInt(number, 10, 64); err == nil {
			n.s.hints.Give(store.Hint{Plan: plan.ID(id), OnlyEvents: only})
		}
	}
}

// pause waits for d. It reports whether ctx lasts.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
