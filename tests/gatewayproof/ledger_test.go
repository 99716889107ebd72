//go:build gatewayproof

package gatewayproof

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// The kinds of notes on a switch.
const (
	began    = "began"
	returned = "returned"
	failed   = "failed"
)

// note is one line of the ledger. All processes run on one machine, and have one clock.
type note struct {
	At     time.Time
	Engine string
	Kind   string
	Tenant string
	To     string
	Text   string `json:",omitempty"`
}

// ledger is the file to which all engines append what they do.
type ledger struct{ file *os.File }

func openLedger(path string) (*ledger, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return &ledger{file}, err
}

// add appends a line by one write, so that lines of several processes do not mix. An engine that
// cannot write its ledger proves nothing, and ends.
func (l *ledger) add(n note) {
	line, err := json.Marshal(n)
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ledger:", err)
		os.Exit(1)
	}
}

// follow calls f for each note of the ledger, those that are there and those to come, until ctx
// ends; then it returns nil after the last one.
func follow(ctx context.Context, path string, f func(note)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewReader(file)
	var half []byte // a line of which the end is still to come
	for {
		part, err := lines.ReadBytes('\n')
		half = append(half, part...)
		switch {
		case errors.Is(err, io.EOF) && ctx.Err() != nil:
			return nil
		case errors.Is(err, io.EOF):
			time.Sleep(followInterval)
			continue
		case err != nil:
			return err
		}
		var n note
		if err := json.Unmarshal(half, &n); err != nil {
			return err
		}
		half = nil
		f(n)
	}
}

const followInterval = 2 * time.Millisecond
