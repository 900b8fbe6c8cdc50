package initramfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// headerSize is that of newc, in bytes.
const headerSize = 110

// File types in the mode of a header; they are stat(2)'s.
const (
	typeMask    = 0o170000
	typeDir     = 0o040000
	typeRegular = 0o100000
	typeSymlink = 0o120000
	typeChar    = 0o020000
	typeBlock   = 0o060000
	typeFIFO    = 0o010000
	typeSocket  = 0o140000
)

// header is that of one entry (parse_header() of init/initramfs.c).
type header struct {
	ino, mode, nlink     uint32
	size                 int64
	major, minor         uint32
	rdevMajor, rdevMinor uint32
	nameLen              int64
	sum                  uint32
	summed               bool
}

func (h *header) is(kind uint32) bool { return h.mode&typeMask == kind }

func (h *header) id() fileID { return fileID{h.major, h.minor, h.ino, h.mode & typeMask} }

// shared reports whether the file may have further names.
func (h *header) shared() bool { return h.nlink >= 2 && !h.is(typeDir) }

func parseHeader(b []byte) (h header, err error) {
	switch string(b[:6]) {
	case "070701":
	case "070702":
		h.summed = true
	case "070707":
		return h, errors.New("it has cpio's old format (odc), which the kernel does not read")
	default:
		return h, fmt.Errorf("an entry begins with %.30q instead of cpio's magic number", b[:6])
	}
	var f [13]uint32
	for i := range f {
		v, err := strconv.ParseUint(string(b[6+8*i:14+8*i]), 16, 32)
		if err != nil {
			return h, fmt.Errorf("the header of an entry has %.40q instead of a number", b[6+8*i:14+8*i])
		}
		f[i] = uint32(v)
	}
	h.ino, h.mode, h.nlink, h.size = f[0], f[1], f[4], int64(f[6])
	h.major, h.minor, h.rdevMajor, h.rdevMinor = f[7], f[8], f[9], f[10]
	h.nameLen, h.sum = int64(f[11]), f[12]
	return h, nil
}

// align rounds up to the alignment of entries.
func align(n int64) int64 { return (n + 3) &^ 3 }

// cpio reads entries until the end or, if other archives may follow (in the image itself),
// until something else begins.
func (u *unpacker) cpio(s *stream, others bool) error {
	raw := make([]byte, headerSize)
	for {
		if more, err := entryFollows(s, others); err != nil || !more {
			return err
		}
		if err := timeUp(u.ctx); err != nil {
			return err
		}
		if err := s.full(raw); err != nil {
			return err
		}
		h, err := parseHeader(raw)
		if err != nil {
			return err
		}
		if u.entries++; u.entries > maxEntries {
			return fmt.Errorf("more than %d files", maxEntries)
		}
		if err := u.entry(s, h); err != nil {
			return err
		}
	}
}

// entryFollows skips zeros and reports whether an entry begins then.
func entryFollows(s *stream, others bool) (bool, error) {
	if err := s.zeros(); err != nil {
		return false, err
	}
	c, err := s.peek()
	switch {
	case err == io.EOF:
		return false, nil
	case err != nil:
		return false, err
	case others && (c != '0' || s.off%4 != 0):
		return false, nil // it is for unpack
	case c != '0':
		return false, fmt.Errorf("the unpacked data is not cpio after %d bytes", s.off)
	case s.off%4 != 0:
		return false, errors.New("an entry is not aligned to 4 bytes")
	}
	return true, nil
}

// entry reads what follows a header: do_header(), do_name(), do_copy() and
// do_symlink() of init/initramfs.c.
func (u *unpacker) entry(s *stream, h header) error {
	if h.size > maxUnpacked {
		return fmt.Errorf("a file of %d bytes (the limit for the whole image is %d MiB)", h.size, maxUnpacked>>20)
	}
	next := align(s.off+h.nameLen) + h.size
	next = align(next)
	if !h.used() {
		return s.skip(next - s.off)
	}
	name, err := entryName(s, h)
	if err != nil {
		return err
	}
	switch {
	case name == "TRAILER!!!":
		u.tree.forgetLinks()
	case h.is(typeSymlink):
		err = u.symlink(s, h, name)
	default:
		err = u.file(s, h, name)
	}
	if err != nil {
		return err
	}
	return s.skip(next - s.off)
}

// used reports whether the kernel uses the entry; it skips other entries.
func (h *header) used() bool {
	switch {
	case h.nameLen <= 0, h.nameLen > maxName:
		return false
	case h.is(typeSymlink):
		return h.size <= maxName
	}
	return h.size <= 0 || h.is(typeRegular)
}

// entryName reads the name of an entry, and the padding after it.
func entryName(s *stream, h header) (string, error) {
	raw := make([]byte, h.nameLen)
	if err := s.full(raw); err != nil {
		return "", err
	}
	if raw[len(raw)-1] != 0 {
		return "", errors.New("the name of an entry does not end where its header says")
	}
	name, _, _ := bytes.Cut(raw, []byte{0})
	return string(name), s.skip(align(s.off) - s.off)
}

func (u *unpacker) symlink(s *stream, h header, name string) error {
	target := make([]byte, h.size)
	if err := s.full(target); err != nil {
		return err
	}
	target, _, _ = bytes.Cut(target, []byte{0})
	return u.tree.symlink(name, string(target))
}

// file handles everything except symbolic links.
func (u *unpacker) file(s *stream, h header, name string) error {
	keep := u.wanted(base(name))
	if h.shared() {
		// The content may come with another name.
		keep = max(keep, maxLinked)
	}
	n, err := u.tree.make(name, h, keep > 0)
	if err != nil || !h.is(typeRegular) {
		return err
	}
	return u.body(s, h, n, keep)
}

// body reads the content of a regular file for n; nil drops it.
func (u *unpacker) body(s *stream, h header, n *node, keep int64) error {
	if n != nil && h.size > 0 {
		n.content, n.kept, n.size = nil, false, h.size
		if h.size <= keep && u.tree.keep(h.size) {
			return keepContent(s, h, n)
		}
	}
	if !h.summed {
		return s.skip(h.size)
	}
	return skipSummed(s, h)
}

func keepContent(s *stream, h header, n *node) error {
	content := make([]byte, h.size)
	if err := s.full(content); err != nil {
		return err
	}
	n.content, n.kept = content, true
	if h.summed {
		return h.compare(sum(content))
	}
	return nil
}

// skipSummed skips a content that has a checksum.
func skipSummed(s *stream, h header) error {
	var total uint32
	buf := make([]byte, 32<<10)
	for left := h.size; left > 0; {
		part := buf[:min(left, int64(len(buf)))]
		if err := s.full(part); err != nil {
			return err
		}
		total += sum(part)
		left -= int64(len(part))
	}
	return h.compare(total)
}

func (h *header) compare(total uint32) error {
	if total != h.sum {
		return errors.New("the checksum of a file is wrong")
	}
	return nil
}

// sum is the checksum of the format crc: the bytes added up.
func sum(b []byte) (total uint32) {
	for _, c := range b {
		total += uint32(c)
	}
	return total
}
