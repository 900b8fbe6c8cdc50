package audit_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

const vendorDefault = "/usr/lib/systemd/network/99-default.link"

// edited is the bundled host with an edited 99-default.link.
func edited(t *testing.T, edit func(string) string) (*host.Snapshot, string) {
	t.Helper()
	b, err := os.ReadFile("../../cmd/linkaudit/example.json")
	if err != nil {
		t.Fatal(err)
	}
	snap, err := host.Load(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	brought, ok := snap.Files.Content(vendorDefault)
	if !ok {
		t.Fatal("the host has no 99-default.link")
	}
	sum := md5.Sum(brought)
	snap.Packaged = fact.Known([]host.Packaged{{Path: vendorDefault, Package: "udev", MD5: hex.EncodeToString(sum[:])}})
	store, _ := snap.Files.With(vendorDefault, []byte(edit(string(brought))))
	snap.Files = *store
	return snap, string(brought)
}

func TestThePackagesTextIsFoundAfterAnEditOfThePolicy(t *testing.T) {
	const line = "MACAddressPolicy=persistent\n"
	for name, c := range map[string]struct {
		edit  func(string) string
		known bool
	}{
		"another value":     {func(s string) string { return strings.Replace(s, line, "MACAddressPolicy=none\n", 1) }, true},
		"a comment":         {func(s string) string { return strings.Replace(s, line, "# "+line, 1) }, true},
		"another comment":   {func(s string) string { return strings.Replace(s, line, ";"+line, 1) }, true},
		"no line":           {func(s string) string { return strings.Replace(s, line, "", 1) }, true},
		"a line more":       {func(s string) string { return s + "MACAddressPolicy=none\n" }, true},
		"a line in between": {func(s string) string { return strings.Replace(s, line, line+"MACAddressPolicy=\n", 1) }, true},
		"another setting":   {func(s string) string { return s + "MTUBytes=9000\n" }, false},
		"two edits":         {func(s string) string { return strings.Replace(s, line, "MACAddressPolicy=none\nMTUBytes=9000\n", 1) }, false},
		"nothing is left":   {func(string) string { return "" }, false},
		"a very long file":  {func(s string) string { return strings.Repeat("#\n", 1<<20) + s }, false},
	} {
		snap, brought := edited(t, c.edit)
		all := audit.EditedVendorFiles(snap)
		if len(all) != 1 || all[0].State != host.FileEdited {
			t.Errorf("%s: %+v", name, all)
			continue
		}
		switch got := all[0].Recorded; {
		case c.known && string(got) != brought:
			t.Errorf("%s: the package's file is\n%s", name, got)
		case !c.known && got != nil:
			t.Errorf("%s: that is made up:\n%s", name, got)
		}
	}
	if snap, _ := edited(t, func(s string) string { return s }); len(audit.EditedVendorFiles(snap)) != 0 {
		t.Error("nothing was edited")
	}
}

// vendorFindings returns the findings about packages from an audit of the bond.
func vendorFindings(t *testing.T, snap *host.Snapshot) []audit.Finding {
	t.Helper()
	rel, ok := snap.Systemd.Release.Get()
	if !ok {
		t.Fatal("no release")
	}
	r := audit.Check(snap, linkfiles.Parse(&snap.Files, rel), audit.Options{})
	return slices.DeleteFunc(r.Findings, func(f audit.Finding) bool { return !strings.HasPrefix(f.Rule, "vendor-file") })
}

func TestTheSeverityOfAnEditedVendorFile(t *testing.T) {
	none := func(s string) string { return strings.Replace(s, "Policy=persistent", "Policy=none", 1) }
	for name, c := range map[string]struct {
		edit     func(string) string
		change   func(*host.Snapshot)
		rule     string
		severity audit.Severity
		says     string
	}{
		"the policy will change":    {none, nil, "vendor-file-edited", audit.Error, "sets MACAddressPolicy=persistent for bond0, instead of MACAddressPolicy=none"},
		"the policy is unknown":     {func(s string) string { return none(s) + "MTUBytes=9000\n" }, nil, "vendor-file-edited", audit.Warning, "unknown"},
		"the policy stays the same": {func(s string) string { return s + "MACAddressPolicy=persistent\n" }, nil, "vendor-file-edited", audit.Info, "the policy of bond0 stays the same"},
		"another file is effective": {none, func(s *host.Snapshot) {
			store, _ := s.Files.With("/etc/systemd/network/10-x.link", []byte("[Match]\nOriginalName=*\n[Link]\n"))
			s.Files = *store
		}, "vendor-file-edited", audit.Info, "undoes that"},
		"a half-installed package": {none, func(s *host.Snapshot) {
			p := s.Packaged.Or(nil)
			p[0].HalfInstalled = true
		}, "vendor-files-unknown", audit.Info, "half-installed"},
		"no checksum": {none, func(s *host.Snapshot) {
			p := s.Packaged.Or(nil)
			p[0].MD5 = ""
		}, "vendor-files-unknown", audit.Info, "no checksum"},
		"another package manager": {none, func(s *host.Snapshot) {
			s.Packaged = fact.Unknown[[]host.Packaged](fact.Told("the package database is rpm's"))
		}, "vendor-files-unknown", audit.Info, "rpm's"},
		"no package manager": {none, func(s *host.Snapshot) { s.Packaged = fact.Absent[[]host.Packaged]() }, "", "", ""},
		"an old snapshot":    {none, func(s *host.Snapshot) { s.Packaged = fact.Fact[[]host.Packaged]{} }, "", "", ""},
		"a diverted file": {none, func(s *host.Snapshot) {
			s.Packaged = fact.Known([]host.Packaged{{Path: vendorDefault}})
		}, "", "", ""},
	} {
		snap, _ := edited(t, c.edit)
		if c.change != nil {
			c.change(snap)
		}
		// The package owns all other files too, except in one case.
		if p, ok := snap.Packaged.Get(); ok {
			for _, f := range host.VendorFiles(&snap.Files) {
				if f != vendorDefault {
					text, _ := snap.Files.Content(f)
					sum := md5.Sum(text)
					p = append(p, host.Packaged{Path: f, Package: "udev", MD5: hex.EncodeToString(sum[:])})
				}
			}
			snap.Packaged = fact.Known(p)
		}
		got := vendorFindings(t, snap)
		switch {
		case c.rule == "":
			if len(got) != 0 {
				t.Errorf("%s: %+v", name, got)
			}
		case len(got) != 1 || got[0].Rule != c.rule || got[0].Severity != c.severity || !strings.Contains(words.Of(got[0].Message), c.says):
			t.Errorf("%s: %+v", name, got)
		}
	}
}
