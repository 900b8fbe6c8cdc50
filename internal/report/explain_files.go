package report

import (
	"fmt"
	"strings"

	"linkaudit/internal/audit"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// listAll is the number of files up to which all are listed.
const listAll = 20

// fileRow is one file of the list, or several consecutive files that are left out.
type fileRow struct {
	verdict *linkfiles.Verdict
	gap     []linkfiles.Verdict
}

// fileRows chooses the files that get a row: the one that applies, doubtful ones, and a
// few others.
func fileRows(verdicts []linkfiles.Verdict, all bool) []fileRow {
	show := worthALine(verdicts)
	all = all || len(verdicts) <= listAll
	var rows []fileRow
	for i := range verdicts {
		switch last := len(rows) - 1; {
		case all || show[i]:
			rows = append(rows, fileRow{verdict: &verdicts[i]})
		case last >= 0 && rows[last].verdict == nil:
			rows[last].gap = append(rows[last].gap, verdicts[i])
		default:
			rows = append(rows, fileRow{gap: []linkfiles.Verdict{verdicts[i]}})
		}
	}
	for i, r := range rows {
		if len(r.gap) == 1 {
			rows[i] = fileRow{verdict: &r.gap[0]} // takes the same space
		}
	}
	return rows
}

// worthALine says which of many files to show: the first ones, the one that applies and
// its neighbours, and some doubtful or unused ones.
func worthALine(verdicts []linkfiles.Verdict) []bool {
	const first, doubtful, unused = 4, 8, 4
	show := make([]bool, len(verdicts))
	applies := len(verdicts)
	left := map[linkfiles.Fate]int{linkfiles.FateUnknown: doubtful, linkfiles.FateUnused: unused}
	for i, v := range verdicts {
		if v.Fate == linkfiles.FateApplies || v.Fate == linkfiles.FateOtherwise {
			applies = i
		}
		show[i] = i < first || v.Reached && left[v.Fate] > 0
		if v.Reached {
			left[v.Fate]--
		}
	}
	for i := max(applies-1, 0); i < min(applies+2, len(show)); i++ {
		show[i] = true
	}
	return show
}

// gapWords counts the left-out files by why they do not apply.
func gapWords(gap []linkfiles.Verdict) string {
	var order []string
	count := map[string]int{}
	for _, v := range gap {
		what := ""
		switch {
		case v.Fate == linkfiles.FateNoMatch && v.Key != "":
			what = "do not match by " + v.Key + "="
		case v.Fate == linkfiles.FateNoMatch:
			what = "do not match"
		case v.Fate == linkfiles.FateUnused:
			what = "are not used for any device"
		case v.Fate == linkfiles.FateUnknown:
			what = "are doubtful"
		default:
			what = "would match"
		}
		if count[what] == 0 {
			order = append(order, what)
		}
		count[what]++
	}
	var parts []string
	for _, what := range order {
		parts = append(parts, fmt.Sprintf("%d %s", count[what], what))
	}
	if len(order) == 1 {
		parts[0] = "all " + order[0]
	}
	out := fmt.Sprintf("%d files, %s to %s", len(gap), word(gap[0].File.Name), word(gap[len(gap)-1].File.Name))
	if !gap[0].Reached {
		out += ", not looked at because an earlier one applies"
	}
	return out + ": " + strings.Join(parts, ", ")
}

func (p *printer) files(x *audit.Explanation, all bool) {
	if len(x.Files) == 0 {
		p.say(text("There are none."))
	}
	applies, left := false, false
	for _, row := range fileRows(x.Files, all) {
		v := row.verdict
		if v == nil {
			left = true
			p.row("...", span{gapWords(row.gap), dim})
			continue
		}
		label, s := fateLabel(v)
		applies = applies || s == bold
		spans := []span{{word(v.File.Path), s}, text(": "), {p.fate(x, v, all), s}}
		if s == bold {
			spans[2].style = green
		}
		p.row(label, spans...)
	}
	switch {
	case applies || len(x.Files) == 0:
	case x.Device.LinkFile.IsUnknown():
		p.say(span{"The file that applies is unknown", yellow}, text(": "+Escape(words.Of(x.Device.LinkFile.Reason()))+". If the doubtful ones do not apply, none does."))
	default:
		p.say(text("No file applies: udev does not change the device."))
	}
	if p.notRead(x.NotRead, all) || left {
		p.say(span{"--all-files shows each file.", dim})
	}
}

// notRead lists what udev does not read as a .link file. It reports whether it left
// some out.
func (p *printer) notRead(complaints []linkfiles.Diagnostic, all bool) bool {
	const most = 8
	show := complaints
	if !all && len(complaints) > most+1 {
		show = complaints[:most]
	}
	for _, n := range show {
		p.row("not read", span{position(n.File, n.Line), dim}, span{": " + Escape(abridge(strings.TrimPrefix(n.Message, "not read: "), all)), dim})
	}
	left := len(complaints) - len(show)
	if left > 0 {
		p.row("...", span{Number(left, "more name") + " not read", dim})
	}
	return left > 0
}

// fateLabel is the short word for what happens to a file.
func fateLabel(v *linkfiles.Verdict) (string, style) {
	if !v.Reached {
		return "later", dim
	}
	switch v.Fate {
	case linkfiles.FateApplies:
		return "applies", bold
	case linkfiles.FateOtherwise:
		return "else", bold
	case linkfiles.FateUnknown:
		return "unknown", plain
	case linkfiles.FateUnused:
		return "not used", plain
	}
	return "no", plain
}

// fate says what happens to a file and why.
func (p *printer) fate(x *audit.Explanation, v *linkfiles.Verdict, all bool) string {
	why := Escape(abridge(words.Of(v.Reason), all))
	if v.Pos.Line > 0 {
		if v.Pos.File == v.File.Path {
			why += fmt.Sprintf(" (line %d)", v.Pos.Line)
		} else {
			why += " (" + position(v.Pos.File, v.Pos.Line) + ")"
		}
	} else if v.Fate == linkfiles.FateUnused {
		switch v.File.State {
		case linkfiles.StateMasked:
			why = "masked: it is " + why
		case linkfiles.StateMatchEmpty:
			why = "ignored: " + why
		case linkfiles.StateRejected:
			why = "dropped: " + why
		default:
			why = "not used: " + why
		}
	}
	switch {
	case v.Fate == linkfiles.FateLater:
		return "not looked at because an earlier file applies; it would match too"
	case !v.Reached && v.Fate == linkfiles.FateUnknown:
		return "not looked at because an earlier file applies; whether it would match is unknown: " + why
	case !v.Reached:
		return "not looked at because an earlier file applies; it would not match: " + why
	case v.Fate == linkfiles.FateApplies:
		return "its [Match] section matches" + asks(x, v)
	case v.Fate == linkfiles.FateOtherwise:
		return "applies if the doubtful ones before it do not"
	}
	return why
}

// asks lists the conditions in [Match] of the file that applies.
func asks(x *audit.Explanation, v *linkfiles.Verdict) string {
	var keys []string
	for _, l := range x.Settings {
		if l.Section == "Match" && l.State == linkfiles.SettingEffective {
			keys = append(keys, l.Key+"="+shownValue(l, false))
		}
	}
	if len(keys) == 0 || len(keys) > 4 {
		return ""
	}
	return ": " + Escape(strings.Join(keys, ", "))
}

// abridge shortens a text from a file, unless all is set. Such a text may have any
// length.
func abridge(s string, all bool) string {
	const most, tail = 240, 80
	if all || len(s) <= most {
		return s
	}
	r := []rune(strings.ToValidUTF8(s, "\ufffd"))
	if len(r) <= most {
		return s
	}
	return string(r[:most-tail-5]) + " ... " + string(r[len(r)-tail:])
}

func shownValue(l linkfiles.SettingLine, all bool) string {
	if l.Secret() {
		return "(not shown)"
	}
	return abridge(l.Value, all)
}

func (p *printer) settings(x *audit.Explanation) {
	f := x.Source
	switch unknown := x.Device.LinkFile.IsUnknown(); {
	case unknown && f == nil:
		p.say(text("The file is unknown."))
		return
	case f == nil:
		p.say(text("There are none: no file applies."))
		return
	case unknown:
		p.say(text("The file is unknown. If none of the doubtful ones applies, then:"))
	}
	p.say(text(word(f.Path)))
	for _, path := range f.DropIns {
		p.row("drop-in", text(word(path)))
	}
	if len(x.Settings) == 0 {
		p.say(text("It sets nothing."))
	}
	section := ""
	for _, l := range x.Settings {
		if l.Section != section {
			section = l.Section
			p.para("  ", 4, text("["+section+"]"))
		}
		s, note := plain, ""
		switch l.State {
		case linkfiles.SettingReplaced:
			s, note = dim, ", replaced by "+near(f, l.By)
		case linkfiles.SettingReset:
			s, note = dim, ", reset by "+near(f, l.By)
		case linkfiles.SettingResets:
			s, note = dim, ", resets the earlier ones"
		case linkfiles.SettingIgnored:
			s, note = dim, ", ignored by udev"
		}
		p.para("    ", 8, span{Escape(l.Key + "=" + shownValue(l, false)), s}, span{" (" + near(f, l.Pos) + note + ")", dim})
	}
}

// near is a position, without the file if that is f.
func near(f *linkfiles.File, at linkfiles.Pos) string {
	if at.File == f.Path {
		return fmt.Sprintf("line %d", at.Line)
	}
	return position(at.File, at.Line)
}
