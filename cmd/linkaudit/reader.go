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
	f := outputFile(w)
	if f == nil {
		return
	}
	go func() {
		if pollClosed(f) {
			gone()
		}
	}()
}

// pollClosed waits, and reports whether the other end was closed.
func pollClosed(f *os.File) bool {
	for {
		fds := []unix.PollFd{{Fd: int32(f.Fd())}} // POLLERR and POLLHUP are always told
		n, err := unix.Poll(fds, -1)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return false
		case n > 0:
			return fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
		}
	}
}
