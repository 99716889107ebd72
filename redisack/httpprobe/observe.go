package httpprobe

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/cutover-go/cutover/redisack/internal/wire"
	"github.com/cutover-go/cutover/redisack/probe"
)

// observe reads the answer with the extractors, or as a status body if there are none.
func (c Config) observe(a Answer) (probe.Observation, error) {
	obs := probe.Observation{Status: a.Status}
	if !c.extracts() {
		return statusObservation(a)
	}
	var rev string
	for _, field := range []struct {
		extract Extract
		into    *string
	}{
		{c.Version, &obs.Version},
		{c.Rev, &rev},
		{c.WriteID, &obs.WriteID},
		{c.Sum, &obs.Sum},
		{c.Instance, &obs.Instance},
		{c.Boot, &obs.Boot},
	} {
		if field.extract == nil {
			continue
		}
		text, err := field.extract(a)
		if err != nil || text == "" {
			return probe.Observation{Status: a.Status}, extractError(a, err)
		}
		*field.into = text
	}
	if rev == "" {
		return obs, nil
	}
	n, err := strconv.ParseUint(rev, 10, 64)
	if err != nil {
		return probe.Observation{Status: a.Status}, extractError(a, fmt.Errorf("revision %q is not an integer", wire.Clean(rev, 40)))
	}
	obs.Rev = n
	return obs, nil
}

func extractError(a Answer, err error) *probe.Error {
	kind := probe.KindDecode
	switch {
	case errors.Is(err, errNoVersion): // its text may say more
		kind = probe.KindNoVersion
	case err == nil, len(a.Body) == 0:
		kind, err = probe.KindNoVersion, errNoVersion
	}
	return &probe.Error{Kind: kind, Status: a.Status, Err: err}
}

// statusObservation reads the body that redisack/agent serves.
func statusObservation(a Answer) (probe.Observation, error) {
	status, err := wire.ParseStatus(a.Body)
	if err != nil {
		return probe.Observation{Status: a.Status}, extractError(a, err)
	}
	obs := probe.Observation{
		Status: a.Status, Instance: status.Instance, Boot: status.Boot, Nothing: status.Applied == nil,
	}
	if s := status.Applied; s != nil {
		obs.Rev, obs.Version, obs.WriteID, obs.Sum = uint64(s.Rev), s.Version, s.WriteID, s.Sum
	}
	if s := status.Attempted; s != nil {
		obs.Attempt = &probe.Attempt{
			Rev: uint64(s.Rev), Version: s.Version, WriteID: s.WriteID, At: s.At,
			Rejected: s.State == wire.StateRejected, Error: wire.Clean(s.Error, wire.MaxErrorText),
		}
	}
	return obs, nil
}
