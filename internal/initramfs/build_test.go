package initramfs_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// file is one entry of an archive. The suite in test/initramfs reads what the
// real programs make; this makes what they would not.
type file struct {
	name    string
	mode    uint32 // 0 is a regular file
	content string // of a symbolic link, where it leads to
	ino     uint32 // not 0: one of two names
	rdev    [2]uint32
}

const (
	dirMode  = 0o040755
	linkMode = 0o120777
	charMode = 0o020666
)

// cpio is an archive of the files, as "cpio -H newc" makes one.
func cpio(files ...file) []byte {
	var b bytes.Buffer
	for _, f := range append(files, file{name: "TRAILER!!!"}) {
		mode, nlink := f.mode, 1
		if mode == 0 {
			mode = 0o100644
		}
		if f.ino != 0 {
			nlink = 2
		}
		fmt.Fprintf(&b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
			f.ino, mode, 0, 0, nlink, 0, len(f.content), 0, 0, f.rdev[0], f.rdev[1], len(f.name)+1, 0)
		b.WriteString(f.name + "\x00")
		pad(&b)
		b.WriteString(f.content)
		pad(&b)
	}
	for b.Len()%512 != 0 {
		b.WriteByte(0)
	}
	return b.Bytes()
}

func pad(b *bytes.Buffer) {
	for b.Len()%4 != 0 {
		b.WriteByte(0)
	}
}

// compressors are those that Go has; bzip2 is in the suite alone.
var compressors = map[string]func(testing.TB, []byte) []byte{
	"cpio": func(_ testing.TB, b []byte) []byte { return b },
	"gzip": func(t testing.TB, b []byte) []byte {
		return compressed(t, b, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
	},
	"xz": func(t testing.TB, b []byte) []byte {
		return compressed(t, b, func(w io.Writer) (io.WriteCloser, error) {
			return xz.WriterConfig{BlockSize: 4096, CheckSum: xz.CRC32, DictCap: 1 << 20}.NewWriter(w)
		})
	},
	"lzma": func(t testing.TB, b []byte) []byte {
		return compressed(t, b, func(w io.Writer) (io.WriteCloser, error) {
			return lzma.WriterConfig{DictCap: 1 << 20}.NewWriter(w)
		})
	},
	"zstd": func(t testing.TB, b []byte) []byte {
		return compressed(t, b, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) })
	},
	"lz4": func(t testing.TB, b []byte) []byte {
		out := []byte{0x02, 0x21, 0x4c, 0x18}
		for len(b) > 0 {
			n := min(len(b), 8<<20)
			block := make([]byte, lz4.CompressBlockBound(n))
			var c lz4.Compressor
			size, err := c.CompressBlock(b[:n], block)
			if err != nil {
				t.Fatal(err)
			}
			if size == 0 {
				t.Fatal("lz4 does not make it smaller")
			}
			out = append(binary.LittleEndian.AppendUint32(out, uint32(size)), block[:size]...)
			b = b[n:]
		}
		return out
	},
}

func compressed(t testing.TB, b []byte, open func(io.Writer) (io.WriteCloser, error)) []byte {
	var out bytes.Buffer
	w, err := open(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
