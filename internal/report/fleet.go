package report

import (
	"bytes"
	"fmt"
	"io"

	"linkaudit/internal/fleet"
	"linkaudit/policy"
)

// HostText shows one of several hosts: the devices with findings, or nothing
// where it has none. source is where its snapshot was read.
func HostText(w io.Writer, source string, res *policy.Result, o Options) error {
	p := o.printer()
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

func hostName(res *policy.Result) string {
	return res.Snapshot.System.Hostname.Or("a host without a name")
}

// HostJSON writes one of several hosts on a line, in the form of
// docs/schema/check.schema.json.
func HostJSON(w io.Writer, source string, res *policy.Result) error {
	return writeCheckJSON(w, res, source, onOneLine)
}

// Fleet shows what was found over several hosts, finding by finding, since there
// may be more than fit into memory.
type Fleet struct {
	W       io.Writer
	Options Options
	JSON    bool

	hosts, withFindings int
	// one and across count the findings about one host, and about several.
	one, across Summary
	headed      bool // what comes first was said
}

// Count adds a host.
func (f *Fleet) Count(s Summary) {
	f.hosts++
	if s.AtLeast(f.Options.threshold()) > 0 {
		f.withFindings++
	}
	f.one = f.one.plus(s)
}

// Summary counts the findings of all hosts and of the fleet.
func (f *Fleet) Summary() Summary { return f.one.plus(f.across) }

// Finding shows one finding about several hosts.
func (f *Fleet) Finding(x fleet.Finding) error {
	first := f.across == Summary{}
	f.across.add([]policy.Finding{x.Finding})
	if f.JSON {
		if x.Claims == nil {
			x.Claims = []policy.Claim{}
		}
		var b bytes.Buffer
		if err := writeJSON(&b, x, onOneLine); err != nil {
			return err
		}
		begin := ","
		if first {
			begin = f.begin()
		}
		_, err := fmt.Fprintf(f.W, "%s%s", begin, bytes.TrimSuffix(b.Bytes(), []byte("\n")))
		return err
	}
	one := shown([]policy.Finding{x.Finding}, f.Options.threshold())
	p := f.Options.printer()
	if f.Options.Quiet {
		p.lines("", "", one)
		return p.flush(f.W)
	}
	if len(one) > 0 && !f.headed {
		f.headed = true
		p.para("", 2, span{"== What hosts have in common", bold})
	}
	p.findings(one)
	return p.flush(f.W)
}

func (f *Fleet) begin() string { return `{"schema":"` + FleetSchema + `","findings":[` }

// End shows the sums. failed is how many snapshots could not be read.
func (f *Fleet) End(failed int) error {
	if f.JSON {
		begin := ""
		if (f.across == Summary{}) {
			begin = f.begin()
		}
		s := f.Summary()
		_, err := fmt.Fprintf(f.W, `%s],"hosts":%d,"failed":%d,"summary":{"devices":%d,"errors":%d,"warnings":%d,"infos":%d}}`+"\n",
			begin, f.hosts, failed, s.Devices, s.Errors, s.Warnings, s.Infos)
		return err
	}
	if f.Options.Quiet {
		return nil
	}
	p := f.Options.printer()
	if f.headed {
		p.blank()
	}
	spans := []span{text(fmt.Sprintf("%s with %s audited, %d of the hosts with findings: ",
		number(f.hosts, "host"), number(f.one.Devices, "device"), f.withFindings)), verdict(f.Summary(), f.Options.threshold())}
	if failed > 0 {
		spans = append(spans, text("; "), span{number(failed, "snapshot") + " could not be read", red})
	}
	p.para("", 2, append(spans, text("."))...)
	p.hidden(f.Summary(), f.Options)
	return p.flush(f.W)
}
