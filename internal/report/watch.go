package report

import (
	"fmt"
	"io"
	"strings"
	"syscall"

	"linkaudit/internal/audit"
	"linkaudit/internal/trace"
	"linkaudit/internal/watch"
	"linkaudit/internal/words"
)

// writeEventText writes an event of a watch as one line, in local time. The event may come
// from a record that somebody else wrote, so every text is escaped.
func writeEventText(w io.Writer, e *watch.Event, o Options) error {
	p := &printer{color: o.Color}
	at := e.Time.Local()
	if e.Kind == watch.Started || e.Kind == watch.Stopped {
		p.put(span{at.Format("2006-01-02T15:04:05.000000Z07:00"), dim})
	} else {
		p.put(span{at.Format("15:04:05.000000"), dim})
	}
	for _, s := range watchSpans(e) {
		p.put(s)
	}
	p.buf.WriteByte('\n')
	_, err := p.buf.WriteTo(w)
	return err
}

// watchSpans is the line without the time.
func watchSpans(e *watch.Event) []span {
	name := span{" " + word(e.Device), bold}
	switch e.Kind {
	case watch.Started, watch.Stopped:
		return []span{text(" " + Escape(e.Text))}
	case watch.Lost:
		return []span{{" lost", red}, text(": " + Escape(e.Text))}
	case watch.Problem:
		return []span{{" problem", red}, text(": " + Escape(e.Text))}
	case watch.Found:
		f := e.Finding
		return []span{name, text(": now "), {Escape(string(f.Severity)), severityStyle(f.Severity)}, text(" " + Escape(f.Rule) + ": " + Escape(words.Of(f.Message)))}
	case watch.Ended:
		return []span{name, text(": no longer "), {Escape(string(e.Finding.Severity)), dim}, text(" " + Escape(e.Finding.Rule))}
	case watch.Called:
		return append([]span{name, text(": still " + macOrNone(e.Call.Before.String()) + ", although " + caller(e.Call) + " set " + macOrNone(e.Call.After.String()))}, refusal(e.Call)...)
	case watch.Applied:
		return append([]span{name, text(": ")}, effective(e)...)
	case watch.Deleted:
		return []span{name, {" deleted", cyan}, text(", had " + macOrNone(e.Before.MAC)), text(late(e))}
	case watch.Created:
		out := []span{name, {" created", cyan}}
		if e.DeviceKind != "" {
			out = append(out, text(", "+word(e.DeviceKind)))
		}
		out = append(out, text(": "), span{macOrNone(e.After.MAC), bold}, text(" ("+assigned(e.After)+")"))
		if e.After.Master != "" {
			out = append(out, text(", port of "+word(e.After.Master)))
		}
		return append(out, text(given(e)+late(e)))
	}
	return append([]span{name, text(":")}, append(changes(e), text(given(e)+late(e)))...)
}

// changes are those of a Changed event.
func changes(e *watch.Event) (out []span) {
	b, a := e.Before, e.After
	add := func(what, from, to string) {
		sep := " "
		if len(out) > 0 {
			sep = ", "
		}
		out = append(out, text(sep+what+" "+from+" -> "), span{to, bold})
	}
	if b.Name != a.Name {
		add("name", word(b.Name), word(a.Name))
	}
	if b.MAC != a.MAC {
		add("address", macOrNone(b.MAC), macOrNone(a.MAC))
	}
	if assigned(b) != assigned(a) {
		add("addr_assign_type", assigned(b), assigned(a))
	} else if b.MAC != a.MAC {
		out = append(out, text(" ("+assigned(a)+")"))
	}
	if b.Master != a.Master {
		add("master", master(b.Master), master(a.Master))
	}
	return out
}

func macOrNone[S ~string](mac S) string {
	if mac == "" {
		return "no address"
	}
	return Escape(string(mac))
}

func assigned(s *watch.State) string {
	if t, ok := s.AddrAssignType.Get(); ok {
		return t.String()
	}
	return "unknown"
}

func master(name string) string {
	if name == "" {
		return "none"
	}
	return word(name)
}

// given says who set the address of the event, and how that is known.
func given(e *watch.Event) string {
	by := e.By
	if by == nil {
		return ""
	}
	what := ""
	if by.Origin != "" && by.Origin != audit.OriginSomeone {
		what = giver(by.Origin, by.Port)
		if file, ok := e.After.Applied.Get(); ok && (by.Origin == audit.OriginUdev || by.Origin == audit.OriginLinkFile) {
			what += " because of " + word(file)
		}
	}
	switch {
	case by.How == watch.Seen && what != "":
		return ", seen in the kernel: by " + caller(by.Call) + "; " + what
	case by.How == watch.Seen:
		return ", seen in the kernel: by " + caller(by.Call)
	case by.How == watch.Deduced && what == "":
		return ", deduced: " + giver(by.Origin, by.Port)
	case by.How == watch.Deduced:
		return ", deduced: " + what
	}
	return ", origin unknown: " + Escape(words.Of(by.Reason))
}

// caller names the process, its parent and its unit, and the kernel's function if that
// acted by itself.
func caller(c *trace.Call) string {
	s := process(c.Process)
	var about []string
	if len(c.Parents) > 0 && c.Parents[0].PID > 1 {
		about = append(about, "child of "+process(c.Parents[0]))
	}
	if c.Unit != "" {
		about = append(about, word(c.Unit))
	}
	about = append(about, Escape(c.Function))
	return s + " (" + strings.Join(about, ", ") + ")"
}

func process(p trace.Process) string { return fmt.Sprintf("%s[%d]", word(p.Name), p.PID) }

func refusal(c *trace.Call) []span {
	switch {
	case c.Returned == nil || *c.Returned == 0:
		return nil
	case *c.Returned < 0:
		return []span{text(": " + syscall.Errno(-*c.Returned).Error())}
	}
	return []span{text(fmt.Sprintf(": the driver returned %d", *c.Returned))}
}

func late(e *watch.Event) string {
	if e.Late {
		return " (found by looking again; other changes may be missing)"
	}
	return ""
}

// effective says which file and policy are effective now, and which file udev applied.
func effective(e *watch.Event) []span {
	now := e.After
	file, policyNow, applied := now.LinkFile.Or(""), now.Policy.Or(""), now.Applied.Or("")
	var out []span
	if e.Before == nil || e.Before.Applied != now.Applied {
		if applied == "" {
			out = append(out, text("udev applied no .link file"))
		} else {
			out = append(out, text("udev applied "), span{word(applied), bold})
		}
	}
	if e.Before == nil || e.Before.LinkFile != now.LinkFile || e.Before.Policy != now.Policy {
		if len(out) > 0 {
			out = append(out, text("; "))
		}
		switch {
		case now.LinkFile.IsUnknown():
			out = append(out, text("effective .link file unknown: "+Escape(words.Of(now.LinkFile.Reason()))))
		case file == "":
			out = append(out, text("no .link file is effective"))
		case file == applied && len(out) > 0:
			out = append(out, text("it is effective"))
		default:
			out = append(out, text("effective now: "), span{word(file), bold})
		}
		if file != "" && policyNow != "" {
			out = append(out, text(", MACAddressPolicy="+Escape(policyNow)))
		}
	}
	return out
}
