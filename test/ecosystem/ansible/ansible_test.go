//go:build ecosystem

package ansible

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"linkaudit/test/tool"
)

const (
	tree    = "../../.."
	source  = "/src/contrib/ansible"
	tarball = "/src/dist/linkaudit-linkaudit-1.0.0.tar.gz"

	etcNetwork = "/etc/systemd/network"
	override   = etcNetwork + "/60-linkaudit-device-br0.link"

	moduleFix   = "linkaudit.linkaudit.linkaudit"
	moduleFacts = "linkaudit.linkaudit.linkaudit_facts"
)

// outcome is what a module returned for a host.
type outcome struct {
	// Failed is from the exit status of ansible.
	Failed             bool
	Changed            bool
	Msg                string
	Path               string
	Diff               struct{ Prepared string }
	Reloaded, Verified bool
	Remaining          []string
	Targets            []struct {
		Kind, Name, Path string
		Changed          bool
	}
	Addresses []struct{ Device, MAC, Port string }
	Findings  []struct{ Device, Rule, Severity string }
	Facts     struct {
		Audit *struct {
			Schema  string
			Host    struct{ Hostname, Udevd string }
			Devices []struct {
				Name   string
				Policy string `json:"mac_address_policy"`
			}
			Summary struct{ Devices, Errors, Warnings int }
		} `json:"linkaudit"`
		Identity *struct {
			Fingerprint string
			Devices     []struct{ Name, MAC string }
		} `json:"linkaudit_identity"`
	} `json:"ansible_facts"`
	screen string
}

// module runs a module on a host with "ansible", with additional flags.
func (l *lab) module(host, name string, options map[string]any, flags ...string) outcome {
	l.t.Helper()
	var args []byte
	var err error
	if options != nil {
		args, err = json.Marshal(options)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	const results = "/run/results"
	l.remove(results)
	command := append([]string{"ansible", host, "-i", strings.Join(slices.Sorted(maps.Keys(l.hosts)), ",") + ",",
		"-m", name, "-a", string(args), "--tree", results}, flags...)
	r := l.ansible("/src", command...)
	b, err := os.ReadFile(l.path(results + "/" + host))
	if err != nil {
		l.t.Fatalf("no result: %v: %v", err, r)
	}
	o := outcome{screen: r.stdout + r.stderr}
	if err := json.Unmarshal(b, &o); err != nil {
		l.t.Fatalf("%v: %s", err, b)
	}
	o.Failed = r.status != 0
	return o
}

type options = map[string]any

var (
	web = host{"web1", "0123456789abcdef0123456789abcdef"}
	db  = host{"db1", "fedcba9876543210fedcba9876543210"}
)

// TestCollection runs all stories with one controller. .ci/run runs only the first: a
// fix in check mode, the fix, the fix again, and its removal.
func TestCollection(t *testing.T) {
	l := newLab(t)
	for i, s := range []struct {
		name string
		tell func(*testing.T, *lab)
	}{
		{"a fix lasts until it is absent", aFixLastsUntilItIsAbsent},
		{"many targets are one change", manyTargetsAreOneChange},
		{"a name is neither an option nor a variable", aNameIsNeitherAnOptionNorAVariable},
		{"an address is a change too", anAddressIsAChangeToo},
		{"a failure has the program's message", aFailureIsToldInTheProgramsWords},
		{"facts hold the audit", factsHoldTheAudit},
		{"the role installs, fixes and audits", theRoleInstallsFixesAndAudits},
		{"the role installs a package", theRoleInstallsAPackage},
		{"a fleet is one report", aFleetIsOneReport},
		{"the documentation is what ansible-doc shows", theDocumentationIsWhatAnsibleDocShows},
		{"the examples of the modules run", theExamplesRun},
		{"what the README shows runs", whatTheReadmeShowsRuns},
		{"ansible-test and the linters find nothing", theLintersHaveNothingToSay},
	} {
		t.Run(s.name, func(t *testing.T) {
			if i > 0 {
				tool.OnlyInFull(t)
			}
			s.tell(t, l.story(t))
		})
	}
}

func aFixLastsUntilItIsAbsent(t *testing.T, l *lab) {
	web := l.add(web)
	br0 := options{"bridge": "br0"}
	untouched := web.contents(etcNetwork)
	madeUp := strings.TrimSpace(web.must("cat", "/sys/class/net/br0/address"))
	if kind := strings.TrimSpace(web.must("cat", "/sys/class/net/br0/addr_assign_type")); kind != "3" {
		t.Fatalf("the address of br0 is of type %s, not set by udev", kind)
	}

	plan := l.module("web1", moduleFix, br0, "--check", "--diff")
	if !plan.Changed || plan.Path != override || plan.Verified || plan.Reloaded {
		t.Errorf("check mode: %+v", plan)
	}
	for _, shown := range []string{"+++ " + override, "+MACAddressPolicy=none", "+OriginalName=br0"} {
		if !strings.Contains(plan.screen, shown) {
			t.Errorf("--diff does not show %q:\n%s", shown, plan.screen)
		}
	}
	same(t, "check mode", untouched, web.contents(etcNetwork))

	// Pipelining and the name of the interpreter make the tests fast; by default
	// Ansible does without.
	first := l.module("web1", moduleFix, br0, "-e", "ansible_pipelining=false ansible_python_interpreter=auto")
	if !first.Changed || first.Path != override || !first.Verified || !first.Reloaded || first.Diff != plan.Diff ||
		len(first.Targets) != 1 || first.Targets[0].Name != "br0" || first.Targets[0].Kind != "bridge" || !first.Targets[0].Changed {
		t.Errorf("the first run: %+v", first)
	}
	if len(first.Remaining) != 1 || !strings.Contains(first.Remaining[0], "br0 keeps "+madeUp) {
		t.Errorf("what is left to do: %q", first.Remaining)
	}
	if strings.Contains(first.screen, "+MACAddressPolicy") && !strings.Contains(first.screen, `"prepared"`) {
		t.Errorf("a diff, unasked:\n%s", first.screen)
	}
	fixed := web.contents(etcNetwork)
	if !strings.Contains(fixed["/60-linkaudit-device-br0.link"], "MACAddressPolicy=none") {
		t.Errorf("%q", fixed)
	}
	// udevd itself shows whether the override works.
	web.must("ip", "link", "del", "br0")
	web.bridge("br0")
	if kind := strings.TrimSpace(web.must("cat", "/sys/class/net/br0/addr_assign_type")); kind != "1" {
		t.Errorf("the recreated br0 has an address of type %s, not the kernel's", kind)
	}

	for _, flags := range [][]string{{"--check", "--diff"}, nil} {
		if again := l.module("web1", moduleFix, br0, flags...); again.Changed || again.Path != override || again.Diff.Prepared != "" {
			t.Errorf("again, %q: %+v", flags, again)
		}
		same(t, "a second run", fixed, web.contents(etcNetwork))
	}

	absent := options{"bridge": "br0", "state": "absent"}
	plan = l.module("web1", moduleFix, absent, "--check", "--diff")
	if !plan.Changed || !strings.Contains(plan.screen, "--- "+override) || !strings.Contains(plan.screen, "-MACAddressPolicy=none") {
		t.Errorf("absent in check mode: %+v", plan)
	}
	same(t, "absent in check mode", fixed, web.contents(etcNetwork))
	if gone := l.module("web1", moduleFix, absent); !gone.Changed || gone.Path != override || !gone.Verified {
		t.Errorf("absent: %+v", gone)
	}
	same(t, "absent", untouched, web.contents(etcNetwork))
	if again := l.module("web1", moduleFix, absent); again.Changed {
		t.Errorf("absent again: %+v", again)
	}
}

func manyTargetsAreOneChange(t *testing.T, l *lab) {
	web := l.add(web)
	untouched := web.contents(etcNetwork)
	all := options{"bond": []string{"bond0", "bond1"}, "kind": []string{"team"}, "device": []string{"eth0"}, "bridge": []string{"br0"}}
	fixed := l.module("web1", moduleFix, all)
	if !fixed.Changed || len(fixed.Targets) != 5 {
		t.Errorf("%+v", fixed)
	}
	if again := l.module("web1", moduleFix, all); again.Changed {
		t.Errorf("again: %+v", again)
	}
	one := l.module("web1", moduleFix, options{"bond": []string{"bond0"}, "state": "absent"})
	if !one.Changed || len(one.Targets) != 1 || one.Targets[0].Name != "bond0" {
		t.Errorf("one of them: %+v", one)
	}
	// br0 is not a bond, so none of the targets is fixed.
	before := web.contents(etcNetwork)
	if o := l.module("web1", moduleFix, options{"bond": []string{"bond0", "br0"}}); !o.Failed || !strings.Contains(o.Msg, "br0") {
		t.Errorf("%+v", o)
	}
	same(t, "half of it is wrong", before, web.contents(etcNetwork))
	if o := l.module("web1", moduleFix, options{"everything": true, "state": "absent"}); !o.Changed || len(o.Targets) != 4 {
		t.Errorf("everything: %+v", o)
	}
	same(t, "everything is absent", untouched, web.contents(etcNetwork))
}

func aNameIsNeitherAnOptionNorAVariable(t *testing.T, l *lab) {
	web := l.add(web)
	untouched := web.contents(etcNetwork)
	names := []string{"$HOME", "${PATH}", "~root", "-dash", "--yes", "$(id)", "a;b", "`id`", "'", `"`, "*"}
	fixed := l.module("web1", moduleFix, options{"bridge": names})
	var got []string
	for _, target := range fixed.Targets {
		got = append(got, target.Name)
	}
	if !fixed.Changed || !slices.Equal(got, names) {
		t.Errorf("%q, not %q: %+v", got, names, fixed)
	}
	if o := l.module("web1", moduleFix, options{"bridge": names, "state": "absent"}); !o.Changed || len(o.Targets) != len(names) {
		t.Errorf("%+v", o)
	}
	same(t, "all are absent", untouched, web.contents(etcNetwork))
}

func anAddressIsAChangeToo(t *testing.T, l *lab) {
	web := l.add(web)
	l.module("web1", moduleFix, options{"bridge": "br0"})
	web.must("ip", "link", "add", "ve0", "address", "02:00:00:00:00:77", "type", "veth", "peer", "name", "ve1")
	web.must("ip", "link", "set", "ve0", "master", "br0")
	made := strings.TrimSpace(web.must("cat", "/sys/class/net/br0/address"))
	for _, name := range []string{"ve0", "ve1", "br0"} {
		web.must("ip", "link", "set", name, "up")
	}
	tool.Eventually(t, "br0 has a carrier", func() bool { return web.doIn("/", "grep", "-q", "1", "/sys/class/net/br0/carrier").status == 0 })

	apply := options{"bridge": "br0", "apply": true}
	if o := l.module("web1", moduleFix, apply); !o.Failed || o.Changed || !strings.Contains(o.Msg, "br0 is up") {
		t.Errorf("a device that is up, unasked: %+v", o)
	}
	apply["allow_disruption"] = true
	if o := l.module("web1", moduleFix, apply, "--check"); !o.Changed || len(o.Addresses) != 1 || o.Diff.Prepared != "" {
		t.Errorf("check mode: %+v", o)
	}
	if mac := strings.TrimSpace(web.must("cat", "/sys/class/net/br0/address")); mac != made {
		t.Errorf("check mode made %s of %s", mac, made)
	}
	if o := l.module("web1", moduleFix, apply); !o.Changed || len(o.Addresses) != 1 ||
		o.Addresses[0].Device != "br0" || o.Addresses[0].MAC != "02:00:00:00:00:77" || o.Addresses[0].Port != "ve0" {
		t.Errorf("%+v", o)
	}
	if mac := strings.TrimSpace(web.must("cat", "/sys/class/net/br0/address")); mac != "02:00:00:00:00:77" {
		t.Errorf("the address is %s", mac)
	}
	for _, flags := range [][]string{{"--check"}, nil} {
		if o := l.module("web1", moduleFix, apply, flags...); o.Changed || len(o.Addresses) != 0 {
			t.Errorf("again, %q: %+v", flags, o)
		}
	}
}

func aFailureIsToldInTheProgramsWords(t *testing.T, l *lab) {
	web := l.add(web)
	br0 := options{"bridge": "br0"}
	// sameWords compares the message with the program's own.
	sameWords := func(o outcome, args ...string) {
		t.Helper()
		r := web.doIn("/", append([]string{program}, args...)...)
		if r.status != 2 {
			t.Fatalf("%v", r)
		}
		if !o.Failed || o.Changed || o.Msg != strings.TrimSpace(r.stderr) {
			t.Errorf("the module says\n%s\nand the program\n%s", o.Msg, r.stderr)
		}
	}
	unchanged := func(what string, do func()) {
		t.Helper()
		before := web.contents(etcNetwork)
		do()
		same(t, what, before, web.contents(etcNetwork))
	}

	web.write(etcNetwork+"/!first.link", "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n", 0o644)
	unchanged("a file before every number", func() {
		o := l.module("web1", moduleFix, br0)
		sameWords(o, "fix", "--bridge", "br0", "--dry-run")
		if !strings.Contains(o.Msg, "!first.link") {
			t.Errorf("it does not name the file: %q", o.Msg)
		}
		sameWords(l.module("web1", moduleFix, br0, "--check"), "fix", "--bridge", "br0", "--dry-run")
	})
	web.remove(etcNetwork + "/!first.link")

	l.module("web1", moduleFix, br0)
	web.write(override, web.read(override)+"# by hand\n", 0o644)
	unchanged("an override that was edited", func() {
		sameWords(l.module("web1", moduleFix, options{"bridge": "br0", "state": "absent"}), "undo", "--bridge", "br0", "--dry-run")
	})
	if o := l.module("web1", moduleFix, options{"bridge": "br0", "state": "absent", "force": true}); !o.Changed {
		t.Errorf("force: %+v", o)
	}

	unchanged("an invalid name", func() {
		sameWords(l.module("web1", moduleFix, options{"bond": "a/b"}), "fix", "--bond=a/b")
	})
	// If the directory is behind a link, the program does not follow it.
	web.must("mv", etcNetwork, etcNetwork+".away")
	web.must("ln", "-s", "network.away", etcNetwork)
	if o := l.module("web1", moduleFix, br0); !o.Failed || !strings.HasPrefix(o.Msg, "linkaudit: ") || !strings.Contains(o.Msg, etcNetwork) {
		t.Errorf("a symbolic link for a directory: %+v", o)
	}
	web.remove(etcNetwork)
	web.must("mv", etcNetwork+".away", etcNetwork)

	// Without root only a plan is possible.
	if o := l.module("web1", moduleFix, br0, "--user", "auditor"); !o.Failed || !strings.Contains(o.Msg, "needs root") {
		t.Errorf("without root: %+v", o)
	}
	if o := l.module("web1", moduleFix, br0, "--user", "auditor", "--check"); o.Failed || !o.Changed {
		t.Errorf("without root in check mode: %+v", o)
	}

	web.write("/etc/linkaudit.conf", "[kind bond]\npolicy=sometimes\n", 0o644)
	o := l.module("web1", moduleFacts, nil)
	sameWords(o, "check")
	if !strings.Contains(o.Msg, "/etc/linkaudit.conf:2") {
		t.Errorf("it does not name the place: %q", o.Msg)
	}
	web.remove("/etc/linkaudit.conf")

	web.write("/usr/bin/killed", "#!/bin/sh\nkill -9 $$\n", 0o755)
	var tasks []any
	for _, c := range []struct {
		options options
		says    string
	}{
		{nil, "name at least one of bond, bridge, device, kind"},
		{options{"state": "absent"}, "or everything"},
		{options{"everything": true}, "everything goes with state=absent"},
		{options{"everything": true, "state": "absent", "bond": "bond0"}, "everything excludes"},
		{options{"bond": "bond0", "state": "absent", "apply": true}, "apply goes with state=present"},
		{options{"bond": "bond0", "allow_disruption": true}, "allow_disruption goes with apply"},
		{options{"bond": "bond0", "apply": true, "root": "/mnt"}, "excludes root"},
		{options{"bond": "bond0", "state": "fixed"}, "value of state must be one of: present, absent"},
		{options{"bond": "bond0", "executable": "/nowhere/linkaudit"}, "/nowhere/linkaudit"},
		{options{"bond": "bond0", "executable": "/bin/true"}, "printed no linkaudit.fix/1"},
		{options{"bond": "bond0", "executable": "/bin/false"}, "printed no linkaudit.fix/1"},
		{options{"bond": "bond0", "executable": "/usr/bin/killed"}, "was killed by signal 9"},
	} {
		tasks = append(tasks, map[string]any{
			"name": fmt.Sprint(c.options), moduleFix: c.options, "register": "told",
			"failed_when": fmt.Sprintf("told is not failed or %q not in told.msg", c.says),
		})
	}
	unchanged("a task that contradicts itself", func() { l.play(l.playbook("wrong", "web1", tasks)).goesWell(t) })
}

func factsHoldTheAudit(t *testing.T, l *lab) {
	web := l.add(web)
	web.must("ip", "link", "add", "ve0", "type", "veth", "peer", "name", "ve1")
	web.must("ip", "link", "set", "ve0", "master", "br0")

	o := l.module("web1", moduleFacts, nil)
	if a := o.Facts.Audit; o.Failed || o.Changed || a == nil || a.Schema != "linkaudit.check/1" || a.Host.Hostname != "web1" || a.Host.Udevd != "running" ||
		len(a.Devices) != 1 || a.Devices[0].Name != "br0" || a.Devices[0].Policy != "persistent" || a.Summary.Warnings == 0 || o.Facts.Identity != nil {
		t.Errorf("%+v", o)
	}
	if len(o.Findings) != o.Facts.Audit.Summary.Errors+o.Facts.Audit.Summary.Warnings || !slices.ContainsFunc(o.Findings, func(f struct{ Device, Rule, Severity string }) bool {
		return f.Device == "br0" && f.Rule == "policy-overrides-ports" && f.Severity == "warning"
	}) {
		t.Errorf("%+v", o.Findings)
	}
	errors := l.module("web1", moduleFacts, options{"severity": "error"}).Findings
	infos := l.module("web1", moduleFacts, options{"severity": "info"}).Findings
	if len(errors) >= len(o.Findings) || len(o.Findings) >= len(infos) {
		t.Errorf("%d errors, %d with warnings, %d with infos", len(errors), len(o.Findings), len(infos))
	}
	// It only reads, in check mode and otherwise, for every user.
	before := web.contents(etcNetwork)
	for _, flags := range [][]string{{"--check"}, {"--user", "auditor"}} {
		if o := l.module("web1", moduleFacts, nil, flags...); o.Failed || o.Changed || o.Facts.Audit.Summary.Devices != 1 {
			t.Errorf("%q: %+v", flags, o)
		}
	}
	same(t, "an audit", before, web.contents(etcNetwork))
	if o := l.module("web1", moduleFacts, options{"device": "bond7", "kind": "bond"}); len(o.Facts.Audit.Devices) != 1 || o.Facts.Audit.Devices[0].Name != "bond7" {
		t.Errorf("a device that does not exist yet: %+v", o)
	}
	if o := l.module("web1", moduleFacts, options{"all": true}); o.Facts.Audit.Summary.Devices < 4 {
		t.Errorf("all: %+v", o)
	}
	if o := l.module("web1", moduleFacts, options{"device": "nosuch0"}); !o.Failed || !strings.Contains(o.Msg, "nosuch0") {
		t.Errorf("no such device: %+v", o)
	}
	web.write("/etc/linkaudit.conf", "[kind bridge]\nignore=yes\n", 0o644)
	for site, devices := range map[bool]int{true: 0, false: 1} {
		if o := l.module("web1", moduleFacts, options{"site_config": site}); o.Facts.Audit.Summary.Devices != devices {
			t.Errorf("site_config=%v: %+v", site, o)
		}
	}
	web.write("/etc/other.conf", "[kind bridge]\nignore=no\n", 0o644)
	if o := l.module("web1", moduleFacts, options{"config": "/etc/other.conf"}); o.Facts.Audit.Summary.Devices != 1 {
		t.Errorf("config: %+v", o)
	}

	id := l.module("web1", moduleFacts, options{"identity": true})
	if i := id.Facts.Identity; i == nil || len(i.Fingerprint) != 64 || !slices.ContainsFunc(i.Devices, func(d struct{ Name, MAC string }) bool {
		return d.Name == "br0" && d.MAC == strings.TrimSpace(web.must("cat", "/sys/class/net/br0/address"))
	}) {
		t.Errorf("%+v", id)
	}
	if strings.Contains(id.screen, "0123456789abcdef0123456789abcdef") {
		t.Error("the machine-id is there for all to see")
	}
}

// same compares what was in a directory with what is there now.
func same(t *testing.T, what string, before, after map[string]string) {
	t.Helper()
	if !maps.Equal(before, after) {
		t.Errorf("%s: there was\n%s\nand there is\n%s", what, show(before), show(after))
	}
}

func show(contents map[string]string) string {
	var s strings.Builder
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		fmt.Fprintf(&s, "%q: %q\n", name, contents[name])
	}
	return s.String()
}

// play runs a playbook of the controller in /src on hosts of the lab.
func (l *lab) play(playbook string, flags ...string) result {
	l.t.Helper()
	inventory := strings.Join(slices.Sorted(maps.Keys(l.hosts)), ",") + ","
	return l.ansible("/src", append([]string{"ansible-playbook", "-i", inventory, playbook}, flags...)...)
}

// recap is the number for a word (ok, changed, failed, ...) of a host.
func (r result) recap(t *testing.T, host, word string) string {
	t.Helper()
	_, recap, _ := strings.Cut(r.stdout, "PLAY RECAP")
	for _, line := range lines(recap, host+" ") {
		for _, field := range strings.Fields(line) {
			if n, ok := strings.CutPrefix(field, word+"="); ok {
				return n
			}
		}
	}
	t.Fatalf("no %s for %s: %v", word, host, r)
	return ""
}

// playbook writes one with a play for the hosts, and returns its name.
func (l *lab) playbook(name, hosts string, tasks any) string {
	l.t.Helper()
	b, err := json.MarshalIndent([]any{map[string]any{"hosts": hosts, "gather_facts": false, "tasks": tasks}}, "", "  ")
	if err != nil {
		l.t.Fatal(err)
	}
	l.write("/src/"+name+".yml", string(b), 0o644)
	return name + ".yml"
}

// goesWell checks that nothing failed.
func (r result) goesWell(t *testing.T) result {
	t.Helper()
	if r.status != 0 {
		t.Errorf("%v", r)
	}
	return r
}
