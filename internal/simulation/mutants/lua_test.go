package mutants

// scripted returns a mutant in the Lua scripts of the store on Redis that one subtest of its
// conformance suite must notice.
func scripted(name, within, file, old, by string) mutant {
	m := tested(name, "./store/redisstore", "TestConformance", "store/redisstore/scripts/"+file, old, by)
	m.within, m.server = within, true
	return m
}

// and returns m with another edit of the same file.
func (m mutant) and(old, by string) mutant {
	m.edits = append(m.edits, edit{m.edits[0].file, old, by})
	return m
}

// luaMutants break what the scripts say about waves, bakes, windows, tunings and additions.
func luaMutants() []mutant {
	return []mutant{
		{
			name:  "Redis stops at a damaged task that was chosen",
			edits: []edit{{"store/redisstore/scripts/lib/pending.lua", "plan.passed or plan.damaged, nil\n", "plan.passed or plan.damaged, plan.damaged\n"}},
			pkg:   "./store/redisstore", test: "TestDamagedTaskStopsNoNeighbour", server: true,
		},
		scripted("Redis claims before the window opens", "15-waves/not_before_the_window_opens", "lib/pending.lua",
			" and plan.not_before <= now + 0\n", "\n"),
		scripted("Redis claims after the window closes", "15-waves/not_after_the_window_closes", "lib/pending.lua",
			"    and (plan.not_after == 0 or now + 0 < plan.not_after)\n", ""),
		scripted("Redis claims beyond the open wave", "15-waves/counted_by_commits", "lib/pending.lua",
			"local last = math.min(plan.open, plan.total)", "local last = plan.total").and(
			"local pending, spare = counts.pending - plan.beyond,", "local pending, spare = counts.pending,"),
		scripted("Redis admits while only the plan does", "15-waves/strict_by_the_failures_of_the_wave", "lib/pending.lua",
			"spare = math.min(spare, plan.wave_max_failed - plan.wave_failed)", "spare = spare + 0"),
		scripted("Redis counts every task in the open wave", "15-waves/counted_by_commits", "lib/wave.lua",
			"if not elsewhere(ordinal) then\n    plan.wave_failed, plan.wave_ended", "if true then\n    plan.wave_failed, plan.wave_ended"),
		scripted("Redis goes on counting in waves", "15-waves/counted_for_the_last_time_by_the_end_of_the_plan", "lib/wave.lua",
			"if plan.wave_first == 0 or plan.stop_running == 2 then", "if plan.wave_first == 0 then"),
		scripted("Redis judges by the open wave alone", "15-waves/breach_of_an_earlier_wave", "lib/wave.lua",
			"return failures[w] > tolerated[w]", "return false"),
		scripted("Redis judges by the plan alone", "15-waves/breach_of_the_open_wave", "lib/wave.lua",
			"return plan.wave_first > 0 and plan.wave_failed > plan.wave_max_failed", "return false"),
		scripted("Redis ends a wave again and again", "15-waves/ended_with_the_last_task", "lib/wave.lua",
			"  elseif plan.wave_ended_at == 0 then\n", "  else\n"),
		scripted("Redis keeps the end of the wave before", "15-waves/ended_when_it_is_opened", "lib/wave.lua",
			"plan.wave_ended_at = failures[w], ends[w], 0", "plan.wave_ended_at = failures[w], ends[w], plan.wave_ended_at"),
		scripted("Redis does not count what is completed at once", "15-waves/counted_by_commits", "lib/work.lua",
			"  tally(ordinal, 'R', 'C')\n", ""),
		scripted("Redis has a place too many", "21-place/occupy_up_to_the_maximum", "occupy.lua",
			"if taken < tonumber(ARGV[i + 3]) then", "if taken <= tonumber(ARGV[i + 3]) then"),
		scripted("Redis does not notice that a commit ends a wave", "15-waves/ended_with_the_last_task", "commit.lua",
			"track_wave_end()\n", ""),
		scripted("Redis does not count what commands end", "15-waves/counted_by_edits", "apply.lua",
			"    tally(ordinal, from, to)\n", ""),
		scripted("Redis judges commands by the plan alone", "15-waves/breach_of_a_wave_by_an_edit", "apply.lua",
			"(exceeds(t[1]) or groups", "(counts.failed > plan.max_failed or groups"),
		scripted("Redis keeps failures in their groups that are being undone", "3-breach/undone", "lib/claim.lua",
			"      groups().leave(groups().key(failure))\n", ""),
		scripted("Redis acknowledges no failures of groups", "3-breach/acknowledged,_and_again", "apply.lua",
			"groups().judge(ARGV[17] == '1')", "groups().judge(false)"),
		scripted("Redis admits while a group has too many failures", "3-breach/lowered_limit", "lib/pending.lua",
			"if plan.crowded > 0 then", "if false then"),
		scripted("Redis begins a group beside failures without one", "3-breach/too_many_groups", "lib/group.lua",
			"if number >= most or counts.failed - 1 > grouped then", "if number >= most then"),
		scripted("Redis completes an addition with tenants missing", "16-add/an_addition_with_tenants_missing_is_not_completed", "apply.lua",
			"elseif growth ~= 0 and (addition[1] == '' or addition[2] ~= ARGV[15]) then", "elseif false then"),
		scripted("Redis keeps what an addition that was given up has stored", "16-add/what_an_addition_that_was_given_up_has_stored_is_dropped",
			"apply.lua", "if ARGV[16] ~= '' and match(addition[1], '%d+') ~= match(ARGV[16], '%d+') then", "if false then"),
		scripted("Redis does not count in added waves", "16-add/an_addition_while_the_last_wave_is_worked_on_makes_a_wave_that_is_not_open", "lib/wave.lua",
			"failures[w], ends[w], flights[w], undo_failures[w], plan.retallied = 0, 0, 0, 0, true\n  end", "failures[w], ends[w], flights[w], undo_failures[w], plan.retallied = 0, 0, 0, 0, plan.retallied\n  end"),
		scripted("Redis appends for anybody", "16-add/appending_without_the_mark,_or_out_of_order,_is_refused", "tenants.lua",
			"elseif not token or '+' .. token ~= ARGV[1] then", "elseif not token then"),
		scripted("Redis keeps the bounds of waves whatever a command sets", "15-waves/breach_of_a_wave,_acknowledged", "apply.lua",
			"'waves', ARGV[14])", "'waves', redis.call('HGET', record, 'waves'))"),
		scripted("Redis claims undos that are being stopped", "4-claim/undo_that_is_being_stopped_is_not_claimed", "lib/claim.lua",
			"return counts.rolling_back > 0 and plan.stop_undo == '0'", "return counts.rolling_back > 0"),
		scripted("Redis starts what was retried after a breach", "18-alone/retried,_not_claimed_while_breached_or_failed", "lib/claim.lua",
			"return plan.claims == 1 and plan.breached == 0 and plan.starting > 0", "return plan.claims == 1 and plan.starting > 0"),
		scripted("Redis stops what is exempt with its plan", "18-alone/alone_in_a_paused_plan", "lib/plan.lua",
			"request == '3' and plan.stop_running == 1 and '0' or int(plan.stop_running)", "int(plan.stop_running)"),
		scripted("Redis spares what is exempt when its wave is undone", "18-alone/alone,_stopped_with_its_wave", "lib/plan.lua",
			"if covered(ordinal) then", "if covered(ordinal) and request ~= '3' then"),
		scripted("Redis undoes nothing that was chosen beyond its turn", "4-claim/undo_of_what_was_chosen", "lib/pending.lua",
			"plan.ahead = '2'", "plan.ahead = '1'"),
		scripted("Redis claims undos from the first ordinal", "4-claim/undo_without_a_worker_from_the_last_ordinal", "lib/claim.lua",
			"if band == 1 then", "if false then"),
		scripted("Redis tunes and resumes over failures that nobody has seen", "1-commit/failed_tasks_that_nobody_has_seen", "apply.lua",
			"if tonumber(ARGV[3]) >= 0 and", "if false and"),
		scripted("Redis marks a plan as read that got a command", "19-subscription/read_only_if_nothing_came_in_between", "agenda/unread.lua",
			"if kind and (text(stamp) ~= ARGV[4] or after < 0 and hold > now) then", "if false then"),
		scripted("Redis shows commands to no subscription", "19-subscription/every_command_makes_a_plan_unread", "lib/agenda.lua",
			"    show(name, plan, now)\n", ""),
		shortcut("Redis does not count in waves what a shortcut completes", "wave_ended, in_flight = wave_ended + ends,", "wave_ended, in_flight = wave_ended + 0,"),
		shortcut("Redis begins tasks of later waves by a shortcut", "local last = math.min(open, total)", "local last = total").and(
			"local most, spare = pending - beyond,", "local most, spare = pending,"),
		shortcut("Redis is not strict in a shortcut", "return math.min(most, spare + 1 - running)", "return most"),
		shortcut("Redis forgets labels in a shortcut", "if mark == 48 then", "if mark < 50 then"),
	}
}

// shortcut returns a mutant of turn.lua.
func shortcut(name, old, by string) mutant {
	m := tested(name, "./store/redisstore", "TestShortcutsDoWhatCommitDoes", "store/redisstore/scripts/turn.lua", old, by)
	m.server = true
	return m
}
