package linkfiles

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// The answers without an index are the expected ones here: those are what the
// conformance suite compares with udevd's.
func TestIndexDecidesAsAskingEveryFile(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	addresses := []string{"02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03", "garbage", ""}
	names := []string{"br0", "br1", "eth0", "br*", "br[01]", "!br0", "br0 eth0", `br\0`, "?r1", "*", "", "br0 br0"}
	lines := []func() string{
		func() string { return "MACAddress=" + pick(addresses...) + " " + pick(addresses...) },
		func() string { return "MACAddress=" + pick(addresses...) },
		func() string { return "OriginalName=" + pick(names...) },
		func() string { return "OriginalName=" + pick(names...) },
		func() string { return "Driver=" + pick("bridge", "e1000", "!bridge") },
		func() string { return "Path=" + pick("pci-*", "*", "!pci-*", "* pci-*", "pci-* !*") },
		func() string { return "PermanentMACAddress=" + pick(addresses...) },
		func() string { return "Kind=" + pick("bridge", "bond") },
		func() string { return "Host=" + pick("here", "elsewhere") },
		func() string { return "Property=ID_X=" + pick("1", "2") },
		func() string { return "nonsense" },
	}
	strange := func() Fact[string] {
		switch r.IntN(4) {
		case 0:
			return Absent[string]()
		case 1:
			return Unknown[string](Told("not asked"))
		}
		return Known(pick("bridge", "pci-0000:00:01.0", "e1000"))
	}
	indexed := 0
	for round := range 3000 {
		dir := Dir{Path: "/etc/systemd/network"}
		for i := range indexFrom + r.IntN(20) {
			var b strings.Builder
			b.WriteString("[Match]\n")
			for range 1 + r.IntN(3) {
				b.WriteString(lines[r.IntN(len(lines))]() + "\n")
			}
			e := Entry{Name: fmt.Sprintf("%02d.link", i), Type: TypeRegular, Mode: 0o644, Content: []byte(b.String())}
			if r.IntN(20) == 0 {
				e.Content, e.Err = nil, "EACCES"
			}
			dir.Entries = append(dir.Entries, e)
		}
		rel := OldestRelease + Release(r.IntN(int(NewestRelease-OldestRelease)+1))
		sys := &System{}
		if r.IntN(2) == 0 {
			sys.Hostname = Known("here")
		}
		d := Parse(&Store{Dirs: []Dir{dir}}, rel).For(sys)
		plain := &Decider{tree: d.tree, files: d.files, live: d.live}
		for range 5 {
			dev := &Device{
				Name: pick("br0", "br1", "eth0", "wlan0"), MAC: Known[MAC](MAC(pick(addresses[:3]...))),
				Driver: strange(), Path: strange(), Kind: strange(),
			}
			switch r.IntN(6) {
			case 0:
				dev.MAC = Absent[MAC]()
			case 1:
				dev.MAC = Unknown[MAC](Told("not asked"))
			}
			if r.IntN(2) == 0 {
				dev.NameAssignType = Known(1 + r.IntN(4))
			}
			if some, ok := d.index.candidates(&d.tree.quirks, dev); ok && len(some) < len(d.live) {
				indexed++
			}
			if got, want := d.Decide(dev), plain.Decide(dev); !reflect.DeepEqual(got, want) {
				t.Fatalf("round %d, systemd %d, %+v:\nwith index    %+v\nwithout index %+v", round, rel, dev, got, want)
			}
		}
	}
	if indexed < 1000 {
		t.Errorf("only %d decisions were made with fewer files", indexed)
	}
}
