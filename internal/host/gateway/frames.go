package gateway

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
)

// A frameMeter watches the bytes that a client sends and knows how large its largest frame was. The WebSocket
// library joins frames to messages and does not tell, and API Gateway limits both.
//
// A frame begins (RFC 6455, 5.2) with two bytes, the second holding a mask bit and a length; 126 and 127 mean that
// the length follows in two or eight bytes; then four bytes of mask when the bit is set; then the payload.
type frameMeter struct {
	mu   sync.Mutex
	head []byte // of the frame whose head is not complete yet
	left uint64 // bytes of payload still to come
	most uint64
}

func (m *frameMeter) largest() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.most
}

func (m *frameMeter) see(b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(b) > 0 {
		if m.left > 0 {
			n := min(m.left, uint64(len(b)))
			m.left -= n
			b = b[n:]
			continue
		}
		m.head = append(m.head, b[0])
		b = b[1:]
		size, ok := frameSize(m.head)
		if ok {
			m.head, m.left, m.most = m.head[:0], size, max(m.most, size)
		}
	}
}

// frameSize reads the payload length of a frame's head; ok is false while it is not complete.
func frameSize(head []byte) (size uint64, ok bool) {
	if len(head) < 2 {
		return 0, false
	}
	need := 2
	short := head[1] & 0x7f
	switch short {
	case 126:
		need += 2
	case 127:
		need += 8
	}
	mask := 0
	if head[1]&0x80 != 0 {
		mask = 4
	}
	if len(head) < need+mask {
		return 0, false
	}
	switch short {
	case 126:
		return uint64(binary.BigEndian.Uint16(head[2:])), true
	case 127:
		return binary.BigEndian.Uint64(head[2:]), true
	}
	return uint64(short), true
}

// A meteredWriter hands out, when hijacked, a connection whose reads the meter sees.
type meteredWriter struct {
	http.ResponseWriter
	meter *frameMeter
}

// Hijack implements http.Hijacker.
func (w meteredWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h, ok := w.ResponseWriter.(http.Hijacker)
	if !ok {
		return nil, nil, errors.New("the connection cannot be taken over")
	}
	conn, rw, err := h.Hijack()
	if err != nil {
		return nil, nil, err
	}
	// what the server has read ahead comes first
	ahead := io.MultiReader(io.LimitReader(rw.Reader, int64(rw.Reader.Buffered())), conn)
	m := &meteredConn{Conn: conn, from: ahead, meter: w.meter}
	return m, bufio.NewReadWriter(bufio.NewReader(m), rw.Writer), nil
}

type meteredConn struct {
	net.Conn
	from  io.Reader
	meter *frameMeter
}

func (c *meteredConn) Read(b []byte) (int, error) {
	n, err := c.from.Read(b)
	c.meter.see(b[:n])
	return n, err
}
