//go:build bench

package bench

import (
	"fmt"
	"io"
	"testing"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/report"
	"linkaudit/linkfiles"
)

const release = 252

func store(files int) *linkfiles.Store {
	etc := linkfiles.Dir{Path: "/etc/systemd/network"}
	add := func(d *linkfiles.Dir, name, content string) {
		d.Entries = append(d.Entries, linkfiles.Entry{
			Name: name, Type: linkfiles.TypeRegular, Mode: 0o644,
			Content: []byte(content), Size: int64(len(content)),
		})
	}
	for i := range files {
		name, content := linkFile(i)
		add(&etc, name, content)
	}
	usr := linkfiles.Dir{Path: "/usr/lib/systemd/network"}
	add(&usr, "99-default.link", defaultLink)
	return &linkfiles.Store{Dirs: []linkfiles.Dir{etc, usr}}
}

func snapshot(devices int) *host.Snapshot {
	s := &host.Snapshot{Schema: host.SnapshotSchema}
	s.Systemd.Release = fact.Known(linkfiles.Release(release))
	s.Udev.Running = fact.Known(true)
	for i := range devices {
		s.Devices = append(s.Devices, host.Device{
			Index: i + 2, Name: fmt.Sprintf("br%d", i), Kind: "bridge", ARPHRD: 1,
			MAC:            linkfiles.MAC(fmt.Sprintf("02:11:22:33:%02x:%02x", i>>8&255, i&255)),
			AddrAssignType: fact.Known(host.AddrSet),
			NameAssignType: fact.Known(3),
			DevType:        fact.Known("bridge"),
			Driver:         fact.Known("bridge"),
			UdevDB: fact.Known(map[string]string{
				"ID_NET_LINK_FILE": "/usr/lib/systemd/network/99-default.link",
				"ID_NET_DRIVER":    "bridge",
			}),
			Derived: host.Derived{PersistentMAC: fact.Known(host.PersistentMAC{MAC: "02:11:22:33:44:55", Property: "INTERFACE", Name: fmt.Sprintf("br%d", i)})},
		})
	}
	return s
}

var fileCounts = []int{1, 100, 1000}

func BenchmarkParse(b *testing.B) {
	for _, files := range fileCounts {
		b.Run(fmt.Sprintf("files=%d", files), func(b *testing.B) {
			st := store(files)
			b.ReportAllocs()
			for b.Loop() {
				linkfiles.Parse(st, release)
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	for _, devices := range []int{1, 100, 1000} {
		for _, files := range fileCounts {
			b.Run(fmt.Sprintf("devices=%d/files=%d", devices, files), func(b *testing.B) {
				tree, snap := linkfiles.Parse(store(files), release), snapshot(devices)
				b.ReportAllocs()
				for b.Loop() {
					audit.Check(snap, tree, audit.Options{})
				}
			})
		}
	}
}

func BenchmarkReport(b *testing.B) {
	for _, devices := range []int{1, 100, 1000} {
		res := audit.Check(snapshot(devices), linkfiles.Parse(store(1), release), audit.Options{})
		for _, name := range []string{"text", "json"} {
			format := report.FormatNamed(name)
			b.Run(fmt.Sprintf("format=%s/devices=%d", name, devices), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := format.Audit(io.Discard, res, report.Options{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
