package host

import (
	"crypto/md5"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linkaudit/linkfiles"
)

func TestTheRecordsOfDpkg(t *testing.T) {
	// As dpkg 1.21 writes them.
	const list = "/.\n/lib\n/lib/systemd\n/lib/systemd/network\n/lib/systemd/network/73-usb-net-by-mac.link\n/lib/systemd/network/80-vm-vt.network\n" +
		"/lib/systemd/network/99-default.link\n/usr/lib/systemd/network/99-default.link.d\n/usr/lib/systemd/network/99-default.link.d/x.conf\n" +
		"/usr/lib/systemd/network/.hidden.link\n/usr/lib/systemd/network/99-default.link.d/readme\n/usr/share/doc/udev/examples/x.link\n/usr/lib/systemd/networkd/x.link\n"
	names := []string{"/lib/systemd/network/73-usb-net-by-mac.link", "/lib/systemd/network/99-default.link", "/usr/lib/systemd/network/99-default.link.d/x.conf"}
	if diff := cmp.Diff(names, linkFilesOf([]byte(list))); diff != "" {
		t.Error(diff)
	}
	const sums = "24656514c2ff2179f84b8ecea86d2a47  lib/systemd/network/73-usb-net-by-mac.link\nbb4a641eb2d2d68425ceb7636961cb16  lib/systemd/network/80-vm-vt.network\n" +
		"short  lib/systemd/network/99-default.link\nzz656514c2ff2179f84b8ecea86d2a47  usr/lib/systemd/network/99-default.link.d/x.conf\n"
	if diff := cmp.Diff(map[string]string{names[0]: "24656514c2ff2179f84b8ecea86d2a47"}, sumsOf([]byte(sums))); diff != "" {
		t.Error(diff)
	}
	const diversions = "/usr/share/man/man1/sh.1.gz\n/usr/share/man/man1/sh.distrib.1.gz\ndash\n/lib/systemd/network/99-default.link\n/lib/systemd/network/99-default.link.distrib\n:\n"
	if diff := cmp.Diff(map[string]diversion{names[1]: {names[1] + ".distrib", ":"}}, diversionsOf([]byte(diversions)), cmp.AllowUnexported(diversion{})); diff != "" {
		t.Error(diff)
	}
}

func TestAFileBesideItsRecord(t *testing.T) {
	const dir, brought = "/usr/lib/systemd/network", "[Link]\n"
	sum := md5.Sum([]byte(brought))
	md5sum := hex.EncodeToString(sum[:])
	regular := func(text string) *linkfiles.Entry {
		return &linkfiles.Entry{Type: linkfiles.TypeRegular, Content: []byte(text)}
	}
	for name, c := range map[string]struct {
		entry *linkfiles.Entry
		md5   string
		err   linkfiles.Errno // of the directory
		want  PackagedState
	}{
		"as it was":              {regular(brought), md5sum, "", FileSame},
		"a byte more":            {regular(brought + "\n"), md5sum, "", FileEdited},
		"emptied":                {regular(""), md5sum, "", FileEdited},
		"removed":                {nil, md5sum, "", FileGone},
		"removed while we read":  {&linkfiles.Entry{Type: linkfiles.TypeMissing, Err: "ENOENT"}, md5sum, "", FileGone},
		"a link to nothing":      {&linkfiles.Entry{Type: linkfiles.TypeMissing, Symlink: "x"}, md5sum, "", FileReplaced},
		"a mask":                 {&linkfiles.Entry{Type: linkfiles.TypeNull, Symlink: "/dev/null"}, md5sum, "", FileReplaced},
		"a FIFO":                 {&linkfiles.Entry{Type: linkfiles.TypeFIFO}, md5sum, "", FileReplaced},
		"unreadable":             {&linkfiles.Entry{Type: linkfiles.TypeRegular, Err: "EACCES"}, md5sum, "", FileUncompared},
		"too large":              {&linkfiles.Entry{Type: linkfiles.TypeRegular, Refused: "larger than 16 MiB"}, md5sum, "", FileUncompared},
		"without a sum":          {regular(brought), "", "", FileUncompared},
		"removed, without a sum": {nil, "", "", FileGone},
		"in a closed directory":  {nil, md5sum, "EACCES", FileUncompared},
	} {
		t.Run(name, func(t *testing.T) {
			d := linkfiles.Dir{Path: dir, Err: c.err}
			if c.entry != nil {
				c.entry.Name = "x.link"
				d.Entries = []linkfiles.Entry{*c.entry}
			}
			p := Packaged{Path: dir + "/x.link", Package: "udev", MD5: c.md5}
			if got := p.State(&linkfiles.Store{Dirs: []linkfiles.Dir{{Path: "/lib/systemd/network", Resolved: dir, Err: c.err, Entries: d.Entries}, d}}); got != c.want {
				t.Errorf("%d, not %d", got, c.want)
			}
		})
	}
}

func FuzzRecordsOfDpkg(f *testing.F) {
	f.Add("/usr/lib/systemd/network/x.link\n")
	f.Add("24656514c2ff2179f84b8ecea86d2a47  lib/systemd/network/73-usb-net-by-mac.link\n")
	f.Add("/lib/systemd/network/a.link\n/lib/systemd/network/b.link\n:\n")
	f.Fuzz(func(t *testing.T, text string) {
		check := func(name string) {
			if strings.Contains(name, "\n") || !strings.Contains(name, "/systemd/network/") ||
				!strings.HasSuffix(name, ".link") && !strings.HasSuffix(name, ".conf") || !strings.Contains(text, strings.TrimPrefix(name, "/")) {
				t.Errorf("%q is no .link file of %q", name, text)
			}
		}
		for _, name := range linkFilesOf([]byte(text)) {
			check(name)
		}
		for name, sum := range sumsOf([]byte(text)) {
			check(name)
			if len(sum) != 32 || strings.Trim(sum, "0123456789abcdef") != "" {
				t.Errorf("%q is no sum", sum)
			}
		}
		for name, d := range diversionsOf([]byte(text)) {
			check(name)
			if strings.Contains(d.to+d.by, "\n") {
				t.Errorf("%q is more than a line", d)
			}
		}
		debianField([]byte(text), "udev", "Status")
	})
}
