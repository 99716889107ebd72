// Package redisserver checks a Redis server before a component entrusts its keys to it: whether the
// server may evict keys, and whether it refuses a command in the middle of a script.
//
// If leases, locks and heads are evicted under memory pressure, their owner seems to have died, and
// two processes then work on one tenant at the same time. Only a server without a memory limit, or
// with the policy noeviction, keeps all its keys: volatile-* evicts just the keys with a time to
// live, as leases have.
//
// A component calls [Guard.Look] when it opens and refuses the server if that returns an *Eviction.
// A limit or a policy can be set later, so it also calls [Guard.Found] along with a call that it
// makes anyway; that costs one INFO a minute.
//
// Redis undoes nothing: a script whose user may not run one of its commands leaves half of its
// effects behind. When a component opens, it passes all calls that it will need to [FindDenied], so
// that every missing permission is named before anything is written. A script that checks its
// permissions itself, each time it runs, begins with [PermissionsLua].
package redisserver
