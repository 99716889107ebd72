//go:build crash

package crashsql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/abreast"
	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/pgstore"
	"github.com/cutover-go/cutover/store/sqlitestore"
)

// TestMain runs a worker if the environment holds orders, and the tests otherwise.
func TestMain(m *testing.M) {
	if text := os.Getenv(crashtest.OrdersEnv); text != "" {
		if err := obey(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	abreast.Tests(4)
	goleak.VerifyTestMain(m)
}

// orders are the instructions for a worker process.
type orders struct {
	crashtest.Orders
	target
}

// target is a store: a file, or a schema of a database.
type target struct{ File, URL, Schema string }

// keeper is a store that has to be closed.
type keeper interface {
	store.Store
	io.Closer
}

// open opens the store.
func (g target) open(ctx context.Context) (keeper, error) {
	if g.File != "" {
		return sqlitestore.Open(ctx, g.File, sqlitestore.Config{})
	}
	return pgstore.Open(ctx, g.URL, pgstore.Config{Schema: g.Schema, Connections: 6})
}

// obey runs a worker.
func obey(text string) (err error) {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	var opened keeper
	defer func() {
		if opened != nil {
			err = errors.Join(err, opened.Close())
		}
	}()
	return crashtest.Obey(&o.Orders, nil, func(ctx context.Context, _ *crashtest.Ledger) (store.Store, error) {
		s, err := o.open(ctx)
		if err == nil {
			opened = s
		}
		return s, err
	})
}

// site is the environment of one fault: a store, a plan, workers and their ledger.
type site struct {
	*crashtest.Site
	target target // of the workers
}

// row is one fault.
type row = crashtest.Row[*site]

func newSite(t *testing.T, g target) *site {
	t.Helper()
	s := &site{Site: crashtest.NewSite(t), target: g}
	s.Start = func(o crashtest.Orders) *crashtest.Proc {
		return crashtest.StartProc(t, s.Dir, o, orders{o, s.target})
	}
	return s
}

// look opens a store for the test itself.
func (s *site) look(g target) {
	s.Helper()
	st, err := g.open(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = st.Close() }) // it has answered everything
	s.Look(st)
}

// TestFaults causes every fault of the extent and prints the figures.
func TestFaults(t *testing.T) {
	all := crashtest.Deaths()
	var deaths []crashtest.Death
	for _, i := range sample.Of(t, 8, uint64(len(all))) {
		deaths = append(deaths, all[i])
	}
	crashtest.Run(t, append(postgresRows(t, deaths), fileRows(deaths)...))
}
