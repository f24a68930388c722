package bridge

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// errProxy is a connection that does not begin as a load balancer's must.
var errProxy = errors.New("not a PROXY protocol v2 header")

const (
	proxySignature = "\r\n\r\n\x00\r\nQUIT\n"
	proxyMax       = 4096 // bytes after the fixed part; AWS sends less than 600
)

// readProxy reads the header that a Network Load Balancer puts before what the insole says, and not one byte more. It returns the insole's
// address, or nil when the balancer speaks for itself (a health check).
//
//	0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A · 21 (20 = the balancer itself) · family u8 · length u16 · addresses · TLVs
//
// Source: haproxy.org, "The PROXY protocol", section 2.2.
func readProxy(r io.Reader) (net.Addr, error) {
	var fixed [16]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return nil, fmt.Errorf("reading the balancer's header: %w", err)
	}
	size := int(binary.BigEndian.Uint16(fixed[14:]))
	if string(fixed[:12]) != proxySignature || fixed[12]>>4 != 2 || size > proxyMax {
		return nil, errProxy
	}
	rest := make([]byte, size)
	if _, err := io.ReadFull(r, rest); err != nil {
		return nil, fmt.Errorf("reading the balancer's header: %w", err)
	}
	if fixed[12]&0x0f == 0 {
		return nil, nil
	}
	switch {
	case fixed[13] == 0x11 && size >= 12: // TCP over IPv4
		return &net.TCPAddr{IP: net.IP(rest[0:4]), Port: int(binary.BigEndian.Uint16(rest[8:]))}, nil
	case fixed[13] == 0x21 && size >= 36: // TCP over IPv6
		return &net.TCPAddr{IP: net.IP(rest[0:16]), Port: int(binary.BigEndian.Uint16(rest[32:]))}, nil
	}
	return nil, errProxy
}
