package netconf

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// A program is added by a row; what is said of it to users must not be forgotten.
func TestEveryProgramIsDocumented(t *testing.T) {
	read := func(name string) []byte {
		b, err := os.ReadFile("../../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	managers, schema := read("managers.md"), read("schema/check.schema.json")
	for _, k := range knownPrograms {
		t.Run(string(k.program), func(t *testing.T) {
			if k.program != Networkd && !bytes.Contains(managers, []byte("\n| "+string(k.program))) {
				t.Error("docs/managers.md has no row for it")
			}
			if !bytes.Contains(schema, []byte(k.program)) {
				t.Error("docs/schema/check.schema.json does not name it")
			}
		})
	}
}

// Readers and rows fit together: what a reader says is of a program that has a row, and
// what is printed of a row has the address and the name in it.
func TestRowsOfPrograms(t *testing.T) {
	for _, k := range knownPrograms {
		t.Run(string(k.program), func(t *testing.T) {
			if line := k.program.Setting("02:00:00:00:00:01"); line != "" && strings.Count(line, "02:00:00:00:00:01") != 1 {
				t.Errorf("the setting is %q", line)
			}
			if line := k.program.Remake("br0"); strings.Contains(line, "NAME") {
				t.Errorf("it is made again by %q", line)
			}
		})
	}
	if p := Program("ifupdown3"); p.Setting("x") != "" || p.Remake("x") != "" || p.Fixable() || p.WaitsForUdevd() {
		t.Error("something is known of a program that has no row")
	}
}

// systemd-networkd's declarations come with those of the others, and only where the release
// is known by which it reads its files.
func TestReadOfSystemdNetworkd(t *testing.T) {
	files := tree(t, map[string]string{dir + "a.netdev": "[NetDev]\nName=bond0\nKind=bond\n"})
	of := &NetworkdInput{files, machine(0)}
	others := root{"/usr/sbin/netplan": "", "/etc/netplan/a.yaml": "network:\n  renderer: NetworkManager\n  bridges:\n    br0: {macaddress: \"02:00:00:00:00:01\"}\n"}
	for title, c := range map[string]struct {
		release fact.Fact[linkfiles.Release]
		of      *NetworkdInput
		want    string
	}{
		"with it":             {fact.Known[linkfiles.Release](252), of, "netplan br0, systemd-networkd bond0"},
		"without it":          {fact.Known[linkfiles.Release](252), nil, "netplan br0"},
		"no release is known": {fact.Unknown[linkfiles.Release](fact.Told("x")), of, "netplan br0"},
	} {
		t.Run(title, func(t *testing.T) {
			all, problems := Read(others, c.release, c.of)
			var got []string
			for _, d := range all {
				got = append(got, string(d.Program)+" "+d.Device)
			}
			if got := strings.Join(got, ", "); got != c.want || len(problems) > 0 {
				t.Errorf("%s, %v", got, problems)
			}
		})
	}
}
