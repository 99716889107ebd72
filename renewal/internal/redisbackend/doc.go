// Package redisbackend implements renewal's backend on a client of any kind: single node,
// Sentinel, ring or cluster.
//
// # One call
//
// Node.Refresh sends the keys of a batch to one server in one pipeline: a PEXPIRE for each key
// without an owner, and scripts of up to 100 keys for those with one. What is still open after that
// takes another round trip to the same server: scripts that it did not know, TTLs of keys that were
// left alone, and the keys of a script that one of them made fail, one by one.
//
// A key for which the server names another node gets the answer Redirected and is refreshed
// in a call of its own, with the others that the same server redirects to the same
// node: no call waits for two servers unless all its keys need both.
//
// # Failures
//
//	no answer in time, connection refused    Silent: the owner repeats it
//	NOSCRIPT                                 sent again with the text of the script
//	MOVED, ASK                               Redirected, to the node named
//	TRYAGAIN (a slot that is half moved)     each key by itself, which then is there or ASK
//	READONLY, CLUSTERDOWN, MASTERDOWN        Moved: the topology is read again
//	NOPERM                                   *backend.Refused; of one key: the others of its
//	                                         script are refreshed one by one
//	a key of the wrong type                  Failed with ErrWrongType; it harms no other
//	any other answer                         Failed
//	a server that may drop keys              no lock is acquired there; see eviction.go
package redisbackend
