package rootfs

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"linkaudit/test/tool"
)

func lay(t *testing.T, root string) (outside string) {
	t.Helper()
	outside = t.TempDir()
	for _, err := range []error{
		os.MkdirAll(root+"/etc/d", 0o755),
		os.WriteFile(root+"/etc/d/file", []byte("inside"), 0o644),
		os.WriteFile(outside+"/file", []byte("outside"), 0o644),
		os.Symlink("etc/d", root+"/in"),
		os.Symlink(outside, root+"/out"),
		os.Symlink("../../../../../../../../.."+outside, root+"/up"),
		os.Symlink("loop", root+"/loop"),
		os.Symlink("/file", root+"/etc/absolute"),
		unix.Mkfifo(root+"/fifo", 0o600),
		unix.Mknod(root+"/socket", unix.S_IFSOCK|0o600, 0),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return outside
}

func TestWhatIsOpened(t *testing.T) {
	root := t.TempDir()
	outside := lay(t, root)
	for _, c := range []struct {
		name string
		want any // the content, or the error
	}{
		{"/etc/d/file", "inside"}, {"in/file", "inside"}, {"/etc/../in/./file", "inside"}, {"/../../etc/d/file", "inside"},
		{"/out/file", unix.ENOENT}, {"/up/file", unix.ENOENT}, {outside + "/file", unix.ENOENT}, {"/etc/absolute", unix.ENOENT},
		{"/loop", unix.ELOOP}, {"/none", unix.ENOENT}, {"/etc/d/file/x", unix.ENOTDIR},
		{"/fifo", errNotRegular}, {"/socket", errNotRegular}, {"/etc", errNotRegular}, {"/", errNotRegular},
	} {
		t.Run(strings.ReplaceAll(c.name, outside, "outside"), func(t *testing.T) {
			tool.Finishes(t, c.name, func() {
				f, err := Open(root, c.name)
				if want, is := c.want.(error); is {
					if !errors.Is(err, want) {
						t.Errorf("%v, not %v", err, want)
					}
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				defer f.Close()
				if b, err := f.ReadAll(100); string(b) != c.want || err != nil {
					t.Errorf("%q, %v", b, err)
				}
			})
		})
	}
	for name, want := range map[string]error{
		"/": nil, "/etc/d": nil, "in": nil, "out": unix.ENOENT, "/fifo": unix.ENOTDIR, "/socket": unix.ENOTDIR, "/etc/d/file": unix.ENOTDIR, "/loop": unix.ELOOP,
	} {
		t.Run("directory "+name, func(t *testing.T) {
			tool.Finishes(t, name, func() {
				d, err := OpenDir(root, name)
				if !errors.Is(err, want) {
					t.Errorf("%v, not %v", err, want)
				}
				if err == nil {
					d.Close()
				}
			})
		})
	}
	// The same where the root is the machine's.
	tool.Finishes(t, "below the machine's root", func() {
		if _, err := OpenDir("", root+"/fifo"); !errors.Is(err, unix.ENOTDIR) {
			t.Error(err)
		}
		if _, err := Open("/", root+"/fifo"); !errors.Is(err, errNotRegular) {
			t.Error(err)
		}
	})
	f, err := Open(root, "/etc/d/file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.ReadAll(5); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

// The owner of the tree swaps a directory for a link between two looks at it.
func TestALinkThatComesInBetweenLeadsNowhere(t *testing.T) {
	root := t.TempDir()
	outside := lay(t, root)
	path, err := Resolve(root, "/etc/d/file")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{os.Rename(root+"/etc/d", root+"/etc/real"), os.Symlink(outside, root+"/etc/d")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(path); string(b) != "outside" {
		t.Fatalf("the trap does not work: %q, %v", b, err)
	}
	for name, flags := range map[string]int{"O_RDONLY": unix.O_RDONLY, "O_PATH": unix.O_PATH} {
		t.Run(name, func(t *testing.T) {
			if fd, err := OpenResolved(root, path, flags); err == nil {
				unix.Close(fd)
				t.Error("it leads out of the root")
			}
		})
	}
	if fd, err := OpenResolved(root, outside+"/file", unix.O_PATH); err == nil {
		unix.Close(fd)
		t.Error("a path that is not of the root")
	}
}

func TestTreeThatChangesAllTheTimeIsNotLeft(t *testing.T) {
	root := t.TempDir()
	outside := lay(t, root)
	if err := os.Symlink(outside, root+"/etc/trap"); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := unix.Renameat2(unix.AT_FDCWD, root+"/etc/d", unix.AT_FDCWD, root+"/etc/trap", unix.RENAME_EXCHANGE); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	read := 0
	for range 20_000 {
		f, err := Open(root, "/etc/d/file")
		if err != nil {
			continue
		}
		b, err := f.ReadAll(100)
		f.Close()
		if err != nil || string(b) != "inside" {
			t.Errorf("%q, %v", b, err)
			break
		}
		read++
	}
	close(stop)
	swapping.Wait()
	t.Logf("read %d times", read)
}

// Where the root is that of a container, /proc may be there. "/." is this machine's
// as if it were an image.
func TestTheKernelsFilesAreNoneOfAnImage(t *testing.T) {
	for _, name := range []string{"/proc/kmsg", "/proc/self/status", "/proc/sys/kernel/random/boot_id", "/sys/kernel/uevent_seqnum"} {
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat(name); err != nil {
				t.Fatal(err)
			}
			tool.Finishes(t, name, func() {
				if f, err := Open("/.", name); !errors.Is(err, errKernel) {
					t.Errorf("%v, not %v", err, errKernel)
					if err == nil {
						f.Close()
					}
				}
			})
		})
	}
	f, err := Open("/.", "/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// What has nothing to read now, as the kernel's log has, is not waited for.
func TestReadingWaitsForNobody(t *testing.T) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[1])
	f := &File{fd: p[0]}
	defer f.Close()
	tool.Finishes(t, "a pipe", func() {
		if b, err := f.ReadAll(100); !errors.Is(err, unix.EAGAIN) {
			t.Errorf("%q, %v", b, err)
		}
	})
}
