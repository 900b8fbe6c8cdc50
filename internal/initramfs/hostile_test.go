package initramfs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ulikunitz/xz/lzma"

	"linkaudit/internal/host"
	"linkaudit/internal/initramfs"
	"linkaudit/linkfiles"
	"linkaudit/test/tool"
)

// memoryLimit is the bound of the whole process, in bytes.
const memoryLimit = 64 << 20

// imageVariable has this test binary read the images below a root and say what it took: the
// memory of a process is what the kernel says it had at most.
const imageVariable = "LINKAUDIT_TEST_IMAGE"

func TestMain(m *testing.M) {
	if root := os.Getenv(imageVariable); root != "" {
		readAlone(root)
		return
	}
	os.Exit(m.Run())
}

type outcome struct {
	Image initramfs.Image
	Peak  int // bytes, VmHWM
}

func readAlone(root string) {
	// As check --initramfs does, for all images below a root.
	images, _ := host.ReadInitramfs(context.Background(), root)
	var trees []*linkfiles.Tree
	for i := range images {
		trees = append(trees, linkfiles.Parse(&images[i].Files, linkfiles.NewestRelease))
	}
	img := images[len(trees)-1]
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	kb, err := strconv.Atoi(string(regexp.MustCompile(`VmHWM:\s*(\d+) kB`).FindSubmatch(status)[1]))
	if err != nil {
		panic(err)
	}
	json.NewEncoder(os.Stdout).Encode(outcome{img, kb << 10})
}

// inRoot writes an image below a root that has no other.
func inRoot(t *testing.T, image []byte) (root, at string) {
	t.Helper()
	root = t.TempDir()
	at = filepath.Join(root, "boot/initrd.img")
	if err := errors.Join(os.Mkdir(filepath.Dir(at), 0o755), os.WriteFile(at, image, 0o600)); err != nil {
		t.Fatal(err)
	}
	return root, at
}

// alone reads the images below the root in a process of its own; the outcome is of the last.
func alone(t *testing.T, root string) (o outcome) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), tool.Patience(2*time.Minute))
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), imageVariable+"="+root)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// rle is a zstd frame with a window of 2^log bytes that says n times 128 KiB of
// zeros, in four bytes each.
func rle(log, n int) []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, byte(log-10) << 3}
	for i := range n {
		head := uint32(128<<10)<<3 | 1<<1
		if i == n-1 {
			head |= 1
		}
		b = append(b, byte(head), byte(head>>8), byte(head>>16), 0)
	}
	return b
}

// entries are n of them, each made by of, without an end.
func entries(n int, of func(i int) file) []byte {
	var b bytes.Buffer
	for i := range n {
		one := cpio(of(i))
		b.Write(one[:bytes.Index(one, []byte("TRAILER!!!"))-110])
	}
	return b.Bytes()
}

// full is an archive that fills the largest dictionary of LZMA that is read. It takes a
// second to make.
func full(t *testing.T) []byte {
	t.Helper()
	b, err := makeFull()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var makeFull = sync.OnceValues(func() ([]byte, error) {
	var b bytes.Buffer
	w, err := lzma.WriterConfig{DictCap: 32 << 20}.NewWriter(&b)
	if err == nil {
		_, err = w.Write(make([]byte, 33<<20))
	}
	if err == nil {
		err = w.Close()
	}
	return b.Bytes(), err
})

// Images that are made to do harm end in one line, in time, within the bound.
func TestHostileImages(t *testing.T) {
	if raceDetector {
		t.Skip("with the race detector they take minutes and several times the memory, and they are read by one goroutine")
	}
	const largest = "\xff\xff\xff\xff"
	for name, c := range map[string]struct {
		image func() []byte
		size  int64 // made as large as that, by a hole
		want  string
		heavy bool
	}{
		"a bomb":                   {image: func() []byte { return rle(20, 100_000) }, want: "more than 1024 MiB when unpacked"},
		"a bomb in a bomb's place": {image: func() []byte { return bytes.Repeat(rle(20, 4000), 60) }, want: "more than 1024 MiB when unpacked", heavy: true},
		"a bomb of gzip":           {image: func() []byte { return bytes.Repeat(compressors["gzip"](t, make([]byte, 40<<20)), 40) }, want: "more than 1024 MiB when unpacked", heavy: true},
		"zeros without end":        {image: func() []byte { return cpio() }, size: 5 << 30, want: "more than 1024 MiB when unpacked", heavy: true},
		"a member of 4 GB":         {image: func() []byte { return append(cpio()[:54:54], largest+"ffffffffffffffffffffffffff"...) }, size: 5 << 30, want: "instead of a number"},
		"a member of 4 GB, all there": {image: func() []byte {
			return []byte("070701" + strings.Repeat("0", 14) + "81a4" + strings.Repeat("0", 30) + "ffffffff" + strings.Repeat("0", 32) + "00000002" + "00000000" + "a\x00")
		}, size: 5 << 30, want: "a file of 4294967295 bytes"},
		"a member of 1 GB": {image: func() []byte {
			return []byte("070701" + strings.Repeat("0", 14) + "81a4" + strings.Repeat("0", 30) + "40000000" + strings.Repeat("0", 32) + "00000002" + "00000000" + "a\x00")
		}, size: 5 << 30, want: "more than 1024 MiB", heavy: true},
		"a window of 64 MiB":                {image: func() []byte { return rle(26, 10) }, want: "a window of 64 MiB"},
		"a window of 2 GiB":                 {image: func() []byte { return rle(31, 10) }, want: "a window of 2048 MiB"},
		"the largest window that is read":   {image: func() []byte { return append(rle(25, 600), rle(25, 600)...) }},
		"three of the largest dictionaries": {image: func() []byte { return bytes.Repeat(full(t), 3) }, heavy: true},
		"the largest beside all that is kept": {image: func() []byte {
			return bytes.Join([][]byte{
				entries(16, func(i int) file { return file{name: fmt.Sprintf("%d.link", i), content: strings.Repeat("x", 250<<10)} }),
				entries(11_900, func(i int) file { return file{name: fmt.Sprint(i), mode: dirMode} }), full(t), full(t),
			}, nil)
		}},
		"a dictionary of 4 GB": {image: func() []byte {
			return append([]byte("\x5d"+largest+strings.Repeat("\xff", 8)), bytes.Repeat([]byte("\x00\x12\x34"), 1<<20)...)
		}, want: "neither a cpio"},
		"more archives than there ever are": {image: func() []byte { return bytes.Repeat(rle(20, 1), 5000) }, want: "more than 64 archives"},
		"a million files": {image: func() []byte {
			return compressors["zstd"](t, bytes.Repeat(entries(1, func(int) file { return file{name: "a"} }), 1<<20+1))
		}, want: "more than 1048576 files"},
		"more directories than are kept": {image: func() []byte {
			return entries(60_000, func(i int) file { return file{name: fmt.Sprint(i), mode: dirMode} })
		}, want: "more than 12000 directories"},
		"hard links in their place": {image: func() []byte {
			return entries(60_000, func(i int) file { return file{name: fmt.Sprint(i), ino: uint32(i + 1)} })
		}, want: "more than 12000 directories"},
		"names as long as they come": {image: func() []byte {
			return entries(3000, func(i int) file { return file{name: fmt.Sprintf("%04000d", i), mode: dirMode} })
		}, want: "their names have more than 2 MiB"},
		"targets as long as they come": {image: func() []byte {
			return entries(3000, func(i int) file {
				return file{name: fmt.Sprint(i), mode: linkMode, content: strings.Repeat("a/", 2000)}
			})
		}, want: "their names have more than 2 MiB"},
		"a maze of links": {image: func() []byte { return entries(4000, maze) }},
		"more to keep than is kept": {image: func() []byte {
			return entries(40, func(i int) file { return file{name: fmt.Sprintf("%d.link", i), content: strings.Repeat("x", 250<<10)} })
		}},
		"a block of lz4 that claims 4 GB": {image: func() []byte { return []byte("\x02\x21\x4c\x18" + "\xff\xff\xff\x7f" + strings.Repeat("x", 100)) }, want: "a block of 2147483647 bytes"},
		"a unified kernel image all sections": {image: func() []byte {
			return []byte("MZ" + strings.Repeat("\x00", 58) + "\x40\x00\x00\x00PE\x00\x00\x64\x86\xff\xff" + strings.Repeat("\xff", 1<<20))
		}, want: "65535 sections"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.heavy {
				tool.Heavy(t)
			}
			t.Parallel()
			image := c.image()
			root, at := inRoot(t, image)
			if c.size > 0 {
				if err := os.Truncate(at, c.size); err != nil {
					t.Fatal(err)
				}
			}
			o := alone(t, root)
			switch {
			case c.want == "" && o.Image.Unreadable != "":
				t.Errorf("not read: %s", o.Image.Unreadable)
			case !strings.Contains(o.Image.Unreadable, c.want), strings.Contains(o.Image.Unreadable, "\n"):
				t.Errorf("%q, not %q", o.Image.Unreadable, c.want)
			}
			if o.Peak > memoryLimit {
				t.Errorf("it took %d MB", o.Peak>>20)
			}
			t.Logf("%d bytes: %d MB: %s", len(image), o.Peak>>20, o.Image.Unreadable)
		})
	}
}

func TestReadingEndsInTime(t *testing.T) {
	why := errors.New("it is late")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	image := cpio()
	_, err := initramfs.Read(ctx, bytes.NewReader(image), int64(len(image)), interpreter)
	if !errors.Is(err, why) {
		t.Errorf("%v, not %v", err, why)
	}
}

// Of many images together no more is kept, and each is the worst that is read. Here the
// third crosses the bound and the fourth is such an image; that all of thirty are takes a
// minute.
func TestManyHostileImages(t *testing.T) {
	if raceDetector {
		t.Skip("with the race detector they take minutes and several times the memory, and they are read by one goroutine")
	}
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "boot"), 0o755); err != nil {
		t.Fatal(err)
	}
	image := bytes.Join([][]byte{
		entries(len(network), func(i int) file { return network[i] }),
		entries(2, func(i int) file {
			return file{name: fmt.Sprintf(vendor+"%d.link", i), content: strings.Repeat("[Match]\nOriginalName=*\n", 2700)}
		}),
		entries(15, func(i int) file { return file{name: fmt.Sprintf("%d.link", i), content: strings.Repeat("x", 250<<10)} }),
		entries(11_900, func(i int) file { return file{name: fmt.Sprint(i), mode: dirMode} }),
	}, nil)
	worst := bytes.Join([][]byte{image, full(t), full(t)}, nil)
	n := 4
	if tool.Thorough() {
		n = 30
	}
	for i := range n {
		if tool.Thorough() || i == n-1 {
			image = worst
		}
		if err := os.WriteFile(filepath.Join(root, "boot", fmt.Sprintf("initrd-%02d", i)), image, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := alone(t, root)
	if o.Peak > memoryLimit {
		t.Errorf("it took %d MB", o.Peak>>20)
	}
	if want := "the .link files of all images together are larger than 256 KiB"; o.Image.Unreadable != want {
		t.Errorf("the last image: %q, not %q", o.Image.Unreadable, want)
	}
	t.Logf("%d MB", o.Peak>>20)
}

// maze is directories and links that lead through one another.
func maze(i int) file {
	switch {
	case i < 40:
		return file{name: fmt.Sprintf("l%d", i), mode: linkMode, content: strings.Repeat(fmt.Sprintf("l%d/../", i+1), 50) + fmt.Sprintf("l%d", i+1)}
	case i < 50:
		return file{name: "l40", mode: dirMode}
	}
	return file{name: fmt.Sprintf("l%d/%d.link", i%40, i), content: "x"}
}

// The measurement is worth something: a process that takes more is seen to.
func TestMemoryIsMeasured(t *testing.T) {
	root, _ := inRoot(t, cpio())
	if o := alone(t, root); o.Peak < 2<<20 || o.Peak > 40<<20 && !raceDetector {
		t.Errorf("an empty archive took %d bytes", o.Peak)
	}
}
