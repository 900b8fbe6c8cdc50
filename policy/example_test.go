package policy_test

import (
	"fmt"

	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// files is a tree as linkfiles.Read finds one.
func files(etc string) *linkfiles.Store {
	file := func(name, text string) linkfiles.Entry {
		return linkfiles.Entry{Name: name, Type: linkfiles.TypeRegular, Mode: 0o644, Content: []byte(text)}
	}
	return &linkfiles.Store{Dirs: []linkfiles.Dir{
		{Path: "/etc/systemd/network", Entries: []linkfiles.Entry{file("50-bonds.link", etc)}},
		{Path: "/usr/lib/systemd/network", Entries: []linkfiles.Entry{
			file("99-default.link", "[Match]\nOriginalName=*\n\n[Link]\nMACAddressPolicy=persistent\n"),
		}},
	}}
}

// A bond that does not exist yet: which policy will it have?
func Example() {
	tree := linkfiles.Parse(files("[Match]\nKind=bond\n\n[Link]\nMACAddressPolicy=none\n"), 257)
	decision := tree.For(&linkfiles.System{}).Decide(policy.NewDevice("bond0", "bond"))
	e := policy.Of(&decision)
	fmt.Println(e.Policy, "from", e.Source)

	decision = tree.For(&linkfiles.System{}).Decide(policy.NewDevice("br0", "bridge"))
	e = policy.Of(&decision)
	fmt.Println(e.Policy, "from", e.Source)
	// Output:
	// none from /etc/systemd/network/50-bonds.link:5
	// persistent from /usr/lib/systemd/network/99-default.link:5
}

// It is unknown which file applies, but all that may say the same.
func ExampleOf() {
	tree := linkfiles.Parse(files("[Match]\nOriginalName=bond*\nHost=db*\n\n[Link]\nMACAddressPolicy=persistent\nMTUBytes=9000\n"), 257)
	unnamed := &linkfiles.System{Hostname: linkfiles.Unknown[string](linkfiles.Told("the image was never booted")), MachineID: linkfiles.UnknownMachineID(linkfiles.Told("the image was never booted"))}
	decision := tree.For(unnamed).Decide(policy.NewDevice("bond0", "bond"))
	e := policy.Of(&decision)
	fmt.Println(e.File.IsUnknown(), e.Policy)
	// Output: true persistent
}

// How a udevd knows bonds differs between releases.
func ExampleMatchKind() {
	for _, release := range []linkfiles.Release{241, 257} {
		key, value, _ := policy.MatchKind(release, "bond")
		fmt.Printf("%d: %s=%s\n", release, key, value)
	}
	// Output:
	// 241: Type=bond
	// 257: Kind=bond
}

// A name that udevd does not leave a new device.
func ExampleUdevName() {
	fmt.Println(policy.UdevName(257, linkfiles.Known("v257"), "uplink%1"))
	// Output: uplink_1
}
