// Package stage makes what the suites in test/ecosystem pass to other programs: the
// linkaudit binary and hosts for it to audit.
package stage

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"linkaudit/docs"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/linkfiles"
	"linkaudit/test/tool"
)

// Need fails the test if one of the programs is not installed. programs are names of
// programs with their Debian packages.
func Need(t testing.TB, programs map[string]string) {
	t.Helper()
	for program, pkg := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v: apt-get install %s", err, pkg)
		}
	}
}

// Root is the top directory of the source tree.
func Root(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// binary is built once, into a directory of its own that Main removes.
var (
	once   sync.Once
	binary string
	failed error
)

// Binary is the path of a linkaudit built from this tree, as version 1.2.3.
func Binary(t testing.TB) string {
	t.Helper()
	once.Do(func() {
		var dir string
		if dir, failed = os.MkdirTemp("", "linkaudit-stage"); failed != nil {
			return
		}
		binary = filepath.Join(dir, "linkaudit")
		failed = tool.Build(binary, "-ldflags", "-X main.version=1.2.3")
	})
	if failed != nil {
		t.Fatal(failed)
	}
	return binary
}

// Run runs linkaudit and returns its standard output. Any exit status except the given
// ones fails the test.
func Run(t testing.TB, statuses []int, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), Binary(t), args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	for _, s := range statuses {
		if cmd.ProcessState.ExitCode() == s {
			return out
		}
	}
	t.Fatalf("linkaudit %s: %v, not %v\n%s%s", strings.Join(args, " "), err, statuses, stderr.Bytes(), out)
	return nil
}

// A Host is one to audit, with "linkaudit" and Args.
type Host struct {
	Name string
	Args []string
}

// Hosts are the example of each rule in docs/rules.md, and hostile hosts with names
// that try to break out of any format. Their snapshots are in dir.
func Hosts(t testing.TB, dir string) []Host {
	t.Helper()
	examples, err := docs.Examples(example(t))
	if err != nil {
		t.Fatal(err)
	}
	var out []Host
	for _, e := range examples {
		if !e.Snapshot.Systemd.Release.IsKnown() {
			continue // there is no audit of it
		}
		if e.Others != nil {
			continue // several hosts have no such format
		}
		file := filepath.Join(dir, e.Rule+".json")
		Save(t, file, e.Snapshot)
		args := append(append([]string{}, e.Args...), "--from", file)
		if e.SiteConf != "" {
			conf := filepath.Join(dir, e.Rule+".conf")
			if err := os.WriteFile(conf, []byte(e.SiteConf), 0o644); err != nil {
				t.Fatal(err)
			}
			args = append(args, "--config", conf)
		}
		out = append(out, Host{e.Rule, args})
	}
	if len(out) < 30 {
		t.Fatalf("only %d of %d examples of docs/rules.md can be audited", len(out), len(examples))
	}
	hostile := filepath.Join(dir, "hostile.json")
	Save(t, hostile, Hostile(t))
	image := filepath.Join(dir, "image")
	for _, evil := range HostileNames {
		path := filepath.Join(image, "etc/systemd/network", "10-"+evil+".link")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("[Match]\nOriginalName=bond*\n[Link]\nNonsense"+evil+"=1\nMACAddressPolicy="+evil+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	onImage := []string{"--root", image, "--systemd-release", "252", "--no-config"}
	return append(out,
		Host{"hostile", []string{"check", "--from", hostile}},
		Host{"hostile-all", []string{"check", "--all", "--from", hostile}},
		Host{"hostile-image", append([]string{"check"}, onImage...)},
		Host{"hostile-lint", append([]string{"lint"}, onImage...)})
}

// example is the snapshot that the program contains.
func example(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(Root(t), "cmd/linkaudit/example.json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Debian11 is the bundled example under another host name, "" for its own.
func Debian11(t testing.TB, hostname string) *host.Snapshot {
	t.Helper()
	snap, err := host.Load(bytes.NewReader(example(t)))
	if err != nil {
		t.Fatal(err)
	}
	if hostname != "" {
		snap.System.Hostname = fact.Known(hostname)
	}
	return snap
}

// Save writes a snapshot.
func Save(t testing.TB, file string, snap *host.Snapshot) {
	t.Helper()
	var b bytes.Buffer
	if err := host.Save(&b, snap, false); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// HostileNames are names that the kernel accepts for devices, and file systems for
// files.
var HostileNames = []string{
	`a"b`, `a\`, `\"`, `a\n`, "{x}", `"} 1`, "#", "a|b", "';x", "<b>", "&lt;", "]]>", "%41", "a=b", "[x](y)",
	"x\x1b[2Jy", "\xff\xfe", `\xff\xfe`, "\u202egpj", "größer", "配列", "\x01", "\x7f", "\ufffe", "$(x)", "`x`", "${a}", "a,b", "{{x}}",
}

// Hostile is a host on which every name is a hostile one.
func Hostile(t testing.TB) *host.Snapshot {
	t.Helper()
	snap := Debian11(t, `e"v\il|`+"\n\x1b[2J\xff")
	var bond host.Device
	for _, d := range snap.Devices {
		if d.Kind == "bond" {
			bond = d
		}
	}
	for i, name := range HostileNames {
		d := bond
		d.Index, d.Name = 100+i, name
		if i%2 == 1 {
			d.Kind, d.Bond, d.MAC = "bridge", nil, ""
		}
		d.Ports = []host.Port{{Index: 200 + i, Name: "p" + name, MAC: d.MAC}}
		snap.Devices = append(snap.Devices, d)
		text := "[Match]\nOriginalName=" + name + "\n[Link]\nNonsense" + name + "=1\nMACAddressPolicy=" + name + "\n"
		for j := range snap.Files.Dirs {
			if dir := &snap.Files.Dirs[j]; dir.Path == "/etc/systemd/network" {
				dir.Entries = append(dir.Entries, linkfiles.Entry{Name: "10-" + name + ".link", Type: linkfiles.TypeRegular, Mode: 0o644, Inode: 1000 + i, Size: int64(len(text)), Content: []byte(text)})
			}
		}
	}
	return snap
}
