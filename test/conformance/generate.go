package conformance

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
)

// devicesPerCase is how many devices each generated tree is tried on. Each costs a run
// of udevadm; more of them on one tree test less.
const devicesPerCase = 3

// Generate makes the case with the given index of a seed, for a kernel that has the
// devices. The same arguments give the same case.
func Generate(seed, index uint64, devices []Device) (*Case, error) {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, index))}
	c := &Case{About: fmt.Sprintf("seed %d, index %d", seed, index)}
	c.Machine = g.machine()
	if err := c.Machine.ofThisMachine(); err != nil {
		return nil, err
	}
	for _, i := range g.Perm(len(devices))[:min(devicesPerCase, len(devices))] {
		d := devices[i]
		d.DB = g.database(d)
		c.Devices = append(c.Devices, d)
	}
	g.Machine, g.devices = c.Machine, c.Devices
	g.grow()
	c.Tree = g.tree
	return c, nil
}

// generator holds what the values of a case are derived from: real values make
// conditions that hold, or nearly hold.
type generator struct {
	*rand.Rand
	Machine
	devices []Device
	tree    Tree
}

// one returns one of the choices.
func one[T any](g *generator, choices ...T) T { return choices[g.IntN(len(choices))] }

// chance is true in one of n cases.
func (g *generator) chance(n int) bool { return g.IntN(n) == 0 }

func (g *generator) device() Device { return g.devices[g.IntN(len(g.devices))] }

func (g *generator) machine() Machine {
	m := Machine{
		Hostname:  one(g, "host-a", "host-b.example.org", "Web01"),
		MachineID: fmt.Sprintf("%016x%016x", g.Uint64()|1, g.Uint64()),
		Container: one(g, "lxc", "docker", "podman", "systemd-nspawn", "lxc-libvirt", "rkt"),
		CommandLine: one(g, "root=/dev/vda ro quiet", "ro net.ifnames=1 debug audit=0",
			`ro opt="with space" panic=1 x.y-z=1`, "root=UUID=12 single rd.luks"),
		UEFI:       g.chance(2),
		DeviceTree: g.chance(2),
	}
	for _, c := range []string{"network.link.50", "udev.conf", "token"} {
		if g.chance(2) {
			m.Credentials = append(m.Credentials, c)
		}
	}
	for _, t := range []string{"web", "rack-7", "prod"} {
		if g.chance(2) {
			m.Tags = append(m.Tags, t)
		}
	}
	return m
}

// database is the properties that the udev database has for a device. Its ID_NET_DRIVER
// is always the driver, as udev's rules set it.
func (g *generator) database(d Device) map[string]string {
	db := map[string]string{}
	if d.Driver != "" {
		db["ID_NET_DRIVER"] = d.Driver
	}
	for _, p := range []struct {
		key    string
		values []string
	}{
		{"ID_PATH", []string{"pci-0000:00:1f.6", "pci-0000:02:00.0-usb-0:1.2:1.0", "virtual-net"}},
		{"ID_VENDOR_ID", []string{"8086", "15b3"}},
		{"ID_NET_NAME_PATH", []string{"enp0s31f6", "enp2s0"}},
		{"ID_BUS", []string{"pci", "usb"}},
		{"LINKAUDIT_ODD", []string{"with space", "*star*", "[x]", "back\\slash"}},
		{"ID_NET_NAMING_SCHEME", []string{"v252"}},
	} {
		if v := p.values[g.IntN(len(p.values))]; g.chance(2) {
			db[p.key] = v
		}
	}
	return db
}

// grow makes the tree.
func (g *generator) grow() {
	names := g.fileNames(2 + g.IntN(6))
	for _, name := range names {
		dirs := g.Perm(len(SearchPath))[:one(g, 1, 1, 1, 2, 3)]
		for _, d := range dirs {
			g.node(path.Join(SearchPath[d], name), false)
		}
		if g.chance(2) {
			g.dropIns(name)
		}
	}
	if g.chance(25) { // something else instead of a directory
		p := SearchPath[g.IntN(len(SearchPath)-1)]
		if g.chance(2) {
			p = path.Join(SearchPath[g.IntN(len(SearchPath))], names[0]+".d")
		}
		if g.chance(3) {
			g.add(Node{Path: p, Kind: NodeSymlink, Target: one(g, path.Base(p), "/run/nowhere", "/etc/hostname")})
		} else {
			g.add(Node{Path: p, Kind: NodeFile, Content: []byte("x\n")})
		}
	}
	if g.chance(3) { // the file that every host has, applying to what is left
		g.add(Node{Path: "/usr/lib/systemd/network/99-default.link", Kind: NodeFile,
			Content: []byte("[Match]\nOriginalName=*\n\n[Link]\nNamePolicy=keep kernel\nMACAddressPolicy=persistent\n")})
	}
	if g.chance(40) {
		g.add(Node{Path: "/etc/systemd/network/ignored.network", Kind: NodeFile, Content: []byte("[Link\n")})
	}
}

// add adds the node to the tree unless its path is taken or lies below a node that is
// not a directory.
func (g *generator) add(n Node) {
	for _, have := range g.tree {
		switch {
		case have.Path == n.Path,
			strings.HasPrefix(have.Path, n.Path+"/"),
			strings.HasPrefix(n.Path, have.Path+"/") && have.Kind != NodeDir:
			return
		}
	}
	g.tree = append(g.tree, n)
}

// fileNames returns base names for which the byte order matters.
func (g *generator) fileNames(n int) []string {
	pool := []string{"10-a.link", "10-A.link", "1-a.link", "2.link", "50-net.link", "50-net.link.link",
		"50_net.link", "a.link", "B.link", "é.link", "Z-é.link", "-dash.link", "98-x.link",
		"99-default.link", "sp ace.link", "73-usb-net-by-mac.link", "~.link", "+.link", "20-\xff.link",
		".hidden.link", ".link", "x.link~", "x.LINK", "30-x.link.bak", "30-x.link.dpkg-new"}
	ordinary := 20 // those before .hidden.link have a meaning for udevd
	var names []string
	for len(names) < n {
		k := ordinary
		if g.chance(8) {
			k = len(pool)
		}
		if name := pool[g.IntN(k)]; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// node adds one file, or something else instead of a file.
func (g *generator) node(p string, dropIn bool) {
	switch k := g.IntN(100); {
	case k < 72:
		n := Node{Path: p, Kind: NodeFile, Content: g.file(dropIn)}
		if g.chance(25) {
			n.Mode = one[fs.FileMode](g, 0o755, 0o666, 0o600, 0o444, 0o777)
		}
		g.add(n)
	case k < 77:
		g.add(Node{Path: p, Kind: NodeFile}) // empty: a mask
	case k < 82:
		g.add(Node{Path: p, Kind: NodeSymlink, Target: one(g, "/dev/null", "/dev/null", "/dev/null", "../../../dev/null", "/../dev/null", "/dev/null/", "/dev/null/.")})
	case k < 84:
		loop := path.Base(p)
		g.add(Node{Path: p, Kind: NodeSymlink, Target: one(g, "nowhere.link", "/nowhere/at/all", loop,
			".", "./", "..", "/run/nowhere/../elsewhere", "nowhere/../"+loop, "/etc/machine-id/../hostname")})
	case k < 86:
		g.add(Node{Path: p, Kind: NodeSymlink, Target: "/etc/systemd/network/empty-target"})
		g.add(Node{Path: "/etc/systemd/network/empty-target", Kind: NodeFile})
	case k < 96:
		// To another file of the tree, or to one outside the search path.
		target := "/run/elsewhere"
		if len(g.tree) > 0 && g.chance(2) {
			target = g.tree[g.IntN(len(g.tree))].Path
		} else {
			g.add(Node{Path: target, Kind: NodeFile, Content: g.file(dropIn)})
		}
		if g.chance(3) && path.Dir(target) == path.Dir(p) {
			target = path.Base(target)
		}
		switch {
		case target == p:
		case g.chance(10):
			g.chain(p, target, one(g, 31, 32, 33, 40, 41, 50))
		default:
			g.add(Node{Path: p, Kind: NodeSymlink, Target: target + one(g, "", "", "", "", "", "", "/", "/.")})
		}
	case k < 98:
		g.add(Node{Path: p, Kind: NodeDir})
	default:
		g.add(Node{Path: p, Kind: NodeFile, Content: []byte(one(g, "\n", " ", "#\n", "\ufeff", "\x00", ";c\n"))})
	}
}

// chain makes a path that leads to the target through the given number of links.
func (g *generator) chain(p, target string, links int) {
	if strings.HasPrefix(target, "/") {
		for i := range links - 1 {
			next := fmt.Sprintf("/run/chain-%d-%d", len(g.tree), i)
			g.add(Node{Path: next, Kind: NodeSymlink, Target: target})
			target = next
		}
	}
	g.add(Node{Path: p, Kind: NodeSymlink, Target: target})
}

// dropIns adds NAME.d directories with their own shadowing and masks.
func (g *generator) dropIns(name string) {
	files := []string{"10-x.conf", "10-X.conf", "é.conf", "a.conf", "override.conf", "b.conf~", ".h.conf", "c.link"}
	for _, d := range g.Perm(len(SearchPath))[:one(g, 1, 1, 2, 3)] {
		dir := path.Join(SearchPath[d], name+".d")
		if g.chance(15) {
			// The directory itself is a link.
			real := "/run/dropins-of-" + one(g, "a", "b")
			g.add(Node{Path: dir, Kind: NodeSymlink, Target: real})
			g.add(Node{Path: path.Join(real, "10-x.conf"), Kind: NodeFile, Content: g.file(true)})
			continue
		}
		for range 1 + g.IntN(3) {
			p := path.Join(dir, files[g.IntN(len(files))])
			if g.chance(25) {
				g.add(Node{Path: p, Kind: NodeSymlink, Target: path.Join(SearchPath[d], name)})
				continue
			}
			g.node(p, true)
		}
	}
}

// file is the text of a .link file or of a drop-in.
func (g *generator) file(dropIn bool) []byte {
	var b bytes.Buffer
	if g.chance(20) {
		b.WriteString("\ufeff")
	}
	if !dropIn || g.chance(3) {
		g.section(&b, "[Match]")
		for range one(g, 0, 1, 1, 1, 1, 2, 2, 3) {
			g.line(&b, g.matchLine())
		}
	}
	for range one(g, 0, 1, 1, 1, 2) {
		switch {
		case g.chance(12):
			g.section(&b, g.oddSection())
			g.line(&b, one(g, "Foo=1", "Name=x", "X-a=1", "nonsense"))
		case g.chance(10):
			g.section(&b, "[SR-IOV]")
			for range g.IntN(3) {
				g.line(&b, g.sriovLine())
			}
		case g.chance(6):
			g.section(&b, "[Match]")
			g.line(&b, g.matchLine())
		default:
			g.section(&b, "[Link]")
			for range g.IntN(4) {
				g.line(&b, g.linkLine())
			}
		}
	}
	text := b.Bytes()
	switch {
	case g.chance(25):
		text = bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
	case g.chance(30):
		text = bytes.TrimSuffix(text, []byte("\n"))
	case g.chance(60) && len(text) > 0: // an odd byte anywhere
		i := g.IntN(len(text))
		text = slices.Concat(text[:i], []byte(one(g, "\x00", "\xff", "\r", "\t", "\\", "\"", "\x1b", "]", "[", "=", "\u00a0", "\xc3")), text[i:])
	case g.chance(80) && len(text) > 0:
		text = text[:g.IntN(len(text))]
	case g.chance(2000):
		long := "Description=" + strings.Repeat("x", 1<<20-20+g.IntN(24)) + "\n"
		text = slices.Concat([]byte("[Link]\n"+long), text)
	}
	return text
}

func (g *generator) section(b *bytes.Buffer, header string) {
	switch {
	case g.chance(60):
		header = one(g, header[:len(header)-1], " "+header, header+" ", "[ "+header[1:], header+"x", "[]", "["+header+"]", strings.ToLower(header))
	case g.chance(60):
		return // assignments outside any section, or in the one before
	}
	b.WriteString(header + "\n")
}

func (g *generator) oddSection() string {
	return one(g, "[Network]", "[X-Mine]", "[X-]", "[Foo]", "[link]", "[Link ]", "[é]", "[match]")
}

// line writes an assignment in one of the ways that the grammar allows.
func (g *generator) line(b *bytes.Buffer, line string) {
	if g.chance(12) {
		b.WriteString(one(g, "# comment\n", "; comment\n", "\n", "   # indented\n", "#\n", "\t\n", "# ends with \\\n", ";x=\\\n"))
	}
	key, value, ok := strings.Cut(line, "=")
	switch k := g.IntN(100); {
	case !ok || k < 70:
	case k < 74:
		line = key + " = " + value
	case k < 76:
		line = "  " + key + "=  " + value + "  "
	case k < 80: // continued
		if i := strings.IndexByte(value, ' '); i >= 0 {
			line = key + "=" + value[:i] + one(g, " \\\n", "\\\n  ", "\\\n# comment\n", "\\\n;c\\\n", "\\\n\n") + value[i+1:]
		} else {
			line = key + "=\\\n" + value
		}
	case k < 81:
		line = key[:g.IntN(len(key)+1)] + "\\\n" + key[min(len(key), 1):] + "=" + value
	case k < 83:
		line += one(g, "\\", "\\\\", " \\", " # no comment", " ; no comment")
	case k < 84:
		line = key
	case k < 85:
		line = "=" + value
	case k < 86:
		line = strings.ToLower(key) + "=" + value
	case k < 87:
		line = key + "="
	case k < 88:
		line = key + "=\n" + line
	case k < 89:
		line += "\n" + key + "="
	case k < 90:
		line += "\n" + line
	case k < 91 && value != "":
		i := g.IntN(len(value))
		line = key + "=" + value[:i] + one(g, "\\x20", "\\t", "\"", "'", "\\", "!", "*", "\\052", " ", "%%", "%n", "\\u00e9", "$") + value[i:]
	case k < 92:
		line = "X-" + line
	}
	b.WriteString(line + "\n")
}

// quoted returns a word in one of several, mostly equivalent, forms.
func (g *generator) quoted(word string) string {
	switch {
	case g.chance(15):
		return `"` + word + `"`
	case g.chance(20):
		return "'" + word + "'"
	case g.chance(40):
		return `"` + word
	}
	return word
}

// list joins words, sometimes inverted.
func (g *generator) list(word func() string) string {
	var words []string
	for range one(g, 1, 1, 1, 2, 3) {
		words = append(words, g.quoted(word()))
	}
	s := strings.Join(words, one(g, " ", " ", "  ", "\t", ","))
	switch {
	case g.chance(10):
		s = "!" + s
	case g.chance(40):
		s = "! " + s
	case g.chance(40):
		s = strings.Replace(s, " ", " !", 1)
	}
	return s
}

// glob turns a word into a pattern that mostly still matches it.
func (g *generator) glob(word string) string {
	if word == "" {
		return one(g, "*", "?", "none", "")
	}
	r := []rune(word)
	i := g.IntN(len(r))
	before, at, after := string(r[:i]), string(r[i]), string(r[i+1:])
	switch g.IntN(16) {
	case 0, 1, 2:
		return word
	case 3, 4:
		return before + "*"
	case 5:
		return "*" + after
	case 6:
		return before + "?" + after
	case 7:
		return before + "[" + at + "x]" + after
	case 8:
		return before + "[!" + one(g, at, "x") + "]" + after
	case 9:
		return before + one(g, "[a-z]", "[0-9]", "[[:alpha:]]", "[[:digit:]]", "[[:alnum:]_]", "[^[:space:]]", "[[:punct:]]", "[z-a]", "[[:nope:]]") + after
	case 10:
		return before + "\\" + at + after
	case 11:
		return before + one(g, "[", "[]", "[!]", "[a", "[]"+at+"]", "\\", "[a-]", "[-"+at+"]", "[[.x.]]", "[[=a=]]") + after
	case 12:
		return strings.ToUpper(word)
	case 13:
		return word + one(g, "x", "0", "*", "\\*", "*?")
	case 14:
		return one(g, "*", "?*", "nothing", "**", "")
	}
	return before + after
}

func (g *generator) mac(address string) string {
	if address == "" || g.chance(6) {
		address = one(g, "02:00:00:00:00:01", "08:00:27:e2:37:5f", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "02:11:22:33:44:55")
	}
	bytes := strings.Split(address, ":")
	switch g.IntN(14) {
	case 0, 1:
		return strings.ToUpper(address)
	case 2:
		return strings.Join(bytes, "-")
	case 3, 4: // "0211.2233.4455"
		var groups []string
		for i := 0; i+1 < len(bytes); i += 2 {
			groups = append(groups, bytes[i]+bytes[i+1])
		}
		return strings.Join(groups, ".")
	case 5:
		return strings.Join(bytes, "")
	case 6:
		return address + one(g, ":00", ":", "x", ".1")
	case 7:
		return strings.Join(bytes[:len(bytes)-1], ":")
	case 8:
		return strings.Replace(address, ":0", ":", 1)
	case 9:
		return one(g, "192.0.2.1", "2001:db8::1", "02:11:22:33:44:gg", "0x02:11:22:33:44:55", "02:11-22:33:44:55", "*", "")
	case 10:
		return strings.Join(bytes, ":") + ":" + strings.Join(bytes, ":") // longer than Ethernet's
	}
	return address
}

// matchLine is one assignment of a [Match] section.
func (g *generator) matchLine() string {
	d := g.device()
	typ := d.UEvent["DEVTYPE"]
	if typ == "" {
		typ = arphrd[d.ARPHRD]
	}
	switch g.IntN(30) {
	case 0, 1, 2, 3, 4, 5:
		return "OriginalName=" + g.list(func() string { return g.glob(g.device().Name) })
	case 6, 7:
		return "MACAddress=" + g.list(func() string { return g.mac(g.device().MAC) })
	case 8:
		return "PermanentMACAddress=" + g.list(func() string { return g.mac(one(g, d.PermMAC, d.MAC)) })
	case 9, 10, 11:
		return "Driver=" + g.list(func() string { return g.glob(g.device().Driver) })
	case 12, 13, 14:
		return "Type=" + g.list(func() string { return g.glob(typ) })
	case 15, 16:
		return "Kind=" + g.list(func() string { return g.glob(g.device().Kind) })
	case 17, 18:
		return "Path=" + g.list(func() string { return g.glob(g.device().DB["ID_PATH"]) })
	case 19, 20:
		return "Property=" + g.list(g.property)
	case 21, 22, 23, 24, 25, 26, 27:
		key, value := g.condition()
		return key + "=" + one(g, "", "", "", "", "!", "!", "!!", "! ") + value
	case 28:
		return one(g, "Nonsense=1", "Host=", "OriginalName=", "Name=br0", "MACAddressPolicy=none", "SSID=x", "X-Foo=bar",
			"OriginalName=%n", "Kind=", "Property=", "Type=!", "OriginalName=a/b", "OriginalName=sixteen-chars-xx",
			"OriginalName=altname-that-is-much-longer-than-fifteen", "OriginalName=an-alternative-name-of-br0")
	}
	return "OriginalName=" + one(g, "*", "br*", "p!*", "p?x", "!br*", "veth[01]", "*0", "!lo", "? ?? ??? ????")
}

func (g *generator) property() string {
	d := g.device()
	props := map[string]string{"INTERFACE": d.Name, "SUBSYSTEM": "net", "DEVTYPE": d.UEvent["DEVTYPE"], "NOPE": "1"}
	for k, v := range d.DB {
		props[k] = v
	}
	keys := make([]string, 0, len(props))
	for k := range props {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	k := keys[g.IntN(len(keys))]
	v := g.glob(props[k])
	switch g.IntN(12) {
	case 0:
		return k
	case 1:
		return k + "="
	case 2:
		return one(g, "=x", "1A=b", "a b=c", "A-B=c", k+"=="+v, k+"*="+v)
	case 3, 4:
		return `"` + k + "=" + v + `"`
	case 5:
		return k + `="` + v + `"`
	}
	return k + "=" + v
}

// condition is a key of the [Match] section about the system, with a value that holds
// about half of the time.
func (g *generator) condition() (key, value string) {
	m := g.Machine
	switch g.IntN(11) {
	case 0, 1:
		return "Host", one(g, m.Hostname, "host-*", g.glob(m.Hostname), m.MachineID, strings.ToUpper(m.MachineID),
			m.MachineID[:8]+"-"+m.MachineID[8:12]+"-"+m.MachineID[12:16]+"-"+m.MachineID[16:20]+"-"+m.MachineID[20:],
			m.BootID, "0123456789abcdef0123456789abcdef", "other", strings.ToUpper(m.Hostname))
	case 2:
		return "Virtualization", one(g, m.Container, "container", "vm", "yes", "no", "true", "0", "lxc", "docker", "kvm", "qemu", "none", "private-users", "on", "Container", g.glob(m.Container))
	case 3, 4:
		words := strings.Fields(m.CommandLine)
		w := words[g.IntN(len(words))]
		k, _, _ := strings.Cut(w, "=")
		return "KernelCommandLine", one(g, w, k, k+"=", k+"=1", "quiet", "ro", "net.ifnames", "opt=with space", "x_y-z", "x.y_z=1", g.glob(w), k+"*")
	case 5, 6:
		v, _, _ := strings.Cut(m.Kernel, "-")
		op := one(g, ">", ">=", "<", "<=", "=", "==", "!=", "", "$=", "!$=", "> ", "<>", "=>")
		if g.chance(8) {
			return one(g, "KernelVersion", "Version"), one(g, "glibc", "glibc ", "systemd ", "systemd", "kernel ", "libc ") +
				one(g, ">=2.36", ">= 2.36", "<2.42", "=2.42", "$=2.*", "!=2.31", "> 250", "<262", ">=262.1", "", "2.41", ">=2.31 <2.99")
		}
		return "KernelVersion", one(g, op+v, op+m.Kernel, op+"5.10", op+"99", op+"4", op+v+"~rc1", op+v+"^1", op,
			one(g, "5.*", "6.*", "*", "[0-9]*", g.glob(m.Kernel)), ">=4 <99", ">=4 <5", op+" "+v, op+v+" extra", ">= 4 < 5", `">=4"`)
	case 7:
		return "Architecture", one(g, m.Arch, "x86-64", "x86", "arm64", "native", "X86-64", "amd64", "x86_64", "*", "")
	case 8:
		return "Credential", one(g, "network.link.50", "udev.conf", "token", "missing", "a/b", "*", ".", "..", "token ")
	case 9:
		return "Firmware", one(g, "uefi", "device-tree", "device-tree-compatible(acme,board-1)", "device-tree-compatible(vendor,soc)",
			"device-tree-compatible(x)", "device-tree-compatible()", "device-tree-compatible", "smbios-field(bios_vendor=x)",
			"smbios-field(", "bios", "UEFI", "device-tree-compatible(acme,*)", "uefi ", "device-tree-compatible(acme,board-1)x")
	}
	return "MachineTag", one(g, "web", "rack-7", "prod", "we*", "*", "rack-?", "none", "!web", "web prod", "we[b]")
}

// linkLine is one assignment of a [Link] section. Valid values must not need anything
// from a device, because none is applied.
func (g *generator) linkLine() string {
	switch g.IntN(12) {
	case 0, 1:
		return "MACAddressPolicy=" + one(g, "persistent", "random", "none", "bogus", "None", " persistent", "persistent random", "'none'", "no")
	case 2:
		return "MACAddress=" + g.mac(g.device().MAC)
	case 3, 4:
		return one(g, "Name", "AlternativeName", "NamePolicy", "AlternativeNamesPolicy", "Alias", "Description") + "=" +
			one(g, "net0", "a b", "keep kernel", "database onboard slot path mac", "path bogus", "much-too-long-for-a-name", "a/b", "%n", "1", "lo", ".", "é",
				"\\x41", "bad:colon", "*", strings.Repeat("n", 128), strings.Repeat("a", 257), "all", "default", "name\ttab", "\"quo ted\"", "'x'y", "12", "0x1")
	case 5, 6:
		return g.numberKey() + "=" + one(g, "1", "0", "-1", "1500", "68", "67", "9000", "4294967295", "4294967296", "4294967294", "1K", "1M", "1G", "64K",
			"max", "infinity", "yes", "abc", "1.5", "0x10", "010", "+5", " 7 ", "1 2", "1s", "10us", "5ms", "1e3", "99999999999999999999", "65535", "65536", "16384", "8", "off", "0b11", "1Ki", "1024B")
	case 7, 8:
		return g.booleanKey() + "=" + one(g, "yes", "no", "true", "false", "on", "off", "1", "0", "maybe", "y", "n", "t", "f", "2", "Yes", "OFF", "auto", "'yes'")
	case 9:
		return one(g, "Duplex", "Port", "MDI", "WakeOnLan", "Advertise", "WakeOnLanPassword", "IRQAffinityPolicy", "ReceivePacketSteeringCPUMask", "Property", "ImportProperty", "UnsetProperty", "IRQAffinity", "IRQAffinityNUMA") + "=" +
			one(g, "half", "full", "tp", "aui", "bnc", "mii", "fibre", "straight", "mdi", "mdi-x", "crossover", "auto", "off", "phy", "magic unicast", "magic,arp",
				"secureon", "10baset-half", "1000baset-full 10baset-half", "bogus", "02:11:22:33:44:55", "single", "spread", "0", "0-1", "all", "disable", "A=b", "A=b C=d", "A", "1A=b", "A=\"x y\"", "ff", "FULL", "A*", "/etc/x", "kubernetes")
	case 10:
		return one(g, "Nonsense=1", "X-Mine=2", "OriginalName=br0", "Foo", "ActivationPolicy=up", "MTUBytes =1500", "MTU=1500", "Kind=bridge", "Bogus=é", "-=1", "BitsPerSecond=1G", "Link=yes")
	}
	return "Description=" + one(g, "plain", "é", "", "\"q", "a\\nb", "%h", "trailing \\\\", "  spaces  ", strings.Repeat("long ", 100))
}

func (g *generator) numberKey() string {
	return one(g, "MTUBytes", "BitsPerSecond", "TransmitQueues", "ReceiveQueues", "TransmitQueueLength", "GenericSegmentOffloadMaxBytes",
		"GenericSegmentOffloadMaxSegments", "RxChannels", "TxChannels", "OtherChannels", "CombinedChannels", "RxBufferSize", "RxMiniBufferSize",
		"RxJumboBufferSize", "TxBufferSize", "RxCoalesceSec", "RxMaxCoalescedFrames", "TxCoalesceIrqSec", "StatisticsBlockCoalesceSec",
		"CoalescePacketRateLow", "CoalescePacketRateSampleIntervalSec", "SR-IOVVirtualFunctions", "TxCoalesceHighSec", "TxMaxCoalescedHighFrames")
}

func (g *generator) booleanKey() string {
	return one(g, "AutoNegotiation", "ReceiveChecksumOffload", "TransmitChecksumOffload", "GenericSegmentationOffload", "TCPSegmentationOffload",
		"TCP6SegmentationOffload", "UDPSegmentationOffload", "GenericReceiveOffload", "LargeReceiveOffload", "NTupleFilter", "RxFlowControl", "TxFlowControl",
		"AutoNegotiationFlowControl", "UseAdaptiveRxCoalesce", "ReceiveVLANCTAGFilter", "TransmitVLANSTAGHardwareAcceleration",
		"GenericReceiveOffloadHardware", "ReceiveFCS", "ReceiveAll", "ScatterGather", "ScatterGatherFragmentList", "TCPECNSegmentationOffload",
		"PartialGenericSegmentationOffload", "GenericReceiveOffloadList", "GenericReceiveOffloadUDPForwarding", "TCPMangleIdSegmentationOffload")
}

func (g *generator) sriovLine() string {
	return one(g, "VirtualFunction=", "VLANId=", "QualityOfService=", "VLANProtocol=", "MACSpoofCheck=", "QueryReceiveSideScaling=", "Trust=", "LinkState=", "MACAddress=", "Bogus=") +
		one(g, "0", "1", "7", "4095", "4096", "0x8100", "802.1Q", "802.1ad", "802.1AD", "yes", "no", "auto", "02:11:22:33:44:55", "ff:ff:ff:ff:ff:ff", "x", "", "2147483647", "2147483648")
}
