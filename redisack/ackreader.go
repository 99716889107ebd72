package redisack

import (
	queue "container/list"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// ackPause is the minimum pause between two reads of one server. The pause is an eighth of the
	// time since the newest request, up to maxAckPause, so a late acknowledgement is noticed with
	// more delay than an early one.
	ackPause    = 5 * time.Millisecond
	maxAckPause = 50 * time.Millisecond
	// A read is followed by a pause of ackShare times its duration, up to maxSlowPause, so that
	// reads do not overload a slow server.
	ackShare     = 2
	maxSlowPause = time.Second
	// ackStreams is the maximum number of streams that one round trip reads, and ackEntries the
	// maximum number of entries of all of them together, which bounds the memory of an answer.
	ackStreams = 500
	ackEntries = 10_000
	ackBatch   = 1000 // maximum number of entries of one stream
)

// ackReader reads the streams of acknowledgements for all runs of a client. However many runs wait,
// one goroutine per server reads with one pipeline at a time, so the runs share one connection of
// the host's pool.
//
// A run makes a request and waits for its answer; the end of its context ends only its own wait.
// The goroutine of a server starts with the first request and ends when there are none, so no
// goroutine runs while no run waits.
type ackReader struct {
	mu      sync.Mutex
	servers map[string]*ackServer // by address
}

// ackServer is one server to read from. Its fields are guarded by ackReader.mu.
type ackServer struct {
	rdb     ackSource
	waiting queue.List    // of *ackRequest, least recently read first
	newest  time.Time     // when the newest request was made
	reading bool          // the goroutine of the server is running
	wake    chan struct{} // holds an entry after waiting has changed
	cancel  context.CancelFunc
	ended   time.Time     // when the last read ended
	took    time.Duration // of the last read
}

// ackSource is the part of a Redis client that the reader needs.
type ackSource interface {
	Pipeline() redis.Pipeliner
}

// ackRequest asks for the entries after a position in a stream, for one run.
type ackRequest struct {
	stream string
	after  string
	// gaps asks whether entries after the position may have been trimmed.
	gaps bool
	// once asks for an answer after one read, even if there are no entries.
	once bool

	place  *queue.Element // in waiting; nil after the answer or giveUp. Guarded by ackReader.mu
	answer chan ackAnswer
}

// ackAnswer is the result of a read for one request.
type ackAnswer struct {
	entries []redis.XMessage
	trimmed bool
	err     error
}

// read waits for an answer to the request from the server at addr, which rdb reaches.
func (r *ackReader) read(ctx context.Context, addr string, rdb ackSource, req ackRequest) (ackAnswer, error) {
	req.answer = make(chan ackAnswer, 1)
	server := r.enter(addr, rdb, &req)
	select {
	case a := <-req.answer:
		return a, a.err
	case <-ctx.Done():
		r.giveUp(server, &req)
		return ackAnswer{}, context.Cause(ctx)
	}
}

// enter adds the request and starts the goroutine of its server if there is none.
func (r *ackReader) enter(addr string, rdb ackSource, req *ackRequest) *ackServer {
	r.mu.Lock()
	defer r.mu.Unlock()
	server := r.servers[addr]
	if server == nil {
		r.forget()
		server = &ackServer{wake: make(chan struct{}, 1)}
		r.servers[addr] = server
	}
	server.rdb = rdb // a cluster client that lost the server and found it again has created another client for it
	server.newest = time.Now()
	req.place = server.waiting.PushBack(req)
	if server.reading {
		server.stir()
	} else {
		server.reading = true
		go r.serve(server)
	}
	return server
}

// forget removes idle servers, so that the servers of a cluster that come and go do not accumulate.
// The caller holds mu.
func (r *ackReader) forget() {
	for addr, server := range r.servers {
		if !server.reading && time.Since(server.ended) > maxSlowPause {
			delete(r.servers, addr)
		}
	}
}

// giveUp withdraws a request. If no other request waits, giveUp cancels the read under way, so that
// the Redis client does not retry it.
func (r *ackReader) giveUp(server *ackServer, req *ackRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if req.place == nil {
		return
	}
	server.waiting.Remove(req.place)
	req.place = nil
	if server.waiting.Len() > 0 {
		return
	}
	server.stir()
	if server.cancel != nil {
		server.cancel()
	}
}

func (s *ackServer) stir() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// serve is the goroutine of one server. It ends when no request waits.
func (r *ackReader) serve(server *ackServer) {
	for {
		pause, more := r.next(server)
		switch {
		case !more:
			return
		case pause > 0:
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-server.wake:
			}
			timer.Stop()
		default:
			r.round(server)
		}
	}
}

// next returns how long to wait before the next read; more is false if no request waits.
func (r *ackReader) next(server *ackServer) (pause time.Duration, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if server.waiting.Len() == 0 {
		server.reading = false
		return 0, false
	}
	now := time.Now()
	pause = min(max(now.Sub(server.newest)/8, ackPause), maxAckPause)
	if n := time.Duration(server.waiting.Len()); n > ackStreams { // the pause is between two reads of the same stream
		pause = pause * ackStreams / n
	}
	pause = max(pause, min(ackShare*server.took, maxSlowPause))
	return server.ended.Add(pause).Sub(now), true
}

// round reads the streams of the least recently read requests, and answers the requests for which
// it has found news.
func (r *ackReader) round(server *ackServer) {
	r.mu.Lock()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	server.cancel = cancel
	rdb, batch := server.rdb, server.batch()
	r.mu.Unlock()
	if len(batch) == 0 { // the last request was just given up
		return
	}
	began := time.Now()
	answers := readStreams(ctx, rdb, batch)

	r.mu.Lock()
	defer r.mu.Unlock()
	server.cancel = nil
	server.ended = time.Now()
	server.took = server.ended.Sub(began)
	for i, req := range batch {
		a := answers[i]
		news := req.once || a.err != nil || len(a.entries) > 0
		if news && req.place != nil {
			server.waiting.Remove(req.place)
			req.place = nil
			req.answer <- a // buffered
		}
	}
}

// batch moves the requests of the next round to the end of the queue and returns them. The caller
// holds mu.
func (s *ackServer) batch() []*ackRequest {
	batch := make([]*ackRequest, min(s.waiting.Len(), ackStreams))
	for i := range batch {
		first := s.waiting.Front()
		batch[i], _ = first.Value.(*ackRequest)
		s.waiting.MoveToBack(first)
	}
	return batch
}

// readStreams reads all streams in one pipeline. Each stream has a separate command, and so a
// separate error.
func readStreams(ctx context.Context, rdb ackSource, batch []*ackRequest) []ackAnswer {
	count := int64(min(max(ackEntries/len(batch), 1), ackBatch))
	reads := make([]*redis.XStreamSliceCmd, len(batch))
	firsts := make([]*redis.XMessageSliceCmd, len(batch))
	// The hooks of the Redis client are the host's code, which may panic or end the goroutine.
	_, err := within(context.Background(), func() (struct{}, error) {
		pipe := rdb.Pipeline()
		for i, req := range batch {
			if req.gaps {
				firsts[i] = pipe.XRangeN(ctx, req.stream, req.after, req.after, 1)
			}
			reads[i] = pipe.XRead(ctx, &redis.XReadArgs{Streams: []string{req.stream, req.after}, Count: count, Block: -1})
		}
		_, err := pipe.Exec(ctx)
		return struct{}{}, err
	})
	answers := make([]ackAnswer, len(batch))
	for i := range batch {
		answers[i] = answerOf(reads[i], firsts[i], err)
	}
	return answers
}

// answerOf returns the answer to one request. first is nil if the request does not ask for gaps.
// err is the error of the pipeline, which applies to commands that did not run.
func answerOf(read *redis.XStreamSliceCmd, first *redis.XMessageSliceCmd, err error) (a ackAnswer) {
	if read == nil {
		return ackAnswer{err: err}
	}
	streams, fault := read.Result()
	switch {
	case fault == nil && len(streams) > 0:
		a.entries = streams[0].Messages
	case fault == nil:
		a.err = err
	case !errors.Is(fault, redis.Nil):
		a.err = fault
	}
	if first != nil && a.err == nil {
		entries, fault := first.Result()
		a.trimmed, a.err = fault == nil && len(entries) == 0, fault
	}
	return a
}
