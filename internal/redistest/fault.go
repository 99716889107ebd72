package redistest

import "bytes"

// outcome is what a Proxy does to one request.
type outcome int

const (
	none        outcome = iota // the request is answered
	loseRequest                // the request never arrives, and the connection is cut
	loseAnswer                 // the request is carried out, but its answer is lost with the connection
)

// fault is an outcome for the next requests that match.
type fault struct {
	outcome outcome
	match   []byte // the fault concerns requests that contain this; all requests if it is empty
	left    int
}

// DropReplies loses the answers to the next n requests: each request arrives and is carried out,
// and then the connection is cut before the answer. The client cannot distinguish this from
// DropRequests; that is the purpose.
//
// The requests with which a client greets the server on a new connection count too. To drop the
// answer to a particular command, use DropReplyTo.
func (p *Proxy) DropReplies(n int) { p.addFault(loseAnswer, "", n) }

// DropReplyTo loses the answer to the next request that contains text, for instance the name of a
// command or a key.
func (p *Proxy) DropReplyTo(text string) { p.addFault(loseAnswer, text, 1) }

// DropRequests loses the next n requests: the connection is cut, and the server
// never sees them.
func (p *Proxy) DropRequests(n int) { p.addFault(loseRequest, "", n) }

// DropRequest loses the next request that contains text.
func (p *Proxy) DropRequest(text string) { p.addFault(loseRequest, text, 1) }

// Dropped returns the number of requests and answers that have been lost so far, so that a test can
// check that its fault happened.
func (p *Proxy) Dropped() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

func (p *Proxy) addFault(outcome outcome, match string, n int) {
	if n <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, &fault{outcome: outcome, match: []byte(match), left: n})
}

// faultFor returns what the oldest fault that concerns a request does to it, and counts that
// request against the fault.
func (p *Proxy) faultFor(request []byte) outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, f := range p.faults {
		if !bytes.Contains(request, f.match) {
			continue
		}
		p.done++
		if f.left--; f.left == 0 {
			p.faults = append(p.faults[:i], p.faults[i+1:]...)
		}
		return f.outcome
	}
	return none
}
