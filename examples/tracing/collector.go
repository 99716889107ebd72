package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// span is what the example shows of a span.
type span struct {
	Trace, ID, Parent string
	Name, Process     string
	Tenant, Losses    string
	Start             time.Time
}

// exporter passes spans on, as one of a host sends them to a collector.
type exporter struct {
	process string
	to      func(span)
}

// ExportSpans implements sdktrace.SpanExporter.
func (x *exporter) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	for _, s := range spans {
		own := span{
			Trace: s.SpanContext().TraceID().String(), ID: s.SpanContext().SpanID().String(), Parent: s.Parent().SpanID().String(),
			Name: s.Name(), Process: x.process, Start: s.StartTime(),
		}
		for _, a := range s.Attributes() {
			switch a.Key {
			case "cutover.tenant.id":
				own.Tenant = a.Value.String()
			case "cutover.task.losses":
				own.Losses = a.Value.String()
			}
		}
		x.to(own)
	}
	return nil
}

// Shutdown implements sdktrace.SpanExporter.
func (x *exporter) Shutdown(context.Context) error { return nil }

// collector keeps the spans of all processes.
type collector struct {
	mu    sync.Mutex
	spans []span
}

func (c *collector) add(s span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spans = append(c.spans, s)
}

func (c *collector) all() []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// await waits for a span.
func (c *collector) await(ctx context.Context, is func(span) bool) error {
	for !slices.ContainsFunc(c.all(), is) {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// print prints the traces as trees. A span whose parent died with its process stands below the
// root.
func (c *collector) print(out io.Writer) {
	spans := c.all()
	slices.SortStableFunc(spans, func(a, b span) int { return a.Start.Compare(b.Start) })
	known := make(map[string]bool)
	for _, s := range spans {
		known[s.ID] = true
	}
	for _, root := range spans {
		if strings.Trim(root.Parent, "0") != "" {
			continue
		}
		fmt.Fprintf(out, "trace %s\n", root.Trace)
		show(out, spans, root, 1)
		for _, s := range spans {
			if s.Trace == root.Trace && s != root && !known[s.Parent] {
				fmt.Fprintln(out, "  (a span that died with its process)")
				show(out, spans, s, 2)
			}
		}
	}
}

// show prints a span and what is below it.
func show(out io.Writer, spans []span, s span, depth int) {
	name := strings.Repeat("  ", depth) + s.Name + " " + s.Tenant
	note := ""
	if s.Losses != "" {
		note = "   after " + s.Losses + " lost worker"
	}
	fmt.Fprintf(out, "%-42s %s%s\n", name, s.Process, note)
	for _, below := range spans {
		if below.Trace == s.Trace && below.Parent == s.ID {
			show(out, spans, below, depth+1)
		}
	}
}
