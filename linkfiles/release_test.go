package linkfiles

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// What a row of the table below has: files, a device and a machine.
type scene struct {
	files ConfigType
	// entries are the names of the search path by their full path; those in a
	// NAME.link.d directory are drop-ins.
	entries map[string]Entry
	dev     Device
	sys     System
}

func text(content string) Entry {
	return Entry{Type: TypeRegular, Mode: 0o644, Size: int64(len(content)), Content: []byte(content)}
}

const (
	usrA = usrLibDir + "/50-a.link"
	etcA = etcDir + "/50-a.link"
	usrX = usrA + ".d/x.conf"
)

// oneFile is the scene with a single file, a device a of type Ethernet.
func oneFile(content string) scene { return scene{entries: map[string]Entry{usrA: text(content)}} }

func (s scene) device(change func(*Device)) scene { change(&s.dev); return s }
func (s scene) system(change func(*System)) scene { change(&s.sys); return s }
func (s scene) with(path string, e Entry) scene {
	entries := map[string]Entry{path: e}
	for p, e := range s.entries {
		entries[p] = e
	}
	s.entries = entries
	return s
}

func (s scene) store() *Store {
	store := &Store{Type: s.files}
	for _, path := range SearchPath {
		d := Dir{Path: path}
		dropIns := map[string]*Dir{}
		for name, e := range s.entries {
			below, ok := strings.CutPrefix(name, path+"/")
			if !ok {
				continue
			}
			sub, base, inDir := strings.Cut(below, "/")
			if !inDir {
				e.Name = below
				d.Entries = append(d.Entries, e)
				continue
			}
			if dropIns[sub] == nil {
				dropIns[sub] = &Dir{Path: join(path, sub)}
			}
			e.Name = base
			dropIns[sub].Entries = append(dropIns[sub].Entries, e)
		}
		for _, dd := range dropIns {
			d.DropIns = append(d.DropIns, *dd)
		}
		store.Dirs = append(store.Dirs, d)
	}
	return store
}

// applied is the file that applies to the device: "none", "?" where that is
// unknown, and "!" behind one that was chosen by an unpredictable name.
func (s scene) applied(rel Release) string {
	if s.dev.Name == "" {
		s.dev.Name = "a"
	}
	for _, f := range []*Fact[MAC]{&s.dev.MAC, &s.dev.PermMAC} {
		if f.IsUnknown() {
			*f = Absent[MAC]()
		}
	}
	for _, f := range []*Fact[string]{&s.dev.Driver, &s.dev.Kind, &s.dev.Type, &s.dev.Path} {
		if f.IsUnknown() {
			*f = Absent[string]()
		}
	}
	if s.dev.NameAssignType.IsUnknown() {
		s.dev.NameAssignType = Known(3)
	}
	d := Parse(s.store(), rel).Decide(&s.sys, &s.dev)
	switch file, ok := d.File.Get(); {
	case ok && d.NameUnpredictable:
		return file.Path + "!"
	case ok:
		return file.Path
	case d.File.IsAbsent():
		return "none"
	}
	return "?"
}

// said is what is said about the files, without what udevd never says aloud.
func (s scene) said(rel Release) string {
	t := Parse(s.store(), rel)
	ds := t.Diagnostics
	for _, f := range t.Files {
		ds = append(ds, f.Diagnostics...)
	}
	var out []string
	for _, d := range ds {
		if d.Level != LevelInfo {
			out = append(out, fmt.Sprintf("%s %s:%d", d.Code, d.Level, d.Line))
		}
	}
	return strings.Join(out, ", ")
}

func (s scene) states(rel Release) string {
	var out []string
	for _, f := range Parse(s.store(), rel).Files {
		out = append(out, string(f.State))
	}
	return strings.Join(out, " ")
}

// settings are those of the first file, of a .netdev or .network file.
func (s scene) settings(rel Release) string {
	var out []string
	for id, set := range Parse(s.store(), rel).Files[0].settings {
		_, key, _ := strings.Cut(id, ".")
		out = append(out, key+"="+set.Value)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// networks is a scene of .network files by name.
func networks(files map[string]string) scene {
	s := scene{files: NetworkFiles, entries: map[string]Entry{}}
	for name, content := range files {
		s.entries[usrLibDir+"/"+name+".network"] = text(content)
	}
	return s
}

const matchAName = "[Match]\nName=a\n"

func properties1(key, value string) func(*Device) {
	return func(d *Device) {
		d.Properties = func(k string) Fact[string] {
			if k == key {
				return Known(value)
			}
			return Absent[string]()
		}
	}
}

func kernel(release string) func(*System) {
	return func(s *System) { s.KernelRelease = Known(release) }
}

// Each row was read off the two releases' sources, in the function it names;
// first is the release in which the new behaviour is seen first.
func TestReleasesDifferAsTheSourcesShow(t *testing.T) {
	const matchA = "[Match]\nOriginalName=a\n"
	loop := Entry{Type: TypeMissing, Err: "ELOOP", Symlink: "50-a.link"}
	dangling := Entry{Type: TypeMissing, Err: "ENOENT", Symlink: "nothing"}
	through := Entry{Type: TypeMissing, Err: "ENOTDIR", Symlink: "/etc/passwd/x"}
	null := Entry{Type: TypeNull, Symlink: "/dev/null"}
	twin := func() scene {
		e := text(matchA)
		e.Inode = 7
		return scene{entries: map[string]Entry{usrA: e, usrX: e}}
	}()
	infiniBand := func(d *Device) {
		d.MAC = Known[MAC]("80:00:02:08:fe:80:00:00:00:00:00:00:f4:52:14:03:00:7b:cb:a1")
	}
	assign := func(n int) func(*Device) { return func(d *Device) { d.NameAssignType = Known(n) } }
	named := func(name string) func(*Device) { return func(d *Device) { d.Name = name } }
	firmware := func(s *System) {
		s.Firmware = Known(Firmware{DeviceTree: true, Compatible: []string{"a(b)"}})
	}
	const bootID = "c1f8a624-8571-4da3-9211-aff86f56f11c"

	rows := []struct {
		name   string
		quirk  string // the field of quirks
		source string
		first  Release
		s      scene
		get    func(scene, Release) string
		before string
		from   string
	}{
		{"/usr/local/lib is searched", "localLib", "link_config_load", 242,
			scene{entries: map[string]Entry{localLibDir + "/50-a.link": text(matchA)}}, scene.applied, "none", localLibDir + "/50-a.link"},
		{"/lib is searched no more", "splitUsr", "constants.h", 255,
			scene{entries: map[string]Entry{splitUsrDir + "/50-a.link": text(matchA)}}, scene.applied, splitUsrDir + "/50-a.link", "none"},
		{"drop-ins are read", "dropIns", "link_load_one", 248,
			oneFile(matchA).with(usrX, text("[Match]\nDriver=x\n")), scene.applied, usrA, "none"},
		{"a file that is its own drop-in is read once", "dropInTwin", "config_parse_many_files", 255,
			twin, func(s scene, rel Release) string {
				return fmt.Sprint(len(Parse(s.store(), rel).Files[0].Assignments))
			}, "2", "1"},
		{"a drop-in masked by /dev/null takes the file with it", "regularOnly", "config_parse_many_files", 260,
			oneFile(matchA).with(usrX, null), scene.applied, usrA, "none"},
		{"a slash behind a drop-in's name is nothing", "chase", "config_parse_many_files", 255,
			oneFile(matchA).with(usrX, Entry{Type: TypeRegular, Content: []byte("[Link]\n"), Symlink: "/run/x/", Slash: true}), scene.applied, "none", usrA},
		{"a drop-in linked to . is none", "chase", "chase_and_open", 255,
			oneFile(matchA).with(usrX, Entry{Type: TypeDirectory, Symlink: ".", Dot: true}), scene.applied, "none", usrA},
		{"32 links to a drop-in are too many", "chaseLinks", "chase", 255,
			oneFile(matchA).with(usrX, Entry{Type: TypeRegular, Content: []byte("[Link]\n"), Symlink: "x", Links: 32}), scene.applied, usrA, "none"},
		{"and are not", "chaseLinks", "files_add", 258,
			oneFile(matchA).with(usrX, Entry{Type: TypeRegular, Content: []byte("[Link]\n"), Symlink: "x", Links: 41}), scene.applied, "none", usrA},
		{"a link through a missing directory and back is passed over", "loopNotListed", "files_add", 258,
			oneFile(matchA).with(etcA, Entry{Type: TypeMissing, Err: "ENOENT", Symlink: "/a/../b", Back: true}), scene.applied, "none", usrA},
		{"a slash behind a file's name is refused in every release", "", "link_load_one", 258,
			oneFile(matchA).with(etcA, Entry{Type: TypeRegular, Content: []byte(matchA), Symlink: "/run/x/", Slash: true}), scene.applied, "none", "none"},
		{"a loop of links shadows no more", "loopNotListed", "files_add", 258,
			oneFile(matchA).with(etcA, loop), scene.applied, "none", usrA},
		{"nor does a link through a file", "loopNotListed", "files_add", 258,
			oneFile(matchA).with(etcA, through), scene.applied, "none", usrA},
		{"a dangling link shadows in every release", "", "files_add", 258,
			oneFile(matchA).with(etcA, dangling), scene.applied, "none", "none"},
		{"a loop of links is told again", "loopWarns", "link_config_load", 260,
			oneFile(matchA).with(etcA, loop), scene.said, "", "unreadable-file warning:0"},
		{"a loop of links is told no more", "loopNotListed", "files_add", 258,
			oneFile(matchA).with(etcA, loop), scene.said, "unreadable-file warning:0", ""},
		{"a file in the place of a directory is told", "noDirWarns", "conf_files_list_impl", 260,
			oneFile(matchA), func(s scene, rel Release) string {
				st := s.store()
				st.Dirs = append([]Dir{{Path: etcDir, NoDir: "ENOTDIR"}}, st.Dirs...)
				return string(Parse(st, rel).Diagnostics[0].Level)
			}, "info", "warning"},
		{"a drop-in that is a loop rejects the file in silence", "dropInTwin", "config_parse_many_files", 255,
			oneFile(matchA).with(usrX, loop), scene.said, "unreadable-file error:0", ""},
		{"a drop-in that is a loop is told", "openFailureWarns", "config_parse_many_files", 257,
			oneFile(matchA).with(usrX, loop), scene.said, "", "unreadable-file warning:0"},
		{"that a drop-in failed is said of the file no more", "failureRepeated", "link_config_load", 251,
			oneFile(matchA).with(usrX, loop), scene.said, "unreadable-file error:0, unreadable-file error:0", "unreadable-file error:0"},
		{"a failure is said of the file as a whole", "failureRepeated", "link_config_load", 242,
			oneFile("[x\n"), scene.said, "bad-section-header error:1", "bad-section-header error:1, bad-section-header error:0"},
		{"and no more", "failureRepeated", "link_config_load", 251,
			oneFile("[x\n"), scene.said, "bad-section-header error:1, bad-section-header error:0", "bad-section-header error:1"},
		{"a loop of links is told", "failureRepeated", "link_config_load", 242,
			scene{entries: map[string]Entry{etcA: loop}}, scene.said, "", "unreadable-file error:0"},
		{"a high bit rate is told", "failureRepeated", "link_load_one", 242,
			oneFile(matchA + "[Link]\nBitsPerSecond=5G\n"), scene.said, "", "invalid-value error:4"},
		{"a dangling link is told", "danglingWarns", "link_load_one", 251,
			scene{entries: map[string]Entry{etcA: dangling}}, scene.said, "", "unreadable-file warning:0"},
		{"a loop of links is no error", "danglingWarns", "link_load_one", 251,
			scene{entries: map[string]Entry{etcA: loop}}, scene.said, "unreadable-file error:0", "unreadable-file warning:0"},
		{"a block device masks no more", "blockDeviceMasks", "null_or_empty", 246,
			scene{entries: map[string]Entry{etcA: {Type: TypeBlock}}}, scene.states, "masked", "unknown"},
		{"a broken file hides none before it", "abortOnError", "link_config_load", 242,
			oneFile(matchA).with(usrLibDir+"/60-b.link", text("[x\n")), scene.applied, "none", usrA},
		{"a dangling link never did", "", "load_link", 242,
			oneFile(matchA).with(usrLibDir+"/60-b.link", dangling), scene.applied, usrA, usrA},
		{"a file without [Match] applies no more", "emptyMatchAll", "link_load_one", 245,
			oneFile("[Link]\nMTUBytes=1500\n"), scene.applied, usrA, "none"},
		{"a file without [Match] is told", "emptyMatchWarns", "link_load_one", 243,
			oneFile("[Link]\nMTUBytes=1500\n"), scene.said, "", "match-empty warning:0"},
		{"comment lines are counted", "logicalLines", "config_parse", 245,
			oneFile("# one\n[Match]\nOriginalName=a\nX=1\n"), scene.said, "unknown-key warning:3", "unknown-key warning:4"},
		{"a carriage return ends a line", "returnEndsLine", "read_line_full", 240,
			oneFile("[Match]\rOriginalName=a\r"), scene.applied, "none", usrA},
		{"a comment in a continuation", "commentLine", "config_parse", 240,
			oneFile("[Match]\nOriginalName=x \\\n#b\n").device(named("#b")), scene.applied, usrA, "none"},
		{"an indented comment in a continuation", "commentLine", "config_parse", 241,
			oneFile("[Match]\nOriginalName=x \\\n #b\n").device(named("#b")), scene.applied, usrA, "none"},
		{"an empty line ends no continuation", "blankIsComment", "config_parse", 240,
			oneFile("[Match]\nOriginalName=x \\\n\na\n"), scene.applied, "none", usrA},
		{"it does again", "blankIsComment", "config_parse", 243,
			oneFile("[Match]\nOriginalName=x \\\n\na\n"), scene.applied, usrA, "none"},
		{"a line of blanks ends no continuation either", "commentLine", "config_parse", 241,
			oneFile("[Match]\nOriginalName=x \\\n \na\n"), scene.applied, "none", usrA},
		{".include is a line like others", "includeLine", "parse_line", 246,
			oneFile(matchA + ".include b\n"), scene.said, "invalid-value error:3", "missing-equals warning:3"},
		{"a line without = loses only itself", "missingEqualsFatal", "parse_line", 243,
			oneFile(matchA + "b\n"), scene.applied, "none", usrA},
		{"a line without a key", "missingKey", "parse_line", 243,
			oneFile(matchA + "=b\n"), scene.said, "unknown-key warning:3", "missing-key warning:3"},
		{"quotes in a section's name", "sectionSafe", "parse_line", 251,
			oneFile(matchA + "[b\"c]\n"), scene.applied, usrA, "none"},
		{"globs in a section's name", "sectionSafe", "string_is_safe", 261,
			oneFile(matchA + "[b*c]\n"), scene.applied, usrA, "none"},
		{"[Match] warns", "matchErrors", "config_parse_match_ifnames", 248,
			oneFile(matchA + "OriginalName=b/c\n"), scene.said, "invalid-value error:3", "invalid-value warning:3"},
		{"inversion is per line", "simpleInvert", "net_condition_test_strv", 243,
			oneFile("[Match]\nType=!x\nType=bond\n").device(func(d *Device) { d.Type = Known("bond") }), scene.applied, "none", usrA},
		{"a device without address matches no more", "macAbsentMatches", "net_match_config", 240,
			oneFile("[Match]\nMACAddress=02:00:00:00:00:01\n"), scene.applied, usrA, "none"},
		{"an InfiniBand address has 20 bytes", "macFirstSix", "net_match_config", 250,
			oneFile("[Match]\nMACAddress=80:00:02:08:fe:80\n").device(infiniBand), scene.applied, usrA, "none"},
		{"an address of four bytes is one", "macFirstSix", "net_match_config", 250,
			oneFile("[Match]\nMACAddress=0a:00:00:01\nMACAddress=02:00:00:00:00:01\n").device(func(d *Device) { d.MAC = Known[MAC]("0a:00:00:01") }), scene.applied, "none", usrA},
		{"a renamed device is matched by name", "renamedNameSkips", "link_config_get", 247,
			oneFile(matchA).device(assign(4)), scene.applied, "none", usrA},
		{"* matches a renamed device", "starExempt", "link_config_get", 243,
			oneFile("[Match]\nOriginalName=*\n").device(assign(4)), scene.applied, "none", usrA},
		{"* is no unpredictable name", "starExempt", "link_config_get", 243,
			oneFile("[Match]\nOriginalName=*\n").device(assign(1)), scene.applied, usrA + "!", usrA},
		{"an empty condition resets", "conditionReset", "config_parse_net_condition", 242,
			oneFile(matchA + "Host=b\nHost=\n").system(func(s *System) { s.Hostname = Known("h") }), scene.applied, "none", usrA},
		{"an empty OriginalName= resets", "", "config_parse_match_ifnames", 248,
			oneFile(matchA + "OriginalName=\nOriginalName=b\n"), scene.applied, usrA, "none"},
		{"a bad word loses only itself in MACAddress=", "hwAddrAllOrNothing", "config_parse_hwaddrs", 248,
			scene{}, func(_ scene, rel Release) string {
				// A backslash at the end does not get through the grammar.
				q := rel.quirks()
				p := &parser{rel: rel, q: &q, complain: func(Pos, Code, Level, string) {}}
				return fmt.Sprint(parseAddresses(p, Assignment{Value: `02:00:00:00:00:01 \`}, &condition{}))
			}, "false", "true"},
		{"a MACAddress= without an address is none", "macSetEmptyList", "config_parse_hwaddrs", 248,
			oneFile(matchA + "MACAddress=b\n"), scene.applied, "none", usrA},
		{"the loopback device has no file", "loopback", "link_config_get", 249,
			oneFile("[Match]\nOriginalName=lo\n").device(func(d *Device) { d.Name, d.Loopback = "lo", true }), scene.applied, usrA, "none"},
		{"Type=ether", "typeFromARPHRD", "link_get_type_string", 245,
			oneFile("[Match]\nType=ether\n").device(func(d *Device) { d.Type, d.TypeFromARPHRD = Known("ether"), true }), scene.applied, "none", usrA},
		{"a null permanent address counts", "nullPermanent", "ethtool_get_permanent_hw_addr", 250,
			oneFile("[Match]\nPermanentMACAddress=00:00:00:00:00:00\n").device(func(d *Device) {
				d.MAC, d.PermMAC = Known[MAC]("02:00:00:00:00:01"), Known[MAC]("00:00:00:00:00:00")
			}), scene.applied, "none", usrA},
		{"Driver= is ETHTOOL_GDRVINFO", "driverRecorded", "link_new", 250,
			oneFile("[Match]\nDriver=bridge\n").device(func(d *Device) {
				properties1("ID_NET_DRIVER", "bridge")(d)
				d.Driver = Known("x")
			}), scene.applied, usrA, "none"},
		{"Driver= is ID_NET_DRIVER", "driverProperty", "link_new", 255,
			oneFile("[Match]\nDriver=bridge\n").device(func(d *Device) {
				properties1("X", "")(d)
				d.Driver = Known("bridge")
			}), scene.applied, usrA, "none"},
		{"a name with a control character is refused", "cleanText", "property_is_valid", 260,
			oneFile("[Match]\nOriginalName=*\n").device(named("c\x01x")), scene.applied, usrA, "none"},
		{"a name with a noncharacter is refused", "cleanText", "property_is_valid", 260,
			oneFile("[Match]\nOriginalName=*\n").device(named("e\ufffex")), scene.applied, usrA, "none"},
		{"a name with a C1 control character is not", "", "property_is_valid", 260,
			oneFile("[Match]\nOriginalName=*\n").device(named("h\u0085x")), scene.applied, usrA, usrA},
		{"a property with a tab is none", "cleanText", "property_is_valid", 260,
			oneFile("[Match]\nProperty=ODD=*\n").device(properties1("ODD", "a\tb")), scene.applied, usrA, "none"},
		{"! in a name is itself", "sysName", "link_new", 258,
			oneFile("[Match]\nOriginalName=p!x\n").device(named("p!x")), scene.applied, "none", usrA},
		{"! in a name was a slash", "sysName", "link_new", 258,
			oneFile("[Match]\nOriginalName=p?x\n").device(named("p!x")), scene.applied, usrA, usrA},
		{"the driver of a device with ! in its name", "sysName", "link_new", 258,
			oneFile("[Match]\nDriver=bridge\n").device(func(d *Device) {
				d.Name, d.Driver, d.DriverUnrecorded = "p!x", Known("bridge"), true
				properties1("ID_NET_DRIVER", "bridge")(d)
			}), scene.applied, "none", usrA},
		{"its null permanent address", "sysName", "ethtool_get_permanent_hw_addr", 258,
			oneFile("[Match]\nPermanentMACAddress=00:00:00:00:00:00\n").device(func(d *Device) {
				d.Name, d.MAC, d.PermMAC = "p!x", Known[MAC]("02:00:00:00:00:01"), Known[MAC]("00:00:00:00:00:00")
			}), scene.applied, "none", usrA},
		{"!= is an operator", "versionUnequal", "parse_order", 242,
			oneFile("[Match]\nKernelVersion=!!=6.1\n").system(kernel("6.2")), scene.applied, usrA, "none"},
		{"KernelVersion= is a list", "versionList", "condition_test_kernel_version", 243,
			oneFile("[Match]\nKernelVersion=>=5 <7\n").system(kernel("8.0")), scene.applied, usrA, "none"},
		{"= compares text", "versionFnmatch", "condition_test_kernel_version", 252,
			oneFile("[Match]\nKernelVersion==6.1\n").system(kernel("6.01")), scene.applied, usrA, "none"},
		{"a tilde makes older", "versionUAPI", "condition_test_kernel_version", 248,
			oneFile("[Match]\nKernelVersion=>=6.1\n").system(kernel("6.1~rc1")), scene.applied, usrA, "none"},
		{"zero is a number", "versionZeroIsNothing", "strverscmp_improved", 252,
			oneFile("[Match]\nKernelVersion=>=1.a\n").system(kernel("1.0")), scene.applied, "none", usrA},
		{"the version of systemd", "versionSubject", "condition_test_version", 258,
			oneFile("[Match]\nKernelVersion=systemd >= 1\n").system(kernel("6.1")), scene.applied, "none", usrA},
		{"the version of glibc", "versionSubject", "condition_test_version", 258,
			oneFile("[Match]\nKernelVersion=glibc >= 2.36\n").system(func(s *System) { s.KernelRelease, s.Glibc = Known("6.1"), Known("2.41") }), scene.applied, "none", usrA},
		{"a backslash on the command line", "cmdlineRetainEscape", "proc_cmdline_strv", 254,
			oneFile("[Match]\nKernelCommandLine=c\n").system(func(s *System) { s.KernelCommandLine = Known(`b\ c`) }), scene.applied, "none", usrA},
		{"Host= is the boot ID", "hostOtherIDs", "condition_test_host", 258,
			oneFile("[Match]\nHost=" + bootID + "\n").system(func(s *System) {
				s.MachineID, s.BootID, s.Hostname = KnownMachineID([16]byte{1}), Known(bootID), Known("h")
			}), scene.applied, "none", usrA},
		{"a malformed smbios-field is an error", "smbios", "condition_test_firmware", 252,
			oneFile("[Match]\nFirmware=!smbios-field(\n").system(firmware), scene.applied, usrA, "none"},
		{"the last parenthesis", "firmwareLastParen", "condition_test_firmware", 252,
			oneFile("[Match]\nFirmware=device-tree-compatible(a(b))\n").system(firmware), scene.applied, "none", usrA},
		{"a control character in Property=", "envValueCC", "env_value_is_valid", 247,
			oneFile("[Match]\nProperty=\"K=\\x01\"\n").device(properties1("K", "\x01")), scene.applied, "none", usrA},
		{"a bracket that is not closed", "globUnclosedFails", "fnmatch(3) of glibc 2.33", 248,
			oneFile("[Match]\nOriginalName=[[a\n").device(named("[[a")), scene.applied, "none", usrA},

		{"a .network file that cannot be parsed hides those before it, then those behind", "abortForward", "network_load", 243,
			networks(map[string]string{"10-a": matchAName, "20-b": "[Match\n", "30-c": matchAName}), scene.applied, "/usr/lib/systemd/network/30-c.network", "/usr/lib/systemd/network/10-a.network"},
		{"and then hides none", "abortForward", "network_load", 244,
			networks(map[string]string{"10-b": "[Match\n", "30-c": matchAName}), scene.applied, "none", "/usr/lib/systemd/network/30-c.network"},
		{"a .netdev file that cannot be parsed hides those before it, then those behind", "abortForward", "netdev_load", 242,
			scene{files: NetDevFiles, entries: map[string]Entry{usrLibDir + "/10-a.netdev": text("[NetDev]\n"), usrLibDir + "/20-b.netdev": text("[Match\n"), usrLibDir + "/30-c.netdev": text("[NetDev]\n")}},
			scene.states, "rejected rejected active", "active rejected rejected"},
		{"the rest of a .netdev file's drop-in", "dropInsHalf", "netdev_load_one", 240,
			scene{files: NetDevFiles, entries: map[string]Entry{usrLibDir + "/a.netdev": text("[NetDev]\nName=b\n"), usrLibDir + "/a.netdev.d/x.conf": text("[NetDev]\nName=c\nMACAddress=02:00:00:00:00:01\n")}},
			scene.settings, "Name=c", "MACAddress=02:00:00:00:00:01 Name=c"},
		{"a second Kind= of a .netdev file", "", "config_parse_netdev_kind", 240,
			scene{files: NetDevFiles, entries: map[string]Entry{usrLibDir + "/a.netdev": text("[NetDev]\nKind=bond\nKind=bridge\n")}},
			scene.settings, "Kind=bridge", "Kind=bond"},
		{"Name= fits an alternative name", "altNames", "net_condition_test_ifname", 245,
			networks(map[string]string{"a": "[Match]\nName=other\n"}).device(func(d *Device) { d.AltNames = []string{"other"} }), scene.applied, "none", "/usr/lib/systemd/network/a.network"},
		{"a name longer than an interface may have", "nameLonger", "networkd-network-gperf.gperf", 247,
			networks(map[string]string{"a": "[Match]\nName=longerthanfifteen\n"}).device(func(d *Device) { d.AltNames = []string{"longerthanfifteen"} }), scene.applied, "none", "/usr/lib/systemd/network/a.network"},
		{"Kind= of a .network file", "", "networkd-network-gperf.gperf", 251,
			networks(map[string]string{"a": "[Match]\nKind=bond\n"}).device(func(d *Device) { d.Kind = Known("bond") }), scene.applied, "none", "/usr/lib/systemd/network/a.network"},
		{"Firmware= of a .network file", "", "networkd-network-gperf.gperf", 249,
			networks(map[string]string{"a": "[Match]\nFirmware=device-tree\n"}).system(firmware), scene.applied, "none", "/usr/lib/systemd/network/a.network"},
	}
	covered := map[string]bool{}
	for _, r := range rows {
		covered[r.quirk] = true
		t.Run(fmt.Sprintf("%d/%s", r.first, r.name), func(t *testing.T) {
			if got := r.get(r.s, r.first-1); got != r.before {
				t.Errorf("%d (%s): %q, want %q", r.first-1, r.source, got, r.before)
			}
			if got := r.get(r.s, r.first); got != r.from {
				t.Errorf("%d (%s): %q, want %q", r.first, r.source, got, r.from)
			}
			if r.quirk == "" {
				return
			}
			before, from := reflect.ValueOf(r.s.files.quirks(r.first-1)).FieldByName(r.quirk), reflect.ValueOf(r.s.files.quirks(r.first)).FieldByName(r.quirk)
			if before.Equal(from) {
				t.Errorf("%s is the same in %d and %d", r.quirk, r.first-1, r.first)
			}
		})
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[quirks]()) {
		if !covered[f.Name] {
			t.Errorf("no row shows %s", f.Name)
		}
	}
}
