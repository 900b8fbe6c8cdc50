package initramfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
)

// Image is what udevd finds in an initramfs image.
type Image struct {
	// Path is where the image is, inside the root that it was found in.
	Path string `json:"path"`
	// Kernel is the release of the kernel that the image is for; "" if neither its name
	// nor its directory says so.
	Kernel string `json:"kernel,omitempty"`
	// Unreadable says why the image could not be read, and then nothing below is set;
	// "" if it was read.
	Unreadable string `json:"unreadable,omitempty"`
	// Formats are those of its archives in order: "cpio" for one without compression,
	// otherwise the compression.
	Formats []string `json:"formats,omitempty"`
	// Maker is the program that made it: one of the Maker constants, or "".
	Maker Maker `json:"maker,omitempty"`
	// Udevd is true if the image has a udevd. Without it no .link file in the image has
	// any effect.
	Udevd bool `json:"udevd"`
	// Release is that of the udevd in the image.
	Release fact.Fact[linkfiles.Release] `json:"release"`
	// SetupLinkRule is the effective rules file that runs net_setup_link; absent if it is
	// missing or masked.
	SetupLinkRule fact.Fact[string] `json:"setup_link_rule"`
	// MachineID is a fingerprint of the image's /etc/machine-id.
	MachineID linkfiles.MachineID `json:"machine_id"`
	// Files are the .link files and drop-ins as udevd finds them there.
	Files linkfiles.Store `json:"files"`
	// Declarations are what the configuration of systemd-networkd and NetworkManager in
	// the image says about devices, if the image has the program, too.
	Declarations []netconf.Declaration `json:"declarations,omitempty"`
	// Creates are the devices that the command line in the image creates.
	Creates []Created `json:"creates,omitempty"`
	// CommandLine is true if the image creates devices from bond=, bridge= and team= on
	// the kernel command line (dracut.cmdline(7)).
	CommandLine bool `json:"command_line,omitempty"`
}

// Size is how many bytes the .link files and drop-ins have.
func (img *Image) Size() (n int64) {
	add := func(d *linkfiles.Dir) {
		for _, e := range d.Entries {
			n += int64(len(e.Content))
		}
	}
	for i := range img.Files.Dirs {
		d := &img.Files.Dirs[i]
		add(d)
		for j := range d.DropIns {
			add(&d.DropIns[j])
		}
	}
	return n
}

// Maker is a program that makes images.
type Maker string

const (
	InitramfsTools Maker = "initramfs-tools"
	Dracut         Maker = "dracut"
	Mkinitcpio     Maker = "mkinitcpio"
)

// Created is a device that is created in the initramfs.
type Created struct {
	Name string `json:"name"`
	// Kind is bond, bridge or team.
	Kind string `json:"kind"`
	// Pos is the line that says so, in the image; the zero Pos for the kernel command
	// line.
	Pos linkfiles.Pos `json:"pos"`
}

// Interpreter is what package host knows about udev's files.
type Interpreter struct {
	// RunsSetupLink reports whether a rules file runs net_setup_link.
	RunsSetupLink func(rules []byte) bool
	// Release finds the release in a udevd or udevadm, false if it has none.
	Release func(program []byte) (linkfiles.Release, bool)
	// Declares, where not nil, reads the configuration of other programs.
	Declares func(Configuration) []netconf.Declaration
}

// Configuration is what programs that create devices find in an image.
type Configuration struct {
	Files netconf.Files
	// Networkd are the files of systemd-networkd; nil if the image does not have it.
	Networkd *netconf.NetworkdFiles
	Release  fact.Fact[linkfiles.Release]
}

// maxPasses limits how often to read an image: again if a symbolic link led to a file whose
// name did not show that it is wanted.
const maxPasses = 3

// Read reads the size bytes of an image. An error says on one line why it could not be read;
// what was read before is not used, because later data can replace it.
func Read(ctx context.Context, r io.ReaderAt, size int64, in Interpreter) (*Image, error) {
	at, length, err := initrd(r, size)
	if err != nil {
		return nil, err
	}
	also := map[string]bool{}
	for range maxPasses {
		u := &unpacker{ctx: ctx, tree: newTree(), wanted: func(name string) int64 {
			if also[name] {
				return maxKept
			}
			return wanted(name)
		}}
		if err := u.unpack(io.NewSectionReader(r, at, length)); err != nil {
			return nil, err
		}
		y := &yield{tree: u.tree, in: in, missing: map[string]bool{}}
		img := y.image()
		img.Formats = u.formats
		before := len(also)
		for name := range y.missing {
			if wanted(name) == 0 {
				also[name] = true
			}
		}
		if len(also) == before {
			return img, nil
		}
	}
	return nil, errors.New("too many symbolic links lead to one another")
}

// wanted is the largest size of a file to keep, by the last part of its name; 0 for an
// unwanted one.
func wanted(name string) int64 {
	switch path.Ext(name) {
	case ".link", ".conf", ".rules", ".netdev", ".network", ".nmconnection":
		return maxKept
	}
	switch name {
	case "systemd-udevd", "udevadm":
		return maxProgram
	case "machine-id", "cmdline":
		return maxKept
	case networkdProgram, nmProgram, dracutLib, nmGenerator, toolsFunctions, mkinitcpioFunctions:
		return justThere
	}
	if strings.HasSuffix(name, parseBond) {
		return justThere
	}
	return 0
}

// justThere is for a file that only has to exist.
const justThere = 1

const (
	// What tells which program made the image.
	dracutLib           = "dracut-lib.sh"
	toolsFunctions      = "functions"
	mkinitcpioFunctions = "init_functions"
	// parseBond is the hook of dracut's module network-legacy, with a number before it.
	parseBond = "parse-bond.sh"
	// Programs that create devices.
	networkdProgram = "systemd-networkd"
	nmProgram       = "NetworkManager"
	// nmGenerator is in dracut's module network-manager.
	nmGenerator = "nm-initrd-generator"
)

// yield takes what an Image has out of a tree.
type yield struct {
	tree *tree
	in   Interpreter
	// missing are the last parts of paths that symbolic links lead to and that are not
	// in the tree, or without content.
	missing map[string]bool
	inodes  map[*node]int
	// files is the size of all .link files and drop-ins so far.
	files int64
}

func (y *yield) image() *Image {
	y.inodes = map[*node]int{}
	img := &Image{Maker: y.maker()}
	img.Release, img.Udevd = y.udevd()
	img.SetupLinkRule = y.setupLinkRule()
	img.MachineID = y.machineID()
	for _, dir := range linkfiles.SearchPath {
		img.Files.Dirs = append(img.Files.Dirs, y.dir(dir, ".link"))
	}
	img.Creates, img.CommandLine = y.creates()
	img.Declarations = y.declarations(img.Release)
	return img
}

// declarations are what programs in the image do with their configuration there.
func (y *yield) declarations(release fact.Fact[linkfiles.Release]) []netconf.Declaration {
	if y.in.Declares == nil {
		return nil
	}
	c := Configuration{Files: configuration{y}, Release: release}
	for _, dir := range []string{"/usr/lib/systemd/", "/lib/systemd/"} {
		if n, _ := y.tree.lookup(dir + networkdProgram); n == nil {
			continue
		}
		c.Networkd = &netconf.NetworkdFiles{NetDev: &linkfiles.Store{Type: linkfiles.NetDevFiles}, Network: &linkfiles.Store{Type: linkfiles.NetworkFiles}}
		for _, store := range []*linkfiles.Store{c.Networkd.NetDev, c.Networkd.Network} {
			for _, at := range linkfiles.SearchPath {
				store.Dirs = append(store.Dirs, y.dir(at, store.Type.Suffix()))
			}
		}
		break
	}
	return y.in.Declares(c)
}

// configuration lets netconf read in the image.
type configuration struct{ *yield }

func (c configuration) Read(name string, limit int64) ([]byte, error) {
	n, at := c.find(name)
	switch {
	case !n.is(typeRegular):
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	case n.size > limit || n.size > 0 && !n.kept:
		return nil, fmt.Errorf("%s: %s was not kept", name, at)
	}
	return n.content, nil
}

func (c configuration) Names(dir string) ([]string, error) {
	if n, _ := c.tree.lookup(dir); !n.is(typeDir) {
		return nil, fmt.Errorf("%s: %w", dir, fs.ErrNotExist)
	}
	return c.tree.list(dir), nil
}

func (c configuration) Exists(name string) bool {
	n, _ := c.tree.lookup(name)
	return n != nil
}

// find is lookup for a file that is wanted.
func (y *yield) find(name string) (*node, string) {
	n, at := y.tree.lookup(name)
	if n == nil && at != "" || n.is(typeRegular) && !n.kept && n.size > 0 && n.size <= maxKept {
		y.missing[base(at)] = true
	}
	return n, at
}

func (y *yield) maker() Maker {
	for _, at := range []struct {
		path  string
		maker Maker
	}{
		{"/usr/lib/" + dracutLib, Dracut}, {"/lib/" + dracutLib, Dracut}, {"/usr/lib/dracut", Dracut}, {"/lib/dracut", Dracut},
		{"/scripts/" + toolsFunctions, InitramfsTools},
		{"/" + mkinitcpioFunctions, Mkinitcpio},
	} {
		if n, _ := y.tree.lookup(at.path); n != nil {
			return at.maker
		}
	}
	return ""
}

// udevdPrograms are where udevd may be in an image.
var udevdPrograms = []string{
	"/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd", "/usr/bin/udevadm", "/bin/udevadm", "/usr/sbin/udevadm", "/sbin/udevadm",
}

// udevd finds it, and its release: by the version in the program, or by the
// library that it is linked to.
func (y *yield) udevd() (fact.Fact[linkfiles.Release], bool) {
	there, why := false, "the image has no udevd"
	for i, name := range udevdPrograms {
		n, at := y.tree.lookup(name)
		if n == nil {
			continue
		}
		there = there || i < 2
		if !n.kept {
			why = at + " is too large to read"
			continue
		}
		if rel, ok := y.in.Release(n.content); ok {
			return fact.Known(rel), there
		}
		why = at + " has no version of udevd"
	}
	return fact.Unknown[linkfiles.Release](fact.Told(why)), there
}

// rulesDirs are where udevd looks for rules, highest priority first. /run is empty at its
// start, but an image may have files there.
var rulesDirs = []string{"/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d"}

// rulesFiles are the rules files that are not hidden by one of the same name in a higher
// directory.
func (y *yield) rulesFiles() (out []string) {
	seen := map[string]bool{}
	for _, dir := range rulesDirs {
		for _, name := range y.tree.list(dir) {
			if path.Ext(name) == ".rules" && !seen[name] {
				seen[name] = true
				out = append(out, path.Join(dir, name))
			}
		}
	}
	return out
}

// setupLinkRule finds the effective rules file that runs net_setup_link. An empty file or a
// link to /dev/null masks the files that it hides (udev(7)).
func (y *yield) setupLinkRule() fact.Fact[string] {
	unknown := ""
	for _, name := range y.rulesFiles() {
		n, at := y.find(name)
		switch {
		case !n.is(typeRegular):
		case n.size > 0 && !n.kept:
			unknown = at + " is too large to read"
		case y.in.RunsSetupLink(n.content):
			return fact.Known(at)
		}
	}
	if unknown != "" {
		return fact.Unknown[string](fact.Told(unknown))
	}
	return fact.Absent[string]()
}

// machineID keeps only the fingerprint.
func (y *yield) machineID() linkfiles.MachineID {
	const name = "/etc/machine-id"
	n, _ := y.find(name)
	if !n.is(typeRegular) {
		return linkfiles.UnknownMachineID(linkfiles.Told("the image has no " + name))
	}
	text := strings.TrimSpace(string(n.content))
	id, err := linkfiles.ParseMachineID(text)
	if err != nil || id == [16]byte{} {
		return linkfiles.UnknownMachineID(linkfiles.Told(name + " in the image has no ID"))
	}
	return linkfiles.KnownMachineID(id).Confidential()
}

// dir is what linkfiles.Read makes of a directory on disk.
func (y *yield) dir(name, suffix string) linkfiles.Dir {
	d := linkfiles.Dir{Path: name}
	n, at := y.tree.lookup(name)
	if !n.is(typeDir) {
		return d
	}
	if at != name {
		d.Resolved = at
	}
	for _, entry := range y.tree.list(name) {
		switch {
		case strings.HasPrefix(entry, "."):
		case strings.HasSuffix(entry, suffix):
			d.Entries = append(d.Entries, y.entry(name, entry))
		case suffix != ".conf" && strings.HasSuffix(entry, suffix+".d"):
			if dd := y.dir(path.Join(name, entry), ".conf"); len(dd.Entries) > 0 {
				d.DropIns = append(d.DropIns, dd)
			}
		}
	}
	return d
}

const nullDevice = "/dev/null"

func (y *yield) entry(dir, name string) linkfiles.Entry {
	e := linkfiles.Entry{Name: name}
	full := path.Join(dir, name)
	n := y.tree.entry(dir, name)
	if n.is(typeSymlink) {
		e.Symlink = n.target
		var at string
		n, at = y.find(full)
		e.Resolved = at
		if at == nullDevice {
			e.Type = linkfiles.TypeNull // devtmpfs has it, whatever is in the image
			return e
		}
	}
	if n == nil {
		e.Type, e.Err, e.Resolved = linkfiles.TypeMissing, "ENOENT", ""
		return e
	}
	e.Inode, e.Mode = y.inode(n), n.mode&0o7777
	switch e.Type = n.fileType(); e.Type {
	case linkfiles.TypeMissing:
		e.Err = "ENOENT"
	case linkfiles.TypeRegular:
		y.takeContent(&e, n)
	}
	return e
}

// inode numbers the files, in the order of their first use.
func (y *yield) inode(n *node) int {
	if y.inodes[n] == 0 {
		y.inodes[n] = len(y.inodes) + 1
	}
	return y.inodes[n]
}

var fileTypes = map[uint32]linkfiles.FileType{
	typeRegular: linkfiles.TypeRegular,
	typeDir:     linkfiles.TypeDirectory,
	typeChar:    linkfiles.TypeChar,
	typeBlock:   linkfiles.TypeBlock,
	typeFIFO:    linkfiles.TypeFIFO,
	typeSocket:  linkfiles.TypeSocket,
}

// fileType is linkfiles.TypeMissing for an impossible type.
func (n *node) fileType() linkfiles.FileType {
	if n.is(typeChar) && n.rdev == [2]uint32{1, 3} {
		return linkfiles.TypeNull
	}
	if t, ok := fileTypes[n.mode&typeMask]; ok {
		return t
	}
	return linkfiles.TypeMissing
}

// takeContent is for a regular file.
func (y *yield) takeContent(e *linkfiles.Entry, n *node) {
	e.Size = n.size
	switch y.files += n.size; {
	case n.size > 0 && !n.kept:
		e.Refused = fmt.Sprintf("too large: %d bytes", n.size)
	case y.files > maxFiles:
		e.Refused = fmt.Sprintf("the files of the image are larger than %d KiB in total", maxFiles>>10)
	default:
		e.Content = append([]byte{}, n.content...)
	}
}

// creates finds what dracut creates from the command line in the image, and whether it uses
// the kernel's. A device that systemd-networkd creates there is not one of these: its address
// does not depend on the .link files.
func (y *yield) creates() (out []Created, commandLine bool) {
	if !y.readsCommandLine() {
		return nil, false
	}
	for _, file := range y.commandLineFiles() {
		if n, _ := y.find(file); !n.is(typeRegular) {
			continue
		}
		text, _ := y.tree.content(file)
		for i, line := range strings.Split(string(text), "\n") {
			for _, c := range CommandLine(line) {
				c.Pos = linkfiles.Pos{File: file, Line: i + 1}
				out = append(out, c)
			}
		}
	}
	return out, true
}

// commandLineFiles are where dracut finds command lines in the image.
func (y *yield) commandLineFiles() []string {
	files := []string{"/etc/cmdline"}
	for _, name := range y.tree.list("/etc/cmdline.d") {
		if path.Ext(name) == ".conf" {
			files = append(files, "/etc/cmdline.d/"+name)
		}
	}
	return files
}

// hookDirs are where dracut keeps its hooks for the kernel command line.
var hookDirs = []string{"/usr/lib/dracut/hooks/cmdline", "/lib/dracut/hooks/cmdline", "/var/lib/dracut/hooks/cmdline"}

// readsCommandLine reports whether dracut's module network-legacy is in the
// image, or network-manager.
func (y *yield) readsCommandLine() bool {
	for _, dir := range hookDirs {
		for _, name := range y.tree.list(dir) {
			if strings.HasSuffix(name, parseBond) {
				return true
			}
		}
	}
	for _, dir := range []string{"/usr/libexec/", "/usr/lib/"} {
		if n, _ := y.tree.lookup(dir + nmGenerator); n != nil {
			return true
		}
	}
	return false
}
