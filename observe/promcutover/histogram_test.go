package promcutover

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// written returns a histogram as it is exported.
func written(t *testing.T, m prometheus.Metric) *dto.Histogram {
	t.Helper()
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.GetHistogram()
}

// Whatever is observed lands in the same buckets, classic and native, as in a histogram of the
// client library.
func TestHistogramsCountAsTheLibraryDoes(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	bounds := callBounds()
	var floats []float64
	for _, b := range bounds {
		floats = append(floats, b.Seconds())
	}
	theirs := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "h", Help: "h", Buckets: floats,
		// Of the factors up to this one, the library takes the schema 3, too.
		NativeHistogramBucketFactor: 1.1, NativeHistogramZeroThreshold: math.Ldexp(1, firstOctave),
	})
	ours := newHistogram(BothHistograms, bounds)
	for range 20_000 {
		d := time.Duration(math.Exp2(rng.Float64()*49)) - 1 // from 0 to days
		if rng.IntN(10) == 0 {
			d = bounds[rng.IntN(len(bounds))]
		}
		theirs.Observe(d.Seconds())
		ours.observe(d, 1)
	}
	m, err := ours.metric(prometheus.NewDesc("h", "h", nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	got, want := written(t, m), written(t, theirs)
	if got.GetSchema() != want.GetSchema() || got.GetSampleCount() != want.GetSampleCount() || got.GetZeroCount() != want.GetZeroCount() ||
		math.Abs(got.GetSampleSum()-want.GetSampleSum()) > 1e-6*want.GetSampleSum() {
		t.Errorf("schema %d, %d samples, %d zeros, sum %v, want %d, %d, %d, %v", got.GetSchema(), got.GetSampleCount(), got.GetZeroCount(),
			got.GetSampleSum(), want.GetSchema(), want.GetSampleCount(), want.GetZeroCount(), want.GetSampleSum())
	}
	for i, b := range want.GetBucket() {
		if o := got.GetBucket()[i]; o.GetUpperBound() != b.GetUpperBound() || o.GetCumulativeCount() != b.GetCumulativeCount() {
			t.Errorf("bucket %d: %v, want %v", i, o, b)
		}
	}
	if g, w := native(got), native(want); len(g) != len(w) {
		t.Errorf("%d native buckets, want %d", len(g), len(w))
	} else {
		for i, n := range w {
			if g[i] != n {
				t.Errorf("native bucket %d has %d, want %d", i, g[i], n)
			}
		}
	}
}

// native returns the native buckets of a histogram by their indexes.
func native(h *dto.Histogram) map[int]int64 {
	buckets, index, n, at := make(map[int]int64), 0, int64(0), 0
	for _, span := range h.GetPositiveSpan() {
		index += int(span.GetOffset())
		for range span.GetLength() {
			n += h.GetPositiveDelta()[at]
			at++
			if n > 0 {
				buckets[index] = n
			}
			index++
		}
	}
	return buckets
}

func TestForms(t *testing.T) {
	t.Parallel()
	for form, want := range map[Histograms][2]bool{ClassicHistograms: {true, false}, NativeHistograms: {false, true}, BothHistograms: {true, true}} {
		h := newHistogram(form, taskBounds())
		h.observe(-time.Second, 1)
		h.observe(time.Second, 3)
		h.observe(1000*time.Hour, 1)
		m, err := h.metric(prometheus.NewDesc("h", "h", nil, nil))
		if err != nil {
			t.Fatal(err)
		}
		got := written(t, m)
		if has := [2]bool{len(got.GetBucket()) > 0, len(native(got)) > 0}; has != want {
			t.Errorf("form %d: classic and native are %v", form, has)
		}
		if got.GetSampleCount() != 5 || h.total() != 5 {
			t.Errorf("form %d: %d samples, %d in all", form, got.GetSampleCount(), h.total())
		}
	}
}
