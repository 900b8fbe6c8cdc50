package netconf

import (
	"slices"
	"strings"

	"linkaudit/linkfiles"
)

// Program is a program that reads the configuration, as its man pages spell it.
type Program string

const (
	Networkd       Program = "systemd-networkd"
	NetworkManager Program = "NetworkManager"
	Ifupdown       Program = "ifupdown"
	Ifupdown2      Program = "ifupdown2"
	IfupdownNG     Program = "ifupdown-ng"
	Netplan        Program = "netplan"
	Wicked         Program = "wicked"
	// NetworkScripts are the ifcfg files of RHEL, read by its network service
	// and by NetworkManager's plugin ifcfg-rh.
	NetworkScripts Program = "network-scripts"
)

// knownProgram is what is known about a program besides what its files say. Each Declaration
// says which devices it creates, and whether it sets their address at creation or later.
type knownProgram struct {
	program Program
	// read adds the declarations of its files; nil if the reader of a row above reads the
	// same files, and finds out which of the programs uses them.
	read func(*reading)
	// installed are paths that show the program, if one exists: only then do its files take
	// effect. Empty: the reader finds out.
	installed []string
	// setting is the line that sets the address of a bridge to ADDRESS, and its place; ""
	// if it is the key that the declaration names.
	setting string
	// remake are the commands that recreate a device, NAME, as it is configured then; ""
	// if no command does.
	remake string
	// waitsForUdevd: it handles an existing device only after udevd, so its address is the
	// last.
	waitsForUdevd bool
	// fixable: linkaudit fix can write a file that makes it create a device without an
	// address.
	fixable bool
}

// knownPrograms has a row for each program, in the order of their declarations.
// systemd-networkd is last: netplan renders files for it.
var knownPrograms = []knownProgram{
	{
		program: NetworkManager, read: (*reading).networkManager,
		installed: []string{"/usr/sbin/NetworkManager", "/usr/bin/NetworkManager", "/sbin/NetworkManager"},
		setting:   "mac-address=ADDRESS in [bridge] of the profile",
		remake:    "nmcli connection reload, then nmcli connection down and up",
	},
	{program: Ifupdown, read: (*reading).ifupdown, setting: stanzaSetting, remake: ifdownIfup},
	{program: Ifupdown2, setting: stanzaSetting, remake: ifdownIfup},
	{program: IfupdownNG, setting: stanzaSetting, remake: ifdownIfup},
	{
		program: Netplan, read: (*reading).netplan,
		installed: []string{"/usr/sbin/netplan", "/sbin/netplan", "/usr/bin/netplan"},
		setting:   "macaddress: ADDRESS in the block",
		remake:    "ip link delete NAME && netplan apply",
	},
	{
		program: Wicked, read: (*reading).wicked,
		installed: []string{"/usr/sbin/wicked", "/sbin/wicked", "/usr/sbin/wickedd"},
		remake:    "wicked ifdown NAME && wicked ifup NAME",
	},
	{program: NetworkScripts, read: (*reading).networkScripts},
	{
		program: Networkd, read: (*reading).networkd,
		setting:       "MACAddress=ADDRESS in [NetDev]",
		waitsForUdevd: true, fixable: true,
	},
}

const (
	stanzaSetting = "hwaddress ADDRESS in the stanza"
	ifdownIfup    = "ifdown NAME && ifup NAME"
)

// known is the row of the program; an empty one if there is none, as for a program that a
// later version of linkaudit wrote into a snapshot.
func (p Program) known() knownProgram {
	i := slices.IndexFunc(knownPrograms, func(k knownProgram) bool { return k.program == p })
	if i < 0 {
		return knownProgram{program: p}
	}
	return knownPrograms[i]
}

// Setting is the line by which the program sets the address of a bridge, and its place; "" if
// that is unknown beforehand.
func (p Program) Setting(mac linkfiles.MAC) string {
	return strings.ReplaceAll(p.known().setting, "ADDRESS", string(mac))
}

// Remake are the commands, for a shell, by which the program recreates the device as it is
// configured then; "" if no command does. The name is a word of the shell.
func (p Program) Remake(name string) string {
	return strings.ReplaceAll(p.known().remake, "NAME", name)
}

// WaitsForUdevd reports whether the program sets the address of an existing device only after
// udevd has handled the device.
func (p Program) WaitsForUdevd() bool { return p.known().waitsForUdevd }

// Fixable reports whether linkaudit fix can make the program create a device without an
// address.
func (p Program) Fixable() bool { return p.known().fixable }
