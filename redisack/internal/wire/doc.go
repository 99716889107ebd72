// Package wire defines the formats that the two halves of redisack, writer and client, share: the
// names of the Redis keys, the head record, the announcement, the acknowledgement and the status
// body. It has no I/O, no goroutines and no clock.
//
// Revisions travel as canonical decimal strings, because neither Lua nor JavaScript represents
// all integers beyond 2^53. Decoders accept numbers as well.
package wire
