package strategy

import (
	"fmt"
	"strconv"
	"strings"
)

// Amount is a count or a percentage of some base. The zero value is the count 0.
type Amount struct {
	// N is the count, or the percentage if Percent is set.
	N       int
	Percent bool
}

// Count returns the amount n.
func Count(n int) Amount { return Amount{N: n} }

// Percent returns n percent of whatever it is applied to.
func Percent(n int) Amount { return Amount{N: n, Percent: true} }

// ParseAmount reads "5" or "10%".
func ParseAmount(s string) (Amount, error) {
	digits, percent := strings.CutSuffix(s, "%")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return Amount{}, fmt.Errorf("strategy: %.32q is neither a count nor a percentage", s)
	}
	return Amount{N: n, Percent: percent}, nil
}

func (a Amount) String() string {
	if a.Percent {
		return strconv.Itoa(a.N) + "%"
	}
	return strconv.Itoa(a.N)
}

// Of returns the amount of base, rounded down. Counts above the base mean all.
func (a Amount) Of(base int) int {
	n := a.N
	if a.Percent {
		n = base * a.N / 100
	}
	return max(0, min(n, base))
}

// AtLeastOne is [Amount.Of], but never less than 1.
func (a Amount) AtLeastOne(base int) int { return max(1, a.Of(base)) }

// fault returns what is wrong with a, or "".
func (a Amount) fault() string {
	switch {
	case a.N < 0:
		return "is negative"
	case a.Percent && a.N > 100:
		return "is more than 100%"
	}
	return ""
}
