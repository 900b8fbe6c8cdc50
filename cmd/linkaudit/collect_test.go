package main

import (
	"testing"

	"linkaudit/internal/host"
	"linkaudit/linkfiles"
)

func TestWhatAFileMatchesOnIsCollected(t *testing.T) {
	for _, c := range []struct {
		match string
		want  host.Want
	}{
		{"OriginalName=*", 0},
		// udevd compares with "*" only (link_get_config()).
		{"OriginalName=br*", host.WantNameAssignType},
		{"OriginalName=br0", host.WantNameAssignType},
		{"Driver=bridge", host.WantDriver},
		// A property can come from the database or the uevent file.
		{"Property=ROLE=uplink", host.WantUEvent},
		{"OriginalName=*\nVirtualization=no", host.WantSystem},
		{"OriginalName=*\nFirmware=uefi", host.WantSystem},
		{"OriginalName=*\nCredential=x", host.WantSystem},
		{"OriginalName=*\nKernelVersion=glibc >= 2.36", host.WantGlibc},
		{"OriginalName=*\nKernelVersion=>= 6.1", 0},
	} {
		content := []byte("[Match]\n" + c.match + "\n")
		tree := linkfiles.Parse(&linkfiles.Store{Dirs: []linkfiles.Dir{{Path: "/etc/systemd/network", Entries: []linkfiles.Entry{
			{Name: "10-x.link", Type: linkfiles.TypeRegular, Mode: 0o644, Size: int64(len(content)), Content: content},
		}}}}, 262)
		t.Run(c.match, func(t *testing.T) {
			if got := wantFor(tree.Needs()); got != host.WantCheck|c.want {
				t.Errorf("%b, not %b", got, host.WantCheck|c.want)
			}
		})
	}
}

func TestEveryNeedIsCollected(t *testing.T) {
	collected := linkfiles.Needs(0)
	for _, row := range wanted {
		collected |= row.needs
	}
	if missing := linkfiles.NeedEverything &^ collected; missing != 0 {
		t.Errorf("nothing collects the facts %b of linkfiles.Needs", missing)
	}
}
