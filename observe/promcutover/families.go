package promcutover

import (
	"github.com/prometheus/client_golang/prometheus"
)

// family is one metric as it is exported and documented.
type family struct {
	name   string
	kind   prometheus.ValueType // of gauges and counters
	hist   bool
	labels []string // besides engine
	unit   string   // for the documentation
	help   string
	desc   *prometheus.Desc
}

// families has every metric. Each collector has its own, because the label engine is part of a
// description.
type families struct {
	plans, tasks, inFlightTasks, heldTasks, waitingTasks  *family
	activePlans, orphanPlans, incomplete, dueLag          *family
	workers, capacity, used                               *family
	notifierLag, notifierUnread, notifierFailing, letters *family
	age, failedRefreshes, refreshTime                     *family
	inFlight, claims, commits, saves                      *family
	failures, retries, takeovers, leasesLost, tasksLost   *family
	taskTime, stopTime                                    *family
	calls, callTime, faults                               *family
	renewed, renewalCalls, late, left, lagging, evicting  *family
	runs, confirmTime, endpointTime                       *family
	all                                                   []*family
}

func newFamilies(engine string) *families {
	f := new(families)
	add := func(at **family, name string, kind prometheus.ValueType, unit, help string, labels ...string) {
		*at = &family{
			name: name, kind: kind, labels: labels, unit: unit, help: help,
			desc: prometheus.NewDesc(name, help, labels, prometheus.Labels{"engine": engine}),
		}
		f.all = append(f.all, *at)
	}
	gauge := func(at **family, name, unit, help string, labels ...string) {
		add(at, name, prometheus.GaugeValue, unit, help, labels...)
	}
	counter := func(at **family, name, unit, help string, labels ...string) {
		add(at, name, prometheus.CounterValue, unit, help, labels...)
	}
	hist := func(at **family, name, unit, help string, labels ...string) {
		add(at, name, prometheus.UntypedValue, unit, help, labels...)
		(*at).hist = true
	}
	f.ofStore(gauge)
	f.ofEngine(gauge, counter, hist)
	f.ofTools(gauge, counter, hist)
	return f
}

// adding adds a family of one kind.
type adding = func(at **family, name, unit, help string, labels ...string)

func (f *families) ofStore(gauge adding) {
	gauge(&f.plans, "cutover_store_plans", "plans", "Plans by state.", "state")
	gauge(&f.tasks, "cutover_store_tasks", "tasks", "Tasks by state, of the plans that are not over.", "state")
	gauge(&f.inFlightTasks, "cutover_store_in_flight_tasks", "tasks", "Tasks that are running or being rolled back, with a worker or without.")
	gauge(&f.heldTasks, "cutover_store_held_tasks", "tasks", "Tasks in flight that a worker holds.")
	gauge(&f.waitingTasks, "cutover_store_waiting_tasks", "tasks", "Tasks in flight that wait: for their next attempt, the end of a hold, or until their success has lasted.")
	gauge(&f.activePlans, "cutover_store_active_plans", "plans", "Plans of which tasks could be claimed now, or are held by a worker. The others wait for a command, an approval, a window, a bake or a wait of their tasks.")
	gauge(&f.orphanPlans, "cutover_store_plans_without_executor", "plans", "Plans with work to do of which no worker has the executor.")
	gauge(&f.incomplete, "cutover_store_plans_incomplete", "", "1 if some plans are missing from the other figures: they are damaged, cannot be reached, or are more than MaxPlans.")
	gauge(&f.dueLag, "cutover_store_due_lag_seconds", "seconds", "For how long the plan that has waited longest for an engine has been due.")
	gauge(&f.workers, "cutover_store_workers", "processes", "Processes that hold a lease.")
	gauge(&f.capacity, "cutover_store_capacity_tasks", "tasks", "How many tasks all workers can work on at once.")
	gauge(&f.used, "cutover_store_capacity_used_tasks", "tasks", "How many tasks the workers held when they last reported.")
	gauge(&f.notifierLag, "cutover_store_notifier_lag_events", "events", "Events that the notifier has not looked at yet, of at most 100 plans.", "notifier")
	gauge(&f.notifierUnread, "cutover_store_notifier_unread_plans", "plans", "Plans that the notifier has not read to their ends.", "notifier")
	gauge(&f.notifierFailing, "cutover_store_notifier_failing_seconds", "seconds", "Since when the notifier could send nothing; 0 if its last message was sent.", "notifier")
	gauge(&f.letters, "cutover_store_notifier_dead_letters", "messages", "Messages that the notifier has given up.", "notifier")
}

func (f *families) ofEngine(gauge, counter, hist adding) {
	gauge(&f.age, "cutover_collector_refresh_age_seconds", "seconds", "The age of what cutover_store_* tells, or the time since the start if nothing was read yet.")
	gauge(&f.refreshTime, "cutover_collector_refresh_seconds", "seconds", "How long the last successful refresh of cutover_store_* took.")
	counter(&f.failedRefreshes, "cutover_collector_refresh_failures_total", "refreshes", "Refreshes of cutover_store_* that failed.")
	gauge(&f.inFlight, "cutover_engine_in_flight_tasks", "tasks", "Tasks that this process works on.")
	counter(&f.claims, "cutover_engine_claims_total", "tasks", "Tasks that this process has claimed and begun to work on.")
	counter(&f.commits, "cutover_engine_commits_total", "commits", "Changes of tasks by their workers that the store has accepted: saves and outcomes.")
	counter(&f.saves, "cutover_engine_saves_total", "saves", "Checkpoints and undo entries that were saved.")
	counter(&f.failures, "cutover_engine_failures_total", "attempts", "Attempts and undos that failed, by error code. Codes beyond MaxCodes are counted as other.", "code")
	counter(&f.retries, "cutover_engine_retries_total", "attempts", "Attempts that failed and are followed by another without a command.")
	counter(&f.takeovers, "cutover_engine_takeovers_total", "tasks", "Tasks that this process has taken from workers whose leases were over.")
	counter(&f.leasesLost, "cutover_engine_leases_lost_total", "leases", "Leases that this process has lost.")
	counter(&f.tasksLost, "cutover_engine_tasks_lost_total", "tasks", "Tasks that this process worked on and lost, so that no outcome was written.")
	hist(&f.taskTime, "cutover_engine_task_seconds", "seconds", "Time from the claim of a task to the commit of its outcome.", "outcome")
	hist(&f.stopTime, "cutover_engine_stop_seconds", "seconds", "Time from when this process learned that a task has to stop until the task came to a boundary.")
	counter(&f.calls, "cutover_engine_store_calls_total", "calls", "Calls of the store by method, repeated ones included. Claim is a Commit that only claims.", "method")
	hist(&f.callTime, "cutover_engine_store_call_seconds", "seconds", "Duration of the calls of the store by their purpose. While a store answers within 20 microseconds, one call of sixteen is timed and counts for all.", "purpose")
	counter(&f.faults, "cutover_engine_store_faults_total", "calls", "Calls of the store that failed and whose error nobody was given, by operation: most are tried again.", "operation")
}

func (f *families) ofTools(gauge, counter, hist adding) {
	counter(&f.renewed, "cutover_renewal_keys_total", "keys", "Outcomes of renewals: renewed, lost, failed or skipped.", "outcome")
	counter(&f.renewalCalls, "cutover_renewal_calls_total", "calls", "Calls with renewals of keys.")
	hist(&f.late, "cutover_renewal_late_seconds", "seconds", "Time from when the renewal of a key was due until it was answered. Always with classic buckets.")
	hist(&f.left, "cutover_renewal_left_ratio", "share of 1", "Share of its time to live that a key had left when it was renewed. Always with classic buckets.")
	gauge(&f.lagging, "cutover_renewal_lagging_nodes", "nodes", "Nodes of which renewals are more than half an interval late.")
	gauge(&f.evicting, "cutover_renewal_evicting_nodes", "nodes", "Nodes that may evict keys.")
	counter(&f.runs, "cutover_redisack_runs_total", "runs", "Runs of redisack that have ended, by reason: Confirmed if the clients run the configuration.", "reason")
	hist(&f.confirmTime, "cutover_redisack_confirm_seconds", "seconds", "Time from the start of a run of redisack until its configuration was confirmed.")
	hist(&f.endpointTime, "cutover_redisack_endpoint_confirm_seconds", "seconds", "Time from the start of a run of redisack until an endpoint had confirmed.")
}
