// Package xds implements a [bluegreen.Gateway] over a fleet of Envoy proxies, or of other clients
// of xDS: it is their control plane, and returns when requests are answered by the new route.
//
//	gw, err := xds.New(xds.Config{
//		Table:    gateway.NewFileTable("/var/lib/acme/routes"),
//		Fleet:    xds.Fixed(xds.Instance{Name: "edge-1", URL: "http://10.0.0.7:8080/healthz"}),
//		Clusters: []*clusterv3.Cluster{green, blue},
//		Suffix:   ".acme.example",
//		Default:  "green",
//	})
//	server := grpc.NewServer(keepAlive)
//	gw.Register(server)
//	go server.Serve(listener)
//	go gw.Run(ctx)
//	move, err := bluegreen.New(tenants, gw, bluegreen.Config{})
//
// The bootstrap configuration that Envoy needs is in docs/gateways.md.
//
// # Model
//
//	table      what is wanted: one order of all changes, by compare-and-set (package gateway)
//	snapshot   clusters, listeners and routes of one revision of the table; its version names it
//	node       a proxy that has a stream to this process: what it was sent, has acknowledged (ACK)
//	           or refused (NACK), see Nodes
//	answer     what a request of the tenant is told; only this confirms a switch
//
// Each tenant is a virtual host, whose domain is the tenant's id and Config.Suffix. Its cluster and
// the header of its answers come from one row.
//
// A switch writes the tenant's row in the table, together with all other switches that wait, and
// every node is sent the snapshot of that revision. Then each instance is asked for the tenant's
// route over a new connection, until all have served the row: an acknowledgement says that a
// configuration is valid, not that it is in use. A switch that is not confirmed within
// Config.Timeout is put back, as a change of its own.
//
// An instance without a URL, for instance a gRPC client, confirms by less: by its acknowledgement,
// and Config.Settle after it. It has to be connected to the process that switches.
//
// # Several processes
//
// Each process serves the nodes that connect to it, from the same table, so they may share one
// address. Run has to run in each: it brings the changes of the others. A node that connects is
// sent the table as it is then, and never an older revision than it has.
//
// # When something fails
//
//	what fails                       what happens
//	a node refuses a revision        GATEWAY_REFUSED with the node and its reason, and the switch is
//	                                 put back; the revision is not sent to it again on that stream
//	the process is restarted         nodes go on with what they have, connect again, and are sent
//	                                 the table; nothing is sent before it was loaded
//	a node is restarted              it is sent the table before it opens its listener
//	the acknowledgement is lost      the answers to requests decide
//	a node asks for other routes     GATEWAY_REFUSED with what it asks for
//	the table is lost                the nodes are sent nothing; GATEWAY_BAD_ANSWER
//	a node is dead or frozen         the switch fails, names the node and is put back; Current fails
//	                                 until the fleet no longer lists it
//
// # Failures
//
// These are the codes of package bluegreen. Errors in brackets are those to match with errors.Is.
//
//	SWITCH_NOT_CONFIRMED  an instance serves another route [gateway.ErrNotConfirmed]    retryable
//	GATEWAY_TIMEOUT       an instance gave no answer in time                            retryable
//	GATEWAY_UNAVAILABLE   an instance cannot be reached [ErrNotConnected], or the fleet's list or
//	                      the table cannot                                              retryable
//	GATEWAY_REFUSED       a node has sent a NACK [ErrRefused]; a greater token has changed the
//	                      tenant; the tenant id or the colour is not allowed; a node or an answer is
//	                      not set up as expected [gateway.ErrSetup]
//	GATEWAY_BAD_ANSWER    the table is damaged or went back [gateway.ErrDamaged]
//	TENANT_NOT_FOUND      the tenant has no row and there is no default colour
//	TENANT_MOVED_ON       the tenant is neither at From nor at To
//
// If the caller's context is canceled, the error wraps its cause and has no code.
//
// A switch is not a drain: requests under way and upgraded connections stay on the old colour.
//
// The package imports gateway, redisack/httpprobe and bluegreen, and starts no goroutine that
// outlives a call; the host's gRPC server has one or more for each stream.
package xds
