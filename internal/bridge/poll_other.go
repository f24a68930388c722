//go:build !linux

package bridge

import (
	"context"
	"errors"
	"net"
)

// A poller needs epoll; elsewhere each connection has its goroutine.
type poller struct{}

type polled struct{ pipe }

func newPoller() (*poller, error) { return nil, errors.ErrUnsupported }

func (*poller) run(context.Context)                           {}
func (*poller) adopt(*net.TCPConn, *session) (*polled, error) { return nil, errors.ErrUnsupported }
func (*poller) start(*polled, []byte)                         {}
