// Package redisserver asks a Redis server what a component has to know of it before it
// trusts it with its keys: whether the server may drop keys that nobody has deleted, and
// whether it refuses a command in the middle of a script.
//
// Leases, locks and heads that are dropped under memory pressure look as if their owner
// had died, so two processes then work on one tenant at once. Only a server without a
// memory limit, or with the policy noeviction, keeps what it was given: volatile-* drops
// just the keys with a time to live, which leases are.
//
// A component calls [Guard.Look] when it opens and refuses the server if that answers with
// an *Eviction. A limit or a policy can be set later, so it also calls [Guard.Found] beside
// a call that it makes anyway; that costs one INFO a minute.
//
// Redis undoes nothing: a script whose user may not run one of its commands leaves half of
// what it does behind. A component asks [FindDenied] for all that it will need when it
// opens, so that everything which is missing is named before anything is written. A script
// that asks by itself, each time it runs, begins with [PermissionsLua].
package redisserver
