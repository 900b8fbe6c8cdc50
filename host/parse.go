package host

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"linkaudit/linkfiles"
)

// parseUEvent reads the KEY=VALUE lines of a uevent file of sysfs.
func parseUEvent(b []byte) map[string]string {
	m := make(map[string]string, 4)
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\r\n")
		if k, v, ok := strings.Cut(line, "="); ok && k != "" {
			m[k] = v
		}
	}
	return m
}

// parseUdevDB reads the E: lines of a file of /run/udev/data. The other lines
// (I: time of initialisation, S: links, L: priority, G: and Q: tags, V:
// version, W: watch) are passed over, and so is whatever has no "X:" in front
// (device_read_db_internal_filename() of sd-device). An empty value unsets the
// property, as device_add_property_internal_from_string() does.
func parseUdevDB(b []byte) map[string]string {
	m := make(map[string]string, bytes.Count(b, []byte("\nE:")))
	for line := range strings.Lines(string(b)) {
		rest, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "E:")
		if !ok {
			continue
		}
		k, v, ok := strings.Cut(rest, "=")
		switch {
		case !ok || k == "":
		case v == "":
			delete(m, k)
		default:
			m[k] = v
		}
	}
	return m
}

// parseMachineID reads /etc/machine-id as id128_read_fd() does for
// ID128_PLAIN: 32 hexadecimal digits, one newline at most, and nothing else;
// an empty file, "uninitialized" (since 247, machine-id(5)) and all zeros are
// no machine ID. The error never repeats the content.
func parseMachineID(b []byte) ([16]byte, error) {
	var none [16]byte
	s := strings.TrimSuffix(string(b), "\n")
	switch {
	case len(b) == 0:
		return none, fmt.Errorf("is empty: the machine ID is made at the first boot")
	case s == "uninitialized":
		return none, fmt.Errorf("says \"uninitialized\": the machine ID is made at the first boot")
	case len(s) != 32:
		return none, fmt.Errorf("does not hold 32 hexadecimal digits and a newline")
	}
	id, err := linkfiles.ParseMachineID(s)
	if err != nil {
		return none, fmt.Errorf("does not hold 32 hexadecimal digits and a newline")
	}
	if id == none {
		return none, fmt.Errorf("is all zeros")
	}
	return id, nil
}

// runsSetupLink reports whether a udev rules file has a line that runs the
// builtin net_setup_link. Lines whose first character after white space is "#"
// are comments, and a backslash at the end continues a line (udev(7)).
func runsSetupLink(rules []byte) bool {
	if !bytes.Contains(rules, []byte("net_setup_link")) {
		return false
	}
	var line strings.Builder
	for raw := range strings.Lines(string(rules)) {
		raw = strings.TrimRight(raw, "\n")
		part := strings.TrimLeft(raw, " \t\r")
		if strings.HasPrefix(part, "#") {
			continue
		}
		if head, more := strings.CutSuffix(part, "\\"); more {
			line.WriteString(head)
			continue
		}
		line.WriteString(part)
		if importsSetupLink(line.String()) {
			return true
		}
		line.Reset()
	}
	return importsSetupLink(line.String())
}

// importsSetupLink looks for IMPORT{builtin}="net_setup_link" (also == and +=)
// or RUN{builtin} of it in one rule.
func importsSetupLink(rule string) bool {
	compact := strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, rule)
	for _, key := range []string{"IMPORT{builtin}", "RUN{builtin}"} {
		for rest := compact; ; {
			_, after, ok := strings.Cut(rest, key)
			if !ok {
				break
			}
			op := after[:min(len(after), 3)]
			value := strings.TrimLeft(op, "=+:!") + after[len(op):]
			if strings.HasPrefix(value, `"net_setup_link"`) || strings.HasPrefix(value, `e"net_setup_link"`) {
				return !strings.HasPrefix(op, "!=")
			}
			rest = after
		}
	}
	return false
}

// machineTags reads TAGS= of /etc/machine-info the way
// machine_tags_from_string() of systemd 262 does: a colon-separated list,
// sorted, each tag once, invalid ones dropped, and of several "key=value" with
// one key only the first.
func machineTags(info []byte) []string {
	value := ""
	for line := range strings.Lines(string(info)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		if v, ok := strings.CutPrefix(line, "TAGS="); ok {
			value = strings.Join(commandLineWords(v), " ")
		}
	}
	tags := []string{}
	seen := map[string]bool{}
	all := strings.Split(value, ":")
	slices.Sort(all)
	for _, tag := range slices.Compact(all) {
		if !validMachineTag(tag) {
			continue
		}
		if key, _, ok := strings.Cut(tag, "="); ok {
			if seen[key] {
				continue
			}
			seen[key] = true
		}
		tags = append(tags, tag)
	}
	return tags
}

// validMachineTag is machine_tag_is_valid() of systemd 262.
func validMachineTag(tag string) bool {
	if tag == "" || len(tag) >= 256 || strings.ContainsRune("-.=", rune(tag[0])) {
		return false
	}
	key, _, _ := strings.Cut(tag, "=")
	if strings.HasSuffix(key, "-") || strings.HasSuffix(key, ".") {
		return false
	}
	for _, c := range []byte(tag) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '=') {
			return false
		}
	}
	return true
}

// parseRelease takes the major release out of a version as systemd's builds
// write it (GIT_VERSION): "252.39-1~deb12u2", "262~devel", "v257.1-3-gabc".
func parseRelease(version string) (linkfiles.Release, bool) {
	s := strings.TrimPrefix(version, "v")
	n := 0
	digits := 0
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' && digits < 5 {
		n = n*10 + int(s[digits]-'0')
		digits++
	}
	// The first udev that was part of systemd is 183.
	if n < 183 || n > 9999 {
		return 0, false
	}
	if digits < len(s) && !strings.ContainsRune(".-~+_ ", rune(s[digits])) {
		return 0, false
	}
	return linkfiles.Release(n), true
}

// sharedLibraryVersion takes the version out of the name of systemd's private
// library: "libsystemd-shared-252.so", "libsystemd-shared-257.13-1.fc42.so".
func sharedLibraryVersion(name string) (string, bool) {
	v, ok := strings.CutPrefix(name, "libsystemd-shared-")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(v, ".so")
}

// versionMarks come before the version in udevd's greeting, which is one
// string in the program (udevd.c: "Starting version" up to 251 and "Starting
// systemd-udevd version" since).
var versionMarks = [][]byte{[]byte("Starting systemd-udevd version "), []byte("Starting version ")}

// versionInProgram finds that greeting in udevd's read-only data.
func versionInProgram(data []byte) (string, bool) {
	for _, mark := range versionMarks {
		for rest := data; ; {
			i := bytes.Index(rest, mark)
			if i < 0 {
				break
			}
			rest = rest[i+len(mark):]
			end := bytes.IndexByte(rest, 0)
			if end < 0 || end > 100 {
				continue
			}
			if v := string(rest[:end]); printable(v) {
				if _, ok := parseRelease(v); ok {
					return v, true
				}
			}
		}
	}
	return "", false
}

func printable(s string) bool {
	for _, c := range []byte(s) {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return true
}

// debianVersion finds the version of an installed package in dpkg's status.
func debianVersion(status []byte, pkg string) (string, bool) {
	i := bytes.Index(status, []byte("\nPackage: "+pkg+"\n"))
	switch {
	case i >= 0:
		status = status[i+1:]
	case !bytes.HasPrefix(status, []byte("Package: "+pkg+"\n")):
		return "", false
	}
	if end := bytes.Index(status, []byte("\n\n")); end >= 0 {
		status = status[:end]
	}
	version, installed := "", false
	for line := range strings.Lines(string(status)) {
		line = strings.TrimRight(line, "\n")
		if v, ok := strings.CutPrefix(line, "Version: "); ok {
			version = v
		}
		if v, ok := strings.CutPrefix(line, "Status: "); ok {
			installed = strings.HasSuffix(v, " installed")
		}
	}
	return version, installed && version != ""
}
