package httpprobe

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// guard refuses addresses to which a probe must not connect. It checks the address after name
// resolution, just before the connection is made, so a name that resolves differently the second
// time cannot evade the check.
type guard struct {
	loopback bool
	allowed  []netip.Prefix
}

// blockedError says which address was refused.
type blockedError struct {
	addr netip.Addr
	why  string
}

func (e *blockedError) Error() string {
	return fmt.Sprintf("address %v is blocked: %s", e.addr, e.why)
}

// control is called by the dialer for every connection, just before it is made.
func (g guard) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %q: %w", address, err)
	}
	addr := embedded(ap.Addr())
	if why := g.refusal(addr); why != "" {
		return &blockedError{addr: addr, why: why}
	}
	return nil
}

// refusal returns the reason why the address is blocked, or "" if it is not.
func (g guard) refusal(addr netip.Addr) string {
	contains := func(prefix netip.Prefix) bool { return prefix.Contains(addr) }
	switch {
	case forbidden(addr):
		return "link-local, metadata, multicast and unspecified ones are never allowed"
	case g.loopback && addr.IsLoopback(), slices.ContainsFunc(g.allowed, contains):
		return ""
	case len(g.allowed) > 0:
		return "it is in none of Config.AllowPrefixes"
	case addr.IsLoopback():
		return "it is this machine, which Config.AllowLoopback would allow"
	}
	return ""
}

// forbidden reports whether the address is refused regardless of the settings: link-local addresses
// (where clouds keep their metadata service), other metadata addresses, and multicast, broadcast
// and unspecified addresses.
func forbidden(addr netip.Addr) bool {
	if !addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast() ||
		addr.IsLinkLocalUnicast() || addr.IsInterfaceLocalMulticast() {
		return true
	}
	switch addr {
	case netip.AddrFrom4([4]byte{255, 255, 255, 255}), // broadcast
		netip.AddrFrom4([4]byte{100, 100, 100, 200}), // metadata, Alibaba Cloud
		netip.MustParseAddr("fd00:ec2::254"):         // metadata, AWS
		return true
	}
	return addr.Is4() && addr.As4()[0] == 0 // "this network"
}

// embedded returns the IPv4 address that an IPv4-mapped or NAT64 (RFC 6052) address contains, and
// any other address without its zone.
func embedded(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		bytes := addr.As16()
		if netip.PrefixFrom(netip.AddrFrom16([16]byte{0, 0x64, 0xff, 0x9b}), 96).Contains(addr) {
			return netip.AddrFrom4([4]byte(bytes[12:]))
		}
	}
	return addr
}
