package report

import (
	"bytes"
	"fmt"
	"io"

	"linkaudit/internal/audit"
	"linkaudit/internal/fleet"
)

// FleetReport shows the audits of several hosts, host by host. The findings over several
// hosts follow one by one, because there may be more than fit into memory.
type FleetReport struct {
	form      fleetForm
	threshold audit.Severity
	sums      fleetSums
}

// fleetForm is how one format shows several hosts.
type fleetForm interface {
	// oneHost writes one of the hosts. source is where its snapshot was read. Several may be
	// written at a time.
	oneHost(w io.Writer, source string, res *audit.Result) error
	finding(fleet.Finding) error
	end(fleetSums) error
}

// fleetSums is what was counted.
type fleetSums struct {
	hosts, withFindings, failed int
	// one and across count the findings about one host, and about several.
	one, across Summary
}

func (s fleetSums) all() Summary { return s.one.plus(s.across) }

// NewFleet begins a report of several hosts on w, in a format that SeveralHosts.
func (f *Format) NewFleet(w io.Writer, o Options) *FleetReport {
	return &FleetReport{form: f.several(w, o), threshold: o.threshold()}
}

// HostPart makes one host's part of the report. Write it after those of the hosts before
// it. Several threads may call it at once.
func (f *FleetReport) HostPart(source string, res *audit.Result) ([]byte, error) {
	var b bytes.Buffer
	err := f.form.oneHost(&b, source, res)
	return b.Bytes(), err
}

// Add counts a host.
func (f *FleetReport) Add(s Summary) {
	f.sums.hosts++
	if s.AtLeast(f.threshold) > 0 {
		f.sums.withFindings++
	}
	f.sums.one = f.sums.one.plus(s)
}

// Total counts the findings of all hosts and of the fleet.
func (f *FleetReport) Total() Summary { return f.sums.all() }

// Finding shows one finding about several hosts.
func (f *FleetReport) Finding(x fleet.Finding) error {
	f.sums.across.add([]audit.Finding{x.Finding})
	return f.form.finding(x)
}

// End shows the sums. failed is how many snapshots could not be read.
func (f *FleetReport) End(failed int) error {
	f.sums.failed = failed
	return f.form.end(f.sums)
}

// fleetText is for people: for each host the devices with findings, or nothing if there
// are none.
type fleetText struct {
	w      io.Writer
	o      Options
	headed bool // the heading of the common findings was written
}

func newFleetText(w io.Writer, o Options) fleetForm { return &fleetText{w: w, o: o} }

func (f *fleetText) oneHost(w io.Writer, source string, res *audit.Result) error {
	o := f.o
	p := o.newPrinter()
	name := hostName(res)
	general := shown(res.Findings, o.threshold())
	if o.Quiet {
		for i := range res.Devices {
			p.lines(name, res.Devices[i].Name, shown(res.Devices[i].Findings, o.threshold()))
		}
		p.lines(name, "", general)
		return p.flush(w)
	}
	sum := Count(res)
	if sum.AtLeast(o.threshold()) == 0 {
		return nil
	}
	p.para("", 2, span{"== " + word(name), bold}, text(" ("+Escape(source)+"): "), verdict(sum, o.threshold()))
	for i := range res.Devices {
		if d := &res.Devices[i]; len(shown(d.Findings, o.threshold())) > 0 {
			p.device(d, o.threshold())
			p.blank()
		}
	}
	if len(general) > 0 {
		p.para("", 2, span{"This host", bold}, text(": "), verdict(CountFindings(general), o.threshold()))
		p.findings(general)
		p.blank()
	}
	return p.flush(w)
}

func hostName(res *audit.Result) string {
	return res.Snapshot.System.Hostname.Or("unnamed host")
}

func (f *fleetText) finding(x fleet.Finding) error {
	one := shown([]audit.Finding{x.Finding}, f.o.threshold())
	p := f.o.newPrinter()
	if f.o.Quiet {
		p.lines("", "", one)
		return p.flush(f.w)
	}
	if len(one) > 0 && !f.headed {
		f.headed = true
		p.para("", 2, span{"== What hosts have in common", bold})
	}
	p.findings(one)
	return p.flush(f.w)
}

func (f *fleetText) end(s fleetSums) error {
	if f.o.Quiet {
		return nil
	}
	p := f.o.newPrinter()
	if f.headed {
		p.blank()
	}
	spans := []span{text(fmt.Sprintf("%s with %s audited, %d with findings: ",
		Number(s.hosts, "host"), Number(s.one.Devices, "device"), s.withFindings)), verdict(s.all(), f.o.threshold())}
	if s.failed > 0 {
		spans = append(spans, text("; "), span{Number(s.failed, "snapshot") + " unreadable", red})
	}
	p.para("", 2, append(spans, text("."))...)
	p.hidden(s.all(), f.o)
	return p.flush(f.w)
}

// fleetJSON has a document for each host, in the form of docs/schema/check.schema.json,
// and last one of docs/schema/fleet.schema.json, each on a line.
type fleetJSON struct {
	last  *jsonStream
	begun bool
}

// fleetFindingJSON is a finding about several hosts.
type fleetFindingJSON struct {
	findingJSON
	Hosts  int           `json:"hosts"`
	Claims []audit.Claim `json:"claims"`
}

func newFleetJSON(w io.Writer, _ Options) fleetForm {
	return &fleetJSON{last: newJSONStream(w, onOneLine)}
}

func (f *fleetJSON) oneHost(w io.Writer, source string, res *audit.Result) error {
	return writeCheckJSON(w, res, source, onOneLine)
}

// begin begins the last document, after the hosts.
func (f *fleetJSON) begin() {
	if f.begun {
		return
	}
	f.begun = true
	f.last.open('{')
	f.last.member("schema", fleetSchema)
	f.last.name("findings")
	f.last.open('[')
}

func (f *fleetJSON) finding(x fleet.Finding) error {
	f.begin()
	f.last.value(fleetFindingJSON{newFindingJSON(x.Finding), x.Hosts, append([]audit.Claim{}, x.Claims...)})
	return f.last.flush()
}

func (f *fleetJSON) end(s fleetSums) error {
	f.begin()
	f.last.shut(']')
	f.last.member("hosts", s.hosts)
	f.last.member("failed", s.failed)
	f.last.member("summary", s.all())
	f.last.shut('}')
	return f.last.end()
}
