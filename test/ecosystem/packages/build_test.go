//go:build ecosystem

// Package packages builds the .deb and .rpm packages twice, and does with them what an
// administrator does: install, use, upgrade, remove and purge, in the roots of four
// Debian releases and with rpm and dnf.
package packages

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"linkaudit/test/doccmd"
	"linkaudit/test/ecosystem/stage"
)

const (
	top = "../../.."

	oldVersion = "0.9.0"
	newVersion = "1.0.0"
)

// needed are the external programs, with their Debian packages.
var needed = map[string]string{
	"lintian":      "lintian",
	"rpmlint":      "rpmlint",
	"rpm":          "rpm",
	"rpm2cpio":     "rpm2cpio",
	"cpio":         "cpio",
	"dnf":          "dnf",
	"createrepo_c": "createrepo-c",
	"dpkg-deb":     "dpkg",
	"mandoc":       "mandoc",
	"systemctl":    "systemd",
	"zsh":          "zsh",
	"fish":         "fish",
	"make":         "make",
	"git":          "git",
}

// built are the directories in which packages were built: once of the old version,
// twice of the new one.
var built, oldTree, newTree, againTree string

func TestMain(m *testing.M) {
	status := stage.MainInFull(m, prepare)
	os.RemoveAll(built)
	os.Exit(status)
}

// prepare builds the packages.
func prepare() error {
	var missing []error
	for program, debian := range needed {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, fmt.Errorf("%s is missing: apt-get install %s", program, debian))
		}
	}
	if err := errors.Join(missing...); err != nil {
		return err
	}
	making, err := makingBlocks()
	if err != nil {
		return err
	}
	if built, err = os.MkdirTemp("", "linkaudit-packages-"); err != nil {
		return err
	}
	oldTree, newTree, againTree = filepath.Join(built, "old"), filepath.Join(built, "new"), filepath.Join(built, "somewhere", "else")
	for _, b := range []struct{ tree, version, prepare string }{
		// A new default of the configuration meets an edited file.
		{oldTree, oldVersion, "echo '# An older default.' >>contrib/package/linkaudit.conf"},
		{newTree, newVersion, ":"},
		// What may differ on another machine.
		{againTree, newVersion, "umask 077; export TZ=Asia/Tokyo LC_ALL=C.UTF-8; find . -path ./.git -prune -o -type f -exec chmod go-rwx {} + -exec touch -d 2001-02-03 {} +"},
	} {
		if err := build(b.tree, b.version, b.prepare, making); err != nil {
			return err
		}
	}
	return nil
}

// makes reports whether a block of the documentation is about the tree, not about an
// installed package.
func makes(b doccmd.Block) bool { return strings.HasPrefix(b.Commands[0].Text, "make ") }

// makingBlocks are the commands of the documentation that build the packages.
func makingBlocks() (string, error) {
	blocks, err := doccmd.All(top, "packages")
	if err != nil {
		return "", err
	}
	var script strings.Builder
	for _, b := range blocks {
		if makes(b) {
			script.WriteString(b.Script())
		}
	}
	if script.Len() == 0 {
		return "", errors.New("no page shows how packages are made")
	}
	return script.String(), nil
}

// build copies what git would commit of this tree, makes a release of it, and builds
// the packages of that release with the documentation's commands.
func build(tree, version, prepare, making string) error {
	script := `set -e
mkdir -p "$1"
git ls-files -z --cached --others --exclude-standard | xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh | cpio --quiet -0 -pdm "$1"
cd "$1"
export GIT_AUTHOR_DATE=@1700000000 GIT_COMMITTER_DATE=@1700000000 GIT_CONFIG_GLOBAL=/dev/null
git init -q -b main
git config user.name linkaudit
git config user.email linkaudit@packages.invalid
git config gc.auto 0
case $2 in 0*) ` + prepare + ` ;; esac
git add -A
git commit -q -m release
git tag v$2
git config core.fileMode false
case $2 in 0*) ;; *) ` + prepare + ` ;; esac
set +e
` + making
	cmd := exec.Command("bash", "-c", script, "sh", tree, version)
	cmd.Dir = top
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make packages of %s: %v\n%s", version, err, out)
	}
	return nil
}

// debian and rpm are the files of the packages of a version.
func debian(tree, version, arch string) string {
	return filepath.Join(tree, "dist", "linkaudit_"+version+"-1_"+arch+".deb")
}

func redhat(tree, version, arch string) string {
	return filepath.Join(tree, "dist", "linkaudit-"+version+"-1."+arch+".rpm")
}

// all are the packages of a version.
func all(tree, version string) []string {
	return []string{
		debian(tree, version, "amd64"), debian(tree, version, "arm64"),
		redhat(tree, version, "x86_64"), redhat(tree, version, "aarch64"),
	}
}

// command runs a program of this machine that must succeed.
func command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestSameBytesFromAnotherDirectory(t *testing.T) {
	again := all(againTree, newVersion)
	for i, name := range all(newTree, newVersion) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			first, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			second, err := os.ReadFile(again[i])
			if err != nil {
				t.Fatal(err)
			}
			if string(first) != string(second) {
				t.Errorf("the second build differs from the first: diffoscope %s %s", name, again[i])
			}
			if strings.Contains(string(first), newTree) {
				t.Errorf("it holds the name of the directory that it was built in")
			}
		})
	}
	if left, err := filepath.Glob(filepath.Join(newTree, "dist/stage*")); err != nil || len(left) > 0 {
		t.Errorf("the build leaves %v (%v)", left, err)
	}
}

func TestVersions(t *testing.T) {
	script := filepath.Join(top, "contrib/package/version")
	// In this order, oldest first.
	described := []struct{ git, version string }{
		{"v1.2.0", "1.2.0"},
		{"v1.2.0-dirty", "1.2.0+0.dirty"},
		{"v1.2.0-5-g224f871", "1.2.0+5.g224f871"},
		{"v1.2.0-12-g024f871", "1.2.0+12.g024f871"},
		{"v1.3.0-rc1", "1.3.0~rc1"},
		{"v1.3.0-rc1-3-gabcdef1", "1.3.0~rc1+3.gabcdef1"},
		{"v1.3.0-rc2", "1.3.0~rc2"},
		{"v1.3.0", "1.3.0"},
		{"v1.3.1", "1.3.1"},
		{"v1.10.0", "1.10.0"},
	}
	commit := strings.TrimSpace(command(t, "git", "-C", top, "rev-parse", "--short", "HEAD"))
	before := strings.TrimSpace(command(t, script, commit))
	if !strings.HasPrefix(before, "0~2") || !strings.HasSuffix(before, "."+commit) {
		t.Errorf("%s makes %s", commit, before)
	}
	for _, d := range described {
		got := strings.TrimSpace(command(t, script, d.git))
		if got != d.version {
			t.Errorf("%s makes %s, not %s", d.git, got, d.version)
		}
		if err := exec.Command("dpkg", "--compare-versions", before+"-1", "lt", got+"-1").Run(); err != nil {
			t.Errorf("dpkg does not take %s for older than %s", before, got)
		}
		if order := strings.TrimSpace(command(t, "rpm", "--eval", "%{lua:print(rpm.vercmp('"+before+"','"+got+"'))}")); order != "-1" {
			t.Errorf("rpm does not take %s for older than %s: %s", before, got, order)
		}
		before = got
	}
	for _, bad := range []string{"v1 2", "v1.0_a", "no-such-commit", "v1.0;id", "$(id)"} {
		t.Run(fmt.Sprintf("%q", bad), func(t *testing.T) {
			out, err := exec.Command(script, bad).CombinedOutput()
			if err == nil || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), bad) {
				t.Errorf("it makes %q (%v)", out, err)
			}
		})
	}
}

// There are no warnings either.
func TestLint(t *testing.T) {
	packages := all(newTree, newVersion)
	for _, name := range packages[:2] {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			if out, err := exec.Command("lintian", "--allow-root", "--fail-on", "error,warning", name).CombinedOutput(); err != nil || strings.Contains(string(out), ": ") {
				t.Errorf("lintian: %v\n%s", err, out)
			}
		})
	}
	// rpmlint unpacks a package with cpio, with absolute names as they are: nfpm's .rpm
	// would be written into this machine's root.
	shim := t.TempDir()
	cpio, err := exec.LookPath("cpio")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(shim+"/cpio", []byte("#!/bin/sh\nexec "+cpio+" --no-absolute-filenames \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	rpmlint := exec.Command("rpmlint", "-c", filepath.Join(top, "contrib/package/rpmlint.toml"), packages[2], packages[3])
	rpmlint.Env = append(os.Environ(), "PATH="+shim+":"+os.Getenv("PATH"))
	out, err := rpmlint.CombinedOutput()
	if err != nil || !strings.Contains(string(out), " 2 packages and 0 specfiles checked; 0 errors, 0 warnings") {
		t.Errorf("rpmlint: %v\n%s", err, out)
	}
}
