//go:build bench

package bench

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// tool is one column.
type tool int

const (
	linkaudit tool = iota
	linkauditJSON
	ipChosen
	ipAll
	networkctlList
	networkctlStatus
	udevadmTest
	udevadmInfo
	ethtool
	shell
	analyze
	jq
	toolCount
)

var headings = [toolCount][]string{
	linkaudit:        {"linkaudit"},
	linkauditJSON:    {"linkaudit", "JSON"},
	ipChosen:         {"ip", "chosen"},
	ipAll:            {"ip", "all"},
	networkctlList:   {"networkctl", "list"},
	networkctlStatus: {"networkctl", "status"},
	udevadmTest:      {"udevadm", "test-", "builtin"},
	udevadmInfo:      {"udevadm", "info"},
	ethtool:          {"ethtool"},
	shell:            {"sh over", "/sys"},
	analyze:          {"systemd-", "analyze"},
	jq:               {"jq"},
}

func (t tool) String() string {
	return strings.ReplaceAll(strings.Join(headings[t], " "), "- ", "-")
}

// These are run for one device at a time.
var (
	testBuiltin      = []string{"udevadm", "test-builtin", "net_setup_link", "/sys/class/net/DEVICE"}
	ethtoolDriver    = []string{"ethtool", "-i", "DEVICE"}
	ethtoolPermanent = []string{"ethtool", "-P", "DEVICE"}
)

// commands are those of one piece of work. A tool without an entry has none for it.
type commands map[tool]command

// row is one piece of work and its results.
type row struct {
	what, where string
	commands    commands
	cells       [toolCount]cell
}

// version only starts each program.
func version(self string) commands {
	return commands{
		linkaudit:        once(self, "version"),
		ipChosen:         once("ip", "-V"),
		ipAll:            once("ip", "-V"),
		networkctlList:   once("networkctl", "--version"),
		networkctlStatus: once("networkctl", "--version"),
		udevadmTest:      once("udevadm", "--version"),
		udevadmInfo:      once("udevadm", "--version"),
		ethtool:          once("ethtool", "--version"),
		shell:            once("sh", "-c", ":"),
		analyze:          once("systemd-analyze", "--version"),
		jq:               once("jq", "--version"),
	}
}

// audit audits all devices of a kind; their names all begin alike.
func runAudit(self, kind string, names []string) commands {
	info := []string{"udevadm", "info"}
	for _, name := range names {
		info = append(info, "/sys/class/net/"+name)
	}
	return commands{
		linkaudit:        once(self, "check"),
		linkauditJSON:    once(self, "check", "--format", "json"),
		ipChosen:         once("ip", "-d", "-j", "link", "show", "type", kind),
		ipAll:            once("ip", "-d", "-j", "link", "show"),
		networkctlList:   once("networkctl", "--no-pager", "list"),
		networkctlStatus: once("networkctl", "--no-pager", "status", prefix[kind]+"*"),
		udevadmTest:      sampled(names, testBuiltin),
		udevadmInfo:      once(info...),
		ethtool:          sampled(names, ethtoolDriver, ethtoolPermanent),
		shell:            once("sh", script),
	}
}

// explain is about one device.
func explain(self, name string) commands {
	one := func(argvs ...[]string) command { return sampled([]string{name}, argvs...) }
	return commands{
		linkaudit:        one([]string{self, "explain", "DEVICE"}),
		linkauditJSON:    one([]string{self, "explain", "DEVICE", "--format", "json"}),
		ipChosen:         one([]string{"ip", "-d", "-j", "link", "show", "dev", "DEVICE"}),
		networkctlList:   one([]string{"networkctl", "--no-pager", "list", "DEVICE"}),
		networkctlStatus: one([]string{"networkctl", "--no-pager", "status", "DEVICE"}),
		udevadmTest:      one(testBuiltin),
		udevadmInfo:      one([]string{"udevadm", "info", "/sys/class/net/DEVICE"}),
		ethtool:          one(ethtoolDriver, ethtoolPermanent),
		shell:            one([]string{"sh", script, "/sys/class/net/DEVICE"}),
	}
}

// lint reads all .link files; name is any device, because udevadm reads all of them for
// it too.
func (b *bench) lint(name string) commands {
	cat := []string{"systemd-analyze", "--no-pager", "cat-config"}
	seen := make(map[string]bool)
	for _, dir := range []string{localFiles, "/usr/lib/systemd/network"} {
		files, err := filepath.Glob(dir + "/*.link")
		b.must(err)
		for _, f := range files {
			if base := filepath.Base(f); !seen[base] {
				seen[base] = true
				cat = append(cat, "systemd/network/"+base)
			}
		}
	}
	return commands{
		linkaudit:     once(b.self, "lint"),
		linkauditJSON: once(b.self, "lint", "--format", "json"),
		udevadmTest:   sampled([]string{name}, testBuiltin),
		analyze:       once(cat...),
	}
}

// mac derives addresses from n names.
func (b *bench) mac(n int) commands {
	names := b.temporary("names", func(w *bufio.Writer) {
		for i := range n {
			fmt.Fprintf(w, "bond%d\n", i)
		}
	})
	const id = "0123456789abcdef0123456789abcdef"
	work := commands{
		linkaudit:     once(b.self, "mac", "--machine-id", id, "-"),
		linkauditJSON: once(b.self, "mac", "--machine-id", id, "--format", "json", "-"),
	}
	return work.reading(names)
}

// reading makes all of them read a file.
func (work commands) reading(file *input) commands {
	for t, c := range work {
		c.stdin = file
		work[t] = c
	}
	return work
}

// fleet audits n snapshots. jq looks for addresses that two of them have, the part of
// it that jq can do.
func (b *bench) fleet(n int) commands {
	hosts := b.temporary("hosts.ndjson", func(w *bufio.Writer) { writeSnapshots(w, n) })
	const twice = "[inputs | [.devices[].mac] | unique[]] | group_by(.)[] | select(length > 1)[0]"
	work := commands{
		linkaudit:     once(b.self, "check", "--from", "-"),
		linkauditJSON: once(b.self, "check", "--from", "-", "--format", "json"),
		jq:            once("jq", "-nr", twice),
	}
	return work.reading(hosts)
}

// input is what a program reads. The file no longer has a name, so it is gone however
// the benchmark ends.
type input struct {
	name string // for printing
	file *os.File
}

func (b *bench) temporary(name string, write func(*bufio.Writer)) *input {
	f, err := os.CreateTemp("", name)
	b.must(err)
	b.must(os.Remove(f.Name()))
	b.t.Cleanup(func() { f.Close() })
	w := bufio.NewWriterSize(f, 1<<20)
	write(w)
	b.must(w.Flush())
	info, err := f.Stat()
	b.must(err)
	b.note("written: %s, %d MB", name, info.Size()/1000000)
	return &input{name, f}
}
