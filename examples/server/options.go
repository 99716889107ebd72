package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// defaultFile keeps the plans unless -store says otherwise, in the folder in which the program is
// started.
const defaultFile = "cutover.db"

// options are the values of the flags, and the secrets of the environment.
type options struct {
	listen, store    string
	tenants, gateway string
	demo             bool
	name             string
	capacity         int
	lease, grace     time.Duration
	webhook, url     string
	// token is the password of callers; secret signs what is sent to the webhook.
	token, secret string
}

// parse reads the flags. Its error names everything that is missing.
func parse(args []string, getenv func(string) string) (options, error) {
	o := options{token: getenv("CUTOVER_TOKEN"), secret: getenv("CUTOVER_WEBHOOK_SECRET")}
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	flags.StringVar(&o.listen, "listen", "", "address of the API; none: this process only works")
	flags.StringVar(&o.store, "store", "sqlite:"+defaultFile, "sqlite:FILE, for this process alone; redis:ADDRESS; postgres:URL; or memory, which keeps nothing")
	flags.BoolVar(&o.demo, "demo", false, "make up the tenants and their gateway")
	flags.StringVar(&o.tenants, "tenants", "", "URL of the tenant service")
	flags.StringVar(&o.gateway, "gateway", "", "URL of the gateway")
	flags.StringVar(&o.webhook, "webhook", "", "URL to which notifications are posted, signed with CUTOVER_WEBHOOK_SECRET; none: they are only logged")
	flags.StringVar(&o.url, "url", "", "URL at which browsers find the console, for links in notifications")
	flags.StringVar(&o.name, "name", "server", "name of this process, for the records of who held a task; its process id follows")
	flags.IntVar(&o.capacity, "capacity", 16, "tasks that this process works on at a time")
	flags.DurationVar(&o.lease, "lease", 30*time.Second, "how long the others wait for a process that is gone")
	flags.DurationVar(&o.grace, "grace", 10*time.Second, "how long requests under way may take when this process ends")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var faults []error
	switch kind, address, _ := strings.Cut(o.store, ":"); {
	case (kind == "memory" || kind == "sqlite") && o.listen == "":
		faults = append(faults, fmt.Errorf("-store %s without -listen: nobody could give this process work", kind))
	case kind == "memory" && address == "", shares(kind) && address != "", kind == "sqlite" && address != "":
	default:
		faults = append(faults, fmt.Errorf("-store %s: it is sqlite:FILE, redis:ADDRESS, postgres:URL, or memory", kind)) // the rest may have a password
	}
	if !o.demo && (o.tenants == "" || o.gateway == "") {
		faults = append(faults, errors.New("-tenants and -gateway are the services to work with; -demo makes some up"))
	}
	if o.listen != "" && o.token == "" && !o.open() {
		faults = append(faults, errors.New("CUTOVER_TOKEN is the password of callers; only -demo on a loopback address needs none"))
	}
	if o.webhook != "" && o.secret == "" {
		faults = append(faults, errors.New("CUTOVER_WEBHOOK_SECRET signs what -webhook sends: whsec_ and the base64 of 16 to 64 random bytes"))
	}
	return o, errors.Join(faults...)
}

// open reports whether callers need not sign in: a demo that only this machine can reach.
func (o options) open() bool {
	host, _, err := net.SplitHostPort(o.listen)
	if err != nil || !o.demo || o.token != "" {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", address)
}
