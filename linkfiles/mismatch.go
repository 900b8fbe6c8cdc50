package linkfiles

import "strings"

// ConditionResult says whether conditions of [Match] are met: enum ConditionResult of
// systemd's condition.h, with the case that it is unknown.
type ConditionResult uint8

// The results of a condition, or of all those of a file together.
const (
	ConditionMet ConditionResult = iota
	ConditionNotMet
	ConditionUndecided
)

// mismatch is why a condition is not met or unknown: the key, what the file asks for, and
// what there is. The zero mismatch is none. It becomes a statement only when that is read:
// most are never read.
type mismatch struct {
	result ConditionResult
	why    why
	// row and wanted are the key and what it asks for; nil for the whole file.
	row    *matchRow
	wanted []pattern
	pos    Pos
	// actual is what there is, or what is unknown of it, and because is why.
	actual  actual
	because *Statement
}

// actual is what there is instead of what a file asks for: the value itself or, if code is
// not "", what the code says about it.
type actual struct{ code, value string }

// why is what is wrong with a condition.
type why uint8

const (
	// wholeFile: because is about the file, not the condition.
	wholeFile why = iota
	// differs: there is another value, actual.
	differs
	// lacks: there is nothing to compare.
	lacks
	// valueUnknown: the present value is unknown; because may say why.
	valueUnknown
	// notLookedAt: this package does not check it.
	notLookedAt
	// renamed: the name does not count, because the device was renamed;
	// renamedUnknown: unknown whether it was renamed, and because says why.
	renamed
	renamedUnknown
	// malformed: the condition is an error, which fails the file whether it is inverted
	// or not (condition_test_list() of condition.c).
	malformed
)

// and keeps the first failure, or else the first unknown. done says that it is a failure,
// after which nothing else counts.
func (m *mismatch) and(other mismatch) (done bool) {
	if other.result == ConditionNotMet || other.result == ConditionUndecided && m.result == ConditionMet {
		*m = other
	}
	return m.result == ConditionNotMet
}

// mismatch returns a failure of the condition.
func (c *condition) mismatch(pos Pos, why why, has actual) mismatch {
	return mismatch{result: ConditionNotMet, why: why, row: c.row, wanted: c.wants, pos: pos, actual: has}
}

// undecided returns an unknown result of the condition, and why.
func (c *condition) undecided(pos Pos, why why, because *Statement) mismatch {
	return mismatch{result: ConditionUndecided, why: why, row: c.row, wanted: c.wants, pos: pos, because: because}
}

// key is the key of the condition as the file has it, "" for the whole file.
func (m *mismatch) key() string {
	if m.row == nil {
		return ""
	}
	return m.row.key
}

// statement says what the mismatch is, nil if there is none.
func (m *mismatch) statement() *Statement {
	switch m.why {
	case differs:
		return m.difference()
	case lacks:
		return Say("match-differs", "asked", m.asked(), "has", m.none())
	case valueUnknown:
		return Say("match-unknown", "asked", m.asked(), "what", m.whatIsUnknown())
	case notLookedAt:
		return Say("match-not-looked-at", "key", m.row.key)
	case renamed:
		return Say("match-renamed", "asked", m.asked())
	case renamedUnknown:
		return Say("match-renamed-unknown", "asked", m.asked(), "why", m.because)
	case malformed:
		return Say("match-malformed", "asked", m.asked())
	}
	return m.because
}

// difference says what there is instead of what the file asks for.
func (m *mismatch) difference() *Statement {
	switch {
	case m.row.system == nil:
		return Say("match-differs", "asked", m.asked(), "has", m.there())
	case m.actual == actual{}:
		return Say("match-not-met", "asked", m.asked())
	}
	return Say("match-system-differs", "asked", m.asked(), "has", m.actual.has())
}

// whatIsUnknown says what is unknown.
func (m *mismatch) whatIsUnknown() *Statement {
	switch {
	case m.row.system == nil:
		return Say(m.row.compares.unknown, "why", m.because)
	case m.actual.value != "":
		return Say(m.actual.code, "name", m.actual.value)
	}
	return Say(m.actual.code, "why", m.because)
}

// asked is what the file asks for: "Kind=bond bridge", or a Statement if it must not be
// shown.
func (m *mismatch) asked() any {
	switch {
	case !m.hidesID():
		return m.row.name() + "=" + patternText(m.wanted)
	case m.wanted[0].invert:
		return Say("match-not-an-id", "key", m.row.name())
	}
	return Say("match-an-id", "key", m.row.name())
}

// hidesID reports whether what the file asks for may be the machine's own ID, which
// machine-id(5) asks not to expose.
func (m *mismatch) hidesID() bool {
	return m.row.key == "Host" && isID(m.wanted[0].text) && (m.why == valueUnknown || m.why == differs && m.wanted[0].invert)
}

// has is the value, or a Statement about it.
func (a actual) has() any {
	if a.code == "" {
		return a.value
	}
	return Say(a.code, "value", a.value)
}

// there is what a device has instead of what the file asks for.
func (m *mismatch) there() any {
	if m.row.compares != deviceProperties {
		return m.actual.has()
	}
	key, _, _ := strings.Cut(m.wanted[0].text, "=")
	return key + "=" + m.actual.value
}

// none is the statement for a device without anything to compare.
func (m *mismatch) none() *Statement {
	key, _, _ := strings.Cut(m.wanted[0].text, "=")
	return Say(m.row.compares.none, "property", key)
}

func patternText(patterns []pattern) string {
	var b strings.Builder
	for i, p := range patterns {
		if i > 0 {
			b.WriteByte(' ')
		}
		if p.invert {
			b.WriteByte('!')
		}
		b.WriteString(p.text)
	}
	return b.String()
}
