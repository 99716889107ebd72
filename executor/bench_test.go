package executor_test

import (
	"context"
	"testing"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/guard"
	"github.com/cutover-go/cutover/task"
)

type discard struct{}

func (discard) Save(context.Context, checkpoint.Checkpoint) error { return nil }
func (discard) SaveUndo(context.Context, checkpoint.Undo) error   { return nil }
func (discard) Progress(executor.Progress)                        {}

// go test -run '^$' -bench Run -benchmem ./executor
func BenchmarkRun(b *testing.B) {
	tk := task.Task{ID: task.NewID(1, 1), Tenant: task.Tenant{ID: "t"}}
	nop := func(context.Context, *executor.Run) error { return nil }
	ctx := context.Background()
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			executor.NewRun(tk, nil, 1, discard{})
		}
	})
	b.Run("guarded", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = guard.Run(ctx, executor.NewRun(tk, nil, 1, discard{}), nop)
		}
	})
	b.Run("guarded then", func(b *testing.B) {
		b.ReportAllocs()
		then := func(error) {}
		for b.Loop() {
			guard.Then(ctx, executor.NewRun(tk, nil, 1, discard{}), nop, then)
		}
	})
	b.Run("own goroutine", func(b *testing.B) {
		b.ReportAllocs()
		done := make(chan error)
		for b.Loop() {
			go func() { done <- nop(ctx, executor.NewRun(tk, nil, 1, discard{})) }()
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		}
	})
}
