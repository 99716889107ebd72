package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// ownWorld is the world of one process.
type ownWorld struct {
	mu     sync.Mutex
	values map[[2]string]string
	// kept has a line for each change: a JSON array of kind, tenant and value. If it is nil, the
	// world ends with the process.
	kept *os.File
}

// openWorld returns the world that a file keeps. Without a path it is not kept.
func openWorld(path string) (*ownWorld, error) {
	w := &ownWorld{values: make(map[[2]string]string)}
	if path == "" {
		return w, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	w.kept = f
	for lines := json.NewDecoder(f); ; {
		var change [3]string
		err := lines.Decode(&change)
		switch {
		case errors.Is(err, io.EOF):
			return w, nil
		case err != nil:
			_ = f.Close()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		w.values[[2]string(change[:2])] = change[2]
	}
}

func (w *ownWorld) close() {
	if w.kept != nil {
		_ = w.kept.Close() // each change was written by itself
	}
}

func (w *ownWorld) get(_ context.Context, kind, tenant, first string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v, ok := w.values[[2]string{kind, tenant}]; ok {
		return v, nil
	}
	return first, nil
}

func (w *ownWorld) set(_ context.Context, kind, tenant, value string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.kept != nil {
		line, err := json.Marshal([3]string{kind, tenant, value})
		if err != nil {
			return err
		}
		if _, err := w.kept.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	w.values[[2]string{kind, tenant}] = value
	return nil
}
