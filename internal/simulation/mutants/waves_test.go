package mutants

// waveMutants break the rules of waves and of the gates between them.
func waveMutants() []mutant {
	return []mutant{
		simulated("claims go beyond the open wave", "plan/strategy/decide.go",
			"if i+1 == r.Open {", "if i+1 >= r.Open {"),
		simulated("slots of the plan instead of the wave", "plan/strategy/decide.go",
			"d.MaxSlots = s.slots(r.Open-1, r.Waves[r.Open-1].Tasks, tasks)", "d.MaxSlots = s.Concurrency(tasks)"),
		simulated("a canary is soft", "plan/strategy/decide.go",
			"d.Strict = d.Strict || s.wave(r.Open-1).Canary", "d.Strict = d.Strict || false"),
		simulated("a canary tolerates what the plan does", "plan/strategy/wave.go",
			"case w.Canary:\n\t\treturn 0\n\t", ""),
		simulated("a wave tolerates what the plan does", "plan/strategy/wave.go",
			"case w.MaxFailures.Kind == AmountUnset:\n\t\treturn s.MaxFailures.Of(tasks)\n\t}\n\treturn w.MaxFailures.Of(tasks)",
			"}\n\treturn s.MaxFailures.Of(tasks)"),
		simulated("a wave admits while only the plan does", "plan/wave.go",
			"return p.Grant.Admits(p.WaveCounters[p.Wave-1].Failed, p.Waves[p.Wave-1].MaxFailed, inFlight)", "return true"),
		tested("a late failure is judged by the tolerance of the plan", "./tests/engine", "TestALateFailureEndsTheOpenWave", "plan/wave.go",
			"return w <= len(p.Waves) && p.WaveCounters[w-1].Failed > p.Waves[w-1].MaxFailed", "return w == p.Wave && p.WaveCounters[w-1].Failed > p.Waves[w-1].MaxFailed"),
		tested("a resume acknowledges no failures of waves", "./plan", "TestHistories", "plan/command.go",
			"p.Waves[i].Acknowledged = p.WaveCounters[i].Failed", "_ = i"),
		simulated("a bake counts from the opening of its wave", "plan/wave.go",
			"case p.openNumber() == 0 || p.WaveLeft() > 0:", "case p.openNumber() == 0:"),
		simulated("a retry during the bake does not restart it", "plan/wave.go",
			"p.WaveEndedAt = time.Time{}\n\tcase p.WaveEndedAt.IsZero():", "\n\tcase p.WaveEndedAt.IsZero():"),
		simulated("a retry after the bake bakes no more", "plan/decision.go",
			"p.Gate = GateNone\n", "p.Gate = max(p.Gate, GateNone)\n"),
		tested("a task may start without a slot, it is said", "./plan", "TestHistories", "plan/explain.go",
			"if slotFree(x.Plan) {", "if true {"),
		tested("closed windows are not mentioned", "./plan", "TestHistories", "plan/explain.go",
			"case !x.Grant.Opens(x.Now):", "case false:"),
		tested("failures that are at risk are not mentioned", "./plan", "TestHistories", "plan/explain.go",
			"case !x.Admits():", "case false:"),
		tested("a plan ends before its last bake", "./tests/engine", "TestWavesBakeOneAfterTheOther", "plan/settle.go",
			"|| bakes && left > 0 || p.Adding", "|| bakes && left < 0 || p.Adding"),
		simulated("an approval counts for the wave after the next", "plan/gate.go",
			"rules.Waits(wave) && !d.Plan.approved(wave)", "rules.Waits(wave) && !d.Plan.approved(wave) && !d.Plan.approved(wave-1)"),
		simulated("an empty wave waits for its approval", "plan/gate.go",
			"case p.WaveCounters[next-1].Ended == p.SizeOf(next):", "case p.WaveCounters[next-1].Ended == p.SizeOf(next) && !d.lacksApproval(next):"),
		simulated("a rejection keeps the approval", "plan/gate.go",
			"next.Approved = slices.Delete(slices.Clone(next.Approved), at, at+1)", "_ = at"),
		tested("a rejection does not pause", "./tests/engine", "TestWavesWaitForApproval", "plan/gate.go",
			"if next.State == Running {\n\t\td.move(ByReject, Paused, by)", "if next.State == Running && next.Gate == GateNone {\n\t\td.move(ByReject, Paused, by)"),
		tested("a resume does not ask again", "./plan", "TestAResumeAsksAgain", "plan/decision.go",
			"p.Gate = min(p.Gate, GateBaked) // it asks again", "p.Gate = max(p.Gate, GateNone) // it asks again"),
	}
}

// windowMutants break what stores answer that load a part of a plan.
func windowMutants() []mutant {
	return []mutant{
		tested("the end of a window is the end of an undo round", "./store/rules", "TestWindows", "store/rules/undo.go",
			"m.Undo = min(m.Undo, first)", "break"),
		tested("a window without an answer is read again and again", "./store/rules", "TestWindows", "store/rules/claim.go",
			"p.Marks.Pending = max(from, first+1)\n", "_ = first\n"),
		tested("what a short queue lacks is passed over", "./store/rules", "TestShortQueue", "store/rules/claim.go",
			"if s.unknown != 0 {\n\t\t\treturn 0\n\t\t}\n\t\tif first != 0 {", "if first != 0 {"),
		tested("what was not read of a queue comes later", "./store/rules", "TestShortQueue", "store/rules/loadedqueue.go",
			"l.all || l.part && l.turns[0].compare(l.last) <= 0", "true"),
		tested("a plan that runs its tasks one by one undoes them by ordinal", "./store/rules", "TestUndoInTurn", "store/rules/shift.go",
			"t.Released = p.Marks.Releases", "_ = p"),
	}
}

// undoMutants break the undo of a wave.
func undoMutants() []mutant {
	return []mutant{
		simulated("the undo of a wave goes back to the first task", "store/rules/undo.go",
			"return uint32(p.Undo.First)", "return 1"),
		simulated("the undo of a wave begins while the wave is worked on", "plan/settle.go",
			"case !u.OfWave() || undoing(p).InFlight > 0:", "case !u.OfWave():"),
		tested("undos without a worker come from the first task", "./store/memstore", "TestConformance", "store/memstore/create.go",
			"rules.Undoing: {downward: true}", "rules.Undoing: {downward: false}"),
		tested("a set is undone forwards", "./plan", "TestRollbackOfASetInBatches", "plan/sweep.go",
			"return s.last(p) + 1 - ordinal", "return ordinal"),
		tested("an undone wave keeps the approval of the next one", "./plan", "TestTheWayAfterAnUndo", "plan/command.go",
			"p.Approved = slices.Clip(p.Approved[:later])", "_ = later"),
		tested("the failure action undoes no wave", "./plan", "TestBreachUndoesAWave", "plan/settle.go",
			"p.Undo.Next = wave", "_ = wave"),
		tested("an undone wave has baked", "./plan", "TestTheWayAfterAnUndo", "plan/command.go",
			"p.Gate = GateNone\n\t\tlater, _", "later, _"),
	}
}

// waitMutants break the rules of windows, of tunings, and of tasks that wait without a worker.
func waitMutants() []mutant {
	return []mutant{
		tested("windows do not close", "./tests/engine", "TestWindowsOpenAtTheirInstants", "plan/strategy/decide.go",
			"&& (g.NotAfter.IsZero() || now.Before(g.NotAfter))", ""),
		tested("windows are open before they open", "./tests/engine", "TestWindowsHoldPendingTasksBack", "plan/strategy/decide.go",
			"(g.NotBefore.IsZero() || !now.Before(g.NotBefore)) && ", ""),
		simulated("windows are not looked at in claims", "store/rules/claim.go", " || !p.Grant.Opens(s.now) {", " {"),
		tested("windows hold back what has begun", "./tests/engine", "TestWindowsLetWhatHasBegunGoOn", "store/rules/claim.go",
			"if slots >= p.Grant.MaxSlots {", "if slots >= p.Grant.MaxSlots || !p.Grant.Opens(s.now) {"),
		{
			name: "failures are judged only when they happen",
			edits: []edit{
				{"plan/strategy/decide.go", "d.Breach = d.Breach || w.Failed > s.Tolerated(i+1, w)\n", ""},
				{"plan/strategy/decide.go", "d.Breach = d.Breach || failed > d.MaxFailed\n", ""},
			},
			pkg: "./tests/engine", test: "TestTuningBelowTheFailuresIsABreach",
		},
		tested("a tuning does not reach the grant", "./tests/engine", "TestTuningOfARunningPlan", "plan/decision.go",
			"rules, waves := p.Rules(), tallies(p)", "rules, waves := p.Strategy, tallies(p)"),
		simulated("a task that waits has no slot", "plan/counters.go",
			"return c.Held + c.Waiting", "return c.Held"),
		simulated("a task that was paused in its wait goes on at once", "store/rules/claim.go",
			"if !t.Waiting && t.State.InFlight() && t.WaitUntil() > s.at {", "if false {"),
		simulated("a wait is over early", "store/rules/wait.go",
			"if next.due > s.at {", "if next.due > s.at+1e8 {"),
		tested("a backoff counts as a failure", "./tests/engine", "TestRetriesBeforeFailed", "internal/worker/outcome.go",
			"c.Failure = failure\n\t\treturn c", "c.Failure = failure\n\t\tc.Kind, c.Wait, c.After = store.Fail, task.NoWait, 0\n\t\treturn c"),
		simulated("one attempt more than allowed", "internal/worker/outcome.go",
			"case failure.Retryable && r.task.Attempt < retry.Attempts:", "case failure.Retryable && r.task.Attempt <= retry.Attempts:"),
		tested("an attempt begins its time anew in each process", "./tests/engine", "TestTaskTimeoutOverProcesses", "internal/worker/deadlines.go",
			"max(0, s.TaskTimeout-r.task.Elapsed)", "s.TaskTimeout"),
		tested("a success is proved by nothing", "./tests/engine", "TestMinSuccessTime", "internal/worker/outcome.go",
			"case s.MinSuccessTime > 0 && !r.proving():", "case false:"),
	}
}
