package redisstore

import (
	"errors"
	"strconv"
	"strings"

	"github.com/cutover-go/cutover/plan"
)

// formatWaves returns the stored form of the bounds of waves: see scripts/lib/wave.lua.
func formatWaves(waves []plan.Wave) string {
	var text []byte
	for i, w := range waves {
		if i > 0 {
			text = append(text, ' ')
		}
		text = strconv.AppendInt(text, int64(w.Last), 10)
		text = strconv.AppendInt(append(text, ':'), int64(w.MaxFailed), 10)
		text = strconv.AppendInt(append(text, ':'), int64(w.Acknowledged), 10)
	}
	return string(text)
}

var errWaves = errors.New("waves or tallies make no sense")

// fillWaves sets the waves of p and their counters from the stored forms. open are the counters of
// the open wave, of which tallies is not kept current.
func fillWaves(p *plan.Plan, waves, tallies string, open plan.WaveCounters) error {
	bounds, counts := strings.Fields(waves), strings.Fields(tallies)
	if len(bounds) != len(counts) || p.Wave < 0 || p.Wave > len(bounds) {
		return errWaves
	}
	if len(bounds) == 0 {
		return nil
	}
	p.Waves, p.WaveCounters = make([]plan.Wave, len(bounds)), make([]plan.WaveCounters, len(bounds))
	for i := range bounds {
		var w [3]int64
		var c [4]int64
		if !parseNumbers(strings.ReplaceAll(bounds[i], ":", " "), w[:]) || !parseNumbers(strings.ReplaceAll(counts[i], ":", " "), c[:]) {
			return errWaves
		}
		p.Waves[i] = plan.Wave{Last: int(w[0]), MaxFailed: int(w[1]), Acknowledged: int(w[2])}
		p.WaveCounters[i] = plan.WaveCounters{Failed: int(c[0]), Ended: int(c[1]), InFlight: int(c[2]), RollbackFailed: int(c[3])}
		if i > 0 && p.Waves[i].Last <= p.Waves[i-1].Last {
			return errWaves
		}
	}
	if p.Waves[len(p.Waves)-1].Last != p.TaskCount {
		return errWaves
	}
	if p.Wave > 0 {
		p.WaveCounters[p.Wave-1] = open
	}
	return nil
}
