package strategy

import (
	"errors"
	"strconv"
	"strings"

	"github.com/cutover-go/cutover/internal/textform"
)

// Amount is a count, a percentage of some base, or unset. If it is unset, the default of its field
// applies. The zero value is unset, which is not the count 0.
type Amount struct {
	Kind AmountKind
	// N is the count or the percentage; 0 if the amount is unset.
	N int
}

// AmountKind says what the number of an [Amount] means.
type AmountKind uint8

// The kinds.
const (
	AmountUnset AmountKind = iota
	AmountCount
	AmountPercent
)

// Count returns the amount n. A negative n makes a strategy invalid.
func Count(n int) Amount { return Amount{Kind: AmountCount, N: n} }

// Percent returns n percent of the base it is applied to. An n below 0 or above 100 makes a
// strategy invalid.
func Percent(n int) Amount { return Amount{Kind: AmountPercent, N: n} }

// ErrInvalid is matched by the errors of [ParseAmount] and of the other functions that parse.
var ErrInvalid = errors.New("strategy: invalid")

// ParseAmount reads an amount as [Amount.String] writes it, "5" or "10%": digits without a sign,
// spaces or leading zeros; a percentage is at most 100. For anything else it returns a
// [*TextError], which matches [ErrInvalid]. That includes "", which is how an unset amount is
// written: the reader of an input decides whether the input may leave an amount out.
func ParseAmount(s string) (Amount, error) {
	digits, percent := strings.CutSuffix(s, "%")
	if digits == "" || strings.Trim(digits, "0123456789") != "" || len(digits) > 1 && digits[0] == '0' {
		return Amount{}, invalid(textform.Refuse(kindAmount, s, amountForms...))
	}
	n, err := strconv.Atoi(digits)
	a := Count(n)
	if percent {
		a.Kind = AmountPercent
	}
	if err != nil || a.fault() != "" {
		return Amount{}, invalid(textform.Refuse(kindAmount, s, amountForms...))
	}
	return a, nil
}

// amountForms describe the texts of amounts.
//
//nolint:gochecknoglobals // a constant table
var amountForms = []string{"a count such as 5", "a percentage from 0% to 100%"}

// String returns the amount as [ParseAmount] reads it, "5" or "10%"; "" if it is unset.
func (a Amount) String() string {
	switch a.Kind {
	case AmountUnset:
		return ""
	case AmountPercent:
		return strconv.Itoa(a.N) + "%"
	case AmountCount:
	}
	return strconv.Itoa(a.N)
}

// Of returns the number that a means for the given base, rounded down and at most base; 0 if a is
// unset.
func (a Amount) Of(base int) int {
	n := 0
	switch a.Kind {
	case AmountUnset:
	case AmountCount:
		n = a.N
	case AmountPercent:
		percent := max(0, min(a.N, 100))
		n = base/100*percent + base%100*percent/100 // computed in two parts, so that no base overflows
	}
	return max(0, min(n, base))
}

// AtLeastOne is [Amount.Of], but never less than 1.
func (a Amount) AtLeastOne(base int) int { return max(1, a.Of(base)) }

// fault returns what is wrong with a, or "".
func (a Amount) fault() string {
	switch {
	case a.Kind > AmountPercent, a.Kind == AmountUnset && a.N != 0:
		return "is neither a count nor a percentage"
	case a.N < 0:
		return "is negative"
	case a.Kind == AmountPercent && a.N > 100:
		return "is more than 100%"
	}
	return ""
}
