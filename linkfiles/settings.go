package linkfiles

import "fmt"

// SettingState is what happens to one line of a file or drop-in.
type SettingState string

const (
	// SettingEffective: the value, or a part of a list, is effective.
	SettingEffective SettingState = "in-force"
	// SettingReplaced: a later line has another value for the key.
	SettingReplaced SettingState = "replaced"
	// SettingReset: a later line resets the value.
	SettingReset SettingState = "reset"
	// SettingResets: the line itself resets earlier lines.
	SettingResets SettingState = "resets"
	// SettingIgnored: udevd complains about the line and ignores it.
	SettingIgnored SettingState = "ignored"
)

// SettingLine is one line of a file or of its drop-ins and what happens to it.
type SettingLine struct {
	Assignment
	State SettingState
	// By is the line that replaced or reset it.
	By Pos
}

// Secret reports whether a report must not show the value: a password, or an ID in Host=,
// which may be the machine's own (machine-id(5) asks not to expose that).
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
	"Link.Advertise":                    always,
	"Link.AlternativeName":              always,
	"Link.IRQAffinity":                  always,
	"Link.ImportProperty":               always,
	"Link.Property":                     always,
	"Link.ReceivePacketSteeringCPUMask": always,
	"Link.UnsetProperty":                always,
	"Link.WakeOnLan":                    wakeOnLanIsList,
	"EnergyEfficientEthernet.LinkMode":  always,
}

// Settings returns every line of the file and its drop-ins in udevd's reading order, and what
// happens to each.
func (t *Tree) Settings(f *File) []SettingLine {
	out := make([]SettingLine, 0, len(f.Assignments))
	effective := map[string][]int{}
	for i, a := range f.Assignments {
		l := SettingLine{Assignment: a, State: SettingIgnored}
		if a.Taken {
			id, does := t.lineEffect(a)
			for _, j := range effective[id] {
				switch does {
				case lineReplaces:
					out[j].By, out[j].State = a.Pos, SettingReplaced
				case lineResets:
					out[j].By, out[j].State = a.Pos, SettingReset
				}
			}
			if does != lineAdds {
				effective[id] = nil
			}
			l.State = SettingResets
			if does != lineResets {
				l.State = SettingEffective
				effective[id] = append(effective[id], i)
			}
		}
		out = append(out, l)
	}
	return out
}

// lineEffect is what a line does to earlier lines about the same thing.
type lineEffect uint8

const (
	lineAdds lineEffect = iota
	lineReplaces
	lineResets
)

// lineEffect says what a line that udevd accepts does to earlier ones; those have the same
// id.
func (t *Tree) lineEffect(a Assignment) (id string, does lineEffect) {
	if a.Section == "Match" {
		return t.matchLineEffect(a)
	}
	id = a.Section + "." + a.Key
	switch {
	case checkLinkValue(t.Release, a.Section, a.Key, a.Value).effect == effectReset:
		does = lineResets
	case a.Value == "off" && id == "Link.WakeOnLan",
		(a.Value == "all" || a.Value == "disable") && id == "Link.ReceivePacketSteeringCPUMask",
		!accumulating[id].has(t.Release):
		does = lineReplaces
	}
	if a.Section == "SR-IOV" {
		// Each section is about another virtual function.
		id = fmt.Sprintf("%s %s", a.SectionPos, id)
	}
	return id, does
}

// matchLineEffect is lineEffect for a line of [Match].
func (t *Tree) matchLineEffect(a Assignment) (id string, does lineEffect) {
	row := t.format.keys[a.Section][a.Key].match
	switch {
	case row.system == nil && a.Value == "":
		return "Match." + a.Key, lineResets
	case row.system == nil:
		return "Match." + a.Key, lineAdds
	case a.Value == "" && t.quirks.conditionReset:
		return "Match." + row.name(), lineResets
	}
	return "Match." + row.name(), lineReplaces
}
