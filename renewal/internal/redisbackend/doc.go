// Package redisbackend implements renewal's backend on a client of any kind: single node,
// Sentinel, ring or cluster.
//
// # One call
//
// Node.Refresh sends the keys of a batch to one server in one pipeline: a PEXPIRE for each key
// without an owner, and scripts of up to 100 keys for keys with an owner. Further round trips to
// the same server follow only if needed: to send the text of a script that the server does not
// know, to read the TTLs of keys that PEXPIRE left unchanged, and to refresh the keys of a failed
// script one by one.
//
// If the server names another node for a key, the key gets the answer Redirected. The keys that one
// server redirects to the same node are then refreshed in a separate call, so no call waits for two
// servers unless all its keys need both.
//
// # Failures
//
//	no answer in time, connection refused    Silent: the owner repeats the request
//	NOSCRIPT                                 sent again with the text of the script
//	MOVED, ASK                               Redirected, to the node named
//	TRYAGAIN (a slot that is partly moved)   each key is refreshed separately; the server has the
//	                                         key or answers ASK
//	READONLY, CLUSTERDOWN, MASTERDOWN        Moved: the topology is read again
//	NOPERM                                   *backend.Refused; if it concerns one key of a
//	                                         script, the keys are refreshed one by one
//	a key of the wrong type                  Failed with ErrWrongType; other keys of the
//	                                         script are not affected
//	any other error that Redis returns       Failed
//	a server that may evict keys             no lock is acquired there; see eviction.go
package redisbackend
