//go:build conformance

package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// Graphviz accepts every picture without a message and shows each text unchanged.
func TestGraphvizTakesThePictures(t *testing.T) {
	if _, err := exec.LookPath("dot"); err != nil {
		t.Fatal("dot is not installed (Debian package graphviz)")
	}
	for _, x := range pictured() {
		t.Run(x.name, func(t *testing.T) {
			cmd := exec.Command("dot", "-Tsvg")
			cmd.Stdin = strings.NewReader(explained(t, formats["dot"], x.Explanation))
			var svg, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &svg, &stderr
			if err := cmd.Run(); err != nil || stderr.Len() > 0 {
				t.Errorf("dot: %v: %s\n%s", err, &stderr, explained(t, formats["dot"], x.Explanation))
				return
			}
			texts := svgTexts(t, &svg)
			want := strings.Join(strings.Fields(Escape(x.Device.Name)), " ")
			if !strings.Contains(texts, want) {
				t.Errorf("no %q in %q", want, texts)
			}
		})
	}
}

// svgTexts joins the texts in a picture with spaces.
func svgTexts(t *testing.T, svg io.Reader) string {
	var words []string
	d := xml.NewDecoder(svg)
	in := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return strings.Join(words, " ")
		} else if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			in = token.Name.Local == "text"
		case xml.EndElement:
			in = false
		case xml.CharData:
			if in {
				words = append(words, strings.Fields(string(token))...)
			}
		}
	}
}
