package storetest

import (
	"context"
	"slices"

	"github.com/cutover-go/cutover/store"
)

// interceptedPlaces is an intercepted store with its calls about places.
type interceptedPlaces struct{ *intercepted }

var _ store.Store = interceptedPlaces{}

func (p interceptedPlaces) Occupy(ctx context.Context, asked []store.Occupation) error {
	question := slices.Clone(asked) // a request may arrive after its caller has given up
	got, err := ask(ctx, p.intercepted, Call{Method: "Occupy", Places: placesOf(question)}, func(ctx context.Context) ([]store.Occupation, error) {
		own := slices.Clone(question)
		err := p.inner.Occupy(ctx, own)
		return own, err
	})
	if err == nil {
		copy(asked, got)
	}
	return err
}

func placesOf(asked []store.Occupation) []store.Place {
	places := make([]store.Place, len(asked))
	for i := range asked {
		places[i] = asked[i].Place
	}
	return places
}

func (p interceptedPlaces) Vacate(ctx context.Context, places []store.Place) error {
	places = slices.Clone(places)
	return tell(ctx, p.intercepted, Call{Method: "Vacate", Places: places}, func(ctx context.Context) error {
		return p.inner.Vacate(ctx, places)
	})
}

func (p interceptedPlaces) Places(ctx context.Context, q store.QuotaKey) ([]store.Place, error) {
	return ask(ctx, p.intercepted, Call{Method: "Places"}, func(ctx context.Context) ([]store.Place, error) { return p.inner.Places(ctx, q) })
}

func (p interceptedPlaces) CountPlaces(ctx context.Context, quotas []store.QuotaKey) ([]int, error) {
	quotas = slices.Clone(quotas)
	return ask(ctx, p.intercepted, Call{Method: "CountPlaces"}, func(ctx context.Context) ([]int, error) { return p.inner.CountPlaces(ctx, quotas) })
}
