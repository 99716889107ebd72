package probe

import "github.com/cutover-go/cutover/redisack/internal/wire"

// Kind says why an endpoint gave no usable answer. The numbers are stable.
type Kind uint8

// The kinds of endpoint errors.
const (
	// KindOther is an error of a custom prober or comparer.
	KindOther Kind = 1
	// KindDial means that no connection could be made.
	KindDial Kind = 2
	// KindTLS means that the TLS handshake failed. An invalid certificate is a permanent error.
	KindTLS Kind = 3
	// KindBlocked means that the prober refuses to connect to the address. Permanent.
	KindBlocked Kind = 4
	// KindTimeout means that there was no answer before the attempt timed out.
	KindTimeout Kind = 5
	// KindStatus means an HTTP status other than 2xx. 401 and 403 are permanent.
	KindStatus Kind = 6
	// KindOversize means that the body is longer than the prober allows.
	KindOversize Kind = 7
	// KindDecode means that the body is not of the expected form.
	KindDecode Kind = 8
	// KindNoVersion means that the body is of the right form but names no version.
	KindNoVersion Kind = 9
	// KindRedirect means a redirect, which is not followed.
	KindRedirect Kind = 10
	// KindPanic means that a prober, extractor or comparer panicked.
	KindPanic Kind = 11
	// KindInstance means that the instance which answered is already counted for another endpoint.
	// Only package redisack sets it, never a prober.
	KindInstance Kind = 12
	// KindBroken means that the connection broke before the answer was complete.
	KindBroken Kind = 13
)

func (k Kind) String() string {
	switch k {
	case KindOther:
		return "other"
	case KindDial:
		return "dial"
	case KindTLS:
		return "tls"
	case KindBlocked:
		return "blocked"
	case KindTimeout:
		return "timeout"
	case KindStatus:
		return "status"
	case KindOversize:
		return "oversize"
	case KindDecode:
		return "decode"
	case KindNoVersion:
		return "no version"
	case KindRedirect:
		return "redirect"
	case KindPanic:
		return "panic"
	case KindInstance:
		return "instance"
	case KindBroken:
		return "broken"
	}
	return "none"
}

// MarshalText returns the name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a name. An unknown name yields zero.
func (k *Kind) UnmarshalText(text []byte) error {
	*k = wire.Named(text, KindBroken)
	return nil
}
