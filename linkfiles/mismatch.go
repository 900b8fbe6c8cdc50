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
// the file asks for, and what there is. The zero mismatch is none. Its text is made
// where somebody reads it: of most files of a machine nobody does.
type mismatch struct {
	result ConditionResult
	why    why
	// row and wanted are the key and what it asks for; nil where the file as a
	// whole is meant.
	row    *matchRow
	wanted []pattern
	pos    Pos
	// actual is what there is, or why that is not known.
	actual string
}

// why is what is wrong with a condition.
type why uint8

const (
	// wholeFile: not the condition, but what actual says.
	wholeFile why = iota
	// differs: there is something else, which is actual.
	differs
	// lacks: there is nothing to compare.
	lacks
	// notKnown: what there is is not known; actual may say why.
	notKnown
	// notLookedAt: nothing here looks at it.
	notLookedAt
	// renamed: the name does not count, as the device was renamed;
	// renamedNotKnown: that is not known, and actual says why.
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

// mismatch returns one of the condition. All of it but notKnown is a failure.
func (c *condition) mismatch(pos Pos, why why, actual string) mismatch {
	m := mismatch{result: ConditionNotMet, why: why, row: c.row, wanted: c.wants, pos: pos, actual: actual}
	if why == notKnown || why == renamedNotKnown {
		m.result = ConditionUndecided
	}
	return m
}

// key is the key of the condition as the file has it, "" where the file as a whole
// is meant.
func (m *mismatch) key() string {
	if m.row == nil {
		return ""
	}
	return m.row.key
}

// text is the mismatch in one sentence, "" where there is none.
func (m *mismatch) text() string {
	switch m.why {
	case differs:
		if m.row.system != nil && m.actual == "" {
			return m.asked() + " is not met"
		}
		return m.asked() + ", but the " + m.owner() + " has " + m.there()
	case lacks:
		return m.asked() + ", but the device has " + m.there()
	case notKnown:
		return m.asked() + ": " + m.whatIsUnknown()
	case notLookedAt:
		return m.row.key + "=: what wireless network the device is in is not looked at"
	case renamed:
		return m.asked() + " never matches a device that was renamed"
	case renamedNotKnown:
		return m.asked() + ": whether the device was renamed is unknown (" + m.actual + ")"
	case malformed:
		return m.asked() + " is malformed, which udevd counts as failed"
	}
	return m.actual
}

// asked is what the file asks for: "Kind=bond bridge".
func (m *mismatch) asked() string {
	switch {
	case !m.hidesID():
		return m.row.name() + "=" + patternText(m.wanted)
	case m.wanted[0].invert:
		return m.row.name() + "=!an ID"
	}
	return m.row.name() + "=an ID"
}

// hidesID reports whether what the file asks for may be the machine's own ID, which
// machine-id(5) asks not to expose.
func (m *mismatch) hidesID() bool {
	return m.row.key == "Host" && isID(m.wanted[0].text) && (m.why == notKnown || m.why == differs && m.wanted[0].invert)
}

// owner is who has what is compared.
func (m *mismatch) owner() string {
	if m.row.system != nil {
		return "system"
	}
	return "device"
}

// there is what there is in place of what is asked for.
func (m *mismatch) there() string {
	text := m.actual
	if m.why == lacks {
		text = m.row.compares.none
	}
	if m.row.compares != deviceProperties {
		return text
	}
	key, _, _ := strings.Cut(m.wanted[0].text, "=")
	if m.why == lacks {
		return text + " " + key
	}
	return key + "=" + text
}

// whatIsUnknown is what is not known.
func (m *mismatch) whatIsUnknown() string {
	switch {
	case m.row.system != nil:
		return m.actual
	case m.actual == "":
		return m.row.compares.unknown
	}
	return m.row.compares.unknown + " (" + m.actual + ")"
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
