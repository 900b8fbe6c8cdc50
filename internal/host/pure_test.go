package host

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

func TestUdevDatabaseGivesItsPropertiesAndNothingElse(t *testing.T) {
	// Captured from udev 252, with hostile lines added at the end.
	const db = "I:5044632\nE:ID_BUS=pci\nE:ID_PATH=pci-0000:00:03.0\nE:ID_NET_NAME_PATH=enp0s3\nG:systemd\nQ:systemd\nV:1\nE:SYSTEMD_ALIAS=/sys/subsystem/net/devices/enp0s3 /sys/x=y\n" +
		"E:=x\nE:NOVALUE\nE:ID_BUS=\nXE:A=b\nE:LAST=\x1b[31m\x00"
	want := map[string]string{
		"ID_PATH": "pci-0000:00:03.0", "ID_NET_NAME_PATH": "enp0s3",
		"SYSTEMD_ALIAS": "/sys/subsystem/net/devices/enp0s3 /sys/x=y", "LAST": "\x1b[31m\x00",
	}
	if diff := cmp.Diff(want, parseUdevDB([]byte(db))); diff != "" {
		t.Error(diff)
	}
}

func TestMachineIDIsReadAsSystemdReadsIt(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		ok      bool
	}{
		"with a newline":         {"0123456789abcdef0123456789abcdef\n", true},
		"without a newline":      {"0123456789abcdef0123456789abcdef", true},
		"upper case":             {"0123456789ABCDEF0123456789ABCDEF\n", true},
		"empty":                  {"", false},
		"uninitialized":          {"uninitialized\n", false},
		"two newlines":           {"0123456789abcdef0123456789abcdef\n\n", false},
		"with dashes":            {"01234567-89ab-cdef-0123-456789abcdef\n", false},
		"all zeros":              {strings.Repeat("0", 32) + "\n", false},
		"one digit short":        {"0123456789abcdef0123456789abcde\n", false},
		"not hexadecimal":        {"0123456789abcdef0123456789abcdeg\n", false},
		"with a carriage return": {"0123456789abcdef0123456789abcdef\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseMachineID([]byte(c.content)); (err == nil) != c.ok {
				t.Errorf("got the error %v", err)
			}
		})
	}
}

func TestAFileWithoutAMachineIDHasAState(t *testing.T) {
	for content, want := range map[string]MachineIDState{
		"": MachineIDEmpty, "uninitialized": MachineIDUninitialized, "uninitialized\n": MachineIDUninitialized,
		strings.Repeat("0", 32): MachineIDZero, "\n": MachineIDMalformed, "uninitialized\n\n": MachineIDMalformed, "Uninitialized\n": MachineIDMalformed,
	} {
		t.Run(fmt.Sprintf("%q", content), func(t *testing.T) {
			_, err := parseMachineID([]byte(content))
			var none *noMachineID
			if !errors.As(err, &none) || none.state != want {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}

func TestTracesOfMachineIDs(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	for cmdline, want := range map[string]bool{
		"quiet systemd.machine_id=" + id + " ro": true, "systemd.machine-id=" + id: true, `"systemd.machine_id=` + id + `"`: true,
		"systemd.machine_id=" + strings.Repeat("f", 32) + " systemd.machine_id=" + id: true,
		"systemd.machine_id=firmware": false, "systemd.machine_id=": false, "systemd.machine_id=" + strings.Repeat("0", 32): false,
		"xsystemd.machine_id=" + id: false, "quiet": false, "": false,
	} {
		t.Run(fmt.Sprintf("command line %q", cmdline), func(t *testing.T) {
			got, ok := machineIDOfCommandLine(cmdline)
			if ok != want || ok && hex.EncodeToString(got[:]) != id {
				t.Errorf("%x, %v", got, ok)
			}
		})
	}
	for dir, want := range map[string]bool{
		id: true, id + ".namespace": true, "remote": false, id[1:]: false, id + "0": false, strings.Repeat("0", 32): false,
		"01234567-89ab-cdef-0123-456789abcdef": false, "": false, ".." + id: false,
	} {
		t.Run(fmt.Sprintf("journal %q", dir), func(t *testing.T) {
			if _, ok := machineIDOfJournal(dir); ok != want {
				t.Errorf("it is a machine-id: %v", ok)
			}
		})
	}
}

func TestRulesFileThatRunsNetSetupLinkIsRecognised(t *testing.T) {
	for name, c := range map[string]struct {
		rules string
		want  bool
	}{
		"as shipped by 252":               {"SUBSYSTEM!=\"net\", GOTO=\"net_setup_link_end\"\n\nIMPORT{builtin}=\"path_id\"\n\nACTION==\"remove\", GOTO=\"net_setup_link_end\"\n\nIMPORT{builtin}=\"net_setup_link\"\n\nNAME==\"\", ENV{ID_NET_NAME}!=\"\", NAME=\"$env{ID_NET_NAME}\"\n\nLABEL=\"net_setup_link_end\"\n", true},
		"only labels":                     {"GOTO=\"net_setup_link_end\"\nLABEL=\"net_setup_link_end\"\n", false},
		"commented out":                   {"  # IMPORT{builtin}=\"net_setup_link\"\n", false},
		"continued":                       {"SUBSYSTEM==\"net\", \\\n  IMPORT{builtin}=\"net_setup_link\"\n", true},
		"white space around the operator": {"IMPORT{builtin} = \"net_setup_link\"", true},
		"another builtin":                 {"IMPORT{builtin}=\"net_id\"\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := runsSetupLink([]byte(c.rules)); got != c.want {
				t.Errorf("it runs net_setup_link: %v", got)
			}
		})
	}
}

func TestVersionsOfDistributionsGiveTheirRelease(t *testing.T) {
	for version, want := range map[string]linkfiles.Release{
		"252.39-1~deb12u2": 252, "247.3-7+deb11u5": 247, "257.13-1.fc42": 257, "262~devel": 262,
		"v257.1-3-gabcdef": 257, "239": 239, "262.1-1": 262, "256": 256,
		"": 0, "deb": 0, "12": 0, "252abc": 0,
	} {
		t.Run(fmt.Sprintf("version %q", version), func(t *testing.T) {
			if got, _ := parseRelease(version); got != want {
				t.Errorf("%d, want %d", got, want)
			}
		})
	}
	for name, want := range map[string]string{
		"libsystemd-shared-252.so": "252", "libsystemd-shared-257.13-1.fc42.so": "257.13-1.fc42", "libsystemd.so.0": "",
	} {
		t.Run(name, func(t *testing.T) {
			if got, _ := sharedLibraryVersion(name); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

func TestNamingSchemeFollowsUdevdsOrder(t *testing.T) {
	k, none := fact.Known[string], fact.Absent[string]()
	secret := fact.Unknown[string](fact.Told("permission denied"))
	for name, c := range map[string]struct {
		e    schemeEvidence
		want string // "" is absent, "?" is unknown
		from string
	}{
		"239 has no schemes":                 {schemeEvidence{cmdline: k("net.naming_scheme=v238"), environ: none, database: none, release: fact.Known[linkfiles.Release](239)}, "", ""},
		"the default of 252":                 {schemeEvidence{cmdline: k("quiet"), environ: none, database: none}, "v252", "default of the release"},
		"242 has no v241 yet":                {schemeEvidence{cmdline: k("net.naming_scheme=v241"), environ: none, database: none, release: fact.Known[linkfiles.Release](242)}, "v240", "default of the release"},
		"243 has v241":                       {schemeEvidence{cmdline: k("net.naming_scheme=v241"), environ: none, database: none, release: fact.Known[linkfiles.Release](243)}, "v241", "kernel command line"},
		"254 has no v254":                    {schemeEvidence{cmdline: k("net.naming_scheme=v254"), environ: none, database: none, release: fact.Known[linkfiles.Release](254)}, "v253", "default of the release"},
		"255 has v254":                       {schemeEvidence{cmdline: k("net.naming_scheme=v254"), environ: none, database: none, release: fact.Known[linkfiles.Release](255)}, "v254", "kernel command line"},
		"254 has v253":                       {schemeEvidence{cmdline: k(""), environ: none, database: none, release: fact.Known[linkfiles.Release](254)}, "v253", "default of the release"},
		"the command line, with a dash":      {schemeEvidence{cmdline: k("quiet net.naming-scheme=v240 x"), environ: none, database: none}, "v240", "kernel command line"},
		"the last one on the command line":   {schemeEvidence{cmdline: k("net.naming_scheme=v240 net.naming_scheme=v241"), environ: none, database: none}, "v241", "kernel command line"},
		"the environment before it":          {schemeEvidence{cmdline: k("net.naming_scheme=v240"), environ: k("v245"), database: none}, "v245", "udevd environment"},
		"a weak environment behind it":       {schemeEvidence{cmdline: k("net.naming_scheme=v240"), environ: k(":v245"), database: none}, "v240", "kernel command line"},
		"a weak environment alone":           {schemeEvidence{cmdline: k(""), environ: k(":v245"), database: none}, "v245", "udevd environment"},
		"a scheme of the future is ignored":  {schemeEvidence{cmdline: k("net.naming_scheme=v257"), environ: none, database: none}, "v252", "default of the release"},
		"latest is the default":              {schemeEvidence{cmdline: k("net.naming_scheme=latest"), environ: none, database: none}, "v252", "default of the release"},
		"the database knows the default":     {schemeEvidence{cmdline: k(""), environ: none, database: k("rhel-9.4")}, "rhel-9.4", "udev database"},
		"a secret environment":               {schemeEvidence{cmdline: k(""), environ: secret, database: none}, "?", ""},
		"a secret environment, but database": {schemeEvidence{cmdline: k(""), environ: secret, database: k("v252")}, "v252", "udev database"},
		"a distribution's name":              {schemeEvidence{cmdline: k("net.naming_scheme=rhel-9.0"), environ: none, database: none}, "?", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.e.online = true
			if c.e.release.IsUnknown() {
				c.e.release = fact.Known[linkfiles.Release](252)
			}
			got := namingScheme(c.e)
			switch n, ok := got.Get(); {
			case c.want == "?" && !got.IsUnknown(), c.want == "" && !got.IsAbsent(), ok && (n.Name != c.want || n.Source != c.from):
				t.Errorf("%v, want %s from %s", got, c.want, c.from)
			case !ok && c.from != "":
				t.Errorf("%v", got)
			}
		})
	}
}

func TestMachineTagsAreCleanedAsInSystemd262(t *testing.T) {
	got := machineTags([]byte("PRETTY_HOSTNAME=x\nTAGS=\"web:db:-bad:db:rack=1:rack=2:end-:a b\"\n"))
	if diff := cmp.Diff([]string{"db", "rack=1", "web"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSnapshotComesBackAsItWasSavedButWithoutTheMachineID(t *testing.T) {
	id, _ := linkfiles.ParseMachineID("0123456789abcdef0123456789abcdef")
	s := &Snapshot{
		Schema: SnapshotSchema, Taken: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Devices: []Device{{Index: 2, Name: "br<0>", Kind: "bridge", AddrAssignType: fact.Known(AddrSet), Driver: fact.Absent[string]()}},
	}
	s.System.MachineID = linkfiles.KnownMachineID(id)
	s.System.KernelCommandLine = fact.Known("quiet systemd.machine_id=0123456789abcdef0123456789abcdef ro")
	var closed, open, again bytes.Buffer
	if err := Save(&closed, s, false); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(closed.String(), "0123456789abcdef0123456789abcdef") {
		t.Errorf("the machine-id is in %s", closed.String())
	}
	if err := Save(&open, s, true); err != nil || strings.Count(open.String(), "0123456789abcdef0123456789abcdef") != 2 {
		t.Errorf("%v %s", err, open.String())
	}
	back, err := Load(bytes.NewReader(closed.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if is, ok := back.System.MachineID.Is(id); !is || !ok {
		t.Error("the fingerprint does not know the machine-id")
	}
	if err := Save(&again, back, false); err != nil || again.String() != closed.String() {
		t.Errorf("saved again it differs: %v\n%s", err, cmp.Diff(closed.String(), again.String()))
	}
	for name, c := range map[string]struct{ in, want string }{
		"empty":           {"", "empty"},
		"not JSON":        {"hello", "line 1"},
		"no schema":       {"{}", "no \"schema\""},
		"a later schema":  {`{"schema":"linkaudit.snapshot/2","new":1}`, "linkaudit.snapshot/2"},
		"unknown field":   {`{"schema":"linkaudit.snapshot/1","new":1}`, "unknown field"},
		"trailing data":   {closed.String() + "{}", "after top-level value"},
		"a broken device": {strings.Replace(closed.String(), `"index": 2`, `"index": "x"`, 1), "line "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(strings.NewReader(c.in))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	if _, err := load(bytes.NewReader(closed.Bytes()), 100); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("more than the limit: %v", err)
	}
}

// What /proc/PID/status says; the first was captured on Linux 6.18, without the lines
// of no interest.
func TestAProcessIsOfThisNamespaceAndAlive(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		parent int
		here   bool
	}{
		"udevd":             {"Name:\tsystemd-udevd\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t20830\nPid:\t20830\nPPid:\t1\nTracerPid:\t0\nNStgid:\t20830\nNSpid:\t20830\n", 1, true},
		"in a container":    {"State:\tS (sleeping)\nPPid:\t300\nNSpid:\t20830\t17\n", 300, false},
		"dead":              {"State:\tZ (zombie)\nPPid:\t1\nNSpid:\t20830\n", 1, false},
		"before Linux 4.1":  {"State:\tS (sleeping)\nPPid:\t1\n", 1, true},
		"a name with State": {"Name:\tState: Z\nState:\tR (running)\nPPid:\t12\nNSpid:\t20830\n", 12, true},
		"nothing":           {"", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			if parent, _, here := parseProcessStatus(c.text); parent != c.parent || here != c.here {
				t.Errorf("parent %d, here %v", parent, here)
			}
		})
	}
}
