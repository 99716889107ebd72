package strategy_test

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan/strategy"
)

// Amounts round down: a tolerance perhaps to 0, a concurrency at least to 1.
func TestRounding(t *testing.T) {
	t.Parallel()
	tests := []struct {
		amount     strategy.Amount
		base       int
		of         int // a tolerance: down, perhaps to 0
		atLeastOne int // a concurrency or size: down, but at least 1
	}{
		{strategy.Percent(10), 25, 2, 2},
		{strategy.Percent(10), 3, 0, 1},
		{strategy.Percent(10), 9, 0, 1},
		{strategy.Percent(10), 10, 1, 1},
		{strategy.Percent(10), 19, 1, 1},
		{strategy.Percent(33), 3, 0, 1},
		{strategy.Percent(34), 3, 1, 1},
		{strategy.Percent(99), 100, 99, 99},
		{strategy.Percent(99), 10, 9, 9},
		{strategy.Percent(100), 3, 3, 3},
		{strategy.Percent(1), 999_999, 9_999, 9_999},
		{strategy.Percent(100), 999_999, 999_999, 999_999},
		{strategy.Percent(0), 25, 0, 1},
		{strategy.Percent(50), 1, 0, 1},
		{strategy.Count(0), 25, 0, 1},
		{strategy.Count(1), 25, 1, 1},
		{strategy.Count(25), 25, 25, 25},
		{strategy.Count(26), 25, 25, 25},
		{strategy.Count(1_000_000_000), 25, 25, 25},
		{strategy.Count(5), 0, 0, 1},
		{strategy.Amount{}, 25, 0, 1},
		{strategy.Amount{}, 0, 0, 1},
		{strategy.Percent(50), 0, 0, 1},
	}
	for _, tt := range tests {
		if got := tt.amount.Of(tt.base); got != tt.of {
			t.Errorf("%s of %d is %d, want %d", tt.amount, tt.base, got, tt.of)
		}
		if got := tt.amount.AtLeastOne(tt.base); got != tt.atLeastOne {
			t.Errorf("at least one, %s of %d is %d, want %d", tt.amount, tt.base, got, tt.atLeastOne)
		}
	}
}

// Percentages are computed in whole numbers: no result is one too high or one too low.
func TestRoundingIsTheFloor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 100).Draw(t, "percent")
		base := rapid.IntRange(0, 999_999).Draw(t, "base")
		got := strategy.Percent(n).Of(base)
		if got*100 > base*n || (got+1)*100 <= base*n {
			t.Fatalf("%d%% of %d is %d", n, base, got)
		}
	})
}

func TestAmountStaysWithinItsBase(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := strategy.Amount{Kind: strategy.AmountKind(rapid.IntRange(0, 3).Draw(t, "kind")), N: rapid.Int().Draw(t, "n")}
		base := rapid.IntRange(0, 999_999).Draw(t, "base")
		if got := a.Of(base); got < 0 || got > base {
			t.Errorf("%s of %d is %d", a, base, got)
		}
		if got := a.AtLeastOne(base); got < 1 || got > max(1, base) {
			t.Errorf("at least one, %s of %d is %d", a, base, got)
		}
	})
}

func TestParseAmount(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]strategy.Amount{
		"0": strategy.Count(0), "5": strategy.Count(5), "9223372036854775807": strategy.Count(math.MaxInt),
		"10%": strategy.Percent(10), "0%": strategy.Percent(0), "100%": strategy.Percent(100),
	} {
		if got, err := strategy.ParseAmount(text); err != nil || got != want {
			t.Errorf("ParseAmount(%q) = %v, %v, want %v", text, got, err, want)
		}
		if want.String() != text {
			t.Errorf("%+v is written %s, want %s", want, want, text)
		}
	}
	if got := (strategy.Amount{}).String(); got != "" {
		t.Errorf("the unset amount is written %q", got)
	}
	for _, text := range []string{
		"", "%", "ten", "10 %", " 10", "10\n", "\t10", "10%%", "1.5%", "1e3", "0x10", "1_000", "NaN", "Inf", "\u0661", "10\x00",
		"-1", "-3", "-0", "+5", "-10%", "+10%", "007", "00", "05%", "101%", "150%", "250%",
		"9223372036854775808", "9223372036854775807%", "99999999999999999999", strings.Repeat("9", 1<<20),
	} {
		if got, err := strategy.ParseAmount(text); !errors.Is(err, strategy.ErrInvalid) || got != (strategy.Amount{}) || len(err.Error()) > 200 {
			t.Errorf("ParseAmount(%.40q) = %v, %.200v, want an error", text, got, err)
		}
	}
}

// No amount of any base overflows, not even an amount that is invalid.
func TestAmountsOfHugeBases(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.IntRange(0, math.MaxInt).Draw(t, "base")
		n := rapid.IntRange(0, 100).Draw(t, "percent")
		want := new(big.Int).Mul(big.NewInt(int64(base)), big.NewInt(int64(n)))
		if got := strategy.Percent(n).Of(base); want.Div(want, big.NewInt(100)).Int64() != int64(got) {
			t.Fatalf("%d%% of %d is %d, want %s", n, base, got, want)
		}
	})
	for _, a := range []strategy.Amount{strategy.Percent(math.MaxInt), strategy.Percent(math.MinInt), strategy.Count(math.MaxInt), strategy.Count(math.MinInt)} {
		want := 0
		if a.N > 0 {
			want = math.MaxInt
		}
		if got := a.Of(math.MaxInt); got != want {
			t.Errorf("%s of the largest base is %d", a, got)
		}
	}
}

// FuzzParseAmount checks that an amount that parses makes a valid strategy, and is the same after
// it is written and read again.
func FuzzParseAmount(f *testing.F) {
	for _, text := range []string{"5", "10%", "+5", "-0%", "007", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := strategy.ParseAmount(text)
		if err != nil {
			return
		}
		if again, err := strategy.ParseAmount(a.String()); err != nil || again != a {
			t.Errorf("%q is %+v, written and read %+v, %v", text, a, again, err)
		}
		if faults := (strategy.Strategy{MaxConcurrency: a, MaxFailures: a}).Faults(); len(faults) > 0 || a.String() != text {
			t.Errorf("%q is %+v, with %v", text, a, faults)
		}
	})
}
