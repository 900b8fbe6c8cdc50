package initramfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// The code here walks the xz format (xz-file-format.txt), and the library decodes its LZMA2
// data: the library's own reader makes a dictionary of any size that the file asks for, and
// another one for each block.

// xzReader reads one stream.
type xzReader struct {
	w        *xzWalker
	r        io.Reader
	declared uint64
	// sum covers the unpacked data of the block that ends at, with the checksum of,
	// w.ends[0].
	sum hash.Hash
	n   int64
}

// xzWalker passes on the chunks of all blocks of a stream as one sequence of chunks; each
// block begins with a reset of the dictionary anyway.
type xzWalker struct {
	passage // of chunks
	check   byte
	// begin is where the data of the block begins in the stream.
	begin int64
	// unpacked is the position after the chunk in the unpacked data.
	unpacked int64
	ends     []blockEnd
	blocks   int64
	dict     uint64
}

type blockEnd struct {
	at  int64
	sum []byte
}

// checkSizes are those of the checks, by their number.
var checkSizes = [16]int64{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}

const (
	checkCRC32 = 1
	checkCRC64 = 4
)

func openXZ(s *stream) (*xzReader, error) {
	check, err := xzCheck(s)
	if err != nil {
		return nil, err
	}
	w := &xzWalker{passage: passage{s: s}, check: check}
	x := &xzReader{w: w}
	switch check {
	case checkCRC32:
		x.sum = crc32.NewIEEE()
	case checkCRC64:
		x.sum = crc64.New(crc64.MakeTable(crc64.ECMA))
	}
	if err := w.block(); err != nil {
		return nil, err
	}
	x.declared = w.dict
	if w.done {
		x.r = bytes.NewReader(nil)
		return x, nil
	}
	r, err := lzma.Reader2Config{DictCap: int(max(min(w.dict, maxWindow), lzma.MinDictCap))}.NewReader2(w)
	if err != nil {
		return nil, err
	}
	x.r = &windowed{r, w.dict}
	return x, nil
}

// xzCheck reads the header of a stream, which says how its blocks are checked.
func xzCheck(s *stream) (byte, error) {
	head := make([]byte, 12)
	if err := s.full(head); err != nil {
		return 0, err
	}
	switch {
	case !bytes.Equal(head[:6], []byte("\xfd7zXZ\x00")):
		return 0, errors.New("it begins like xz, but is not valid")
	case crc32.ChecksumIEEE(head[6:8]) != binary.LittleEndian.Uint32(head[8:]):
		return 0, errors.New("the checksum of its header is wrong")
	case head[6] != 0 || head[7] > 15:
		return 0, errors.New("its header has unknown flags")
	}
	return head[7], nil
}

// block reads the header of the next block, or the index after the last one.
func (w *xzWalker) block() error {
	first, err := w.s.ReadByte()
	if err != nil {
		return noEOF(err)
	}
	if first == 0 {
		return w.index()
	}
	w.blocks++
	rest := make([]byte, int(first)*4+3)
	if err := w.s.full(rest); err != nil {
		return err
	}
	body, sum := rest[:len(rest)-4], rest[len(rest)-4:]
	if crc32.ChecksumIEEE(append([]byte{first}, body...)) != binary.LittleEndian.Uint32(sum) {
		return errors.New("the checksum of a block's header is wrong")
	}
	w.begin = w.s.off
	w.dict, err = blockDict(body)
	return err
}

// blockDict is the size of the dictionary that the header of a block asks for.
func blockDict(header []byte) (uint64, error) {
	flags, rest := header[0], header[1:]
	number := func() (v uint64) {
		var n int
		if v, n = binary.Uvarint(rest); n <= 0 {
			rest = nil
			return 0
		}
		rest = rest[n:]
		return v
	}
	if flags&0x40 != 0 {
		number() // how long it is when packed
	}
	if flags&0x80 != 0 {
		number() // and when unpacked
	}
	if id := number(); flags&3 != 0 || id != 0x21 {
		return 0, errors.New("it uses another filter than LZMA2")
	}
	if number() != 1 || len(rest) < 1 || rest[0] > 40 {
		return 0, errors.New("the header of a block is damaged")
	}
	if b := rest[0]; b < 40 {
		return uint64(2|b&1) << (b/2 + 11), nil
	}
	return 1<<32 - 1, nil
}

// index skips the index and the footer.
func (w *xzWalker) index() error {
	w.done = true
	begin := w.s.off - 1
	number := func() (uint64, error) {
		v, err := binary.ReadUvarint(w.s)
		return v, noEOF(err)
	}
	records, err := number()
	if err != nil {
		return err
	}
	if records != uint64(w.blocks) {
		return fmt.Errorf("its index has %d blocks, but there are %d", records, w.blocks)
	}
	for range 2 * records {
		if _, err := number(); err != nil {
			return err
		}
	}
	pad := (4 - (w.s.off-begin)%4) % 4
	footer := make([]byte, pad+4+12)
	if err := w.s.full(footer); err != nil {
		return err
	}
	if string(footer[len(footer)-2:]) != "YZ" {
		return errors.New("its footer is damaged")
	}
	return nil
}

// Read passes on chunks.
func (w *xzWalker) Read(p []byte) (int, error) { return w.read(p, w.chunk) }

// chunk reads the header of the next chunk, or the end of the block and the
// header of the next block.
func (w *xzWalker) chunk() error {
	control, err := w.s.ReadByte()
	if err != nil {
		return noEOF(err)
	}
	switch {
	case control == 0:
		return w.end()
	case control > 2 && control < 0x80:
		return errors.New("a chunk of LZMA2 is damaged")
	}
	n := 2 // an uncompressed one: its size
	if control >= 0x80 {
		n = 4
		if control >= 0xc0 {
			n = 5 // and the properties
		}
	}
	w.head = make([]byte, 1+n)
	w.head[0] = control
	if err := w.s.full(w.head[1:]); err != nil {
		return err
	}
	size := int64(binary.BigEndian.Uint16(w.head[1:])) + 1
	w.left = size
	if control >= 0x80 {
		size += int64(control&0x1f) << 16
		w.left = int64(binary.BigEndian.Uint16(w.head[3:])) + 1
	}
	w.unpacked += size
	return nil
}

// end reads the check of a block, and what follows.
func (w *xzWalker) end() error {
	pad := (4 - (w.s.off-w.begin)%4) % 4
	tail := make([]byte, pad+checkSizes[w.check])
	if err := w.s.full(tail); err != nil {
		return err
	}
	w.ends = append(w.ends, blockEnd{w.unpacked, tail[pad:]})
	dict := w.dict
	if err := w.block(); err != nil {
		return err
	}
	if w.dict > dict && !w.done {
		return errors.New("its blocks have windows of different sizes")
	}
	if w.done {
		w.head = []byte{0} // the end of the chunks
	}
	return nil
}

func (x *xzReader) Read(p []byte) (int, error) {
	n, err := x.r.Read(p)
	if sumErr := x.summed(p[:n]); sumErr != nil {
		return 0, sumErr
	}
	return n, err
}

// summed compares the checksums of blocks that end in b.
func (x *xzReader) summed(b []byte) error {
	for {
		part := b
		ends := len(x.w.ends) > 0
		if ends {
			part = b[:min(int64(len(b)), x.w.ends[0].at-x.n)]
		}
		if x.sum != nil {
			x.sum.Write(part)
		}
		x.n += int64(len(part))
		b = b[len(part):]
		if !ends || x.n < x.w.ends[0].at {
			return nil
		}
		if x.sum != nil {
			if !bytes.Equal(x.sum.Sum(nil), reversed(x.w.ends[0].sum)) {
				return errors.New("the checksum of a block is wrong")
			}
			x.sum.Reset()
		}
		x.w.ends = x.w.ends[1:]
	}
}

// Close looks for a checksum that was read only after the last byte.
func (x *xzReader) Close() error {
	if err := x.summed(nil); err != nil {
		return err
	}
	if !x.w.done || len(x.w.ends) > 0 {
		return errors.New("it ends within a block")
	}
	return nil
}

func reversed(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		out[len(b)-1-i] = c
	}
	return out
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
