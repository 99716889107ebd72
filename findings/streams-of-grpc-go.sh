#!/usr/bin/env bash
# How many streams a process has to its control plane.
#
# Guess: a process that uses the xDS client of grpc-go has one stream to the control plane of its bootstrap, as an
# Envoy has, whatever number of targets it calls, and takes any configuration that Envoy takes.
#
# Seen (grpc-go v1.85.0): each target has a client of its own, so two targets are two streams with the same node id,
# which acknowledge and refuse by themselves. A control plane that keeps one state per node id mixes them up. And a
# response of more than 4 MiB, such as a route configuration of some 45,000 virtual hosts, ends the stream with
# RESOURCE_EXHAUSTED, again at each attempt; Envoy's own gRPC client has no such limit.
set -euo pipefail

dir=$(mktemp -d)
source "$(dirname "$0")/common.bash"
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"

cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/xds"
	"google.golang.org/protobuf/types/known/anypb"
)

// plane is a control plane that notes who connects, and sends a large response if it is asked for the listener "large".
type plane struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	mu    sync.Mutex
	nodes []string
}

func (p *plane) StreamAggregatedResources(s discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	request, err := s.Recv()
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.nodes = append(p.nodes, request.GetNode().GetId())
	p.mu.Unlock()
	if request.GetResourceNames()[0] == "large" {
		large, err := anypb.New(&listenerv3.Listener{Name: "large", StatPrefix: strings.Repeat("x", 5<<20)})
		if err != nil {
			return err
		}
		return s.Send(&discoveryv3.DiscoveryResponse{TypeUrl: request.GetTypeUrl(), VersionInfo: "1", Nonce: "1", Resources: []*anypb.Any{large}})
	}
	<-s.Context().Done()
	return nil
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	must(err)
	p := &plane{}
	server := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, p)
	go server.Serve(listener)
	dial := func(target string) *grpc.ClientConn {
		conn, err := grpc.NewClient("xds:///"+target, grpc.WithTransportCredentials(insecure.NewCredentials()))
		must(err)
		conn.Connect()
		return conn
	}
	dial("a")
	dial("b")
	dial("b")
	time.Sleep(2 * time.Second)
	fmt.Println("streams of two targets:", p.seen())

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = dial("large").Invoke(ctx, "/x/y", &discoveryv3.DiscoveryRequest{}, &discoveryv3.DiscoveryResponse{})
	fmt.Println("a response of 5 MiB is too large:", strings.Contains(err.Error(), "received message larger than max") && strings.Contains(err.Error(), "4194304"))
}

func (p *plane) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.nodes...)
}
GO
export GOFLAGS=-mod=mod GOWORK=off
go mod init finding >/dev/null 2>&1
go get google.golang.org/grpc@v1.85.0 github.com/envoyproxy/go-control-plane/envoy@v1.40.0 >/dev/null 2>&1
address=127.0.0.1:$(free_port)
export GRPC_XDS_BOOTSTRAP_CONFIG='{"node": {"id": "one"}, "xds_servers": [{"server_uri": "passthrough:///'$address'", "channel_creds": [{"type": "insecure"}]}]}'
seen=$(go run . "$address" 2>/dev/null)
echo "$seen"
[[ $seen == "streams of two targets: [one one]
a response of 5 MiB is too large: true" ]]
