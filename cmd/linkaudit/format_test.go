package main

import (
	"slices"
	"testing"

	"linkaudit/internal/report"
)

// The manual lists the formats of a command, and report.Formats has their functions.
func TestTheManualHasTheFormatsThatThereAre(t *testing.T) {
	shows := map[string]func(f *report.Format) bool{
		"check":   func(f *report.Format) bool { return f.Audit != nil },
		"example": func(f *report.Format) bool { return f.Audit != nil },
		"explain": func(f *report.Format) bool { return f.Explanation != nil },
		"lint":    func(f *report.Format) bool { return f.Lint != nil },
		"fix":     func(f *report.Format) bool { return f.Change != nil },
		"undo":    func(f *report.Format) bool { return f.Change != nil },
		"watch":   func(f *report.Format) bool { return f.Event != nil },
		"replay":  func(f *report.Format) bool { return f.Event != nil },
		"mac":     func(f *report.Format) bool { return f.MACs != nil },
	}
	for _, text := range commandTexts {
		t.Run(text.name, func(t *testing.T) {
			var want []string
			for i := range report.Formats {
				if f := &report.Formats[i]; shows[text.name] != nil && shows[text.name](f) {
					want = append(want, f.Name)
				}
			}
			if got := formatNames(text.name); !slices.Equal(got, want) {
				t.Errorf("the manual has %q, the table %q", got, want)
			}
			if f := text.flagNamed("format"); f != nil && f.standard != report.Formats[0].Name {
				t.Errorf("the standard is %q and not the first", f.standard)
			}
		})
	}
}
