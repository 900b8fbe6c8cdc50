package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// watches is how many directories the kernel watches for the listener.
func (l *fileListener) watches(t *testing.T) int {
	t.Helper()
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", l.fd))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(info), "inotify wd:")
}

// hears reads all changes, as readFiles does.
func (l *fileListener) hears(t *testing.T) (changed bool) {
	t.Helper()
	for {
		l.wake() // it would wait otherwise
		c, err := l.next()
		if errors.Is(err, errNothing) {
			return changed
		}
		if err != nil {
			t.Fatal(err)
		}
		if !c {
			continue // of no interest
		}
		changed = true
		if err := l.look(); err != nil {
			t.Fatal(err)
		}
	}
}

// Directories that come, are moved away and go: what is there now is watched, and
// nothing else.
func TestOnlyTheDirectoriesThatAreThereAreWatched(t *testing.T) {
	top := t.TempDir()
	at := func(name string) string { return filepath.Join(top, name) }
	do := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	write := func(name string) error { return os.WriteFile(at(name), nil, 0o644) }
	do(os.MkdirAll(at("etc/10-x.link.d"), 0o755), os.Mkdir(at("run"), 0o755))
	l, err := listenToFiles([]string{at("etc"), at("run/systemd/network")})
	do(err)
	defer l.close()
	step := func(what string, heard bool, watches int) {
		t.Helper()
		if h := l.hears(t); h != heard {
			t.Errorf("%s: heard is %v", what, h)
		}
		if n := l.watches(t); n != watches {
			t.Errorf("%s: %d directories are watched, not %d", what, n, watches)
		}
	}
	step("at first: etc, its drop-ins, and run for systemd", false, 3)
	do(write("run/other"))
	step("another file in run", false, 3)

	for i := range 5 {
		do(os.Rename(at("etc/10-x.link.d"), at(fmt.Sprintf("old%d", i))))
		step("drop-ins are moved away", true, 2)
		do(write(fmt.Sprintf("old%d/x.conf", i)))
		step("a file where they are now", false, 2)
		do(os.Mkdir(at("etc/10-x.link.d"), 0o755))
		step("others come", true, 3)
		do(write("etc/10-x.link.d/x.conf"))
		step("a drop-in", true, 3)

		do(os.Rename(at("etc"), at(fmt.Sprintf("etc%d", i))))
		step("the search directory is moved away", true, 2)
		do(write(fmt.Sprintf("etc%d/x.link", i)))
		step("a file where it is now", false, 2)
		do(os.MkdirAll(at("etc/10-x.link.d"), 0o755))
		step("another comes", true, 3)
	}

	do(os.MkdirAll(at("run/systemd/network"), 0o755))
	step("the missing one comes", true, 3)
	do(write("run/more"), write("run/systemd/more"))
	step("files above it", false, 3)
	do(write("run/systemd/network/x.link"))
	step("a file in it", true, 3)
	do(os.RemoveAll(at("run/systemd/network")))
	step("it is removed", true, 3)
	do(os.RemoveAll(at("run/systemd")))
	step("and the one above it, in which it was waited for", true, 3)
	do(os.MkdirAll(at("run/systemd/network"), 0o755))
	step("both are back", true, 3)
	do(os.Rename(at("run/systemd/network"), at("network")))
	step("it is moved away", true, 3)
	do(os.Rename(at("run/systemd"), at("systemd")))
	step("and the one above it", true, 3)
	do(os.MkdirAll(at("run/systemd/network"), 0o755))
	step("both are back again", true, 3)
	do(write("run/systemd/network/x.link"))
	step("a file in it again", true, 3)
}
