package window

import (
	"encoding/json"
	"fmt"
	"sync"
)

// maxCached is how many schedules a process keeps for [Cached]. A plan has one set of windows, and
// most plans of a host have the same.
const maxCached = 256

//nolint:gochecknoglobals // a cache of immutable values, which depend on nothing but their key
var cached = struct {
	sync.Mutex
	byForm map[string]*Schedule
}{byForm: make(map[string]*Schedule)}

// Cached is [New] for windows that are asked about again and again: it keeps the schedules of some
// hundred sets of windows. It keeps no errors: the zone that is missing now may be installed later.
func Cached(windows []Window) (*Schedule, error) {
	form, err := json.Marshal(windows)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	cached.Lock()
	defer cached.Unlock()
	if s := cached.byForm[string(form)]; s != nil {
		return s, nil
	}
	s, err := New(windows)
	if err != nil {
		return nil, err
	}
	if len(cached.byForm) >= maxCached {
		clear(cached.byForm)
	}
	cached.byForm[string(form)] = s
	return s, nil
}
