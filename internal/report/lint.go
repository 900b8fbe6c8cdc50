package report

import (
	"io"
	"strconv"

	"linkaudit/internal/audit"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// Lint is the result of an audit of .link files alone.
type Lint struct {
	Release  linkfiles.Release
	Files    []*linkfiles.File
	Findings []audit.Finding
}

// writeLintText writes the findings for people. Each begins with FILE:LINE.
func writeLintText(w io.Writer, l Lint, o Options) error {
	p := o.newPrinter()
	findings := shown(l.Findings, o.threshold())
	if o.Quiet {
		p.lines("", "", findings)
		return p.flush(w)
	}
	for _, f := range findings {
		var spans []span
		if f.File != "" {
			spans = append(spans, span{position(f.File, f.Line), bold}, text(": "))
		}
		spans = append(spans,
			span{string(f.Severity), severityStyle(f.Severity)},
			text(": "+Escape(words.Of(f.Message))+" "), span{"[" + word(f.Rule) + "]", dim})
		p.para("", 4, spans...)
		p.fix(f)
	}
	if len(findings) > 0 {
		p.blank()
	}
	sum := CountFindings(l.Findings)
	p.para("", 2, text(Number(len(l.Files), ".link file")+" read as systemd "+strconv.Itoa(int(l.Release))+" does: "), verdict(sum, o.threshold()), text("."))
	p.hidden(sum, o)
	return p.flush(w)
}
