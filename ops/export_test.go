package ops

import "time"

// SetBodyTimeout changes how long clients may take to send a body.
func (h *Handler) SetBodyTimeout(d time.Duration) { h.service.bodyTimeout = d }

// ProblemOf returns the status and the code of the problem that an error becomes.
func ProblemOf(err error) (status int, code string) {
	p := problemOf(err)
	return p.Status, p.Code
}

// Streams returns how many streams are open, and how many plans are followed for them.
func (h *Handler) Streams() (open, followed int) {
	return int(h.service.streams.open.Load()), h.service.streams.hub.Feeds()
}

// MaxStreams is how many streams may be open.
const MaxStreams = maxStreams

// MaxCostly is how many costly questions are answered at the same time.
const MaxCostly = maxCostly

// MaxExports is how many exports are written at the same time.
const MaxExports = maxExports

// MaxUploads is how many uploads are taken at the same time.
const MaxUploads = maxUploads
