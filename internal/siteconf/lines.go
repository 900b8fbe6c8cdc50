package siteconf

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"linkaudit/linkfiles"
)

// place names a key, or with an empty key a section's header.
type place struct{ section, key string }

// indexLines finds the line of every section and key, for messages. It also refuses what
// go-ini would accept or join: a section or key that occurs twice in a file, a line that is
// not a header or an assignment, a key before the first section, and text that is not UTF-8.
func indexLines(name string, data []byte) (map[place]int, []error) {
	index := map[place]int{}
	var mistakes []error
	line := 0
	complain := func(format string, args ...any) {
		mistakes = append(mistakes, &Error{linkfiles.Pos{File: name, Line: line}, fmt.Sprintf(format, args...)})
	}
	section, inSection := "", false
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	for raw := range bytes.Lines(data) {
		line++
		text := strings.TrimSpace(string(raw))
		switch {
		case !utf8.Valid(raw) || strings.ContainsFunc(text, isControl):
			complain("not UTF-8, or with control characters (write plain text)")
			continue
		case text == "" || text[0] == '#' || text[0] == ';':
			continue
		case text[0] == '[':
			if len(text) < 3 || text[len(text)-1] != ']' || strings.ContainsAny(text[1:len(text)-1], "[]") && !strings.HasPrefix(text, "[device ") {
				complain("invalid section header (use [NAME], alone on its line)")
				continue
			}
			section, inSection = text[1:len(text)-1], true
			if first, twice := index[place{section, ""}]; twice {
				complain("section [%s] occurs twice, first on line %d (join the two)", section, first)
				continue
			}
			index[place{section, ""}] = line
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case !ok:
			complain("invalid line (use [NAME] or KEY=VALUE)")
		case key == "" || key == "-" || strings.ContainsAny(key, "\"`"):
			complain("invalid key %q", key)
		case strings.ContainsAny(value, "\"'`"):
			complain("invalid %s %s (write the value without quotes)", key, value)
		case !inSection:
			complain("%s is before the first section (write a section header above it)", key)
		default:
			if first, twice := index[place{section, key}]; twice {
				complain("%s is set twice in [%s], first on line %d (remove one)", key, section, first)
				continue
			}
			index[place{section, key}] = line
		}
	}
	return index, mistakes
}

// isControl keeps escape sequences out of messages that quote the file.
func isControl(r rune) bool { return unicode.IsControl(r) && r != '\t' }

// matchGlob matches a device name, which has no slash (dev_valid_name).
func matchGlob(pattern, name string) (bool, error) { return path.Match(pattern, name) }
