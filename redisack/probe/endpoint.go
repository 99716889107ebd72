package probe

// Endpoint is one process to ask, and one member of a fleet.
type Endpoint struct {
	// ID is the instance that is expected to answer: the name that the process reports, such as the
	// name of its pod. If another instance answers at the URL, package redisack counts this
	// endpoint as gone, and the other instance joins in its place (unless Policy.IgnoreJoiners is
	// set). This happens if a pod is replaced, but also if the ID is misspelt, so the result
	// contains a warning. A process that reports no name is counted as this instance.
	//
	// Leave ID empty if only the URL is known. The endpoint is then named after the URL, and any
	// instance that answers is counted for it.
	ID string
	// URL is the address that the prober asks. A custom prober may not need one.
	URL string
	// Group is the zone or shard of the endpoint, for quorums per group.
	Group string
}
