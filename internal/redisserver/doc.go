// Package redisserver checks a Redis server before a component entrusts its keys to it: whether the
// server may evict keys, and whether it refuses a command in the middle of a script.
//
// If a server evicts leases, locks and heads under memory pressure, their owners seem to have died,
// and two processes may then work on one tenant at the same time. Only a server without a memory
// limit, or with the policy noeviction, keeps all its keys. The policies volatile-* evict only keys
// with a time to live, but leases are such keys.
//
// A component calls [Guard.Look] when it opens and refuses the server if that returns an *Eviction.
// A limit or a policy can be set later, so the component also calls [Guard.Found] along with a call
// that it makes anyway; that costs each master at most one INFO a minute.
//
// Redis rolls nothing back: if the user may not run one of the commands of a script, the script
// leaves a part of its effects behind. When a component opens, it passes all calls that it will
// need to [FindDenied], which names every missing permission before anything is written. A script
// that checks its permissions itself, each time it runs, begins with [PermissionsLua].
package redisserver
