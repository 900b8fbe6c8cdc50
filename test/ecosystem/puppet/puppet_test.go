//go:build ecosystem

// Package puppet runs contrib/puppet with the real Puppet and Facter, and the commands
// of docs/configuration-management.md, on machines of their own with a real udevd.
package puppet

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"linkaudit/test/ecosystem/machine"
	"linkaudit/test/ecosystem/stage"
)

const (
	top     = "../../.."
	binary  = "/usr/local/sbin/linkaudit"
	module  = "/etc/puppet/code/modules/linkaudit"
	network = "/etc/systemd/network"
	// override is what fix writes for the bridge br0.
	override = network + "/60-linkaudit-device-br0.link"
)

// The exit statuses of puppet apply --detailed-exitcodes.
const (
	nothing = 0
	changed = 2
	failed  = 4
)

// catalog has a policy for br0 and installs nothing.
const catalog = `class { 'linkaudit': manage_install => false }
linkaudit::policy { 'br0': target => 'bridge', %s }
`

func TestMain(m *testing.M) { os.Exit(stage.MainInFull(m)) }

// newHost is a machine with Puppet, the module, linkaudit, udevd and the bridge br0,
// with an address set by udev.
func newHost(t *testing.T) *machine.Machine {
	t.Helper()
	stage.Need(t, map[string]string{"puppet": "puppet-agent", "facter": "facter"})
	m := machine.New(t, "/")
	m.Build(binary)
	m.Copy(top+"/contrib/puppet", module)
	m.StartUdevd()
	m.Add("br0", "type", "bridge")
	return m
}

// apply is puppet apply of a manifest.
func apply(m *machine.Machine, manifest string, flags ...string) machine.Result {
	args := append([]string{"puppet", "apply", "--detailed-exitcodes", "--color=false"}, flags...)
	return m.Do(append(args, "-e", manifest)...)
}

// expect checks the exit status and the output of a run of Puppet.
func expect(t *testing.T, r machine.Result, status int, said ...string) {
	t.Helper()
	if r.Status != status || !r.Said(said...) {
		t.Errorf("not status %d with %q: %v", status, said, r)
	}
}

func policy(parameters string) string { return fmt.Sprintf(catalog, parameters) }

func TestPolicy(t *testing.T) {
	t.Parallel()
	m := newHost(t)
	before := m.Files(network)

	r := apply(m, policy(""), "--noop", "--show_diff")
	expect(t, r, nothing, "current_value 'absent', should be 'present' (noop)", "+MACAddressPolicy=none", override)
	if now := m.Files(network); now != before {
		t.Fatalf("noop changed files:\n%s\n%v", now, r)
	}
	expect(t, apply(m, policy("noop => true")), nothing, "(noop)")
	if now := m.Files(network); now != before {
		t.Fatalf("the metaparameter noop changed files:\n%s", now)
	}

	expect(t, apply(m, policy("")), changed, "MACAddressPolicy=none by "+override, "br0 keeps")
	m.Must(binary, "fix", "--bridge", "br0", "--check")
	fixed := m.Files(network)

	r = apply(m, policy(""))
	expect(t, r, nothing)
	if r.Said("Linkaudit_policy") {
		t.Errorf("there was nothing to do: %v", r)
	}
	if now := m.Files(network); now != fixed {
		t.Errorf("the second run changed files:\n%s", now)
	}
	m.Add("br1", "type", "bridge")
	m.Must("ip", "link", "del", "br0")
	m.Add("br0", "type", "bridge")
	for name, assigned := range map[string]string{"br0": "1", "br1": "3"} { // NET_ADDR_RANDOM, NET_ADDR_SET
		if got := m.Must("cat", "/sys/class/net/"+name+"/addr_assign_type"); got != assigned {
			t.Errorf("udevd made %s with addr_assign_type %s, not %s", name, got, assigned)
		}
	}

	r = apply(m, policy("ensure => absent"), "--noop", "--show_diff")
	expect(t, r, nothing, "current_value 'present', should be 'absent' (noop)", "-MACAddressPolicy=none")
	if now := m.Files(network); now != fixed {
		t.Errorf("noop changed files:\n%s", now)
	}
	expect(t, apply(m, policy("ensure => absent")), changed, "removed "+override)
	if now := m.Files(network); now != before {
		t.Errorf("it is not as before:\n%s\nbut\n%s", before, now)
	}
}

// If a policy cannot be checked or changed, the resource fails, in all modes.
func TestPolicyFails(t *testing.T) {
	t.Parallel()
	m := newHost(t)
	m.Write(network+"/!first.link", "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n", 0o644)
	before := m.Files(network)
	for flag, status := range map[string]int{"--no-noop": failed | changed, "--noop": failed} {
		// A failed resource does not stop others.
		r := apply(m, policy("")+"notify { 'other': }", flag)
		expect(t, r, status, "other", "Could not evaluate", "!first.link", "sorts before")
		if now := m.Files(network); now != before {
			t.Errorf("it changed files:\n%s\n%v", now, r)
		}
	}
	m.Must("rm", network+"/!first.link")

	expect(t, apply(m, policy("")), changed)
	m.Must("sh", "-c", "echo '# mine' >>"+override)
	expect(t, apply(m, policy("ensure => absent")), failed, "edited")
	expect(t, apply(m, policy("ensure => absent, force => true")), changed)

	m.Must("mv", binary, binary+".away")
	expect(t, apply(m, policy("")), failed, "linkaudit is not installed")
	expect(t, apply(m, policy(""), "--noop"), nothing, "is not installed yet")
	m.Write(binary, "#!/bin/sh\nkill -9 $$\n", 0o755)
	expect(t, apply(m, policy("")), failed, "killed by a signal")
}

// An existing bridge gets a port's address.
func TestApply(t *testing.T) {
	t.Parallel()
	m := newHost(t)
	m.Must("ip", "link", "add", "ve0", "type", "veth", "peer", "name", "ve1")
	m.Must("ip", "link", "set", "ve0", "master", "br0")
	for _, name := range []string{"ve0", "ve1", "br0"} {
		m.Must("ip", "link", "set", name, "up")
	}
	expect(t, apply(m, policy("apply => true")), failed, "--yes")
	expect(t, apply(m, policy("apply => true, disturb => true")), changed)
	if bridge, port := m.Must("cat", "/sys/class/net/br0/address"), m.Must("cat", "/sys/class/net/ve0/address"); bridge != port {
		t.Errorf("br0 has %s, its port %s", bridge, port)
	}
	expect(t, apply(m, policy("apply => true, disturb => true")), nothing)
}

func TestTargets(t *testing.T) {
	t.Parallel()
	m := newHost(t)
	manifest := `
class { 'linkaudit':
  manage_install => false,
  policies       => {
    'every bridge' => { 'target' => 'kind', 'target_name' => 'bridge' },
    'eth0,x=--y'   => { 'target' => 'bond' },
  },
}
`
	expect(t, apply(m, manifest), changed)
	expect(t, apply(m, manifest), nothing)
	m.Must(binary, "fix", "--kind", "bridge", "--bond", "eth0,x=--y", "--check")
	// One run for all names, because Puppet starts slowly.
	bad := `
$names = ['has space', 'a/b', "tab\t", "line\n", "\u{1b}[2J", "nul\u{0}", 'sixteen-letters-', '']
$names.each |$name| { if $name =~ Linkaudit::Device { warning("it takes <${name}>") } }
['two words', "line\n", ''].each |$name| { if $name =~ Linkaudit::Kind { warning("it takes <${name}>") } }
['relative', '', "/nul\u{0}"].each |$path| { if $path =~ Linkaudit::Absolutepath { warning("it takes <${path}>") } }
notice('end of names')
linkaudit::policy { '; touch /boo': }
`
	r := apply(m, bad)
	expect(t, r, 1, "end of names", "'; touch /boo' cannot be the name of a device")
	if r.Said("it takes") {
		t.Errorf("%v", r)
	}
	for parameters, complaint := range map[string]string{
		"disturb => true":  "disturb goes with apply",
		"target => 'mode'": "expects a match for Linkaudit::Target",
	} {
		t.Run(parameters, func(t *testing.T) {
			expect(t, apply(m, "linkaudit::policy { 'br0': "+parameters+" }"), 1, complaint)
		})
	}
	twice := `
class { 'linkaudit': manage_install => false }
linkaudit::policy { 'one': target_name => 'br0' }
linkaudit::policy { 'two': target_name => 'br0', ensure => absent }
`
	expect(t, apply(m, twice), 1, "Duplicate declaration", "device:br0")
	// Names that the kernel accepts, and a shell or a flag parser may misread.
	hostile := `
class { 'linkaudit': manage_install => false }
[';>boo', '$(>boo)', '--everything', '-h'].each |$name| { linkaudit::policy { $name: target => 'bond' } }
`
	r = apply(m, hostile)
	if files := m.Must("find", "/root", "/tmp", "/etc/systemd", "-maxdepth", "2", "-name", "boo*"); files != "" {
		t.Errorf("a shell ran: %s\n%v", files, r)
	}
	expect(t, r, changed, "bond:--everything", "bond:-h", "bond:;>boo")
}

// A change in an image does not look at this machine's udevd.
func TestImage(t *testing.T) {
	t.Parallel()
	m := newHost(t)
	m.Must("mkdir", "-p", "/srv/image/etc", "/srv/image/usr/lib/systemd/network", "/srv/image/usr/bin")
	m.Must("cp", "/etc/os-release", "/srv/image/etc/")
	m.Must("cp", "/usr/bin/udevadm", "/srv/image/usr/bin/")
	m.Must("cp", "/usr/lib/systemd/network/99-default.link", "/srv/image/usr/lib/systemd/network/")
	expect(t, apply(m, policy("root => '/srv/image'")), changed)
	m.Must(binary, "fix", "--bridge", "br0", "--root", "/srv/image", "--check")
	if now := m.Must("ls", "/etc/systemd/network"); now != "" {
		t.Errorf("this machine has %s", now)
	}
	expect(t, apply(m, policy("root => '/srv/nowhere'")), failed, "/srv/nowhere")
}

// The class installs the binary or a package before the policies need it.
func TestInstall(t *testing.T) {
	t.Parallel()
	m := newHost(t)
	m.Must("mkdir", "-p", "/srv/deb/DEBIAN", "/srv/deb/usr/sbin")
	m.Must("mv", binary, "/srv/linkaudit")
	sum := strings.Fields(m.Must("sha256sum", "/srv/linkaudit"))[0]

	fromSource := func(sum string) string {
		return fmt.Sprintf("class { 'linkaudit': source => '/srv/linkaudit', sha256 => '%s' }\nlinkaudit::policy { 'br0': target => 'bridge' }", sum)
	}
	r := apply(m, fromSource(sum), "--noop")
	expect(t, r, nothing, "is not installed yet")
	expect(t, apply(m, fromSource(strings.Repeat("0", 64))), failed, "Skipping because of failed dependencies")
	if m.Do("test", "-e", binary).Status == 0 {
		t.Errorf("a binary with another hash was installed")
	}
	expect(t, apply(m, fromSource(sum)), changed, override)
	expect(t, apply(m, fromSource(sum)), nothing)
	m.Must("rm", binary, override)

	m.Must("cp", "/srv/linkaudit", "/srv/deb/usr/sbin/")
	m.Write("/srv/deb/DEBIAN/control", "Package: linkaudit-static\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nDescription: linkaudit\n", 0o644)
	m.Must("sh", "-c", "cd /srv && dpkg-deb -b deb . && dpkg-scanpackages . >Packages && echo 'deb [trusted=yes] file:/srv ./' >/etc/apt/sources.list.d/srv.list && rm -f /var/lib/apt/lists/lock && apt-get update -o Dir::Etc::sourcelist=sources.list.d/srv.list -o Dir::Etc::sourceparts=-")
	// In the other order, which must not matter, and with another name.
	none := "linkaudit::policy { 'br0': }\nclass { 'linkaudit': package_name => 'linkaudit-nowhere' }"
	expect(t, apply(m, none), failed, "Skipping because of failed dependencies")
	fromPackage := "linkaudit::policy { 'br0': target => 'bridge' }\nclass { 'linkaudit': package_name => 'linkaudit-static' }"
	expect(t, apply(m, fromPackage), changed, override, "Package[linkaudit-static]")
	expect(t, apply(m, fromPackage), nothing)
}

// fact is linkaudit as Facter prints it.
type fact struct {
	Status, Error string
	Summary       struct{ Devices, Errors, Warnings int }
	Devices       []struct {
		Name, Kind, Origin, MAC string
		Policy                  string `json:"mac_address_policy"`
	}
	Findings []struct {
		Device, Rule, Severity, Message, File string
		Line                                  int
	}
}

// facts is the fact from Facter, nil if it is absent.
func facts(t *testing.T, m *machine.Machine, program ...string) *fact {
	t.Helper()
	if len(program) == 0 {
		program = []string{"facter", "-p", "--json", "linkaudit"}
	}
	var f struct{ Linkaudit *fact }
	r := m.Do(program...)
	if err := json.Unmarshal([]byte(r.Stdout), &f); err != nil || r.Status != 0 {
		t.Fatalf("%v: %v", err, r)
	}
	return f.Linkaudit
}

func TestFact(t *testing.T) {
	t.Parallel()
	m := newHost(t)
	// As an agent syncs its plugins.
	m.Must("sh", "-ec", "lib=$(puppet config print libdir); mkdir -p $lib; cp -r "+module+"/lib/. $lib")
	f := facts(t, m, "puppet", "facts", "show", "linkaudit", "--render-as", "json")
	mac := m.Must("cat", "/sys/class/net/br0/address")
	if f == nil || f.Status != "findings" || f.Summary.Warnings != 1 || len(f.Devices) != 1 || len(f.Findings) != 1 {
		t.Fatalf("%+v", f)
	}
	if d := f.Devices[0]; d.Name != "br0" || d.Kind != "bridge" || d.Policy != "persistent" || d.MAC != mac || d.Origin != "udev-persistent" {
		t.Errorf("%+v", d)
	}
	if f := f.Findings[0]; f.Device != "br0" || f.Rule != "policy-overrides-ports" || f.Severity != "warning" || f.File != "/usr/lib/systemd/network/99-default.link" || f.Line == 0 {
		t.Errorf("%+v", f)
	}

	if facter := facts(t, m); !reflect.DeepEqual(f, facter) {
		t.Errorf("puppet facts: %+v\nfacter: %+v", f, facter)
	}
	m.Must(binary, "fix", "--bridge", "br0")
	m.Must("ip", "link", "del", "br0")
	m.Add("br0", "type", "bridge")
	if f := facts(t, m); f.Status != "clean" || f.Devices[0].Policy != "none" || len(f.Findings) != 0 {
		t.Errorf("%+v", f)
	}
	m.Write(network+"/10-\x1b[31mred.link", "[Match]\nOriginalName=br0\n[Link]\nMACAddressPolicy=nonsense\n", 0o644)
	f = facts(t, m)
	wrong := false
	for _, finding := range f.Findings {
		wrong = wrong || finding.Rule == "invalid-value" && finding.File == network+`/10-\x1b[31mred.link` && finding.Line == 4
	}
	if f.Status != "findings" || !wrong {
		t.Errorf("%+v", f)
	}
	// A catalog may use it.
	expect(t, apply(m, `if $facts['linkaudit']['status'] != 'clean' { fail("found: ${facts['linkaudit']['findings'][0]['rule']}") }`), 1, "found: ")

	for content, reason := range map[string]string{
		"#!/bin/sh\necho 'linkaudit: no netlink today' >&2; exit 2\n": "no netlink today",
		"#!/bin/sh\necho '{\"schema\"'\n":                             "not JSON",
		"#!/nowhere/sh\n":                                             "No such file",
	} {
		m.Write(binary, content, 0o755)
		if f := facts(t, m); f == nil || f.Status != "failed" || f.Error == "" || !strings.Contains(f.Error, reason) {
			t.Errorf("%q: %+v", content, f)
		}
	}
	m.Must("rm", binary)
	if f := facts(t, m); f != nil {
		t.Errorf("without linkaudit: %+v", f)
	}
	expect(t, apply(m, "notify { 'the run goes on': }"), changed)
}

// A program that hangs is killed with all that it started.
func TestTimeout(t *testing.T) {
	t.Parallel()
	m := newHost(t)
	r := m.Do("ruby", "-r", module+"/lib/puppet_x/linkaudit/program.rb", "-e", `
for script in ['sleep 314159', 'sleep 314159 & exit 0', 'yes & trap "" TERM; sleep 314159; true']
  begin
    PuppetX::Linkaudit::Program.run('/bin/sh', ['-c', script], 1)
    puts "#{script} came back"
  rescue PuppetX::Linkaudit::Program::TooSlow => e
    puts e.message
  end
end
puts PuppetX::Linkaudit::Program.run('/bin/sh', ['-c', 'echo $0; exit 3', '$(id) `+"`id`"+`'], 10).inspect`)
	if r.Status != 0 || strings.Count(r.Stdout, "/bin/sh -c did not end within 1 seconds") != 3 ||
		!r.Said("status=3", "$(id) `id`") {
		t.Errorf("%v", r)
	}
	if left := m.Do("pgrep", "-f", "^sleep 314159"); left.Status != 1 {
		t.Errorf("still there: %v", left)
	}
}

// Puppet's own tools accept the module.
func TestModule(t *testing.T) {
	t.Parallel()
	stage.Need(t, map[string]string{
		"puppet": "puppet-agent", "puppet-lint": "puppet-lint", "metadata-json-lint": "metadata-json-lint", "ruby": "ruby",
	})
	m := machine.New(t, "/")
	m.Copy(top+"/contrib/puppet", module)
	for _, command := range []string{
		"puppet parser validate manifests types",
		"puppet-lint --fail-on-warnings --relative manifests",
		"metadata-json-lint --no-fail-on-warnings metadata.json",
		"for f in $(find lib -name '*.rb'); do ruby -wc $f; done",
		"puppet describe linkaudit_policy",
	} {
		t.Run(command, func(t *testing.T) {
			if r := m.Shell("set -e; cd " + module + "; " + command); r.Status != 0 || strings.Contains(strings.ToLower(r.Stderr+r.Stdout), "warn") {
				t.Errorf("%v", r)
			}
		})
	}
	// puppet strings generates the reference from the comments.
	r := m.Shell("cd " + module + " && cp REFERENCE.md /tmp/ && puppet strings generate --format markdown && diff -u /tmp/REFERENCE.md REFERENCE.md")
	if r.Status != 0 {
		t.Errorf("run puppet strings generate --format markdown in contrib/puppet (Debian package puppet-strings): %v", r)
	}
	if undocumented := regexp.MustCompile(`(?m)^\[warn\].*`).FindString(r.Stderr + r.Stdout); undocumented != "" {
		t.Error(undocumented)
	}
	if _, err := os.Stat(top + "/contrib/puppet/LICENSE"); err != nil {
		t.Error(err)
	}
}

// The commands in the module's README, in a tree without the module.
func TestREADME(t *testing.T) {
	t.Parallel()
	m := newHost(t)
	m.Must("rm", "-r", module)
	m.Must("mkdir", "-p", "/etc/puppet/code/environments/production/modules")
	m.Copy(top+"/contrib/puppet", "/root/contrib/puppet")
	m.Blocks(t, top, "puppet", machine.Every)
	if f := facts(t, m, "puppet", "facts", "show", "linkaudit", "--render-as", "json"); f == nil || f.Status != "findings" {
		t.Errorf("the blocks did not install the module: %+v", f)
	}
	// The examples in Puppet's language and in Hiera compile.
	page, err := os.ReadFile(top + "/contrib/puppet/README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```puppet\n(.*?)```").FindAllSubmatch(page, -1)
	if len(examples) < 2 {
		t.Fatal("no examples")
	}
	m.Must("mkdir", "-p", "/etc/puppet/code/environments/production/modules/profile/files")
	m.Must("cp", binary, "/etc/puppet/code/environments/production/modules/profile/files/")
	for _, e := range examples {
		r := apply(m, string(e[1]), "--noop")
		expect(t, r, nothing)
	}
	hiera := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	m.Write("/etc/puppet/code/environments/production/data/common.yaml", string(hiera[1])+"linkaudit::manage_install: false\n", 0o644)
	m.Write("/etc/puppet/code/environments/production/hiera.yaml", "version: 5\nhierarchy: [{name: common, path: common.yaml}]\ndefaults: {datadir: data, data_hash: yaml_data}\n", 0o644)
	expect(t, apply(m, "include linkaudit"), changed, "bond:bond0")
}
