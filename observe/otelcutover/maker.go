package otelcutover

import (
	"fmt"

	"go.opentelemetry.io/otel/metric"
)

// maker makes instruments and collects what the meter refuses.
type maker struct {
	meter  metric.Meter
	faults []string
}

func (k *maker) fault(name string, err error) {
	if err != nil {
		k.faults = append(k.faults, fmt.Sprintf("%s: %v", name, err))
	}
}

func (k *maker) histogram(name, description string, bounds []float64) metric.Float64Histogram {
	h, err := k.meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description), metric.WithExplicitBucketBoundaries(bounds...))
	k.fault(name, err)
	return h
}

func (k *maker) counter(name, unit, description string) metric.Int64Counter {
	c, err := k.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
	k.fault(name, err)
	return c
}

func (k *maker) gauge(name, unit, description string) metric.Int64UpDownCounter {
	c, err := k.meter.Int64UpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
	k.fault(name, err)
	return c
}

func (k *maker) observableCounter(name, unit, description string) metric.Int64ObservableCounter {
	c, err := k.meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
	k.fault(name, err)
	return c
}

func (k *maker) observableGauge(name, unit, description string) metric.Int64ObservableUpDownCounter {
	c, err := k.meter.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
	k.fault(name, err)
	return c
}
