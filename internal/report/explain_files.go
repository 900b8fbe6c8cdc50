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

// fileRow is one file of the list, or several in a row that are left out.
type fileRow struct {
	verdict *linkfiles.Verdict
	gap     []linkfiles.Verdict
}

// fileRows chooses which files are worth a line of their own: the one that
// applies and the doubtful ones, and a few of the others.
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
			rows[i] = fileRow{verdict: &r.gap[0]} // takes no more room
		}
	}
	return rows
}

// worthALine says of each of many files whether it is shown: the first ones, the one that
// applies and its neighbours, and some of those that are doubtful or not used.
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

// gapWords counts what was left out by why it does not apply.
func gapWords(gap []linkfiles.Verdict) string {
	var order []string
	count := map[string]int{}
	for _, v := range gap {
		what := ""
		switch {
		case v.Fate == linkfiles.FateNoMatch && v.Key != "":
			what = "ask for another " + v.Key + "="
		case v.Fate == linkfiles.FateNoMatch:
			what = "do not fit"
		case v.Fate == linkfiles.FateUnused:
			what = "are not used for any device"
		case v.Fate == linkfiles.FateUnknown:
			what = "are doubtful"
		default:
			what = "would fit"
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
		out += ", not looked at, as an earlier one applies"
	}
	return out + ": " + strings.Join(parts, ", ")
}

func (p *printer) files(x *audit.Explanation, all bool) {
	if len(x.Files) == 0 {
		p.say(text("There is none."))
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
		p.say(span{"Which file applies is not known", yellow}, text(": "+Escape(words.Of(x.Device.LinkFile.Reason()))+". If the doubtful ones do not, none does."))
	default:
		p.say(text("No file applies: udevd leaves the device as it is."))
	}
	if p.notRead(x.NotRead, all) || left {
		p.say(span{"--all-files shows each.", dim})
	}
}

// notRead lists what is no .link file, and says whether some were left out.
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
		p.row("...", span{number(left, "more name") + " not read", dim})
	}
	return left > 0
}

// fateLabel names what becomes of a file.
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

// fate says what becomes of a file and why.
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
			why = "masked, as it is " + why
		case linkfiles.StateMatchEmpty:
			why = "ignored, since: " + why
		case linkfiles.StateRejected:
			why = "dropped, since: " + why
		default:
			why = "since: " + why
		}
	}
	switch {
	case v.Fate == linkfiles.FateLater:
		return "not looked at, as an earlier file applies; it would fit as well"
	case !v.Reached && v.Fate == linkfiles.FateUnknown:
		return "not looked at, as an earlier file applies; whether it would fit is not known: " + why
	case !v.Reached:
		return "not looked at, as an earlier file applies; it would not have been taken: " + why
	case v.Fate == linkfiles.FateApplies:
		return "its [Match] section fits" + asks(x, v)
	case v.Fate == linkfiles.FateOtherwise:
		return "applies if the doubtful ones before it do not"
	}
	return why
}

// asks lists what [Match] of the file that applies asks for.
func asks(x *audit.Explanation, v *linkfiles.Verdict) string {
	var keys []string
	for _, l := range x.Settings {
		if l.Section == "Match" && l.State == linkfiles.SettingInForce {
			keys = append(keys, l.Key+"="+shownValue(l, false))
		}
	}
	if len(keys) == 0 || len(keys) > 4 {
		return ""
	}
	return ": " + Escape(strings.Join(keys, ", "))
}

// abridge shortens what a file may make as long as it likes.
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
		p.say(text("Which file that is, is not known."))
		return
	case f == nil:
		p.say(text("No file applies, so there are none."))
		return
	case unknown:
		p.say(text("Which file that is, is not known. If none of the doubtful ones, then:"))
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
			s, note = dim, ", taken back by "+near(f, l.By)
		case linkfiles.SettingResets:
			s, note = dim, ", takes back what was said before"
		case linkfiles.SettingIgnored:
			s, note = dim, ", ignored by udevd"
		}
		p.para("    ", 8, span{Escape(l.Key + "=" + shownValue(l, false)), s}, span{" (" + near(f, l.Pos) + note + ")", dim})
	}
}

// near names a line, without the file where that is f itself.
func near(f *linkfiles.File, at linkfiles.Pos) string {
	if at.File == f.Path {
		return fmt.Sprintf("line %d", at.Line)
	}
	return position(at.File, at.Line)
}
