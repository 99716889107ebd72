package main

import (
	"cmp"
	"slices"
	"time"
)

// quantile returns the smallest element of sorted that the given percentage of the elements do not
// exceed.
func quantile[T any](sorted []T, percent int) T {
	return sorted[max((len(sorted)*percent+99)/100-1, 0)]
}

// medianBy returns the median of f over all elements.
func medianBy[T any, V cmp.Ordered](all []T, f func(T) V) V {
	values := make([]V, len(all))
	for i, one := range all {
		values[i] = f(one)
	}
	slices.Sort(values)
	return quantile(values, 50)
}

// median returns the median of times, which may be in any order.
func median(times []time.Duration) time.Duration {
	return medianBy(times, func(d time.Duration) time.Duration { return d })
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }
