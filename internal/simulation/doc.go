// Package simulation tests whole engines over random histories.
//
// A history has a few processes. Each is an engine with its own view of one store, in memory or of
// another kind: modules of stores call it through store/enginetest. A view loses calls and answers,
// delays them, delivers calls after their caller has given up, freezes for longer than a lease and
// goes on, or refuses everything for ever, as after a crash. Plans with overlapping tenants run on
// executors that save, fail, panic, ignore the end of their context and leave goroutines behind,
// while commands are given, sensible or not. Time is that of a testing/synctest bubble: a history
// of minutes takes milliseconds.
//
//	draw      the script of a history, from its seed alone
//	process   an engine, its view, and what can happen to both
//	view      faults between an engine and the store
//	bake      a check that no bake is over before its time
//	audit     the store, with a check that it does only what it may
//	actor     executors and the ledger of what they work on at the same time
//	settle    ends all faults, gives the commands that plans wait for, expects all to end
//	check     replays every plan's events and compares the result with the plan
//	skips     checks what starts lock, and what they skip
//	sweeps    commands on many tasks, and a check of what they touch
//	waves     follows the waves in that replay: their order, bakes, approvals and tolerances
//	quotas    draws quotas, and checks them whenever an executor starts
//	windows   draws windows, and checks that pending tasks begin only while they are open
//
// # Seeds
//
// The seed determines the script, and what a view does to its n-th call. It does not determine the
// order of goroutines that are due at the same instant, nor the engine's own jitter: a seed that
// failed fails again within a few tries.
//
//	go test ./internal/simulation                              the usual histories
//	go test ./internal/simulation -seed 1234 -count 20         one history, many times
//	go test ./internal/simulation -histories 100000 -timeout 2h
//
// A history that fails prints its seed and everything that happened in it.
package simulation
