package stage

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"linkaudit/test/roots"
	"linkaudit/test/tool"
)

// stagedVariable says that Main has set up this process.
const stagedVariable = "LINKAUDIT_STAGED"

// Main runs the tests of a suite, and removes what Binary built. They run in a mount
// namespace in which the machine has no configuration of linkaudit and no .link files
// of its own, with an empty home directory, umask 022, UTC, and an environment without
// variables that change what programs do. It needs root. prepare is called before the
// tests, with all of this set up.
func Main(m *testing.M, prepare ...func() error) int {
	if os.Getenv(stagedVariable) == "" {
		fmt.Fprintln(os.Stderr, alone()) // comes back only with an error
		return 1
	}
	defer func() {
		if binary != "" {
			os.RemoveAll(filepath.Dir(binary))
		}
		os.RemoveAll(filepath.Dir(os.Getenv("HOME")))
	}()
	for _, p := range prepare {
		if err := p(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// MainInFull is Main for a suite that .ci/run does not run at all.
func MainInFull(m *testing.M, prepare ...func() error) int {
	if !tool.Full() {
		fmt.Println("only in make full")
		return 0
	}
	return Main(m, prepare...)
}

// alone starts this program again as the same process, set up as for Main.
func alone() error {
	if os.Geteuid() != 0 {
		return errors.New("the suites of test/ecosystem and test/initramfs need root's rights")
	}
	dir, err := os.MkdirTemp("", "linkaudit-stage-")
	if err != nil {
		return err
	}
	env, err := environment(filepath.Join(dir, "home"))
	if err != nil {
		return err
	}
	syscall.Umask(0o022)
	if err := prepareHome(filepath.Join(dir, "home")); err != nil {
		return err
	}
	runtime.LockOSThread() // the namespace is this thread's, until it has become the process
	if err := hideConfiguration(dir); err != nil {
		return fmt.Errorf("hide the configuration of this machine: %w", err)
	}
	return fmt.Errorf("start again: %w", syscall.Exec("/proc/self/exe", os.Args, env))
}

// prepareHome makes the home directory. Git reads there whether it may read another
// owner's tree, such as a checkout in a container.
func prepareHome(home string) error {
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(home, ".gitconfig"), []byte("[safe]\n\tdirectory = *\n"), 0o644)
}

// hideConfiguration hides what linkaudit would read of this machine, in a mount
// namespace of this thread.
func hideConfiguration(dir string) error {
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		return err
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	for _, name := range []string{"/etc/linkaudit.conf.d", "/etc/systemd/network", "/run/systemd/network", "/usr/local/lib/systemd/network"} {
		if st, err := os.Stat(name); err != nil || !st.IsDir() {
			continue
		}
		if err := syscall.Mount("tmpfs", name, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mount a tmpfs on %s: %w", name, err)
		}
	}
	const configuration = "/etc/linkaudit.conf"
	if _, err := os.Stat(configuration); err == nil {
		empty := filepath.Join(dir, "linkaudit.conf")
		if err := os.WriteFile(empty, nil, 0o644); err != nil {
			return err
		}
		if err := syscall.Mount(empty, configuration, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount an empty file on %s: %w", configuration, err)
		}
	}
	return nil
}

// kept are the variables that stay: those that the tests and Go read, and those for the
// network.
func kept(name string) bool {
	switch name {
	case "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS":
		return true
	}
	lower := strings.ToLower(name)
	return strings.HasPrefix(name, "LINKAUDIT_") || strings.HasPrefix(name, "GO") || strings.HasPrefix(name, "CGO_") ||
		strings.HasPrefix(lower, "npm_config_") || strings.HasSuffix(lower, "_proxy")
}

// environment is the tests' environment, with the home directory home.
func environment(home string) ([]string, error) {
	program, err := exec.LookPath("go")
	if err != nil {
		return nil, err
	}
	// The directories of Go do not change with the home directory.
	out, err := exec.Command(program, "env", "-json", "GOENV", "GOPATH", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	var own map[string]string
	if err := json.Unmarshal(out, &own); err != nil {
		return nil, err
	}
	// The programs are those of this machine's Debian packages, whatever else is
	// installed.
	own["PATH"] = filepath.Dir(program) + ":/usr/sbin:/usr/bin:/sbin:/bin:" + os.Getenv("PATH")
	own["HOME"], own["TZ"], own["LC_ALL"], own["TERM"] = home, "UTC", "C.UTF-8", "dumb"
	own["DEBIAN_FRONTEND"], own["GIT_CONFIG_NOSYSTEM"] = "noninteractive", "1"
	own["LINKAUDIT_ROOTS"], own[stagedVariable] = roots.Dir(), "1"
	// npm finds its registry and its cache where they were.
	if before, err := os.UserHomeDir(); err == nil {
		own["npm_config_userconfig"] = filepath.Join(before, ".npmrc")
		own["npm_config_cache"] = filepath.Join(before, ".npm")
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		_, ours := own[name]
		return !kept(name) || ours && !strings.HasPrefix(name, "npm_config_")
	})
	for name, value := range own {
		if strings.HasPrefix(name, "npm_config_") && slices.ContainsFunc(env, func(v string) bool {
			return strings.HasPrefix(strings.ToLower(v), name+"=")
		}) {
			continue
		}
		env = append(env, name+"="+value)
	}
	return env, nil
}
