package change

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

const (
	vendorDir    = "/usr/lib/systemd/network/"
	forBr0       = "[Match]\nOriginalName=br0\n[Link]\nMACAddressPolicy=persistent\n"
	br0DropIns   = override.Dir + "/70-br0.link.d"
	br0NetDev    = vendorDir + "70-br0.netdev"
	firstNewFile = override.Dir + "/60-linkaudit-device-br0.link"
)

// within are files and directories below a new root.
type within struct {
	*testing.T
	root string
}

func newRoot(t *testing.T) within {
	w := within{t, t.TempDir()}
	w.dir(override.Dir)
	return w
}

func (w within) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w within) dir(name string) {
	w.Helper()
	w.must(os.MkdirAll(path.Join(w.root, name), 0o755))
}

func (w within) file(name, text string) {
	w.Helper()
	w.dir(path.Dir(name))
	w.must(os.WriteFile(path.Join(w.root, name), []byte(text), 0o644))
}

func (w within) link(to, name string) {
	w.Helper()
	w.dir(path.Dir(name))
	w.must(os.Symlink(to, path.Join(w.root, name)))
}

func (w within) gone(name string) {
	w.Helper()
	w.must(os.RemoveAll(path.Join(w.root, name)))
}

func (w within) input(rel linkfiles.Release) Input {
	w.Helper()
	links, err := linkfiles.Read(w.root)
	w.must(err)
	netDevs, err := linkfiles.ReadConfig(w.root, linkfiles.NetDevFiles)
	w.must(err)
	networks, err := linkfiles.ReadConfig(w.root, linkfiles.NetworkFiles)
	w.must(err)
	return Input{
		Release: rel, DirExists: dirsBelow(w.root), Snapshot: &host.Snapshot{Files: *links},
		Networkd: &netconf.NetworkdFiles{NetDev: netDevs, Network: networks}, NetworkdActive: fact.Known(true),
	}
}

var br0 = override.Target{Kind: "bridge", Name: "br0"}

// What is in the way of one candidate, or cannot be read, makes it none, and the next that
// works is taken.
func TestWhatIsInTheWayOfOneNameLeavesTheOthers(t *testing.T) {
	// The longest name of a file: that of a directory of drop-ins would be longer.
	long := vendorDir + "70-" + strings.Repeat("x", 255-len("70-.link")) + ".link"
	for name, put := range map[string]func(within){
		"the name of the drop-in's directory would be too long": func(w within) { w.gone(vendorDir); w.file(long, forBr0) },
		"the drop-in's directory is a link":                     func(w within) { w.dir("/elsewhere"); w.link("/elsewhere", br0DropIns) },
		"the drop-in's directory is a link to files": func(w within) {
			w.file("/elsewhere/10-x.conf", "[Link]\nMTUBytes=1400\n")
			w.link("/elsewhere", br0DropIns)
		},
		"the drop-in's directory leads nowhere": func(w within) { w.link("/elsewhere", br0DropIns) },
		"the drop-in's directory is a loop":     func(w within) { w.link(br0DropIns, br0DropIns) },
		"the drop-in's directory is a file":     func(w within) { w.file(br0DropIns, "") },
		"the drop-in is masked":                 func(w within) { w.link("/dev/null", br0DropIns+"/"+override.DropInName) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newRoot(t)
			w.file(vendorDir+"70-br0.link", forBr0)
			put(w)
			p, err := w.input(257).Plan(br0)
			if err != nil {
				t.Fatal(err)
			}
			if p.Path != firstNewFile {
				t.Errorf("it plans %q, not %s", p.Path, firstNewFile)
			}
			applied, err := applyPlans(t.Context(), w.root, []*Plan{p})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := applied.keep(); err != nil {
				t.Fatal(err)
			}
			in := w.input(257)
			if err := p.verifyLink(in, &in.Snapshot.Files); err != nil {
				t.Error(err)
			}
		})
	}
}

// Where all candidates are in one place that nothing can be written to there is no plan,
// and the reason is that place.
func TestWhatIsInTheWayOfEveryName(t *testing.T) {
	for name, c := range map[string]struct {
		put func(within)
		why string
	}{
		"the directory is a file":       {func(w within) { w.gone(override.Dir); w.file(override.Dir, "x\n") }, override.Dir},
		"the directory is a loop":       {func(w within) { w.gone(override.Dir); w.link("network", override.Dir) }, override.Dir},
		"the directory leads nowhere":   {func(w within) { w.gone(override.Dir); w.link("/nowhere", override.Dir) }, override.Dir},
		"the directory above is a file": {func(w within) { w.gone("/etc/systemd"); w.file("/etc/systemd", "") }, "/etc/systemd"},
	} {
		for _, rel := range []linkfiles.Release{247, 257} { // without and with drop-ins
			t.Run(fmt.Sprintf("%s, %d", name, rel), func(t *testing.T) {
				w := newRoot(t)
				w.file(vendorDir+"70-br0.link", forBr0)
				c.put(w)
				if _, err := w.input(rel).Plan(br0); err == nil || !strings.Contains(err.Error(), c.why+" is a symbolic link or not a directory") || strings.Contains(err.Error(), w.root) {
					t.Errorf("the error is %v", err)
				}
				// If nothing needs to be written, it is not in the way.
				w.file(vendorDir+"70-br0.link", "[Match]\nOriginalName=br0\n[Link]\nMACAddressPolicy=none\n")
				if p, err := w.input(rel).Plan(br0); err != nil || p.Changed() {
					t.Errorf("nothing is needed: %+v, %v", p, err)
				}
			})
		}
	}
}

// What this process may not see is not gone round: it may hold what decides, and root would
// plan something else.
func TestWhatCannotBeSeenIsNotGoneRound(t *testing.T) {
	for name, c := range map[string]struct {
		unseen func(*Input)
		why    string
	}{
		"a directory that cannot be read": {func(in *Input) {
			in.Snapshot.Files.Dirs[0].DropIns[0] = linkfiles.Dir{Path: br0DropIns, Err: "EACCES"}
		}, "cannot read " + br0DropIns},
		"one that cannot be looked at": {func(in *Input) {
			in.DirExists = func(dir string) (bool, error) {
				if dir == br0DropIns {
					return true, fs.ErrPermission
				}
				return true, nil
			}
		}, fs.ErrPermission.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			w := newRoot(t)
			w.file(vendorDir+"70-br0.link", forBr0)
			w.file(br0DropIns+"/10-x.conf", "")
			in := w.input(257)
			c.unseen(&in)
			if _, err := in.Plan(br0); err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// Of a .netdev file there is one drop-in, without which the .link file does nothing.
func TestNothingTakesThePlaceOfADropInForNetworkd(t *testing.T) {
	const dropIns = override.Dir + "/70-br0.netdev.d"
	for name, c := range map[string]struct {
		put func(within)
		why string
	}{
		"nothing":                 {func(within) {}, ""},
		"the directory is a link": {func(w within) { w.dir("/elsewhere"); w.link("/elsewhere", dropIns) }, dropIns + " is a symbolic link"},
		"the directory is a file": {func(w within) { w.file(dropIns, "") }, dropIns + " is a symbolic link or not a directory"},
		"the drop-in is masked":   {func(w within) { w.link("/dev/null", dropIns+"/"+override.DropInName) }, "is in the way"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newRoot(t)
			w.file(br0NetDev, "[NetDev]\nName=br0\nKind=bridge\n")
			w.file(vendorDir+"70-br0.link", forBr0)
			c.put(w)
			p, err := w.input(257).Plan(br0)
			if c.why == "" {
				if err != nil || len(p.NetDevs) != 1 {
					t.Errorf("%+v, %v", p, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("the error is %v, want %q", err, c.why)
			}
		})
	}
}
