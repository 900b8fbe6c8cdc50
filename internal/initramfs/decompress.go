package initramfs

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz/lzma"
)

// method is a compression that the kernel knows (lib/decompress.c).
type method struct {
	name  string
	magic string
	// open returns the unpacked data of one archive, without reading past its end in the
	// stream. If it is an io.Closer, Close checks the end.
	open func(*stream) (io.Reader, error)
	// cannot says why open is nil.
	cannot string
}

var methods = []method{
	{name: "gzip", magic: "\x1f\x8b", open: openGzip},
	{name: "bzip2", magic: "BZ", open: func(s *stream) (io.Reader, error) { return &bzip2Reader{r: bzip2.NewReader(s), s: s}, nil }},
	{name: "lzma", magic: "\x5d\x00", open: openLZMA},
	{name: "xz", magic: "\xfd7", open: func(s *stream) (io.Reader, error) { return openXZ(s) }},
	{name: "lzop", magic: "\x89L", cannot: "linkaudit does not read it"},
	{name: "lz4", magic: "\x02\x21", open: openLZ4},
	{name: "zstd", magic: "\x28\xb5", open: openZstd},
}

func methodOf(magic []byte) *method {
	for i := range methods {
		if string(magic) == methods[i].magic {
			return &methods[i]
		}
	}
	return nil
}

func openGzip(s *stream) (io.Reader, error) {
	z, err := gzip.NewReader(s)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return z, nil
}

// bzip2Reader is package bzip2's reader without its error about what follows: it expects
// another stream, and reads one byte of it.
type bzip2Reader struct {
	r io.Reader
	s *stream
}

func (b *bzip2Reader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == errBzip2Next {
		b.s.br.UnreadByte()
		b.s.off--
		err = io.EOF
	}
	return n, err
}

const errBzip2Next = bzip2.StructuralError("bad magic value in continuation file")

// windowTooLarge is the error for an archive that refers back farther than the memory
// limit.
func windowTooLarge(n uint64) error {
	return fmt.Errorf("it needs a window of %d MiB (the limit is %d MiB)", n>>20, maxWindow>>20)
}

// openLZMA reads the old .lzma format. It has no checksum, and its header has the size of the
// dictionary.
func openLZMA(s *stream) (io.Reader, error) {
	head := make([]byte, lzma.HeaderLen)
	if err := s.full(head); err != nil {
		return nil, err
	}
	// The declared dictionary may be larger than needed.
	declared := binary.LittleEndian.Uint32(head[1:])
	binary.LittleEndian.PutUint32(head[1:], min(declared, maxWindow))
	r, err := lzma.ReaderConfig{DictCap: maxWindow}.NewReader(&headThen{head, s})
	if err != nil {
		return nil, err
	}
	return &windowed{r, uint64(declared)}, nil
}

// headThen is head and then the stream, a byte at a time if requested.
type headThen struct {
	head []byte
	s    *stream
}

func (h *headThen) Read(p []byte) (int, error) {
	if len(h.head) > 0 {
		n := copy(p, h.head)
		h.head = h.head[n:]
		return n, nil
	}
	return h.s.Read(p)
}

func (h *headThen) ReadByte() (byte, error) {
	if len(h.head) > 0 {
		c := h.head[0]
		h.head = h.head[1:]
		return c, nil
	}
	return h.s.ReadByte()
}

// windowed adds to an error of the lzma package that the window may be smaller than
// declared.
type windowed struct {
	r        io.Reader
	declared uint64
}

func (w *windowed) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) && w.declared > maxWindow {
		err = windowTooLarge(w.declared)
	}
	return n, err
}

// legacyBlock is the size of a block of lz4's legacy frame, and legacyBound its largest
// compressed size (LZ4_compressBound()).
const (
	legacyBlock = 8 << 20
	legacyBound = legacyBlock + legacyBlock/255 + 16
)

// lz4Reader reads lz4's legacy frame, as lib/decompress_unlz4.c does: blocks,
// each with its length before it, until the end, a zero or another frame.
type lz4Reader struct {
	s          *stream
	in, out    []byte
	unread     []byte
	shortBlock bool
}

func openLZ4(s *stream) (io.Reader, error) {
	magic := make([]byte, 4)
	if err := s.full(magic); err != nil {
		return nil, err
	}
	if !bytes.Equal(magic, lz4Legacy) {
		return nil, errors.New("it is not in lz4's legacy format (lz4 -l), and the kernel reads no other")
	}
	return &lz4Reader{s: s, out: make([]byte, legacyBlock)}, nil
}

var lz4Legacy = []byte{0x02, 0x21, 0x4c, 0x18}

func (l *lz4Reader) Read(p []byte) (int, error) {
	if len(l.unread) == 0 {
		if err := l.block(); err != nil {
			return 0, err
		}
	}
	n := copy(p, l.unread)
	l.unread = l.unread[n:]
	return n, nil
}

// length reads the length of the next block; io.EOF where there is none.
func (l *lz4Reader) length() (uint32, error) {
	for {
		length, err := l.s.br.Peek(4)
		switch {
		case err == io.EOF && bytes.Equal(length, make([]byte, len(length))):
			return 0, io.EOF // at most padding is left
		case err == io.EOF:
			return 0, io.ErrUnexpectedEOF
		case err != nil:
			return 0, err
		case l.endsBefore(length):
			return 0, io.EOF
		}
		size, begins := binary.LittleEndian.Uint32(length), bytes.Equal(length, lz4Legacy)
		if err := l.s.skip(4); err != nil || !begins {
			return size, err
		}
	}
}

// endsBefore reports whether the next 4 bytes are padding or belong to another archive.
func (l *lz4Reader) endsBefore(next []byte) bool {
	if bytes.Equal(next, make([]byte, 4)) || bytes.HasPrefix(next, []byte("0707")) {
		return true
	}
	// Only the last block is short; the length of a next one that looked like a magic
	// number could not be told from it.
	return l.shortBlock && methodOf(next[:2]) != nil && !bytes.Equal(next, lz4Legacy)
}

func (l *lz4Reader) block() error {
	size, err := l.length()
	if err != nil {
		return err
	}
	if size > legacyBound {
		return fmt.Errorf("a block of %d bytes (the limit is %d)", size, legacyBound)
	}
	if int(size) > cap(l.in) {
		l.in = make([]byte, size)
	}
	l.in = l.in[:size]
	if err := l.s.full(l.in); err != nil {
		return err
	}
	n, err := lz4.UncompressBlock(l.in, l.out)
	if err != nil {
		return fmt.Errorf("a damaged block: %w", err)
	}
	if n == 0 {
		return errors.New("an empty block")
	}
	l.unread, l.shortBlock = l.out[:n], n < legacyBlock
	return nil
}

// openZstd reads one frame. frame finds its end, because the library reads past it.
func openZstd(s *stream) (io.Reader, error) {
	f, err := newZstdFrame(s)
	if err != nil {
		return nil, err
	}
	d, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxUnpacked))
	if err != nil {
		return nil, err
	}
	return &zstdReader{d}, nil
}

type zstdReader struct{ *zstd.Decoder }

func (z *zstdReader) Close() error {
	z.Decoder.Close()
	return nil
}

// zstdFrame passes on the bytes of one frame (RFC 8878, section 3.1.1).
type zstdFrame struct {
	passage
	checksum bool
	last     bool
}

func newZstdFrame(s *stream) (*zstdFrame, error) {
	f := &zstdFrame{passage: passage{s: s, head: make([]byte, 5, 18)}}
	if err := s.full(f.head); err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(f.head) != 0xfd2fb528 {
		return nil, errors.New("it begins like zstd, but is not valid")
	}
	d := f.head[4]
	f.checksum = d&4 != 0
	single := d&0x20 != 0
	window := 1
	if single {
		window = 0
	}
	dict := []int{0, 1, 2, 4}[d&3]
	content := []int{0, 2, 4, 8}[d>>6]
	if content == 0 && single {
		content = 1
	}
	rest := f.head[5 : 5+window+dict+content]
	if err := s.full(rest); err != nil {
		return nil, err
	}
	f.head = f.head[:5+len(rest)]
	size := zstdWindow(rest[0])
	if single {
		size = zstdContentSize(rest[dict:])
	}
	if size > maxWindow {
		return nil, windowTooLarge(size)
	}
	return f, nil
}

// zstdWindow is the size that a Window_Descriptor stands for.
func zstdWindow(descriptor byte) uint64 {
	base := uint64(1) << (10 + descriptor>>3)
	return base + base/8*uint64(descriptor&7)
}

// zstdContentSize is a Frame_Content_Size, a field of 1, 2, 4 or 8 bytes.
func zstdContentSize(field []byte) uint64 {
	var b [8]byte
	copy(b[:], field)
	size := binary.LittleEndian.Uint64(b[:])
	if len(field) == 2 {
		size += 256
	}
	return size
}

func (f *zstdFrame) Read(p []byte) (int, error) { return f.read(p, f.next) }

// next reads the header of the next block, or says that there is none.
func (f *zstdFrame) next() error {
	if f.last {
		f.done = true
		if f.checksum {
			f.left = 4
		}
		return nil
	}
	head := make([]byte, 3)
	if err := f.s.full(head); err != nil {
		return err
	}
	v := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	f.head, f.last = head, v&1 != 0
	if f.left = int64(v >> 3); v>>1&3 == 1 {
		f.left = 1 // one byte, repeated
	}
	return nil
}
