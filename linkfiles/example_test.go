package linkfiles_test

import (
	"fmt"
	"log"

	"linkaudit/linkfiles"
)

// exampleStore is what Read finds where these two files are.
func exampleStore() *linkfiles.Store {
	file := func(name, text string) linkfiles.Entry {
		return linkfiles.Entry{Name: name, Type: linkfiles.TypeRegular, Mode: 0o644, Content: []byte(text)}
	}
	return &linkfiles.Store{Dirs: []linkfiles.Dir{
		{Path: "/etc/systemd/network", Entries: []linkfiles.Entry{
			file("10-bridges.link", "[Match]\nKind=bridge\nVirtualization=no\n\n[Link]\nMACAddressPolicy=none\n"),
		}},
		{Path: "/usr/lib/systemd/network", Entries: []linkfiles.Entry{
			file("99-default.link", "[Match]\nOriginalName=*\n\n[Link]\nMACAddressPolicy=persistent\n"),
		}},
	}}
}

// br0 is a bridge as a caller may know it, without the facts that no file asks for.
func br0() *linkfiles.Device {
	return &linkfiles.Device{
		Name: "br0",
		MAC:  linkfiles.Known[linkfiles.MAC]("96:85:c5:ce:a2:4b"),
		Kind: linkfiles.Known("bridge"),
		Type: linkfiles.Known("bridge"),
	}
}

func Example() {
	tree := linkfiles.Parse(exampleStore(), 257)
	decider := tree.For(&linkfiles.System{
		Virtualization: linkfiles.Known(linkfiles.Virt{ID: "none"}),
	})
	file := decider.Decide(br0()).File.Or(nil)
	policy, _ := file.MACAddressPolicy()
	fmt.Println(file.Path)
	fmt.Println(policy.Value, "from", policy.Pos)
	// Output:
	// /etc/systemd/network/10-bridges.link
	// none from /etc/systemd/network/10-bridges.link:6
}

// The files of this machine; the store can be parsed, or saved as JSON.
func ExampleRead() {
	store, err := linkfiles.Read("/")
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range linkfiles.Parse(store, 257).Files {
		fmt.Println(f.Path, f.State)
	}
}

// An unknown fact makes the decision unknown, unless it makes no difference.
func ExampleDecider_Decide() {
	tree := linkfiles.Parse(exampleStore(), 257)
	for _, sys := range []*linkfiles.System{
		{Virtualization: linkfiles.Known(linkfiles.Virt{ID: "kvm", VM: true})},
		{Virtualization: linkfiles.Unknown[linkfiles.Virt](linkfiles.Told("not asked"))},
	} {
		decision := tree.For(sys).Decide(br0())
		if file, ok := decision.File.Get(); ok {
			fmt.Println(file.Name)
			continue
		}
		fmt.Println(decision.File.Reason())
		fmt.Println("otherwise", decision.Otherwise.Name)
	}
	// Output:
	// 99-default.link
	// at(pos=/etc/systemd/network/10-bridges.link:3, what=match-unknown(asked=Virtualization=no, what=virtualization-unknown(why=not asked)))
	// otherwise 99-default.link
}

func ExampleDecider_Explain() {
	dev := br0()
	dev.Name, dev.Kind = "bond0", linkfiles.Known("bond")
	decider := linkfiles.Parse(exampleStore(), 257).For(&linkfiles.System{
		Virtualization: linkfiles.Known(linkfiles.Virt{ID: "none"}),
	})
	for _, v := range decider.Explain(dev) {
		fmt.Println(v.File.Name, v.Fate, v.Reason)
	}
	// Output:
	// 10-bridges.link no-match match-differs(asked=Kind=bridge, has=bond)
	// 99-default.link applies
}

// Kind= came with systemd 251. Before, the file has a key in [Match] that udevd does
// not know, and another that every physical machine meets.
func ExampleParse() {
	for _, release := range []linkfiles.Release{247, 257} {
		tree := linkfiles.Parse(exampleStore(), release)
		for _, d := range tree.Files[0].Diagnostics {
			fmt.Println(release, d.Pos, d.Message)
		}
	}
	// Output:
	// 247 /etc/systemd/network/10-bridges.link:2 unknown key "Kind" in section [Match], ignoring it (new in systemd 251)
}

func ExampleTree_Needs() {
	needs := linkfiles.Parse(exampleStore(), 257).Needs()
	fmt.Println(needs.Has(linkfiles.NeedVirtualization), needs.Has(linkfiles.NeedDriver))
	// Output: true false
}

// A change can be tried out before it is made.
func ExampleStore_With() {
	after, ok := exampleStore().With("/etc/systemd/network/10-bridges.link", nil)
	if !ok {
		log.Fatal("not a directory that can be written to")
	}
	decision := linkfiles.Parse(after, 257).Decide(&linkfiles.System{}, br0())
	fmt.Println(decision.File.Or(nil).Name)
	// Output: 99-default.link
}

func ExampleFact() {
	for _, driver := range []linkfiles.Fact[string]{
		linkfiles.Known("bridge"), linkfiles.Absent[string](), linkfiles.Unknown[string](linkfiles.Told("permission denied")), {},
	} {
		fmt.Println(driver)
	}
	// Output:
	// bridge
	// (none)
	// (unknown: permission denied)
	// (unknown: not collected)
}
