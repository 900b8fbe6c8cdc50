package conformance

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"linkaudit/internal/override"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

var (
	// namesInErrors are the parts that make one reason look like many.
	namesInErrors = regexp.MustCompile(`/\S*(?: ace)?\.(?:link|conf)(?:\.link)?(?::\d+)?|MACAddress(?:Policy)?=\S+`)
	prefixInError = regexp.MustCompile(`^X would not work: `)
)

// withoutNames is an error as a reason to count.
func withoutNames(err error) string {
	s := namesInErrors.ReplaceAllString(err.Error(), "X")
	return prefixInError.ReplaceAllString(s, "")
}

// unjustified says why a refusal has no good reason, "" if it has one. There is none if
// a name for the override is free that sorts in the right place. before is the tree
// without a former override.
func (f *fixCase) unjustified(o *Oracle, before *look, refusal error) string {
	t, rel := f.target(), linkfiles.Release(o.Release)
	lead := policy.NewOfKind(t.Kind)
	if t.Name != "" {
		lead = policy.NewDevice(t.Name, t.Kind)
	}
	fresh := before.decider.Decide(lead).File
	seen := t.Name != "" && !f.Unseen
	if f.foreseen(rel, refusal.Error(), fresh.IsUnknown() && !seen, seen) {
		return ""
	}
	if is := before.listing[override.Dir]; is != "" && is[0] != 'd' {
		return "" // nothing is written through a link, and files have no entries
	}
	// The override must sort before these, and after those.
	var front, behind []string
	file := fresh.Or(nil)
	if file != nil {
		front = append(front, file.Name)
	}
	for i, d := range f.Devices {
		is := before.decisions[i].File.Or(nil)
		switch {
		case seen && d.Name == t.Name && is != nil:
			front = append(front, is.Name)
		case t.Name == "" && d.Kind == t.Kind && is != file:
			if is == nil || file != nil && is.Name > file.Name {
				return "" // an override for the kind would apply to this one
			}
			behind = append(behind, is.Name)
		}
	}
	for prefix := range 100 {
		name := override.FileName(prefix, t)
		free := before.listing[path.Join(override.Dir, name)] == ""
		if free && len(front) > 0 && name < slices.Min(front) && (len(behind) == 0 || name > slices.Max(behind)) {
			return fmt.Sprintf("refusal: %s would work: %v", name, refusal)
		}
	}
	return ""
}

// foreseen reports whether the refusal is right, whatever names are free. unknown: the
// effective file cannot be known.
func (f *fixCase) foreseen(rel linkfiles.Release, text string, unknown, seen bool) bool {
	t := f.target()
	switch {
	case f.Device.Loopback && seen:
		return true
	case strings.Contains(text, "was edited after") && f.Former != nil && bytes.Contains(f.Former.Content, []byte("# edited")):
		return true
	case strings.Contains(text, `the "!" as a slash`) && strings.Contains(t.Name, "!"):
		return true
	case strings.Contains(text, "is unknown") && unknown:
		return true
	case strings.Contains(text, "cannot match devices of kind") && t.Name == "" && !linkfiles.KeyKnown(rel, "Match", "Kind"):
		return true
	case strings.Contains(text, "renames a device called") && rel >= 249 && strings.ContainsFunc(t.Name, func(r rune) bool { return r > '~' }),
		strings.Contains(text, "renames a device called") && rel < 249 && strings.ContainsAny(t.Name, "[]*?\\\"'"):
		// From running udevds: 252 to 262 rename é0 to __0; 247 renames a[b]*? to
		// a_b___, a\b to a_b and q"uo'te to q_uo_te.
		return true
	case strings.Contains(text, "udevd does not accept OriginalName=") && strings.ContainsFunc(t.Name, func(r rune) bool { return r > '~' }):
		return true
	}
	return false
}
