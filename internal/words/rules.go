package words

import "linkaudit/linkfiles"

// rule is what is said of a rule wherever it is listed, and what helps against its
// findings, unless a finding has help of its own.
type rule struct{ name, summary, help string }

// RuleSummary says in one sentence what the rule finds; "" if there is no such rule.
func RuleSummary(name string) string { return ruleNamed(name).summary }

// RuleHelp says what to do about the findings of the rule, without a full stop.
func RuleHelp(name string) string { return ruleNamed(name).help }

// RuleText is a rule in a list of rules.
type RuleText struct{ Name, Summary string }

// RuleGroup is a heading of docs/rules.md and the rules below it.
type RuleGroup struct {
	Title string
	Rules []RuleText
}

// RuleGroups are all rules, in the order of the catalogue in package audit.
func RuleGroups() []RuleGroup {
	all := make([]RuleGroup, len(ruleGroups))
	for i, g := range ruleGroups {
		all[i].Title = g.title
		for _, r := range g.rules {
			all[i].Rules = append(all[i].Rules, RuleText{r.name, r.summary})
		}
	}
	return all
}

// Help says what to do about a finding: its own help, or that of its rule.
func Help(rule string, own *linkfiles.Statement) string {
	if own != nil {
		return Of(own)
	}
	return RuleHelp(rule)
}

func ruleNamed(name string) rule {
	for _, g := range ruleGroups {
		for _, r := range g.rules {
			if r.name == name {
				return r
			}
		}
	}
	return rule{}
}

const (
	auditAsRoot  = "run the audit as root on the machine itself"
	setExplicit  = "set an explicit address where the device is created"
	setMachineID = "run systemd-machine-id-setup and restart systemd-udevd before devices are recreated, unless this becomes an image"
)

// ruleGroups are all rules, in the order of docs/rules.md.
var ruleGroups = []struct {
	title string
	rules []rule
}{
	{"Address and policy", []rule{
		{"policy-overrides-ports",
			"A bond, bridge or team gets an address made up by udev, not that of a port.",
			"run linkaudit fix for the device, which sets MACAddressPolicy=none; then reboot or recreate the device"},
		{"address-set-by-udev",
			"The device still has the address that udev derived, although its policy is no longer persistent.",
			"recreate the device or reboot; a changed .link file does not change the address of an existing device"},
		{"unexpected-policy",
			"The effective MACAddressPolicy= is not the one that linkaudit.conf expects.",
			"change the .link file, or the expectation in linkaudit.conf"},
		{"applied-file-differs",
			"The .link file or drop-ins that udev applied to the device are not the effective ones.",
			"recreate the device or reboot to apply the effective file"},
		{"link-file-of-other-device",
			"A .link file that matches a card by its address also matches a device above the card.",
			"write PermanentMACAddress= instead of MACAddress= in [Match]"},
		{"unknown-match",
			"A condition in [Match] cannot be evaluated here, so the effective .link file is unknown.",
			"run the audit, or take the snapshot, as root on the machine itself"},
		{"unpredictable-name",
			"The .link file matches the device by a kernel name that another device may have after a reboot.",
			"match by MACAddress=, Path= or Kind= instead of OriginalName="},
		{"device-missing",
			"The device does not exist; it is audited as a future device.",
			"check the name if the device should exist"},
		{"applied-file-unknown",
			"The .link file that udev last applied to the device is unknown.",
			auditAsRoot},
		{"address-origin-unknown",
			"The origin of the device's address, or its addr_assign_type, is unknown.",
			auditAsRoot},
		{"persistent-address-unknown",
			"The address that MACAddressPolicy=persistent derives for the device is unknown.",
			auditAsRoot},
		{"add-event-unknown",
			"The address of the device after the next udev add event is unknown.",
			auditAsRoot},
	}},
	{"Network managers", []rule{
		{"networkd-sets-address",
			"systemd-networkd creates the device with an address or sets one, and no .link file changes it.",
			"change the address in the file named, unless it is intended"},
		{"manager-sets-address",
			"A network manager other than systemd-networkd sets the address, whatever the .link files say.",
			"change the setting that the finding names, unless the address is intended"},
		{"declared-twice",
			"Two network managers declare the device.",
			"remove the device from the configuration of one of them"},
		{"declared-port-missing",
			"A port that the configuration names for the device does not exist.",
			"correct the name in the configuration, or give the port that name"},
		{"declaration-not-enabled",
			"A .netdev file declares a device, but systemd-networkd is not enabled and creates none.",
			"enable it if it must create the device (systemctl enable systemd-networkd.service); otherwise remove the file"},
		{"declarations-unknown",
			"The network configuration of the device is unknown.",
			auditAsRoot},
		{"manager-file-unreadable",
			"A network manager's file could not be read, or the network manager itself rejects it.",
			"run the audit as root if rights are missing; otherwise fix the file"},
	}},
	{"Future address", []rule{
		{"address-changes-on-restart",
			"The address of the device changes, or may, after a network restart or when it is recreated.",
			setExplicit},
		{"address-changes-on-boot",
			"The address of the device changes, or may, after a reboot.",
			setExplicit},
		{"address-changes-on-udev-event",
			"The address of the device changes at the next udev add event, while it is in use.",
			"run linkaudit fix for the device; with MACAddressPolicy=none udev leaves its address alone"},
		{"lacp-system-id-affected",
			"The LACP system ID of an 802.3ad bond changes with its address, and the aggregate forms again.",
			"fix what changes the address, or set ad_actor_system of the bond"},
		{"ports-order-decides",
			"The port that joins first decides the address of the bond.",
			"let the ports join in a fixed order, or set an explicit address where the bond is created"},
		{"creator-races-udev",
			"The program that set the address races udev, unless it creates the device with the address.",
			"run linkaudit fix for the device, or create the device with the address"},
		{"prediction-unknown",
			"The address after an event is unknown: several are possible, or it is random.",
			"nothing to do if each of these is fine; otherwise set an explicit address where the device is created"},
		{"bridge-follows-guests",
			"The bridge has no address of its own, so a guest's port with a lower address changes it.",
			"set an explicit address where the bridge is declared, or let udev set one (MACAddressPolicy=persistent)"},
	}},
	{"Initramfs", []rule{
		{"initramfs-stale",
			"The initramfs has other .link files than the root, which give the device another policy.",
			"rebuild the initramfs with the program that made it"},
		{"initramfs-unreadable",
			"An initramfs could not be read, so what udev finds in it is unknown.",
			"rebuild the initramfs if it is damaged; if linkaudit cannot read it, unpack it and audit it with --root"},
	}},
	{"Host", []rule{
		{"udevd-not-running",
			"systemd-udevd is not running, so no .link file applies to a new device.",
			"start systemd-udevd.service; in a container that gets its devices from outside, leave it stopped"},
		{"net-setup-link-disabled",
			"No udev rule runs net_setup_link, so no .link file applies to any device.",
			"remove what masks 80-net-setup-link.rules in /etc/udev/rules.d or /run/udev/rules.d, if .link files must apply"},
		{"release-unknown",
			"The release of systemd is unknown or unsupported; the files were read as another release reads them.",
			"name the release with --systemd-release"},
		{"link-files-missing",
			"No .link file was found, nor udev's own directory of them, so what udev has is unknown.",
			"install udev's .link files, or name the root of the system with --root"},
		{"udevd-unknown",
			"Whether systemd-udevd is running is unknown.",
			auditAsRoot},
		{"naming-scheme-unknown",
			"The naming scheme is unknown; it decides whether persistent addresses are derived from interface names.",
			auditAsRoot},
		{"naming-scheme-assumed",
			"The naming scheme of the image is assumed to be the default of its systemd release.",
			"write net.naming_scheme= into the image's boot configuration if its hosts boot with one"},
		{"hostname-unknown",
			"The host name is unknown.",
			auditAsRoot},
	}},
	{"Machine ID", []rule{
		{"machine-id-changed",
			"The device has an address that was derived from another machine ID than the present one.",
			"restore the former machine ID, unless the address may change at the next boot"},
		{"machine-id-missing",
			"/etc/machine-id is missing: no address is derived until the next boot, which sets an ID.",
			setMachineID},
		{"machine-id-empty",
			"/etc/machine-id is empty: no address is derived until the next boot, which sets an ID.",
			setMachineID},
		{"machine-id-uninitialized",
			"/etc/machine-id says \"uninitialized\": no address is derived until the next boot, which sets an ID.",
			setMachineID},
		{"machine-id-invalid",
			"/etc/machine-id holds no valid machine ID, so no address is derived.",
			"empty the file, then run systemd-machine-id-setup or reboot"},
		{"machine-id-transient",
			"The machine ID lasts for this boot only, and so do the addresses derived from it.",
			"write /etc/machine-id (systemd-machine-id-setup --commit), or set the ID from outside; fixed addresses do not depend on it"},
		{"machine-id-in-image",
			"The image has a machine ID, so all its hosts share it and the addresses derived from it.",
			"empty /etc/machine-id in the image and remove /var/lib/dbus/machine-id, unless this is the tree of one host"},
	}},
	{"Overrides", []rule{
		{"change-interrupted",
			"A run of fix or undo is unfinished: some of its files may be changed, and others not.",
			"wait if it is still running; otherwise run linkaudit undo --interrupted"},
		{"override-shadowed",
			"An override that linkaudit wrote is no longer effective for its device.",
			"run linkaudit fix to make it effective again, or linkaudit undo to remove it"},
		{"override-stale",
			"The .link file that an override was derived from has changed.",
			"run linkaudit fix to take over the change, or linkaudit undo to remove the override"},
		{"override-edited",
			"An override was edited after linkaudit wrote it.",
			"leave it if that is intended; linkaudit fix and undo change it only with --force"},
	}},
	{"Package files", []rule{
		{"vendor-file-edited",
			"A package's .link file was edited or removed; the next upgrade of the package undoes that.",
			"put the change into a file in /etc/systemd/network; linkaudit fix writes one for a device or kind"},
		{"vendor-file-unowned",
			"A .link file in a directory of packages belongs to no package.",
			"move it to /etc/systemd/network or /usr/local/lib/systemd/network, where no package puts a file"},
		{"vendor-files-unknown",
			"Whether a package's .link file was edited is unknown.",
			"verify the files with the package manager"},
	}},
	{".link files", []rule{
		{"bad-section-header",
			"A section header is malformed, and udev ignores the whole file.",
			"write the header as [Name], alone on its line"},
		{"line-too-long",
			"A line is longer than udev reads, and udev ignores the whole file.",
			"break the line, or remove it"},
		{"unreadable-file",
			"A file or directory could not be read, so its effect is unknown.",
			"make it an ordinary file of a sensible size, or remove it"},
		{"match-empty",
			"[Match] has no valid setting: the file matches no device, or every device before systemd 245.",
			"add a setting that this release of systemd knows; OriginalName=* matches every device"},
		{"drop-in-unsupported",
			"A .link file has drop-ins, but this release of systemd reads none.",
			"copy the whole .link file to /etc/systemd/network under the same name and edit the copy"},
		{"comment-in-match",
			"A comment after a value in [Match] is part of the value for udev.",
			"put the comment on a line of its own that starts with #"},
		{"mac-address-ignored",
			"MACAddress= has no effect because MACAddressPolicy= overrides it.",
			"set MACAddressPolicy=none in the same file, or remove MACAddress="},
		{"unknown-section",
			"This release of systemd does not know a section and skips it.",
			"correct the name, or start it with X- if it is for another program"},
		{"unknown-key",
			"This release of systemd does not know a key in its section and skips the line.",
			"correct the key, or use one that this release knows"},
		{"invalid-value",
			"A value is invalid, and udev skips the line or a part of it.",
			"correct the value; systemd.link(5) lists what the key takes"},
		{"missing-equals",
			"A line is neither a section header nor an assignment, and udev skips it.",
			"write KEY=VALUE, or start the line with # to make it a comment"},
		{"missing-key",
			"A line has nothing before its equals sign, and udev skips it.",
			"write KEY=VALUE, or remove the line"},
		{"assignment-outside-section",
			"An assignment comes before the first section, and udev skips it.",
			"move the line below [Match] or [Link]"},
		{"invalid-utf8",
			"A line is not valid UTF-8, and udev skips it.",
			"save the file as UTF-8"},
		{"deprecated-key",
			"A key is deprecated in this release of systemd and has no effect.",
			"use the key that replaces it; systemd.link(5) names it"},
		{"shadowed-file",
			"A file of the same name in a directory of higher priority replaces this one.",
			"rename one of the two, unless that is intended"},
		{"masked-file",
			"An empty file or a link to /dev/null masks a file name.",
			"remove the mask, unless it is intended"},
		{"file-mode",
			"A file is writable for everyone, or executable, and udev complains.",
			"set the mode to 0644"},
		{"setting-refused",
			"The kernel refuses a setting of the file, and with it the address in the same request.",
			"correct the value, or remove the line"},
	}},
	{"Fleet", []rule{
		{"shared-address",
			"Several hosts have the same address.",
			"if udev or networkd derived it, give each host its own machine ID (see shared-machine-id); otherwise change the address"},
		{"shared-machine-id",
			"Several hosts have the same machine ID.",
			"on each host, remove /etc/machine-id and /var/lib/dbus/machine-id, run systemd-machine-id-setup and reboot; in their image, empty the first and remove the second"},
		{"policy-differs",
			"Devices of one name have different policies on different hosts.",
			"run linkaudit fix or undo to make them equal; if they must differ, write what each host expects to its /etc/linkaudit.conf"},
	}},
}
