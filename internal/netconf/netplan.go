package netconf

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"linkaudit/internal/fact"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// netplanDirs are netplan's directories, the one that wins first: a file hides
// those of the same name in the later ones.
var netplanDirs = []string{"/run/netplan", "/etc/netplan", "/lib/netplan"}

// netplanKinds are its groups of devices. Those of hardware have no kind.
var netplanKinds = map[string]string{
	"ethernets": "", "bonds": "bond", "bridges": "bridge", "vlans": "vlan", "dummy-devices": "dummy", "vrfs": "vrf",
}

// netplanDevice is what all files together say of one device.
type netplanDevice struct {
	id, kind   string
	renderer   string
	mac        string
	macAt      linkfiles.Pos
	interfaces []port
	ports      map[string]bool // interfaces, as a set
	setName    string
	matchName  string
	pos        linkfiles.Pos
}

// maxYAML is how many values of all netplan's files are looked at, those behind an
// alias each time that it stands for them: a file of half a megabyte can have 10^13.
const maxYAML = 1 << 20

// netplanConfig is what was read so far.
type netplanConfig struct {
	seen     int // values, at most maxYAML
	renderer string
	kinds    map[string]string // renderer of a group
	devices  []*netplanDevice
	byID     map[[2]string]*netplanDevice // by kind and ID
	named    map[string]*netplanDevice    // the first of an ID
}

func (r *reading) netplan() {
	where := map[string]string{}
	for _, dir := range netplanDirs {
		for _, name := range r.names(Netplan, dir) {
			if _, hidden := where[name]; strings.HasSuffix(name, ".yaml") && !strings.HasPrefix(name, ".") && !hidden {
				where[name] = path.Join(dir, name)
			}
		}
	}
	names := make([]string, 0, len(where))
	for name := range where {
		names = append(names, name)
	}
	slices.Sort(names)
	c := &netplanConfig{kinds: map[string]string{}, byID: map[[2]string]*netplanDevice{}, named: map[string]*netplanDevice{}}
	for _, name := range names {
		data := r.read(Netplan, where[name])
		if data == nil {
			continue
		}
		if err := c.merge(where[name], data); err != nil {
			r.refused(Netplan, where[name], "this file is not taken, and nothing is rendered", err)
		}
	}
	r.add(c.declarations(r.release)...)
}

// merge adds a file: a later one replaces single settings and adds to lists.
func (c *netplanConfig) merge(file string, data []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("%s", strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " "))
	}
	if len(doc.Content) == 0 {
		return nil // an empty file
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: a mapping is expected", root.Line)
	}
	network := c.child(root, "network")
	if network == nil {
		return nil
	}
	if v := c.child(network, "renderer"); v != nil {
		c.renderer = v.Value
	}
	for group, node := range c.children(network) {
		kind, ok := netplanKinds[group.Value]
		if !ok {
			continue
		}
		for key, body := range c.children(node) {
			if key.Value == "renderer" {
				c.kinds[kind] = body.Value
				continue
			}
			c.device(file, key, kind, body)
		}
	}
	if c.seen > maxYAML {
		return fmt.Errorf("with what its aliases stand for, it has more than %d values, and is not read to its end", maxYAML)
	}
	return nil
}

// device merges what one file says of a device.
func (c *netplanConfig) device(file string, key *yaml.Node, kind string, body *yaml.Node) {
	pos := func(n *yaml.Node) linkfiles.Pos { return linkfiles.Pos{File: file, Line: n.Line} }
	id := key.Value
	d := c.byID[[2]string{kind, id}]
	if d == nil {
		d = &netplanDevice{id: id, kind: kind, pos: pos(key), ports: map[string]bool{}}
		c.devices = append(c.devices, d)
		c.byID[[2]string{kind, id}] = d
		if c.named[id] == nil {
			c.named[id] = d
		}
	}
	for key, v := range c.children(body) {
		switch key.Value {
		case "renderer":
			d.renderer = v.Value
		case "macaddress":
			d.mac, d.macAt = v.Value, pos(v)
		case "set-name":
			d.setName = v.Value
		case "match":
			if n := c.child(v, "name"); n != nil {
				d.matchName = n.Value
			}
		case "interfaces":
			for _, n := range v.Content {
				if c.seen++; c.seen > maxYAML {
					return
				}
				if n.Kind == yaml.ScalarNode && !d.ports[n.Value] {
					d.ports[n.Value] = true
					d.interfaces = append(d.interfaces, port{n.Value, pos(n)})
				}
			}
		}
	}
}

// name is the interface name that the device will have.
func (d *netplanDevice) name() (name string, pattern bool) {
	switch {
	case d.setName != "":
		return d.setName, false
	case d.matchName != "":
		return d.matchName, strings.ContainsAny(d.matchName, "*?[")
	}
	return d.id, false
}

func (c *netplanConfig) declarations(rel fact.Fact[linkfiles.Release]) []Declaration {
	var out []Declaration
	for _, d := range c.devices {
		renderer := Networkd
		for _, r := range []string{d.renderer, c.kinds[d.kind], c.renderer} {
			if r != "" {
				if strings.EqualFold(r, "NetworkManager") {
					renderer = NetworkManager
				}
				break
			}
		}
		name, pattern := d.name()
		decl := Declaration{
			Program: Netplan, Renderer: renderer, Device: name, Pattern: pattern, Kind: d.kind, Creates: d.kind != "",
			Pos: d.pos, Address: d.address(renderer, rel),
		}
		for _, p := range d.interfaces {
			if other := c.named[p.name]; other != nil {
				p.name, _ = other.name()
			}
			decl.addPort(p.name, p.at)
		}
		out = append(out, decl)
	}
	return out
}

// address is what comes of macaddress=. Without it systemd-networkd derives an
// address for a device that it creates, and NetworkManager goes by its defaults.
func (d *netplanDevice) address(renderer Program, rel fact.Fact[linkfiles.Release]) Address {
	const key = "macaddress"
	created := renderer == Networkd && d.kind != "" || d.kind == "bridge"
	switch {
	case d.mac != "":
		return explicit(key, d.mac, d.macAt, created)
	case d.kind == "":
		return Address{Way: WayNone, Key: key, Pos: d.pos}
	case renderer == NetworkManager:
		return Address{Way: WayNone, Key: key, Pos: d.pos}
	}
	if _, known := netDevKinds[d.kind]; known {
		switch of, ok := rel.Get(); {
		case !ok:
			return Address{Way: WayUnknown, Key: key, Pos: d.pos, Unknown: "the systemd release: " + words.Of(rel.Reason())}
		case networkdDerives(of, d.kind):
			return Address{Way: WayNetworkd, Key: key, Pos: d.pos, AtCreation: true}
		}
		return Address{Way: WayNone, Key: key, Pos: d.pos}
	}
	return Address{Way: WayUnknown, Key: key, Pos: d.pos, Unknown: "what systemd-networkd gives a new " + d.kind + " is not known here"}
}

// resolve follows an alias to what it stands for, which may not stand within
// itself.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// children are the keys of a mapping and what stands there.
func (c *netplanConfig) children(n *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	n = resolve(n)
	return func(yield func(key, value *yaml.Node) bool) {
		if n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if c.seen++; c.seen > maxYAML || !yield(n.Content[i], resolve(n.Content[i+1])) {
				return
			}
		}
	}
}

func (c *netplanConfig) child(n *yaml.Node, key string) *yaml.Node {
	for k, v := range c.children(n) {
		if k.Value == key {
			return v
		}
	}
	return nil
}
