package renewal

// renewWait is one call of RenewNow that waits. The mutex of its Handle guards it until done is
// closed.
type renewWait struct {
	open map[*key]struct{} // keys without an outcome; nil until the keys are known
	errs []error
	done chan struct{}
}

// renewWaits are the calls of RenewNow that wait for one task. On a nil receiver the methods,
// except add, do nothing.
type renewWaits []*renewWait

// add adds a caller.
func (w *renewWaits) add() *renewWait {
	wait := &renewWait{done: make(chan struct{})}
	*w = append(*w, wait)
	return wait
}

// any reports whether a caller waits.
func (w *renewWaits) any() bool { return w != nil && len(*w) > 0 }

// waitFor reports whether a caller waits for a key.
func (w *renewWaits) waitFor(k *key) bool {
	if w == nil {
		return false
	}
	for _, wait := range *w {
		if _, open := wait.open[k]; open {
			return true
		}
	}
	return false
}

// begin makes every caller whose keys are not known yet wait for the keys that the function each
// yields.
func (w *renewWaits) begin(each func(func(*key))) {
	if w == nil {
		return
	}
	for _, wait := range *w {
		if wait.open == nil {
			wait.open = make(map[*key]struct{})
			each(func(k *key) { wait.open[k] = struct{}{} })
		}
	}
	w.record(nil, nil)
}

// addError passes an error that does not belong to a key to the callers whose keys are not known
// yet, because a selector that failed may have left out keys, which are then not renewed.
func (w *renewWaits) addError(err error) {
	if w == nil {
		return
	}
	for _, wait := range *w {
		if wait.open == nil {
			wait.errs = append(wait.errs, err)
		}
	}
}

// record passes the outcome of a key to the callers that wait for the key, and wakes the callers
// that have all their outcomes.
func (w *renewWaits) record(k *key, err error) {
	if !w.any() {
		return
	}
	waiting := (*w)[:0]
	for _, wait := range *w {
		if _, open := wait.open[k]; open {
			delete(wait.open, k)
			if err != nil {
				wait.errs = append(wait.errs, err)
			}
		}
		if wait.open != nil && len(wait.open) == 0 {
			close(wait.done)
		} else {
			waiting = append(waiting, wait)
		}
	}
	clear((*w)[len(waiting):])
	*w = waiting
}

// fail makes every caller return with an error.
func (w *renewWaits) fail(err error) {
	if w == nil {
		return
	}
	for _, wait := range *w {
		wait.errs = append(wait.errs, err)
		close(wait.done)
	}
	*w = nil
}
