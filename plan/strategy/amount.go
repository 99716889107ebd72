package strategy

import (
	"errors"
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

// Count returns the amount n. A negative n makes a strategy invalid.
func Count(n int) Amount { return Amount{N: n} }

// Percent returns n percent of the base it is applied to. An n below 0 or above 100 makes a
// strategy invalid.
func Percent(n int) Amount { return Amount{N: n, Percent: true} }

// ErrInvalid is matched by the errors of [ParseAmount] and [ParseAction].
var ErrInvalid = errors.New("strategy: invalid")

// ParseAmount reads an amount as [Amount.String] writes it, "5" or "10%": digits without a sign,
// spaces or leading zeros; a percentage is at most 100. For anything else it returns an error that
// matches [ErrInvalid].
func ParseAmount(s string) (Amount, error) {
	digits, percent := strings.CutSuffix(s, "%")
	if digits == "" || strings.Trim(digits, "0123456789") != "" || len(digits) > 1 && digits[0] == '0' {
		return Amount{}, fmt.Errorf("%w: %.32q is neither a count nor a percentage", ErrInvalid, s)
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return Amount{}, fmt.Errorf("%w: %.32q is too large", ErrInvalid, s)
	}
	a := Amount{N: n, Percent: percent}
	if problem := a.fault(); problem != "" {
		return Amount{}, fmt.Errorf("%w: %.32q %s", ErrInvalid, s, problem)
	}
	return a, nil
}

func (a Amount) String() string {
	if a.Percent {
		return strconv.Itoa(a.N) + "%"
	}
	return strconv.Itoa(a.N)
}

// Of returns the amount of base, rounded down, and at most base.
func (a Amount) Of(base int) int {
	n := a.N
	if a.Percent {
		percent := max(0, min(n, 100))
		n = base/100*percent + base%100*percent/100 // so that no base overflows
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
