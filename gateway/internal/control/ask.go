package control

import (
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

// question asks a member for the route of one tenant.
type question struct {
	tenant string
	done   chan probe.Result // receives one result; has room for it
	// again receives a value when the question waits once more, because the caller that asked it
	// for others was canceled; has room for one.
	again chan struct{}
}

// questions are those that wait for one member and one colour. The callers take turns: who has one
// asks for all that wait, over a connection that is made afterwards. So each question is asked over
// a connection that is newer than the question.
type questions struct {
	turns chan struct{}

	mu      sync.Mutex
	waiting []*question
}

var errNoResult = errors.New("the prober has no result for this tenant")

func newQuestions() *questions { return &questions{turns: make(chan struct{}, abreast)} }

// ask asks one question.
func (s *questions) ask(ctx context.Context, prober probe.Series, url, tenant string) (probe.Observation, error) {
	q := &question{tenant: tenant, done: make(chan probe.Result, 1), again: make(chan struct{}, 1)}
	s.add(q)
	for {
		select {
		case r := <-q.done:
			return r.Observation, r.Err
		default:
		}
		if ctx.Err() != nil {
			s.remove(q)
			return probe.Observation{}, ctx.Err()
		}
		select {
		case r := <-q.done:
			return r.Observation, r.Err
		case <-ctx.Done():
			continue
		case s.turns <- struct{}{}:
		}
		batch := s.take(q)
		if len(batch) > 0 {
			s.askAll(ctx, prober, url, batch)
		}
		<-s.turns
		if len(batch) > 0 {
			continue
		}
		select { // another caller asks it
		case r := <-q.done:
			return r.Observation, r.Err
		case <-q.again:
		case <-ctx.Done():
		}
	}
}

// askAll asks questions over one connection. Those that get no result, because ctx has ended or a
// function of the host has panicked, wait again.
func (s *questions) askAll(ctx context.Context, prober probe.Series, url string, batch []*question) {
	defer func() { s.add(batch...) }()
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
	var left []*question
	for i, q := range batch {
		if results[i].Err != nil && ctx.Err() != nil {
			left = append(left, q)
			continue
		}
		q.done <- results[i]
	}
	batch = left
}

func (s *questions) add(all ...*question) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, all...)
	for _, q := range all {
		select {
		case q.again <- struct{}{}:
		default:
		}
	}
}

// take returns the questions that have waited longest, or none if q does not wait.
func (s *questions) take(q *question) []*question {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.waiting, q) {
		return nil
	}
	n := min(len(s.waiting), maxSeries)
	batch := s.waiting[:n:n]
	s.waiting = s.waiting[n:]
	for _, q := range batch {
		select {
		case <-q.again:
		default:
		}
	}
	return batch
}

func (s *questions) remove(q *question) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, q); i >= 0 {
		s.waiting = slices.Concat(s.waiting[:i], s.waiting[i+1:])
	}
}
