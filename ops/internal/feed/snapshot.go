package feed

import (
	"sync"

	"github.com/cutover-go/cutover/plan"
)

// Snapshot is a plan as it was once, with the documents that were made of it. Callers with the same
// rights get the same document, so it is made once for all of them.
type Snapshot struct {
	Plan plan.Plan // must not be changed

	mu        sync.Mutex
	documents map[string][]byte
}

// removable tells plans that can be removed from others: what can be done with a plan changes by
// itself when it has been over for a while.
func removable(p *plan.Plan) string {
	if plan.CheckRemoval(*p) == nil {
		return "removable"
	}
	return ""
}

// Document returns the document for a class of callers. The first one of a class makes it.
func (s *Snapshot) Document(class string, document func() ([]byte, error)) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, made := s.documents[class]; made {
		return d, nil
	}
	d, err := document()
	if err != nil {
		return nil, err
	}
	if s.documents == nil {
		s.documents = make(map[string][]byte)
	}
	s.documents[class] = d
	return d, nil
}
