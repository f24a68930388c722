package bridge

import (
	"errors"
	"net"
	"net/netip"
	"sync"
)

// Why a connection is refused before it has said anything.
var (
	errFull     = errors.New("too many connections")
	errCrowd    = errors.New("too many unproven connections")
	errAddrFull = errors.New("too many unproven connections of one address")
)

// caps counts connections, and those that have proven nothing yet: all together and by address.
type caps struct {
	conns, unproven, perAddr int // limits

	mu    sync.Mutex
	all   int
	fresh int
	addrs map[netip.Prefix]int
}

// enter counts a connection that has proven nothing yet.
func (c *caps) enter() (*stay, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= c.conns {
		return nil, errFull
	}
	if c.fresh >= c.unproven {
		return nil, errCrowd
	}
	c.all++
	c.fresh++
	return &stay{c: c}, nil
}

// leave ends the place of a connection that entered; its stay ends as well.
func (c *caps) leave() {
	c.mu.Lock()
	c.all--
	c.mu.Unlock()
}

// A stay is one unproven connection's place. It ends once, however often end is called.
type stay struct {
	c    *caps
	net  netip.Prefix
	addr bool // counted by address
	over bool
}

// claim counts the connection for its address as well.
func (s *stay) claim(addr net.Addr) error {
	c := s.c
	s.net = network(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.addrs == nil {
		c.addrs = map[netip.Prefix]int{}
	}
	if c.addrs[s.net] >= c.perAddr {
		return errAddrFull
	}
	c.addrs[s.net]++
	s.addr = true
	return nil
}

func (s *stay) end() {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.over {
		return
	}
	s.over = true
	s.c.fresh--
	if !s.addr {
		return
	}
	s.c.addrs[s.net]--
	if s.c.addrs[s.net] == 0 {
		delete(s.c.addrs, s.net)
	}
}

func (c *caps) counts() (all, fresh int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all, c.fresh
}

// network is what counts as one address: an IPv4 address, or an IPv6 /64, which is what one subscriber gets.
// What is not an IP address counts as one.
func network(addr net.Addr) netip.Prefix {
	t, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip, ok := netip.AddrFromSlice(t.IP)
	if !ok {
		return netip.Prefix{}
	}
	ip = ip.Unmap()
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
