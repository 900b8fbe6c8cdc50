package report

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"

	"linkaudit/internal/audit"
	"linkaudit/internal/words"
)

// The parts of SARIF 2.1.0 that linkaudit uses, with the names of the standard.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool               sarifTool                `json:"tool"`
		Invocations        []sarifInvocation        `json:"invocations"`
		OriginalURIBaseIDs map[string]sarifArtifact `json:"originalUriBaseIds"`
		ColumnKind         string                   `json:"columnKind"`
		Results            []sarifResult            `json:"results"`
		Properties         any                      `json:"properties"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string              `json:"id"`
		ShortDescription sarifMessage        `json:"shortDescription"`
		FullDescription  sarifMessage        `json:"fullDescription"`
		Help             sarifMessage        `json:"help"`
		Default          sarifConfiguration  `json:"defaultConfiguration"`
		Properties       sarifRuleProperties `json:"properties"`
	}
	sarifConfiguration struct {
		Level string `json:"level"`
	}
	sarifRuleProperties struct {
		Tags []string `json:"tags"`
		// GitHub sorts by ProblemSeverity and Precision.
		ProblemSeverity string `json:"problem.severity"`
		Precision       string `json:"precision"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool `json:"executionSuccessful"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifMessage      `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI         string        `json:"uri"`
		URIBaseID   string        `json:"uriBaseId,omitempty"`
		Description *sarifMessage `json:"description,omitempty"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		Name string `json:"name"`
		Kind string `json:"kind"`
	}
)

// whereOverridesGo is the location of a finding without a file, for a device without a
// file: the place for a file that fixes it. GitHub refuses a log with a result without
// a file.
const whereOverridesGo = "/etc/systemd/network"

// writeSARIF writes the result of an audit as a SARIF 2.1.0 log. It has all findings;
// infos are notes.
func writeSARIF(w io.Writer, res *audit.Result, o Options) error {
	l := newSARIF(o)
	for i := range res.Devices {
		d := &res.Devices[i]
		file := whereOverridesGo
		if f, ok := d.LinkFile.Get(); ok {
			file = f.Path
		}
		for _, f := range d.Findings {
			l.add(f, d.Name, file)
		}
	}
	for _, f := range res.Findings {
		l.add(f, "", whereOverridesGo)
	}
	return l.write(w, map[string]any{"host": newHostJSON(res.Snapshot)})
}

// writeLintSARIF writes the findings about files as a SARIF 2.1.0 log.
func writeLintSARIF(w io.Writer, lint Lint, o Options) error {
	l := newSARIF(o)
	for _, f := range lint.Findings {
		l.add(f, "", whereOverridesGo)
	}
	return l.write(w, map[string]any{"systemd_version": fmt.Sprint(lint.Release)})
}

// sarifBuilder collects the results of one run.
type sarifBuilder struct {
	Options
	rules   []sarifRule
	index   map[string]int
	results []sarifResult
	// seen counts the results with the same fingerprint.
	seen map[string]int
}

func newSARIF(o Options) *sarifBuilder {
	l := &sarifBuilder{Options: o, index: map[string]int{}, seen: map[string]int{}, results: []sarifResult{}}
	for _, r := range audit.Rules() {
		l.rule(r.Name, r.Severity, words.RuleSummary(r.Name), words.RuleHelp(r.Name), r.Scope())
	}
	return l
}

func (l *sarifBuilder) rule(name string, severity audit.Severity, summary, help string, scope audit.Scope) {
	problem := string(severity)
	if severity == audit.Info {
		problem = "recommendation"
	}
	l.index[name] = len(l.rules)
	l.rules = append(l.rules, sarifRule{
		ID:               Escape(name),
		ShortDescription: sarifText(summary),
		FullDescription:  sarifText(summary),
		Help:             sarifText(help),
		Default:          sarifConfiguration{sarifLevel(severity)},
		Properties:       sarifRuleProperties{[]string{string(scope)}, problem, "high"},
	})
}

// add adds a finding. file is its location if it has none of its own.
func (l *sarifBuilder) add(f audit.Finding, device, file string) {
	index, ok := l.index[f.Rule]
	if !ok {
		index = -1 // means none in SARIF
	}
	r := sarifResult{
		RuleID: Escape(f.Rule), RuleIndex: index, Level: sarifLevel(f.Severity),
		Message: sarifText(words.Of(f.Message)),
	}
	if fix := fixLine(f); fix != "" {
		r.Message = sarifText(words.Of(f.Message) + ". " + strings.ToUpper(fix[:1]) + fix[1:])
	}
	// A finding about a whole file is shown at its first line.
	line := 1
	if f.File != "" {
		file, line = f.File, max(f.Line, 1)
	}
	where := sarifLocation{Physical: sarifPhysical{l.artifact(file), sarifRegion{line}}}
	if device != "" {
		where.Logical = []sarifLogical{{Escape(device), "resource"}}
	}
	r.Locations = []sarifLocation{where}
	// The line is not part of the fingerprint, so inserting other lines above does not
	// change it.
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(f.Rule+"\x00"+device+"\x00"+file)))[:16]
	l.seen[sum]++
	r.Fingerprints = map[string]string{"primaryLocationLineHash": fmt.Sprintf("%s:%d", sum, l.seen[sum])}
	l.results = append(l.results, r)
}

// The names of directories in originalUriBaseIds. %SRCROOT% is the usual name for a
// working copy.
const (
	sarifRoot       = "ROOT"
	sarifSourceRoot = "%SRCROOT%"
)

// artifact is the location of a file. A relative path is relative to the source root;
// only files named on lint's command line have one.
func (l *sarifBuilder) artifact(file string) sarifArtifact {
	onDisk := path.Clean(file)
	switch {
	case path.IsAbs(file) && l.Root != "":
		onDisk = path.Join(l.Root, file)
	case !path.IsAbs(file) && l.SourceRoot == "":
		return sarifArtifact{URI: relativeURI(onDisk)}
	case !path.IsAbs(file):
		onDisk = path.Join(l.SourceRoot, file)
	}
	if rel, ok := below(l.SourceRoot, onDisk); ok {
		return sarifArtifact{URI: relativeURI(rel), URIBaseID: sarifSourceRoot}
	}
	if rel, ok := below(l.Root, onDisk); ok {
		return sarifArtifact{URI: relativeURI(rel), URIBaseID: sarifRoot}
	}
	return sarifArtifact{URI: fileURI(onDisk)}
}

func (l *sarifBuilder) write(w io.Writer, properties any) error {
	bases := map[string]sarifArtifact{}
	if l.Root != "" {
		bases[sarifRoot] = sarifArtifact{URI: directoryURI(l.Root), Description: &sarifMessage{"The root of the file system that was audited."}}
	}
	if l.SourceRoot != "" {
		bases[sarifSourceRoot] = sarifArtifact{URI: directoryURI(l.SourceRoot), Description: &sarifMessage{"The directory in which linkaudit ran."}}
	}
	return writeJSON(w, sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0",
		Runs: []sarifRun{{
			Tool:               sarifTool{sarifDriver{"linkaudit", Escape(l.Build.Version), l.rules}},
			Invocations:        []sarifInvocation{{ExecutionSuccessful: true}},
			OriginalURIBaseIDs: bases,
			ColumnKind:         "utf16CodeUnits",
			Results:            l.results,
			Properties:         properties,
		}},
	}, indented)
}

func sarifLevel(s audit.Severity) string {
	if s == audit.Info {
		return "note"
	}
	return string(s)
}

// sarifText is a plain text message. Braces are doubled, because single ones contain
// the number of an argument. "[text](URI)" is changed so it is not a link (SARIF 2.1.0,
// 3.11.5 and 3.11.6).
func sarifText(s string) sarifMessage {
	return sarifMessage{strings.NewReplacer("{", "{{", "}", "}}", "](", "] (").Replace(Escape(s))}
}

// below returns file relative to dir, and whether it is below dir.
func below(dir, file string) (string, bool) {
	if dir == "" {
		return "", false
	}
	return strings.CutPrefix(file, strings.TrimSuffix(path.Clean(dir), "/")+"/")
}

func directoryURI(dir string) string {
	return strings.TrimSuffix(fileURI(dir), "/") + "/"
}

func fileURI(file string) string { return "file://" + escapeURI(file) }

func relativeURI(file string) string {
	// A colon in the first segment would end a scheme.
	return strings.ReplaceAll(escapeURI(file), ":", "%3A")
}

// escapeURI percent-encodes a path with any bytes.
func escapeURI(file string) string {
	segments := strings.Split(file, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return strings.Join(segments, "/")
}
