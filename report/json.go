package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"linkaudit/fact"
	"linkaudit/host"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// The schemas of the JSON reports. Within a major version fields are added and
// never renamed or removed.
const (
	CheckSchema   = "linkaudit.check/1"
	LintSchema    = "linkaudit.lint/1"
	ExplainSchema = "linkaudit.explain/1"
)

type checkJSON struct {
	Schema   string           `json:"schema"`
	Host     hostJSON         `json:"host"`
	Devices  []deviceJSON     `json:"devices"`
	Findings []policy.Finding `json:"findings"`
	Summary  Summary          `json:"summary"`
}

type hostJSON struct {
	Hostname       *string `json:"hostname"`
	SystemdVersion *string `json:"systemd_version"`
	NamingScheme   *string `json:"naming_scheme"`
	Udevd          *string `json:"udevd"`
}

type deviceJSON struct {
	Name             string           `json:"name"`
	Index            int              `json:"index"`
	Kind             string           `json:"kind"`
	Present          bool             `json:"present"`
	LinkFile         *string          `json:"link_file"`
	DropIns          []string         `json:"dropins"`
	MACAddressPolicy *string          `json:"mac_address_policy"`
	PolicySource     *linkfiles.Pos   `json:"policy_source"`
	Live             *liveJSON        `json:"live"`
	Origin           *string          `json:"origin"`
	OriginPort       string           `json:"origin_port"`
	OriginCandidates []string         `json:"origin_candidates"`
	Applied          appliedJSON      `json:"applied"`
	PersistentMAC    *string          `json:"persistent_mac"`
	Predicted        predictedJSON    `json:"predicted"`
	Findings         []policy.Finding `json:"findings"`
}

type liveJSON struct {
	MAC            string   `json:"mac"`
	AddrAssignType *string  `json:"addr_assign_type"`
	PermanentMAC   string   `json:"permanent_mac"`
	Master         string   `json:"master"`
	Ports          []string `json:"ports"`
}

type appliedJSON struct {
	LinkFile *string `json:"link_file"`
}

// predictedJSON holds the address after each event, and all possible ones.
type predictedJSON struct {
	Boot         *string                        `json:"boot"`
	UdevAddEvent *string                        `json:"udev_add_event"`
	Recreate     *string                        `json:"recreate"`
	PortsRejoin  *string                        `json:"ports_rejoin"`
	Outcomes     map[policy.Event][]outcomeJSON `json:"outcomes"`
}

type outcomeJSON struct {
	MAC    *string `json:"mac"`
	Origin string  `json:"origin"`
	Port   string  `json:"port"`
	When   string  `json:"when"`
}

func newPredictedJSON(d *policy.DeviceResult) predictedJSON {
	p := predictedJSON{Outcomes: make(map[policy.Event][]outcomeJSON, len(d.Predicted))}
	fields := map[policy.Event]**string{
		policy.EventBoot: &p.Boot, policy.EventUdevAdd: &p.UdevAddEvent,
		policy.EventRecreate: &p.Recreate, policy.EventPortsRejoin: &p.PortsRejoin,
	}
	for _, after := range d.Predicted {
		*fields[after.Event] = value(after.MAC)
		outcomes := make([]outcomeJSON, 0, len(after.Outcomes))
		for _, o := range after.Outcomes {
			j := outcomeJSON{Origin: o.Origin, Port: o.Port, When: o.When}
			if o.MAC != "" {
				j.MAC = &o.MAC
			}
			outcomes = append(outcomes, j)
		}
		p.Outcomes[after.Event] = outcomes
	}
	return p
}

// JSON writes the result of an audit in the form of docs/schema/check.schema.json.
// It holds every finding: a threshold is for people and for the exit status,
// and a finding may be what explains a null.
func JSON(w io.Writer, res *policy.Result) error {
	out := checkJSON{
		Schema:   CheckSchema,
		Host:     newHostJSON(res.Snapshot),
		Devices:  make([]deviceJSON, 0, len(res.Devices)),
		Findings: findingsJSON(res.Findings),
		Summary:  Count(res),
	}
	for i := range res.Devices {
		out.Devices = append(out.Devices, newDeviceJSON(&res.Devices[i]))
	}
	return writeJSON(w, out)
}

func newHostJSON(s *host.Snapshot) hostJSON {
	if s == nil {
		return hostJSON{}
	}
	h := hostJSON{
		Hostname:       value(s.System.Hostname),
		SystemdVersion: systemdVersion(s.Systemd.Release),
		Udevd:          udevd(s.Udev.Running),
	}
	if scheme, ok := s.NamingScheme.Get(); ok {
		h.NamingScheme = &scheme.Name
	} else if s.NamingScheme.IsAbsent() {
		h.NamingScheme = new("")
	}
	return h
}

func newDeviceJSON(d *policy.DeviceResult) deviceJSON {
	j := deviceJSON{
		Name:             d.Name,
		Kind:             d.Kind,
		Present:          d.Present,
		DropIns:          []string{},
		MACAddressPolicy: value(d.Policy),
		Origin:           value(d.Origin),
		OriginPort:       d.OriginPort,
		OriginCandidates: append([]string{}, d.OriginCandidates...),
		Applied:          appliedJSON{LinkFile: value(d.Applied)},
		Predicted:        newPredictedJSON(d),
		Findings:         findingsJSON(d.Findings),
	}
	if f, ok := d.LinkFile.Get(); ok {
		j.LinkFile = &f.Path
		j.DropIns = append(j.DropIns, f.DropIns...)
	} else if d.LinkFile.IsAbsent() {
		j.LinkFile = new("")
	}
	if d.PolicySource.File != "" {
		j.PolicySource = &d.PolicySource
	}
	if pm, ok := d.Persistent.Get(); ok {
		j.PersistentMAC = &pm.MAC
	} else if d.Persistent.IsAbsent() {
		j.PersistentMAC = new("")
	}
	if d.Device != nil {
		j.Index = d.Device.Index
		j.Live = newLiveJSON(d.Device)
	} else {
		// A device that does not exist had nothing applied to it.
		j.Applied.LinkFile = nil
	}
	return j
}

func newLiveJSON(d *host.Device) *liveJSON {
	live := &liveJSON{
		MAC:          d.MAC,
		PermanentMAC: d.PermanentMAC,
		Master:       d.Master,
		Ports:        make([]string, 0, len(d.Ports)),
	}
	if t, ok := d.AddrAssignType.Get(); ok {
		live.AddrAssignType = new(t.String())
	}
	for _, port := range d.Ports {
		live.Ports = append(live.Ports, port.Name)
	}
	return live
}

// value is a known fact's value, "" for an absent one and nil for an unknown
// one, which a rule of package policy explains.
func value(f fact.Fact[string]) *string {
	if f.IsUnknown() {
		return nil
	}
	return new(f.Or(""))
}

func systemdVersion(r fact.Fact[linkfiles.Release]) *string {
	v, ok := r.Get()
	if !ok {
		return nil
	}
	return new(strconv.Itoa(int(v)))
}

func udevd(running fact.Fact[bool]) *string {
	v, ok := running.Get()
	switch {
	case !ok:
		return nil
	case v:
		return new("running")
	}
	return new("stopped")
}

func findingsJSON(findings []policy.Finding) []policy.Finding {
	if findings == nil {
		return []policy.Finding{}
	}
	return findings
}

type lintJSON struct {
	Schema         string           `json:"schema"`
	SystemdVersion string           `json:"systemd_version"`
	Files          []lintFileJSON   `json:"files"`
	Findings       []policy.Finding `json:"findings"`
	Summary        lintSummaryJSON  `json:"summary"`
}

type lintFileJSON struct {
	Path    string              `json:"path"`
	State   linkfiles.FileState `json:"state"`
	Why     string              `json:"why"`
	DropIns []string            `json:"dropins"`
}

type lintSummaryJSON struct {
	Files    int `json:"files"`
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Infos    int `json:"infos"`
}

// LintJSON writes the findings in the form of docs/schema/lint.schema.json.
func LintJSON(w io.Writer, l Lint) error {
	sum := CountFindings(l.Findings)
	out := lintJSON{
		Schema:         LintSchema,
		SystemdVersion: strconv.Itoa(int(l.Release)),
		Files:          make([]lintFileJSON, 0, len(l.Files)),
		Findings:       findingsJSON(l.Findings),
		Summary:        lintSummaryJSON{len(l.Files), sum.Errors, sum.Warnings, sum.Infos},
	}
	for _, f := range l.Files {
		out.Files = append(out.Files, lintFileJSON{f.Path, f.State, f.Why, append([]string{}, f.DropIns...)})
	}
	return writeJSON(w, out)
}

func writeJSON(w io.Writer, v any) error {
	to := &jsonWriter{w: w}
	enc := json.NewEncoder(to)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil && to.err == nil {
		return fmt.Errorf("encoding the report: %w", err)
	}
	return to.err
}

// jsonWriter escapes what the encoder hands over, which is all in one piece.
type jsonWriter struct {
	w   io.Writer
	err error
}

func (j *jsonWriter) Write(b []byte) (int, error) {
	_, j.err = j.w.Write(escapeJSON(b))
	return len(b), j.err
}
