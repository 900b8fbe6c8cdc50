package linkfiles

import (
	"fmt"
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
