// Package promcutover exports Prometheus metrics of an engine, of its store, and of the tools
// renewal and redisack.
//
//	metrics, err := promcutover.New(prometheus.DefaultRegisterer, promcutover.Config{})
//	engine, err := cutover.New(metrics.Store(s), cutover.Config{
//		Executors: executors,
//		Hooks:     hook.Join(metrics.Hooks(), hook.Slog(nil)),
//	})
//	go metrics.Run(ctx, engine)
//
// There are two kinds of metrics:
//
//	cutover_store_*   what the store tells: every process exports the same, so take max
//	cutover_engine_*  what this process does: take sum
//
// The first are read by one goroutine, [Collector.Run], every Config.Interval, so a scrape makes no
// call of the store; cutover_collector_refresh_age_seconds is their age. The second are counted by
// hooks and by a store that observes its calls. No label has a value without bound: tenants, plans
// and nodes are none, and error codes beyond Config.MaxCodes count as one.
//
// docs/observability.md has every metric and what to alert on; dashboard.json is a dashboard for
// Grafana, and alerts.yml has the alerts.
package promcutover
