//go:build !linux

package child

import "syscall"

// dieWithParent can do nothing here: other kernels do not know the wish. A function ends by itself when its
// runtime API is gone.
func dieWithParent(*syscall.SysProcAttr) {}
