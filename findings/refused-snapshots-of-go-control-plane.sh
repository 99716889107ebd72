#!/usr/bin/env bash
# What a control plane of go-control-plane does after a NACK.
#
# Guess: a client that has refused a snapshot goes on with what it has, and is sent something again when the control
# plane sets another snapshot.
#
# Seen (go-control-plane v0.14.0, SnapshotCache, one client that refuses every response): the same snapshot is sent again
# at once, and is refused again, as fast as the two can talk: hundreds of times in half a second. The cache compares
# the version that the client names with its own, and a NACK names the last one that was accepted. The more a
# configuration has, the more such a loop costs both sides.
set -euo pipefail

dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"

cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	snapshots := cache.NewSnapshotCache(true, cache.IDHash{}, nil)
	snapshot, err := cache.NewSnapshot("1", map[resource.Type][]types.Resource{resource.ClusterType: {&clusterv3.Cluster{Name: "blue"}}})
	must(err)
	must(snapshots.SetSnapshot(ctx, "node", snapshot))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	plane := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(plane, server.NewServer(context.Background(), snapshots, nil))
	go plane.Serve(listener)

	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(err)
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(ctx)
	must(err)
	must(stream.Send(&discoveryv3.DiscoveryRequest{Node: &corev3.Node{Id: "node"}, TypeUrl: resource.ClusterType}))
	refused, same := 0, true
	for {
		response, err := stream.Recv()
		if err != nil {
			break
		}
		refused++
		same = same && response.GetVersionInfo() == "1"
		nack := &discoveryv3.DiscoveryRequest{
			TypeUrl: resource.ClusterType, ResponseNonce: response.GetNonce(), ErrorDetail: &statuspb.Status{Message: "no"},
		}
		if stream.Send(nack) != nil {
			break
		}
	}
	fmt.Printf("one snapshot, refused more than 100 times in half a second: %t, always the same version: %t\n", refused > 100, same)
}
GO
export GOFLAGS=-mod=mod GOWORK=off
go mod init finding >/dev/null 2>&1
go get github.com/envoyproxy/go-control-plane@v0.14.0 github.com/envoyproxy/go-control-plane/envoy@v1.40.0 google.golang.org/grpc@v1.85.0 >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[[ $seen == "one snapshot, refused more than 100 times in half a second: true, always the same version: true" ]]
