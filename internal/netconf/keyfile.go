package netconf

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"

	"gopkg.in/ini.v1"
)

// Limits for a key file, far above real ones.
const (
	maxKeyfileLine = 64 << 10 // bytes
	maxGroups      = 1000
)

// keyfile is a file in the format of GLib's GKeyFile. It keeps only the requested keys.
type keyfile struct {
	file  *ini.File
	lines map[[2]string]int
	// sections are all that it has, in order.
	sections []string
}

// parseKeyfile reads a file in the format of GKeyFile. The parser, go-ini, does not tell lines
// and has its own comments and quotes; it gets only the wanted lines, so passwords never
// reach it.
func parseKeyfile(data []byte, want func(section, key string) bool) (*keyfile, error) {
	k := &keyfile{lines: map[[2]string]int{}}
	w := keyfileLines{keyfile: k, want: want}
	for raw := range bytes.Lines(data) {
		w.line++
		if err := w.take(raw); err != nil {
			return nil, fmt.Errorf("line %d: %w", w.line, err)
		}
	}
	var err error
	k.file, err = ini.LoadSources(ini.LoadOptions{
		IgnoreInlineComment: true, IgnoreContinuation: true, PreserveSurroundedQuote: true,
		KeyValueDelimiters: "=", ChildSectionDelimiter: "\n",
	}, w.kept.Bytes())
	if err != nil {
		return nil, errors.New(strings.Join(strings.Fields(err.Error()), " "))
	}
	return k, nil
}

// keyfileLines takes the lines of a key file one after the other, and keeps the wanted
// ones.
type keyfileLines struct {
	*keyfile
	want    func(section, key string) bool
	line    int
	section string // that the line is in, "" before the first
	kept    bytes.Buffer
}

func (w *keyfileLines) take(raw []byte) error {
	if len(raw) > maxKeyfileLine {
		return fmt.Errorf("longer than %d bytes", maxKeyfileLine)
	}
	text := strings.TrimSpace(string(raw))
	switch {
	case text == "" || text[0] == '#':
		return nil
	case text[0] == '[' && text[len(text)-1] == ']':
		return w.begin(text[1 : len(text)-1])
	}
	return w.assign(text)
}

// begin takes the header of a group, which may appear again.
func (w *keyfileLines) begin(section string) error {
	if section == "" || strings.ContainsAny(section, "[]") {
		return errors.New("not a group header")
	}
	if _, again := w.lines[[2]string{section}]; !again {
		if len(w.sections) == maxGroups {
			return fmt.Errorf("more than %d groups", maxGroups)
		}
		w.sections = append(w.sections, section)
		w.lines[[2]string{section}] = w.line
	}
	w.section = section
	w.kept.WriteString("[" + section + "]\n")
	return nil
}

// assign takes a line key=value.
func (w *keyfileLines) assign(text string) error {
	key, value, assigns := strings.Cut(text, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	switch {
	case !assigns || key == "":
		return errors.New("neither a group header nor key=value")
	case w.section == "":
		return errors.New("the file does not begin with a group")
	case !w.want(w.section, key) || strings.ContainsAny(key, "\"'`;"):
		return nil
	}
	w.lines[[2]string{w.section, key}] = w.line
	// A quote at the start would begin a text of several lines.
	if strings.ContainsAny(cmp.Or(value, " ")[:1], "\"'`") {
		value = "?" + value
	}
	w.kept.WriteString(key + "=" + value + "\n")
	return nil
}

// get returns the value of a key and its line; the last one counts.
func (k *keyfile) get(section, key string) (value string, line int, ok bool) {
	line, ok = k.lines[[2]string{section, key}]
	if !ok {
		return "", 0, false
	}
	return k.file.Section(section).Key(key).Value(), line, true
}

// first is get for a group that has two names.
func (k *keyfile) first(sections []string, key string) (value string, line int, ok bool) {
	for _, s := range sections {
		if value, line, ok = k.get(s, key); ok {
			return value, line, ok
		}
	}
	return "", 0, false
}

// isTrue reads a boolean of a key file: NetworkManager accepts more words than GKeyFile.
func isTrue(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "1", "y", "yes", "t", "true", "on":
		return true, true
	case "0", "n", "no", "f", "false", "off":
		return false, true
	}
	return false, false
}

// isFalse reports whether a boolean of a key file is valid and false.
func isFalse(s string) bool {
	yes, known := isTrue(s)
	return known && !yes
}
