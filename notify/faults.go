package notify

import (
	"log/slog"
	"sync"
	"time"
)

// faultGap is the minimum time between two logged faults of one operation.
const faultGap = 10 * time.Second

// logFaults returns an OnFault that logs to slog.Default.
func logFaults() func(op string, err error) {
	var mu sync.Mutex
	logged := make(map[string]time.Time) // a notifier has a fixed set of operations
	return func(op string, err error) {
		mu.Lock()
		defer mu.Unlock()
		if last, before := logged[op]; before && time.Since(last) < faultGap {
			return
		}
		logged[op] = time.Now()
		slog.Default().Warn("notifier: "+op, slog.Any("error", err))
	}
}
