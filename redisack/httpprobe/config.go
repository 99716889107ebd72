package httpprobe

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/cutover-go/cutover/redisack/probe"
)

// Config says how endpoints are asked and where in the answer the fields are. The zero value reads
// the status body of redisack/agent.
type Config struct {
	// Version, Rev, WriteID, Sum, Instance and Boot find the fields of the Observation. What is
	// set must be in every answer. If any is set, one of the first four must be. Default: the
	// status body of redisack/agent.
	Version, Rev, WriteID, Sum, Instance, Boot Extract
	// Headers returns the headers of a request, such as authorization. Host sets the host that is
	// asked for. They appear in no error. Called from several goroutines at once. Default: none.
	Headers func(probe.Endpoint) http.Header
	// ServerName returns the name that an endpoint's certificate must have. Called from several
	// goroutines at once. Default: the host of the URL.
	ServerName func(host string) string
	// TLS is the basis of the TLS settings: roots, client certificates. Default: the system's
	// roots.
	TLS *tls.Config
	// MaxBody is the maximum length of a body in bytes. Default 64 KiB; negative: no limit.
	MaxBody int64
	// KeepAlive is how many connections one session may keep open between probes. Each costs about
	// 25 kB and a descriptor, and makes a second probe twice as fast. A session over more members
	// than that keeps none.
	//
	// Default: a share of 512 that all sessions of the process have together; a session over more
	// members than are left of it keeps none. Negative: none.
	KeepAlive int
	// AllowLoopback allows endpoints on this machine. Default: they are refused, so that a list of
	// endpoints cannot be used to reach what listens only locally.
	AllowLoopback bool
	// AllowPrefixes, when set, allows these addresses and no others. Link-local, metadata,
	// multicast and unspecified addresses are refused all the same. Default: all others.
	AllowPrefixes []netip.Prefix
}

const (
	defaultMaxBody = 64 << 10
	maxURL         = 4 << 10
)

// ErrInvalid is matched by every [*InvalidError].
var ErrInvalid = errors.New("httpprobe: invalid configuration")

// Fault is one thing that is wrong with one field.
type Fault struct{ Field, Problem string }

// InvalidError names everything that is wrong with a [Config]. It matches [ErrInvalid].
type InvalidError struct{ Faults []Fault }

func (e *InvalidError) Error() string {
	texts := make([]string, len(e.Faults))
	for i, fault := range e.Faults {
		texts[i] = fault.Field + " " + fault.Problem
	}
	return ErrInvalid.Error() + ": " + strings.Join(texts, "; ")
}

// Is makes the error match [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// validate returns nil or an *[InvalidError].
func (c Config) validate() error {
	var faults []Fault
	if !c.extracts() && (c.Instance != nil || c.Boot != nil) {
		faults = append(faults, Fault{"Version", "is missing: there is nothing to compare"})
	}
	for i, prefix := range c.AllowPrefixes {
		if !prefix.IsValid() {
			faults = append(faults, Fault{fmt.Sprintf("AllowPrefixes[%d]", i), "is invalid"})
		}
	}
	if len(faults) > 0 {
		return &InvalidError{Faults: faults}
	}
	return nil
}

// extracts reports whether the answer is read by extractors and not as a status body.
func (c Config) extracts() bool {
	return c.Version != nil || c.Rev != nil || c.WriteID != nil || c.Sum != nil
}
