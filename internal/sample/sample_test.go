package sample

import (
	"flag"
	"slices"
	"strconv"
	"testing"
)

// shortly runs a test with the value of -short.
func shortly(t *testing.T, short bool) {
	t.Helper()
	before := flag.Lookup("test.short").Value.String()
	set := func(value string) {
		if err := flag.Set("test.short", value); err != nil {
			t.Fatal(err)
		}
	}
	set(strconv.FormatBool(short))
	t.Cleanup(func() { set(before) })
}

func TestRunCounts(t *testing.T) {
	t.Setenv(runEnv, "40")
	first := Run(t)
	if second := Run(t); first < 40 || second != first+1 {
		t.Errorf("runs %d and %d", first, second)
	}
	t.Setenv(runEnv, "")
	t.Run("another", func(t *testing.T) {
		if n, again := Run(t), Run(t); again != n+1 {
			t.Errorf("runs %d and %d", n, again)
		}
	})
}

// TestRunRefuses: a number of runs that cannot be read fails the test.
func TestRunRefuses(t *testing.T) {
	for _, text := range []string{"-1", "many", "1e3", "99999999999"} {
		t.Setenv(runEnv, text)
		failed := &fatal{TB: t}
		func() {
			defer func() { _ = recover() }()
			Run(failed)
		}()
		if !failed.called {
			t.Errorf("%s was accepted", text)
		}
	}
}

// fatal is a test that records that it failed.
type fatal struct {
	testing.TB
	called bool
}

func (f *fatal) Fatalf(string, ...any) {
	f.called = true
	panic("failed")
}

// TestOfCoversAll: consecutive short runs make all cases equally often.
func TestOfCoversAll(t *testing.T) {
	shortly(t, true)
	var made []uint64
	for range 7 {
		some := Of(t, 3, 7)
		if len(some) != 3 {
			t.Fatalf("3 of 7 are %v", some)
		}
		made = append(made, some...)
	}
	slices.Sort(made)
	if want := []uint64{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6}; !slices.Equal(made, want) {
		t.Errorf("made %v", made)
	}
	if all := Of(t, 8, 7); !slices.Equal(all, []uint64{0, 1, 2, 3, 4, 5, 6}) {
		t.Errorf("8 of 7 are %v", all)
	}
}

func TestFullInTurn(t *testing.T) {
	shortly(t, true)
	full := 0
	for range 30 {
		if Full(t, 10) {
			full++
		}
	}
	if full != 3 {
		t.Errorf("%d of 30 runs in full size, want 3", full)
	}
}

// TestThird: without -short, a run makes the next third, or as many cases as one with -short. Which
// third is the first depends on how often the test ran before.
func TestThird(t *testing.T) {
	shortly(t, false)
	t.Setenv(fullEnv, "")
	if Whole() {
		t.Error("all is asked for")
	}
	var made []uint64
	for range 3 {
		made = append(made, Of(t, 1, 7)...)
	}
	for i, which := range made {
		if which != (made[0]+uint64(i))%7 {
			t.Errorf("made %v", made)
			break
		}
	}
	if len(made) != 9 {
		t.Errorf("made %d cases of three runs, want 9", len(made))
	}
	if some := Of(t, 4, 7); len(some) != 4 {
		t.Errorf("4 of 7 are %v", some)
	}
}

// TestWhole: every run makes the whole test if that is asked for and -short is not.
func TestWhole(t *testing.T) {
	shortly(t, false)
	t.Setenv(fullEnv, "1")
	for range 12 {
		if all := Of(t, 1, 2); len(all) != 2 || !Full(t, 10) || !Whole() {
			t.Errorf("a part of the test: %v", all)
		}
	}
	shortly(t, true)
	if some := Of(t, 1, 2); len(some) != 1 || Whole() {
		t.Errorf("more than a part with -short: %v", some)
	}
}
