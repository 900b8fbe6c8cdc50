package initramfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
)

// unpacker is one pass over an image, unpack_to_rootfs() of init/initramfs.c.
type unpacker struct {
	ctx  context.Context
	tree *tree
	// wanted is the largest size of a file to keep, by the last part of its name.
	wanted  func(name string) int64
	entries int
	// formats are those of the archives, in their order.
	formats []string
}

// unpack reads the whole image.
func (u *unpacker) unpack(r io.Reader) error {
	left := int64(maxUnpacked)
	s := newStream(&meter{u.ctx, r, &left})
	for {
		if err := s.zeros(); err != nil {
			return err
		}
		c, err := s.peek()
		if err == io.EOF {
			if len(u.formats) == 0 {
				return errors.New("the image is empty")
			}
			return nil
		}
		if err != nil {
			return err
		}
		if c == '0' && s.off%4 == 0 {
			err = u.plainArchive(s)
		} else {
			err = u.compressedArchive(s, &left)
		}
		if err != nil {
			return err
		}
	}
}

func (u *unpacker) plainArchive(s *stream) error {
	at := s.off
	u.formats = append(u.formats, "cpio")
	if err := u.cpio(s, true); err != nil {
		return fmt.Errorf("the cpio archive at byte %d: %w", at, truncated(err))
	}
	return nil
}

func (u *unpacker) compressedArchive(s *stream, left *int64) error {
	at := s.off
	magic, _ := s.br.Peek(2)
	method := methodOf(magic)
	if method == nil {
		return fmt.Errorf("neither a cpio archive nor a known compression at byte %d", at)
	}
	if len(u.formats) >= maxArchives {
		return fmt.Errorf("more than %d archives", maxArchives)
	}
	u.formats = append(u.formats, method.name)
	if err := u.decompress(s, method, left); err != nil {
		return fmt.Errorf("the archive at byte %d, compressed with %s: %w", at, method.name, truncated(err))
	}
	return nil
}

func (u *unpacker) decompress(s *stream, m *method, left *int64) error {
	if m.open == nil {
		return errors.New(m.cannot)
	}
	// A window that is no longer in use must go before the next one is made.
	runtime.GC()
	data, err := m.open(s)
	if err != nil {
		return err
	}
	unpacked := newStream(&meter{u.ctx, data, left})
	if err := u.cpio(unpacked, false); err != nil {
		return err
	}
	if c, ok := data.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

func truncated(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("it ends too early")
	}
	return err
}
