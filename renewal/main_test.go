package renewal

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/abreast"
	"github.com/cutover-go/cutover/internal/redistest"
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(stallAddr); addr != "" {
		if err := stalled(addr); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	abreast.Tests(4)
	goleak.VerifyTestMain(m, redistest.IgnoreDialers())
}

// start runs a service until the end of the test.
func start(t *testing.T, s *Service) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	<-s.Started()
}

// eventually waits until a condition holds, and fails the test after limit.
func eventually(t *testing.T, limit time.Duration, holds func() bool, msg string) {
	t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(msg)
		}
	}
}

func register(t *testing.T, s *Service, task Task) *Handle {
	t.Helper()
	h, err := s.Register(task)
	if err != nil {
		t.Fatalf("Register: %v", err)
	}
	return h
}
