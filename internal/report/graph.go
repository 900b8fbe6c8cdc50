package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"linkaudit/internal/audit"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// graph is the picture of an explanation: the files in udev's order, the policy of the
// one that applies, the address, and the address after each event.
type graph struct {
	title string
	nodes []graphNode
	edges []graphEdge
}

// nodeKind decides how a node looks.
type nodeKind string

const (
	nodeFile    nodeKind = "file"
	nodeApplies nodeKind = "applies"
	nodeDoubt   nodeKind = "doubt"
	nodePassed  nodeKind = "passed"
	nodePolicy  nodeKind = "policy"
	nodeDevice  nodeKind = "device"
	nodeEvent   nodeKind = "event"
	nodeOutcome nodeKind = "outcome"
)

type graphNode struct {
	kind  nodeKind
	lines []string // not escaped
}

type graphEdge struct {
	from, to int
	label    string
	dotted   bool
}

func (g *graph) node(kind nodeKind, lines ...string) int {
	lines = slices.DeleteFunc(lines, func(s string) bool { return s == "" })
	g.nodes = append(g.nodes, graphNode{kind, lines})
	return len(g.nodes) - 1
}

func (g *graph) edge(from, to int, label string, dotted bool) {
	g.edges = append(g.edges, graphEdge{from, to, label, dotted})
}

func newGraph(x *audit.Explanation, all bool) *graph {
	g := &graph{title: x.Device.Name}
	applies := g.fileNodes(x, all)
	asks := g.policyNode(x.Device)
	g.edge(applies, asks, "", false)
	device := g.deviceNode(x.Device)
	origin := x.Device.Origin.Or("")
	g.edge(asks, device, "", origin != audit.OriginUdev && origin != audit.OriginLinkFile)
	g.eventNodes(x, device, all)
	return g
}

// fileNodes draws the files with the way from each to the next. It returns the node of
// the file that applies, or a node that says that none does.
func (g *graph) fileNodes(x *audit.Explanation, all bool) (applies int) {
	last, applies := -1, -1
	for _, row := range fileRows(x.Files, all) {
		n := fileNode(row, all)
		at := g.node(n.kind, n.lines...)
		switch {
		case last < 0:
		case applies >= 0: // udev stops here
			g.edge(last, at, "", true)
		default:
			g.edge(last, at, "next", false)
		}
		last = at
		if n.kind == nodeApplies {
			applies = at
		}
	}
	if applies >= 0 {
		return applies
	}
	if x.Device.LinkFile.IsUnknown() {
		applies = g.node(nodeDoubt, "the file that applies is unknown")
	} else {
		applies = g.node(nodePassed, "no file applies")
	}
	if last >= 0 {
		g.edge(last, applies, "next", false)
	}
	return applies
}

// fileNode is a file with its fate, or several files that are left out.
func fileNode(row fileRow, all bool) graphNode {
	v := row.verdict
	if v == nil {
		return graphNode{nodePassed, []string{softSpaces(gapWords(row.gap))}}
	}
	why := abridge(words.Of(v.Reason), all)
	if v.Pos.Line > 0 {
		why += " (" + v.Pos.String() + ")"
	}
	kind := nodeFile
	switch {
	case v.Fate == linkfiles.FateApplies:
		kind, why = nodeApplies, "applies"
	case v.Fate == linkfiles.FateOtherwise:
		kind, why = nodeApplies, "applies if the doubtful ones before it do not"
	case !v.Reached:
		kind, why = nodePassed, "not looked at"
	case v.Fate == linkfiles.FateUnknown:
		kind, why = nodeDoubt, "unknown: "+why
	case v.Fate == linkfiles.FateUnused:
		kind, why = nodePassed, "not used: "+why
	default:
		why = "no: " + why
	}
	return graphNode{kind, append(append([]string{v.File.Path}, v.File.DropIns...), why)}
}

// policyNode draws the file's policy.
func (g *graph) policyNode(d *audit.DeviceResult) int {
	words := "MACAddressPolicy= is not set"
	if pol, known := d.Policy.Get(); known {
		words = "MACAddressPolicy=" + pol
	} else if d.Policy.IsUnknown() {
		words = "MACAddressPolicy= is unknown"
	}
	return g.node(nodePolicy, words, d.PolicySource.String())
}

// deviceNode draws the device with its address.
func (g *graph) deviceNode(d *audit.DeviceResult) int {
	switch {
	case d.Device == nil:
		return g.node(nodeDevice, d.Name, "does not exist yet")
	case d.Device.MAC == "":
		return g.node(nodeDevice, d.Name, "has no address")
	}
	var by strings.Builder
	for _, s := range explainOrigin(d) {
		by.WriteString(s.text)
	}
	return g.node(nodeDevice, d.Name, d.Device.MAC.String(), softSpaces(by.String()))
}

// eventNodes draws the address after each event. Events with the same outcome share a
// node.
func (g *graph) eventNodes(x *audit.Explanation, device int, all bool) {
	event, outcomes := -1, map[string]int{}
	for _, r := range eventRows(x, 8) {
		if r.what != "" {
			event = g.node(nodeEvent, r.what)
			g.edge(device, event, "", false)
		}
		note := abridge(r.note, all)
		key, by := r.mac+"\x00"+r.by, "from "+r.by
		if r.by == "" { // unknown: the node has the reason, and reasons differ
			key, by, note = key+"\x00"+note, note, ""
		}
		if _, there := outcomes[key]; !there {
			outcomes[key] = g.node(nodeOutcome, r.mac, by)
		}
		g.edge(event, outcomes[key], note, false)
	}
}

// softSpaces is for text that no printer breaks into lines.
func softSpaces(s string) string { return strings.ReplaceAll(s, hardSpace, " ") }

// dotStyles are the styles of the nodes in Graphviz.
var dotStyles = map[nodeKind]string{
	nodeFile:    `shape=note`,
	nodeApplies: `shape=note, style="filled,bold", fillcolor=palegreen`,
	nodeDoubt:   `shape=note, style=filled, fillcolor=khaki`,
	nodePassed:  `shape=note, style=dashed, fontcolor=gray30`,
	nodePolicy:  `shape=box, style=filled, fillcolor=lightblue`,
	nodeDevice:  `shape=box, style="filled,bold", fillcolor=lightyellow`,
	nodeEvent:   `shape=ellipse`,
	nodeOutcome: `shape=box, style=rounded`,
}

// writeDOT writes the picture for Graphviz.
func writeDOT(w io.Writer, x *audit.Explanation, o Options) error {
	g := newGraph(x, o.AllFiles)
	var b bytes.Buffer
	fmt.Fprintf(&b, "digraph linkaudit {\n  charset=\"UTF-8\";\n  label=%s;\n  labelloc=t;\n  node [fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n", dotQuote(g.title))
	for i, n := range g.nodes {
		fmt.Fprintf(&b, "  n%d [label=%s, %s];\n", i, dotQuote(n.lines...), dotStyles[n.kind])
	}
	for _, e := range g.edges {
		attributes := ""
		if e.label != "" {
			attributes = "label=" + dotQuote(e.label)
		}
		if e.dotted {
			attributes = strings.TrimPrefix(attributes+", style=dotted", ", ")
		}
		if attributes != "" {
			attributes = " [" + attributes + "]"
		}
		fmt.Fprintf(&b, "  n%d -> n%d%s;\n", e.from, e.to, attributes)
	}
	b.WriteString("}\n")
	_, err := w.Write(b.Bytes())
	return err
}

// dotQuote writes lines as one quoted string of DOT. A label is an "escString", so
// backslashes must be doubled like quotes. Graphviz also decodes entities such as
// &amp;.
func dotQuote(lines ...string) string {
	var out []string
	for _, l := range lines {
		for _, part := range fold(Escape(l)) {
			out = append(out, dotEscaper.Replace(part))
		}
	}
	return `"` + strings.Join(out, `\n`) + `"`
}

var dotEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `&`, `&amp;`)

// fold breaks a text at spaces, so boxes are not too wide.
func fold(s string) []string {
	const most = 44
	words := strings.Split(s, " ")
	lines, line := []string(nil), words[0]
	for _, w := range words[1:] {
		if columns(line)+1+columns(w) > most {
			lines, line = append(lines, line), w
		} else {
			line += " " + w
		}
	}
	return append(lines, line)
}

// mermaidClasses are the styles of the nodes in Mermaid. Colours are names, because "#"
// begins an entity.
var mermaidClasses = []struct {
	kind  nodeKind
	style string
}{
	{nodeApplies, "fill:palegreen,stroke:black,color:black"},
	{nodeDoubt, "fill:khaki,stroke:black,color:black"},
	{nodePassed, "stroke-dasharray:4 4"},
	{nodePolicy, "fill:lightblue,stroke:black,color:black"},
	{nodeDevice, "fill:lightyellow,stroke:black,color:black"},
}

// mermaidShapes are the brackets around a node's label.
var mermaidShapes = map[nodeKind][2]string{
	nodeEvent:   {"([", "])"},
	nodeOutcome: {"(", ")"},
}

// writeMermaid writes the picture as a Mermaid flowchart, one statement per line.
func writeMermaid(w io.Writer, x *audit.Explanation, o Options) error {
	g := newGraph(x, o.AllFiles)
	var b bytes.Buffer
	b.WriteString("flowchart TD\n")
	of := map[nodeKind][]string{}
	for i, n := range g.nodes {
		shape, ok := mermaidShapes[n.kind]
		if !ok {
			shape = [2]string{"[", "]"}
		}
		id := fmt.Sprintf("n%d", i)
		of[n.kind] = append(of[n.kind], id)
		fmt.Fprintf(&b, "  %s%s%s%s\n", id, shape[0], mermaidQuote(n.lines...), shape[1])
	}
	for _, e := range g.edges {
		arrow := "-->"
		if e.dotted {
			arrow = "-.->"
		}
		if e.label != "" {
			arrow += "|" + mermaidQuote(e.label) + "|"
		}
		fmt.Fprintf(&b, "  n%d %s n%d\n", e.from, arrow, e.to)
	}
	for _, c := range mermaidClasses {
		if ids := of[c.kind]; len(ids) > 0 {
			fmt.Fprintf(&b, "  classDef %s %s\n  class %s %s\n", c.kind, c.style, strings.Join(ids, ","), c.kind)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// mermaidQuote writes lines as one quoted label of Mermaid. Everything that Mermaid,
// Markdown or HTML could interpret becomes an entity code. So does the beginning of
// "style" and "classDef", because encodeEntities() looks for them even in labels and
// removes a ";" after them.
func mermaidQuote(lines ...string) string {
	var out []string
	for _, l := range lines {
		out = append(out, fold(Escape(l))...)
	}
	var b strings.Builder
	for i, line := range out {
		if i > 0 {
			b.WriteString("<br/>")
		}
		for j, r := range line {
			if mermaidPlain(r) && !strings.HasPrefix(line[j:], "style") && !strings.HasPrefix(line[j:], "classDef") {
				b.WriteRune(r)
			} else {
				fmt.Fprintf(&b, "#%d;", r)
			}
		}
	}
	return `"` + b.String() + `"`
}

func mermaidPlain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" ./:=,-", r)
}
