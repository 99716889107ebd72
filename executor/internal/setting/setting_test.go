package setting_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/executor/internal/setting"
)

// service is a service with one tenant. It keeps the changes that it receives.
type service struct {
	value   int
	changes []setting.Change[int]
	// ignores makes it agree to a change without making it; fails is the error of its answers.
	ignores    bool
	fails      error
	interferes func() // is called after a change
}

func (s *service) setting() setting.Setting[int] {
	return setting.Setting[int]{
		Get: func(context.Context, string) (int, error) { return s.value, nil },
		Set: func(_ context.Context, c setting.Change[int]) error {
			s.changes = append(s.changes, c)
			if !s.ignores && s.fails == nil {
				s.value = c.To
			}
			if s.interferes != nil {
				s.interferes()
			}
			return s.fails
		},
		Service: "the balancer", Is: "has", Unit: " percent", NotConfirmed: "WEIGHT_NOT_CONFIRMED",
	}
}

func TestMove(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		service   *service
		code      string // "" for success
		retryable bool
		changes   int
		value     int
	}{
		"from where it was":        {service: &service{value: 5}, changes: 1, value: 25},
		"there already":            {service: &service{value: 25}, changes: 1, value: 25},
		"moved on by somebody":     {service: &service{value: 50}, code: "TENANT_MOVED_ON", value: 50},
		"agreed to and not done":   {service: &service{value: 5, ignores: true}, code: "WEIGHT_NOT_CONFIRMED", retryable: true, changes: 1, value: 5},
		"refused":                  {service: &service{value: 5, fails: executor.Fail("REFUSED", errors.New("no"))}, code: "REFUSED", changes: 1, value: 5},
		"moved on in the meantime": {service: &service{value: 5}, code: "TENANT_MOVED_ON", changes: 1, value: 7},
	} {
		if name == "moved on in the meantime" {
			c.service.interferes = func() { c.service.value = 7 }
		}
		run := executortest.NewRun(t, executortest.Token(9))
		err := c.service.setting().Move(t.Context(), run.Run, "RAISE", 5, 25)
		if (err != nil) != (c.code != "") {
			t.Errorf("%s: %v", name, err)
		} else if err != nil {
			if info := executor.FailureOf(err, time.Time{}, 1, ""); info.ErrorCode != c.code || info.Retryable != c.retryable || info.Reason == "" {
				t.Errorf("%s: %+v", name, info)
			}
		}
		if len(c.service.changes) != c.changes || c.service.value != c.value {
			t.Errorf("%s: changes %+v, value %d", name, c.service.changes, c.service.value)
		}
		want := setting.Change[int]{TenantID: "tenant1", From: 5, To: 25, Token: 9, Key: "1000001/RAISE"}
		for _, change := range c.service.changes {
			if change != want {
				t.Errorf("%s: %+v", name, change)
			}
		}
	}
}

func TestLookNamesWhatItFound(t *testing.T) {
	t.Parallel()
	s := &service{value: 7}
	_, err := s.setting().Look(t.Context(), executortest.NewRun(t).Run, 5, 25)
	if err == nil || !strings.Contains(err.Error(), `has "7", and this task left it at 5 or 25`) {
		t.Errorf("%v", err)
	}
	if v, err := s.setting().Look(t.Context(), executortest.NewRun(t).Run, 5, 7); v != 7 || err != nil {
		t.Errorf("%d, %v", v, err)
	}
}
