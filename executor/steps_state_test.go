package executor_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/executor"
)

type writesItself struct{ A string }

func (writesItself) MarshalJSON() ([]byte, error) {
	return []byte(`{"completedSteps":["A","B"]}`), nil
}

type writesText struct{ A string }

func (writesText) MarshalText() ([]byte, error) { return []byte("x"), nil }

type readsText struct{ A string }

func (*readsText) UnmarshalText([]byte) error { return nil }

type embeds struct {
	writesItself
	B string
}

// TestStatesWithAFormOfTheirOwnAreRefused checks that states that encode or decode themselves are
// refused, because they could hide fields, or write members that belong to others.
func TestStatesWithAFormOfTheirOwnAreRefused(t *testing.T) {
	t.Parallel()
	for method, err := range map[string]error{
		"MarshalJSON":   newSteps[writesItself](),
		"MarshalJSON ":  newSteps[embeds](),
		"MarshalText":   newSteps[writesText](),
		"UnmarshalText": newSteps[readsText](),
	} {
		if !errors.Is(err, executor.ErrInvalid) || !strings.Contains(err.Error(), strings.TrimSpace(method)+" of its own") {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func newSteps[S any]() error {
	_, err := executor.NewSteps(executor.Step[S]{Name: "A", Do: func(context.Context, *executor.Run, *S) error { return nil }})
	return err
}
