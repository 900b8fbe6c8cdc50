package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Case is one tree on one machine with some devices, and udevd's verdicts about them.
type Case struct {
	// About says in a line or two what the case shows.
	About   string
	Machine Machine
	Devices []Device
	Tree    Tree
	// Udevd has the answers of real udevds, by release and device.
	Udevd []Answer
}

// An Answer is the verdict of one release's udevd about one device.
type Answer struct {
	Release int
	Device  string
	Verdict Verdict
}

// Device returns the facts of the named device.
func (c *Case) Device(name string) (Device, bool) {
	i := slices.IndexFunc(c.Devices, func(d Device) bool { return d.Name == name })
	if i < 0 {
		return Device{}, false
	}
	return c.Devices[i], true
}

// Format writes the case in the txtar layout: a comment, then sections headed
// "-- KIND ARGUMENTS --". The sections are
//
//	machine                  the Machine as JSON
//	devices                  the devices as JSON, a line each
//	file [MODE] PATH         a file with its text
//	quoted [MODE] PATH       a file whose text txtar cannot hold, as Go strings
//	symlink PATH -> TARGET   and dir PATH, fifo PATH: empty
//	udevd RELEASE DEVICE     the verdict, as Verdict.Text writes it
func (c *Case) Format() []byte {
	var b bytes.Buffer
	b.WriteString(strings.TrimSpace(c.About) + "\n")
	b.WriteString("-- machine --\n")
	mustJSON(&b, c.Machine)
	b.WriteString("-- devices --\n")
	for _, d := range c.Devices {
		mustJSON(&b, d)
	}
	for _, n := range c.Tree {
		mode := ""
		if n.Mode != 0 && n.Mode != 0o644 {
			mode = fmt.Sprintf(" 0%o", n.Mode)
		}
		switch {
		case n.Kind == NodeSymlink:
			fmt.Fprintf(&b, "-- symlink %s -> %s --\n", quotePath(n.Path), quotePath(n.Target))
		case n.Kind != NodeFile:
			fmt.Fprintf(&b, "-- %s %s --\n", n.Kind, quotePath(n.Path))
		case plain(n.Content):
			fmt.Fprintf(&b, "-- file%s %s --\n%s", mode, quotePath(n.Path), n.Content)
		default:
			fmt.Fprintf(&b, "-- quoted%s %s --\n", mode, quotePath(n.Path))
			for line := range bytes.Lines(n.Content) {
				b.WriteString(quoteLine(line) + "\n")
			}
		}
	}
	for _, a := range c.Udevd {
		fmt.Fprintf(&b, "-- udevd %d %s --\n%s", a.Release, quotePath(a.Device), a.Verdict.Text())
	}
	return b.Bytes()
}

// ParseCase reads what Format wrote.
func ParseCase(data []byte) (*Case, error) {
	c := &Case{}
	for _, s := range sections(data) {
		if err := c.section(s.header, s.body); err != nil {
			return nil, fmt.Errorf("section %q: %w", s.header, err)
		}
	}
	return c, nil
}

func (c *Case) section(header string, body []byte) error {
	kind, rest, _ := strings.Cut(header, " ")
	switch kind {
	case "":
		c.About = strings.TrimSpace(string(body))
		return nil
	case "machine":
		return json.Unmarshal(body, &c.Machine)
	case "devices":
		for line := range bytes.Lines(body) {
			var d Device
			if err := json.Unmarshal(line, &d); err != nil {
				return err
			}
			c.Devices = append(c.Devices, d)
		}
		return nil
	case "file", "quoted":
		n := Node{Kind: NodeFile, Content: body}
		if mode, path, ok := strings.Cut(rest, " "); ok && strings.HasPrefix(mode, "0") {
			m, err := strconv.ParseUint(mode, 8, 12)
			if err != nil {
				return err
			}
			n.Mode, rest = fs.FileMode(m), path
		}
		if kind == "quoted" {
			n.Content = nil
			for line := range strings.Lines(string(body)) {
				text, err := unquoteLine(strings.TrimSuffix(line, "\n"))
				if err != nil {
					return err
				}
				n.Content = append(n.Content, text...)
			}
		}
		return c.node(n, rest)
	case "symlink":
		path, target, ok := strings.Cut(rest, " -> ")
		if !ok {
			return fmt.Errorf("no target")
		}
		target, err := unquotePath(target)
		if err != nil {
			return err
		}
		return c.node(Node{Kind: NodeSymlink, Target: target}, path)
	case "dir", "fifo":
		return c.node(Node{Kind: NodeKind(kind)}, rest)
	case "udevd":
		release, device, _ := strings.Cut(rest, " ")
		rel, err := strconv.Atoi(release)
		if err != nil {
			return err
		}
		if device, err = unquotePath(device); err != nil {
			return err
		}
		v, err := parseVerdict(string(body))
		if err != nil {
			return err
		}
		c.Udevd = append(c.Udevd, Answer{rel, device, v})
		return nil
	}
	return fmt.Errorf("unknown kind of section")
}

func (c *Case) node(n Node, path string) error {
	p, err := unquotePath(path)
	if err != nil {
		return err
	}
	n.Path = p
	c.Tree = append(c.Tree, n)
	return nil
}

type section struct {
	header string
	body   []byte
}

func sections(data []byte) []section {
	all := []section{{}}
	for line := range bytes.Lines(data) {
		if h, ok := isHeader(line); ok {
			all = append(all, section{header: h})
			continue
		}
		last := &all[len(all)-1]
		last.body = append(last.body, line...)
	}
	return all
}

func isHeader(line []byte) (string, bool) {
	s := strings.TrimSuffix(string(line), "\n")
	if len(s) < 7 || !strings.HasPrefix(s, "-- ") || !strings.HasSuffix(s, " --") {
		return "", false
	}
	return s[3 : len(s)-3], true
}

// plain reports whether a txtar file can have a text unchanged, readable for a person.
func plain(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	if !utf8.Valid(text) || text[len(text)-1] != '\n' {
		return false
	}
	for line := range bytes.Lines(text) {
		if _, ok := isHeader(line); ok || len(line) > runLength {
			return false
		}
	}
	return !bytes.ContainsFunc(text, func(r rune) bool {
		return r != '\n' && r != '\t' && !unicode.IsPrint(r)
	})
}

// runLength is the number of equal bytes on a line from which they are abbreviated.
const runLength = 200

// quoteLine writes a line as a Go string. A long run of one byte becomes "..."*N,
// because some cases have lines of a mebibyte.
func quoteLine(line []byte) string {
	var parts []string
	start := 0
	for i := 0; i < len(line); {
		j := i
		for j < len(line) && line[j] == line[i] {
			j++
		}
		if j-i >= runLength {
			if start < i {
				parts = append(parts, strconv.QuoteToASCII(string(line[start:i])))
			}
			parts = append(parts, fmt.Sprintf("%s*%d", strconv.QuoteToASCII(string(line[i:i+1])), j-i))
			start = j
		}
		i = j
	}
	if start < len(line) {
		parts = append(parts, strconv.QuoteToASCII(string(line[start:])))
	}
	return strings.Join(parts, " ")
}

func unquoteLine(s string) ([]byte, error) {
	var out []byte
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		q, err := strconv.QuotedPrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", s, err)
		}
		text, err := strconv.Unquote(q)
		if err != nil {
			return nil, err
		}
		s = s[len(q):]
		n := 1
		if rest, ok := strings.CutPrefix(s, "*"); ok {
			digits, after, _ := strings.Cut(rest, " ")
			if n, err = strconv.Atoi(digits); err != nil {
				return nil, err
			}
			s = after
		}
		out = append(out, strings.Repeat(text, n)...)
	}
	return out, nil
}

// quotePath quotes a path or device name that a header cannot have.
func quotePath(p string) string {
	if p == "" || strings.ContainsAny(p, " \"\\") || !utf8.ValidString(p) ||
		strings.ContainsFunc(p, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.QuoteToASCII(p)
	}
	return p
}

func unquotePath(s string) (string, error) {
	if strings.HasPrefix(s, `"`) {
		return strconv.Unquote(s)
	}
	return s, nil
}

func mustJSON(b *bytes.Buffer, v any) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // only values of this package's plain structs get here
	}
}
