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
