package soak

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Usage is what a process holds, from proc(5).
type Usage struct {
	// Resident is its resident memory in kB (VmRSS).
	Resident int
	// Descriptors are its open files, Sockets are the sockets among them, and Watches
	// are the directories that its inotify instances watch.
	Descriptors, Sockets, Watches int
	Threads                       int
	// Children are its child processes, including zombies.
	Children int
}

// Of reads the usage of a process.
func Of(pid int) (Usage, error) {
	dir := fmt.Sprintf("/proc/%d", pid)
	u, err := status(dir)
	if err != nil {
		return u, err
	}
	open, err := os.ReadDir(dir + "/fd")
	if err != nil {
		return u, err
	}
	for _, e := range open {
		to, err := os.Readlink(filepath.Join(dir, "fd", e.Name()))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // closed meanwhile
		case err != nil:
			return u, err
		}
		u.Descriptors++
		switch {
		case strings.HasPrefix(to, "socket:"):
			u.Sockets++
		case to == "anon_inode:inotify":
			info, err := os.ReadFile(filepath.Join(dir, "fdinfo", e.Name()))
			if err != nil {
				return u, err
			}
			u.Watches += strings.Count(string(info), "inotify wd:")
		}
	}
	u.Children, err = children(dir)
	return u, err
}

func status(dir string) (u Usage, err error) {
	text, err := os.ReadFile(dir + "/status")
	if err != nil {
		return u, err
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		to := map[string]*int{"VmRSS": &u.Resident, "Threads": &u.Threads}[key]
		if to == nil {
			continue
		}
		if *to, err = strconv.Atoi(strings.Fields(value)[0]); err != nil {
			return u, fmt.Errorf("%s/status: %w", dir, err)
		}
		found++
	}
	if found != 2 {
		return u, fmt.Errorf("%s/status has not all that is looked for, the process may have ended: %s", dir, text)
	}
	return u, nil
}

// children counts those of every thread (CONFIG_PROC_CHILDREN).
func children(dir string) (n int, err error) {
	lists, err := filepath.Glob(dir + "/task/*/children")
	if err == nil && len(lists) == 0 {
		err = errors.New("no list of child processes in " + dir + "/task: the process has ended, or the kernel has none (CONFIG_PROC_CHILDREN)")
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended, and its children belong to another
		}
		n += len(strings.Fields(string(text)))
	}
	return n, err
}
