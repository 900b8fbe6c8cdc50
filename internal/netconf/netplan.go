package netconf

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"linkaudit/internal/fact"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// netplanDirs are netplan's directories, the one that wins first: a file hides those of the
// same name in the later ones.
var netplanDirs = []string{"/run/netplan", "/etc/netplan", "/lib/netplan"}

// netplanKinds are its groups of devices. Those of hardware have no kind.
var netplanKinds = map[string]string{
	"ethernets": "", "bonds": "bond", "bridges": "bridge", "vlans": "vlan", "dummy-devices": "dummy", "vrfs": "vrf",
}

// netplanDevice is what all files together say about one device.
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

// maxYAML is how many values of all netplan files to read. A value counts for each alias of
// it: a file of half a megabyte can have 10^13.
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
	c := &netplanConfig{kinds: map[string]string{}, byID: map[[2]string]*netplanDevice{}, named: map[string]*netplanDevice{}}
	for _, file := range r.netplanFiles() {
		data := r.read(Netplan, file)
		if data == nil {
			continue
		}
		if err := c.merge(file, data); err != nil {
			r.refused(Netplan, file, "netplan does not accept this file, and renders nothing", err)
		}
	}
	r.add(c.declarations(r.release)...)
}

// netplanFiles are the files that netplan reads, in its order: by name, in any
// directory.
func (r *reading) netplanFiles() []string {
	where := map[string]string{}
	for _, dir := range netplanDirs {
		for _, name := range r.names(Netplan, dir) {
			if _, hidden := where[name]; strings.HasSuffix(name, ".yaml") && !strings.HasPrefix(name, ".") && !hidden {
				where[name] = path.Join(dir, name)
			}
		}
	}
	files := make([]string, 0, len(where))
	for _, name := range slices.Sorted(maps.Keys(where)) {
		files = append(files, where[name])
	}
	return files
}

// merge adds a file: a later one replaces single settings and adds to lists.
func (c *netplanConfig) merge(file string, data []byte) error {
	root, err := yamlMapping(data)
	if err != nil || root == nil {
		return err
	}
	network := c.child(root, "network")
	if network == nil {
		return nil
	}
	if v := c.child(network, "renderer"); v != nil {
		c.renderer = v.Value
	}
	for group, node := range c.children(network) {
		if kind, ok := netplanKinds[group.Value]; ok {
			c.group(file, kind, node)
		}
	}
	if c.seen > maxYAML {
		return fmt.Errorf("not read to the end: it has more than %d values with its aliases expanded", maxYAML)
	}
	return nil
}

// yamlMapping is the mapping that a file consists of, nil for an empty file.
func yamlMapping(data []byte) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, errors.New(strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " "))
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: not a mapping", root.Line)
	}
	return root, nil
}

// group merges what one file says about the devices of a kind.
func (c *netplanConfig) group(file, kind string, node *yaml.Node) {
	for key, body := range c.children(node) {
		if key.Value == "renderer" {
			c.kinds[kind] = body.Value
			continue
		}
		c.settings(file, c.device(file, key, kind), body)
	}
}

// device is the device of the ID and kind. It is added if no earlier file has it.
func (c *netplanConfig) device(file string, key *yaml.Node, kind string) *netplanDevice {
	id := key.Value
	d := c.byID[[2]string{kind, id}]
	if d == nil {
		d = &netplanDevice{id: id, kind: kind, pos: linkfiles.Pos{File: file, Line: key.Line}, ports: map[string]bool{}}
		c.devices = append(c.devices, d)
		c.byID[[2]string{kind, id}] = d
		if c.named[id] == nil {
			c.named[id] = d
		}
	}
	return d
}

// settings merges what one file says about a device.
func (c *netplanConfig) settings(file string, d *netplanDevice, body *yaml.Node) {
	for key, v := range c.children(body) {
		switch key.Value {
		case "renderer":
			d.renderer = v.Value
		case "macaddress":
			d.mac, d.macAt = v.Value, linkfiles.Pos{File: file, Line: v.Line}
		case "set-name":
			d.setName = v.Value
		case "match":
			if n := c.child(v, "name"); n != nil {
				d.matchName = n.Value
			}
		case "interfaces":
			c.addPorts(file, d, v)
		}
	}
}

// addPorts adds the new ports of a list to the device.
func (c *netplanConfig) addPorts(file string, d *netplanDevice, list *yaml.Node) {
	for _, n := range list.Content {
		if c.seen++; c.seen > maxYAML {
			return
		}
		if n.Kind == yaml.ScalarNode && !d.ports[n.Value] {
			d.ports[n.Value] = true
			d.interfaces = append(d.interfaces, port{n.Value, linkfiles.Pos{File: file, Line: n.Line}})
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
		renderer := c.rendererOf(d)
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

// rendererOf is the program that applies what the files say about the device.
func (c *netplanConfig) rendererOf(d *netplanDevice) Program {
	if strings.EqualFold(cmp.Or(d.renderer, c.kinds[d.kind], c.renderer), "NetworkManager") {
		return NetworkManager
	}
	return Networkd
}

// address is the result of macaddress=. Without it systemd-networkd derives an address for a
// device that it creates, and NetworkManager uses its defaults.
func (d *netplanDevice) address(renderer Program, rel fact.Fact[linkfiles.Release]) Address {
	const key = "macaddress"
	created := renderer == Networkd && d.kind != "" || d.kind == "bridge"
	if d.mac != "" {
		return explicit(key, d.mac, d.macAt, created)
	}
	a := Address{Way: WayNone, Key: key, Pos: d.pos}
	if d.kind == "" || renderer == NetworkManager {
		return a
	}
	if _, known := netDevKinds[d.kind]; !known {
		a.Way, a.Unknown = WayUnknown, "linkaudit does not know the address that systemd-networkd sets for a new "+d.kind
		return a
	}
	switch of, ok := rel.Get(); {
	case !ok:
		a.Way, a.Unknown = WayUnknown, "the systemd release: "+words.Of(rel.Reason())
	case networkdDerives(of, d.kind):
		a.Way, a.AtCreation = WayNetworkd, true
	}
	return a
}

// resolve follows an alias to its value. A value must not contain itself.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// children are the keys of a mapping and their values.
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
