package change

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"linkaudit/internal/override"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// firstPrefix is tried first for a new file: systemd.link(5) asks for a number below
// 70, and files that must sort before it have the numbers below 60.
const firstPrefix = 60

// candidates are the overrides that may work, best first: the existing one, a drop-in
// if the effective file is for the target alone and stays as it is, and new files that
// sort before the name limit.
func (p *planner) candidates(limit string) ([]*override.Override, error) {
	var out []*override.Override
	add := func(name, body string) {
		if !slices.ContainsFunc(out, func(o *override.Override) bool { return o.Path == name }) {
			out = append(out, p.overrideAt(name, body))
		}
	}
	if p.mayDropIn() {
		add(path.Join(override.Dir, p.base.Name+".d", override.DropInName), p.dropInBody())
	}
	body, err := p.body()
	if err != nil {
		return out, err
	}
	for _, own := range p.own {
		if !own.DropIn() && path.Base(own.Path) < limit {
			add(own.Path, body)
		}
	}
	for _, prefix := range prefixes() {
		if name := override.FileName(prefix, p.target); name < limit {
			add(path.Join(override.Dir, name), body)
		}
	}
	return out, nil
}

// overrideAt is an override for the target, which may replace its own of that name.
func (p *planner) overrideAt(name, body string) *override.Override {
	o := &override.Override{Path: name, Target: p.target, Sources: override.Sources(p.store, p.base), Body: body}
	for _, own := range p.own {
		if own.Path == name {
			o.MadeDirs = own.MadeDirs
		}
	}
	return o
}

// prefixes are the numbers of new files, the best first.
func prefixes() (all []int) {
	for prefix := firstPrefix; prefix >= 0; prefix-- {
		all = append(all, prefix)
	}
	// Higher numbers only if another device's file must stay first.
	for prefix := firstPrefix + 1; prefix <= 99; prefix++ {
		all = append(all, prefix)
	}
	return all
}

// mayDropIn reports whether a drop-in of the effective file may work: the file is for
// the target alone, and no upgrade of a package changes it.
func (p *planner) mayDropIn() bool {
	if p.base == nil || len(p.edited) > 0 || !p.in.Release.ReadsDropIns() {
		return false
	}
	if p.target.Name != "" {
		return p.base.OnlyName(p.target.Name)
	}
	return p.base.OnlyKind(p.target.Kind)
}

// dropInBody also resets an address that the file sets.
func (p *planner) dropInBody() string {
	body := "[Link]\n"
	if _, ok := p.base.MACAddress(); ok {
		body += "MACAddress=\n"
	}
	return body + "MACAddressPolicy=none\n"
}

// body is a whole .link file: a [Match] for the target alone, and the settings of the
// effective file with another address policy.
func (p *planner) body() (string, error) {
	match, err := p.match()
	if err != nil {
		return "", err
	}
	return match + "\n[Link]\nMACAddressPolicy=none\n" + otherLines(p.base), nil
}

// match is the [Match] for the target alone.
func (p *planner) match() (string, error) {
	t, match := p.target, "[Match]\n"
	if t.Name != "" {
		match += "OriginalName=" + literalPattern(t.Name) + "\n"
	}
	if t.Kind == "" {
		return match, nil
	}
	key, value, ok := policy.MatchKind(p.in.Release, t.Kind)
	switch {
	case ok:
		match += key + "=" + value + "\n"
	case t.Name == "":
		return "", fmt.Errorf("systemd %d cannot match devices of kind %s in [Match]; name each device instead", p.in.Release, t.Kind)
	}
	return match, nil
}

// otherLines are those of a file without the address settings and [Match]: first those
// of [Link], then the other sections.
func otherLines(f *linkfiles.File) string {
	if f == nil {
		return ""
	}
	var link, rest strings.Builder
	section := linkfiles.Pos{}
	for _, a := range f.Assignments {
		switch {
		case a.Section == "Match", isAddressKey(a):
		case a.Section == "Link":
			if a.Taken {
				link.WriteString(a.Key + "=" + a.Value + "\n")
			}
		default:
			if a.SectionPos != section {
				section = a.SectionPos
				rest.WriteString("\n[" + a.Section + "]\n")
			}
			rest.WriteString(a.Key + "=" + a.Value + "\n")
		}
	}
	return link.String() + rest.String()
}

// isAddressKey picks the two settings that an override changes.
func isAddressKey(a linkfiles.Assignment) bool {
	return a.Section == "Link" && (a.Key == "MACAddressPolicy" || a.Key == "MACAddress")
}

// literalPattern is a pattern of OriginalName= that matches just the name. It passes
// two readers: the list splitter, which removes one level of backslashes, and
// fnmatch(3).
func literalPattern(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; c {
		case '*', '?', '[':
			b.WriteString("[" + string(rune(c)) + "]")
		case '\\':
			b.WriteString(`\\\\`)
		case '!', '"', '\'':
			if c == '!' && i > 0 {
				b.WriteByte(c)
				continue
			}
			b.WriteString(`\\` + string(rune(c)))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
