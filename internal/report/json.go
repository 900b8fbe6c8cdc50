package report

import (
	"io"
	"strconv"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/parallel"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// The schemas of the JSON reports. Within a major version, fields may be added but not
// renamed or removed.
const (
	checkSchema   = "linkaudit.check/1"
	lintSchema    = "linkaudit.lint/1"
	explainSchema = "linkaudit.explain/1"
	fleetSchema   = "linkaudit.fleet/1"
)

type hostJSON struct {
	Hostname       *string `json:"hostname"`
	SystemdVersion *string `json:"systemd_version"`
	NamingScheme   *string `json:"naming_scheme"`
	Udevd          *string `json:"udevd"`
}

type deviceJSON struct {
	Name             string         `json:"name"`
	Index            int            `json:"index"`
	Kind             string         `json:"kind"`
	Present          bool           `json:"present"`
	LinkFile         *string        `json:"link_file"`
	DropIns          []string       `json:"dropins"`
	MACAddressPolicy *string        `json:"mac_address_policy"`
	PolicySource     *linkfiles.Pos `json:"policy_source"`
	Live             *liveJSON      `json:"live"`
	Origin           *string        `json:"origin"`
	OriginPort       string         `json:"origin_port"`
	OriginCandidates []string       `json:"origin_candidates"`
	OriginMachineID  string         `json:"origin_machine_id"`
	Applied          appliedJSON    `json:"applied"`
	PersistentMAC    *string        `json:"persistent_mac"`
	Predicted        predictedJSON  `json:"predicted"`
	// Declarations is nil if they are unknown.
	Declarations []declarationJSON `json:"declarations"`
	Manager      *managerJSON      `json:"manager"`
	Findings     []findingJSON     `json:"findings"`
}

// declarationJSON is the JSON of a netconf.Declaration.
type declarationJSON struct {
	Program   netconf.Program        `json:"program"`
	Device    string                 `json:"device"`
	Pattern   bool                   `json:"pattern"`
	Kind      string                 `json:"kind"`
	Creates   bool                   `json:"creates"`
	OnRequest bool                   `json:"on_request"`
	Renderer  netconf.Program        `json:"renderer"`
	Ignored   string                 `json:"ignored"`
	Ports     []string               `json:"ports"`
	Address   declarationAddressJSON `json:"address"`
	File      string                 `json:"file"`
	Line      int                    `json:"line"`
}

type declarationAddressJSON struct {
	Way        netconf.Way   `json:"way"`
	Key        string        `json:"key"`
	MAC        linkfiles.MAC `json:"mac"`
	Port       string        `json:"port"`
	AtCreation bool          `json:"at_creation"`
	Unknown    string        `json:"unknown"`
	File       string        `json:"file"`
	Line       int           `json:"line"`
}

// managerJSON is the program that sets the device's address.
type managerJSON struct {
	Program netconf.Program `json:"program"`
	MAC     linkfiles.MAC   `json:"mac"`
	Certain bool            `json:"certain"`
}

func newDeclarationsJSON(d *audit.DeviceResult) []declarationJSON {
	of, ok := d.Declarations.Get()
	if !ok {
		return nil
	}
	out := make([]declarationJSON, 0, len(of))
	for _, d := range of {
		a := d.Address
		out = append(out, declarationJSON{
			Program: d.Program, Device: d.Device, Pattern: d.Pattern, Kind: d.Kind, Creates: d.Creates, OnRequest: d.OnRequest,
			Renderer: d.Renderer, Ignored: d.Ignored, Ports: append([]string{}, d.Ports...), File: d.Pos.File, Line: d.Pos.Line,
			Address: declarationAddressJSON{
				Way: a.Way, Key: a.Key, MAC: a.MAC, Port: a.Port, AtCreation: a.AtCreation, Unknown: a.Unknown,
				File: a.Pos.File, Line: a.Pos.Line,
			},
		})
	}
	return out
}

type liveJSON struct {
	MAC            linkfiles.MAC `json:"mac"`
	AddrAssignType *string       `json:"addr_assign_type"`
	PermanentMAC   linkfiles.MAC `json:"permanent_mac"`
	Master         string        `json:"master"`
	Ports          []string      `json:"ports"`
}

type appliedJSON struct {
	LinkFile *string `json:"link_file"`
}

// predictedJSON has the address after each event, and all possible outcomes.
type predictedJSON struct {
	Boot         *string                       `json:"boot"`
	UdevAddEvent *string                       `json:"udev_add_event"`
	Recreate     *string                       `json:"recreate"`
	PortsRejoin  *string                       `json:"ports_rejoin"`
	Guests       *string                       `json:"guest_starts_or_stops"`
	Outcomes     map[audit.Event][]outcomeJSON `json:"outcomes"`
}

type outcomeJSON struct {
	MAC    *linkfiles.MAC `json:"mac"`
	Origin string         `json:"origin"`
	Port   string         `json:"port"`
	When   string         `json:"when"`
}

func newPredictedJSON(d *audit.DeviceResult) predictedJSON {
	p := predictedJSON{Outcomes: make(map[audit.Event][]outcomeJSON, len(d.Predicted))}
	for _, after := range d.Predicted {
		*p.after(after.Event) = textOrNull(after.MAC)
		outcomes := make([]outcomeJSON, 0, len(after.Outcomes))
		for i := range after.Outcomes {
			o := &after.Outcomes[i]
			j := outcomeJSON{Origin: o.Origin, Port: o.Port, When: words.Of(o.When)}
			if o.MAC != "" {
				j.MAC = &o.MAC
			}
			outcomes = append(outcomes, j)
		}
		p.Outcomes[after.Event] = outcomes
	}
	return p
}

// after returns the field for the address after an event.
func (p *predictedJSON) after(e audit.Event) **string {
	switch e {
	case audit.EventBoot:
		return &p.Boot
	case audit.EventUdevAdd:
		return &p.UdevAddEvent
	case audit.EventRecreate:
		return &p.Recreate
	case audit.EventPortsRejoin:
		return &p.PortsRejoin
	case audit.EventGuests:
		return &p.Guests
	}
	panic("no field for " + string(e))
}

// writeAuditJSON writes the result of an audit as docs/schema/check.schema.json
// describes. It has all findings: the threshold is for people and the exit status, and
// a finding below it may explain a null.
func writeAuditJSON(w io.Writer, res *audit.Result, _ Options) error {
	return writeCheckJSON(w, res, "", indented)
}

// batch is how many devices of many are encoded as one piece; the pieces use all
// processors. With two processors and 10,000 bonds, this takes a fifth off the time of
// check --format json, and a twentieth off that of text. With pieces of 160, the report
// of 1,000 bridges took 32 instead of 27 MB and a tenth more processor time.
const batch = 32

// inBatches calls produce for n things in batches on all processors, and use with the
// results in order.
func inBatches[T any](n int, produce func(from, until int) T, use func(T) error) error {
	return parallel.InOrder((n+batch-1)/batch, func(part int) T {
		return produce(part*batch, min(n, (part+1)*batch))
	}, use)
}

// writeCheckJSON encodes one device at a time, so the text for thousands of devices is
// never in memory as a whole. If there are several snapshots, source is the file that
// this one was read from.
func writeCheckJSON(w io.Writer, res *audit.Result, source, indent string) error {
	s := newJSONStream(w, indent)
	s.open('{')
	s.member("schema", checkSchema)
	if source != "" {
		s.member("source", source)
	}
	s.member("host", newHostJSON(res.Snapshot))
	s.name("devices")
	s.open('[')
	if err := s.values(len(res.Devices), func(i int) any { return newDeviceJSON(&res.Devices[i]) }); err != nil {
		return err
	}
	s.shut(']')
	s.member("findings", findingsJSON(res.Findings))
	s.member("summary", Count(res))
	s.shut('}')
	return s.end()
}

func newHostJSON(s *host.Snapshot) hostJSON {
	if s == nil {
		return hostJSON{}
	}
	h := hostJSON{
		Hostname:       textOrNull(s.System.Hostname),
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

func newDeviceJSON(d *audit.DeviceResult) deviceJSON {
	j := deviceJSON{
		Name:             d.Name,
		Kind:             d.Kind,
		Present:          d.Present,
		DropIns:          []string{},
		MACAddressPolicy: textOrNull(d.Policy),
		Origin:           textOrNull(d.Origin),
		OriginPort:       d.OriginPort,
		OriginMachineID:  d.OfOtherID.Source,
		OriginCandidates: append([]string{}, d.OriginCandidates...),
		Applied:          appliedJSON{LinkFile: textOrNull(d.Applied)},
		Predicted:        newPredictedJSON(d),
		Declarations:     newDeclarationsJSON(d),
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
		j.PersistentMAC = new(pm.MAC.String())
	} else if d.Persistent.IsAbsent() {
		j.PersistentMAC = new("")
	}
	if m := d.Manager; m != nil {
		j.Manager = &managerJSON{m.Program, m.Address.MAC, m.Certain}
	}
	if d.Device != nil {
		j.Index = d.Device.Index
		j.Live = newLiveJSON(d.Device)
	} else {
		// Nothing has been applied to a device that does not exist.
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

// textOrNull returns the value of a known fact, "" for an absent one, and nil for an
// unknown one. A finding explains an unknown one.
func textOrNull[S ~string](f fact.Fact[S]) *string {
	if f.IsUnknown() {
		return nil
	}
	return new(string(f.Or("")))
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

type lintJSON struct {
	Schema         string          `json:"schema"`
	SystemdVersion string          `json:"systemd_version"`
	Files          []lintFileJSON  `json:"files"`
	Findings       []findingJSON   `json:"findings"`
	Summary        lintSummaryJSON `json:"summary"`
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

// writeLintJSON writes the findings as docs/schema/lint.schema.json describes.
func writeLintJSON(w io.Writer, l Lint, _ Options) error {
	sum := CountFindings(l.Findings)
	out := lintJSON{
		Schema:         lintSchema,
		SystemdVersion: strconv.Itoa(int(l.Release)),
		Files:          make([]lintFileJSON, 0, len(l.Files)),
		Findings:       findingsJSON(l.Findings),
		Summary:        lintSummaryJSON{len(l.Files), sum.Errors, sum.Warnings, sum.Infos},
	}
	for _, f := range l.Files {
		out.Files = append(out.Files, lintFileJSON{f.Path, f.State, f.Why, append([]string{}, f.DropIns...)})
	}
	return writeJSON(w, out, indented)
}
