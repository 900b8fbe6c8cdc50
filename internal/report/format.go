package report

import (
	"io"

	"linkaudit/internal/audit"
	"linkaudit/internal/watch"
)

// Format is one value of --format: what it makes of each sort of result. Where a function
// is nil, no command that has such a result takes the format.
type Format struct {
	// Name is the value.
	Name string
	// Audit shows one host (check, example).
	Audit func(io.Writer, *audit.Result, Options) error
	// several shows many hosts (check --from); NewFleet uses it.
	several func(io.Writer, Options) fleetForm
	// Lint shows what there is to say about files alone.
	Lint func(io.Writer, Lint, Options) error
	// Explanation shows the reasoning about a device (explain).
	Explanation func(io.Writer, *audit.Explanation, Options) error
	// Change shows what was changed, or would be (fix, undo).
	Change func(io.Writer, Change, Options) error
	// Event shows one event (watch, replay).
	Event func(io.Writer, *watch.Event, Options) error
	// MACs begins a list of addresses (mac).
	MACs func(io.Writer, []MACMachine, MACSource) MACList
	// Unknown makes the format that of a monitoring plugin, whose answer and exit status
	// mean something to a monitoring system even where there is no audit. It says why.
	Unknown func(w io.Writer, why string) error
	// Quiet says that --quiet shortens it.
	Quiet bool
}

// Formats are all of them, in the order in which they are listed to people. A format is a
// row here, the file that renders it, and its name in the manual.
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

// FormatNamed returns the format of that name, and nil where there is none.
func FormatNamed(name string) *Format {
	for i := range Formats {
		if Formats[i].Name == name {
			return &Formats[i]
		}
	}
	return nil
}

// SeveralHosts says whether the format can show more than one host.
func (f *Format) SeveralHosts() bool { return f.several != nil }

// writeEventJSON is WriteEvent among the formats.
func writeEventJSON(w io.Writer, e *watch.Event, _ Options) error { return WriteEvent(w, e) }
