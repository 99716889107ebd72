package httpprobe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"

	"github.com/cutover-go/cutover/redisack/probe"
)

// transportError classifies an error of the transport. The text of its result contains no URL.
func transportError(ctx context.Context, err error) *probe.Error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var (
		blocked  *blockedError
		name     x509.HostnameError
		unknown  x509.UnknownAuthorityError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
		record   tls.RecordHeaderError
		alert    tls.AlertError
		timeout  interface{ Timeout() bool }
		op       *net.OpError
		lookup   *net.DNSError
		badFit   = errors.As(err, &name) || errors.As(err, &unknown) || errors.As(err, &invalid) || errors.As(err, &verify)
		badShake = errors.As(err, &record) || errors.As(err, &alert)
	)
	var own *probe.Error
	switch {
	case errors.As(err, &own): // a panic in the host's code while dialing
		return own
	case errors.As(err, &blocked):
		return &probe.Error{Kind: probe.KindBlocked, Permanent: true, Err: err}
	case badFit:
		return &probe.Error{Kind: probe.KindTLS, Permanent: true, Err: err}
	case badShake:
		return &probe.Error{Kind: probe.KindTLS, Err: err}
	case ctx.Err() != nil || (errors.As(err, &timeout) && timeout.Timeout()):
		return &probe.Error{Kind: probe.KindTimeout, Err: err}
	case errors.As(err, &lookup) || (errors.As(err, &op) && op.Op == "dial"):
		return &probe.Error{Kind: probe.KindDial, Err: err}
	}
	return &probe.Error{Kind: probe.KindBroken, Err: err}
}
