package renewal

import "context"

// scanJob is the question of a task whose keys are found by SCAN. It reads one page
// each time it runs and queues itself again, so that all scans advance in turn; the
// host's functions follow at the end.
type scanJob question

func (j *scanJob) run(ctx context.Context) {
	q := (*question)(j)
	svc := q.h.pol.svc
	if !q.wanted() {
		q.answered(nil)
		return
	}
	keys, more, err := q.scan.page(ctx)
	if err == nil {
		err = q.add(keys)
		more = more && err == nil
	}
	if err != nil { // keys of that part stay as they are known
		q.err, q.some = err, true
	}
	next, pool := job(q), svc.users
	if more {
		next, pool = j, svc.scans
	}
	if !pool.submit(next) {
		q.answered(ErrStopped)
	}
}

// giveUp is for a page that takes longer than the budget: the tick fails.
func (j *scanJob) giveUp(err error) { (*question)(j).giveUp(err) }

func (j *scanJob) abandon() { (*question)(j).abandon() }

// wanted tells whether the task still waits for the answer.
func (q *question) wanted() bool {
	q.h.mu.Lock()
	defer q.h.mu.Unlock()
	return q.h.reason == Live && !q.over
}
