// Command capture-values records what real udevds say about values in .link
// files, as fixtures for linkfiles' unit tests.
//
//	go run ./test/capture-values -roots DIR -out linkfiles/testdata/values
//
// With -check it writes nothing, and fails if a udev of a recorded release now says
// something else.
//
// DIR holds one directory per distribution root with udev installed (debootstrap
// --include=udev makes one). The udevadm of each root reads the file cases.link, in its
// own namespaces, while it looks for the settings of the loopback device. That device
// never gets any, so nothing changes. Only the levels of the complaints are recorded, not
// udevd's words.
//
// It must run as root, for unshare(1), mount(8) and chroot(8).
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"linkaudit/test/tool"
)

// capture is one fixture: what one udevd said about cases.link.
type capture struct {
	Systemd string `json:"systemd"` // what udevadm --version prints
	Release int    `json:"release"`
	// Lines maps a line number of cases.link to the complaints about it, in order: a
	// syslog level, or "unknown-key" or "unknown-section".
	Lines map[int][]string `json:"lines"`
	// Effects maps "MACAddress=VALUE" and "MACAddressPolicy=VALUE" to what the line
	// does, in the releases whose warning about a MACAddress= beside a policy shows it:
	// "taken", "taken as none", "reset" or "ignored".
	Effects map[string]string `json:"effects,omitempty"`
	// Wholes maps a file of wholes/ to the complaints about the whole file: the level
	// and the line numbers in the text.
	Wholes map[string][]string `json:"wholes,omitempty"`
}

// script runs in the private namespaces. $1 is the root, $2 a directory with .link
// files.
const script = `set -e
mount -t proc proc "$1/proc"
mount -t sysfs sysfs "$1/sys"
mkdir -p "$1/etc/systemd/network"
mount -t tmpfs tmpfs "$1/etc/systemd/network"
cp "$2"/*.link "$1/etc/systemd/network/"
chmod 0644 "$1"/etc/systemd/network/*
# %m is a name of a property if it begins with a letter.
echo abcdef0123456789abcdef0123456789 >"$1/etc/systemd/network/machine-id"
mount --bind "$1/etc/systemd/network/machine-id" "$1/etc/machine-id"
echo host-a >/proc/sys/kernel/hostname
SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console-prefixed SYSTEMD_LOG_COLOR=0 \
	exec chroot "$1" udevadm test-builtin net_setup_link /sys/class/net/lo
`

// environment is the environment of every program: udevadm would read some of our
// variables.
var environment = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}

func main() {
	roots := flag.String("roots", "", "directory of `DIR`ectories, each the root of a system with udev")
	out := flag.String("out", "", "`DIR`ectory that gets cases.link and one JSON file per root")
	check := flag.Bool("check", false, "compare with what is in -out, and write nothing")
	flag.Parse()
	if *roots == "" || *out == "" {
		flag.Usage()
		os.Exit(2)
	}
	do := run
	if *check {
		do = compare
	}
	if err := do(*roots, *out); err != nil {
		fmt.Fprintln(os.Stderr, "capture-values:", err)
		os.Exit(1)
	}
}

func run(roots, out string) error {
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	cases := filepath.Join(out, "cases.link")
	if err := os.WriteFile(cases, []byte(casesFile()), 0o666); err != nil {
		return err
	}
	return each(roots, out, func(c *capture) error {
		b, err := json.MarshalIndent(c, "", " ")
		if err != nil {
			return err
		}
		name := fileOf(out, c)
		if err := os.WriteFile(name, append(compact(b), '\n'), 0o666); err != nil {
			return err
		}
		fmt.Printf("%s: systemd %s: %d lines with complaints\n", name, c.Systemd, len(c.Lines))
		return nil
	})
}

func fileOf(out string, c *capture) string {
	return filepath.Join(out, fmt.Sprintf("udev-%d.json", c.Release))
}

// each captures what each root's udev says about the files in out.
func each(roots, out string, do func(c *capture) error) error {
	// Names with a leading dot are roots that are being built.
	dirs, err := filepath.Glob(filepath.Join(roots, "[^.]*", "bin", "udevadm"))
	if err != nil {
		return err
	}
	if len(dirs) == 0 {
		return fmt.Errorf("no root with bin/udevadm below %s", roots)
	}
	for _, d := range dirs {
		root := filepath.Dir(filepath.Dir(d))
		c, err := captureRoot(root, out)
		if err == nil {
			err = do(c)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", root, err)
		}
	}
	return nil
}

// compare compares each udev's answers with the record.
func compare(roots, out string) error {
	cases, err := os.ReadFile(filepath.Join(out, "cases.link"))
	if err != nil {
		return err
	}
	if string(cases) != casesFile() {
		return errors.New("cases.link is not what this program writes: capture again")
	}
	differ := 0
	err = each(roots, out, func(c *capture) error {
		text, err := os.ReadFile(fileOf(out, c))
		if errors.Is(err, fs.ErrNotExist) {
			fmt.Printf("udev %d: nothing is recorded of this release\n", c.Release)
			return nil
		}
		if err != nil {
			return err
		}
		var was capture
		if err := json.Unmarshal(text, &was); err != nil {
			return fmt.Errorf("%s: %w", fileOf(out, c), err)
		}
		before := differ
		for at := range strings.Count(string(cases), "\n") + 1 {
			if !slices.Equal(was.Lines[at], c.Lines[at]) {
				differ++
				fmt.Printf("--- udev %d, line %d of cases.link: recorded %v, now %v\n", c.Release, at, was.Lines[at], c.Lines[at])
			}
		}
		if !maps.Equal(was.Effects, c.Effects) {
			differ++
			fmt.Printf("--- udev %d: effects recorded %v, now %v\n", c.Release, was.Effects, c.Effects)
		}
		if !maps.EqualFunc(was.Wholes, c.Wholes, slices.Equal[[]string]) {
			differ++
			fmt.Printf("--- udev %d: files as a whole, recorded %v, now %v\n", c.Release, was.Wholes, c.Wholes)
		}
		fmt.Printf("udev %d: %d lines with complaints as recorded; %d things differ\n", c.Release, len(was.Lines), differ-before)
		return nil
	})
	if err == nil && differ > 0 {
		err = fmt.Errorf("udevd's answer differs from the record %d times", differ)
	}
	return err
}

// compact puts each list of levels on one line: a fixture has one line
// per line of cases.link.
func compact(b []byte) []byte {
	inList := regexp.MustCompile(`\[\s+((?:"[^"]*",?\s*)+)\]`)
	return inList.ReplaceAllFunc(b, func(m []byte) []byte {
		return []byte("[" + strings.Join(strings.Fields(strings.Trim(string(m), "[]")), " ") + "]")
	})
}

var (
	prefix  = regexp.MustCompile(`^<(\d+)>(.*)$`)
	about   = regexp.MustCompile(`^/etc/systemd/network/([^:/ ]+\.link)(?::(\d+):|:| has) (.*)$`)
	unknown = regexp.MustCompile(`^Unknown (key|lvalue|section)\b`)
	atLine  = regexp.MustCompile(`\bline (\d+)\b`)
	levels  = map[int]string{3: "error", 4: "warning", 5: "notice", 6: "info"}
)

// message is one complaint of udevadm about a file, or about a line of it.
type message struct {
	file, level, text string
	line              int // 0 for the whole file
}

// ask lets udevadm of root read the .link files in dir.
func ask(root, dir string) ([]message, error) {
	var stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), tool.Patience(time.Minute))
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "-n", "-m", "-u", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh", root, dir)
	cmd.Env, cmd.Stderr = environment, &stderr
	// The exit status says whether lo got a file; it never does.
	_ = cmd.Run()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("udevadm does not end: %s", stderr.String())
	}
	var out []message
	level, read := 7, false
	for _, l := range strings.Split(stderr.String(), "\n") {
		// Only the first line of a message has the prefix.
		if m := prefix.FindStringSubmatch(l); m != nil {
			n, _ := strconv.Atoi(m[1])
			level, l = n&7, m[2]
		}
		m := about.FindStringSubmatch(l)
		read = read || m != nil
		if name, ok := levels[level]; ok && m != nil {
			n, _ := strconv.Atoi(m[2])
			out = append(out, message{m[1], name, m[3], n})
		}
	}
	if !read {
		return nil, fmt.Errorf("udevadm did not read the files: %s", stderr.String())
	}
	return out, nil
}

func captureRoot(root, out string) (*capture, error) {
	udevadm := exec.Command("chroot", root, "udevadm", "--version")
	udevadm.Env = environment
	version, err := udevadm.Output()
	if err != nil {
		return nil, fmt.Errorf("udevadm --version: %w", err)
	}
	c := &capture{Systemd: strings.TrimSpace(string(version)), Lines: map[int][]string{}, Wholes: map[string][]string{}}
	if c.Release, err = strconv.Atoi(regexp.MustCompile(`^\d+`).FindString(c.Systemd)); err != nil {
		return nil, fmt.Errorf("udevadm --version says %q", c.Systemd)
	}
	messages, err := ask(root, out)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		if m.file != "cases.link" || m.line == 0 {
			continue
		}
		if u := unknown.FindStringSubmatch(m.text); u != nil {
			m.level = "unknown-" + strings.Replace(u[1], "lvalue", "key", 1)
		}
		c.Lines[m.line] = append(c.Lines[m.line], m.level)
	}
	if messages, err = ask(root, filepath.Join(out, "wholes")); err != nil {
		return nil, err
	}
	for _, m := range messages {
		if m.line == 0 {
			text := m.level
			for _, n := range atLine.FindAllStringSubmatch(m.text, -1) {
				text += " " + n[1]
			}
			c.Wholes[m.file] = append(c.Wholes[m.file], text)
		}
	}
	if c.Effects, err = effects(root); err != nil {
		return nil, err
	}
	return c, nil
}

// effects finds out what each value of MACAddress= and MACAddressPolicy= does. It puts
// the value into files that cause udev's warning or not, depending on it. It returns
// nil for a release that never warns.
func effects(root string) (map[string]string, error) {
	dir, err := os.MkdirTemp("", "capture-values-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	const start = "[Match]\nOriginalName=no-such-device\n[Link]\n"
	const address, policy = "MACAddress=00:11:22:33:44:55\n", "MACAddressPolicy=persistent\n"
	var lines []string
	for i, l := range policyLines() {
		lines = append(lines, l)
		// alone causes the warning if the line sets something by itself, after if it
		// keeps the earlier line or sets the same.
		alone, after := address+l, address+policy+l
		if strings.HasPrefix(l, "MACAddress=") {
			alone, after = policy+l, policy+address+l
		}
		for name, text := range map[string]string{"alone": alone, "after": after} {
			file := filepath.Join(dir, fmt.Sprintf("%d-%s.link", i, name))
			if err := os.WriteFile(file, []byte(start+text+"\n"), 0o666); err != nil {
				return nil, err
			}
		}
	}
	messages, err := ask(root, dir)
	if err != nil {
		return nil, err
	}
	warned := map[string]bool{}
	for _, m := range messages {
		if m.line == 0 {
			warned[m.file] = true
		}
	}
	if len(warned) == 0 {
		return nil, nil
	}
	out := map[string]string{}
	for i, l := range lines {
		alone, after := warned[fmt.Sprintf("%d-alone.link", i)], warned[fmt.Sprintf("%d-after.link", i)]
		switch {
		case alone:
			out[l] = "taken"
		case after:
			out[l] = "ignored"
		case l == "MACAddressPolicy=none":
			out[l] = "taken as none"
		default:
			out[l] = "reset"
		}
	}
	return out, nil
}
