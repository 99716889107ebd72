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

// Config says how to ask endpoints and how to find the fields of the Observation in their answers.
// The zero value reads the status body of redisack/agent.
type Config struct {
	// Version, Rev, WriteID, Sum, Instance and Boot extract the fields of the Observation. Every
	// answer must contain each field that has an extractor. If any extractor is set, at least one
	// of the first four must be set. Default: the status body of redisack/agent is read.
	Version, Rev, WriteID, Sum, Instance, Boot Extract
	// Headers returns the headers of the request to an endpoint, for instance Authorization. The
	// header Host sets the host of the request. Headers appear in no error. The function must be
	// safe for concurrent use. Default: none.
	Headers func(probe.Endpoint) http.Header
	// ServerName returns the name that the certificate of a host must have. The function must be
	// safe for concurrent use. Default: the host of the URL.
	ServerName func(host string) string
	// TLS is the basis of the TLS settings, for instance roots and client certificates. Default:
	// the system's roots.
	TLS *tls.Config
	// MaxBody is the maximum length of a body in bytes. Default 64 KiB; negative: no limit.
	MaxBody int64
	// KeepAlive is the maximum number of connections that one session keeps open between probes.
	// Each takes about 25 kB and a file descriptor, and makes a second probe twice as fast. A
	// session with more members than that keeps none.
	//
	// Default: all sessions of the process share 512 connections; a session with more members than
	// connections are left keeps none. Negative: none.
	KeepAlive int
	// AllowLoopback allows endpoints on this machine. Default: they are refused, so that a list of
	// endpoints cannot be used to reach local services.
	AllowLoopback bool
	// AllowPrefixes, if set, allows only addresses in these prefixes. Link-local, metadata,
	// multicast and unspecified addresses are always refused. Default: all other addresses are
	// allowed.
	AllowPrefixes []netip.Prefix
}

const (
	defaultMaxBody = 64 << 10
	maxURL         = 4 << 10
)

// ErrInvalid is matched by every [*InvalidError].
var ErrInvalid = errors.New("httpprobe: invalid configuration")

// Fault is one error in one field.
type Fault struct{ Field, Problem string }

// InvalidError names every fault of a [Config]. It matches [ErrInvalid].
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

// extracts reports whether extractors read the answer, which is otherwise read as a status body.
func (c Config) extracts() bool {
	return c.Version != nil || c.Rev != nil || c.WriteID != nil || c.Sum != nil
}
