package linkfiles

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"linkaudit/internal/rootfs"
)

// OtherUdevd returns the path inside the root of a udevd that is not below /usr/lib, "" if
// none is found: the running one, that of the service, or that of NixOS, where each package
// has its own directory.
func OtherUdevd(root string) string {
	if root == "" {
		root = "/"
	}
	return newReader(filepath.Clean(root)).findOtherUdevd()
}

const (
	udevdName = "systemd-udevd"
	// udevdInPrefix is where it is below what it was built for.
	udevdInPrefix = "/lib/systemd/" + udevdName
	nixStore      = "/nix/store"
)

// udevdLinks lead to the systemd that NixOS runs, or will run.
var udevdLinks = []string{"/run/current-system/systemd" + udevdInPrefix, "/nix/var/nix/profiles/system/systemd" + udevdInPrefix}

// udevdUnits are the possible paths of udevd's unit, highest priority first.
var udevdUnits = []string{"/etc/systemd/system/" + udevdName + ".service", "/run/systemd/system/" + udevdName + ".service"}

func (r *reader) findOtherUdevd() string {
	candidates := slices.Clone(udevdLinks)
	for _, unit := range udevdUnits {
		candidates = append(candidates, r.startedBy(unit)...)
	}
	if r.root == "/" {
		candidates = append(runningUdevd(), candidates...)
	}
	// If nothing names one, it is the only one there is.
	if stored := r.storedUdevds(); len(stored) == 1 {
		candidates = append(candidates, stored...)
	}
	for _, name := range candidates {
		if r.hasFile(name) {
			return name
		}
	}
	return ""
}

// storedUdevds are those in the store of NixOS.
func (r *reader) storedUdevds() (programs []string) {
	dir, err := rootfs.OpenDir(r.root, nixStore)
	if err != nil {
		return nil
	}
	names, _ := dir.Readdirnames(-1)
	dir.Close()
	slices.Sort(names)
	for _, name := range names {
		if _, pkg, ok := strings.Cut(name, "-"); !ok || !strings.HasPrefix(pkg, "systemd-") {
			continue
		}
		if at := nixStore + "/" + name + udevdInPrefix; r.hasFile(at) {
			programs = append(programs, at)
		}
	}
	return programs
}

func (r *reader) hasFile(name string) bool {
	real, err := r.real(name)
	if err != nil {
		return false
	}
	fi, err := os.Stat(real)
	return err == nil && fi.Mode().IsRegular()
}

// startedBy are the programs of ExecStart= in a unit.
func (r *reader) startedBy(unit string) (programs []string) {
	file, err := rootfs.Open(r.root, unit)
	if err != nil {
		return nil
	}
	defer file.Close()
	text, err := file.ReadAll(64 << 10)
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte("ExecStart=")); ok {
			// Prefixes of systemd.service(5).
			for word := range strings.FieldsSeq(strings.TrimLeft(string(value), "-@:+!|")) {
				programs = append(programs, word)
				break
			}
		}
	}
	return programs
}

// runningUdevd is the program of a running udevd, if it is visible.
func runningUdevd() (programs []string) {
	names, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, name := range names {
		if comm, err := os.ReadFile(name); err != nil || strings.TrimSpace(string(comm)) != udevdName {
			continue
		}
		if exe, err := os.Readlink(filepath.Join(filepath.Dir(name), "exe")); err == nil {
			programs = append(programs, exe)
		}
	}
	return programs
}

// ownDir is the directory of .link files that a udevd outside of /usr/lib was built with, ""
// if none is found. The paths of CONF_PATHS() are fixed, except for a distribution's own
// prefix: NixOS adds $out/lib to them.
func (r *reader) ownDir() string {
	program := r.findOtherUdevd()
	if program == "" {
		return ""
	}
	real, err := r.real(program)
	if err != nil {
		return ""
	}
	// Since 243 it is a link to udevadm.
	for _, name := range []string{program, r.inside(real)} {
		for _, tail := range []string{udevdInPrefix, "/bin/udevadm"} {
			if prefix, ok := strings.CutSuffix(name, tail); ok {
				if at, err := r.real(prefix + "/lib/systemd/network"); err == nil {
					return r.inside(at)
				}
			}
		}
	}
	return ""
}
