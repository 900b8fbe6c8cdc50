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

// writeExplanationText writes the whole reasoning about a device, for readers who may
// not know .link files: first the answer and what to do, then the reasons.
func writeExplanationText(w io.Writer, x *audit.Explanation, o Options) error {
	p := o.newPrinter()
	p.inShort(x)
	for _, section := range []struct {
		heading string
		write   func()
	}{
		{"What to do", func() { p.whatToDo(x) }},
		{"The address now", func() { p.explainAddress(x) }},
		{"The address after an event", func() { p.events(x) }},
		{"The device", func() { p.whatItIs(x) }},
		{"The .link files, in the order of udev", func() { p.files(x, o.AllFiles) }},
		{"The settings of the file that applies", func() { p.settings(x) }},
		{"The policy", func() { p.explainPolicy(x) }},
		{"Network configuration", func() { p.managers(x) }},
		{"The initramfs", func() { p.initramfs(x) }},
	} {
		if section.heading == "The initramfs" && !x.Result.Snapshot.Initramfs.IsKnown() {
			continue // it was not read
		}
		p.blank()
		p.para("", 2, span{section.heading, bold})
		section.write()
	}
	return p.flush(w)
}

// inShort writes the answer in a few lines.
func (p *printer) inShort(x *audit.Explanation) {
	d := x.Device
	switch name := (span{word(d.Name), bold}); {
	case d.Device == nil:
		p.para("", 2, name, text(" does not exist yet"))
	case d.Device.MAC == "":
		p.para("", 2, name, text(" has no MAC address"))
	default:
		p.para("", 2, append([]span{name, text(" has the MAC address "), {word(d.Device.MAC), bold}, text(", ")}, explainOrigin(d)...)...)
	}
	p.say(text(whatApplies(d) + withoutEffect(x)))
	switch sum := CountFindings(d.Findings); {
	case x.Fix.Name != "":
		p.say(text("To fix it: "), p.command(x.Fix.String()))
	case sum.AtLeast(audit.Warning) == 0:
		p.say(span{"Nothing to fix.", green})
	}
}

// whatApplies is a sentence about the .link file and its policy.
func whatApplies(d *audit.DeviceResult) string {
	file, pol := "The .link file that applies is unknown", d.Policy.Or("")
	if f, ok := d.LinkFile.Get(); ok {
		file = word(f.Path) + " applies"
	} else if d.LinkFile.IsAbsent() {
		file = "No .link file applies"
	}
	switch at := d.PolicySource; {
	case pol != "" && at.File != "" && at.File != effectivePath(d.LinkFile):
		file += "; its drop-in sets MACAddressPolicy=" + word(pol) + " (" + position(at.File, at.Line) + ")"
	case pol != "" && at.File != "":
		file += fmt.Sprintf(" and sets MACAddressPolicy=%s on line %d", word(pol), at.Line)
	case pol != "":
		file += ", but the policy is " + word(pol) + " in any case"
	case d.Policy.IsAbsent() && d.LinkFile.IsKnown():
		file += " and sets no MACAddressPolicy="
	}
	return file + "."
}

// withoutEffect follows whatApplies if udev applies no .link files.
func withoutEffect(x *audit.Explanation) string {
	s := x.Result.Snapshot
	if s == nil || !x.Device.LinkFile.IsKnown() {
		return ""
	}
	switch running, known := s.Udev.Running.Get(); {
	case s.Udev.SetupLinkRule.IsAbsent():
		return " But it has no effect: no udev rule runs net_setup_link."
	case known && !running && !s.Offline:
		return " But it has no effect now: systemd-udevd does not run."
	}
	return ""
}

// command is a span with a command to copy. It stays on one line.
func (p *printer) command(s string) span {
	return span{unbrokenLine(s), bold}
}

// say writes a paragraph of an explanation.
func (p *printer) say(spans ...span) { p.para("  ", 2, spans...) }

// kindWords describe the kinds of devices.
var kindWords = map[string]string{
	"bond":    "a bond: it combines several network devices, its ports",
	"team":    "a team: it combines several network devices, its ports",
	"bridge":  "a bridge: a switch inside the machine, with network devices as its ports",
	"vlan":    "a VLAN: a tagged network on top of another device",
	"veth":    "one end of a virtual cable (veth)",
	"vxlan":   "a VXLAN: a tunnel over another network",
	"dummy":   "a dummy: a device without a network",
	"macvlan": "a macvlan: a second address on top of another device",
	"tun":     "a tun or tap device: a program is at its other end",
}

func (p *printer) whatItIs(x *audit.Explanation) {
	d := x.Device
	what, ok := kindWords[d.Kind]
	switch {
	case ok:
	case d.Kind != "":
		what = "a virtual device of the kind " + word(d.Kind)
	case d.Device == nil:
		what = "a device of unknown kind"
	case d.Device.Loopback():
		what = "the loopback device"
	case d.Device.PermanentMAC != "":
		what = "hardware, or looks like it: it has a permanent address"
	default:
		what = "a device without a kind, like hardware"
	}
	if d.Device == nil {
		p.say(text(word(d.Name) + " will be " + what + ". This is what will happen when it is created."))
	} else {
		p.say(text(word(d.Name) + " is " + what + "."))
		p.relatives(d.Device)
	}
	if s := x.Result.Snapshot; s != nil {
		p.row("host", text(hostWords(s, x.Result.Tree)))
	}
	p.blank()
	p.say(text("When a device appears, udev goes through the .link files in the order of their names, whatever their directory. It applies the first file with a [Match] section that matches the device, and no other."))
	p.say(text("MACAddressPolicy= in that file decides on the MAC address. persistent: udev derives it from the machine ID and the interface name. random: udev draws a random one each time. none, or not set: udev does not change it, and a bond or bridge takes the address of a port."))
}

func hostWords(s *host.Snapshot, t *linkfiles.Tree) string {
	out := "a host of unknown name"
	if name, ok := s.System.Hostname.Get(); ok {
		out = word(name)
	}
	if t != nil {
		out += fmt.Sprintf(", .link files read as systemd %d does", t.Release)
	}
	switch running, known := s.Udev.Running.Get(); {
	case s.Offline:
		out += ", an image"
	case known && !running:
		out += "; systemd-udevd does not run, so no file is applied now"
	}
	if s.Udev.SetupLinkRule.IsAbsent() {
		out += "; no udev rule runs net_setup_link, so no file is applied"
	}
	return out
}

// initramfs writes what happens to the device in the images that were read.
func (p *printer) initramfs(x *audit.Explanation) {
	images, _ := x.Result.Snapshot.Initramfs.Get()
	if len(images) == 0 {
		p.say(text("No initramfs was found."))
		return
	}
	p.say(text("Early in the boot udev reads the .link files in the initramfs. They apply to a device that is created there."))
	for i := range images {
		img := &images[i]
		what := "its udev applies no .link file to any device"
		s := plain
		switch {
		case img.Unreadable != "":
			what, s = "unknown, because it could not be read: "+Escape(img.Unreadable), yellow
		case !img.Udevd:
			what = "it has no udev"
		}
		for _, v := range x.Device.InImages {
			if v.Image != img {
				continue
			}
			what = Escape(words.Of(v.There()))
			if v.Differs {
				what, s = "the policy differs from here: "+what, yellow
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
				what += "; the kernel command line decides whether the device is created there, and that is unknown"
			}
		}
		p.row("image", text(word(img.Path)+": "), span{what, s})
	}
}

// policyWords describe the policies.
var policyWords = map[string]string{
	"persistent": "udev sets the persistent address on a device that is created without an address.",
	"random":     "udev sets a random address on a device that has a permanent one.",
	"none":       "udev does not change the address, unless the same file sets MACAddress=.",
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
			of += "the interface name"
		} else {
			of += "its name in the udev property " + word(pm.Property)
		}
		note := ""
		if known && pol != "persistent" || d.Policy.IsAbsent() {
			note = "; the policy does not use it"
		}
		p.row("persistent", text(word(pm.MAC)+", derived from the machine ID (not shown) and "+of+note))
	case d.Persistent.IsAbsent():
		p.row("persistent", text("udev derives none for this device"))
	default:
		p.row("persistent", unknownSpans(d.Persistent.Reason())...)
	}
}

// managers writes which network managers declare the device, what happens when it is
// created, and which address it has in the end.
func (p *printer) managers(x *audit.Explanation) {
	d := x.Device
	of, known := d.Declarations.Get()
	switch {
	case !known:
		p.say(append([]span{text("What network configuration declares is ")}, unknownSpans(d.Declarations.Reason())...)...)
		return
	case len(of) == 0:
		p.say(text("No network configuration declares this device."))
		return
	}
	for _, decl := range of {
		p.declaration(decl)
	}
	if len(d.Steps) == 0 {
		return
	}
	p.say(text("When it is created, in this order:"))
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
		does = " declares it, but does nothing: " + Escape(d.Ignored)
	case d.OnRequest:
		does += " on request"
	}
	if d.Renderer != "" {
		does += ", through " + word(string(d.Renderer))
	}
	p.row("program", span{word(string(d.Program)), bold}, text(does+", at "), place(d.Pos.File, d.Pos.Line))
	if d.Ignored == "" {
		p.row("address", text(Escape(words.Of(audit.AddressBy(d)))+" ("+word(d.Address.Key)+", "), place(d.Address.Pos.File, d.Address.Pos.Line), text(")"))
	}
}

// assignWords describe the values of addr_assign_type.
var assignWords = map[host.AddrAssignType]string{
	host.AddrPerm:   "the permanent address",
	host.AddrRandom: "the driver drew it, and nothing has set another one",
	host.AddrStolen: "the driver took it from another device",
	host.AddrSet:    "udev, another program or a person set it",
}

func (p *printer) explainAddress(x *audit.Explanation) {
	d := x.Device
	if d.Device == nil {
		p.say(text("The device does not exist yet."))
		return
	}
	if d.Device.MAC == "" {
		p.say(text("The device has no address."))
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
		return []span{{"origin unknown", yellow}}
	}
	var out []string
	for _, c := range d.OriginCandidates {
		out = append(out, giver(c, ""))
	}
	return []span{{"origin unknown", yellow}, text(": " + strings.Join(out, ", or "))}
}

// giver says who set an address, or from which port it was taken.
func giver(origin, port string) string {
	switch {
	case origin == audit.OriginSomeone && port != "":
		return setToPort(port)
	case origin == audit.OriginPort && port != "":
		return "taken from its port " + word(port)
	case origin == audit.OriginUdevRandom:
		return "random, set by udev (MACAddressPolicy=random)"
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
		p.say(text("This host and its other files have " + Number(len(general), "more finding") + " (linkaudit check shows them too):"))
		p.findings(general[:min(len(general), most)])
		if n := len(general) - most; n > 0 {
			p.say(span{fmt.Sprintf("... and %d more.", n), dim})
		}
	}
	switch sum := CountFindings(findings); {
	case x.Fix.Name != "":
		p.say(text("To see first what it would write, add --dry-run."))
	case sum.AtLeast(audit.Info) == 0 && len(general) == 0:
		p.say(span{"Nothing to fix.", green})
	}
}
