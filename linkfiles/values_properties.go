package linkfiles

import (
	"slices"
	"strings"
)

// fixedProperties cannot be set by a .link file: they belong to the kernel or udevd.
var fixedProperties = []struct {
	name  string
	fixed span
}{
	{"ACTION", always},
	{"DEVLINKS", always},
	{"DEVNAME", always},
	{"DEVPATH", always},
	{"DEVTYPE", always},
	{"DRIVER", always},
	{"IFINDEX", always},
	{"MAJOR", always},
	{"MINOR", always},
	{"SEQNUM", always},
	{"SUBSYSTEM", always},
	{"TAGS", always},
	{"SYNTH_UUID", morePropertiesAreFixed},
	{"DEVPATH_OLD", morePropertiesAreFixed},
	{"MODALIAS", morePropertiesAreFixed},
	{"DEVMODE", morePropertiesAreFixed},
	{"DEVUID", morePropertiesAreFixed},
	{"DEVGID", morePropertiesAreFixed},
	{"DISKSEQ", morePropertiesAreFixed},
	{"PARTN", morePropertiesAreFixed},
	{"INTERFACE", morePropertiesAreFixed},
	{"INTERFACE_OLD", morePropertiesAreFixed},
	{"CURRENT_TAGS", morePropertiesAreFixed},
	{"USEC_INITIALIZED", morePropertiesAreFixed},
	{"UDEV_DATABASE_VERSION", morePropertiesAreFixed},
}

// isFixedProperty is the opposite of device_property_can_set() of sd-device.
func isFixedProperty(rel Release, name string) bool {
	for _, p := range fixedProperties {
		if p.name == name {
			return p.fixed.has(rel)
		}
	}
	return morePropertiesAreFixed.has(rel) && strings.HasPrefix(name, "SYNTH_ARG_")
}

// propertyWords is the syntax of Property= and similar keys.
var propertyWords = wordSyntax{separators: valueSpace, unquote: true, unescape: true}

func parseProperty(rel Release, key, value string) parsed {
	return properties(rel, key, value, func(word string) bool {
		name, v, ok := strings.Cut(word, "=")
		return ok && validEnvName(name) && validUTF8Value(v) && !isFixedProperty(rel, name)
	})
}

func parsePropertyName(rel Release, key, value string) parsed {
	return properties(rel, key, value, func(word string) bool {
		return validEnvName(word) && !isFixedProperty(rel, word)
	})
}

// properties accepts the valid words and complains about each other one.
func properties(rel Release, key, value string, good func(word string) bool) parsed {
	if value == "" {
		return reset
	}
	var v parsed
	err := propertyWords.each(rel, value, func(w string) {
		name, _, _ := strings.Cut(w, "=")
		resolved, ok := resolveSpecifiers(w)
		switch {
		case !ok:
			v.complain(LevelWarning, "%s= has %.80q with an unknown specifier", key, w)
			return
		case !good(resolved):
			v.complain(LevelWarning, "%s= cannot set %.80q: the name or value is invalid or reserved", key, w)
			return
		case strings.ContainsRune(strings.ReplaceAll(name, "%%", ""), '%'):
			v.complain(LevelInfo, "%s= has %.80q: the name depends on the machine, and udevd may refuse it", key, w)
		}
		v.effect, v.stored = effectTaken, value
	})
	if err != nil {
		v.complain(LevelWarning, "%s= cannot be split into words: %v", key, err)
	}
	return v
}

// validEnvName is env_name_is_valid() of env-util.c.
func validEnvName(s string) bool {
	if s == "" || '0' <= s[0] && s[0] <= '9' {
		return false
	}
	for i := range len(s) {
		if s[i] != '_' && digit(s[i]) > 35 {
			return false
		}
	}
	return true
}

// knownSpecifiers are those of systemd.link(5): of the system and of the directories for
// temporary files. udevd cannot resolve %m on a machine without a machine ID, nor %A, %B, %M,
// %o, %w and %W without os-release, and complains there.
const knownSpecifiers = "aAbBHlqmMovwWTV"

// resolveSpecifiers replaces %% with a percent sign, and every specifier that udevd knows with
// a stand-in, because its value depends on the machine: a letter, or a character that makes
// a name invalid if the value always does (the directories for temporary files have a slash,
// the kernel's version a dot). ok is false for a letter or digit that is not a specifier; a
// percent sign before anything else stays as it is (specifier_printf()).
func resolveSpecifiers(s string) (resolved string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; {
		case c == '%':
			b.WriteByte('%')
		case c == 'T' || c == 'V':
			b.WriteByte('/')
		case c == 'v':
			b.WriteByte('.')
		case strings.IndexByte(knownSpecifiers, c) >= 0:
			b.WriteByte('x')
		case digit(c) <= 35:
			return "", false
		default:
			b.WriteString(s[i-1 : i+1])
		}
	}
	return b.String(), true
}

// finishLink returns what udevd of rel logs about the assignments of a file and its drop-ins
// together, after all lines are read. as are all of them, in reading order.
func finishLink(rel Release, as []Assignment) []Diagnostic {
	rel = rel.Clamp()
	var out []Diagnostic
	if d, ok := ignoredMACAddress(rel, as); ok {
		out = append(out, d)
	}
	return append(out, droppedVirtualFunctions(rel, as)...)
}

// rejectsFile reports whether a value makes udevd of rel drop the whole file although every
// line is valid, and why. udevd logs that as an error, without the reason.
func rejectsFile(rel Release, as []Assignment) (Diagnostic, bool) {
	rel = rel.Clamp()
	if !bitRateRejectsFile.has(rel) {
		return Diagnostic{}, false
	}
	if a, ok := last(rel, as, "Link", "BitsPerSecond"); ok {
		if n, err := parseBytes(a.Value, 1000); err == nil && n > 1<<32-1 {
			return Diagnostic{Pos: a.Pos, Code: CodeInvalidValue, Level: LevelError, Message: "a BitsPerSecond= above 4294967295 makes systemd before 245 ignore the whole file"},
				true
		}
	}
	return Diagnostic{}, false
}

// last returns the assignment with the effective value, for a key where the last one wins.
func last(rel Release, as []Assignment, section, key string) (Assignment, bool) {
	for _, a := range slices.Backward(as) {
		if a.Section != section || a.Key != key || !KeyKnown(rel, section, key) {
			continue
		}
		switch checkLinkValue(rel, section, key, a.Value).effect {
		case effectTaken:
			return a, true
		case effectReset:
			return Assignment{}, false
		}
	}
	return Assignment{}, false
}

func ignoredMACAddress(rel Release, as []Assignment) (Diagnostic, bool) {
	if !warnsOfIgnoredMACAddress.has(rel) {
		return Diagnostic{}, false
	}
	address, ok := last(rel, as, "Link", "MACAddress")
	if !ok {
		return Diagnostic{}, false
	}
	policy, ok := last(rel, as, "Link", "MACAddressPolicy")
	if !ok || policy.Value == "none" {
		return Diagnostic{}, false
	}
	return Diagnostic{Pos: address.Pos, Code: CodeMACAddressIgnored, Level: LevelWarning, Message: "MACAddress= is ignored because MACAddressPolicy=" + policy.Value + " (" + policy.Pos.String() + ") sets the address"},
		true
}

// sriovSection is one [SR-IOV] section: its virtual function, and its first bad value.
type sriovSection struct {
	pos    Pos
	bad    Pos
	isBad  bool
	number uint32
	hasOne bool
}

// sriovSections are those of a file, in order.
func sriovSections(rel Release, as []Assignment) []*sriovSection {
	var sections []*sriovSection
	for _, a := range as {
		if a.Section != "SR-IOV" || !linkSectionKnown(rel, a.Section) || !KeyKnown(rel, a.Section, a.Key) {
			continue
		}
		i := slices.IndexFunc(sections, func(s *sriovSection) bool { return s.pos == a.SectionPos })
		if i < 0 {
			i = len(sections)
			sections = append(sections, &sriovSection{pos: a.SectionPos})
		}
		s := sections[i]
		eff := checkLinkValue(rel, a.Section, a.Key, a.Value).effect
		switch {
		case eff == effectIgnored:
			if !s.isBad {
				s.bad, s.isBad = a.Pos, true
			}
		case a.Key == "VirtualFunction":
			s.hasOne = eff == effectTaken
			s.number, _ = parseUnsigned(rel, a.Value)
		}
	}
	return sections
}

// droppedVirtualFunctions follows sr_iov_drop_invalid_sections() of netif-sriov.c: a section
// is dropped silently if it has a single bad value. It is dropped with a warning without a
// VirtualFunction=, or with one that another section repeats or that
// SR-IOVVirtualFunctions= has no room for.
func droppedVirtualFunctions(rel Release, as []Assignment) []Diagnostic {
	room, limited := last(rel, as, "Link", "SR-IOVVirtualFunctions")
	most, _ := parseUnsigned(rel, room.Value)

	var out []Diagnostic
	byNumber := map[uint32]*sriovSection{}
	for _, s := range sriovSections(rel, as) {
		drop := func(level Level, text string) {
			out = append(out, Diagnostic{Pos: s.pos, Code: CodeInvalidValue, Level: level, Message: "this [SR-IOV] section is dropped: " + text})
		}
		switch {
		case s.isBad:
			drop(LevelInfo, "it has a bad value ("+s.bad.String()+")")
		case !s.hasOne:
			drop(LevelWarning, "it has no VirtualFunction=")
		case limited && s.number >= most:
			drop(LevelWarning, "its VirtualFunction= is not below SR-IOVVirtualFunctions= ("+room.Pos.String()+")")
		default:
			if earlier := byNumber[s.number]; earlier != nil {
				out = append(out, Diagnostic{Pos: earlier.pos, Code: CodeInvalidValue, Level: LevelWarning, Message: "this [SR-IOV] section is dropped: a later one (" + s.pos.String() + ") has the same VirtualFunction="})
			}
			byNumber[s.number] = s
		}
	}
	return out
}
