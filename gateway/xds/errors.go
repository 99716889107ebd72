package xds

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cutover-go/cutover/gateway"
)

var (
	// ErrRefused is matched by every [*RefusedError].
	ErrRefused = errors.New("xds: a node refuses its configuration")
	// ErrNotConnected means that a node has no stream to this process.
	ErrNotConnected = errors.New("the node is not connected to this process")
	// ErrNotAcknowledged means that a node has not answered the last revision that it was sent, or
	// has not asked for the routes yet.
	ErrNotAcknowledged = errors.New("not acknowledged")
)

// RefusedError is a NACK: a node has refused a revision and goes on with what it had. The gateway
// does not send the same revision again on that stream. It matches [ErrRefused] and
// [gateway.ErrSetup].
type RefusedError struct {
	Node string
	Rev  uint64
	// Type is what was refused, such as RouteConfiguration or Cluster.
	Type string
	// Text is what the node says, at most 400 bytes of it.
	Text string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("node %s refuses revision %d (%s): %s", e.Node, e.Rev, e.Type, e.Text)
}

// Is reports whether target is [ErrRefused] or [gateway.ErrSetup].
func (e *RefusedError) Is(target error) bool {
	return target == ErrRefused || target == gateway.ErrSetup
}

// maxRefusal bounds the text of a NACK, in bytes.
const maxRefusal = 400

// refusal returns the text of a NACK in one line of bounded length.
func refusal(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if len(text) > maxRefusal {
		text = strings.ToValidUTF8(text[:maxRefusal], "") + "..."
	}
	if text == "" {
		return "no reason given"
	}
	return text
}

// shortType returns the last part of a type's URL.
func shortType(url string) string { return url[strings.LastIndexAny(url, "./")+1:] }
