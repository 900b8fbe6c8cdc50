package linkfiles

import "fmt"

// Fate is what becomes of a file when udevd looks for the one that applies to a
// device.
type Fate string

const (
	// FateApplies: udevd applies this file.
	FateApplies Fate = "applies"
	// FateOtherwise: udevd applies this file unless one before it does, of
	// which that is not known (FateUnknown).
	FateOtherwise Fate = "applies-otherwise"
	// FateUnknown: whether the file fits cannot be told.
	FateUnknown Fate = "unknown"
	// FateNoMatch: a condition of [Match] is not met.
	FateNoMatch Fate = "no-match"
	// FateUnused: udevd uses the file for no device: it is masked, broken or
	// has nothing in [Match] (File.State).
	FateUnused Fate = "unused"
	// FateLater: the file fits, but an earlier one applies.
	FateLater Fate = "later"
)

// Verdict is the fate of one file, and why.
type Verdict struct {
	File *File
	Fate Fate
	// Reached is false for a file that udevd does not come to, since an
	// earlier one applies. Fate is what would become of it all the same.
	Reached bool
	// Reason names the first condition that is not met or cannot be told,
	// with what the file asks for and what there is. "" where all are met.
	Reason string
	// Key is the key of that condition, "" where the file as a whole is
	// meant; Pos is its line.
	Key string
	Pos Pos
}

// Explain returns the fate of every file of the tree, in udevd's order. Where
// Decide knows the file that applies, it is the one of FateApplies.
func (d *Decider) Explain(dev *Device) []Verdict {
	out := make([]Verdict, 0, len(d.tree.Files))
	found, doubt := false, d.tree.unread != ""
	for _, f := range d.tree.Files {
		v := Verdict{File: f, Reached: !found}
		whole := Pos{f.Path, 0}
		a := d.tree.askSystem(f, d.system)
		switch {
		case a.state == no && f.State != StateActive:
			a.reason = f.Why
		case dev.Loopback && d.tree.quirks.loopback:
			a = fails(whole, "systemd %d applies no .link file to the loopback device", d.tree.Release)
		case d.tree.refused(dev) != "":
			a = fails(whole, "%s", d.tree.refused(dev))
		case d.tree.unread != "":
			a = cannotTell(whole, "%s", d.tree.unread)
		case a.state != no:
			a.and(d.tree.askDevice(f, dev, false))
		}
		switch v.Reason, v.Pos, v.Key = a.reason, a.pos, f.keyAt(a.pos); {
		case a.state == unknowable:
			v.Fate = FateUnknown
			doubt = doubt || !found
		case a.state == no && f.State != StateActive:
			v.Fate = FateUnused
		case a.state == no:
			v.Fate = FateNoMatch
		case found:
			v.Fate = FateLater
		default:
			v.Fate, found = FateApplies, true
			if doubt {
				v.Fate = FateOtherwise
			}
		}
		out = append(out, v)
	}
	return out
}

// keyAt is the key of [Match] that stands at pos.
func (f *File) keyAt(pos Pos) string {
	for _, a := range f.Assignments {
		if a.Section == "Match" && a.Pos == pos {
			return a.Key
		}
	}
	return ""
}

// SettingState is what became of one line of a file or drop-in.
type SettingState string

const (
	// SettingInForce: the value, or a part of a list, is in force.
	SettingInForce SettingState = "in-force"
	// SettingReplaced: a later line has another value for the key.
	SettingReplaced SettingState = "replaced"
	// SettingReset: a later line takes the value back.
	SettingReset SettingState = "reset"
	// SettingResets: the line itself takes back what lines before it said.
	SettingResets SettingState = "resets"
	// SettingIgnored: udevd ignores the line, with a complaint.
	SettingIgnored SettingState = "ignored"
)

// SettingLine is one line of a file or of its drop-ins and what became of it.
type SettingLine struct {
	Assignment
	State SettingState
	// By is the line that replaced or reset it.
	By Pos
}

// Secret reports whether the value is none for a report: a password, or an ID
// in Host=, which may be the machine's own (machine-id(5) asks not to expose
// that).
func (l SettingLine) Secret() bool {
	switch l.Section + "." + l.Key {
	case "Link.WakeOnLanPassword":
		return l.Value != "" && !isSafePath(l.Value)
	case "Match.Host":
		return isID(l.Value)
	}
	return false
}

func isID(param string) bool {
	if param != "" && param[0] == '!' {
		param = param[1:]
	}
	_, err := ParseMachineID(param)
	return err == nil
}

// accumulating are the keys outside [Match] whose lines add up
// (config_parse_advertise, config_parse_ifnames, config_parse_cpu_set,
// config_parse_udev_property, config_parse_rps_cpu_mask, config_parse_wol).
// Those of a condition replace one another; all other keys of [Match] add up
// too.
var accumulating = map[string]span{
	"Link.Advertise":                    from(OldestRelease),
	"Link.AlternativeName":              from(OldestRelease),
	"Link.IRQAffinity":                  from(OldestRelease),
	"Link.ImportProperty":               from(OldestRelease),
	"Link.Property":                     from(OldestRelease),
	"Link.ReceivePacketSteeringCPUMask": from(OldestRelease),
	"Link.UnsetProperty":                from(OldestRelease),
	"Link.WakeOnLan":                    wakeOnLanIsList,
	"EnergyEfficientEthernet.LinkMode":  from(OldestRelease),
}

// Settings returns every line of the file and its drop-ins in the order in
// which udevd reads them, and what became of each.
func (t *Tree) Settings(f *File) []SettingLine {
	out := make([]SettingLine, 0, len(f.Assignments))
	inForce := map[string][]int{}
	for i, a := range f.Assignments {
		l := SettingLine{Assignment: a, State: SettingInForce}
		id := a.Section + "." + a.Key
		adds := accumulating[id].has(t.Release)
		resets := a.Value == ""
		switch a.Section {
		case "Match":
			condition, isCondition := conditionKeys[a.Key]
			if isCondition {
				id = "Match." + condition
				resets = resets && t.quirks.conditionReset
			}
			adds = !isCondition
		case "SR-IOV":
			// Each section is about another virtual function.
			id = fmt.Sprintf("%s %s", a.SectionPos, id)
			fallthrough
		default:
			eff, _, _ := checkValue(t.Release, a.Section, a.Key, a.Value)
			resets = eff == effectReset
		}
		if a.Value == "off" && id == "Link.WakeOnLan" || (a.Value == "all" || a.Value == "disable") && id == "Link.ReceivePacketSteeringCPUMask" {
			adds = false
		}
		switch {
		case !a.Taken:
			l.State = SettingIgnored
		case resets || !adds:
			for _, j := range inForce[id] {
				out[j].By, out[j].State = a.Pos, SettingReplaced
				if resets {
					out[j].State = SettingReset
				}
			}
			inForce[id] = nil
		}
		switch {
		case l.State == SettingIgnored:
		case resets:
			l.State = SettingResets
		default:
			inForce[id] = append(inForce[id], i)
		}
		out = append(out, l)
	}
	return out
}
