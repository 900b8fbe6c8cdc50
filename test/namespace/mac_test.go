//go:build namespace

package namespace

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMacForetellsWhatUdevdGives first asks for the addresses. Then a real udevd of
// each release sets them on bridges.
func TestMacForetellsWhatUdevdGives(t *testing.T) {
	for _, p := range places(t) {
		t.Run(p.name, func(t *testing.T) { foretell(t, p.root) })
	}
}

func foretell(t *testing.T, root string) {
	s := newStage(t, root)
	names := []string{"bond0", "x", "abcdefghijklmno", "br-lan.100", "brücke", "a\\b", "q\"q", "-x", "~#$&;'", "01234", "en0@v1"}

	// No permissions, no udevd, no device: the machine ID is enough.
	there := answers(t, names, outside(t, append([]string{"mac", "--machine-id", machineID, "--"}, names...)...))
	here := answers(t, names, s.audit(append([]string{"mac", "--"}, names...)...))
	file := filepath.Join(t.TempDir(), "id")
	copyFile(t, s.path("/etc/machine-id"), file)
	byFile := answers(t, names, outside(t, append([]string{"mac", "--machine-id-file", file, "--"}, names...)...))
	input := answers(t, names, fromInput(t, strings.Join(names, "\n"), "mac", "--machine-id-file", file))

	s.startUdevd()
	for i, name := range names {
		s.part(t, fmt.Sprintf("%q", name), func(t *testing.T) {
			s.must("ip", "link", "add", "name", name, "index", fmt.Sprint(100+i), "type", "bridge")
			s.settle()
			got := s.given(100 + i)
			for how, told := range map[string]string{"an ID": there[i], "this machine": here[i], "a file": byFile[i], "a list": input[i]} {
				if told != got {
					t.Errorf("udevd %d set %s, but %s says %s", s.release, got, how, told)
				}
			}
		})
	}

	// The kernel refuses what mac refuses.
	for _, name := range []string{"a%b", "abcdefghijklmnop", "a:b", "a/b", "a b"} {
		s.part(t, fmt.Sprintf("%q", name), func(t *testing.T) {
			if r := s.do("ip", "link", "add", "name", name, "type", "bridge"); r.status == 0 {
				t.Error("the kernel takes it")
			}
			if r := s.audit("mac", name); r.status != 2 {
				t.Errorf("%v", r)
			}
		})
	}

	// Under an old naming scheme udevd sets no address, and mac says so.
	s.stopUdevd()
	s.startUdevd("NET_NAMING_SCHEME=v240")
	s.add("old0", "type", "bridge")
	if typ := s.sysfs("old0", "addr_assign_type"); typ != "1" {
		t.Errorf("udevd set the address under v240 (type %s)", typ)
	}
	if r := s.do(program, "mac", "old0"); r.status != 0 || !strings.HasPrefix(r.stderr, "linkaudit: note: ") {
		t.Errorf("no note: %v", r)
	}
	if r := s.audit("mac", "--networkd", "old0"); r.status != 0 {
		t.Errorf("%v", r)
	}
}

// fromInput runs the program outside of any stage, with names on its input.
func fromInput(t *testing.T, names string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience())
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(binaryDir, "linkaudit"), args...)
	cmd.Env = []string{"TERM=dumb"}
	cmd.Stdin = strings.NewReader(names)
	r := finish(ctx, cmd, args)
	behaves(t, r)
	return r
}

// given is the address that udevd set on the device of an index. udevd may have renamed
// the device too: it replaces characters that it does not accept by "_".
func (s *stage) given(index int) string {
	s.t.Helper()
	for _, l := range s.links() {
		if l.Index == index && s.sysfs(l.Name, "addr_assign_type") == typeSet {
			return l.Address
		}
	}
	s.t.Fatalf("udevd did not set the address of device %d: %s", index, s.do("ip", "link"))
	return ""
}

// answers are the addresses in the order of the names.
func answers(t *testing.T, names []string, r result) []string {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n")
	if r.status != 0 || len(lines) != len(names) {
		t.Fatalf("%v", r)
	}
	var out []string
	for i, l := range lines {
		name, mac, _ := strings.Cut(l, " ")
		if name != names[i] {
			t.Errorf("%q is answered as %q", names[i], name)
		}
		out = append(out, mac)
	}
	return out
}
