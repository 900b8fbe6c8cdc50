package linkfiles

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// The conditions of [Match] as condition.c of systemd tests them. A malformed condition is
// an error, and an error fails the file whether the condition is inverted or not.

// outcome is the result of a test before "!" is applied.
type outcome struct {
	met       bool
	malformed bool // the condition cannot be evaluated by udevd: the file fails
	unknown   bool // it cannot be evaluated here, as actual says
	// actual is what the system has, or what is unknown of it, and because is why.
	actual  actual
	because *Statement
}

// found is the outcome if the system has something that a code stands for.
func found(met bool, code, value string) outcome {
	return outcome{met: met, actual: actual{code, value}}
}

// untold is the outcome if something is unknown.
func untold(what string, because *Statement) outcome {
	return outcome{unknown: true, actual: actual{code: what}, because: because}
}

// present says whether the system has a thing.
func present(yes bool, thing, none string) outcome {
	if yes {
		return found(true, thing, "")
	}
	return found(false, none, "")
}

// listed names those that the system has.
func listed(words []string, some, none string) outcome {
	if len(words) == 0 {
		return found(false, none, "")
	}
	return found(false, some, strings.Join(words, " "))
}

// testSystem tests the conditions of the machine: condition_test_list().
func (m *matchSection) testSystem(rel Release, q *quirks, sys *System) mismatch {
	var first mismatch
	for i := range m.system {
		if first.and(m.system[i].testSystem(rel, q, sys)) {
			break
		}
	}
	return first
}

func (c *condition) testSystem(rel Release, q *quirks, sys *System) mismatch {
	want := c.wants[0]
	switch o := c.row.system(rel, q, want.text, sys); {
	case o.malformed:
		return c.mismatch(want.pos, malformed, actual{})
	case o.unknown:
		m := c.undecided(want.pos, valueUnknown, o.because)
		m.actual = o.actual
		return m
	case o.met == want.invert:
		return c.mismatch(want.pos, differs, o.actual)
	}
	return mismatch{}
}

func testHost(_ Release, q *quirks, param string, sys *System) outcome {
	if id, err := ParseMachineID(param); err == nil {
		is, ok := sys.MachineID.Is(id)
		if is {
			return found(true, "that-machine-id", "")
		}
		if !ok {
			return untold("machine-id-unknown", sys.MachineID.ID().Reason())
		}
		if !q.hostOtherIDs {
			return found(false, "another-machine-id", "")
		}
		for _, other := range []Fact[string]{sys.BootID, sys.ProductUUID} {
			s, has := other.Get()
			if other.IsUnknown() {
				return untold("boot-id-unknown", other.Reason())
			}
			if o, err := ParseMachineID(s); has && err == nil && o == id {
				return found(true, "that-boot-id", "")
			}
		}
	}
	host, ok := sys.Hostname.Get()
	if !ok {
		return untold("host-name-unknown", sys.Hostname.Reason())
	}
	return found(glob{fold: true, unclosedFails: q.globUnclosedFails}.match(param, host), "host-name", host)
}

func testVirtualization(_ Release, _ *quirks, param string, sys *System) outcome {
	v, ok := sys.Virtualization.Get()
	if !ok {
		return untold("virtualization-unknown", sys.Virtualization.Reason())
	}
	if param == "private-users" {
		return present(v.PrivateUsers, "user-namespace", "no-user-namespace")
	}
	some := v.VM || v.Container
	if b, ok := boolean(param); ok {
		return found(b == some, "virtualization", v.ID)
	}
	switch param {
	case "vm":
		return found(v.VM, "virtualization", v.ID)
	case "container":
		return found(v.Container, "virtualization", v.ID)
	}
	return found(some && param == v.ID, "virtualization", v.ID)
}

func testKernelCommandLine(rel Release, q *quirks, param string, sys *System) outcome {
	line, ok := sys.KernelCommandLine.Get()
	if !ok {
		return untold("kernel-command-line-unknown", sys.KernelCommandLine.Reason())
	}
	syntax := wordSyntax{separators: valueSpace, unquote: true, relaxed: true, literal: q.cmdlineRetainEscape}
	whole := strings.Contains(param, "=")
	for {
		word, rest, more, err := syntax.nextWord(rel, line)
		if err != nil || !more {
			return found(false, "kernel-command-line-without", "")
		}
		line = rest
		if word == param || !whole && strings.HasPrefix(word, param+"=") {
			return found(true, "kernel-command-line-with", "")
		}
	}
}

func testArchitecture(_ Release, _ *quirks, param string, sys *System) outcome {
	arch, ok := sys.Architecture.Get()
	if !ok {
		return untold("architecture-unknown", sys.Architecture.Reason())
	}
	// "native" is what udevd was built for, which runs here.
	return found(param == arch || param == "native", "architecture", arch)
}

func testCredential(_ Release, _ *quirks, param string, sys *System) outcome {
	names, ok := sys.Credentials.Get()
	if !ok && !sys.Credentials.IsAbsent() {
		return untold("credentials-unknown", sys.Credentials.Reason())
	}
	if slices.Contains(names, param) {
		return found(true, "that-credential", "")
	}
	return listed(names, "credentials", "no-credentials")
}

func testMachineTag(_ Release, q *quirks, param string, sys *System) outcome {
	tags, ok := sys.MachineTags.Get()
	if !ok && !sys.MachineTags.IsAbsent() {
		return untold("machine-tags-unknown", sys.MachineTags.Reason())
	}
	for _, t := range tags {
		if (glob{unclosedFails: q.globUnclosedFails}).match(param, t) {
			return found(true, "machine-tag", t)
		}
	}
	return listed(tags, "machine-tags", "no-machine-tags")
}

// testFirmware is condition_test_firmware().
func testFirmware(rel Release, q *quirks, param string, sys *System) outcome {
	compatible, isCompatible := strings.CutPrefix(param, "device-tree-compatible(")
	field, isField := strings.CutPrefix(param, "smbios-field(")
	isField = isField && q.smbios
	if param != "uefi" && param != "device-tree" && !isCompatible && !isField {
		return found(false, "no-such-firmware", "")
	}
	if isCompatible {
		inner, ok := closeParen(compatible, q.firmwareLastParen)
		if !ok {
			return found(false, "no-such-firmware", "")
		}
		compatible = inner
	}
	if isField {
		inner, ok := closeParen(field, true)
		if !ok {
			return outcome{malformed: true}
		}
		field = inner
	}
	fw, ok := sys.Firmware.Get()
	if !ok {
		return untold("firmware-unknown", sys.Firmware.Reason())
	}
	switch {
	case param == "uefi":
		return present(fw.UEFI, "uefi", "no-uefi")
	case param == "device-tree":
		// 251 to 251.4 look at a path that no kernel has.
		return present(fw.DeviceTree, "device-tree", "no-device-tree")
	case isCompatible:
		if slices.Contains(fw.Compatible, compatible) {
			return found(true, "it", "")
		}
		return listed(fw.Compatible, "compatible-strings", "no-compatible-strings")
	}
	return testSMBIOS(rel, q, field, fw)
}

// closeParen removes the ")" at the end. Before 252 the first one counted, and had to be the
// end.
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
func testSMBIOS(rel Release, q *quirks, expr string, fw Firmware) outcome {
	bad := outcome{malformed: true}
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
		return outcome{unknown: true, actual: actual{"smbios-field-unknown", field}}
	}
	if !ok {
		return found(false, "no-smbios-field", field)
	}
	return found(compareVersions(q, op, have, want), "smbios-field", field+" "+have)
}

// testVersion is condition_test_version(), and before 258 the test of
// KernelVersion=, which knew only the kernel's.
func testVersion(rel Release, q *quirks, param string, sys *System) outcome {
	subject := "kernel"
	if q.versionSubject {
		if param == "" {
			return outcome{met: true}
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
			return untold("glibc-unknown", sys.Glibc.Reason())
		}
		have = glibc
	default:
		kernel, ok := sys.KernelRelease.Get()
		if !ok {
			return untold("kernel-release-unknown", sys.KernelRelease.Reason())
		}
		have = kernel
	}
	met, err := versionMatches(rel, q, param, have)
	if err != nil {
		return outcome{malformed: true}
	}
	return found(met, "version", subject+" "+have)
}

var errExpression = errors.New("malformed version expression")

// versionMatches is condition_test_version_cmp(), and before 243 its older form
// that took one expression without quoting.
func versionMatches(rel Release, q *quirks, expr, have string) (bool, error) {
	if !q.versionList {
		op, rest, ok := compareOperator(q, expr)
		return versionFits(q, op, have, strings.TrimLeft(rest, whitespace), ok), nil
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
		if !versionFits(q, op, have, want, ok) {
			return false, nil
		}
	}
}

// versionFits compares with the operator. Without one, the wanted version is a pattern of the
// shell.
func versionFits(q *quirks, op, have, want string, hasOperator bool) bool {
	if hasOperator {
		return compareVersions(q, op, have, want)
	}
	return glob{unclosedFails: q.globUnclosedFails}.match(want, have)
}

// compareOperator is parse_compare_operator() of compare-operator.c with the
// flags conditions use, and parse_order() of condition.c before 252.
func compareOperator(q *quirks, s string) (op, rest string, ok bool) {
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
func compareVersions(q *quirks, op, have, want string) bool {
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
