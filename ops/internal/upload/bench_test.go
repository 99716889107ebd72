package upload_test

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/cutover-go/cutover/ops/internal/upload"
	"github.com/cutover-go/cutover/task"
)

// BenchmarkRead reads the largest list there is, in each form. live-MB is what the tenants take
// when they have been read; the rest was garbage.
//
//	go test ./ops/internal/upload -run '^$' -bench Read -benchtime 3x
func BenchmarkRead(b *testing.B) {
	for name, line := range map[string]string{
		"text":   "tenant-%07d\n",
		"csv":    "tenant-%07d,eu\n",
		"ndjson": `{"id":"tenant-%07d","labels":{"region":"eu"}}` + "\n",
	} {
		b.Run(name, func(b *testing.B) {
			var list bytes.Buffer
			if name == "csv" {
				list.WriteString("id,labels.region\n")
			}
			for i := range task.MaxPerPlan {
				fmt.Fprintf(&list, line, i)
			}
			body := []byte(parts("tenants", list.String()))
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for b.Loop() {
				u, err := upload.Read(bytes.NewReader(body), "b", "plan", 1<<10)
				if err != nil || u.Faults.Total > 0 || len(u.Tenants.Tenants) != task.MaxPerPlan {
					b.Fatal(err, u.Faults)
				}
				b.StopTimer()
				runtime.GC()
				runtime.ReadMemStats(&after)
				runtime.KeepAlive(u)
				b.StartTimer()
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "live-MB")
		})
	}
}
