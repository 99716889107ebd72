package observed

import (
	"context"

	"github.com/cutover-go/cutover/store"
)

type places struct {
	inner store.Places
	o     Observer
}

func (s places) Occupy(ctx context.Context, asked []store.Occupation) error {
	ctx, mark := s.o.Begin(ctx, OpOccupy)
	err := s.inner.Occupy(ctx, asked)
	s.o.End(ctx, OpOccupy, mark, err)
	return err
}

func (s places) Vacate(ctx context.Context, taken []store.Place) error {
	ctx, mark := s.o.Begin(ctx, OpVacate)
	err := s.inner.Vacate(ctx, taken)
	s.o.End(ctx, OpVacate, mark, err)
	return err
}

func (s places) Places(ctx context.Context, q store.QuotaKey) ([]store.Place, error) {
	ctx, mark := s.o.Begin(ctx, OpPlaces)
	answer, err := s.inner.Places(ctx, q)
	s.o.End(ctx, OpPlaces, mark, err)
	return answer, err
}

func (s places) CountPlaces(ctx context.Context, quotas []store.QuotaKey) ([]int, error) {
	ctx, mark := s.o.Begin(ctx, OpCountPlaces)
	answer, err := s.inner.CountPlaces(ctx, quotas)
	s.o.End(ctx, OpCountPlaces, mark, err)
	return answer, err
}
