package redisack

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/cutover-go/cutover/redisack/probe"
)

// AckResult is the result of a run: whether the configuration is live, why or why not, and what
// each endpoint runs.
type AckResult struct {
	// OK means that the quorum is met by clients that run exactly this write (or a newer one, with
	// AcceptNewer), and that the head, read at the end, still follows from it. If the head could
	// not be read then, Warnings says so.
	OK bool `json:"ok"`
	// Reason says why the run ended. Last is the last observation of the endpoints that did not
	// confirm.
	Reason Reason `json:"reason"`
	Last   Reason `json:"last,omitempty"`
	Target Target `json:"target"`
	Tally  Tally  `json:"tally"`
	// Attempts is the total number of attempts at all endpoints. Elapsed is the duration of the
	// run.
	Attempts int           `json:"attempts"`
	Elapsed  time.Duration `json:"elapsed"`
	// Endpoints contains a row for each endpoint that was a member at any time, in the order of the
	// fleet.
	Endpoints []EndpointReport `json:"endpoints"`
	// Rollback is the result of the rollback, nil if there was none.
	Rollback *RollbackReport `json:"rollback,omitempty"`
	// Warnings are the problems that did not decide the outcome.
	Warnings []string `json:"warnings,omitempty"`
}

// Tally counts the members by their last answer. Members = Confirmed + Behind + Different + Ahead +
// Rejected + Errored + Pending. Gone counts the endpoints that left the fleet.
type Tally struct {
	Members   int `json:"members"`
	Confirmed int `json:"confirmed"`
	Behind    int `json:"behind"`
	Different int `json:"different"`
	Ahead     int `json:"ahead"`
	Rejected  int `json:"rejected"`
	Errored   int `json:"errored"`
	Pending   int `json:"pending"`
	Gone      int `json:"gone"`
	// Strangers is the number of acknowledgements from instances that are not members. They are not
	// counted towards the quorum.
	Strangers int `json:"strangers,omitempty"`
	// ByVersion counts members by the version that they run. It is set only in results.
	ByVersion map[string]int `json:"byVersion,omitempty"`
}

// EndpointReport describes one endpoint of a run.
type EndpointReport struct {
	ID    string `json:"id"`
	Group string `json:"group,omitempty"`
	// Instance is the instance that answered, if it named itself.
	Instance string `json:"instance,omitempty"`
	// Reason is the status of the endpoint: Confirmed, Pending, Mismatch, EndpointError, Rejected,
	// Superseded or Gone.
	Reason  Reason  `json:"reason"`
	Verdict Verdict `json:"verdict"`
	// Version and Rev are those of the write that the endpoint runs, according to its last report.
	Version string `json:"version,omitempty"`
	Rev     uint64 `json:"rev,string,omitempty"`
	// Err is the last error, or the text with which the client rejected the write. Kind and Status
	// describe the error.
	Err    string     `json:"error,omitempty"`
	Kind   probe.Kind `json:"kind,omitempty"`
	Status int        `json:"status,omitempty"`
	// Attempts is the number of attempts. Boots is the number of starts of the client that the run
	// has seen.
	Attempts int `json:"attempts"`
	Boots    int `json:"boots,omitempty"`
	// First and LastSeen are the times of the first and the last answer, ConfirmedAfter is the time
	// of the confirmation, all relative to the start of the run. Zero means that there was none.
	First          time.Duration `json:"first,omitempty"`
	LastSeen       time.Duration `json:"lastSeen,omitempty"`
	ConfirmedAfter time.Duration `json:"confirmedAfter,omitempty"`
	// Pushed means that the last report was an acknowledgement through Redis and not the answer to
	// an attempt.
	Pushed bool `json:"pushed,omitempty"`
}

// RollbackReport is the result of a rollback.
type RollbackReport struct {
	// OK means that the previous payload is current again and that its own confirmation was OK.
	OK bool `json:"ok"`
	// Written means that the previous payload is current again.
	Written bool `json:"written"`
	// Why is the reason why nothing was written, or the error of the rollback.
	Why string `json:"why,omitempty"`
	// Result is the confirmation of the previous version; nil if nothing was written.
	Result *AckResult `json:"result,omitempty"`
}

// Failed yields the endpoints that have neither confirmed nor left.
func (r *AckResult) Failed() iter.Seq[EndpointReport] {
	return func(yield func(EndpointReport) bool) {
		for _, row := range r.Endpoints {
			if row.Reason != ReasonConfirmed && row.Reason != ReasonGone && !yield(row) {
				return
			}
		}
	}
}

// sample describes one endpoint that has not confirmed, preferably one that caused the reason.
func (r *AckResult) sample() string {
	var sample string
	for row := range r.Failed() {
		switch {
		case row.Err != "" && (row.Reason == r.Reason || row.Reason == r.Last):
			return row.ID + ": " + row.Err
		case sample != "":
		case row.Err != "":
			sample = row.ID + ": " + row.Err
		case row.Reason == ReasonMismatch && row.Version != "":
			sample = row.ID + " runs " + row.Version
		}
	}
	return sample
}

const summarySamples = 3

// Summary returns the result in a few lines of text, regardless of the size of the fleet: endpoints
// with the same reason, version and error share a line with a few of their names.
func (r *AckResult) Summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s revision %d: %s after %v, %d attempts, %d of %d confirmed\n",
		r.Target.Key, r.Target.Version, r.Target.Rev, r.Reason, r.Elapsed.Round(time.Millisecond),
		r.Attempts, r.Tally.Confirmed, r.Tally.Members)
	for _, g := range r.grouped() {
		fmt.Fprintf(&b, "  %d %s", g.n, g.what)
		if g.version != "" {
			fmt.Fprintf(&b, " at %s", g.version)
		}
		if g.err != "" {
			fmt.Fprintf(&b, ": %s", g.err)
		}
		fmt.Fprintf(&b, " (%s", strings.Join(g.samples, ", "))
		if g.n > len(g.samples) {
			b.WriteString(", ...")
		}
		b.WriteString(")\n")
	}
	b.WriteString(r.Rollback.summary())
	return b.String()
}

// summary returns the outcome of the rollback in one line; empty if there was none.
func (b *RollbackReport) summary() string {
	switch {
	case b == nil:
		return ""
	case b.OK:
		return fmt.Sprintf("  rolled back to %s, which is confirmed\n", b.Result.Target.Version)
	case b.Written:
		return fmt.Sprintf("  rolled back to %s, which is not confirmed: %s\n", b.Result.Target.Version, b.Why)
	}
	return fmt.Sprintf("  not rolled back: %s\n", b.Why)
}

// alike is a group of endpoints that share a line of the summary.
type alike struct {
	what, version, err string
	n                  int
	samples            []string
}

const maxSummaryLines = 8 // ten with the first line and the rollback

// grouped returns the largest groups, the largest first, and the others merged into one.
func (r *AckResult) grouped() []*alike {
	type key struct {
		reason       Reason
		version, err string
	}
	byKey := make(map[key]*alike)
	var groups []*alike
	for _, row := range r.Endpoints {
		k := key{row.Reason, row.Version, row.Err}
		g := byKey[k]
		if g == nil {
			g = &alike{what: k.reason.String(), version: k.version, err: k.err}
			byKey[k] = g
			groups = append(groups, g)
		}
		g.add(row.ID, 1)
	}
	slices.SortStableFunc(groups, func(a, b *alike) int { return b.n - a.n })
	if len(groups) <= maxSummaryLines {
		return groups
	}
	others := &alike{what: "others"}
	for _, g := range groups[maxSummaryLines-1:] {
		others.add(g.samples[0], g.n)
	}
	return append(groups[:maxSummaryLines-1], others)
}

func (g *alike) add(id string, n int) {
	g.n += n
	if len(g.samples) < summarySamples {
		g.samples = append(g.samples, id)
	}
}
