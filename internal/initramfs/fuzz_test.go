package initramfs_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linkaudit/internal/initramfs"
	"linkaudit/linkfiles"
)

// readFuzzed reads, and gives up what takes so long that fuzzing would get nowhere: no
// assertion depends on when.
func readFuzzed(b []byte) (*initramfs.Image, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return initramfs.Read(ctx, bytes.NewReader(b), int64(len(b)), interpreter)
}

// FuzzRead has the whole reader read anything, the decompressors too.
func FuzzRead(f *testing.F) {
	archive := cpio(append(append([]file{}, network...),
		file{name: vendor + "a.link", content: "[Match]\nOriginalName=*\n"}, file{name: "etc/systemd/network/b.link", mode: linkMode, content: "/dev/null"},
		file{name: "x", content: strings.Repeat("0123", 5000)})...)
	for _, compress := range compressors {
		f.Add(append(cpio(file{name: "early"}), compress(f, archive)...))
	}
	f.Add([]byte("MZ" + strings.Repeat("\x00", 58) + "\x40\x00\x00\x00PE\x00\x00\x64\x86\x01\x00" + strings.Repeat("\x00", 60)))
	f.Fuzz(func(t *testing.T, b []byte) {
		img, err := readFuzzed(b)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("more than a line: %q", err)
			}
			return
		}
		sound(t, img)
	})
}

// FuzzCPIO has an archive read as it is and compressed: the same comes of it.
func FuzzCPIO(f *testing.F) {
	f.Add(cpio(append(append([]file{}, network...),
		file{name: vendor + "a.link", content: "one"}, file{name: "lib", mode: linkMode, content: "usr/lib"},
		file{name: "etc/systemd/network/b.link", mode: linkMode, content: "../../../lib/systemd/network/a.link"},
		file{name: vendor + "c.link", ino: 3}, file{name: "x", ino: 3, content: "c"},
		file{name: "../etc/machine-id", content: "0123456789abcdef0123456789abcdef"})...))
	f.Fuzz(func(t *testing.T, b []byte) {
		plain, err := readFuzzed(b)
		if err != nil {
			return
		}
		sound(t, plain)
		for _, format := range plain.Formats {
			if format != "cpio" {
				return
			}
		}
		packed, err := read(compressors["gzip"](t, b)) // that ends: b has been read
		if err != nil {
			t.Fatalf("read as it is, but not compressed: %v", err)
		}
		if want, got := links(plain), links(packed); !cmp.Equal(want, got) {
			t.Error(cmp.Diff(want, got))
		}
	})
}

// sound holds for every image that is read: it can be parsed, and keeps to the
// search path.
func sound(t *testing.T, img *initramfs.Image) {
	linkfiles.Parse(&img.Files, linkfiles.NewestRelease)
	for _, d := range img.Files.Dirs {
		for _, e := range d.Entries {
			if strings.Contains(e.Name, "/") || !strings.HasSuffix(e.Name, ".link") {
				t.Errorf("%q is no name of a .link file", e.Name)
			}
		}
	}
	if img.MachineID.ID().IsKnown() {
		t.Error("the machine-id itself is kept")
	}
}
