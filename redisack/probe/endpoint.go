package probe

// Endpoint is one process to be asked, and one member of a fleet.
type Endpoint struct {
	// ID is the instance that is expected to answer: what the process calls itself, such as the
	// pod's name. When another instance answers at the URL, package redisack counts this one as
	// gone, and the other one joins in its place (unless Policy.IgnoreJoiners is set). That
	// happens when a pod is replaced, and also when the ID is misspelt, so the result has a
	// warning. A process that does not name itself is taken for this one.
	//
	// Leave it empty when only the URL is known. The endpoint is then named after the URL, and
	// whichever instance answers stands for it.
	ID string
	// URL is where the prober asks. A prober of the host's own may do without.
	URL string
	// Group is the zone or shard, for quorums per group.
	Group string
}
