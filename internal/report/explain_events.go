package report

import (
	"fmt"
	"strings"

	"linkaudit/internal/audit"
	"linkaudit/internal/words"
)

// eventWords name the events.
var eventWords = map[audit.Event]string{
	audit.EventBoot:        "reboot",
	audit.EventUdevAdd:     "udev add event",
	audit.EventRecreate:    "recreate",
	audit.EventPortsRejoin: "network restart",
	audit.EventGuests:      "guest starts, stops",
}

// eventRow is a row of the table of events.
type eventRow struct {
	// what, mac and by are the first three columns; note is the last.
	what, mac, by, note string
}

// eventRows returns the table of the addresses after each event, with at most most
// outcomes for each. Without predictions, it has only AfterAdd.
func eventRows(x *audit.Explanation, most int) (rows []eventRow) {
	d := x.Device
	predicted := d.Predicted
	if len(predicted) == 0 {
		predicted = []audit.Prediction{{Event: audit.EventUdevAdd, MAC: d.AfterAdd}}
	}
	for _, after := range predicted {
		what := eventWords[after.Event]
		switch {
		case d.Device == nil && after.Event != audit.EventUdevAdd:
			continue // the event needs an existing device
		case d.Device == nil:
			what = "create"
		case after.Event == audit.EventGuests && after.MAC.IsAbsent():
			continue // most devices have no guests
		}
		of := []eventRow{outcomeUnpredicted(x, after)}
		if len(after.Outcomes) > 0 {
			of = outcomeRows(d, after.Outcomes, most)
		}
		of[0].what = what
		rows = append(rows, of...)
	}
	return rows
}

// outcomeRows returns a row for each outcome of an event.
func outcomeRows(d *audit.DeviceResult, outcomes []audit.Outcome, most int) (rows []eventRow) {
	for i, o := range outcomes {
		if i == most && len(outcomes) > most+1 {
			return append(rows, eventRow{mac: "...", note: fmt.Sprintf("%d more outcomes", len(outcomes)-most)})
		}
		r := eventRow{mac: outcomeMAC(d, o), by: shortGiver(o)}
		switch {
		case o.When != nil:
			r.note = "if " + words.Of(o.When)
		case d.Device != nil && o.MAC == d.Device.MAC:
			r.note = "as now"
		}
		rows = append(rows, r)
	}
	return rows
}

// outcomeUnpredicted is the row of an event with at most a known address and no
// outcomes.
func outcomeUnpredicted(x *audit.Explanation, after audit.Prediction) eventRow {
	d := x.Device
	mac, known := after.MAC.Get()
	switch {
	case x.LeftAlone:
		return eventRow{mac: "the kernel's", by: "kernel", note: "udev does not change it, the driver decides"}
	case known && d.Device == nil:
		r := eventRow{mac: mac.String(), by: "link file", note: "if it is created without an address"}
		if d.Policy.Or("") == "persistent" {
			r.by = "udev"
		}
		return r
	case known && d.Device.MAC == mac:
		return eventRow{mac: mac.String(), note: "as now"}
	case known:
		return eventRow{mac: mac.String()}
	case after.MAC.IsAbsent() && d.Device != nil && d.Device.MAC != "":
		return eventRow{mac: "as now", note: cannotHappen[after.Event]}
	case after.MAC.IsAbsent():
		return eventRow{mac: "none", note: "the device has no address"}
	}
	return eventRow{mac: "unknown", note: words.Of(after.MAC.Reason())}
}

// cannotHappen says why an event cannot happen to a device.
var cannotHappen = map[audit.Event]string{
	audit.EventRecreate:    "hardware cannot be deleted",
	audit.EventPortsRejoin: "it takes no address from a port",
}

func outcomeMAC(d *audit.DeviceResult, o audit.Outcome) string {
	switch {
	case o.MAC != "":
		return o.MAC.String()
	case o.Origin == audit.OriginPort:
		return "the port's"
	}
	return "a random one"
}

// shortGiver is giver in the width of a table column.
func shortGiver(o audit.Outcome) string {
	switch o.Origin {
	case audit.OriginUdev, audit.OriginUdevRandom:
		return "udev"
	case audit.OriginLinkFile:
		return "link file"
	case audit.OriginKernel:
		return "kernel"
	case audit.OriginPort:
		if o.Port == "" {
			return "a port"
		}
		return "port " + o.Port
	case audit.OriginLower:
		return "lower device"
	case audit.OriginMaster:
		return "master"
	case audit.OriginPermanent:
		return "the device"
	case audit.OriginNetworkd:
		return "networkd"
	case audit.OriginSomeone:
		return "its creator"
	}
	return "as now"
}

func (p *printer) events(x *audit.Explanation) {
	rows := append([]eventRow{{what: "event", mac: "address then", by: "from", note: "when"}}, eventRows(x, 8)...)
	if len(rows) == 1 {
		p.say(text("Unknown for all events."))
		return
	}
	var wide [3]int
	cells := make([][3]string, len(rows))
	for i, r := range rows {
		for j, c := range []string{r.what, r.mac, r.by} {
			if c != "" && i > 0 {
				c = softSpaces(Escape(c))
			}
			cells[i][j] = c
			// A single long name must not widen the column too much.
			if n := columns(c); n > wide[j] && n <= 24 {
				wide[j] = n
			}
		}
	}
	hang := 2 + wide[0] + 2 + wide[1] + 2 + wide[2] + 2
	if p.width-hang < 16 {
		for i, r := range rows[1:] {
			p.para("  "+pad(cells[i+1][0], wide[0])+"  "+cells[i+1][1], 6)
			if note := strings.Trim(strings.ReplaceAll(cells[i+1][2], " ", hardSpace)+", "+Escape(r.note), ", "); note != "" {
				p.para("      ", 6, text(note))
			}
		}
		rows = nil
	}
	for i, r := range rows {
		line := "  " + pad(cells[i][0], wide[0]) + "  " + pad(cells[i][1], wide[1]) + "  " + pad(cells[i][2], wide[2])
		note := Escape(r.note)
		if note == "" {
			p.para(strings.TrimRight(line, " "), hang)
		} else {
			p.para(line+"  ", hang, text(note))
		}
	}
	if x.Device.Device != nil {
		p.say(span{"udev add event: udevadm trigger --action=add sends one. network restart: all ports leave and join again.", dim})
	}
}

func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-columns(s))) }
