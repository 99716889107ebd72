package byid

import (
	"fmt"
	"runtime"
	"testing"
)

// BenchmarkMemory measures the bytes per value, without the values, beside a map.
func BenchmarkMemory(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000, 1_300_000} {
		values := make([]*named, n)
		for i := range values {
			values[i] = value(fmt.Sprint(i))
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				before := heap()
				s := New[*named]()
				for _, v := range values {
					s.Add(v)
				}
				b.ReportMetric(float64(heap()-before)/float64(n), "B/value")
				before = heap()
				m := make(map[string]*named)
				for _, v := range values {
					m[v.ID()] = v
				}
				b.ReportMetric(float64(heap()-before)/float64(n), "B/map")
				runtime.KeepAlive(s)
				runtime.KeepAlive(m)
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkAdd measures an addition, beside a map.
func BenchmarkAdd(b *testing.B) {
	const n = 1_000_000
	values := make([]*named, n)
	for i := range values {
		values[i] = value(fmt.Sprint(i))
	}
	b.Run("set", func(b *testing.B) {
		for b.Loop() {
			s := New[*named]()
			for _, v := range values {
				s.Add(v)
			}
		}
		b.ReportMetric(float64(b.Elapsed())/float64(b.N)/n, "ns/value")
	})
	b.Run("map", func(b *testing.B) {
		for b.Loop() {
			m := make(map[string]*named)
			for _, v := range values {
				if m[v.ID()] == nil {
					m[v.ID()] = v
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed())/float64(b.N)/n, "ns/value")
	})
}
