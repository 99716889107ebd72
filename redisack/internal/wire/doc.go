// Package wire is what the two halves of redisack, writer and client, have to agree on: the names
// of the Redis keys, the head record, the notification, the acknowledgement and the status body. It
// is pure: no I/O, no goroutine, no clock.
//
// Revisions travel as canonical decimal strings, because neither Lua nor JavaScript holds an
// integer beyond 2^53. Decoders take numbers as well.
package wire
