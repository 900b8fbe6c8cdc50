package netconf

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"linkaudit/linkfiles"
)

// NetworkManager's directories of profiles, the one that wins first, and of configuration,
// in reading order.
var (
	nmProfileDirs = []string{"/run/NetworkManager/system-connections", nmEtcProfiles, "/usr/lib/NetworkManager/system-connections"}
	nmConfDirs    = []string{"/usr/lib/NetworkManager/conf.d", "/run/NetworkManager/conf.d", "/etc/NetworkManager/conf.d"}
)

const (
	nmEtcProfiles = "/etc/NetworkManager/system-connections"
	nmConf        = "/etc/NetworkManager/NetworkManager.conf"
)

func (r *reading) networkManager() {
	conf := r.nmConfig()
	var profiles []*nmProfile
	taken := map[string]bool{} // UUIDs of profiles and of their tombstones
	for _, dir := range nmProfileDirs {
		profiles = append(profiles, r.readNMProfiles(dir, taken)...)
	}
	conf.ifupdown = r.nmLeavesToIfupdown(conf)
	for _, p := range profiles {
		if p.name != "" {
			r.add(p.declaration(conf, profiles))
		}
	}
}

// readNMProfiles reads the profiles of a directory, without those whose UUIDs are taken, and
// takes theirs.
func (r *reading) readNMProfiles(dir string, taken map[string]bool) (profiles []*nmProfile) {
	names := r.names(NetworkManager, dir)
	for _, name := range names {
		if uuid, is := strings.CutSuffix(name, ".nmmeta"); is {
			taken[uuid] = true
		}
	}
	for _, name := range names {
		if !isProfile(dir, name) {
			continue
		}
		p := r.readNMProfile(path.Join(dir, name))
		if p == nil || p.uuid != "" && taken[p.uuid] {
			continue
		}
		taken[p.uuid] = true
		profiles = append(profiles, p)
	}
	return profiles
}

// readNMProfile reads a profile, nil if there is none that counts.
func (r *reading) readNMProfile(file string) *nmProfile {
	data := r.read(NetworkManager, file)
	if data == nil {
		return nil
	}
	p, err := parseNMProfile(file, data)
	if err != nil {
		r.refused(NetworkManager, file, "NetworkManager does not accept this profile", err)
		return nil
	}
	return p
}

// isProfile reports whether NetworkManager reads a file of a directory of profiles: outside
// of /etc by its suffix; in /etc unless an editor or a package manager left it there.
func isProfile(dir, name string) bool {
	if strings.HasSuffix(name, ".nmconnection") {
		return !strings.HasPrefix(name, ".")
	}
	if dir != nmEtcProfiles || strings.HasPrefix(name, ".") {
		return false
	}
	return !slices.ContainsFunc(leftBehind, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
}

// leftBehind are the suffixes of files in /etc that are not profiles.
var leftBehind = []string{"~", ".nmmeta", ".rpmnew", ".rpmsave", ".rpmorig", ".augnew", ".augtmp", ".swp", ".swpx", ".dpkg-old", ".dpkg-new", ".dpkg-dist", ".tmp"}

// nmProfile is what a profile says about a device.
type nmProfile struct {
	file, id, uuid string
	kind           string // IFLA_INFO_KIND, "" for hardware
	nmType         string // as match-device of the configuration spells it
	name           string // interface-name
	nameAt         int
	master         string // a device, an ID or a UUID
	manual         bool   // autoconnect=false
	cloned         string
	clonedAt       int
	bridgeMAC      string
	bridgeMACAt    int
	stableID       string
}

// The names of a group and of the setting as they were before 1.46.
var (
	ethernetGroups = []string{"ethernet", "802-3-ethernet"}
	wantedNMKeys   = map[string]bool{
		"type": true, "id": true, "uuid": true, "interface-name": true, "master": true, "controller": true,
		"autoconnect": true, "stable-id": true, "cloned-mac-address": true, "mac-address": true,
	}
	wantedNMGroups = map[string]bool{"connection": true, "ethernet": true, "802-3-ethernet": true, "bridge": true}
)

// nmKinds are the types of profiles with a known kind of device. The device of an ethernet
// profile has none.
var nmKinds = map[string]string{
	"bond": "bond", "bridge": "bridge", "team": "team", "vlan": "vlan", "dummy": "dummy", "vxlan": "vxlan",
	"macvlan": "macvlan", "veth": "veth", "vrf": "vrf",
	"ethernet": "", "802-3-ethernet": "",
}

// parseNMProfile reads a keyfile of NetworkManager; nil if its type has no Ethernet
// address.
func parseNMProfile(file string, data []byte) (*nmProfile, error) {
	k, err := parseKeyfile(data, func(section, key string) bool { return wantedNMGroups[section] && wantedNMKeys[key] })
	if err != nil {
		return nil, err
	}
	typ, _, _ := k.get("connection", "type")
	kind, ok := nmKinds[typ]
	if !ok {
		return nil, nil
	}
	p := &nmProfile{file: file, kind: kind, nmType: typ}
	if kind == "" {
		p.nmType = "ethernet"
	}
	p.id, _, _ = k.get("connection", "id")
	p.uuid, _, _ = k.get("connection", "uuid")
	p.name, p.nameAt, _ = k.get("connection", "interface-name")
	if p.master, _, ok = k.get("connection", "controller"); !ok {
		p.master, _, _ = k.get("connection", "master")
	}
	autoconnect, _, _ := k.get("connection", "autoconnect")
	p.manual = isFalse(autoconnect)
	p.stableID, _, _ = k.get("connection", "stable-id")
	p.cloned, p.clonedAt, _ = k.first(ethernetGroups, "cloned-mac-address")
	p.bridgeMAC, p.bridgeMACAt, _ = k.get("bridge", "mac-address")
	return p, nil
}

// declaration is what follows from a profile and the configuration.
func (p *nmProfile) declaration(conf *nmConfig, all []*nmProfile) Declaration {
	d := Declaration{
		Program: NetworkManager, Device: p.name, Kind: p.kind, Creates: p.kind != "", OnRequest: p.manual,
		Pos: p.at(p.nameAt),
	}
	d.addPorts(p.portsAmong(all))
	if conf.ifupdown[p.name] {
		d.Ignored = "/etc/network/interfaces has it, so the plugin ifupdown leaves it to ifupdown"
	}
	if why := conf.unmanaged(p); why != "" {
		d.Ignored = why
	}
	d.Address = p.address(conf)
	return d
}

// portsAmong are the devices with profiles that make them ports of this one, by name.
func (p *nmProfile) portsAmong(all []*nmProfile) []port {
	var ports []port
	for _, of := range all {
		if of.master != "" && of.name != "" && (of.master == p.name || of.master == p.uuid || of.master == p.id) {
			ports = append(ports, port{of.name, of.at(of.nameAt)})
		}
	}
	slices.SortStableFunc(ports, func(x, y port) int { return strings.Compare(x.name, y.name) })
	return slices.CompactFunc(ports, func(x, y port) bool { return x.name == y.name })
}

// at is a line of the profile.
func (p *nmProfile) at(line int) linkfiles.Pos { return linkfiles.Pos{File: p.file, Line: line} }

// address is what NetworkManager does to the address. A bridge is created with it; for other
// devices it is set later. The one in the setting wins over the bridge's own, which only
// a bridge that is created gets.
func (p *nmProfile) address(conf *nmConfig) Address {
	const key = "cloned-mac-address"
	value, at, from := p.cloned, p.at(p.clonedAt), ""
	var unsure string
	if value == "" {
		value, at, unsure = conf.connectionDefault("ethernet.cloned-mac-address", p)
		from = "ethernet."
	}
	created := p.kind == "bridge"
	if unsure != "" {
		return Address{Way: WayUnknown, Key: from + key, Pos: at, Unknown: unsure}
	}
	a := Address{Key: from + key, Pos: at, AtCreation: created}
	switch value {
	case "", "preserve":
		if created && p.bridgeMAC != "" {
			return explicit("mac-address", p.bridgeMAC, p.at(p.bridgeMACAt), true)
		}
		a.Way, a.AtCreation = WayNone, false
		if value == "" {
			a.Key, a.Pos = key, p.at(p.nameAt)
		}
	case "permanent":
		// A virtual device has no permanent address and keeps the one it has.
		a.Way, a.AtCreation = WayPermanent, false
		if p.kind != "" {
			a.Way = WayNone
		}
	case "random":
		a.Way = WayRandom
	case "stable", "stable-ssid":
		a.Way = WayStable
		if id := p.effectiveStableID(conf); strings.Contains(id, "${") && !strings.Contains(id, "${CONNECTION}") {
			a.Way, a.Unknown = WayUnknown, fmt.Sprintf("it depends on connection.stable-id=%s", id)
		}
	default:
		return explicit(from+key, value, at, created)
	}
	return a
}

// effectiveStableID is the stable-id of the profile, or the default for it.
func (p *nmProfile) effectiveStableID(conf *nmConfig) string {
	if p.stableID != "" {
		return p.stableID
	}
	id, _, _ := conf.connectionDefault("connection.stable-id", p)
	return id
}

// explicit is an address that a file has.
func explicit(key, value string, at linkfiles.Pos, created bool) Address {
	mac, ok := parseMAC(strings.Trim(value, `"'`))
	if !ok {
		return Address{Way: WayUnknown, Key: key, Pos: at, Unknown: fmt.Sprintf("%s=%s is not a MAC address", key, value)}
	}
	return Address{Way: WayExplicit, Key: key, MAC: mac, Pos: at, AtCreation: created}
}

// nmConfig is NetworkManager.conf with its snippets, merged as NetworkManager
// merges them.
type nmConfig struct {
	// groups are in the order in which they were first seen: files in reading order, and
	// within a file the groups connection* and device* backwards.
	groups []string
	values map[[2]string]nmValue
	// ifupdown are the devices that the plugin ifupdown leaves alone.
	ifupdown map[string]bool
}

type nmValue struct {
	text string
	pos  linkfiles.Pos
}

var wantedConfKeys = map[string]bool{
	"match-device": true, "stop-match": true, "managed": true, "unmanaged-devices": true, "plugins": true, "enable": true,
	"ethernet.cloned-mac-address": true, "connection.stable-id": true,
}

// nmConfig reads NetworkManager.conf and its snippets.
func (r *reading) nmConfig() *nmConfig {
	c := &nmConfig{values: map[[2]string]nmValue{}}
	names := make([][]string, len(nmConfDirs))
	for i, dir := range nmConfDirs {
		for _, name := range r.names(NetworkManager, dir) {
			if strings.HasSuffix(name, ".conf") {
				names[i] = append(names[i], name)
			}
		}
	}
	shadowed := func(i int, name string) bool {
		return slices.ContainsFunc(names[i+1:], func(later []string) bool { return slices.Contains(later, name) })
	}
	for i, dir := range nmConfDirs {
		if i == len(nmConfDirs)-1 {
			r.nmConfFile(c, nmConf)
		}
		for _, name := range names[i] {
			if !shadowed(i, name) {
				r.nmConfFile(c, path.Join(dir, name))
			}
		}
	}
	return c
}

func (r *reading) nmConfFile(c *nmConfig, file string) {
	data := r.read(NetworkManager, file)
	if data == nil {
		return
	}
	if err := c.merge(file, data); err != nil {
		r.refused(NetworkManager, file, "NetworkManager does not accept this file, and may not start", err)
	}
}

// merge adds a file to what was read before it.
func (c *nmConfig) merge(file string, data []byte) error {
	k, err := parseKeyfile(data, func(section, key string) bool { return wantedConfKeys[strings.TrimRight(key, "+-")] })
	if err != nil {
		return err
	}
	if enable, _, _ := k.get(".config", "enable"); isFalse(enable) {
		return nil
	}
	for _, s := range nmOrder(k.sections) {
		if !slices.Contains(c.groups, s) {
			c.groups = append(c.groups, s)
		}
		for _, key := range k.file.Section(s).KeyStrings() {
			v, line, _ := k.get(s, key)
			c.set(s, key, nmValue{v, linkfiles.Pos{File: file, Line: line}})
		}
	}
	return nil
}

// nmOrder are the groups of a file in the order of nmConfig.groups.
func nmOrder(sections []string) (ordered []string) {
	for _, s := range sections {
		if strings.HasPrefix(s, "connection") || strings.HasPrefix(s, "device") {
			ordered = slices.Insert(ordered, 0, s)
		} else {
			ordered = append(ordered, s)
		}
	}
	return ordered
}

// set sets a key to the value, adds it to the key's list for "key+", or removes it for
// "key-".
func (c *nmConfig) set(section, key string, value nmValue) {
	at := [2]string{section, strings.TrimRight(key, "+-")}
	if old, set := c.values[at]; set && strings.HasSuffix(key, "+") {
		value.text = old.text + "," + value.text
	} else if strings.HasSuffix(key, "-") {
		value.text = notEvaluated
	}
	c.values[at] = value
}

// notEvaluated is a list from which something is removed again.
const notEvaluated = "-"

// sections are the groups with names that begin with prefix, the first to look at first; the
// plain one is the last.
func (c *nmConfig) sections(prefix string) []string {
	var out []string
	for _, s := range slices.Backward(c.groups) {
		if s != prefix && strings.HasPrefix(s, prefix) {
			out = append(out, s)
		}
	}
	if slices.Contains(c.groups, prefix) {
		out = append(out, prefix)
	}
	return out
}

// connectionDefault is the default of a property for a profile, and where it is set; unsure
// says why it is unknown.
func (c *nmConfig) connectionDefault(key string, p *nmProfile) (value string, at linkfiles.Pos, unsure string) {
	for _, s := range c.sections("connection") {
		v, has := c.values[[2]string{s, key}]
		stop, _ := isTrue(c.values[[2]string{s, "stop-match"}].text)
		if !has && !stop {
			continue
		}
		devices := c.values[[2]string{s, "match-device"}]
		switch matches(devices, p, true) {
		case matchYes:
			return v.text, v.pos, ""
		case matchUnknown:
			if !has {
				v.pos = devices.pos
			}
			return "", v.pos, fmt.Sprintf("linkaudit does not evaluate match-device=%s of [%s]", devices.text, s)
		}
	}
	return "", linkfiles.Pos{}, ""
}

// unmanaged says why NetworkManager leaves the device of a profile alone, "" if it does not.
func (c *nmConfig) unmanaged(p *nmProfile) string {
	if v, ok := c.values[[2]string{"keyfile", "unmanaged-devices"}]; ok && matches(v, p, false) == matchYes {
		return fmt.Sprintf("unmanaged-devices= at %s", v.pos)
	}
	for _, s := range c.sections("device") {
		v, ok := c.values[[2]string{s, "managed"}]
		if !ok || matches(c.values[[2]string{s, "match-device"}], p, true) != matchYes {
			continue
		}
		if isFalse(v.text) {
			return fmt.Sprintf("managed=%s at %s", v.text, v.pos)
		}
		return ""
	}
	return ""
}

type match int

const (
	matchNo match = iota
	matchYes
	matchUnknown
)

func matchIf(yes bool) match {
	if yes {
		return matchYes
	}
	return matchNo
}

// matches evaluates a list of device specs for the device of a profile, as far as name and
// type allow. An empty list returns what everything says.
func matches(list nmValue, p *nmProfile, everything bool) match {
	if list.pos.File == "" {
		return matchIf(everything)
	}
	if list.text == notEvaluated {
		return matchUnknown
	}
	var yes, except, onlyExcept, unknown = false, false, true, false
	for _, spec := range specs(list.text) {
		not, rest := cutFold(spec, "except:")
		onlyExcept = onlyExcept && not
		switch m := matchSpec(rest, p); {
		case m == matchUnknown:
			unknown = true
		case m == matchYes && not:
			except = true
		case m == matchYes:
			yes = true
		}
	}
	switch {
	case except:
		return matchNo
	case unknown:
		return matchUnknown
	}
	return matchIf(yes || onlyExcept && list.text != "")
}

// specs splits a list of device specs at commas and semicolons.
func specs(list string) []string {
	return strings.FieldsFunc(list, func(c rune) bool { return c == ',' || c == ';' || c == ' ' || c == '\t' })
}

func cutFold(s, prefix string) (bool, string) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return true, s[len(prefix):]
	}
	return false, s
}

// matchSpec evaluates one device spec.
func matchSpec(spec string, p *nmProfile) match {
	if spec == "*" {
		return matchYes
	}
	if is, pattern := cutFold(spec, "interface-name:"); is {
		if literal, is := strings.CutPrefix(pattern, "="); is {
			return matchIf(literal == p.name)
		}
		pattern = strings.TrimPrefix(pattern, "~")
		return matchIf(pattern == p.name || globMatch(pattern, p.name))
	}
	if is, typ := cutFold(spec, "type:"); is {
		return matchIf(typ == p.nmType)
	}
	for _, other := range []string{"mac:", "driver:", "s390-subchannels:", "dhcp-plugin:"} {
		if is, _ := cutFold(spec, other); is {
			return matchUnknown
		}
	}
	return matchIf(spec == p.name) // an address, too, which a new device does not have
}

// globMatch is GLib's g_pattern_match_simple: * and ? only.
func globMatch(pattern, name string) bool {
	// The pattern as far as the last *, to come back to.
	star, from := -1, 0
	i, j := 0, 0
	for j < len(name) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, from = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == name[j]):
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}

// nmLeavesToIfupdown are the devices of /etc/network/interfaces, if the plugin ifupdown is
// in use and not set to manage them.
func (r *reading) nmLeavesToIfupdown(c *nmConfig) map[string]bool {
	plugins := specs(c.values[[2]string{"main", "plugins"}].text)
	if yes, _ := isTrue(c.values[[2]string{"ifupdown", "managed"}].text); yes || !slices.Contains(plugins, "ifupdown") {
		return nil
	}
	out := map[string]bool{}
	for _, s := range r.interfaces().stanzas {
		out[s.name] = true
	}
	return out
}
