package linkfiles

import "strings"

// ConditionResult says whether conditions of [Match] hold: enum ConditionResult of
// systemd's condition.h, with the case that an audit cannot tell.
type ConditionResult uint8

// The results of a condition, or of all those of a file together.
const (
	ConditionMet ConditionResult = iota
	ConditionNotMet
	ConditionUndecided
)

// mismatch is why a condition is not met, or why that cannot be told: the key, what
// the file asks for, and what there is. The zero mismatch is none. A statement is made of
// it where somebody reads it: of most files of a machine nobody does.
type mismatch struct {
	result ConditionResult
	why    why
	// row and wanted are the key and what it asks for; nil where the file as a
	// whole is meant.
	row    *matchRow
	wanted []pattern
	pos    Pos
	// actual is what there is, or what of it is not known, and because is why.
	actual  actual
	because *Statement
}

// actual is what there is in place of what a file asks for: the value itself or, where
// code is not "", what the code says of it.
type actual struct{ code, value string }

// why is what is wrong with a condition.
type why uint8

const (
	// wholeFile: not the condition, but what because says.
	wholeFile why = iota
	// differs: there is something else, which is actual.
	differs
	// lacks: there is nothing to compare.
	lacks
	// notKnown: what there is is not known; because may say why.
	notKnown
	// notLookedAt: nothing here looks at it.
	notLookedAt
	// renamed: the name does not count, as the device was renamed;
	// renamedNotKnown: that is not known, and because says why.
	renamed
	renamedNotKnown
	// malformed: the condition is an error, which fails the file whether it is
	// inverted or not (condition_test_list() of condition.c).
	malformed
)

// and keeps the first failure, or else the first thing that cannot be known. done
// says that it is a failure, after which nothing else counts.
func (m *mismatch) and(other mismatch) (done bool) {
	if other.result == ConditionNotMet || other.result == ConditionUndecided && m.result == ConditionMet {
		*m = other
	}
	return m.result == ConditionNotMet
}

// mismatch returns one of the condition, which is a failure.
func (c *condition) mismatch(pos Pos, why why, has actual) mismatch {
	return mismatch{result: ConditionNotMet, why: why, row: c.row, wanted: c.wants, pos: pos, actual: has}
}

// undecided returns one of the condition that cannot be told, and why.
func (c *condition) undecided(pos Pos, why why, because *Statement) mismatch {
	return mismatch{result: ConditionUndecided, why: why, row: c.row, wanted: c.wants, pos: pos, because: because}
}

// key is the key of the condition as the file has it, "" where the file as a whole
// is meant.
func (m *mismatch) key() string {
	if m.row == nil {
		return ""
	}
	return m.row.key
}

// statement says what the mismatch is, nil where there is none.
func (m *mismatch) statement() *Statement {
	switch m.why {
	case differs:
		return m.difference()
	case lacks:
		return Say("match-differs", "asked", m.asked(), "has", m.none())
	case notKnown:
		return Say("match-unknown", "asked", m.asked(), "what", m.whatIsNotKnown())
	case notLookedAt:
		return Say("match-not-looked-at", "key", m.row.key)
	case renamed:
		return Say("match-renamed", "asked", m.asked())
	case renamedNotKnown:
		return Say("match-renamed-unknown", "asked", m.asked(), "why", m.because)
	case malformed:
		return Say("match-malformed", "asked", m.asked())
	}
	return m.because
}

// difference says what there is in place of what the file asks for.
func (m *mismatch) difference() *Statement {
	switch {
	case m.row.system == nil:
		return Say("match-differs", "asked", m.asked(), "has", m.there())
	case m.actual == actual{}:
		return Say("match-not-met", "asked", m.asked())
	}
	return Say("match-system-differs", "asked", m.asked(), "has", m.actual.has())
}

// whatIsNotKnown says what is not known.
func (m *mismatch) whatIsNotKnown() *Statement {
	switch {
	case m.row.system == nil:
		return Say(m.row.compares.unknown, "why", m.because)
	case m.actual.value != "":
		return Say(m.actual.code, "name", m.actual.value)
	}
	return Say(m.actual.code, "why", m.because)
}

// asked is what the file asks for: "Kind=bond bridge", or a Statement where that is not to
// be told.
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
	return m.row.key == "Host" && isID(m.wanted[0].text) && (m.why == notKnown || m.why == differs && m.wanted[0].invert)
}

// has is the value, or a Statement about it.
func (a actual) has() any {
	if a.code == "" {
		return a.value
	}
	return Say(a.code, "value", a.value)
}

// there is what a device has in place of what is asked for.
func (m *mismatch) there() any {
	if m.row.compares != deviceProperties {
		return m.actual.has()
	}
	key, _, _ := strings.Cut(m.wanted[0].text, "=")
	return key + "=" + m.actual.value
}

// none is what is said of a device that has nothing to compare.
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
