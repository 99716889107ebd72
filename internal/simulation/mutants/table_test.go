package mutants

import "slices"

// mutant is one broken rule, with the test that must notice it.
type mutant struct {
	name      string
	edits     []edit
	pkg, test string
	// within is the subtest of test that must notice it; empty if any may.
	within string
	// server means that the test needs a real redis-server.
	server bool
	// args are further arguments of the test.
	args []string
}

// edit replaces a string that occurs once in a file.
type edit struct{ file, old, by string }

// simulated returns a mutant that the simulation must notice, in more histories than usual: some
// broken rules show in only one history in a thousand.
func simulated(name, file, old, by string) mutant {
	return mutant{
		name: name, edits: []edit{{file, old, by}},
		pkg: "./internal/simulation", test: "TestHistories",
		args: []string{"-test.failfast", "-histories", "30000"},
	}
}

// tested returns a mutant that a single test must notice.
func tested(name, pkg, test, file, old, by string) mutant {
	return mutant{name: name, edits: []edit{{file, old, by}}, pkg: pkg, test: test}
}

// drawn returns a mutant that a test of package plan must notice that draws histories, in more of
// them than usual.
func drawn(name, test, file, old, by string) mutant {
	m := tested(name, "./plan", test, file, old, by)
	m.args = []string{"-test.failfast", "-rapid.checks", "5000"}
	return m
}

func mutants() []mutant {
	return slices.Concat(coreMutants(), waveMutants(), windowMutants(), undoMutants(), waitMutants(), luaMutants())
}

// coreMutants break the rules of plans, tasks, stores, locks and leases.
func coreMutants() []mutant {
	return []mutant{
		simulated("apply without comparing versions", "store/rules/apply.go",
			"if c.Version != p.Version {", "if false {"),
		simulated("write without comparing tokens", "store/rules/commit.go",
			"case t.Claim == 0 || w.Token != t.Token:", "case t.Claim == 0:"),
		simulated("yield always pauses", "store/rules/commit.go",
			"stop := s.p.StopOf(ordinal, t)\n", "stop := max(s.p.StopOf(ordinal, t), task.StopPause)\n"),
		simulated("a lost worker uses up an attempt", "task/command.go",
			"e.Losses++", "e.Losses++\n\te.Attempt++"),
		simulated("the door closes when an engine judges", "store/rules/claim.go",
			"if p.Counters.Of(task.Pending) == 0 || p.Breached || p.State.CancelsPending() || !p.Admits() || !p.Grant.Opens(s.now) {",
			"if p.State.CancelsPending() {"),
		simulated("one failure more than allowed", "plan/strategy/decide.go",
			"d.MaxFailed = max(s.MaxFailures.Of(tasks), r.Acknowledged)",
			"d.MaxFailed = max(s.MaxFailures.Of(tasks), r.Acknowledged) + 1"),
		simulated("strict is soft", "plan/strategy/decide.go",
			"if g.Strict {", "if false {"),
		tested("strict counts only what workers hold", "./store/memstore", "TestConformance", "plan/wave.go",
			"inFlight := p.Counters.InFlight()", "inFlight := p.Counters.Held"),
		drawn("new tasks begin while a resume wakes others", "TestFailuresStayWithinTheirBound", "plan/sweep.go",
			"if s.Kind == SweepResume || !s.Kind.own()", "if !s.Kind.own()"),
		simulated("a breach only stops what it is to undo", "plan/settle.go",
			"d.rollBack(ByBreach, by)", "d.move(ByBreach, Failed, by)"),
		tested("a breach opens the undo round at once", "./plan", "TestBreachByLossOpensTheUndoRoundLater", "plan/settle.go",
			"the undo round opens later.\n\t\treturn false", "the undo round opens later.\n\t\treturn true"),
		tested("two plans of one key differ in their mode", "./tests/engine", "TestCreateAgainWithAnotherStrategy", "digest.go",
			"string(rules))", "string(rules[:0]))"),
		simulated("stale locks stay", "internal/tenantlock/acquire.go",
			"found, err := m.judge(ctx, others)\n", "found, err := verdict{held: others}, error(nil)\n"),
		simulated("held locks are taken", "internal/tenantlock/acquire.go",
			"found, err := m.judge(ctx, others)\n", "found, err := verdict{stale: others}, error(nil)\n"),
		simulated("a plan that waits takes held tenants", "internal/tenantlock/free.go",
			"slices.Concat(claiming, v.held, v.starting, damaged))", "slices.Concat(claiming, damaged))"),
		tested("a claim under way is stale", "./tests/engine", "TestClaimOfAWaitingPlanIsSpared", "internal/tenantlock/judge.go",
			"case ClaimUnderWay(l.Phase):", "case false:"),
		simulated("release without the phase", "store/memstore/locktable.go",
			"*t.lock(s.number()) != l {", "t.lock(s.number()).Plan != l.Plan {"),
		simulated("undos under the lock of the start", "internal/tenantlock/value.go",
			"if !o.StartLocked(t) {", "if false {"),
		simulated("the worker does not look at the lock", "internal/worker/run.go",
			"if owner.StartLocked(r.task) || r.undoImpossible() {", "if true {"),
		simulated("a quota has a place too many", "store/rules/occupy.go",
			"case has || taken < o.Max:", "case has || taken <= o.Max:"),
		simulated("places of tasks in flight are stale", "internal/quota/stale.go",
			"(inFlight[l.Ordinal] || ", "("),
		simulated("a worker begins without its place", "internal/worker/run.go",
			"len(r.worker.plan.Strategy.Quotas) == 0 ||", "true ||"),
		tested("an abandoned start keeps its mark", "./tests/engine", "TestSlowStart", "internal/tenantlock/judge.go",
			"unmarked, err := m.AbandonStart(ctx, l.Plan, l.Start)\n", "return startOver, nil\n\t\tunmarked, err := *p, error(nil)\n"),
		tested("a start steals from a newer one", "./tests/engine", "TestSlowStartStealsNothing", "internal/tenantlock/value.go",
			" && a.Start == b.Start\n", "\n"),
		simulated("a start fails because of one that may be given up", "internal/tenantlock/lockplan.go",
			"in, err := m.acquire(ctx, locks)\n", "in, err := m.acquire(ctx, locks)\n\t\tin.held = append(in.held, in.starting...)\n"),
		tested("a start that has skipped tasks is given up", "./tests/engine", "TestStartThatSkipsIsFinished", "plan/command.go",
			"if p.Starting != nil && !p.Starting.Skipping {", "if p.Starting != nil {"),
		tested("the locks of a start that has skipped tasks are stale", "./tests/engine", "TestStartThatHasSkippedHoldsItsTenants", "internal/tenantlock/judge.go",
			"return startSucceeded, nil // it", "return startOver, nil // it"),
		tested("a dead start that skips is undone", "./tests/engine", "TestStartThatSkipsIsFinished", "internal/reconcile/step.go",
			"p.StartLeft() <= 0 && p.Strategy.Conflict.FinishesStart():", "p.StartLeft() <= 0 && false:"),
		simulated("a start that another process finishes skips what is locked", "internal/tenantlock/skip.go",
			"case other != l:", "case other == l:"),
		tested("a start that was given up frees what runs", "./tests/engine", "TestStartThatSucceededUnheard", "internal/tenantlock/start.go",
			"p.StartToken == token ||", "p.ID == 0 ||"),
		tested("a late command takes the lock of a run", "./tests/engine", "TestLateSweepSparesTheRun", "internal/tenantlock/acquire.go",
			"m.checkIntents(ctx, own, pending)", "m.checkIntents(ctx, nil, pending)"),
		tested("a command that was given up frees what the task needs", "./tests/engine", "TestCommandGivenUpSparesTheLock", "taskcommand.go",
			"e.locks.ReleaseStale(last, id.Plan(), []string{locked})",
			"func() error { l, _ := e.client.Store.Locks(last, []string{locked}); return e.client.Store.Release(last, l) }()"),
		tested("plans at rest keep what was left behind", "./tests/engine", "TestPlansThatAreOverHoldNothing", "internal/tenantlock/cleaner.go",
			"if !EverLocked(p) {", "if p.Version > 0 {"),
		simulated("undos while something runs", "plan/settle.go",
			"if c.Of(task.Running) > 0 {", "if false {"),
		tested("a resume looks only for what is paused", "./plan", "TestResumeLooksForWhatStopsMeanwhile", "plan/command.go",
			"if p.Counters.Of(task.Paused) > 0 || p.State == Paused && p.Counters.Of(task.Running) > 0 {",
			"if p.Counters.Of(task.Paused) > 0 {"),
		simulated("a retry keeps the acknowledgement", "plan/decision.go",
			"p.Acknowledged = min(p.Acknowledged, p.Counters.Of(task.Failed))\n", ""),
		simulated("a resume acknowledges unseen failures", "internal/storeclient/decide.go",
			"command.Failed = p.Counters.Of(task.Failed)", "command.Failed = -1"),
		simulated("a later undo entry wins", "store/rules/save.go",
			"log, added, err := log.Record(",
			"log, added, err := log[:0].Record("),
		simulated("a retry from scratch drops the undo log", "task/command.go",
			"e.RetriedAt = now\n\te.DropCheckpoint = from == FromScratch",
			"e.RetriedAt = now\n\te.DropCheckpoint, e.DropUndo = from == FromScratch, from == FromScratch"),
		simulated("a pause drops the checkpoint", "store/rules/save.go",
			"case task.ByPause:", "case task.ByPause:\n\t\tt.dropCheckpoint()"),
		simulated("nobody looks for the tasks of a lost answer", "internal/lease/registry.go",
			"for id := range r.uncertain {", "for id := range map[plan.ID]bool{} {"),
		simulated("nobody looks for lost workers", "internal/reconcile/step.go",
			"case c.Held > 0:", "case false:"),
		simulated("the mark of rest is forgotten", "store/memstore/commit.go",
			"p.log.markAtRest()", "_ = p"),
		tested("a claim sent again takes more", "./store/memstore", "TestConformance", "store/rules/claim.go",
			"if known {", "if known && false {"),
		simulated("a creation does not know its creator again", "store/memstore/create.go",
			"if p.mark != c.Mark || p.hash != c.Hash {", "if p.mark != c.Mark || p.hash == c.Hash {"),
		simulated("a watch skips an event", "watch.go",
			"return events[1:], nil", "return events[min(len(events), 1+int(seen.Seq%7/6)):], nil"),
		{
			name: "a task that runs is handed back",
			edits: []edit{
				{"internal/lease/heartbeat.go", "delete(held, id)\n", ""},
				{"internal/lease/heartbeat.go", "if k.registry.isRun(claim{id, h.Token}) {", "if false {"},
				{"internal/lease/registry.go", "if _, runs := s.runs[c]; runs {", "if c.task == 0 {"},
			},
			pkg: "./tests/engine", test: "TestLongTaskRunsOnce",
		},
		simulated("what was to start does so in a failed plan", "plan/plan.go",
			"return c.State == Running && !breached", "return c.State.ClaimsRunning()"),
		simulated("a retry alone wakes what is paused", "plan/state.go",
			"func (s State) ClaimsRunning() bool { return s == Running || s == Failed }",
			"func (s State) ClaimsRunning() bool { return s == Running || s == Failed || s == Paused }"),
		tested("a breach keeps the retries under way", "./plan", "TestBreachDropsSweeps", "plan/decision.go",
			"p.dropSweep(SweepRetry)", "_ = p"),
		tested("the pause of the plan stops what is exempt", "./tests/engine", "TestOneTaskOfAPausedPlanRunsAlone", "task/task.go",
			"if plan == StopPause && c.Request == ExemptRequest {", "if false {"),
		tested("the undo of a wave spares what is exempt", "./store/memstore", "TestConformance", "task/task.go",
			"if plan == StopPause && c.Request == ExemptRequest {", "if plan != Go && c.Request == ExemptRequest {"),
		tested("a trial makes the plan run again", "./plan", "TestRetryAlone", "plan/taskcommand.go",
			"d.Plan.State == Failed && !by.StayStopped", "d.Plan.State == Failed"),
		tested("a retry runs a plan whose open wave is being undone", "./plan", "TestRetryAloneBesideAnUndo", "plan/taskcommand.go",
			"case rerun && d.Plan.undoesOpenWave():", "case false:"),
		tested("a failed plan is completed with too many failures in a wave", "./plan", "TestFailedPlanRecovers", "plan/plan.go",
			"c.Of(task.Completed) > 0 && !p.Exceeded() && p.GatesPassed() &&", "c.Of(task.Completed) > 0 && p.GatesPassed() &&"),
		tested("failures of one kind do not close the grant at once", "./store/memstore", "TestConformance", "plan/wave.go",
			"p.Grant.MaxSameFailures > 0 && p.FailureGroups.Of(f).exceeds(&p.Grant)", "false"),
		drawn("a pending task begins while too many have failed in the same way", "TestHistories", "plan/wave.go",
			"if p.FailureGroups.exceeding(&p.Grant) != nil || !p.Grant", "if !p.Grant"),
		drawn("a retried failure of a group stays acknowledged", "TestHistories", "plan/failuregroup.go",
			"own.Acknowledged = min(own.Acknowledged, own.Failed)", "own.Acknowledged = max(own.Acknowledged, 0)"),
		tested("a group begins beside failures without one", "./store/memstore", "TestConformance", "plan/failuregroup.go",
			" && groups.Ungrouped(failed) == 1: // the task itself", ":"),
		tested("a sweep skips its last batch", "./plan", "TestRetryFailedInBatches", "plan/sweep.go",
			"case does != changes:", "case next == 0 && s.After > 0, does != changes:"),
		tested("a sweep changes what its filter does not select", "./plan", "TestSweepsFollowTheirFilter", "plan/sweep.go",
			"at > s.Last || !p.Selects(&s.Filter, t) {", "at > s.Last {"),
		tested("pending tasks begin before they are skipped", "./plan", "TestPendingTasksWaitForSkips", "plan/sweep.go",
			" || !s.Kind.own() && slices.Contains(s.States(), task.Pending) {", " {"),
		tested("a skip of failed tasks keeps pending ones back", "./plan", "TestSkipOfFailedTasksLetsPendingOnesBegin", "plan/sweep.go",
			"&& slices.Contains(s.States(), task.Pending) {", "{"),
		tested("a full queue takes the plan's own place", "./plan", "TestFullQueue", "plan/queue.go",
			"if d.Plan.queued() >= MaxSweeps-1 {", "if d.Plan.queued() >= MaxSweeps {"),
		tested("a sweep by wave looks at the other waves", "./internal/reconcile", "TestLongSweepsAreBounded", "plan/sweep.go",
			"from, to = max(after, p.FirstOf(wave)-1), min(", "from, to = after, min("),
		tested("a dry run gives its command", "./tests/engine", "TestRetryTasksByCode", "selection.go",
			"err != nil || o.dryRun {", "err != nil {"),
		tested("the lease counts from the answer", "./tests/engine", "TestLeaseEndsForTheProcessFirst", "internal/lease/heartbeat.go",
			"l.renewed(sent, k.ttl)\n\tk.compare", "l.renewed(time.Now(), k.ttl)\n\tk.compare"),
		tested("a shutdown goes on claiming", "./tests/engine", "TestShutdownClaimsNothing", "internal/worker/run.go",
			"if w.pool.stopping.Load() || ", "if "),
		tested("a save does not tell of a pause", "./tests/engine", "TestScenarios", "store/rules/commit.go",
			"w.Stop = s.p.StopOf(ordinal, t)\n", "_ = ordinal\n"),
		tested("undos that are being stopped are claimed", "./store/memstore", "TestConformance", "store/rules/claim.go",
			"return !s.p.Undo.Stopping", "return true"),
		tested("a plan that got a command is marked as read", "./store/memstore", "TestConformance", "store/memstore/subscription.go",
			"case is && present.Stamp != stamp:", "case is && present.Stamp < stamp:"),
		tested("failures are not collected", "./notify", "TestManyFailuresAreFewMessages", "notify/follow.go",
			"wait > 0 && !f.atRest {", "wait > time.Hour {"),
		tested("a webhook follows redirects", "./notify/webhook", "TestAnswers", "notify/webhook/webhook.go",
			"return http.ErrUseLastResponse }", "return nil }"),
		tested("only the first secret signs", "./notify/webhook", "TestRequest", "notify/webhook/sign.go",
			"strings.Join(signatures, \" \")", "signatures[0]"),
		tested("pending tasks before those that were lost", "./store/memstore", "TestConformance", "store/rules/claim.go",
			"if p.Counters.InFlight() > slots {", "if p.Counters.InFlight() > slots && p.Counters.Of(task.Pending) == 0 {"),
	}
}
