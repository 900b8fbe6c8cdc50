package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// readerGone calls gone once nobody reads w any more: the other end of a pipe or
// the terminal was closed. Without that a watch would notice at its next line,
// which may be next year's.
func readerGone(w io.Writer, gone func()) {
	if out, ok := w.(*checkedWriter); ok {
		w = out.Writer
	}
	f, ok := w.(*os.File)
	if !ok {
		return
	}
	go func() {
		for {
			fds := []unix.PollFd{{Fd: int32(f.Fd())}} // POLLERR and POLLHUP are always told
			n, err := unix.Poll(fds, -1)
			switch {
			case err == unix.EINTR:
			case err != nil:
				return
			case n > 0 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0:
				gone()
				return
			case n > 0:
				return
			}
		}
	}()
}
