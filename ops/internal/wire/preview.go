package wire

import (
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
)

// Preview is what a plan would do.
type Preview struct {
	TaskCount int           `json:"taskCount"`
	Waves     []WavePreview `json:"waves"`
	Warnings  []Fault       `json:"warnings"`
}

// WavePreview is what a plan would do in one wave.
type WavePreview struct {
	Wave          int      `json:"wave"`
	Name          string   `json:"name,omitempty"`
	First         int      `json:"first"`
	Last          int      `json:"last"`
	TaskCount     int      `json:"taskCount"`
	MaxSlots      int      `json:"maxSlots"`
	MaxFailed     int      `json:"maxFailed"`
	WaveMaxFailed int      `json:"waveMaxFailed"`
	Strict        bool     `json:"strict"`
	BakeTime      Duration `json:"bakeTime,omitzero"`
	Approval      bool     `json:"approval,omitzero"`
	// WorstCase is the largest number of tasks that can be failed by the end of the wave.
	WorstCase int `json:"worstCase"`
}

// Preview returns the preview of the spec, arranged.
func (s *Spec) Preview(a *plan.Arrangement) Preview {
	p := Preview{TaskCount: a.TaskCount, Warnings: s.Faults(a.Warnings)}
	for i, w := range a.Preview() {
		p.Waves = append(p.Waves, wavePreviewOf(i+1, &w))
	}
	return p
}

func wavePreviewOf(n int, w *strategy.WavePreview) WavePreview {
	return WavePreview{
		Wave: n, Name: w.Name, First: w.First, Last: w.Last, TaskCount: w.Tasks, MaxSlots: w.MaxSlots, MaxFailed: w.MaxFailed,
		WaveMaxFailed: w.WaveMaxFailed, Strict: w.Strict, BakeTime: Duration(w.BakeTime), Approval: w.Approval, WorstCase: w.WorstCase,
	}
}
