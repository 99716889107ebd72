package pgstore

import (
	"net"
	"net/url"
	"strconv"
	"testing"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
)

// TestLinearizable: what clients in several processes see at once they could have seen one after
// the other, also when answers are cut in the middle and when backends are ended.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	for name, prepare := range map[string]bool{"plain": false, "prepared": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stores := server.several(t, server.url(), prepare)
			storetest.Linearizable(t, 10, func(i int) store.Store { return stores[i] }, nil)
		})
	}
	t.Run("over a bad line", func(t *testing.T) {
		t.Parallel()
		cutter := crashtest.NewCutter(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(server.Port())), 12_000, 24_000)
		at, err := url.Parse(server.url())
		if err != nil {
			t.Fatal(err)
		}
		at.Host = cutter.Addr
		stores := server.several(t, at.String()+"&application_name=bad", true)
		storetest.Linearizable(t, 15, func(i int) store.Store { return stores[i] }, func() {
			run(t, server.url(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE application_name = 'bad' ORDER BY random() LIMIT 1`)
		})
		if n := cutter.Count(); n < 5 {
			t.Errorf("only %d connections were cut", n)
		}
	})
}

// several opens a store for each client, all on one schema.
func (s *schemas) several(t *testing.T, at string, prepare bool) (stores []store.Store) {
	t.Helper()
	name := s.schema(t)
	for range storetest.LinearClients {
		stores = append(stores, open(t, at, Config{Schema: name, Connections: 3, Prepare: prepare}))
	}
	return stores
}
