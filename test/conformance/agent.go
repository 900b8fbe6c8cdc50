package conformance

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// The agent is this program started again as the first process of new mount, network,
// PID and UTS namespaces. It enters one release's root, creates the devices, and then
// lays out one tree after the other and runs that release's udevadm on each. So it sets
// up only once for thousands of trees.

// agentVariable holds the root directory in the environment of an agent.
const agentVariable = "LINKAUDIT_CONFORMANCE_AGENT"

type request struct {
	Tree    Tree // with the machine's and the database's nodes
	Env     []string
	Host    string
	Devices []string
	// AsIs leaves the tree, with all changes made since it was laid out.
	AsIs bool
	// Bare removes empty search directories.
	Bare bool
	// Create, for an agent with a running udevd, are the devices to create under the
	// tree: runs of ip(8).
	Create [][]string
	// Unrecorded are the names of the devices that udevd ignores.
	Unrecorded []string
	// Networkd, for such an agent, makes systemd-networkd create devices from the tree.
	Networkd bool
}

type reply struct {
	Setup  *setup // in the first reply only
	Output []output
	// Outcomes answer Create.
	Outcomes []created
	// Devices answer Networkd.
	Devices []Device
	Err     string
}

type setup struct {
	Version string // of udev
	Devices []Device
	Lacking []string // devices that the kernel does not have
}

type output struct {
	Stdout, Stderr []byte
	Failure        string // time-out or crash
}

// RunAgentIfAsked turns the process into an agent if it was started as one, and then
// never returns. A program that uses Oracles calls it first.
func RunAgentIfAsked() {
	root := os.Getenv(agentVariable)
	if root == "" {
		return
	}
	if err := runAgent(root, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "agent for %s: %v\n", root, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runAgent(root string, in io.Reader, out io.Writer) error {
	syscall.Umask(0o022)
	// Capabilities and namespaces belong to the thread, and udevadm is
	// started from this one.
	runtime.LockOSThread()
	dec, enc := gob.NewDecoder(in), gob.NewEncoder(out)
	s, err := enterRoot(root)
	if err != nil {
		return err
	}
	var adm *testBuiltin
	if os.Getenv(outcomeVariable) == "" {
		if err = s.createDevices(); err == nil {
			adm, err = startTestBuiltin(os.NewFile(3, "library"))
		}
	} else {
		err = startUdevd()
	}
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, agentReady); err != nil {
		return err
	}
	if err := enc.Encode(reply{Setup: s}); err != nil {
		return err
	}
	for {
		var req request
		if err := dec.Decode(&req); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var rep reply
		if req.Networkd {
			var err error
			if rep.Devices, err = runNetworkd(req); err != nil {
				rep.Err = err.Error()
			}
		} else if req.Create != nil {
			var err error
			if rep.Outcomes, err = createUnderUdevd(req); err != nil {
				rep.Err = err.Error()
			}
		} else if err := layOut(req); err != nil {
			rep.Err = err.Error()
		} else {
			for _, d := range req.Devices {
				o, err := adm.setupLink(d, req.Env)
				if err != nil {
					rep.Err = err.Error()
					break
				}
				rep.Output = append(rep.Output, o)
			}
		}
		if err := enc.Encode(rep); err != nil {
			return err
		}
	}
}

// enterRoot makes the root's tree private and writable where the test writes, without a
// trace in the root itself, and enters it.
func enterRoot(root string) (*setup, error) {
	mount := func(source, target, fstype string, flags uintptr) error {
		if err := syscall.Mount(source, filepath.Join(root, target), fstype, flags, ""); err != nil {
			return fmt.Errorf("mount %s on %s: %w", source, target, err)
		}
		return nil
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("make the mounts private: %w", err)
	}
	for _, m := range []struct {
		source, target, fstype string
		flags                  uintptr
	}{
		{"proc", "/proc", "proc", 0},
		{"sysfs", "/sys", "sysfs", 0},
		{"tmpfs", "/sys/firmware", "tmpfs", 0},
		{"/dev", "/dev", "", syscall.MS_BIND},
		{"tmpfs", "/run", "tmpfs", 0},
		{"tmpfs", "/mnt", "tmpfs", 0},
		{"tmpfs", "/usr/local", "tmpfs", 0},
		{"tmpfs", "/usr/lib/systemd/network", "tmpfs", 0},
	} {
		if err := mount(m.source, m.target, m.fstype, m.flags); err != nil {
			return nil, err
		}
	}
	// /etc as a copy: its machine-id and others are rewritten for each case.
	if out, err := exec.Command("cp", "-a", root+"/etc/.", root+"/mnt").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copy /etc: %w: %s", err, out)
	}
	if err := mount(root+"/mnt", "/etc", "", syscall.MS_MOVE); err != nil {
		return nil, err
	}
	if err := syscall.Chroot(root); err != nil {
		return nil, fmt.Errorf("enter the root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return nil, err
	}
	s := &setup{}
	version, err := exec.Command("/usr/bin/udevadm", "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("ask udevadm for its version: %w", err)
	}
	s.Version = strings.TrimSpace(string(version))
	return s, nil
}

// createDevices creates the devices in the namespace and drops the capability to change
// them.
func (s *setup) createDevices() error {
	var err error
	s.Lacking = ip(deviceCommands())
	if s.Devices, err = readDevices(); err != nil {
		return err
	}
	// Up to release 255 test-builtin applies the file that it finds. Without
	// CAP_NET_ADMIN it cannot, so the devices stay as they were read. Everything that
	// udevadm reads is readable for all.
	const capNetAdmin = 12
	if _, _, errno := syscall.Syscall(syscall.SYS_PRCTL, syscall.PR_CAPBSET_DROP, capNetAdmin, 0); errno != 0 {
		return fmt.Errorf("drop CAP_NET_ADMIN: %w", errno)
	}
	return nil
}

// ip runs ip(8) on each argument list and returns those that failed, with the output.
func ip(commands [][]string) (failed []string) {
	for _, args := range commands {
		if out, err := exec.Command("/usr/bin/ip", args...).CombinedOutput(); err != nil {
			failed = append(failed, fmt.Sprintf("ip %s: %s", strings.Join(args, " "), bytes.TrimSpace(out)))
		}
	}
	return failed
}

// deleteDevices deletes the devices except lo. As a group they go at once; one by one
// the kernel waits for each.
func deleteDevices(devices []Device) error {
	const group = "42"
	var commands strings.Builder
	for _, d := range devices {
		if !d.Loopback {
			fmt.Fprintf(&commands, "link set dev %s group %s\n", d.Name, group)
		}
	}
	if commands.Len() == 0 {
		return nil
	}
	commands.WriteString("link delete group " + group + "\n")
	cmd := exec.Command("/usr/bin/ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(commands.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("delete the devices: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// emptied are the directories that are empty for each case.
var emptied = append([]string{"/run", "/sys/firmware"}, SearchPath...)

// empty removes what is in the directories, and what replaces one of them.
func empty(dirs []string) error {
	for _, dir := range dirs {
		if fi, err := os.Lstat(dir); err == nil && !fi.IsDir() {
			if err := os.Remove(dir); err != nil {
				return err
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func layOut(req request) error {
	if req.AsIs {
		return nil
	}
	if err := empty(emptied); err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte(req.Host)); err != nil {
		return fmt.Errorf("set the host name: %w", err)
	}
	if err := req.Tree.Write("/"); err != nil {
		return err
	}
	if req.Bare {
		for _, dir := range append(slices.Clone(SearchPath), "/etc/systemd") {
			// A directory with contents stays.
			if err := syscall.Rmdir(dir); err != nil && !errors.Is(err, syscall.ENOTEMPTY) &&
				!errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, syscall.EBUSY) {
				return fmt.Errorf("take %s away: %w", dir, err)
			}
		}
	}
	return nil
}
