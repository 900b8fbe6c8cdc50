package report

import (
	"fmt"
	"io"
	"strings"

	"linkaudit/internal/audit"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// writeExplanationText writes the whole reasoning about a device, for somebody who may
// never have heard of .link files.
func writeExplanationText(w io.Writer, x *audit.Explanation, o Options) error {
	p := o.newPrinter()
	d := x.Device
	p.para("", 2, span{word(d.Name), bold}, text(": where its MAC address comes from"))
	p.inShort(x)
	for _, section := range []struct {
		heading string
		write   func()
	}{
		{"What it is", func() { p.whatItIs(x) }},
		{"The .link files, in the order in which udevd looks at them", func() { p.files(x, o.AllFiles) }},
		{"The settings of the file that applies", func() { p.settings(x) }},
		{"The policy", func() { p.explainPolicy(x) }},
		{"Other programs", func() { p.managers(x) }},
		{"The address now", func() { p.explainAddress(x) }},
		{"The address after an event", func() { p.events(x) }},
		{"The initramfs", func() { p.initramfs(x) }},
		{"What to do", func() { p.whatToDo(x) }},
	} {
		if section.heading == "The initramfs" && !x.Result.Snapshot.Initramfs.IsKnown() {
			continue // nobody asked
		}
		p.blank()
		p.para("", 2, span{section.heading, bold})
		section.write()
	}
	return p.flush(w)
}

// inShort is the answer in a few lines, for somebody who has no time.
func (p *printer) inShort(x *audit.Explanation) {
	d := x.Device
	switch {
	case d.Device == nil:
		p.say(text("It does not exist yet."))
	case d.Device.MAC == "":
		p.say(text("It has no address."))
	default:
		p.say(append([]span{text("It carries "), {word(d.Device.MAC), bold}, text(", ")}, append(explainOrigin(d), text("."))...)...)
	}
	p.say(text(whatApplies(d) + whyNothingComesOfIt(x)))
	switch sum := CountFindings(d.Findings); {
	case x.Fix.Name != "":
		p.say(text("To fix it: "), p.command(x.Fix.String()))
	case sum.AtLeast(audit.Warning) > 0:
		p.say(verdict(sum, audit.Warning), text("; see below."))
	}
}

// whatApplies is a sentence about the link file and its policy.
func whatApplies(d *audit.DeviceResult) string {
	file, pol := "Which .link file applies is not known", d.Policy.Or("")
	if f, ok := d.LinkFile.Get(); ok {
		file = word(f.Path) + " applies"
	} else if d.LinkFile.IsAbsent() {
		file = "No .link file applies"
	}
	switch at := d.PolicySource; {
	case pol != "" && at.File != "" && at.File != effectivePath(d.LinkFile):
		file += ", with MACAddressPolicy=" + word(pol) + " from its drop-in " + position(at.File, at.Line)
	case pol != "" && at.File != "":
		file += fmt.Sprintf(", with MACAddressPolicy=%s in line %d", word(pol), at.Line)
	case pol != "":
		file += ", but MACAddressPolicy=" + word(pol) + " in any case"
	case d.Policy.IsAbsent() && d.LinkFile.IsKnown():
		file += " and sets no MACAddressPolicy="
	}
	return file + "."
}

// whyNothingComesOfIt follows whatApplies where udevd applies no file at all.
func whyNothingComesOfIt(x *audit.Explanation) string {
	s := x.Result.Snapshot
	if s == nil || !x.Device.LinkFile.IsKnown() {
		return ""
	}
	switch running, known := s.Udev.Running.Get(); {
	case s.Udev.SetupLinkRule.IsAbsent():
		return " But no udev rule runs net_setup_link here, so that nothing comes of it."
	case known && !running && !s.Offline:
		return " But systemd-udevd does not run, so that nothing comes of it at present."
	}
	return ""
}

// command is one that is to be copied: it stays on one line.
func (p *printer) command(s string) span {
	return span{strings.ReplaceAll(Escape(s), " ", hardSpace), bold}
}

// say writes a paragraph of an explanation.
func (p *printer) say(spans ...span) { p.para("  ", 2, spans...) }

// kindWords say what a device of a kind is.
var kindWords = map[string]string{
	"bond":    "a bond: several network devices, its ports, used as if they were one",
	"team":    "a team: several network devices, its ports, used as if they were one",
	"bridge":  "a bridge: a switch inside the machine, with other network devices as its ports",
	"vlan":    "a VLAN: one tagged network on top of another device",
	"veth":    "one end of a virtual cable (veth)",
	"vxlan":   "a VXLAN: a tunnel over another network",
	"dummy":   "a dummy: a device that leads nowhere",
	"macvlan": "a macvlan: a second address on top of another device",
	"tun":     "a tun or tap device: its other end is a program",
}

func (p *printer) whatItIs(x *audit.Explanation) {
	d := x.Device
	what, ok := kindWords[d.Kind]
	switch {
	case ok:
	case d.Kind != "":
		what = "a virtual device of the kind " + word(d.Kind)
	case d.Device == nil:
		what = "a device of a kind that is not known"
	case d.Device.Loopback():
		what = "the loopback device, by which the machine talks to itself"
	case d.Device.PermanentMAC != "":
		what = "hardware, or passes for it: it has a permanent address of its own"
	default:
		what = "a device without a kind, as hardware is"
	}
	if d.Device == nil {
		p.say(text(word(d.Name) + " does not exist yet. It will be " + what + ". What follows is what will happen when it is created."))
	} else {
		p.say(text(word(d.Name) + " is " + what + "."))
		p.relatives(d.Device)
	}
	if s := x.Result.Snapshot; s != nil {
		p.row("host", text(hostWords(s, x.Result.Tree)))
	}
	p.blank()
	p.say(text("When a network device appears, systemd-udevd looks for settings for it in .link files: it goes through them in the order of their names, whatever directory each is in, and applies the first one whose [Match] section fits, and no other."))
	p.say(text("MACAddressPolicy= in that file decides about the address: persistent has udevd make one of the machine's ID and the device's name, random has it make up another one each time, and none, or no such line, leaves the address to the kernel and to whoever creates the device; a bond or bridge then takes that of a port."))
}

func hostWords(s *host.Snapshot, t *linkfiles.Tree) string {
	out := "a host of unknown name"
	if name, ok := s.System.Hostname.Get(); ok {
		out = word(name)
	}
	if t != nil {
		out += fmt.Sprintf(", .link files read as systemd %d reads them", t.Release)
	}
	switch running, known := s.Udev.Running.Get(); {
	case s.Offline:
		out += ", an image that is not running"
	case known && !running:
		out += "; systemd-udevd does not run, so that no file is applied at present"
	}
	if s.Udev.SetupLinkRule.IsAbsent() {
		out += "; no udev rule runs net_setup_link, so that no file is applied at all"
	}
	return out
}

// listAll is the number of files up to which all are listed.
const listAll = 20

// fileRow is one file of the list, or several in a row that are left out.
type fileRow struct {
	verdict *linkfiles.Verdict
	gap     []linkfiles.Verdict
}

// fileRows chooses which files are worth a line of their own: the one that
// applies and the doubtful ones, and a few of the others.
func fileRows(verdicts []linkfiles.Verdict, all bool) []fileRow {
	show := worthALine(verdicts)
	all = all || len(verdicts) <= listAll
	var rows []fileRow
	for i := range verdicts {
		switch last := len(rows) - 1; {
		case all || show[i]:
			rows = append(rows, fileRow{verdict: &verdicts[i]})
		case last >= 0 && rows[last].verdict == nil:
			rows[last].gap = append(rows[last].gap, verdicts[i])
		default:
			rows = append(rows, fileRow{gap: []linkfiles.Verdict{verdicts[i]}})
		}
	}
	for i, r := range rows {
		if len(r.gap) == 1 {
			rows[i] = fileRow{verdict: &r.gap[0]} // takes no more room
		}
	}
	return rows
}

// worthALine says of each of many files whether it is shown: the first ones, the one that
// applies and its neighbours, and some of those that are doubtful or not used.
func worthALine(verdicts []linkfiles.Verdict) []bool {
	const first, doubtful, unused = 4, 8, 4
	show := make([]bool, len(verdicts))
	applies := len(verdicts)
	left := map[linkfiles.Fate]int{linkfiles.FateUnknown: doubtful, linkfiles.FateUnused: unused}
	for i, v := range verdicts {
		if v.Fate == linkfiles.FateApplies || v.Fate == linkfiles.FateOtherwise {
			applies = i
		}
		show[i] = i < first || v.Reached && left[v.Fate] > 0
		if v.Reached {
			left[v.Fate]--
		}
	}
	for i := max(applies-1, 0); i < min(applies+2, len(show)); i++ {
		show[i] = true
	}
	return show
}

// initramfs says what the images that were read make of the device.
func (p *printer) initramfs(x *audit.Explanation) {
	images, _ := x.Result.Snapshot.Initramfs.Get()
	if len(images) == 0 {
		p.say(text("No initramfs image was found."))
		return
	}
	p.say(text("Until the root is there, udevd reads the .link files that were put into the initramfs when it was made; a device that is created there is handled by those."))
	for i := range images {
		img := &images[i]
		what := "its udevd applies no .link file to any device"
		s := plain
		switch {
		case img.Unreadable != "":
			what, s = "not known, since it could not be read: "+Escape(img.Unreadable), yellow
		case !img.Udevd:
			what = "there is no udevd in it"
		}
		for _, v := range x.Device.InImages {
			if v.Image != img {
				continue
			}
			what = Escape(words.Of(v.There()))
			if v.Differs {
				what, s = "another policy than here: "+what, yellow
			}
			if d := v.Declared; d != nil {
				what += "; " + Escape(fmt.Sprintf("%s there %s (%s)", d.Program, words.Of(audit.AddressBy(*d)), d.Address.Pos))
				if v.DeclaredDiffers {
					what, s = what+", but "+Escape(words.Of(v.DeclaredHere)), yellow
				}
			}
			switch v.Creates {
			case audit.CreatesIt:
				what += "; the device is created there (" + Escape(words.Of(v.By)) + ")"
			case audit.CreatesMaybe:
				what += "; whether the device is created there depends on the kernel command line, which is not known"
			}
		}
		p.row("image", text(word(img.Path)+": "), span{what, s})
	}
}

// gapWords counts what was left out by why it does not apply.
func gapWords(gap []linkfiles.Verdict) string {
	var order []string
	count := map[string]int{}
	for _, v := range gap {
		what := ""
		switch {
		case v.Fate == linkfiles.FateNoMatch && v.Key != "":
			what = "ask for another " + v.Key + "="
		case v.Fate == linkfiles.FateNoMatch:
			what = "do not fit"
		case v.Fate == linkfiles.FateUnused:
			what = "are not used for any device"
		case v.Fate == linkfiles.FateUnknown:
			what = "are doubtful"
		default:
			what = "would fit"
		}
		if count[what] == 0 {
			order = append(order, what)
		}
		count[what]++
	}
	var parts []string
	for _, what := range order {
		parts = append(parts, fmt.Sprintf("%d %s", count[what], what))
	}
	if len(order) == 1 {
		parts[0] = "all " + order[0]
	}
	out := fmt.Sprintf("%d files, %s to %s", len(gap), word(gap[0].File.Name), word(gap[len(gap)-1].File.Name))
	if !gap[0].Reached {
		out += ", not looked at, as an earlier one applies"
	}
	return out + ": " + strings.Join(parts, ", ")
}

func (p *printer) files(x *audit.Explanation, all bool) {
	if len(x.Files) == 0 {
		p.say(text("There is none."))
	}
	applies, left := false, false
	for _, row := range fileRows(x.Files, all) {
		v := row.verdict
		if v == nil {
			left = true
			p.row("...", span{gapWords(row.gap), dim})
			continue
		}
		label, s := fateLabel(v)
		applies = applies || s == bold
		spans := []span{{word(v.File.Path), s}, text(": "), {p.fate(x, v, all), s}}
		if s == bold {
			spans[2].style = green
		}
		p.row(label, spans...)
	}
	switch {
	case applies || len(x.Files) == 0:
	case x.Device.LinkFile.IsUnknown():
		p.say(span{"Which file applies is not known", yellow}, text(": "+Escape(words.Of(x.Device.LinkFile.Reason()))+". If the doubtful ones do not, none does."))
	default:
		p.say(text("No file applies: udevd leaves the device as it is."))
	}
	if p.notRead(x.NotRead, all) || left {
		p.say(span{"--all-files shows each.", dim})
	}
}

// notRead lists what is no .link file, and says whether some were left out.
func (p *printer) notRead(complaints []linkfiles.Diagnostic, all bool) bool {
	const most = 8
	show := complaints
	if !all && len(complaints) > most+1 {
		show = complaints[:most]
	}
	for _, n := range show {
		p.row("not read", span{position(n.File, n.Line), dim}, span{": " + Escape(abridge(strings.TrimPrefix(n.Message, "not read: "), all)), dim})
	}
	left := len(complaints) - len(show)
	if left > 0 {
		p.row("...", span{number(left, "more name") + " not read", dim})
	}
	return left > 0
}

// fateLabel names what becomes of a file.
func fateLabel(v *linkfiles.Verdict) (string, style) {
	if !v.Reached {
		return "later", dim
	}
	switch v.Fate {
	case linkfiles.FateApplies:
		return "applies", bold
	case linkfiles.FateOtherwise:
		return "else", bold
	case linkfiles.FateUnknown:
		return "unknown", plain
	case linkfiles.FateUnused:
		return "not used", plain
	}
	return "no", plain
}

// fate says what becomes of a file and why.
func (p *printer) fate(x *audit.Explanation, v *linkfiles.Verdict, all bool) string {
	why := Escape(abridge(words.Of(v.Reason), all))
	if v.Pos.Line > 0 {
		if v.Pos.File == v.File.Path {
			why += fmt.Sprintf(" (line %d)", v.Pos.Line)
		} else {
			why += " (" + position(v.Pos.File, v.Pos.Line) + ")"
		}
	} else if v.Fate == linkfiles.FateUnused {
		switch v.File.State {
		case linkfiles.StateMasked:
			why = "masked, as it is " + why
		case linkfiles.StateMatchEmpty:
			why = "ignored, since: " + why
		case linkfiles.StateRejected:
			why = "dropped, since: " + why
		default:
			why = "since: " + why
		}
	}
	switch {
	case v.Fate == linkfiles.FateLater:
		return "not looked at, as an earlier file applies; it would fit as well"
	case !v.Reached && v.Fate == linkfiles.FateUnknown:
		return "not looked at, as an earlier file applies; whether it would fit is not known: " + why
	case !v.Reached:
		return "not looked at, as an earlier file applies; it would not have been taken: " + why
	case v.Fate == linkfiles.FateApplies:
		return "its [Match] section fits" + asks(x, v)
	case v.Fate == linkfiles.FateOtherwise:
		return "applies if the doubtful ones before it do not"
	}
	return why
}

// asks lists what [Match] of the file that applies asks for.
func asks(x *audit.Explanation, v *linkfiles.Verdict) string {
	var keys []string
	for _, l := range x.Settings {
		if l.Section == "Match" && l.State == linkfiles.SettingInForce {
			keys = append(keys, l.Key+"="+shownValue(l, false))
		}
	}
	if len(keys) == 0 || len(keys) > 4 {
		return ""
	}
	return ": " + Escape(strings.Join(keys, ", "))
}

// abridge shortens what a file may make as long as it likes.
func abridge(s string, all bool) string {
	const most, tail = 240, 80
	if all || len(s) <= most {
		return s
	}
	r := []rune(strings.ToValidUTF8(s, "\ufffd"))
	if len(r) <= most {
		return s
	}
	return string(r[:most-tail-5]) + " ... " + string(r[len(r)-tail:])
}

func shownValue(l linkfiles.SettingLine, all bool) string {
	if l.Secret() {
		return "(not shown)"
	}
	return abridge(l.Value, all)
}

func (p *printer) settings(x *audit.Explanation) {
	f := x.Source
	switch unknown := x.Device.LinkFile.IsUnknown(); {
	case unknown && f == nil:
		p.say(text("Which file that is, is not known."))
		return
	case f == nil:
		p.say(text("No file applies, so there are none."))
		return
	case unknown:
		p.say(text("Which file that is, is not known. If none of the doubtful ones, then:"))
	}
	p.say(text(word(f.Path)))
	for _, path := range f.DropIns {
		p.row("drop-in", text(word(path)))
	}
	if len(x.Settings) == 0 {
		p.say(text("It sets nothing."))
	}
	section := ""
	for _, l := range x.Settings {
		if l.Section != section {
			section = l.Section
			p.para("  ", 4, text("["+section+"]"))
		}
		s, note := plain, ""
		switch l.State {
		case linkfiles.SettingReplaced:
			s, note = dim, ", replaced by "+near(f, l.By)
		case linkfiles.SettingReset:
			s, note = dim, ", taken back by "+near(f, l.By)
		case linkfiles.SettingResets:
			s, note = dim, ", takes back what was said before"
		case linkfiles.SettingIgnored:
			s, note = dim, ", ignored by udevd"
		}
		p.para("    ", 8, span{Escape(l.Key + "=" + shownValue(l, false)), s}, span{" (" + near(f, l.Pos) + note + ")", dim})
	}
}

// near names a line, without the file where that is f itself.
func near(f *linkfiles.File, at linkfiles.Pos) string {
	if at.File == f.Path {
		return fmt.Sprintf("line %d", at.Line)
	}
	return position(at.File, at.Line)
}

// policyWords say what a policy does.
var policyWords = map[string]string{
	"persistent": "A device that comes without an address of its own gets the persistent one from udevd.",
	"random":     "A device that has a permanent address gets one that udevd makes up.",
	"none":       "udevd leaves the address alone, unless MACAddress= in the same file sets one.",
}

func (p *printer) explainPolicy(x *audit.Explanation) {
	d := x.Device
	p.policyRow(d)
	if x.Source != nil {
		if set, ok := x.Source.MACAddress(); ok {
			p.row("MACAddress", text(word(set.Value)+" at "), place(set.Pos.File, set.Pos.Line))
		}
	}
	pol, known := d.Policy.Get()
	switch words := policyWords[pol]; {
	case known && words != "":
		p.say(text(words))
	case d.Policy.IsAbsent() && d.LinkFile.IsKnown():
		p.say(text(policyWords["none"]))
	}
	pm, ok := d.Persistent.Get()
	switch {
	case ok:
		of := word(pm.Name) + ", "
		if pm.Property == "INTERFACE" {
			of += "the device's name"
		} else {
			of += "its name in the udev property " + word(pm.Property)
		}
		note := ""
		if known && pol != "persistent" || d.Policy.IsAbsent() {
			note = "; nothing asks for it here"
		}
		p.row("persistent", text(word(pm.MAC)+", made of the machine-id, which is not shown, and of "+of+note))
	case d.Persistent.IsAbsent():
		p.row("persistent", text("udevd makes none for this device"))
	default:
		p.row("persistent", notKnown(d.Persistent.Reason())...)
	}
}

// managers says who else declares the device, what happens in which order as it
// is made, and who has the last word.
func (p *printer) managers(x *audit.Explanation) {
	d := x.Device
	of, known := d.Declarations.Get()
	switch {
	case !known:
		p.say(append([]span{text("What their configuration says of it is ")}, notKnown(d.Declarations.Reason())...)...)
		return
	case len(of) == 0:
		p.say(text("The configuration of no other program that linkaudit reads declares it."))
		return
	}
	for _, decl := range of {
		p.declaration(decl)
	}
	if len(d.Steps) == 0 {
		return
	}
	p.say(text("When it is made, in this order:"))
	for i, s := range d.Steps {
		spans := []span{text(fmt.Sprintf("%d. %s %s", i+1, Escape(words.Of(s.Who)), Escape(words.Of(s.Does))))}
		if s.Pos.File != "" {
			spans = append(spans, span{" (" + position(s.Pos.File, s.Pos.Line) + ")", dim})
		}
		p.para("    ", 7, spans...)
	}
	p.row("in the end", span{Escape(words.Of(d.Wins)), bold})
}

func (p *printer) declaration(d netconf.Declaration) {
	does := " declares it"
	if d.Creates {
		does = " creates it"
		if len(d.Ports) > 0 {
			does += " with the ports " + word(strings.Join(d.Ports, ", "))
		}
	}
	switch {
	case d.Ignored != "":
		does = " has it, but leaves it alone: " + Escape(d.Ignored)
	case d.OnRequest:
		does += ", when it is asked to"
	}
	if d.Renderer != "" {
		does += ", by way of " + word(string(d.Renderer))
	}
	p.row("program", span{word(string(d.Program)), bold}, text(does+", at "), place(d.Pos.File, d.Pos.Line))
	if d.Ignored == "" {
		p.row("address", text(Escape(words.Of(audit.AddressBy(d)))+" ("+word(d.Address.Key)+", "), place(d.Address.Pos.File, d.Address.Pos.Line), text(")"))
	}
}

// assignWords say what addr_assign_type means.
var assignWords = map[host.AddrAssignType]string{
	host.AddrPerm:   "the device's own",
	host.AddrRandom: "the driver made it up, and nobody has set one",
	host.AddrStolen: "the driver took it from another device",
	host.AddrSet:    "somebody set it: udevd, another program, or a person",
}

func (p *printer) explainAddress(x *audit.Explanation) {
	d := x.Device
	if d.Device == nil {
		p.say(text("The device does not exist yet."))
		return
	}
	if d.Device.MAC == "" {
		p.say(text("The device has none."))
		p.applied(d)
		return
	}
	p.row("address", append([]span{{word(d.Device.MAC), bold}, text(", ")}, explainOrigin(d)...)...)
	p.row("why", text(Escape(words.Of(x.Evidence))))
	if t, ok := d.Device.AddrAssignType.Get(); ok {
		p.row("kernel", text(assignType(d.Device.AddrAssignType)+": "+assignWords[t]))
	} else {
		p.row("kernel", text(assignType(d.Device.AddrAssignType)))
	}
	if perm := d.Device.PermanentMAC; perm != "" {
		p.row("permanent", text(word(perm)))
	}
	p.applied(d)
}

func explainOrigin(d *audit.DeviceResult) []span {
	if v, ok := d.Origin.Get(); ok {
		return append([]span{text(giver(v, d.OriginPort))}, otherID(d)...)
	}
	if len(d.OriginCandidates) == 0 {
		return []span{{"origin not known", yellow}}
	}
	var out []string
	for _, c := range d.OriginCandidates {
		out = append(out, giver(c, ""))
	}
	return []span{{"origin not known", yellow}, text(": " + strings.Join(out, ", or "))}
}

// giver says who gave an address, with the port's name where there is one.
func giver(origin, port string) string {
	switch {
	case origin == audit.OriginSomeone && port != "":
		return setToPort(port)
	case origin == audit.OriginPort && port != "":
		return "taken from the port " + word(port)
	case origin == audit.OriginUdevRandom:
		return "made up by udev, as the policy says"
	case origins[origin] != "":
		return origins[origin]
	case origin == "":
		return "as now"
	}
	return "from " + word(origin)
}

func (p *printer) whatToDo(x *audit.Explanation) {
	findings := shown(x.Device.Findings, audit.Info)
	p.findings(findings)
	general := shown(x.Result.Findings, audit.Warning)
	const most = 10
	if len(general) > 0 {
		p.say(text("This host and its other files: " + number(len(general), "finding") + " more, which linkaudit check shows as well:"))
		p.findings(general[:min(len(general), most)])
		if n := len(general) - most; n > 0 {
			p.say(span{fmt.Sprintf("... and %d more.", n), dim})
		}
	}
	switch sum := CountFindings(findings); {
	case x.Fix.Name != "":
		p.say(text("To fix it: "), p.command(x.Fix.String()), text(" (with --dry-run it only shows what it would write)."))
	case sum.AtLeast(audit.Warning) == 0:
		p.say(span{"Nothing to mend.", green})
	}
}

// eventWords name the events.
var eventWords = map[audit.Event]string{
	audit.EventBoot:        "next boot",
	audit.EventUdevAdd:     "udev add event",
	audit.EventRecreate:    "deleted, made anew",
	audit.EventPortsRejoin: "ports leave, rejoin",
	audit.EventGuests:      "guest starts, stops",
}

// eventRow is one line of the table of events.
type eventRow struct {
	// what, mac and by are the first three columns; note is the last.
	what, mac, by, note string
}

// eventRows is the table of what each event makes of the address, with at most so many
// outcomes of each. Where a prediction is missing, AfterAdd is what is left.
func eventRows(x *audit.Explanation, most int) (rows []eventRow) {
	d := x.Device
	predicted := d.Predicted
	if len(predicted) == 0 {
		predicted = []audit.Prediction{{Event: audit.EventUdevAdd, MAC: d.AfterAdd}}
	}
	for _, after := range predicted {
		what := eventWords[after.Event]
		switch {
		case d.Device == nil && after.Event != audit.EventUdevAdd:
			continue // there is nothing yet that it could happen to
		case d.Device == nil:
			what = "it is created"
		case after.Event == audit.EventGuests && after.MAC.IsAbsent():
			continue // most devices have no guests
		}
		of := []eventRow{outcomeUnpredicted(x, after)}
		if len(after.Outcomes) > 0 {
			of = outcomeRows(d, after.Outcomes, most)
		}
		of[0].what = what
		rows = append(rows, of...)
	}
	return rows
}

// outcomeRows has a row for each outcome of one event.
func outcomeRows(d *audit.DeviceResult, outcomes []audit.Outcome, most int) (rows []eventRow) {
	for i, o := range outcomes {
		if i == most && len(outcomes) > most+1 {
			return append(rows, eventRow{mac: "...", note: fmt.Sprintf("%d more outcomes", len(outcomes)-most)})
		}
		r := eventRow{mac: outcomeMAC(d, o), by: shortGiver(o)}
		switch {
		case o.When != nil:
			r.note = "if " + words.Of(o.When)
		case d.Device != nil && o.MAC == d.Device.MAC:
			r.note = "as now"
		}
		rows = append(rows, r)
	}
	return rows
}

// outcomeUnpredicted is the row of an event of whose outcomes nothing more is known than
// the address.
func outcomeUnpredicted(x *audit.Explanation, after audit.Prediction) eventRow {
	d := x.Device
	mac, known := after.MAC.Get()
	switch {
	case x.LeftAlone:
		return eventRow{mac: "the kernel's", by: "kernel", note: "udev leaves it alone, and the driver decides"}
	case known && d.Device == nil:
		r := eventRow{mac: mac, by: "link file", note: "if it comes without an address of its own"}
		if d.Policy.Or("") == "persistent" {
			r.by = "udev"
		}
		return r
	case known && d.Device.MAC == mac:
		return eventRow{mac: mac, note: "as now"}
	case known:
		return eventRow{mac: mac}
	case after.MAC.IsAbsent() && d.Device != nil && d.Device.MAC != "":
		return eventRow{mac: "as now", note: cannotHappen[after.Event]}
	case after.MAC.IsAbsent():
		return eventRow{mac: "none", note: "the device has no address"}
	}
	return eventRow{mac: "not known", note: words.Of(after.MAC.Reason())}
}

// cannotHappen says why an event is none for a device.
var cannotHappen = map[audit.Event]string{
	audit.EventRecreate:    "hardware is not deleted",
	audit.EventPortsRejoin: "it has no ports to take an address from",
}

func outcomeMAC(d *audit.DeviceResult, o audit.Outcome) string {
	switch {
	case o.MAC != "":
		return o.MAC
	case o.Origin == audit.OriginPort:
		return "the port's"
	}
	return "a made-up one"
}

// shortGiver is giver for a column.
func shortGiver(o audit.Outcome) string {
	switch o.Origin {
	case audit.OriginUdev, audit.OriginUdevRandom:
		return "udev"
	case audit.OriginLinkFile:
		return "link file"
	case audit.OriginKernel:
		return "kernel"
	case audit.OriginPort:
		if o.Port == "" {
			return "a port"
		}
		return "port " + o.Port
	case audit.OriginLower:
		return "device below"
	case audit.OriginMaster:
		return "master"
	case audit.OriginPermanent:
		return "the device"
	case audit.OriginNetworkd:
		return "networkd"
	case audit.OriginSomeone:
		return "its creator"
	}
	return "as now"
}

func (p *printer) events(x *audit.Explanation) {
	rows := append([]eventRow{{what: "event", mac: "address then", by: "given by", note: "when"}}, eventRows(x, 8)...)
	if len(rows) == 1 {
		p.say(text("Nothing is known of any."))
		return
	}
	var wide [3]int
	cells := make([][3]string, len(rows))
	for i, r := range rows {
		for j, c := range []string{r.what, r.mac, r.by} {
			if c != "" && i > 0 {
				c = softSpaces(Escape(c))
			}
			cells[i][j] = c
			// One long name must not push the others out of the page.
			if n := columns(c); n > wide[j] && n <= 24 {
				wide[j] = n
			}
		}
	}
	hang := 2 + wide[0] + 2 + wide[1] + 2 + wide[2] + 2
	if p.width-hang < 16 {
		for i, r := range rows[1:] {
			p.para("  "+pad(cells[i+1][0], wide[0])+"  "+cells[i+1][1], 6)
			if note := strings.TrimSpace(strings.ReplaceAll(cells[i+1][2], " ", hardSpace) + " " + Escape(r.note)); note != "" {
				p.para("      ", 6, text(note))
			}
		}
		rows = nil
	}
	for i, r := range rows {
		line := "  " + pad(cells[i][0], wide[0]) + "  " + pad(cells[i][1], wide[1]) + "  " + pad(cells[i][2], wide[2])
		note := Escape(r.note)
		if note == "" {
			p.para(strings.TrimRight(line, " "), hang)
		} else {
			p.para(line+"  ", hang, text(note))
		}
	}
	if x.Device.Device != nil {
		p.say(span{"A udev add event is what udevadm trigger --action=add sends; ports leave and rejoin when the network is restarted.", dim})
	}
}

func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-columns(s))) }

type explainJSON struct {
	Schema     string              `json:"schema"`
	Host       hostJSON            `json:"host"`
	Device     deviceJSON          `json:"device"`
	Evidence   string              `json:"evidence"`
	Persistent *host.PersistentMAC `json:"persistent"`
	Files      []explainFileJSON   `json:"files"`
	NotRead    []notReadJSON       `json:"not_read"`
	Settings   []settingJSON       `json:"settings"`
	Fix        string              `json:"fix"`
	Findings   []findingJSON       `json:"findings"`
	Bond       *host.Bond          `json:"bond"`
	Ports      []explainPortsJSON  `json:"ports"`
	Steps      []stepJSON          `json:"steps"`
	Wins       string              `json:"wins"`
	// Initramfs is null where the images were not asked for.
	Initramfs []explainImageJSON `json:"initramfs"`
}

// stepJSON is one thing that happens as the device is made.
type stepJSON struct {
	Who  string `json:"who"`
	Does string `json:"does"`
	File string `json:"file"`
	Line int    `json:"line"`
}

type explainImageJSON struct {
	Path       string `json:"path"`
	Kernel     string `json:"kernel"`
	Maker      string `json:"maker"`
	Unreadable string `json:"unreadable"`
	// Applies: there are a udevd and its rule, so that the rest means something.
	Applies  bool           `json:"applies"`
	LinkFile *string        `json:"link_file"`
	Policy   *string        `json:"mac_address_policy"`
	Source   *linkfiles.Pos `json:"policy_source"`
	Differs  bool           `json:"differs"`
	Created  *bool          `json:"created"`
}

func explainImages(x *audit.Explanation) []explainImageJSON {
	images, known := x.Result.Snapshot.Initramfs.Get()
	if !known {
		return nil
	}
	out := make([]explainImageJSON, len(images))
	for i := range images {
		img := &images[i]
		j := explainImageJSON{Path: img.Path, Kernel: img.Kernel, Maker: string(img.Maker), Unreadable: img.Unreadable}
		for _, v := range x.Device.InImages {
			if v.Image != img {
				continue
			}
			j.Applies, j.Differs = true, v.Differs
			if v.Creates != audit.CreatesMaybe {
				created := v.Creates == audit.CreatesIt
				j.Created = &created
			}
			if v.LinkFile.IsUnknown() {
				continue
			}
			path, set := "", v.Policy
			if f := v.LinkFile.Or(nil); f != nil {
				path = f.Path
			}
			j.LinkFile, j.Policy = &path, &set
			if v.Source.File != "" {
				source := v.Source
				j.Source = &source
			}
		}
		out[i] = j
	}
	return out
}

type explainPortsJSON struct {
	Name         string `json:"name"`
	MAC          string `json:"mac"`
	PermanentMAC string `json:"permanent_mac"`
}

type explainFileJSON struct {
	Path    string              `json:"path"`
	DropIns []string            `json:"dropins"`
	Fate    linkfiles.Fate      `json:"fate"`
	State   linkfiles.FileState `json:"state"`
	Reached bool                `json:"reached"`
	Reason  string              `json:"reason"`
	Key     string              `json:"key"`
	At      *linkfiles.Pos      `json:"at"`
}

type notReadJSON struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

type settingJSON struct {
	Section string                 `json:"section"`
	Key     string                 `json:"key"`
	Value   *string                `json:"value"`
	File    string                 `json:"file"`
	Line    int                    `json:"line"`
	State   linkfiles.SettingState `json:"state"`
	By      *linkfiles.Pos         `json:"by"`
}

// writeExplanationJSON writes the reasoning in the form of docs/schema/explain.schema.json.
// The device is check's.
func writeExplanationJSON(w io.Writer, x *audit.Explanation, _ Options) error {
	d := x.Device
	out := explainJSON{
		Schema: explainSchema, Host: newHostJSON(x.Result.Snapshot), Device: newDeviceJSON(d),
		Evidence: words.Of(x.Evidence), Fix: x.Fix.Shell(), Findings: findingsJSON(x.Result.Findings),
		Files: make([]explainFileJSON, 0, len(x.Files)), NotRead: []notReadJSON{}, Settings: []settingJSON{},
		Ports: []explainPortsJSON{}, Steps: []stepJSON{}, Wins: words.Of(d.Wins), Initramfs: explainImages(x),
	}
	for _, s := range d.Steps {
		out.Steps = append(out.Steps, stepJSON{words.Of(s.Who), words.Of(s.Does), s.Pos.File, s.Pos.Line})
	}
	if pm, ok := d.Persistent.Get(); ok {
		out.Persistent = &pm
	}
	if d.Device != nil {
		out.Bond = d.Device.Bond
		for _, p := range d.Device.Ports {
			out.Ports = append(out.Ports, explainPortsJSON{p.Name, p.MAC, p.PermanentMAC})
		}
	}
	for _, v := range x.Files {
		f := explainFileJSON{
			Path: v.File.Path, DropIns: append([]string{}, v.File.DropIns...), Fate: v.Fate, State: v.File.State,
			Reached: v.Reached, Reason: words.Of(v.Reason), Key: v.Key,
		}
		if v.Pos.File != "" {
			f.At = &v.Pos
		}
		out.Files = append(out.Files, f)
	}
	for _, n := range x.NotRead {
		out.NotRead = append(out.NotRead, notReadJSON{n.File, strings.TrimPrefix(n.Message, "not read: ")})
	}
	for _, l := range x.Settings {
		s := settingJSON{Section: l.Section, Key: l.Key, File: l.File, Line: l.Line, State: l.State}
		if !l.Secret() {
			s.Value = &l.Value
		}
		if l.By.File != "" {
			s.By = &l.By
		}
		out.Settings = append(out.Settings, s)
	}
	return writeJSON(w, out, indented)
}
