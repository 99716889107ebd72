// Package checkpoint holds the data from which a task goes on after an interruption: the
// [Checkpoint] that its executor saved last, and the undo log that the executor wrote before its
// effects.
//
// A task has at most one checkpoint. The next save overwrites it and success clears it. The undo
// log of a task is kept longer: through a retry from scratch and past the success of the task,
// because somebody may still request a rollback. Only a finished rollback clears it.
//
// # Stored form
//
// [Checkpoint.Append] and [Parse], [UndoLog.Append] and [ParseUndo] define the encoding that every
// store keeps. It is versioned, so that a newer library reads what an older one wrote, and people
// can read it:
//
//	1:8:SWITCHED{"completedSteps":["GET_TENANT_INFO"]}
//
// is version 1, the length of the step name, the name, and the data to the end. An undo log is its
// version followed by its entries: each is a name and its data, both preceded by their lengths:
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
