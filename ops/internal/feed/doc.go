// Package feed follows plans for the streams of package ops. However many streams show a plan, a
// process has one feed of it: one watcher of its log and one reader of its document, started by the
// first stream and ended with the last.
//
// A [Feed] keeps the newest events, encoded once for all streams, and the newest document. A
// [Reader] is the place of one stream in a feed. Nobody writes to it: its stream takes what is new
// when it has time for that, so a stream that does not take anything holds up nobody, and keeps
// nothing in memory. One that has fallen behind what the feed keeps reads the store itself.
//
// # Terms
//
// When the log of a plan cannot be followed any more, because the store went back in time or
// because events were dropped before they were read, the feed begins a new term at the plan's
// present position. A reader of an older term is told so once, and goes on in the new term.
//
// A feed ends for good if its plan was removed or is damaged. Its readers are told why.
package feed
