package linkfiles

import (
	"strings"
	"testing"
	"time"

	"linkaudit/test/tool"
)

// udevd takes up to 1 MiB of continuation. When the whole of it was looked at
// for each of its lines, this took minutes.
func TestAContinuationOfAMillionLinesIsReadInNoTime(t *testing.T) {
	content := "[Match]\nOriginalName=a\n[Link]\nDescription=" + strings.Repeat("\\\n", 1<<20-100) + "\nMACAddressPolicy=none\n"
	store := &Store{Dirs: []Dir{{Path: etcDir, Entries: []Entry{
		{Name: "10-x.link", Type: TypeRegular, Mode: 0o644, Size: int64(len(content)), Content: []byte(content)},
	}}}}
	parsed := make(chan *Tree, 1)
	go func() { parsed <- Parse(store, 252) }()
	var tree *Tree
	select {
	case tree = <-parsed:
	case <-time.After(tool.Patience(30 * time.Second)): // 200 times what it takes
		t.Fatal("it does not come to an end")
	}
	if p, ok := tree.Files[0].MACAddressPolicy(); !ok || p.Value != "none" {
		t.Errorf("the line after the continuation: %v %v", p, ok)
	}
}
