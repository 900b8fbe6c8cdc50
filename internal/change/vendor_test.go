package change

import (
	"crypto/md5"
	"encoding/hex"
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// A file for bonds alone would get a drop-in, which leaves the other settings to
// the file; one that was edited in place gets a file of its own, under which the
// end of the edit changes nothing.
func TestAnOverrideOutlastsTheEndOfAnEdit(t *testing.T) {
	const name = "/usr/lib/systemd/network/98-net-bonding.link"
	const brought = "[Match]\nKind=bond\n\n[Link]\nMACAddressPolicy=persistent\n"
	sum := md5.Sum([]byte(brought))
	host252 := func(text string, gone bool) Input {
		d := linkfiles.Dir{Path: "/usr/lib/systemd/network"}
		if !gone {
			d.Entries = []linkfiles.Entry{{Name: "98-net-bonding.link", Type: linkfiles.TypeRegular, Mode: 0o644, Content: []byte(text)}}
		}
		return Input{
			Release:   252,
			DirExists: func(string) (bool, error) { return true, nil },
			Snapshot: &host.Snapshot{
				Packaged: fact.Known([]host.Packaged{{Path: name, Package: "ifenslave", MD5: hex.EncodeToString(sum[:])}}),
				Files:    linkfiles.Store{Dirs: []linkfiles.Dir{{Path: "/etc/systemd/network"}, d}},
			},
		}
	}
	for what, c := range map[string]struct {
		text   string
		gone   bool
		none   bool // no override
		keeps  string
		reason string
	}{
		"as brought":               {text: brought, reason: "every bond has MACAddressPolicy=persistent"},
		"edited":                   {text: "[Match]\nKind=bond\n\n[Link]\nMTUBytes=9000\nMACAddressPolicy=none\n", keeps: "\nMTUBytes=9000\n", reason: "only until the next upgrade of ifenslave"},
		"edited, still persistent": {text: "[Match]\nKind=bond\n\n[Link]\nMTUBytes=9000\nMACAddressPolicy=persistent\n", keeps: "\nMTUBytes=9000\n", reason: "every bond has MACAddressPolicy=persistent"},
		"the line is gone":         {text: "[Match]\nKind=bond\n\n[Link]\n", keeps: "", reason: "only until the next upgrade"},
		"the file is gone":         {gone: true, reason: "was removed after package ifenslave installed it"},
		"it gives an address":      {text: "[Match]\nKind=bond\n\n[Link]\nMACAddressPolicy=none\nMACAddress=02:00:00:00:00:01\n", none: true, reason: "already"},
	} {
		t.Run(what, func(t *testing.T) {
			in := host252(c.text, c.gone)
			p, err := in.Plan(override.Target{Kind: "bond"})
			if err != nil {
				t.Fatal(err)
			}
			dropIn := strings.HasSuffix(p.Path, ".conf")
			if (p.Path == "") != c.none || dropIn != (what == "as brought") || !strings.Contains(string(p.Content), c.keeps) || !strings.Contains(p.Why, c.reason) {
				t.Errorf("%s: %s\n%s", p.Path, p.Why, p.Content)
			}
			if c.none || dropIn {
				return
			}
			// The next upgrade.
			was := in.Snapshot.Files
			now, _ := was.With(p.Path, p.Content)
			after, _ := now.With(name, []byte(brought))
			dev := *policy.NewOfKind("bond")
			for _, store := range []*linkfiles.Store{now, after} {
				d := linkfiles.Parse(store, in.Release).For(&in.Snapshot.System).Decide(&dev)
				if err := effective(d, p.Path, p.Base); err != nil {
					t.Error(err)
				}
			}
			in.Snapshot.Files = *now
			if again, err := in.Plan(override.Target{Kind: "bond"}); err != nil || again.Changed() {
				t.Errorf("a second fix: %+v, %v", again, err)
			}
		})
	}
}
