package report

import (
	"io"

	"linkaudit/internal/audit"
	"linkaudit/internal/watch"
)

// Format is a value of --format with a function for each type of result. If a function
// is nil, no command with such a result accepts the format.
type Format struct {
	// Name is the value of --format.
	Name string
	// Audit shows one host (check, example).
	Audit func(io.Writer, *audit.Result, Options) error
	// several shows many hosts (check --from); NewFleet calls it.
	several func(io.Writer, Options) fleetForm
	// Lint shows findings about files alone.
	Lint func(io.Writer, Lint, Options) error
	// Explanation shows the reasoning about a device (explain).
	Explanation func(io.Writer, *audit.Explanation, Options) error
	// Change shows changes that were made or would be made (fix, undo).
	Change func(io.Writer, Change, Options) error
	// Event shows one event (watch, replay).
	Event func(io.Writer, *watch.Event, Options) error
	// MACs returns a list of addresses to write to (mac).
	MACs func(io.Writer, []MACMachine, MACSource) MACList
	// Unknown is set for formats of monitoring plugins: it shows that no audit was
	// possible, and why. A monitoring system interprets the output and exit status in
	// that case, too.
	Unknown func(w io.Writer, why string) error
	// Quiet says that --quiet shortens the format.
	Quiet bool
}

// Formats are all formats, in the order of the help. A new format needs an element
// here, a file that writes it, and its name in the manual.
var Formats = []Format{
	{
		Name: "text", Quiet: true, Audit: writeAuditText, several: newFleetText, Lint: writeLintText, Explanation: writeExplanationText,
		Change: writeChangeText, Event: writeEventText, MACs: newMACText,
	},
	{
		Name: "json", Audit: writeAuditJSON, several: newFleetJSON, Lint: writeLintJSON, Explanation: writeExplanationJSON,
		Change: writeChangeJSON, Event: writeEventJSON, MACs: newMACJSON,
	},
	{Name: "prometheus", Audit: writePrometheus},
	{Name: "nagios", Audit: writeNagios, Unknown: writeNagiosUnknown},
	{Name: "sarif", Audit: writeSARIF, Lint: writeLintSARIF},
	{Name: "junit", Audit: writeJUnit, Lint: writeLintJUnit},
	{Name: "dot", Explanation: writeDOT},
	{Name: "mermaid", Explanation: writeMermaid},
}

// FormatNamed returns the format with this name, nil if there is none.
func FormatNamed(name string) *Format {
	for i := range Formats {
		if Formats[i].Name == name {
			return &Formats[i]
		}
	}
	return nil
}

// SeveralHosts reports whether the format can show more than one host.
func (f *Format) SeveralHosts() bool { return f.several != nil }

func writeEventJSON(w io.Writer, e *watch.Event, _ Options) error { return WriteEvent(w, e) }
