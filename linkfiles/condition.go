package linkfiles

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"linkaudit/internal/fact"
)

// The conditions of [Match] as condition.c of systemd tests them. A condition
// that makes no sense is an error there, and an error fails the file whether
// the condition is inverted or not.

// outcome is what a test says before "!" is applied.
type outcome struct {
	met    bool
	bad    string // the condition cannot be evaluated by udevd: the file fails
	reason string // it cannot be evaluated here
	actual string // what the system has, for the explanation
}

func known(met bool, actual string) outcome { return outcome{met: met, actual: actual} }

// has names a thing that the system has or has not.
func has(yes bool, thing string) string {
	if yes {
		return thing
	}
	return "no " + thing
}

// listed names what the system has of several.
func listed(what string, words []string) string {
	if len(words) == 0 {
		return "no " + what
	}
	return "the " + what + " " + strings.Join(words, " ")
}

// system tests the conditions: condition_test_list().
func (m *match) system(rel Release, q quirks, sys *System) answer {
	v := answer{}
	for _, c := range m.conditions {
		if v.and(c.test(rel, q, sys)) {
			break
		}
	}
	return v
}

func (c condition) test(rel Release, q quirks, sys *System) answer {
	text := c.key + "="
	if c.negate {
		text += "!"
	}
	text += c.param
	masked := text
	if c.key == "Host" && isID(c.param) {
		masked = strings.TrimSuffix(text, c.param) + "an ID" // it may be the machine's own
	}
	var o outcome
	switch c.key {
	case "Host":
		o = testHost(q, c.param, sys)
	case "Virtualization":
		o = testVirtualization(c.param, sys)
	case "KernelCommandLine":
		o = testKernelCommandLine(rel, q, c.param, sys)
	case "KernelVersion":
		o = testVersion(rel, q, c.param, sys)
	case "Architecture":
		o = testArchitecture(c.param, sys)
	case "Credential":
		o = testCredential(c.param, sys)
	case "Firmware":
		o = testFirmware(rel, q, c.param, sys)
	case "MachineTag":
		o = testMachineTag(q, c.param, sys)
	}
	switch {
	case o.bad != "":
		return fails(c.pos, "%s is %s, which udevd counts as failed", text, o.bad)
	case o.reason != "":
		return cannotTell(c.pos, "%s: %s", masked, o.reason)
	case o.met == c.negate:
		if o.met {
			text = masked
		}
		if o.actual == "" {
			return fails(c.pos, "%s is not met", text)
		}
		return fails(c.pos, "%s, but the system has %s", text, o.actual)
	}
	return answer{}
}

func testHost(q quirks, param string, sys *System) outcome {
	if id, err := ParseMachineID(param); err == nil {
		is, ok := sys.MachineID.Is(id)
		if is {
			return known(true, "that machine-id")
		}
		if !ok {
			return outcome{reason: "the machine-id is unknown (" + sys.MachineID.ID().Reason() + ")"}
		}
		if !q.hostOtherIDs {
			return known(false, "another machine-id")
		}
		for _, other := range []fact.Fact[string]{sys.BootID, sys.ProductUUID} {
			s, has := other.Get()
			if other.IsUnknown() {
				return outcome{reason: "the boot ID or product UUID is unknown (" + other.Reason() + ")"}
			}
			if o, err := ParseMachineID(s); has && err == nil && o == id {
				return known(true, "that boot ID or product UUID")
			}
		}
	}
	host, ok := sys.Hostname.Get()
	if !ok {
		return outcome{reason: "the host name is unknown (" + sys.Hostname.Reason() + ")"}
	}
	return known(glob{fold: true, unclosedFails: q.globUnclosedFails}.match(param, host), "host name "+host)
}

func testVirtualization(param string, sys *System) outcome {
	v, ok := sys.Virtualization.Get()
	if !ok {
		return outcome{reason: "the virtualization is unknown (" + sys.Virtualization.Reason() + ")"}
	}
	if param == "private-users" {
		return known(v.PrivateUsers, has(v.PrivateUsers, "user namespace of its own"))
	}
	some := v.VM || v.Container
	if b, ok := boolean(param); ok {
		return known(b == some, "virtualization "+v.ID)
	}
	switch param {
	case "vm":
		return known(v.VM, "virtualization "+v.ID)
	case "container":
		return known(v.Container, "virtualization "+v.ID)
	}
	return known(some && param == v.ID, "virtualization "+v.ID)
}

func testKernelCommandLine(rel Release, q quirks, param string, sys *System) outcome {
	line, ok := sys.KernelCommandLine.Get()
	if !ok {
		return outcome{reason: "the kernel command line is unknown (" + sys.KernelCommandLine.Reason() + ")"}
	}
	syntax := wordSyntax{separators: valueSpace, unquote: true, relaxed: true, literal: q.cmdlineRetainEscape}
	whole := strings.Contains(param, "=")
	for {
		word, rest, more, err := syntax.nextWord(rel, line)
		if err != nil || !more {
			return known(false, "a kernel command line without it")
		}
		line = rest
		if word == param || !whole && strings.HasPrefix(word, param+"=") {
			return known(true, "it on the kernel command line")
		}
	}
}

func testArchitecture(param string, sys *System) outcome {
	arch, ok := sys.Architecture.Get()
	if !ok {
		return outcome{reason: "the architecture is unknown (" + sys.Architecture.Reason() + ")"}
	}
	// "native" is what udevd was built for, which runs here.
	return known(param == arch || param == "native", "architecture "+arch)
}

func testCredential(param string, sys *System) outcome {
	names, ok := sys.Credentials.Get()
	if !ok && !sys.Credentials.IsAbsent() {
		return outcome{reason: "the system's credentials are unknown (" + sys.Credentials.Reason() + ")"}
	}
	for _, n := range names {
		if n == param {
			return known(true, "that credential")
		}
	}
	return known(false, listed("credentials", names))
}

func testMachineTag(q quirks, param string, sys *System) outcome {
	tags, ok := sys.MachineTags.Get()
	if !ok && !sys.MachineTags.IsAbsent() {
		return outcome{reason: "the machine's tags are unknown (" + sys.MachineTags.Reason() + ")"}
	}
	for _, t := range tags {
		if (glob{unclosedFails: q.globUnclosedFails}).match(param, t) {
			return known(true, "the tag "+t)
		}
	}
	return known(false, listed("tags", tags))
}

// testFirmware is condition_test_firmware().
func testFirmware(rel Release, q quirks, param string, sys *System) outcome {
	compatible, isCompatible := strings.CutPrefix(param, "device-tree-compatible(")
	field, isField := strings.CutPrefix(param, "smbios-field(")
	isField = isField && q.smbios
	if param != "uefi" && param != "device-tree" && !isCompatible && !isField {
		return known(false, "no such thing")
	}
	if isCompatible {
		inner, ok := closeParen(compatible, q.firmwareLastParen)
		if !ok {
			return known(false, "no such thing")
		}
		compatible = inner
	}
	if isField {
		inner, ok := closeParen(field, true)
		if !ok {
			return outcome{bad: "malformed"}
		}
		field = inner
	}
	fw, ok := sys.Firmware.Get()
	if !ok {
		return outcome{reason: "the firmware is unknown (" + sys.Firmware.Reason() + ")"}
	}
	switch {
	case param == "uefi":
		return known(fw.UEFI, has(fw.UEFI, "UEFI"))
	case param == "device-tree":
		// 251 to 251.4 look at a path that no kernel has.
		return known(fw.DeviceTree, has(fw.DeviceTree, "device tree"))
	case isCompatible:
		for _, c := range fw.Compatible {
			if c == compatible {
				return known(true, "it")
			}
		}
		return known(false, listed("compatible strings", fw.Compatible))
	}
	return testSMBIOS(rel, q, field, fw)
}

// closeParen takes off the ")" at the end. Before 252 the first one counted,
// and had to be the end.
func closeParen(s string, last bool) (string, bool) {
	n := strings.IndexByte(s, ')')
	if last {
		n = strings.LastIndexByte(s, ')')
	}
	if n < 0 || n != len(s)-1 {
		return "", false
	}
	return s[:n], true
}

// operatorChars are the bytes that end an SMBIOS field's name:
// COMPARE_OPERATOR_WITH_FNMATCH_CHARS of compare-operator.h.
const operatorChars = "!<=>$"

// testSMBIOS is condition_test_firmware_smbios_field().
func testSMBIOS(rel Release, q quirks, expr string, fw Firmware) outcome {
	bad := outcome{bad: "malformed"}
	expr = strings.TrimLeft(expr, operatorChars)
	n := strings.IndexAny(expr, operatorChars)
	if n <= 0 || strings.ContainsRune(expr[:n], '\\') {
		return bad
	}
	field := strings.TrimRight(expr[:n], whitespace)
	op, rest, ok := compareOperator(q, expr[n:])
	if !ok {
		return bad
	}
	want, rest, more, err := quotedWords.nextWord(rel, rest)
	if err != nil || !more || rest != "" {
		return bad
	}
	if field == "" || field == "." || field == ".." || len(field) > 255 || strings.ContainsRune(field, '/') {
		return bad
	}
	have, ok := fw.SMBIOS[field]
	if !ok && slices.Contains(fw.Hidden, field) {
		return outcome{reason: "the SMBIOS field " + field + " could not be read, or was left out of the snapshot"}
	}
	if !ok {
		return known(false, "no SMBIOS field "+field)
	}
	return known(compareVersions(q, op, have, want), field+" "+have)
}

// testVersion is condition_test_version(), and before 258 the test of
// KernelVersion=, which knew only the kernel's.
func testVersion(rel Release, q quirks, param string, sys *System) outcome {
	subject := "kernel"
	if q.versionSubject {
		if param == "" {
			return known(true, "")
		}
		n := strings.IndexAny(param, operatorChars+whitespace)
		if n < 0 {
			n = len(param)
		}
		switch word := param[:n]; word {
		case "systemd", "glibc", "kernel":
			subject, param = word, param[n:]
		}
	}
	var have string
	switch subject {
	case "systemd":
		have = strconv.Itoa(int(rel))
	case "glibc":
		glibc, ok := sys.Glibc.Get()
		if !ok {
			return outcome{reason: "the version of glibc is unknown (" + sys.Glibc.Reason() + ")"}
		}
		have = glibc
	default:
		kernel, ok := sys.KernelRelease.Get()
		if !ok {
			return outcome{reason: "the kernel's release is unknown (" + sys.KernelRelease.Reason() + ")"}
		}
		have = kernel
	}
	met, err := versionMatches(rel, q, param, have)
	if err != nil {
		return outcome{bad: "malformed"}
	}
	return known(met, subject+" "+have)
}

var errExpression = errors.New("malformed version expression")

// versionMatches is condition_test_version_cmp(), and before 243 its older form
// that took one expression without quoting.
func versionMatches(rel Release, q quirks, expr, have string) (bool, error) {
	g := glob{unclosedFails: q.globUnclosedFails}
	if !q.versionList {
		op, rest, ok := compareOperator(q, expr)
		rest = strings.TrimLeft(rest, whitespace)
		if !ok {
			return g.match(rest, have), nil
		}
		return compareVersions(q, op, have, rest), nil
	}
	for first := true; ; first = false {
		word, rest, more, err := quotedWords.nextWord(rel, expr)
		if err != nil {
			return false, errExpression
		}
		if !more {
			return true, nil
		}
		expr = rest
		op, want, ok := compareOperator(q, strings.Trim(word, whitespace))
		want = strings.TrimLeft(want, whitespace)
		if want == "" && (ok || q.versionFnmatch) {
			// White space between operator and version was allowed once.
			if !first {
				return false, errExpression
			}
			if want, expr, more, err = plainWords.nextWord(rel, expr); err != nil || !more {
				return false, errExpression
			}
		}
		met := false
		if ok {
			met = compareVersions(q, op, have, want)
		} else {
			met = g.match(want, have)
		}
		if !met {
			return false, nil
		}
	}
}

// compareOperator is parse_compare_operator() of compare-operator.c with the
// flags conditions use, and parse_order() of condition.c before 252.
func compareOperator(q quirks, s string) (op, rest string, ok bool) {
	ops := []string{"<=", ">=", "<", ">", "="}
	if q.versionUnequal {
		ops = append(ops, "!=")
	}
	if q.versionFnmatch {
		ops = []string{"$=", "!$=", "<>", "<=", ">=", "<", ">", "==", "=", "!="}
	}
	for _, op := range ops {
		if rest, ok := strings.CutPrefix(s, op); ok {
			return op, rest, true
		}
	}
	return "", s, false
}

// compareVersions is version_or_fnmatch_compare() of compare-operator.c.
func compareVersions(q quirks, op, have, want string) bool {
	if q.versionFnmatch {
		g := glob{unclosedFails: q.globUnclosedFails}
		switch op {
		case "=":
			return have == want
		case "!=":
			return have != want
		case "$=":
			return g.match(want, have)
		case "!$=":
			return !g.match(want, have)
		}
	}
	compare := verscmp
	switch {
	case q.versionZeroIsNothing:
		compare = func(a, b string) int { return verscmpUAPI(a, b, true) }
	case q.versionUAPI:
		compare = func(a, b string) int { return verscmpUAPI(a, b, false) }
	}
	k := compare(have, want)
	switch op {
	case "<":
		return k < 0
	case "<=":
		return k <= 0
	case "=", "==":
		return k == 0
	case "!=", "<>":
		return k != 0
	case ">=":
		return k >= 0
	}
	return k > 0
}
