package linkfiles

import (
	"fmt"
	"strings"
	"testing"
)

// filesWithDropIns is a store of so many files, each with a directory of drop-ins.
func filesWithDropIns(count int) *Store {
	etc := Dir{Path: etcDir}
	entry := func(name, content string) Entry {
		return Entry{Name: name, Type: TypeRegular, Mode: 0o644, Content: []byte(content), Size: int64(len(content))}
	}
	for i := range count {
		name := fmt.Sprintf("10-nic%04d.link", i)
		etc.Entries = append(etc.Entries, entry(name, fmt.Sprintf("[Match]\nOriginalName=eth%d\n", i)))
		etc.DropIns = append(etc.DropIns, Dir{Path: join(etcDir, name+".d"), Entries: []Entry{entry("10-wol.conf", "[Link]\nWakeOnLan=off\n")}})
	}
	return &Store{Dirs: []Dir{etc}}
}

// A file costs the same among many files as among few.
func TestParsingCostsInProportionToTheFiles(t *testing.T) {
	cost := func(files int) float64 {
		store := filesWithDropIns(files)
		if tree := Parse(store, 252); len(tree.Files) != files || len(tree.Files[files-1].DropIns) != 1 {
			t.Fatalf("%d files, and these drop-ins of the last one: %q", len(tree.Files), tree.Files[files-1].DropIns)
		}
		return testing.AllocsPerRun(2, func() { Parse(store, 252) }) / float64(files)
	}
	if few, many := cost(50), cost(1000); many > few*1.1 {
		t.Errorf("%.0f allocations for each of 50 files, %.0f for each of 1,000", few, many)
	}
}

// Of a file that is nothing but complaints as many are listed as somebody may read, and the
// one that decides.
func TestComplaintsAreCounted(t *testing.T) {
	for _, c := range []struct {
		lines, listed int
		end, last     string
		state         FileState
	}{
		{maxDiagnostics, maxDiagnostics, "", "", StateActive},
		{maxDiagnostics + 1, maxDiagnostics + 1, "", "not listed: 1", StateActive},
		{maxDiagnostics + 500, maxDiagnostics + 1, "[Link\n", "not listed: 501", StateRejected},
	} {
		t.Run(fmt.Sprintf("%d lines", c.lines), func(t *testing.T) {
			content := "[Match]\nOriginalName=*\n[Link]\n" + strings.Repeat("Nonsense=1\n", c.lines) + c.end
			f := Parse(&Store{Dirs: []Dir{{Path: "/etc/systemd/network", Entries: []Entry{{Name: "10-a.link", Type: TypeRegular, Mode: 0o644, Content: []byte(content)}}}}}, 252).Files[0]
			if len(f.Diagnostics) != c.listed || f.State != c.state || !strings.Contains(f.Diagnostics[len(f.Diagnostics)-1].Message, c.last) {
				t.Errorf("%d diagnostics, %s, %+v", len(f.Diagnostics), f.State, f.Diagnostics[len(f.Diagnostics)-1])
			}
			if c.end != "" && !strings.Contains(f.Why, "section header") {
				t.Errorf("it is refused for %q", f.Why)
			}
		})
	}
}
