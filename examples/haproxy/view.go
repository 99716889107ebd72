package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// redraw is the time between two drawings in a terminal.
const redraw = 100 * time.Millisecond

// terminal reports whether file is one.
func terminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// show shows the traffic until ctx ends: in a terminal a row of the last answers of each tenant,
// drawn again and again; elsewhere a line for each tenant that has moved.
func show(ctx context.Context, out *os.File, t *traffic) {
	if !terminal(out) {
		<-ctx.Done()
		return
	}
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	for lines := 0; ; {
		lines = draw(out, t.tenants, t.snapshot(), lines)
		select {
		case <-tick.C:
		case <-ctx.Done():
			draw(out, t.tenants, t.snapshot(), lines)
			return
		}
	}
}

// draw draws all tenants over the lines that the last drawing has left, and returns how many there
// are now.
func draw(out io.Writer, tenants []string, s snapshot, before int) (lines int) {
	codes := map[string]string{"green": "32", "blue": "34"} // of the terminal's colours
	var text strings.Builder
	if before > 0 {
		fmt.Fprintf(&text, "\x1b[%dA", before)
	}
	for _, tenant := range tenants {
		answers := s.answers[tenant]
		fmt.Fprintf(&text, "\x1b[2K%-10s ", tenant)
		for _, colour := range answers {
			fmt.Fprintf(&text, "\x1b[%sm█", codes[colour])
		}
		last := ""
		if len(answers) > 0 {
			last = answers[len(answers)-1]
		}
		fmt.Fprintf(&text, "\x1b[0m%*s %s\n", remembered-len(answers), "", last)
	}
	fmt.Fprintf(&text, "\x1b[2K%d requests, %d lost\n", s.requests, s.lost)
	_, _ = io.WriteString(out, text.String())
	return len(tenants) + 1
}

// printMoves prints a line for each tenant that has moved.
func printMoves(out io.Writer) func(tenant, from, to string, requests int) {
	return func(tenant, from, to string, requests int) {
		fmt.Fprintf(out, "%-10s %s -> %s after %d requests\n", tenant, from, to, requests)
	}
}
