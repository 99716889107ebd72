package main

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cutover-go/cutover/observe/promcutover"
)

// newMetrics returns the metrics of this process, and the handler that Prometheus scrapes.
func newMetrics() (*promcutover.Collector, http.Handler, error) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m, err := promcutover.New(reg, promcutover.Config{})
	return m, promhttp.HandlerFor(reg, promhttp.HandlerOpts{}), err
}

// signedIn lets only those use a handler who sign in as callers of the API do.
func (o options) signedIn(h http.Handler) http.Handler {
	authenticate := o.authenticate()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := authenticate(r); err != nil {
			w.Header().Set("WWW-Authenticate", `Basic realm="cutover", charset="UTF-8"`)
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}
