package ops

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// frameTimeout is how long a client may take to accept what is written at once.
const frameTimeout = 10 * time.Second

// frames are messages of a stream that are written together.
type frames struct{ bytes.Buffer }

// begin begins a message. An empty id is one, too: a client that connects again sends none.
func (f *frames) begin(event string, id []byte) {
	f.WriteString("event: ")
	f.WriteString(event)
	if id != nil {
		f.WriteString("\nid: ")
		f.Write(id)
	}
	f.WriteString("\ndata: ")
}

// end ends a message.
func (f *frames) end() { f.WriteString("\n\n") }

// add adds a message with a document. JSON has no line breaks.
func (f *frames) add(event string, id []byte, v any) error {
	document, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f.begin(event, id)
	f.Write(document)
	f.end()
	return nil
}

// send writes the messages to a client, who has to accept them in time.
func (f *frames) send(w http.ResponseWriter) error {
	control := http.NewResponseController(w)
	if err := control.SetWriteDeadline(time.Now().Add(frameTimeout)); err != nil {
		return err
	}
	if _, err := w.Write(f.Bytes()); err != nil {
		return err
	}
	return control.Flush()
}

// streamable returns nil if messages can be sent over w, each with its own deadline. Otherwise a
// middleware has replaced the server's ResponseWriter by one that cannot do that.
func streamable(w http.ResponseWriter) error {
	p := newProblem(codeNoStream)
	if !flushes(w) {
		p.Detail = "The ResponseWriter of a middleware has neither Flush nor Unwrap."
		return p
	}
	control := http.NewResponseController(w)
	// The server ends the context of a request when its ReadTimeout is over, even if it has read
	// the whole request long ago.
	if control.SetReadDeadline(time.Time{}) != nil || control.SetWriteDeadline(time.Time{}) != nil {
		p.Detail = "The ResponseWriter of a middleware has neither SetReadDeadline and SetWriteDeadline nor Unwrap."
		return p
	}
	return nil
}

// flushes reports whether http.ResponseController can flush w.
func flushes(w http.ResponseWriter) bool {
	for {
		switch t := w.(type) {
		case interface{ FlushError() error }, http.Flusher:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return false
		}
	}
}
