// Package notify tells people and programs what happens to plans: it sends the events of all plans
// of a store to a sink, at least once, over restarts and crashes.
//
//	n, err := notify.New(engine, "pager", sink, notify.Config{BaseURL: "https://ops.example/"})
//	go n.Run(ctx)
//
// A sink is a function ([Func]), a log ([Slog], [Zap]), a webhook (package webhook) or a Redis
// channel (package redispubsub). Any number of processes may run a notifier of the same name; they
// share its work.
//
// # What is promised
//
// A notifier has a name, under which the store keeps its subscription: a cursor in each plan, the
// plans that it has not read to their ends, and its dead letters. A name that is new begins at the
// present.
//
//   - Each event that the [Filter] selects is sent at least once, unless the store dropped it
//     before (see store.KeptEvents); of a plan whose events were dropped, a message of
//     [KindOvertaken] tells the present state, and how many are missing.
//   - The messages of a plan come in the order of its events. Between plans there is no order.
//   - One process at a time sends the messages of a plan. If it dies, or is frozen, another one
//     continues, and repeats at most the last message.
//   - A message that cannot be sent delays the later ones of its plan, and no other plan. It is
//     tried again with growing pauses; when it is refused for good, or GiveUp has passed, it
//     becomes a dead letter, of which 1,000 are kept, and the plan goes on.
//   - Failures of a plan within the Window are one message, with counts and causes, however many
//     they are.
//
// # Turns
//
// The store's list of unread plans says where to look, and its hints when (see
// store.Subscriptions). For each plan a turn acquires the cursor, reads on from it, sends, and
// moves it after each message:
//
//	       Unread           Cursor            Send            MoveCursor
//	due ------------> turn --------> owned --------> sent ----------------> owned, and so on
//	 ^                  |              |                |
//	 |  MarkRead(after) | conflict     | nothing new    | error: later
//	 +------------------+--------------+----------------+
//	                                   |
//	                                   | nothing new, and the plan is at rest
//	                                   v
//	                                 read, until the plan is on the agenda again
//
// What may go wrong, and what follows:
//
//	killed after Send, before MoveCursor   the next owner sends that message again
//	frozen                                 another process takes over when the cursor's time is
//	                                       over; the frozen one sends nothing when it wakes up
//	the sink fails, hangs, or panics       the message is tried again; Status says since when
//	the store is away                      Run waits; OnFault hears of it
//	the list of unread plans is lost       all plans are compared with the cursors when a notifier
//	                                       starts, and every hour
//	the plan is removed                    what was not sent is lost
//	the store goes back in time            a message of KindOvertaken; the cursor is put at the end
//
// # Errors
//
//	New: arguments with faults                     ErrInvalid
//	Run: called twice                              ErrRunning
//	DeadLetters, Redeliver: the name is not there  store.ErrNotFound
package notify
