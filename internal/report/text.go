package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// maxWidth is the maximum width of a text report in columns. Only a path or word longer
// than a line exceeds it.
const maxWidth = 80

// Options say how a report looks, and contain data that the result does not have. Each
// format uses the options that concern it.
type Options struct {
	// Color adds colour by SGR sequences.
	Color bool
	// Width is the number of columns; 0 and anything above maxWidth mean maxWidth.
	Width int
	// Threshold is the lowest severity that is shown, and that fails a JUnit test; ""
	// means Warning.
	Threshold audit.Severity
	// Quiet shows only the findings, each on one line: FILE:LINE: severity: DEVICE:
	// message [rule].
	Quiet bool
	// AllFiles makes an explanation list all .link files and show all texts in full
	// length.
	AllFiles bool
	// Selection says what was searched for, for instance "bond, bridge or team". It is
	// used if nothing was found.
	Selection string
	// Build says which linkaudit writes the report.
	Build Build
	// Root is the absolute directory that contains the files of the audit, "/" for a
	// machine, "" if files were named instead. SARIF contains it.
	Root string
	// SourceRoot is the absolute directory to which SARIF's URIs of files are relative,
	// for instance the working copy of a repository. "" means Root.
	SourceRoot string
	// Site, if not nil, says which rules are switched off. JUnit has no test for them.
	Site audit.Site
	// Time is the time of a report that is not about a host; JUnit shows it.
	Time time.Time
}

func (o Options) newPrinter() *printer {
	w := o.Width
	if w <= 0 || w > maxWidth {
		w = maxWidth
	}
	// The labels leave too little room for the facts in narrower text.
	w = max(w, 40)
	return &printer{width: w, color: o.Color}
}

func (o Options) threshold() audit.Severity {
	if o.Threshold == "" {
		return audit.Warning
	}
	return o.Threshold
}

// devices writes the findings and facts of each device. Many devices use all
// processors.
func (p *printer) devices(w io.Writer, devices []audit.DeviceResult, o Options) error {
	some := func(p *printer, from, until int) {
		for i := from; i < until; i++ {
			d := &devices[i]
			if o.Quiet {
				p.lines("", d.Name, shown(d.Findings, o.threshold()))
				continue
			}
			if i > 0 {
				p.blank()
			}
			p.device(d, o.threshold())
		}
	}
	if len(devices) <= batch {
		some(p, 0, len(devices))
		return nil
	}
	again := sync.Pool{New: func() any { return o.newPrinter() }} // reuses memory
	return inBatches(len(devices), func(from, until int) *printer {
		p := again.Get().(*printer)
		some(p, from, until)
		return p
	}, func(p *printer) error {
		defer again.Put(p)
		return p.flush(w)
	})
}

// writeAuditText writes the result of an audit for people.
func writeAuditText(w io.Writer, res *audit.Result, o Options) error {
	p := o.newPrinter()
	if err := p.devices(w, res.Devices, o); err != nil {
		return err
	}
	general := shown(res.Findings, o.threshold())
	if o.Quiet {
		p.lines("", "", general)
		return p.flush(w)
	}
	if len(general) > 0 {
		if len(res.Devices) > 0 {
			p.blank()
		}
		p.para("", 2, span{"This host", bold}, text(": "), verdict(CountFindings(general), o.threshold()))
		p.findings(general)
	}
	if len(res.Devices) > 0 || len(general) > 0 {
		p.blank()
	}
	p.totals(res, o)
	return p.flush(w)
}

// flush writes the collected text.
func (p *printer) flush(w io.Writer) error {
	_, err := w.Write(p.buf.Bytes())
	p.buf.Reset()
	return err
}

func (p *printer) device(d *audit.DeviceResult, threshold audit.Severity) {
	findings := shown(d.Findings, threshold)
	what := "not a virtual device of any kind"
	if d.Kind != "" {
		what = word(d.Kind)
	} else if d.Present {
		what = "no kind"
	}
	if !d.Present {
		what += ", does not exist yet"
	}
	p.para("", 2, span{word(d.Name), bold}, text(" ("+what+"): "), verdict(CountFindings(findings), threshold))

	p.findings(findings)
	if len(findings) > 0 {
		p.blank()
	}
	p.linkFile(d)
	p.policyRow(d)
	p.address(d)
	if d.Device != nil {
		p.relatives(d.Device)
	}
	p.applied(d)
}

// labelWidth is the width of the column of labels, including its indentation.
const labelWidth = 13

func (p *printer) row(label string, spans ...span) {
	p.para(("  " + label + strings.Repeat(" ", labelWidth))[:max(labelWidth, 2+len(label))], labelWidth, spans...)
}

func (p *printer) linkFile(d *audit.DeviceResult) {
	f, ok := d.LinkFile.Get()
	switch {
	case ok:
		p.row(".link file", text(word(f.Path)))
		for _, path := range f.DropIns {
			p.row("drop-in", text(word(path)))
		}
	case d.LinkFile.IsAbsent():
		p.row(".link file", text("none applies"))
	default:
		p.row(".link file", unknownSpans(d.LinkFile.Reason())...)
	}
}

func (p *printer) policyRow(d *audit.DeviceResult) {
	pol, ok := d.Policy.Get()
	switch {
	case ok && d.PolicySource.File != "":
		p.row("policy", span{word(pol), bold}, text(" at "), place(d.PolicySource.File, d.PolicySource.Line))
	case ok:
		p.row("policy", span{word(pol), bold})
	case d.Policy.IsAbsent():
		p.row("policy", text("MACAddressPolicy= is not set"))
	case d.LinkFile.IsUnknown():
		p.row("policy", span{"unknown", yellow}, text(", like the .link file"))
	default:
		p.row("policy", unknownSpans(d.Policy.Reason())...)
	}
}

// address writes the present address, the address by the policy, and the address after
// the next add event. It leaves out the latter two if the device already has them.
func (p *printer) address(d *audit.DeviceResult) {
	var told linkfiles.MAC
	if d.Device != nil {
		told = d.Device.MAC
		p.liveAddress(d)
	}
	if pol, _ := d.Policy.Get(); pol == "persistent" {
		told = p.persistentAddress(d, told)
	}
	switch next, known := d.AfterAdd.Get(); {
	case !known || next == told:
	case d.Device == nil && d.Manager != nil:
		by := cmp.Or(d.Manager.Renderer, d.Manager.Program)
		p.row("created", text(word(next)+", set by "+word(string(by))))
	default:
		p.row("add event", text(word(next)+" after the next udev add event"))
	}
}

func (p *printer) liveAddress(d *audit.DeviceResult) {
	live := d.Device.MAC
	if live == "" {
		p.row("address", text("none"))
	} else {
		spans := append([]span{{word(live), bold}}, text(", "))
		spans = append(spans, origin(d)...)
		spans = append(spans, otherID(d)...)
		p.row("address", append(spans, text(", "+assignType(d.Device.AddrAssignType)))...)
	}
	if perm := d.Device.PermanentMAC; perm != "" && perm != live {
		p.row("permanent", text(word(perm)))
	}
}

// persistentAddress writes the address that the policy sets, and whether the next add
// event sets it. It returns the address that the report then already shows: live, the
// present one, or the one that it wrote.
func (p *printer) persistentAddress(d *audit.DeviceResult, live linkfiles.MAC) (told linkfiles.MAC) {
	pm, ok := d.Persistent.Get()
	if !ok || pm.MAC == live {
		if d.Persistent.IsUnknown() {
			p.row("persistent", unknownSpans(d.Persistent.Reason())...)
		}
		return live
	}
	told, then := pm.MAC, ""
	switch next, known := d.AfterAdd.Get(); {
	case known && next == pm.MAC && d.Device != nil:
		then = "; the next udev add event sets it"
	case known && next == live:
		told, then = live, "; udev does not change the present address"
	case known && d.Device == nil && next != pm.MAC:
		then = "; but the device will have another one"
	}
	p.row("persistent", text(word(pm.MAC)+", derived from the machine ID and "+word(pm.Name)+then))
	return told
}

// origins say who set an address. They follow the address.
var origins = map[string]string{
	"udev-persistent":     "set by udev",
	"link-file":           "set by udev from MACAddress=",
	"kernel-random":       "random, drawn by the kernel",
	"port":                "taken from a port",
	"permanent":           "its permanent address",
	"networkd-persistent": "set by systemd-networkd",
	"lower":               "taken from the lower device",
	"master":              "taken from its master",
	"set-by-someone":      "set by another program or a person",
}

func origin(d *audit.DeviceResult) []span {
	o := d.Origin
	v, ok := o.Get()
	if v == audit.OriginSomeone && d.OriginPort != "" {
		return []span{text(setToPort(d.OriginPort))}
	}
	if !ok {
		if o.IsAbsent() {
			return []span{text("origin unknown")}
		}
		return append([]span{text("origin ")}, unknownSpans(o.Reason())...)
	}
	if s, ok := origins[v]; ok {
		return []span{text(s)}
	}
	return []span{text("from " + word(v))}
}

// setToPort is the origin of an address that somebody set and that a port has.
func setToPort(port string) string {
	return "set by a program or a person to that of its port " + word(port)
}

// otherID follows the origin of an address that was derived from another machine ID.
func otherID(d *audit.DeviceResult) []span {
	if d.OfOtherID.Source == "" {
		return nil
	}
	return []span{text(" from another machine ID (" + word(d.OfOtherID.Source) + ")")}
}

func assignType(t fact.Fact[host.AddrAssignType]) string {
	if v, ok := t.Get(); ok {
		return fmt.Sprintf("addr_assign_type %d (%s)", int(v), v)
	}
	if t.IsAbsent() {
		return "no addr_assign_type"
	}
	return "addr_assign_type unknown (" + Escape(words.Of(t.Reason())) + ")"
}

// relatives writes the master and the ports of a device.
func (p *printer) relatives(d *host.Device) {
	if b := d.Bond; b != nil {
		p.row("bond", text("mode "+word(b.Mode)+", fail_over_mac "+word(b.FailOverMAC)))
	}
	if d.Master != "" {
		p.row("port of", text(word(d.Master)))
	}
	p.ports(d)
}

func (p *printer) ports(d *host.Device) {
	if len(d.Ports) == 0 {
		if d.Kind == "bond" || d.Kind == "bridge" || d.Kind == "team" {
			p.row("ports", text("none"))
		}
		return
	}
	var items []string
	for _, port := range d.Ports {
		item := word(port.Name)
		if port.MAC != "" {
			item += " " + word(port.MAC)
		}
		if port.PermanentMAC != "" && port.PermanentMAC != port.MAC {
			item += " (permanent " + word(port.PermanentMAC) + ")"
		}
		items = append(items, item)
	}
	p.row("ports", text(strings.Join(items, ", ")))
}

func (p *printer) applied(d *audit.DeviceResult) {
	if d.Device == nil {
		return
	}
	path, ok := d.Applied.Get()
	switch {
	case ok && path == effectivePath(d.LinkFile):
		p.row("applied", text("this .link file (udev database)"))
	case ok:
		p.row("applied", text(word(path)+" (udev database)"))
	case d.Device.UdevDB.IsAbsent():
		p.row("applied", text("nothing yet: udev has no record of the device"))
	case d.Applied.IsAbsent():
		p.row("applied", text("no .link file (udev database)"))
	default:
		p.row("applied", unknownSpans(d.Applied.Reason())...)
	}
}

func effectivePath(f fact.Fact[*linkfiles.File]) string {
	if file, ok := f.Get(); ok {
		return file.Path
	}
	return ""
}

func unknownSpans(reason *linkfiles.Statement) []span {
	return []span{{"unknown", yellow}, text(": " + Escape(words.Of(reason)))}
}

func (p *printer) findings(findings []audit.Finding) {
	for _, f := range findings {
		p.para("  ", 4, span{string(f.Severity), severityStyle(f.Severity)}, text(": "+Escape(words.Of(f.Message))+" "), span{"[" + word(f.Rule) + "]", dim})
		p.causeAndFix(f)
	}
}

// causeAndFix writes the second and third line of a finding.
func (p *printer) causeAndFix(f audit.Finding) {
	if cause := causeLine(f); cause != "" {
		p.para("    ", 6, text(Escape(cause)))
	}
	p.fix(f)
}

// fix writes what to do about a finding.
func (p *printer) fix(f audit.Finding) {
	if fix := fixLine(f); fix != "" {
		p.para("    ", 6, text(unbroken(fix, words.Commands(f.Help))))
	}
}

// unbroken escapes a text and keeps the commands in it on one line.
func unbroken(s string, commands []string) string {
	s = Escape(s)
	for _, c := range commands {
		if c != "" {
			s = strings.ReplaceAll(s, Escape(c), unbrokenLine(c))
		}
	}
	return s
}

// lines writes each finding on one line of any length; host is "" if there is only one.
func (p *printer) lines(host, device string, findings []audit.Finding) {
	for _, f := range findings {
		var b strings.Builder
		if host != "" {
			b.WriteString(word(host) + ": ")
		}
		if f.File != "" {
			b.WriteString(position(f.File, f.Line) + ": ")
		}
		b.WriteString(string(f.Severity) + ": ")
		if device != "" {
			b.WriteString(word(device) + ": ")
		}
		b.WriteString(Escape(words.Of(f.Message)) + " [" + word(f.Rule) + "]")
		p.put(text(b.String()))
		p.blank()
	}
}

func (p *printer) totals(res *audit.Result, o Options) {
	sum := Count(res)
	switch {
	case len(res.Devices) > 0:
		p.para("", 2, text(Number(sum.Devices, "device")+" audited: "), verdict(sum, o.threshold()), text("."))
	case res.Snapshot != nil && res.Snapshot.Offline:
		p.para("", 2, text("Nothing to audit: an image has no devices. Name a future one: "+Escape(res.Place.Linkaudit("check"))+" bond0 --kind bond"))
	default:
		p.para("", 2, text("Nothing to audit: no "+selection(o)+" here. To see an example: "), p.command("linkaudit example"))
	}
	p.hidden(sum, o)
}

func (p *printer) hidden(sum Summary, o Options) {
	if n := sum.hiddenBy(o.threshold()); n > 0 {
		what := Number(n, "info") + " not shown"
		if o.threshold() == audit.Error {
			what = Number(n, "less severe finding") + " not shown"
		}
		p.para("", 2, span{what + "; --severity info shows all.", dim})
	}
}

func selection(o Options) string {
	if o.Selection == "" {
		return "device"
	}
	return Escape(o.Selection)
}

func verdict(s Summary, threshold audit.Severity) span {
	return span{s.words(threshold), s.worstStyle(threshold)}
}

func severityStyle(s audit.Severity) style {
	switch s {
	case audit.Error:
		return red
	case audit.Warning:
		return yellow
	}
	return cyan
}

func position(file string, line int) string {
	if line == 0 {
		return word(file)
	}
	return fmt.Sprintf("%s:%d", word(file), line)
}

func place(file string, line int) span { return text(position(file, line)) }

// shown returns the findings at or above the threshold, the most severe first. It keeps
// the order of findings with the same severity.
func shown(findings []audit.Finding, threshold audit.Severity) []audit.Finding {
	var out []audit.Finding
	for _, f := range findings {
		if f.Severity.AtLeast(threshold) {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b audit.Finding) int { return b.Severity.Compare(a.Severity) })
	return out
}
