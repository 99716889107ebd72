// Package schedule keeps the schedules of windows that are asked about again and again. Making one
// reads the zone database; asking it does not.
package schedule

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/cutover-go/cutover/plan/strategy/window"
)

// maxKept is how many schedules a process keeps. A plan has one set of windows, and most plans of a
// host have the same.
const maxKept = 256

//nolint:gochecknoglobals // a cache of immutable values, which depend on nothing but their key
var kept = struct {
	sync.Mutex
	byForm map[string]*window.Schedule
}{byForm: make(map[string]*window.Schedule)}

// Of is window.New for windows that were checked before. It keeps no errors: a zone that this host
// does not know now may be installed later.
func Of(windows []window.Window) (*window.Schedule, error) {
	form, err := json.Marshal(windows)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", window.ErrInvalid, err)
	}
	kept.Lock()
	defer kept.Unlock()
	if s := kept.byForm[string(form)]; s != nil {
		return s, nil
	}
	s, err := window.New(windows)
	if err != nil {
		return nil, err
	}
	if len(kept.byForm) >= maxKept {
		clear(kept.byForm)
	}
	kept.byForm[string(form)] = s
	return s, nil
}
