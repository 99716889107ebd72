package redisconfig_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway/redisconfig"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/httpprobe"
	"github.com/cutover-go/cutover/task"
)

func TestEveryFaultIsNamed(t *testing.T) {
	t.Parallel()
	_, err := redisconfig.New(nil, redisconfig.Config{
		Check:    redisack.Check{Policy: redisack.Policy{AttemptTimeout: -1, Rollback: 9}},
		Encode:   func(redisconfig.Route) ([]byte, error) { return nil, nil },
		Redisack: redisack.Config{MaxInFlight: -1},
	})
	var faults *bluegreen.InvalidError
	if !errors.As(err, &faults) || !errors.Is(err, bluegreen.ErrInvalid) {
		t.Fatalf("New: %v", err)
	}
	for _, part := range []string{"rdb", "Check.Fleet", "Check.Prober", "Policy.AttemptTimeout", "Policy.Rollback", "Encode and Decode", "MaxInFlight"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s is not named in %v", part, err)
		}
	}
	if len(faults.Faults) != 7 {
		t.Errorf("%d faults: %v", len(faults.Faults), err)
	}
}

func TestAFleetPerTenantIsEnough(t *testing.T) {
	t.Parallel()
	prober, err := httpprobe.New(httpprobe.Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = redisconfig.New(redistest.Mini(t), redisconfig.Config{
		Check: redisack.Check{Prober: prober},
		Fleet: func(tenant string) redisack.Fleet { return redisack.URLs("http://gw-1/" + tenant) },
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, rdb redis.UniversalClient) {
		t.Helper()
		l := newLab(t, rdb)
		if err := l.Place(t.Context(), tenantID, "green"); err != nil {
			t.Errorf("placing it again: %v", err)
		}
		wantFailure(t, l.Place(t.Context(), tenantID, "blue"), task.CodeTenantMovedOn, false)
		wantFailure(t, l.Place(t.Context(), "", "blue"), "GATEWAY_REFUSED", false)
		l.wantCurrent(t, "green")
		if n := l.rev(t); n != 1 {
			t.Errorf("%d writes", n)
		}
	})
}

// The host can choose the keys and the payload: here clients read only the colour.
func TestOwnKeysAndPayload(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, rdb redis.UniversalClient) {
		t.Helper()
		l := newLab(t, rdb)
		var tenants []string
		l.config.Key = func(tenant string) string { return "shop/" + tenant }
		l.config.Encode = func(r redisconfig.Route) ([]byte, error) {
			tenants = append(tenants, r.TenantID)
			if r.Colour == "pink" {
				return nil, errors.New("no such colour")
			}
			return []byte(r.Colour), nil
		}
		l.config.Decode = func(payload []byte) (string, error) { return string(payload), nil }
		l.config.Check = redisack.Check{
			Fleet: redisack.Static(redisack.Endpoint{ID: "none"}), Push: true,
			Policy: redisack.Policy{Quorum: redisack.AtLeast(1)},
		}
		l.restart(t, rdb, short)
		wantFailure(t, l.Place(t.Context(), "acme", "blue"), "GATEWAY_TIMEOUT", true) // no client reports
		wantFailure(t, l.Place(t.Context(), "acme", "pink"), "GATEWAY_REFUSED", false)
		if got := rdb.Get(t.Context(), "shop/acme").Val(); got != "blue" || tenants[0] != "acme" {
			t.Errorf("payload %q of %v", got, tenants)
		}
		ack := []any{"instance", "none", "rev", "1", "state", "applied"}
		if err := rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: "{shop/acme}:acks", Values: ack}).Err(); err != nil {
			t.Fatal(err)
		}
		l.restart(t, rdb, patient)
		if got, err := l.Current(t.Context(), "acme"); got != "blue" || err != nil {
			t.Errorf("Current: %q, %v", got, err)
		}
		if ttl := rdb.TTL(t.Context(), "{shop/acme}:live").Val(); ttl != -time.Nanosecond {
			t.Errorf("the mark has a life of %v", ttl)
		}
	})
}

func TestOnACluster(t *testing.T) {
	t.Parallel()
	rdb := redistest.StartCluster(t, 3, 0).Client()
	l := newLab(t, rdb)
	for _, c := range []bluegreen.Change{toBlue(5), toGreen(6)} {
		if err := l.Switch(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		l.wantRuns(t, c.To)
	}
}
