// Package override is the .link file or drop-in with which linkaudit sets
// MACAddressPolicy=none: its name, its text, and how to recognize it.
//
// Everything that undo needs is in the file itself, so no separate state can be lost
// or must be copied with an image: the target, the files that it was derived from with
// their hashes, and a hash of its own text that shows whether somebody edited it.
//
// The package decides nothing about other files and does no I/O.
package override

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"linkaudit/linkfiles"
)

// Dir is where overrides are written: the directory with the highest priority.
const Dir = "/etc/systemd/network"

// Target is what an override is for: the device Name of kind Kind, the device
// Name whatever its kind (Kind ""), or every device of a kind (Name "").
type Target struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// String names the target for people: "bond0", "every bond".
func (t Target) String() string {
	if t.Name == "" {
		return "every " + t.Kind
	}
	return t.Name
}

// Flags are the arguments of fix and undo that name the target, ready to be pasted
// into a shell. Nothing can follow them: a name may begin with a hyphen.
func (t Target) Flags() string {
	list := strings.Contains(t.Name, ",") // as a flag takes it
	switch {
	case t.Name == "":
		return "--kind " + ShellWord(t.Kind)
	case list:
	case t.Kind == "bond" || t.Kind == "bridge" || t.Kind == "team":
		return "--" + t.Kind + " " + ShellWord(t.Name)
	case t.Kind == "":
		return "--device " + ShellWord(t.Name)
	}
	words := ""
	if t.Kind != "" {
		words = "--kind " + ShellWord(t.Kind) + " "
	}
	if strings.HasPrefix(t.Name, "-") {
		words += "-- "
	}
	return words + ShellWord(t.Name)
}

// Source is a file that an override was derived from.
type Source struct {
	Path string
	Sum  string // SHA-256 of its content, in hexadecimal
}

// Sources are the file and its drop-ins in the store, in the order in which udevd
// reads them; f is nil if no file is effective. linkaudit's own drop-in is not one
// of them.
func Sources(store *linkfiles.Store, f *linkfiles.File) []Source {
	sources := []Source{}
	if f == nil {
		return sources
	}
	for _, name := range append([]string{f.Path}, f.DropIns...) {
		content, ok := store.Content(name)
		if _, own := Parse(name, content); ok && own {
			continue
		}
		sum := sha256.Sum256(content)
		sources = append(sources, Source{name, hex.EncodeToString(sum[:])})
	}
	return sources
}

// Override is one that was found or will be written.
type Override struct {
	Path   string
	Target Target
	// Sources are the effective files without the override; the first is the .link
	// file, the others are its drop-ins.
	Sources []Source
	// MadeDirs are directories that were created for the override.
	MadeDirs []string
	// Edited says that the text is not what linkaudit wrote.
	Edited bool
	// Body is the text below the comments.
	Body string
}

// DropIn reports whether it is a drop-in of another .link file.
func (o *Override) DropIn() bool { return strings.HasSuffix(o.Path, ".conf") }

// Of reports whether the override is for the target, or for the one device of that name.
func (o *Override) Of(t Target) bool {
	return o.Target == t || t.Name != "" && o.Target.Name == t.Name
}

// NeedDirs notes the directories that must be created for the override; exists says
// which exist. topmost is the error of exists for the topmost directory.
func (o *Override) NeedDirs(exists func(dir string) (bool, error)) (topmost error) {
	for dir := path.Dir(o.Path); dir != "/"; dir = path.Dir(dir) {
		is, err := exists(dir)
		if err != nil {
			topmost = err
		}
		if !is && !slices.Contains(o.MadeDirs, dir) {
			o.MadeDirs = append(slices.Clone(o.MadeDirs), dir)
		}
	}
	return topmost
}

// netDev reports whether it is a drop-in of a .netdev file.
func (o *Override) netDev() bool { return strings.HasSuffix(path.Dir(o.Path), ".netdev.d") }

// FileName is the base name of an override that is a .link file; prefix is two digits.
// Everything except letters, digits, "-", "_" and "." in the target's name becomes %XX,
// so no two targets share a name and none leaves the directory.
func FileName(prefix int, t Target) string {
	what, name := "device", t.Name
	if name == "" {
		what, name = "kind", t.Kind
	}
	return fmt.Sprintf("%02d-linkaudit-%s-%s.link", prefix, what, escapeName(name))
}

// DropInName is the base name of an override that is a drop-in: late in the order, so
// its settings win.
const DropInName = "90-linkaudit.conf"

// OwnName reports whether a base name is one that FileName makes or DropInName.
func OwnName(base string) bool {
	if base == DropInName {
		return true
	}
	prefix, rest, _ := strings.Cut(base, "-linkaudit-")
	what, name, _ := strings.Cut(rest, "-")
	name, ok := strings.CutSuffix(name, ".link")
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	return ok && len(prefix) == 2 && digit(prefix[0]) && digit(prefix[1]) &&
		(what == "device" || what == "kind") && name != "" && !strings.Contains(name, "/")
}

func escapeName(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// The lines that identify an override.
const (
	markTarget = "# linkaudit-target: "
	markSource = "# linkaudit-source: "
	markMade   = "# linkaudit-made: "
	markSum    = "# linkaudit-sum: "
)

// Text is the whole file. The same override has the same text at any time and
// from any build of linkaudit, so that a second fix changes nothing.
func (o *Override) Text() []byte {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString(strings.TrimRight("# "+fmt.Sprintf(format, args...), " ") + "\n")
	}
	line("Written by linkaudit fix %s", o.Target.Flags())
	line("To undo: linkaudit undo %s", o.Target.Flags())
	line("")
	for _, l := range o.explanation() {
		line("%s", l)
	}
	line("")
	b.WriteString(markTarget + quoted(o.Target.Kind) + " " + quoted(o.Target.Name) + "\n")
	for _, s := range o.Sources {
		b.WriteString(markSource + "sha256:" + s.Sum + " " + quoted(s.Path) + "\n")
	}
	for _, d := range o.MadeDirs {
		b.WriteString(markMade + quoted(d) + "\n")
	}
	head := b.String()
	return []byte(head + markSum + sumOf(head, o.Body) + "\n" + o.Body)
}

// explanation is the comment about the setting.
func (o *Override) explanation() []string {
	if o.netDev() {
		return []string{
			"With MACAddress=none, systemd-networkd creates the device without an",
			"address, instead of one derived from the machine ID. Then the effective",
			".link file decides. It must set MACAddressPolicy=none.",
		}
	}
	return []string{
		"With MACAddressPolicy=none, udev sets no address: a bond or bridge has the",
		"address of a port, not one derived from the machine ID. All other settings",
		"come from the files below, which are effective without this one. When they",
		"change, linkaudit check reports override-stale; then run linkaudit fix again.",
	}
}

func sumOf(head, body string) string {
	sum := sha256.Sum256([]byte(head + body))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Parse reads an override; false if the content is not one.
func Parse(name string, content []byte) (*Override, bool) {
	text := string(content)
	if !strings.HasPrefix(text, "#") || !strings.Contains(text, "\n"+markTarget) {
		return nil, false
	}
	o := &Override{Path: name, Edited: true}
	var head strings.Builder
	rest := text
	for {
		l, after, more := strings.Cut(rest, "\n")
		if !more || !strings.HasPrefix(l, "#") {
			o.Body = rest
			break
		}
		rest = after
		if sum, ok := strings.CutPrefix(l, markSum); ok {
			o.Body = rest
			o.Edited = sum != sumOf(head.String(), rest)
			break
		}
		head.WriteString(l + "\n")
		if !o.parseComment(l) {
			return nil, false
		}
	}
	if o.Target == (Target{}) {
		return nil, false
	}
	return o, true
}

// parseComment reads one line above the body; false if it should name a target and does
// not.
func (o *Override) parseComment(l string) bool {
	if of, ok := strings.CutPrefix(l, markTarget); ok {
		words, ok := unquotedWords(of)
		if !ok || len(words) != 2 || words[0] == "" && words[1] == "" {
			return false
		}
		o.Target = Target{Kind: words[0], Name: words[1]}
	}
	if of, ok := strings.CutPrefix(l, markSource); ok {
		sum, file, _ := strings.Cut(of, " ")
		if words, ok := unquotedWords(file); ok && len(words) == 1 {
			o.Sources = append(o.Sources, Source{words[0], strings.TrimPrefix(sum, "sha256:")})
		}
	}
	if of, ok := strings.CutPrefix(l, markMade); ok {
		if words, ok := unquotedWords(of); ok && len(words) == 1 {
			o.MadeDirs = append(o.MadeDirs, words[0])
		}
	}
	return true
}

// Find returns the overrides in Dir, by path.
func Find(store *linkfiles.Store) []*Override {
	var found []*Override
	look := func(d *linkfiles.Dir) {
		for i := range d.Entries {
			e := &d.Entries[i]
			if e.Type != linkfiles.TypeRegular || e.Symlink != "" || !OwnName(e.Name) {
				continue
			}
			if o, ok := Parse(path.Join(d.Path, e.Name), e.Content); ok {
				found = append(found, o)
			}
		}
	}
	for i := range store.Dirs {
		if d := &store.Dirs[i]; d.Path == Dir {
			look(d)
			for j := range d.DropIns {
				look(&d.DropIns[j])
			}
		}
	}
	slices.SortFunc(found, func(a, b *Override) int { return strings.Compare(a.Path, b.Path) })
	return found
}

// quoted is a name as a comment can hold it, in quotes unless it is plain.
func quoted(s string) string {
	if plain(s) {
		return s
	}
	return strconv.QuoteToASCII(s)
}

func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"'\\`$*?[]#;&|<>(){}!~", c) >= 0 {
			return false
		}
	}
	return s != ""
}

// ShellWord is s as one word of a shell command: nothing in it is expanded. What
// is not printable ASCII is an octal escape in $'...', which POSIX has since
// 2024 and bash, zsh and ksh have always had.
func ShellWord(s string) string {
	switch {
	case plain(s):
		return s
	case !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f }):
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '\'' || c == '\\' {
			fmt.Fprintf(&b, `\%03o`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return "$'" + b.String() + "'"
}

// unquotedWords splits what quoted joined.
func unquotedWords(s string) (words []string, ok bool) {
	for s = strings.TrimLeft(s, " "); s != ""; s = strings.TrimLeft(s, " ") {
		if s[0] != '"' {
			word, rest, _ := strings.Cut(s, " ")
			words, s = append(words, word), rest
			continue
		}
		q, err := strconv.QuotedPrefix(s)
		if err != nil {
			return nil, false
		}
		word, err := strconv.Unquote(q)
		if err != nil {
			return nil, false
		}
		words, s = append(words, word), s[len(q):]
	}
	return words, true
}
