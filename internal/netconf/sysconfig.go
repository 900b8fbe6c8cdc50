package netconf

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"linkaudit/linkfiles"
)

const (
	wickedDir         = "/etc/sysconfig/network"
	networkScriptsDir = "/etc/sysconfig/network-scripts"
)

// shellFile is a file of assignments that a shell reads.
type shellFile map[string]option

// parseShell reads KEY=VALUE lines, and removes quotes like a shell. It expands nothing.
func parseShell(file string, data []byte) shellFile {
	out := shellFile{}
	line := 0
	for text := range strings.Lines(string(data)) {
		line++
		key, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(text), "export "), "=")
		if !ok || key == "" || strings.ContainsAny(key, "# \t\"'$") {
			continue
		}
		out[key] = option{key, unquote(value), linkfiles.Pos{File: file, Line: line}}
	}
	return out
}

// unquote takes the first word of a shell's line.
func unquote(s string) string {
	s = strings.TrimSpace(s)
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		if end := strings.IndexByte(s[1:], s[0]); end >= 0 {
			return s[1 : 1+end]
		}
		return s[1:]
	}
	word, _, _ := strings.Cut(s, " ")
	word, _, _ = strings.Cut(word, "\t")
	return word
}

func (f shellFile) yes(key string) bool {
	yes, _ := isTrue(f[key].value)
	return yes
}

// ifcfg is one file ifcfg-NAME.
type ifcfg struct {
	name string
	file string
	vars shellFile
}

// ifcfgFiles reads the files ifcfg-* of a directory.
func (r *reading) ifcfgFiles(p Program, dir string) []ifcfg {
	var out []ifcfg
	for _, name := range r.names(p, dir) {
		device, is := ifcfgDevice(name)
		if !is {
			continue
		}
		file := path.Join(dir, name)
		if data := r.read(p, file); data != nil {
			vars := parseShell(file, data)
			out = append(out, ifcfg{cmp.Or(vars["DEVICE"].value, device), file, vars})
		}
	}
	return out
}

// ifcfgDevice is the device that a file of that name is for; false if for none: an alias,
// which has a colon, or a file that an editor or a package manager left behind.
func ifcfgDevice(name string) (device string, is bool) {
	device, is = strings.CutPrefix(name, "ifcfg-")
	if !is || device == "" || device == "lo" || strings.Contains(device, ":") || strings.HasSuffix(name, "~") {
		return "", false
	}
	return device, !slices.Contains([]string{".bak", ".orig", ".rpmnew", ".rpmorig", ".rpmsave", ".old", ".swp"}, path.Ext(name))
}

// wicked reads SUSE's files: which devices they create, and LLADDR.
func (r *reading) wicked() {
	for _, f := range r.ifcfgFiles(Wicked, wickedDir) {
		r.add(f.wicked())
	}
}

func (f ifcfg) wicked() Declaration {
	name := strings.TrimPrefix(path.Base(f.file), "ifcfg-")
	d := Declaration{Program: Wicked, Device: name, Pos: linkfiles.Pos{File: f.file}}
	switch {
	case f.vars.yes("BONDING_MASTER"):
		d.Kind, d.Creates = "bond", true
		d.addPorts(f.bondingSlaves())
	case f.vars.yes("BRIDGE"):
		d.Kind, d.Creates = "bridge", true
		for _, name := range strings.Fields(f.vars["BRIDGE_PORTS"].value) {
			d.addPort(name, f.vars["BRIDGE_PORTS"].pos)
		}
	case f.vars["TEAM_RUNNER"].value != "":
		d.Kind, d.Creates = "team", true
	}
	switch f.vars["STARTMODE"].value {
	case "manual":
		d.OnRequest = true
	case "off":
		d.Ignored = "STARTMODE=off at " + f.vars["STARTMODE"].pos.String()
	}
	d.Address = f.setting("LLADDR", "wicked")
	return d
}

// bondingSlaves are the ports of a bond of wicked's.
func (f ifcfg) bondingSlaves() (ports []port) {
	// They may begin at 0 or at 1.
	for i, missing := 0, 0; missing < 2; i++ {
		v := f.vars["BONDING_SLAVE_"+strconv.Itoa(i)]
		if v.value == "" {
			missing++
			continue
		}
		ports = append(ports, port{v.value, v.pos})
	}
	return ports
}

// setting is an address in a variable; without one the program's behaviour is unknown.
func (f ifcfg) setting(key, program string) Address {
	v, ok := f.vars[key]
	if !ok || v.value == "" {
		return Address{Way: WayUnknown, Key: key, Pos: linkfiles.Pos{File: f.file}, Unknown: "linkaudit does not know what " + program + " does without " + key + "="}
	}
	return explicit(key, v.value, v.pos, false)
}

// networkScripts reads the files of RHEL. The network service and NetworkManager's plugin
// ifcfg-rh read them in the same way.
func (r *reading) networkScripts() {
	files := r.ifcfgFiles(NetworkScripts, networkScriptsDir)
	ports := map[string][]port{}
	for _, f := range files {
		for _, key := range []string{"MASTER", "BRIDGE", "TEAM_MASTER"} {
			if master := f.vars[key]; master.value != "" {
				ports[master.value] = append(ports[master.value], port{f.name, master.pos})
			}
		}
	}
	for _, f := range files {
		d := f.networkScript()
		d.addPorts(ports[d.Device])
		r.add(d)
	}
}

func (f ifcfg) networkScript() Declaration {
	kind := f.scriptKind()
	return Declaration{
		Program: NetworkScripts, Device: f.name, Kind: kind, Creates: kind != "", OnRequest: isFalse(f.vars["ONBOOT"].value),
		Pos: linkfiles.Pos{File: f.file}, Address: f.scriptAddress(kind),
	}
}

// scriptKind is the kind of device that the file creates, "" for none.
func (f ifcfg) scriptKind() string {
	switch typ := f.vars["TYPE"].value; {
	case typ == "Bond" || f.vars.yes("BONDING_MASTER"):
		return "bond"
	case typ == "Bridge":
		return "bridge"
	case typ == "Team" || f.vars["DEVICETYPE"].value == "Team":
		return "team"
	}
	return ""
}

// scriptAddress is what the file does to the address of a device of the kind.
func (f ifcfg) scriptAddress(kind string) Address {
	key := "MACADDR"
	if _, ok := f.vars["BRIDGE_MACADDR"]; ok && kind == "bridge" && f.vars["MACADDR"].value == "" {
		key = "BRIDGE_MACADDR"
	}
	switch v := f.vars[key]; v.value {
	case "preserve":
		return Address{Way: WayNone, Key: key, Pos: v.pos}
	case "random":
		return Address{Way: WayRandom, Key: key, Pos: v.pos}
	case "stable":
		return Address{Way: WayStable, Key: key, Pos: v.pos}
	}
	return f.setting(key, "the network service or NetworkManager")
}
