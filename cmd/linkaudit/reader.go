package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// readerGone calls gone when the reader of w closes the pipe or the terminal. Otherwise a
// watch would notice only at its next line, which may take a year.
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
		fds := []unix.PollFd{{Fd: int32(f.Fd())}} // POLLERR and POLLHUP are always reported
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
