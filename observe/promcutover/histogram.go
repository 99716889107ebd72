package promcutover

import (
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Histograms says in which form histograms of durations are exported.
type Histograms uint8

// The forms.
const (
	// ClassicHistograms have fixed buckets. Every Prometheus reads them, and the dashboard needs
	// them. It is the default.
	ClassicHistograms Histograms = iota
	// NativeHistograms have exponential buckets, eight for each power of two. Prometheus gets them
	// only in its binary format, with native histograms enabled.
	NativeHistograms
	// BothHistograms are native, with classic buckets beside.
	BothHistograms
)

// Native buckets are those of schema 3: bucket i ends at 2^(i/8) seconds. firstBucket ends above
// 60 ns, lastBucket at 2^20 s, some twelve days.
const (
	nativeSchema = 3
	perOctave    = 1 << nativeSchema
	firstOctave  = -24
	lastOctave   = 20
	firstBucket  = firstOctave*perOctave + 1
	lastBucket   = lastOctave * perOctave
	numNative    = lastBucket - firstBucket + 2 // with the zero bucket
)

// octave has the bounds of the buckets of schema 3 in [0.5, 1), as math.Frexp cuts numbers.
//
//nolint:gochecknoglobals // a constant table
var octave = [perOctave]float64{
	0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048,
	0.7071067811865475, 0.7711054127039704, 0.8408964152537144, 0.9170040432046711,
}

// histogram counts durations. One observation costs two atomic additions: one of the client library
// costs several times as much, and there are several observations a task.
//
// It counts in cells. Without native buckets these are the classic ones; otherwise each is the part
// of a native bucket between two bounds of classic ones, so that both forms come from the same
// counts.
type histogram struct {
	form   Histograms
	bounds []time.Duration // of the classic buckets, ascending
	sum    atomic.Int64    // microseconds: nanoseconds of many tasks at once last for days only
	cells  []atomic.Uint64
	// first is the first cell of each native bucket. Its cells are those of the classic buckets
	// from firstClassic on, as many as it has parts in.
	first, firstClassic []uint16
}

func newHistogram(form Histograms, bounds []time.Duration) *histogram {
	h := &histogram{form: form, bounds: bounds}
	if form == ClassicHistograms {
		h.cells = make([]atomic.Uint64, len(bounds)+1)
		return h
	}
	cells, classic := 0, 0
	for i := range numNative {
		h.first, h.firstClassic = append(h.first, uint16(cells)), append(h.firstClassic, uint16(classic))
		for cells++; classic < len(bounds) && nativeIndex(bounds[classic]) == i; cells++ {
			classic++ // what is above the bound has a cell of its own
		}
	}
	h.cells = make([]atomic.Uint64, cells)
	return h
}

// observe counts n times d. What is negative counts as 0.
func (h *histogram) observe(d time.Duration, n uint64) {
	d = max(d, 0)
	h.sum.Add((int64(d)*int64(n) + 500) / 1000)
	cell, classic := 0, 0
	if h.first != nil {
		i := nativeIndex(d)
		cell, classic = int(h.first[i]), int(h.firstClassic[i])
	}
	for classic < len(h.bounds) && d > h.bounds[classic] {
		cell, classic = cell+1, classic+1
	}
	h.cells[cell].Add(n)
}

// nativeIndex returns the number of the native bucket for d; 0 is the zero bucket.
func nativeIndex(d time.Duration) int {
	if d == 0 {
		return 0
	}
	frac, exp := math.Frexp(d.Seconds())
	i := 0
	for i < perOctave && frac > octave[i] {
		i++
	}
	key := i + (exp-1)*perOctave
	return min(max(key-firstBucket+1, 0), numNative-1)
}

// counted are the counts of a histogram at one moment.
type counted struct {
	total   uint64
	classic map[float64]uint64 // cumulated, by upper bound
	zero    uint64
	native  map[int]int64 // by index of the schema
}

func (h *histogram) counted() counted {
	c := counted{classic: make(map[float64]uint64, len(h.bounds)), native: make(map[int]int64)}
	bucket, classic := 0, 0
	for cell := range h.cells {
		n := h.cells[cell].Load()
		if h.first == nil {
			classic = cell
		} else {
			for bucket+1 < numNative && int(h.first[bucket+1]) <= cell {
				bucket++
			}
			classic = int(h.firstClassic[bucket]) + cell - int(h.first[bucket])
			switch {
			case bucket == 0:
				c.zero += n
			case n > 0:
				c.native[firstBucket+bucket-1] += int64(n)
			}
		}
		c.total += n
		if classic < len(h.bounds) {
			c.classic[h.bounds[classic].Seconds()] = c.total
		}
	}
	return c
}

// total returns the number of observations.
func (h *histogram) total() (n uint64) {
	for i := range h.cells {
		n += h.cells[i].Load()
	}
	return n
}

// metric returns the figures as a metric.
func (h *histogram) metric(desc *prometheus.Desc, labels ...string) (prometheus.Metric, error) {
	c, sum := h.counted(), float64(h.sum.Load())/1e6
	if h.form == ClassicHistograms {
		return prometheus.NewConstHistogram(desc, c.total, sum, c.classic, labels...)
	}
	m, err := prometheus.NewConstNativeHistogram(desc, c.total, sum, c.native, nil, c.zero, nativeSchema, math.Ldexp(1, firstOctave), time.Time{}, labels...)
	if err != nil || h.form == NativeHistograms {
		return m, err
	}
	return bothForms{m, c.classic}, nil
}

// bothForms is a native histogram with classic buckets.
type bothForms struct {
	prometheus.Metric
	classic map[float64]uint64
}

func (b bothForms) Write(out *dto.Metric) error {
	if err := b.Metric.Write(out); err != nil {
		return err
	}
	for bound, n := range b.classic {
		out.Histogram.Bucket = append(out.Histogram.Bucket, &dto.Bucket{UpperBound: &bound, CumulativeCount: &n})
	}
	slices.SortFunc(out.Histogram.Bucket, func(a, b *dto.Bucket) int {
		return int(math.Copysign(1, a.GetUpperBound()-b.GetUpperBound()))
	})
	return nil
}
