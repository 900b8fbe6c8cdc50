package initramfs

import (
	"bufio"
	"context"
	"fmt"
	"io"
)

// The limits hold for any image. Exceeding one ends the reading with an error that names
// it.
const (
	// maxUnpacked is how many bytes to read and unpack in total. An initramfs must fit
	// into memory, together with the kernel.
	maxUnpacked = 1 << 30
	// maxArchives is the number of compressed archives in one image.
	maxArchives = 64
	// maxEntries is the number of names in all archives.
	maxEntries = 1 << 20
	// maxNodes is the number of directories, symbolic links and other names to
	// remember.
	maxNodes = 12_000
	// maxName is PATH_MAX, with which the kernel compares names and targets.
	maxName = 4096
	// maxNames is how many bytes all remembered names and targets may have.
	maxNames = 2 << 20
	// maxWindow is how far back a compressed archive may refer, in bytes. The kernel's
	// own limit is higher, but memory must stay below 64 MB.
	maxWindow = 32 << 20
	// maxKept and maxProgram are the largest configuration file and program to keep while
	// an image is read, maxLinked is the largest file with several names, and maxKeptAll
	// is all of them together.
	maxKept    = 256 << 10
	maxProgram = 3 << 20
	maxLinked  = 64 << 10
	maxKeptAll = 4 << 20
	// maxFiles is the total size of all .link files and drop-ins of an image, which stay
	// in memory with the Image.
	maxFiles = 128 << 10
)

// meter counts what is read in total, and ends when the time is up.
type meter struct {
	ctx  context.Context
	r    io.Reader
	left *int64
}

func (m *meter) Read(p []byte) (int, error) {
	if err := timeUp(m.ctx); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	if *m.left -= int64(n); *m.left < 0 {
		return 0, fmt.Errorf("more than %d MiB when unpacked", maxUnpacked>>20)
	}
	return n, err
}

func timeUp(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return fmt.Errorf("not read to the end: %w", context.Cause(ctx))
}

// stream is a sequence of bytes with a position: that of this_header in init/initramfs.c,
// for cpio's alignment.
type stream struct {
	br  *bufio.Reader
	off int64
}

func newStream(r io.Reader) *stream { return &stream{br: bufio.NewReaderSize(r, 64<<10)} }

// peek returns the next byte; io.EOF at the end.
func (s *stream) peek() (byte, error) {
	b, err := s.br.Peek(1)
	if len(b) == 1 {
		return b[0], nil
	}
	return 0, err
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.br.Read(p)
	s.off += int64(n)
	return n, err
}

// ReadByte keeps decompressors that use it from reading further than necessary.
func (s *stream) ReadByte() (byte, error) {
	b, err := s.br.ReadByte()
	if err == nil {
		s.off++
	}
	return b, err
}

// full fills p; an end before that is io.ErrUnexpectedEOF.
func (s *stream) full(p []byte) error {
	_, err := io.ReadFull(s, p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (s *stream) skip(n int64) error {
	for n > 0 {
		k, err := s.br.Discard(int(min(n, 1<<20)))
		s.off += int64(k)
		n -= int64(k)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// zeros skips zeros.
func (s *stream) zeros() error {
	for {
		// Only what is buffered already: to peek further would wait.
		b, err := s.br.Peek(max(1, s.br.Buffered()))
		n := 0
		for n < len(b) && b[n] == 0 {
			n++
		}
		s.br.Discard(n)
		s.off += int64(n)
		if n < len(b) || err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// passage passes on the pieces of a stream, a header and data each, while its owner reads
// the headers.
type passage struct {
	s *stream
	// head is what was read of a header and is not yet passed on, left how many bytes
	// follow in the stream before the next header.
	head []byte
	left int64
	done bool
}

// read reads like Read; next reads the header of the next piece, or sets done.
func (p *passage) read(b []byte, next func() error) (int, error) {
	for len(p.head) == 0 && p.left == 0 {
		if p.done {
			return 0, io.EOF
		}
		if err := next(); err != nil {
			return 0, err
		}
	}
	if len(p.head) > 0 {
		n := copy(b, p.head)
		p.head = p.head[n:]
		return n, nil
	}
	n, err := p.s.Read(b[:min(int64(len(b)), p.left)])
	p.left -= int64(n)
	return n, noEOF(err)
}
