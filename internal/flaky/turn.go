package main

import (
	"context"
	"fmt"
	"slices"
)

// turn is a package and a mode in which its tests run. A turn is repeated until all its runs are
// made.
type turn struct {
	pkg    pkg
	mode   mode
	binary string
	entry  *entry
	size   int // the number of runs of the next piece; the first piece measures how long a run takes
}

// left returns the number of remaining runs, 0 after maxFailedPieces.
func (w *turn) left() int {
	if w.entry.FailedPieces >= maxFailedPieces {
		return 0
	}
	return max(0, w.mode.runs-w.entry.Runs[w.mode.name])
}

// ended is a piece that has ended: n runs of a turn.
type ended struct {
	turn *turn
	n    int
	result
}

// takeTurns runs one piece of each turn after the other, again and again until no runs are left.
// Up to o.parallel pieces run at a time, but no two of the same package.
func takeTurns(ctx context.Context, o options, turns []*turn, t *tally) error {
	var first error
	pieces, busy := make(chan ended), make(map[*entry]bool)
	for {
		for first == nil && len(busy) < o.parallel {
			i := slices.IndexFunc(turns, func(w *turn) bool { return !busy[w.entry] && w.left() > 0 })
			if i < 0 {
				break
			}
			w := turns[i]
			turns = append(slices.Delete(turns, i, i+1), w)
			busy[w.entry] = true
			n, before := min(w.size, w.left()), w.entry.runs()
			go func() { pieces <- ended{w, n, runPiece(ctx, o.timeout, w.binary, w.pkg, w.mode, n, before)} }()
		}
		if len(busy) == 0 {
			return first
		}
		p := <-pieces
		delete(busy, p.turn.entry)
		err := context.Cause(ctx)
		if err == nil {
			err = p.count(o, t)
		}
		if err != nil && first == nil {
			first = fmt.Errorf("%s: %w", p.turn.pkg.Path, err)
		}
	}
}

// count adds a piece to the tally.
func (p ended) count(o options, t *tally) error {
	w := p.turn
	w.size = next(p.n, p.took, o.piece)
	w.entry.add(w.mode.name, p.n, p.result)
	if err := t.write(); err != nil {
		return err
	}
	return tell(o.dir, w.pkg, w.mode, w.entry, p.result)
}
