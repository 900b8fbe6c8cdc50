// Package docs makes the examples of rules.md runnable, so that tests can show
// that each is real.
//
// An entry of rules.md has blocks that change the bundled example host
// (cmd/linkaudit/example.json):
//
//   - ini: a file, instead of one of that name. Its first line is "# " and the
//     path; the rest is the content. /etc/linkaudit.conf is the site's configuration,
//     anything else a .link file or drop-in.
//   - json: an object of places in the snapshot, "udev.running" for instance,
//     with the value to put there; numbers index lists. {"repeat": [S, N]}
//     stands for the content of a file that is N times S.
//   - json NAME: the same for another host, a copy of the bundled one whose
//     snapshot is NAME.json. The first host's is then web1.json.
//   - console: the command, if it is not just "linkaudit check".
//
// The output is between the comments "output: NAME" and "end". The index of all rules
// is between the comments "index" and "end of index".
package docs

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"linkaudit/internal/host"
	"linkaudit/linkfiles"
)

// Rules is docs/rules.md.
//
//go:embed rules.md
var Rules string

// Example is the example of one rule.
type Example struct {
	Rule string
	// Severity is the one that the entry names.
	Severity string
	// Args are the arguments behind "linkaudit".
	Args []string
	// Snapshot is the host to audit.
	Snapshot *host.Snapshot
	// Others are further hosts, by the name of their snapshot, "web2.json".
	Others map[string]*host.Snapshot
	// SiteConf is the content of /etc/linkaudit.conf; "" for none.
	SiteConf string
	// Output is what the entry shows.
	Output string
}

// Examples returns the examples of rules.md, in its order; base is the
// content of cmd/linkaudit/example.json.
func Examples(base []byte) ([]Example, error) {
	var out []Example
	sections := strings.Split(Rules, "\n### ")
	for _, section := range sections[1:] {
		e, err := example(section, base)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Rule, err)
		}
		out = append(out, e)
	}
	return out, nil
}

func example(section string, base []byte) (Example, error) {
	e := Example{Args: []string{"check"}, Snapshot: &host.Snapshot{}}
	name, rest, _ := strings.Cut(section, "\n")
	e.Rule = strings.TrimSpace(name)
	if _, after, ok := strings.Cut(rest, "Severity: **"); ok {
		e.Severity, _, _ = strings.Cut(after, "**")
	}
	if err := json.Unmarshal(base, e.Snapshot); err != nil {
		return e, err
	}
	if _, after, ok := strings.Cut(rest, "<!-- output: "+e.Rule+" -->\n"); ok {
		e.Output, _, _ = strings.Cut(after, "<!-- end -->")
	}
	var places []map[string]any
	others := map[string][]map[string]any{}
	for {
		_, after, ok := strings.Cut(rest, "```")
		if !ok {
			break
		}
		lang, body, _ := strings.Cut(after, "\n")
		body, next, closed := strings.Cut(body, "```")
		if !closed {
			return e, fmt.Errorf("a code block has no end")
		}
		rest = next
		switch lang {
		case "ini":
			head, content, _ := strings.Cut(body, "\n")
			file := strings.TrimPrefix(head, "# ")
			if file == "/etc/linkaudit.conf" {
				e.SiteConf = content
			} else if err := addFile(&e.Snapshot.Files, file, content); err != nil {
				return e, err
			}
		case "console":
			e.Args = strings.Fields(strings.TrimPrefix(body, "$ linkaudit"))
		}
		if kind, other, _ := strings.Cut(lang, " "); kind == "json" {
			var m map[string]any
			if err := json.Unmarshal([]byte(body), &m); err != nil {
				return e, err
			}
			if other == "" {
				places = append(places, m)
			} else {
				others[other+".json"] = append(others[other+".json"], m)
			}
		}
	}
	var err error
	for name, places := range others {
		if e.Others == nil {
			e.Others = map[string]*host.Snapshot{}
		}
		if e.Others[name], err = put(e.Snapshot, places); err != nil {
			return e, err
		}
	}
	e.Snapshot, err = put(e.Snapshot, places)
	return e, err
}

func addFile(s *linkfiles.Store, file, content string) error {
	dir, name := path.Split(file)
	dir = path.Clean(dir)
	add := func(d *linkfiles.Dir) {
		entry := linkfiles.Entry{Name: name, Type: linkfiles.TypeRegular, Mode: 0o644,
			Inode: 100 + len(content), Size: int64(len(content)), Content: []byte(content)}
		d.Entries = append(slices.DeleteFunc(d.Entries, func(e linkfiles.Entry) bool { return e.Name == name }), entry)
		slices.SortFunc(d.Entries, func(x, y linkfiles.Entry) int { return strings.Compare(x.Name, y.Name) })
	}
	for i := range s.Dirs {
		d := &s.Dirs[i]
		switch {
		case d.Path == dir:
			add(d)
			return nil
		case d.Path == path.Dir(dir):
			d.DropIns = append(d.DropIns, linkfiles.Dir{Path: dir})
			add(&d.DropIns[len(d.DropIns)-1])
			return nil
		}
	}
	return fmt.Errorf("%s is in no search directory", file)
}

// put returns the snapshot with places changed.
func put(s *host.Snapshot, places []map[string]any) (*host.Snapshot, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		return nil, err
	}
	for _, m := range places {
		for at, value := range m {
			if tree, err = set(tree, strings.Split(at, "."), repeated(value)); err != nil {
				return nil, fmt.Errorf("%s: %w", at, err)
			}
		}
	}
	if b, err = json.Marshal(tree); err != nil {
		return nil, err
	}
	changed := &host.Snapshot{}
	return changed, json.Unmarshal(b, changed)
}

func set(tree any, at []string, value any) (any, error) {
	if len(at) == 0 {
		return value, nil
	}
	var err error
	switch node := tree.(type) {
	case map[string]any:
		node[at[0]], err = set(node[at[0]], at[1:], value)
		return node, err
	case []any:
		i, convErr := strconv.Atoi(at[0])
		if convErr != nil || i < 0 || i >= len(node) {
			return nil, fmt.Errorf("no element %s", at[0])
		}
		node[i], err = set(node[i], at[1:], value)
		return node, err
	}
	return nil, fmt.Errorf("nothing there to hold %s", at[0])
}

// repeated resolves {"repeat": [S, N]} anywhere in value.
func repeated(value any) any {
	switch v := value.(type) {
	case map[string]any:
		if r, ok := v["repeat"].([]any); ok && len(v) == 1 && len(r) == 2 {
			s, _ := r[0].(string)
			n, _ := r[1].(float64)
			return []byte(strings.Repeat(s, int(n)))
		}
		for k := range v {
			v[k] = repeated(v[k])
		}
	case []any:
		for i := range v {
			v[i] = repeated(v[i])
		}
	}
	return value
}
