// Package checkpoint holds what lets a task go on where it stopped: the
// Checkpoint that an executor saved last, and the undo log that it wrote before
// its effects.
//
// A task has at most one checkpoint. The next save overwrites it and success
// clears it. Its undo log lives longer: it survives a retry from scratch and
// the success of the task, because a rollback may be asked for later. Only a
// finished rollback clears it.
//
// # Stored form
//
// [Checkpoint.Append] and [Parse], [UndoLog.Append] and [ParseUndo] define the
// encoding that every store keeps. It is versioned, so that a newer library
// reads what an older one wrote, and it can be read by eye:
//
//	1:8:SWITCHED{"completedSteps":["GET_TENANT_INFO"]}
//
// is version 1, an eight byte step name, the name, and the data to the end. An
// undo log is its version followed by its entries, each a name and its data
// with their lengths in front:
//
//	1:14:SWITCH_GATEWAY17:{"colour":"blue"}
//
// # Errors
//
//	data or step name over its limit   ErrTooLarge (*TooLargeError has the sizes)
//	data that is not JSON, no step     ErrInvalid
//	bytes that are no stored form      ErrCorrupt
//	bytes of a newer library           ErrVersion
//
// The package imports nothing of this module, does no I/O, starts no goroutine
// and reads no clock.
package checkpoint
