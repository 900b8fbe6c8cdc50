package conformance

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

// generateFix makes the case with the given index of a seed. Few trees of the generator
// need a fix, so it adds files with policies.
func generateFix(seed, index uint64, devices []Device) (*fixCase, error) {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, index))}
	c := &Case{About: fmt.Sprintf("fix, seed %d, index %d", seed, index)}
	c.Machine = g.machine()
	if err := c.Machine.ofThisMachine(); err != nil {
		return nil, err
	}
	for _, i := range g.Perm(len(devices))[:min(fixDevices, len(devices))] {
		d := devices[i]
		d.DB = g.database(d)
		if d.Kind != "" {
			// udev's rules take these from the bus of a device.
			for _, key := range []string{"ID_PATH", "ID_BUS", "ID_NET_NAME_PATH"} {
				delete(d.DB, key)
			}
		}
		c.Devices = append(c.Devices, d)
	}
	f := &fixCase{Case: c, Bare: g.chance(4)}
	f.aim(g)
	g.Machine, g.devices = c.Machine, c.Devices
	if !g.chance(8) {
		g.policyFiles(f.Device)
	}
	if !g.chance(3) {
		g.grow()
	}
	g.inTheWay(f.target(), c.Devices)
	c.Tree = g.tree
	if former := g.formerOverride(f.target()); !f.Bare && g.chance(9) && !slices.Contains(c.Tree.Paths(), former.Path) {
		f.Former = former
	}
	return f, nil
}

// aim chooses the target.
func (f *fixCase) aim(g *generator) {
	f.Device = f.Devices[0]
	if f.Device.Loopback && !g.chance(10) {
		f.Device = f.Devices[1]
	}
	d := f.Device
	f.Target = override.Target{Name: d.Name}
	if d.Kind == "" {
		return
	}
	switch k := g.IntN(12); {
	case k < 2:
		f.Target = override.Target{Kind: d.Kind}
	case k < 6:
		f.Target.Kind = d.Kind
		f.Unseen = k < 4 && slices.Contains([]string{"bridge", "bond", "team", "veth", "vxlan"}, d.Kind)
	}
}

// target is the target, with the device's kind.
func (f *fixCase) target() override.Target {
	if f.Target.Name == "" {
		return f.Target
	}
	return override.Target{Kind: f.Device.Kind, Name: f.Device.Name}
}

// policyFiles adds files with an address policy that are likely to apply to the device.
func (g *generator) policyFiles(d Device) {
	names := []string{"05-p.link", "60-p.link", "61-p.link", "70-p.link", "zz-p.link", "99-default.link", "é-p.link"}
	if g.chance(15) {
		names = []string{"0.link", "00-a.link", "00-linkaudit.link", "-p.link"}
	}
	var name string
	if g.chance(2) {
		name = d.Name
		if strings.ContainsAny(name, "*?[\\\"'!") {
			name = g.glob(name)
		}
		name = "OriginalName=" + name
	}
	fitting := []string{"OriginalName=*", "OriginalName=*", cmp.Or(name, "OriginalName=*"), "Driver=" + d.Driver, "Kind=" + d.Kind,
		"Type=" + cmp.Or(d.UEvent["DEVTYPE"], arphrd[d.ARPHRD]), "OriginalName=" + g.glob(d.Name), "MACAddress=" + d.MAC}
	for range one(g, 1, 1, 1, 2) {
		var b bytes.Buffer
		b.WriteString("[Match]\n")
		b.WriteString(cmp.Or(name, fitting[g.IntN(len(fitting))]) + "\n")
		if g.chance(5) {
			g.line(&b, g.matchLine())
		}
		b.WriteString("[Link]\n")
		policy := "MACAddressPolicy=" + one(g, "persistent", "persistent", "persistent", "persistent", "persistent", "persistent", "random", "random", "none", "bogus") + "\n"
		before := g.IntN(4)
		for i := range 4 {
			if i == before && !g.chance(10) {
				b.WriteString(policy)
			}
			if g.chance(2) {
				g.line(&b, g.linkLine())
			}
		}
		for range one(g, 0, 0, 0, 1, 2) {
			g.section(&b, "[SR-IOV]")
			for range 1 + g.IntN(3) {
				g.line(&b, g.sriovLine())
			}
		}
		file := names[g.IntN(len(names))]
		g.add(Node{Path: path.Join(SearchPath[g.IntN(len(SearchPath))], file), Kind: NodeFile, Content: b.Bytes()})
		switch g.IntN(6) {
		case 0:
			g.dropIns(file)
		case 1:
			g.add(Node{Path: path.Join(SearchPath[g.IntN(len(SearchPath))], file+".d", one(g, "10-x.conf", "90-x.conf", "z.conf")), Kind: NodeFile,
				Content: []byte("[Link]\n" + one(g, policy, "MACAddress=02:00:00:00:00:01\n", "MTUBytes=1400\n") + g.linkLine() + "\n")})
		}
	}
}

// inTheWay sometimes adds names that an override could have, and an override for
// another target.
func (g *generator) inTheWay(t override.Target, devices []Device) {
	if g.chance(25) {
		p := path.Join(override.Dir, override.FileName(60, t))
		g.add(one(g, Node{Path: p, Kind: NodeDir}, Node{Path: p, Kind: NodeSymlink, Target: "/dev/null"},
			Node{Path: p, Kind: NodeFile, Content: []byte("[Match]\nOriginalName=*\n")}, Node{Path: p, Kind: NodeFile}))
	}
	if len(g.tree) > 0 && g.chance(25) {
		p := path.Join(override.Dir, path.Base(g.tree[0].Path)+".d", override.DropInName)
		g.add(one(g, Node{Path: p, Kind: NodeDir}, Node{Path: p, Kind: NodeSymlink, Target: "/dev/null"},
			Node{Path: p, Kind: NodeFile, Content: []byte("[Link]\nMTUBytes=1400\n")}))
	}
	if len(g.tree) > 0 && g.chance(15) {
		// A directory of drop-ins that linkaudit does not write through.
		g.add(Node{Path: path.Join(override.Dir, path.Base(g.tree[0].Path)+".d"), Kind: NodeSymlink, Target: "/run/dropins-of-c"})
		if g.chance(2) {
			g.add(Node{Path: "/run/dropins-of-c/10-x.conf", Kind: NodeFile, Content: []byte("[Link]\nMTUBytes=1400\n")})
		}
	}
	if d := devices[len(devices)-1]; g.chance(25) {
		o := override.Override{Path: path.Join(override.Dir, override.FileName(60, override.Target{Name: d.Name})),
			Target: override.Target{Kind: d.Kind, Name: d.Name},
			Body:   "[Match]\nOriginalName=" + g.glob(d.Name) + "\n\n[Link]\nMACAddressPolicy=none\n"}
		g.add(Node{Path: o.Path, Kind: NodeFile, Content: o.Text()})
	}
}

// formerOverride is an override for the same target, made from other files.
func (g *generator) formerOverride(t override.Target) *Node {
	match := "OriginalName=" + t.Name
	if t.Name == "" {
		match = "Kind=" + t.Kind
	}
	o := override.Override{Path: path.Join(override.Dir, override.FileName(one(g, 4, 55, 60), t)), Target: t,
		Body: "[Match]\n" + match + "\n\n[Link]\nMACAddressPolicy=none\n" + g.linkLine() + "\n"}
	text := o.Text()
	if g.chance(4) {
		text = append(text, "# edited\n"...)
	}
	return &Node{Path: o.Path, Kind: NodeFile, Content: text}
}

// asHost is the device as the program's own collector would read it.
func (d Device) asHost() host.Device {
	h := host.Device{
		Index: d.Index, Name: d.Name, AltNames: d.AltNames, Kind: d.Kind, ARPHRD: d.ARPHRD,
		MAC: linkfiles.MAC(d.MAC), PermanentMAC: linkfiles.MAC(d.PermMAC),
		AddrAssignType: fact.Known(host.AddrAssignType(d.AddrAssignType)),
		NameAssignType: d.Facts().NameAssignType,
		DevType:        known(d.UEvent["DEVTYPE"]),
		Driver:         known(d.Driver),
		UEvent:         fact.Known(d.UEvent),
		UdevDB:         fact.Known(d.DB),
	}
	if d.Loopback {
		h.Flags |= 0x8 // IFF_LOOPBACK
	}
	return h
}
