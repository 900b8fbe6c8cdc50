package netconf

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"

	"gopkg.in/ini.v1"
)

// The bounds of what is read of a key file, far from what anybody writes.
const (
	maxKeyfileLine = 64 << 10 // bytes
	maxGroups      = 1000
)

// keyfile is a file in the format of GLib's GKeyFile, of which only what was
// asked for is kept.
type keyfile struct {
	file  *ini.File
	lines map[[2]string]int
	// sections are all that it has, in order.
	sections []string
}

// parseKeyfile reads a file in the format of GKeyFile. go-ini, which parses it,
// does not tell lines and has comments and quotes of its own; it gets only the
// lines that are wanted, so that passwords never come that far.
func parseKeyfile(data []byte, want func(section, key string) bool) (*keyfile, error) {
	k := &keyfile{lines: map[[2]string]int{}}
	var kept bytes.Buffer
	section, in, line := "", false, 0
	for raw := range bytes.Lines(data) {
		if line++; len(raw) > maxKeyfileLine {
			return nil, fmt.Errorf("line %d: longer than %d bytes", line, maxKeyfileLine)
		}
		text := strings.TrimSpace(string(raw))
		key, value, assigns := strings.Cut(text, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case text == "" || text[0] == '#':
		case text[0] == '[' && text[len(text)-1] == ']':
			section, in = text[1:len(text)-1], true
			if err := k.begin(section, line); err != nil {
				return nil, err
			}
			kept.WriteString("[" + section + "]\n")
		case !assigns || key == "":
			return nil, fmt.Errorf("line %d: neither a group header nor key=value", line)
		case !in:
			return nil, fmt.Errorf("line %d: the file does not begin with a group", line)
		case want(section, key) && !strings.ContainsAny(key, "\"'`;"):
			k.lines[[2]string{section, key}] = line
			// A quote in front would begin a text of several lines.
			if strings.ContainsAny(cmp.Or(value, " ")[:1], "\"'`") {
				value = "?" + value
			}
			kept.WriteString(key + "=" + value + "\n")
		}
	}
	var err error
	k.file, err = ini.LoadSources(ini.LoadOptions{
		IgnoreInlineComment: true, IgnoreContinuation: true, PreserveSurroundedQuote: true,
		KeyValueDelimiters: "=", ChildSectionDelimiter: "\n",
	}, kept.Bytes())
	if err != nil {
		return nil, errors.New(strings.Join(strings.Fields(err.Error()), " "))
	}
	return k, nil
}

// begin notes a group, which may come again.
func (k *keyfile) begin(section string, line int) error {
	if section == "" || strings.ContainsAny(section, "[]") {
		return fmt.Errorf("line %d: not a group header", line)
	}
	if _, again := k.lines[[2]string{section}]; again {
		return nil
	}
	if len(k.sections) == maxGroups {
		return fmt.Errorf("line %d: more than %d groups", line, maxGroups)
	}
	k.sections = append(k.sections, section)
	k.lines[[2]string{section}] = line
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

// isTrue reads a boolean of a key file: NetworkManager takes more words than
// GKeyFile does.
func isTrue(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "1", "y", "yes", "t", "true", "on":
		return true, true
	case "0", "n", "no", "f", "false", "off":
		return false, true
	}
	return false, false
}
