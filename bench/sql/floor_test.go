package sqlbench

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// transition is a change of a task that holds if the task's token is old; old 0 takes the task.
type transition struct {
	ordinal  int
	ended    bool
	old, new int64
	data     []byte // nil leaves what is there
}

// tally counts the tasks that transitions take and end.
func tally(list []transition) (taken, ended int) {
	for i := range list {
		if list[i].old == 0 {
			taken++
		}
		if list[i].ended {
			ended++
		}
	}
	return taken, ended
}

// request is what one task in flight wants to have written together.
type request struct {
	list []transition
	done chan error
}

// bare does the work with nothing but commits of groups: what waits while one is under way goes
// into the next.
func (r *run) bare(commit func([]transition) error) {
	waiting := make(chan *request, r.flight)
	var writer, workers sync.WaitGroup
	writer.Go(func() { group(waiting, commit) })
	var frontier, token atomic.Int64
	r.created()
	for range r.flight {
		workers.Go(func() {
			q := &request{done: make(chan error, 1)}
			send := func(list ...transition) {
				q.list = append(q.list[:0], list...)
				waiting <- q
				if err := <-q.done; err != nil {
					r.Error(err)
				}
			}
			take := func() (transition, bool) {
				n := int(frontier.Add(1))
				return transition{ordinal: n, new: token.Add(1)}, n <= r.n
			}
			t, more := take()
			if more {
				send(t)
			}
			for more {
				has := t.new
				for range 2 {
					send(transition{t.ordinal, false, has, has, []byte(payload())})
				}
				end := transition{t.ordinal, true, has, has, nil}
				if t, more = take(); more {
					send(end, t)
				} else {
					send(end)
				}
			}
		})
	}
	workers.Wait()
	r.done()
	close(waiting)
	writer.Wait()
}

func group(waiting chan *request, commit func([]transition) error) {
	var all []*request
	var list []transition
	for q := range waiting {
		runtime.Gosched() // those who were just answered may join
		all, list = append(all[:0], q), append(list[:0], q.list...)
		for more := true; more; {
			select {
			case q, more = <-waiting:
				if more {
					all, list = append(all, q), append(list, q.list...)
				}
			default:
				more = false
			}
		}
		err := commit(list)
		for _, q := range all {
			q.done <- err
		}
	}
}
