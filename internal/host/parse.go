package host

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

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

// parseUdevDB reads the E: lines of a file of /run/udev/data. It ignores other lines (I: time
// of initialisation, S: links, L: priority, G: and Q: tags, V: version, W: watch) and lines
// without "X:" at the start (device_read_db_internal_filename() of sd-device). An empty
// value unsets the property, as device_add_property_internal_from_string() does.
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

// noMachineID is the error about a file without a machine ID.
type noMachineID struct {
	state MachineIDState
	why   string
}

func (e *noMachineID) Error() string { return e.why }

// parseMachineID reads /etc/machine-id as id128_read_fd() does for
// ID128_PLAIN: 32 hexadecimal digits, one newline at most, and nothing else;
// an empty file, "uninitialized" (since 247, machine-id(5)) and all zeros are
// no machine ID. The error is a noMachineID and never repeats the content.
func parseMachineID(b []byte) ([16]byte, error) {
	var none [16]byte
	s := strings.TrimSuffix(string(b), "\n")
	malformed := &noMachineID{MachineIDMalformed, "does not have 32 hexadecimal digits and a newline"}
	switch {
	case len(b) == 0:
		return none, &noMachineID{MachineIDEmpty, "is empty: the first boot creates the machine ID"}
	case s == "uninitialized":
		return none, &noMachineID{MachineIDUninitialized, "says \"uninitialized\": the first boot creates the machine ID"}
	case len(s) != 32:
		return none, malformed
	}
	id, err := linkfiles.ParseMachineID(s)
	if err != nil {
		return none, malformed
	}
	if id == none {
		return none, &noMachineID{MachineIDZero, "is all zeros"}
	}
	return id, nil
}

// machineIDArgument is systemd.machine_id= of kernel-command-line(7), since
// systemd 233.
var machineIDArgument = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(^|\s)("?systemd[._]machine[_-]id=)([^\s"]*)`)
})

// machineIDOfCommandLine is the machine ID that the kernel command line names,
// the last one if there are several; the null ID is none (main.c of PID 1).
func machineIDOfCommandLine(cmdline string) (id [16]byte, ok bool) {
	if !strings.Contains(cmdline, "machine") {
		return id, false
	}
	all := machineIDArgument().FindAllStringSubmatch(cmdline, -1)
	if len(all) == 0 {
		return id, false
	}
	id, err := linkfiles.ParseMachineID(all[len(all)-1][3])
	return id, err == nil && id != [16]byte{}
}

// machineIDOfJournal is the machine ID in the name of a directory of journals:
// the ID, or the ID and a journal namespace (systemd-journald.service(8)).
func machineIDOfJournal(dir string) (id [16]byte, ok bool) {
	name, _, _ := strings.Cut(dir, ".")
	if len(name) != 32 {
		return id, false
	}
	id, err := linkfiles.ParseMachineID(name)
	return id, err == nil && id != [16]byte{}
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
	tags := []string{}
	seen := map[string]bool{}
	all := strings.Split(assignedTags(info), ":")
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

// assignedTags is the value of the last TAGS=.
func assignedTags(info []byte) (value string) {
	for line := range strings.Lines(string(info)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		if v, ok := strings.CutPrefix(line, "TAGS="); ok {
			value = strings.Join(commandLineWords(v), " ")
		}
	}
	return value
}

const (
	decimalDigits = "0123456789"
	asciiLetters  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// consistsOf reports whether a text has no other characters than these ASCII ones.
func consistsOf(text, characters string) bool { return strings.Trim(text, characters) == "" }

// validMachineTag is machine_tag_is_valid() of systemd 262.
func validMachineTag(tag string) bool {
	if tag == "" || len(tag) >= 256 || strings.ContainsRune("-.=", rune(tag[0])) {
		return false
	}
	key, _, _ := strings.Cut(tag, "=")
	if strings.HasSuffix(key, "-") || strings.HasSuffix(key, ".") {
		return false
	}
	return consistsOf(tag, asciiLetters+decimalDigits+"-.=")
}

// parseRelease takes the major release out of a version as systemd's builds
// write it (GIT_VERSION): "252.39-1~deb12u2", "262~devel", "v257.1-3-gabc".
func parseRelease(version string) (linkfiles.Release, bool) {
	version = strings.TrimPrefix(version, "v")
	rest := strings.TrimLeft(version, decimalDigits)
	if rest != "" && !strings.ContainsRune(".-~+_ ", rune(rest[0])) {
		return 0, false
	}
	digits := version[:len(version)-len(rest)]
	n, err := strconv.Atoi(digits)
	// The first udev that was part of systemd is 183.
	if err != nil || len(digits) > 5 || n < 183 || n > 9999 {
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
			if v, ok := versionAt(rest); ok {
				return v, true
			}
		}
	}
	return "", false
}

// versionAt is the version in the string that data begins with, which a NUL ends.
func versionAt(data []byte) (version string, ok bool) {
	end := bytes.IndexByte(data, 0)
	if end < 0 || end > 100 {
		return "", false
	}
	version = string(data[:end])
	_, ok = parseRelease(version)
	return version, ok && printable(version)
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
	version := debianField(status, pkg, "Version")
	return version, version != "" && strings.HasSuffix(debianField(status, pkg, "Status"), " installed")
}

// debianField is a field of a package in dpkg's status, "" where there is none.
func debianField(status []byte, pkg, field string) string {
	i := bytes.Index(status, []byte("\nPackage: "+pkg+"\n"))
	switch {
	case i >= 0:
		status = status[i+1:]
	case !bytes.HasPrefix(status, []byte("Package: "+pkg+"\n")):
		return ""
	}
	if end := bytes.Index(status, []byte("\n\n")); end >= 0 {
		status = status[:end]
	}
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), field+": "); ok {
			return v
		}
	}
	return ""
}

// parseProcessStatus reads /proc/PID/status: the parent, 0 if unknown, the real, effective,
// saved and file system user ID, and whether the process is alive and in this PID namespace;
// those of a container have one more number in NSpid (proc(5)).
func parseProcessStatus(text string) (parent int, uids []string, here bool) {
	here = true // a kernel before 4.1 has no NSpid
	for line := range strings.Lines(text) {
		switch key, value, _ := strings.Cut(line, ":"); key {
		case "State":
			here = here && !strings.Contains(value, "Z")
		case "PPid":
			parent, _ = strconv.Atoi(strings.TrimSpace(value))
		case "Uid":
			uids = strings.Fields(value)
		case "NSpid":
			here = here && len(strings.Fields(value)) == 1
		}
	}
	return parent, uids, here
}
