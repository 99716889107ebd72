package control

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/cutover-go/cutover/redisack/probe"
)

const (
	// maxSeries is the maximum number of questions over one connection.
	maxSeries = 256
	// abreast is the number of connections over which one member is asked for the tenants of one
	// colour at the same time.
	abreast = 2
)

// asker waits for the answers to questions that it asks a member.
type asker struct {
	results []probe.Result
	left    int // without a result
	waiting int // of these, those in questions.waiting
	// wake receives a value when all have a result, and when one waits again, because the caller
	// that asked it for others was canceled; has room for one.
	wake chan struct{}
}

// question asks for the route of one tenant.
type question struct {
	tenant string
	asker  *asker
	at     int // in the asker's results
}

// questions are those that wait for one member and one colour. The callers take turns: who has one
// asks for all that wait, over a connection that is made afterwards. So each question is asked over
// a connection that is newer than the question.
type questions struct {
	turns chan struct{}

	mu      sync.Mutex // also of the askers
	waiting []question
}

var errNoResult = errors.New("the prober has no result for this tenant")

func newQuestions() *questions { return &questions{turns: make(chan struct{}, abreast)} }

// ask asks for the routes of tenants and returns a result for each.
func (s *questions) ask(ctx context.Context, prober probe.Series, url string, tenants ...string) []probe.Result {
	n := len(tenants)
	a := &asker{results: make([]probe.Result, n), left: n, wake: make(chan struct{}, 1)}
	all := make([]question, n)
	for i, tenant := range tenants {
		all[i] = question{tenant, a, i}
	}
	s.add(all)
	for !s.answered(a) {
		if over(ctx) {
			return s.leave(a, cmp.Or(ctx.Err(), context.DeadlineExceeded))
		}
		select {
		case <-a.wake:
			continue
		case <-ctx.Done():
			continue
		case s.turns <- struct{}{}:
		}
		if s.askWaiting(ctx, prober, url, a) {
			continue
		}
		select { // other callers ask what is left
		case <-a.wake:
		case <-ctx.Done():
		}
	}
	return a.results
}

// askWaiting asks the questions that wait, if one of a's does, and gives the turn back. It reports
// whether it has asked.
func (s *questions) askWaiting(ctx context.Context, prober probe.Series, url string, a *asker) bool {
	defer func() { <-s.turns }() // also if a function of the host panics
	batch := s.take(a)
	if len(batch) > 0 {
		s.askAll(ctx, prober, url, batch)
	}
	return len(batch) > 0
}

// askAll asks questions over one connection. Those that get no result, because ctx has ended or a
// function of the host has panicked, wait again.
func (s *questions) askAll(ctx context.Context, prober probe.Series, url string, batch []question) {
	defer func() { s.add(batch) }()
	endpoints := make([]probe.Endpoint, len(batch))
	for i, q := range batch {
		endpoints[i] = probe.Endpoint{ID: q.tenant, URL: url}
	}
	var results []probe.Result
	_ = within(ctx, func(ctx context.Context) error {
		results = prober.ProbeSeries(ctx, endpoints)
		return nil
	})
	for len(results) < len(batch) {
		results = append(results, probe.Result{Err: errNoResult})
	}
	batch = s.give(batch, results, over(ctx))
}

// give gives each asker its results, and returns the questions that are left because the caller
// that asked them was canceled.
func (s *questions) give(batch []question, results []probe.Result, canceled bool) (left []question) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, q := range batch {
		if results[i].Err != nil && canceled {
			left = append(left, q)
			continue
		}
		q.asker.results[q.at] = results[i]
		if q.asker.left--; q.asker.left == 0 {
			q.asker.notify()
		}
	}
	return left
}

func (s *questions) add(all []question) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, all...)
	for _, q := range all {
		q.asker.waiting++
		q.asker.notify()
	}
}

func (a *asker) notify() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// take returns the questions that have waited longest, or none if none of a's waits.
func (s *questions) take(a *asker) []question {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.waiting == 0 {
		return nil
	}
	n := min(len(s.waiting), maxSeries)
	batch := s.waiting[:n:n]
	s.waiting = s.waiting[n:]
	for _, q := range batch {
		q.asker.waiting--
	}
	return batch
}

func (s *questions) answered(a *asker) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return a.left == 0
}

// leave takes back what a still asks. It returns a copy of the results: another caller may be
// asking for a, and write to them.
func (s *questions) leave(a *asker, err error) []probe.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.waiting > 0 {
		s.waiting = slices.DeleteFunc(slices.Clone(s.waiting), func(q question) bool { return q.asker == a })
		a.waiting = 0
	}
	results := slices.Clone(a.results)
	for i := range results {
		if results[i].Err == nil && results[i].Observation == (probe.Observation{}) {
			results[i].Err = err
		}
	}
	return results
}
