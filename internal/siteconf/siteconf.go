// Package siteconf reads what a site expects of its devices, and the severities of rules, from
// /etc/linkaudit.conf and /etc/linkaudit.conf.d/*.conf.
//
// docs/configuration.md describes the format. go-ini parses it. It keeps no line numbers:
// lines.go finds those.
package siteconf

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/ini.v1"

	"linkaudit/internal/audit"
	"linkaudit/internal/rootfs"
	"linkaudit/linkfiles"
)

// MaxSize is the largest size of a file, in bytes.
const MaxSize = 1 << 20

// Config is the site configuration. It implements audit.Site. The zero Config expects nothing
// and changes no rule.
type Config struct {
	devices []selector // [device "GLOB"], in the order read
	kinds   []selector // [kind NAME]
	rules   map[string]verdict
}

// selector is one section about devices.
type selector struct {
	pattern  string
	policy   string // "" if not set
	policyAt linkfiles.Pos
	ignore   *bool // nil if not set
}

type verdict struct {
	off      bool
	severity audit.Severity
}

var _ audit.Site = (*Config)(nil)

// Error is a mistake in the configuration.
type Error struct {
	linkfiles.Pos
	Message string
}

func (e *Error) Error() string { return e.Pos.String() + ": " + e.Message }

// Load reads /etc/linkaudit.conf, then /etc/linkaudit.conf.d/*.conf in byte order of their
// names, both below root ("" or "/" for the running machine), and then the extra files by
// their own names. Missing files are ignored, except extra files. Links are followed inside
// root. An error has all mistakes, one per line.
func Load(root string, extra ...string) (*Config, error) {
	const main, dir = "/etc/linkaudit.conf", "/etc/linkaudit.conf.d"
	r := newReading()
	r.add(root, main, true)
	names, err := list(root, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.mistake(dir, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".conf") && !strings.HasPrefix(name, ".") {
			r.add(root, dir+"/"+name, false)
		}
	}
	return r.finish(extra)
}

// LoadFiles reads only the named files.
func LoadFiles(names ...string) (*Config, error) { return newReading().finish(names) }

// list returns the names in a directory, sorted.
func list(root, dir string) ([]string, error) {
	d, err := rootfs.OpenDir(root, dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// reading builds a Config.
type reading struct {
	c        *Config
	mistakes []error
}

func newReading() *reading { return &reading{c: &Config{rules: map[string]verdict{}}} }

func (r *reading) mistake(shown string, err error) {
	r.mistakes = append(r.mistakes, &Error{linkfiles.Pos{File: shown}, cause(err).Error()})
}

func (r *reading) add(root, name string, optional bool) {
	data, err := read(root, name)
	switch {
	case optional && errors.Is(err, fs.ErrNotExist):
	case err != nil:
		r.mistake(name, err)
	default:
		r.mistakes = append(r.mistakes, r.c.parse(name, data)...)
	}
}

func (r *reading) finish(extra []string) (*Config, error) {
	for _, name := range extra {
		r.add("", name, false)
	}
	if err := errors.Join(r.mistakes...); err != nil {
		return nil, err
	}
	return r.c, nil
}

// read returns the content of a regular file.
func read(root, name string) ([]byte, error) {
	f, err := rootfs.Open(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := f.ReadAll(MaxSize)
	if errors.Is(err, rootfs.ErrTooLarge) {
		return nil, errors.New("larger than 1 MiB, the limit")
	}
	return data, err
}

// cause takes the path out of a file system error: the message begins with it already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// parse adds a file to the configuration and returns its mistakes.
func (c *Config) parse(name string, data []byte) []error {
	lines, mistakes := indexLines(name, data)
	if len(mistakes) > 0 {
		return mistakes
	}
	file, err := ini.LoadSources(ini.LoadOptions{
		IgnoreInlineComment:         true,
		IgnoreContinuation:          true,
		SkipUnrecognizableLines:     false,
		PreserveSurroundedQuote:     true,
		SpaceBeforeInlineComment:    true,
		UnescapeValueDoubleQuotes:   false,
		KeyValueDelimiters:          "=",
		AllowNonUniqueSections:      false,
		AllowPythonMultilineValues:  false,
		UnescapeValueCommentSymbols: false,
	}, data)
	if err != nil {
		return []error{&Error{linkfiles.Pos{File: name}, strings.Join(strings.Fields(err.Error()), " ")}}
	}
	at := func(section, key string) linkfiles.Pos {
		return linkfiles.Pos{File: name, Line: lines[place{section, key}]}
	}
	complain := func(section, key, format string, args ...any) {
		mistakes = append(mistakes, &Error{at(section, key), fmt.Sprintf(format, args...)})
	}
	for _, s := range file.Sections() {
		what, arg, ok := sectionName(s.Name())
		switch {
		case s.Name() == ini.DefaultSection && at(s.Name(), "").Line == 0:
			// That of go-ini, for keys before the first section.
		case !ok:
			complain(s.Name(), "", `unknown section [%s] (use [device "GLOB"], [kind NAME] or [rules])`, s.Name())
		case what == "rules":
			for _, k := range s.Keys() {
				c.addRule(k.Name(), k.Value(), func(format string, args ...any) { complain(s.Name(), k.Name(), format, args...) })
			}
		default:
			sel := selector{pattern: arg}
			for _, k := range s.Keys() {
				sel.set(k.Name(), k.Value(), at(s.Name(), k.Name()), func(format string, args ...any) { complain(s.Name(), k.Name(), format, args...) })
			}
			if what == "device" {
				c.devices = append(c.devices, sel)
			} else {
				c.kinds = append(c.kinds, sel)
			}
		}
	}
	slices.SortStableFunc(mistakes, func(x, y error) int { return x.(*Error).Line - y.(*Error).Line })
	return mistakes
}

// sectionName takes a section's name apart: device "bond*", kind bridge or rules. The
// argument can have double quotes.
func sectionName(name string) (what, arg string, ok bool) {
	if name == "rules" {
		return "rules", "", true
	}
	what, arg, _ = strings.Cut(name, " ")
	arg = strings.TrimSpace(arg)
	if strings.HasPrefix(arg, `"`) {
		unquoted, err := strconv.Unquote(arg)
		if err != nil {
			return "", "", false
		}
		arg = unquoted
	}
	switch what {
	case "device":
		_, err := matchGlob(arg, "")
		return what, arg, arg != "" && err == nil
	case "kind":
		return what, arg, arg != "" && !strings.ContainsAny(arg, " \"*?[")
	}
	return "", "", false
}

func (s *selector) set(key, value string, at linkfiles.Pos, complain func(string, ...any)) {
	switch key {
	case "policy":
		if !slices.Contains([]string{"none", "persistent", "random", "any"}, value) {
			complain("invalid policy %q (use none, persistent, random or any)", value)
			return
		}
		s.policy, s.policyAt = value, at
	case "ignore":
		yes, ok := map[string]bool{"yes": true, "true": true, "no": false, "false": false}[value]
		if !ok {
			complain("invalid ignore %q (use yes or no)", value)
			return
		}
		s.ignore = &yes
	default:
		complain("unknown key %q (use policy or ignore)", key)
	}
}

func (c *Config) addRule(name, value string, complain func(string, ...any)) {
	if !audit.KnownRule(name) {
		complain("unknown rule %q (see linkaudit(1))", name)
		return
	}
	switch value {
	case "off":
		c.rules[name] = verdict{off: true}
	case string(audit.Info), string(audit.Warning), string(audit.Error):
		c.rules[name] = verdict{severity: audit.Severity(value)}
	default:
		complain("invalid severity %q of %s (use off, info, warning or error)", value, name)
	}
}

// Expect implements audit.Site. Each of the two settings is decided by the last [device]
// section that matches the name and has it; if there is none, by the last such [kind]
// section.
func (c *Config) Expect(name, kind string) (expected string, ignore bool, at linkfiles.Pos) {
	var decided bool
	for _, group := range []struct {
		selectors []selector
		matches   func(pattern string) bool
	}{
		{c.devices, func(p string) bool { ok, _ := matchGlob(p, name); return ok }},
		{c.kinds, func(p string) bool { return p == kind }},
	} {
		for _, s := range slices.Backward(group.selectors) {
			if !group.matches(s.pattern) {
				continue
			}
			if expected == "" {
				expected, at = s.policy, s.policyAt
			}
			if !decided && s.ignore != nil {
				ignore, decided = *s.ignore, true
			}
		}
	}
	return expected, ignore, at
}

// Severity implements audit.Site.
func (c *Config) Severity(rule string, def audit.Severity) (audit.Severity, bool) {
	v, ok := c.rules[rule]
	switch {
	case !ok:
		return def, true
	case v.off:
		return def, false
	}
	return v.severity, true
}
