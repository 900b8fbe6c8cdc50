package netconf

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"linkaudit/linkfiles"
)

const (
	interfacesFile = "/etc/network/interfaces"
	// maxSourced is how deep files may source one another.
	maxSourced = 16
	// maxPatterns is how many patterns of auto lines are taken.
	maxPatterns = 100
)

// stanza is one "iface" or "template" of an interfaces file.
type stanza struct {
	name, method string
	inherits     []string
	template     bool
	options      []option
	pos          linkfiles.Pos
}

// option is a line of a stanza. The name has hyphens instead of underscores: most scripts
// treat both the same.
type option struct {
	name, value string
	pos         linkfiles.Pos
}

// last returns the last option of a name.
func (s *stanza) last(name string) (option, bool) {
	for _, o := range slices.Backward(s.options) {
		if o.name == name {
			return o, true
		}
	}
	return option{}, false
}

// interfaces is /etc/network/interfaces with all files that it sources.
type interfaces struct {
	stanzas []stanza
	// auto are the names of auto and allow- lines, and patterns those that
	// begin with a slash.
	auto     map[string]bool
	patterns []string
	// byName are the first stanzas of each name, after all are read.
	byName map[string]*stanza
}

func newInterfaces() *interfaces { return &interfaces{auto: map[string]bool{}} }

// sourceLine is a line that names other files.
type sourceLine struct {
	words     []string
	directory bool
	pos       linkfiles.Pos
}

// parseInterfaces reads a file of ifupdown. It passes each line that sources other files to
// source, in its place.
func parseInterfaces(file string, data []byte, to *interfaces, source func(sourceLine)) {
	var in *stanza
	for _, l := range logicalLines(data) {
		words := strings.Fields(l.text)
		pos := linkfiles.Pos{File: file, Line: l.line}
		keyword, args := words[0], words[1:]
		if !endsStanza(keyword) {
			if in != nil {
				in.addLine(l.text, words, pos)
			}
			continue
		}
		in = nil
		switch {
		case keyword == "iface" || keyword == "template":
			if len(args) > 0 {
				to.stanzas = append(to.stanzas, newStanza(args, keyword == "template", pos))
				in = &to.stanzas[len(to.stanzas)-1]
			}
		case keyword == "auto" || strings.HasPrefix(keyword, "allow-"):
			to.addAuto(args)
		case keyword == "source" || keyword == "source-directory":
			source(sourceLine{args, keyword == "source-directory", pos})
		}
	}
}

// endsStanza reports whether a line with the keyword at its start ends the stanza before it.
func endsStanza(keyword string) bool {
	switch keyword {
	case "iface", "template", "auto", "source", "source-directory", "mapping", "no-auto-down", "no-scripts", "rename":
		return true
	}
	return strings.HasPrefix(keyword, "allow-")
}

// addLine takes a line of the stanza and its words.
func (s *stanza) addLine(text string, words []string, pos linkfiles.Pos) {
	keyword := words[0]
	if isInherits(keyword) {
		s.inherits = append(s.inherits, words[1:]...)
		return
	}
	value := strings.TrimSpace(strings.TrimPrefix(text, keyword))
	s.options = append(s.options, option{strings.ReplaceAll(keyword, "_", "-"), value, pos})
}

func isInherits(word string) bool { return word == "inherits" || word == "inherit" }

// newStanza makes a stanza from the words after "iface" or "template", at least one: the
// name, the family, the method and options.
func newStanza(words []string, template bool, pos linkfiles.Pos) stanza {
	s := stanza{name: words[0], template: template, pos: pos}
	words = words[1:]
	for i, w := range words {
		switch {
		case isInherits(w) && i+1 < len(words):
			s.inherits = append(s.inherits, words[i+1])
		case i == 1:
			s.method = w
		}
	}
	return s
}

// addAuto takes the names of an "auto" or "allow-" line: one may be a pattern between
// slashes, and "=" is followed by a name of the interface.
func (all *interfaces) addAuto(names []string) {
	for _, a := range names {
		a, _, _ = strings.Cut(a, "=")
		pattern, is := strings.CutPrefix(a, "/")
		switch pattern, _, _ = strings.Cut(pattern, "/"); {
		case !is:
			all.auto[a] = true
		case len(all.patterns) < maxPatterns:
			all.patterns = append(all.patterns, pattern)
		}
	}
}

type logicalLine struct {
	text string
	line int // where it begins
}

// logicalLines joins lines that end in a backslash, and leaves out comments and
// empty ones.
func logicalLines(data []byte) (out []logicalLine) {
	var joined strings.Builder
	line, begin := 0, 0
	end := func() {
		if t := strings.TrimSpace(joined.String()); t != "" {
			out = append(out, logicalLine{t, begin})
		}
		joined.Reset()
		begin = 0
	}
	for text := range strings.Lines(string(data)) {
		line++
		text = strings.TrimRight(text, "\r\n")
		if begin == 0 {
			if t := strings.TrimSpace(text); t == "" || t[0] == '#' {
				continue
			}
			begin = line
		}
		if body, more := strings.CutSuffix(text, `\`); more {
			joined.WriteString(body + " ")
			continue
		}
		joined.WriteString(text)
		end()
	}
	end()
	return out
}

// dialect is which of the three programs reads the file, "" for none. Since 0.12 Debian's
// ifupdown-ng can be installed with one of the others, and does nothing then: it has ifup
// only with the package ifupdown-ng-compat, which conflicts with them.
func (r *reading) dialect() Program {
	switch {
	case r.exists("/usr/share/ifupdown2/ifupdown"):
		return Ifupdown2
	case r.exists("/usr/lib/ifupdown", "/lib/ifupdown"):
		return Ifupdown
	case r.exists("/usr/libexec/ifupdown-ng", "/usr/lib/ifupdown-ng"):
		return IfupdownNG
	case r.exists("/usr/sbin/ifup", "/sbin/ifup"):
		return Ifupdown
	}
	return ""
}

// interfaces reads /etc/network/interfaces and the files that it sources, once.
func (r *reading) interfaces() *interfaces {
	if r.ifaces != nil {
		return r.ifaces
	}
	r.ifaces = newInterfaces()
	if program := r.dialect(); program != "" {
		r.sourced(program, interfacesFile, nil)
	}
	return r.ifaces
}

// sourced reads a file into r.ifaces; from are the files that led to it.
func (r *reading) sourced(program Program, file string, from []string) {
	data := r.read(program, file)
	if data == nil {
		return
	}
	from = append(from, file)
	parseInterfaces(file, data, r.ifaces, func(l sourceLine) {
		for _, word := range l.words {
			switch {
			case strings.ContainsAny(word, "~$`\"'"):
				r.problem(program, l.pos, "not followed: %s (the shell would expand it)", word)
				continue
			case !path.IsAbs(word):
				word = path.Join(path.Dir(file), word)
			}
			for _, name := range r.glob(program, word) {
				r.follow(program, l, name, from)
			}
		}
	})
}

// follow reads what a name in the line sources: the file, or those of the directory.
func (r *reading) follow(program Program, l sourceLine, name string, from []string) {
	files := []string{name}
	if l.directory {
		files = r.sourcedFrom(program, name)
	}
	for _, f := range files {
		switch {
		case slices.Contains(from, f):
			r.problem(program, l.pos, "%s is sourced by itself", f)
		case len(from) >= maxSourced:
			r.problem(program, l.pos, "not followed: %d files source one another", len(from))
		default:
			r.sourced(program, f, slices.Clone(from))
		}
	}
}

// sourcedFrom are the files of a directory that source-directory includes.
func (r *reading) sourcedFrom(program Program, dir string) (files []string) {
	for _, name := range r.names(program, dir) {
		if sourcedName().MatchString(name) {
			files = append(files, path.Join(dir, name))
		}
	}
	return files
}

// sourcedName is which files of a directory are sourced (interfaces(5)).
var sourcedName = onDemand(`^[a-zA-Z0-9_-]+$`)

// ifupdown adds one declaration for each interface, whichever of the three
// programs reads the file.
func (r *reading) ifupdown() {
	program := r.dialect()
	if program == "" {
		return
	}
	all := r.interfaces()
	scripts := ifupdownScripts{
		bond:   program != Ifupdown || r.exists("/etc/network/if-pre-up.d/ifenslave"),
		bridge: program != Ifupdown || r.exists("/etc/network/if-pre-up.d/bridge"),
	}
	r.add(all.declare(program, scripts)...)
}

// ifupdownScripts are which of the other packages' scripts that create devices exist.
type ifupdownScripts struct{ bond, bridge bool }

// declare makes one declaration of all stanzas of an interface.
func (all *interfaces) declare(program Program, scripts ifupdownScripts) []Declaration {
	all.indexNames()
	merged := all.merged()
	// A port may name its bond.
	ports := map[string][]port{}
	for _, s := range merged {
		if o, ok := s.last("bond-master"); ok {
			ports[o.value] = append(ports[o.value], port{s.name, o.pos})
		}
	}
	var out []Declaration
	for _, s := range merged {
		d := s.declaration(program, scripts, ports[s.name])
		d.OnRequest = !all.isAuto(s.name)
		out = append(out, d)
	}
	return out
}

// indexNames sets byName.
func (all *interfaces) indexNames() {
	all.byName = make(map[string]*stanza, len(all.stanzas))
	for i := range all.stanzas {
		if s := &all.stanzas[i]; all.byName[s.name] == nil {
			all.byName[s.name] = s
		}
	}
}

// merged are the interfaces, each with the options of all its stanzas, in the order of the
// first ones.
func (all *interfaces) merged() (out []*stanza) {
	byName := map[string]*stanza{}
	for i := range all.stanzas {
		s := &all.stanzas[i]
		if s.template || s.name == "lo" || strings.Contains(s.name, ":") {
			continue
		}
		m := byName[s.name]
		if m == nil {
			m = &stanza{name: s.name, pos: s.pos, method: s.method}
			byName[s.name] = m
			out = append(out, m)
		}
		m.options = append(m.options, all.withInherited(s, 0)...)
	}
	return out
}

// maxInherited is how deep stanzas may inherit from one another.
const maxInherited = 8

// withInherited are the options of a stanza, after those that it inherits.
func (all *interfaces) withInherited(s *stanza, depth int) []option {
	var out []option
	for _, from := range s.inherits {
		if t := all.byName[from]; t != nil && t != s && depth < maxInherited && len(out) < 1000 {
			out = append(out, all.withInherited(t, depth+1)...)
		}
	}
	return append(out, s.options...)
}

func (all *interfaces) isAuto(name string) bool {
	return all.auto[name] || slices.ContainsFunc(all.patterns, func(p string) bool { return globMatch(p, name) })
}

// first returns the first of several options that a stanza has.
func (s *stanza) first(names ...string) (option, bool) {
	for _, n := range names {
		if o, ok := s.last(n); ok {
			return o, true
		}
	}
	return option{}, false
}

// hasPrefix reports whether the stanza has an option with the prefix.
func (s *stanza) hasPrefix(prefix string) bool {
	return slices.ContainsFunc(s.options, func(o option) bool { return strings.HasPrefix(o.name, prefix) })
}

func (s *stanza) declaration(program Program, scripts ifupdownScripts, ports []port) Declaration {
	d := Declaration{Program: program, Device: s.name, Pos: s.pos}
	slaves, hasSlaves := s.first(slaveOptions(program)...)
	bridgePorts, isBridge := s.last("bridge-ports")
	_, isPort := s.last("bond-master")
	_, mode := s.last("bond-mode")
	switch {
	case isBridge:
		d.Kind, d.Creates = "bridge", scripts.bridge
		d.addPorts(portList(bridgePorts))
	case !isPort && (hasSlaves || mode || program == IfupdownNG && s.hasPrefix("bond-")):
		d.Kind, d.Creates = "bond", scripts.bond
		d.addPorts(append(portList(slaves), ports...))
	case program == Ifupdown && len(ports) > 0:
		d.addPorts(ports)
	}
	s.setAddress(&d, isBridge)
	return d
}

// slaveOptions are the program's names for the list of a bond's ports.
func slaveOptions(program Program) []string {
	if program == Ifupdown {
		return []string{"bond-slaves", "slaves"}
	}
	return []string{"bond-slaves", "bond-members", "bond-ports"}
}

// setAddress works out what the options do to the address of the device. The last effective
// one wins; an up line may create the device, too.
func (s *stanza) setAddress(d *Declaration, isBridge bool) {
	d.Address = Address{Way: WayNone, Key: "hwaddress", Pos: s.pos}
	// In the order in which they take effect.
	for _, phase := range [][]string{{"pre-up"}, {"bridge-hw"}, {"hwaddress"}, {"up", "post-up"}} {
		for _, o := range s.options {
			if !slices.Contains(phase, o.name) {
				continue
			}
			if a, ok := s.addressBy(o, d, isBridge); ok {
				d.Address = a
			}
		}
	}
}

// addressBy is what one option does to the address of the device; false if nothing.
func (s *stanza) addressBy(o option, d *Declaration, isBridge bool) (Address, bool) {
	switch o.name {
	case "hwaddress":
		return hwaddress(o), takesHwaddress(d.Program, s.method)
	case "bridge-hw":
		return bridgeHW(d.Program, o), isBridge
	}
	return d.command(o)
}

// takesHwaddress: ifupdown has hwaddress for some methods only (interfaces(5));
// the others have it for every interface.
func takesHwaddress(program Program, method string) bool {
	return program != Ifupdown || slices.Contains([]string{"static", "manual", "dhcp", "auto"}, method)
}

// hwaddress is the option of that name: an address, perhaps with its class before it, or
// "random".
func hwaddress(o option) Address {
	value := strings.TrimSpace(strings.TrimPrefix(o.value, "ether "))
	if value == "random" {
		return Address{Way: WayRandom, Key: o.name, Pos: o.pos}
	}
	return explicit(o.name, value, o.pos, false)
}

// bridgeHW is the option of bridge-utils: an address or a device that has it. ifupdown-ng
// sets it for the ports instead.
func bridgeHW(program Program, o option) Address {
	mac, is := parseMAC(o.value)
	switch {
	case program != Ifupdown:
		return Address{Way: WayUnknown, Key: o.name, Pos: o.pos, Unknown: "what " + string(program) + " does with bridge_hw depends on the scripts in /etc/network"}
	case is:
		return Address{Way: WayExplicit, Key: o.name, MAC: mac, Pos: o.pos}
	}
	return Address{Way: WayPort, Key: o.name, Port: o.value, Pos: o.pos}
}

// portList is a list of ports without keywords.
func portList(o option) []port {
	var out []port
	words := strings.Fields(o.value)
	for i := 0; i < len(words); i++ {
		switch words[i] {
		case "none", "all":
		case "regex", "noregex", "glob":
			i++ // what follows is a pattern
		default:
			out = append(out, port{words[i], o.pos})
		}
	}
	return out
}

// onDemand is an expression that is compiled at its first use: most machines do not need it.
func onDemand(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// The commands in up lines that make a device or set an address.
var (
	ipLinkAdd = onDemand(`(?:^|[;&|]\s*)(?:/\S*/)?ip\s+(?:-\S+\s+)*(?:link|li|l)\s+add\s+(.*)$`)
	ipLinkSet = onDemand(`(?:^|[;&|]\s*)(?:/\S*/)?ip\s+(?:-\S+\s+)*(?:link|li|l)\s+set\s+(.*)$`)
	ifconfig  = onDemand(`(?:^|[;&|]\s*)(?:/\S*/)?ifconfig\s+(\S+)\s+hw\s+(?:ether\s+)?(\S+)`)
	brctl     = onDemand(`(?:^|[;&|]\s*)(?:/\S*/)?brctl\s+addbr\s+(\S+)`)
	macchange = onDemand(`(?:^|[;&|]\s*)(?:/\S*/)?macchanger\s`)
)

// command reads a line for the shell. It knows the usual ways to create a device and to set
// an address, one per line.
func (d *Declaration) command(o option) (Address, bool) {
	if m := brctl().FindStringSubmatch(o.value); m != nil && d.isNamed(m[1]) {
		d.Kind, d.Creates = "bridge", true
		return Address{}, false
	}
	if m := ipLinkAdd().FindStringSubmatch(o.value); m != nil {
		return d.ipLink(o, linkWords(m[1]), true)
	}
	if m := ipLinkSet().FindStringSubmatch(o.value); m != nil {
		return d.ipLink(o, linkWords(m[1]), false)
	}
	if m := ifconfig().FindStringSubmatch(o.value); m != nil && d.isNamed(m[1]) {
		return commandAddress(o, m[2], false)
	}
	if macchange().MatchString(o.value) && (strings.Contains(o.value, d.Device) || strings.Contains(o.value, "IFACE")) {
		return Address{Way: WayUnknown, Key: o.name, Pos: o.pos, Unknown: "the command in this line is not evaluated"}, true
	}
	return Address{}, false
}

// isNamed reports whether a word of a command is the device.
func (d *Declaration) isNamed(word string) bool {
	word = strings.Trim(word, `"'`)
	return word == d.Device || word == "$IFACE" || word == "${IFACE}"
}

// ipLink is of the words of ip link add, which creates the device, or set.
func (d *Declaration) ipLink(o option, words map[string]string, creates bool) (Address, bool) {
	if !d.isNamed(words["dev"]) {
		return Address{}, false
	}
	if creates {
		d.Kind, d.Creates = words["type"], true
	}
	return commandAddress(o, words["address"], creates)
}

// commandAddress is an address in a command: one that the shell computes is unknown.
func commandAddress(o option, value string, created bool) (Address, bool) {
	if value == "" {
		return Address{}, false
	}
	if mac, ok := parseMAC(strings.Trim(value, `"'`)); ok {
		return Address{Way: WayExplicit, Key: o.name, MAC: mac, Pos: o.pos, AtCreation: created}, true
	}
	return Address{Way: WayUnknown, Key: o.name, Pos: o.pos, AtCreation: created, Unknown: "the command computes the address when it runs"}, true
}

// linkWords are the arguments of ip link add and set: "dev", which may lack its
// keyword, "address" and "type".
func linkWords(args string) map[string]string {
	out := map[string]string{}
	if i := strings.IndexAny(args, ";&|"); i >= 0 {
		args = args[:i]
	}
	words := strings.Fields(args)
	for i := 0; i < len(words); i++ {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch words[i] {
		case "dev", "name":
			out["dev"] = next
			i++
		case "address", "addr":
			out["address"] = next
			i++
		case "type":
			out["type"] = next
			return out // what follows is the type's own
		case "up", "down":
		case "mtu", "master", "link", "txqueuelen", "alias", "group":
			i++
		default:
			if out["dev"] == "" {
				out["dev"] = words[i]
			}
		}
	}
	return out
}
