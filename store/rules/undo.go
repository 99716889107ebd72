package rules

// nextUndo advances the open undo round to the next task to undo and returns its ordinal. It
// returns 0 if no task is left to undo, and then sets UndosExhausted, or if that is unknown.
func (s *step) nextUndo() uint32 {
	p, m := s.p, &s.p.Marks
	if !p.Undo.Open || p.UndosExhausted {
		return 0
	}
	if m.Undo == 0 {
		m.Undo = p.undoFrom() + 1
	}
	for until := p.undoUntil(); m.Undo > until; {
		first := s.first(Undoable, m.Undo-1, until)
		if s.unknown != 0 {
			if first != 0 {
				m.Undo = min(m.Undo, first)
			}
			return 0
		}
		if first == 0 {
			break
		}
		if !p.Sequential() {
			m.Undo = first + 1
			return first
		}
		m.Undo = s.r.Task(first).Released
		if !p.Undo.OfWave() || p.Undo.Covers(int(first)) {
			m.Undo++
			return first
		}
	}
	p.UndosExhausted = true
	return 0
}

// undoFrom returns the position at which a round begins. Nothing that the round is about runs
// meanwhile, so the order in which holds ended does not change for the tasks that it undoes.
func (p *Plan) undoFrom() uint32 {
	switch {
	case p.Sequential():
		return p.Marks.Releases
	case p.Undo.OfWave():
		return uint32(p.Undo.Last)
	}
	return uint32(p.TaskCount)
}

// undoUntil returns the position at which a round ends. In a sequential plan a task that ran was
// released: its position is at least 1.
func (p *Plan) undoUntil() uint32 {
	if p.Undo.OfWave() && !p.Sequential() {
		return uint32(p.Undo.First)
	}
	return 1
}
