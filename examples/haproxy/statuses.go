package main

import (
	"context"
	"sync"

	"github.com/cutover-go/cutover/executor/bluegreen"
)

// statuses is a tenant service in memory. A host's own keeps a status beside the route.
type statuses struct {
	mu     sync.Mutex
	status map[string]string
}

func newStatuses() *statuses { return &statuses{status: map[string]string{}} }

func (s *statuses) TenantInfo(_ context.Context, tenant string) (bluegreen.TenantInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bluegreen.TenantInfo{ID: tenant, Status: s.status[tenant]}, nil
}

func (s *statuses) UpdateStatus(_ context.Context, c bluegreen.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status[c.TenantID] = c.To
	return nil
}
