package report

import (
	"bytes"
	"cmp"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
)

// unknownLabel is the value of a label if the fact is unknown. If it is absent, the
// label is "", which Prometheus treats as no label.
const unknownLabel = "unknown"

// writePrometheus writes the result of an audit as metrics in Prometheus' text format,
// which is also valid OpenMetrics. All are gauges without a timestamp. No label has
// values that grow without bound: the series of a device stay the same until the device
// changes.
//
// It has findings of all severities.
func writePrometheus(w io.Writer, res *audit.Result, o Options) error {
	var m metrics
	sum := Count(res)
	names := deviceLabels(res.Devices)

	m.family("linkaudit_build_info", "The linkaudit that made these metrics; the value is 1.")
	m.sample(1, "version", Escape(o.Build.Version), "revision", Escape(o.Build.Revision), "goversion", o.Build.Go)

	host := newHostJSON(res.Snapshot)
	m.family("linkaudit_host_info", "The host that was audited; the value is 1. A label says unknown if its value is unknown.")
	m.sample(1, "hostname", orUnknown(host.Hostname), "systemd_version", orUnknown(host.SystemdVersion),
		"naming_scheme", orUnknown(host.NamingScheme), "udevd", orUnknown(host.Udevd))

	m.family("linkaudit_devices", "Number of network devices that were audited.")
	m.sample(sum.Devices)

	m.family("linkaudit_severity_findings", "Number of findings of a severity, about devices and about the host.")
	for _, s := range []struct {
		severity audit.Severity
		n        int
	}{{audit.Error, sum.Errors}, {audit.Warning, sum.Warnings}, {audit.Info, sum.Infos}} {
		m.sample(s.n, "severity", string(s.severity))
	}

	m.family("linkaudit_findings", "Number of findings of a rule about a device; about the host if the device is empty. Rules that found nothing have no series.")
	for i := range res.Devices {
		m.findings(names[i], res.Devices[i].Findings)
	}
	m.findings("", res.Findings)

	m.family("linkaudit_device_info", "A network device; the value is 1. A label says unknown if its value is unknown, and is empty if there is none.")
	for i := range res.Devices {
		m.device(names[i], &res.Devices[i])
	}

	m.family("linkaudit_device_unknown_facts", "Number of unknown facts about a device.")
	for i := range res.Devices {
		m.sample(unknownFacts(&res.Devices[i]), "device", names[i])
	}

	m.family("linkaudit_device_address_stable", "Whether a device keeps its address in every possible outcome of an event (1) or not (0). There is no series if that is unknown.")
	for i := range res.Devices {
		m.stability(names[i], &res.Devices[i])
	}

	m.buf.WriteString("# EOF\n")
	_, err := w.Write(m.buf.Bytes())
	return err
}

// metrics is the unfinished output.
type metrics struct {
	buf  bytes.Buffer
	name string
}

// family begins a family of gauges. name and help need no escaping.
func (m *metrics) family(name, help string) {
	m.name = name
	m.buf.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " gauge\n")
}

// labelValue escapes the value of a label.
var labelValue = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// sample writes one sample of the family. labels are names and values in turn.
func (m *metrics) sample(value int, labels ...string) {
	m.buf.WriteString(m.name)
	for i := 0; i < len(labels); i += 2 {
		m.buf.WriteByte("{,"[min(i, 1)])
		m.buf.WriteString(labels[i] + `="` + labelValue.Replace(labels[i+1]) + `"`)
	}
	if len(labels) > 0 {
		m.buf.WriteByte('}')
	}
	m.buf.WriteString(" " + strconv.Itoa(value) + "\n")
}

func (m *metrics) findings(device string, findings []audit.Finding) {
	type series struct {
		rule     string
		severity audit.Severity
	}
	n := map[series]int{}
	for _, f := range findings {
		n[series{f.Rule, f.Severity}]++
	}
	keys := slices.SortedFunc(maps.Keys(n), func(x, y series) int {
		return cmp.Or(cmp.Compare(x.rule, y.rule), cmp.Compare(x.severity, y.severity))
	})
	for _, k := range keys {
		m.sample(n[k], "device", device, "rule", Escape(k.rule), "severity", string(k.severity))
	}
}

func (m *metrics) device(name string, d *audit.DeviceResult) {
	j := newDeviceJSON(d)
	address := fact.Absent[string]()
	if d.Device != nil {
		address = fact.Text(d.Device.MAC.String())
	}
	m.sample(1,
		"device", name,
		"kind", Escape(d.Kind),
		"present", strconv.FormatBool(d.Present),
		"link_file", orUnknown(j.LinkFile),
		"policy", orUnknown(j.MACAddressPolicy),
		"origin", orUnknown(j.Origin),
		"address", orUnknown(textOrNull(address)),
		"persistent_address", orUnknown(j.PersistentMAC))
}

// stability writes, for each event, whether the address survives it.
func (m *metrics) stability(name string, d *audit.DeviceResult) {
	if d.Device == nil || d.Device.MAC == "" {
		return
	}
	for _, after := range d.Predicted {
		if len(after.Outcomes) == 0 {
			continue
		}
		stable := 1
		for _, o := range after.Outcomes {
			if o.MAC != d.Device.MAC {
				stable = 0
			}
		}
		m.sample(stable, "device", name, "event", string(after.Event))
	}
}

// unknownFacts counts what is null in check's JSON.
func unknownFacts(d *audit.DeviceResult) int {
	facts := []interface{ IsUnknown() bool }{d.LinkFile, d.Policy, d.Persistent, d.Origin}
	if d.Device != nil {
		facts = append(facts, d.Applied, d.Device.AddrAssignType)
	}
	for _, after := range d.Predicted {
		facts = append(facts, after.MAC)
	}
	n := 0
	for _, f := range facts {
		if f.IsUnknown() {
			n++
		}
	}
	return n
}

func orUnknown(s *string) string {
	if s == nil {
		return unknownLabel
	}
	return Escape(*s)
}

// deviceLabels are the labels of devices, all different: a saved snapshot may
// have two of one name. The kernel has none with a space in it.
func deviceLabels(devices []audit.DeviceResult) []string {
	labels, seen := make([]string, len(devices)), map[string]int{}
	for i := range devices {
		l := deviceLabel(devices[i].Name)
		if seen[l]++; seen[l] > 1 {
			labels[i] = l + " " + strconv.Itoa(seen[l])
		} else {
			labels[i] = l
		}
	}
	return labels
}

// deviceLabel is Escape for the name of a device, where two names must not
// become one: a scrape with the same series twice is refused as a whole. So
// that \xff is the byte alone, a backslash that is part of a name is doubled.
func deviceLabel(name string) string {
	return Escape(strings.ReplaceAll(name, `\`, `\\`))
}
