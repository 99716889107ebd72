package storetest

import (
	"context"

	"github.com/cutover-go/cutover/store"
)

// countsEachPlan gives every plan places of its own.
type countsEachPlan struct{ mutant }

func (m *countsEachPlan) Occupy(ctx context.Context, asked []store.Occupation) error {
	own := make([]store.Occupation, len(asked))
	for i, o := range asked {
		o.Value += o.Plan.String()
		own[i] = o
	}
	err := m.Store.Occupy(ctx, own)
	for i, o := range own {
		asked[i].Taken, asked[i].Other = o.Taken, o.Other
	}
	return err
}

// oneTooMany lets one task more into each quota.
type oneTooMany struct{ mutant }

func (m *oneTooMany) Occupy(ctx context.Context, asked []store.Occupation) error {
	if err := store.CheckOccupations(asked); err != nil {
		return err
	}
	own := make([]store.Occupation, len(asked))
	for i, o := range asked {
		o.Max = min(o.Max+1, store.MaxPlaces)
		own[i] = o
	}
	err := m.Store.Occupy(ctx, own)
	for i, o := range own {
		asked[i].Taken, asked[i].Other = o.Taken, o.Other
	}
	return err
}

// vacatesAny frees the place of a task whatever its value is.
type vacatesAny struct{ mutant }

func (m *vacatesAny) Vacate(ctx context.Context, places []store.Place) error {
	for _, p := range places {
		taken, err := m.Places(ctx, p.QuotaKey)
		if err != nil {
			return err
		}
		for _, had := range taken {
			if had.Plan == p.Plan && had.Ordinal == p.Ordinal {
				if err := m.Store.Vacate(ctx, []store.Place{had}); err != nil {
					return err
				}
			}
		}
	}
	return m.Store.Vacate(ctx, places)
}

// replacesPlaces takes any place of the task for the one to be replaced.
type replacesPlaces struct{ mutant }

func (m *replacesPlaces) Occupy(ctx context.Context, asked []store.Occupation) error {
	err := m.Store.Occupy(ctx, asked)
	for i := range asked {
		if o := &asked[i]; err == nil && o.From != 0 && o.Other.Plan != 0 {
			err = m.Vacate(ctx, []store.Place{o.Other})
			if err == nil {
				err = m.Store.Occupy(ctx, asked[i:i+1])
			}
		}
	}
	return err
}
