package otelcutover

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/cutover-go/cutover/task"
)

// maxText is the maximum number of bytes of a text that others have chosen.
const maxText = 2048

// short returns a text that any exporter accepts: an OTLP exporter refuses the whole batch if one
// byte of one attribute is no UTF-8, and actors, versions and errors come from outside.
func short(s string) string { return task.Cut(s, maxText) }

// text returns an attribute whose value others have chosen.
func text(k attribute.Key, v string) attribute.KeyValue { return k.String(short(v)) }

// fail gives a span the status Error.
func fail(s trace.Span, why string) { s.SetStatus(codes.Error, short(why)) }
