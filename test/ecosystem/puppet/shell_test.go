//go:build ecosystem

package puppet

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"linkaudit/test/doccmd"
	"linkaudit/test/ecosystem/machine"
	"linkaudit/test/ecosystem/stage"
)

// page is about the tools that have no module.
const page = top + "/docs/configuration-management.md"

// example is the first block of a language in the page.
func example(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatalf("%s has no block of %s", page, language)
	}
	return string(block[1])
}

// image makes an image below /srv/images on which fix can run.
func image(m *machine.Machine, name string) {
	at := "/srv/images/" + name
	m.Must("mkdir", "-p", at+"/etc", at+"/usr/lib/systemd/network", at+"/usr/bin")
	m.Must("cp", "/usr/bin/udevadm", at+"/usr/bin/")
	m.Must("cp", "/usr/lib/systemd/network/99-default.link", at+"/usr/lib/systemd/network/")
}

// Every shell block runs twice, and the second time changes nothing.
func TestShell(t *testing.T) {
	t.Parallel()
	m := newHost(t)
	image(m, "one")
	image(m, "two with space")
	m.Blocks(t, top, "shell", machine.Every)
	files := m.Files("/etc/systemd") + m.Files("/srv/images")
	for _, args := range [][]string{
		{"--bond", "bond0", "--bond", "bond1"},
		{"--kind", "bond", "--kind", "bridge", "--root", "/srv/images/one"},
		{"--kind", "bond", "--kind", "bridge", "--root", "/srv/images/two with space"},
	} {
		m.Must(append([]string{binary, "fix", "--check"}, args...)...)
	}
	m.Blocks(t, top, "shell", machine.Every)
	if now := m.Files("/etc/systemd") + m.Files("/srv/images"); now != files {
		t.Errorf("the second run changed files:\n%s", now)
	}

	// The three outcomes of the guard, and an image that fails.
	blocks, err := doccmd.All(top, "shell")
	if err != nil {
		t.Fatal(err)
	}
	var guard, loop string
	for _, b := range blocks {
		for _, c := range b.Commands {
			if strings.HasPrefix(c.Text, "fixed") {
				guard += c.Text + "\n"
			}
			if strings.Contains(c.Text, "for image") {
				loop = c.Text
			}
		}
	}
	expect(t, m.Shell(guard), 0, "--bond=bond1: nothing to do")
	m.Must(binary, "undo", "--everything")
	expect(t, m.Shell(guard), 0, "--bond=bond1: fixed")
	m.Must(binary, "undo", "--everything")
	m.Write(network+"/!first.link", "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n", 0o644)
	expect(t, m.Shell(guard), 2, "--bond=bond1: failed", "sorts before")
	m.Must("sh", "-c", "mkdir /srv/images/1 && rm -r '/srv/images/two with space/etc/systemd'")
	expect(t, m.Shell(loop), 1)
	m.Must(binary, "fix", "--kind", "bond", "--root", "/srv/images/two with space", "--check")
}

func TestCFEngine(t *testing.T) {
	t.Parallel()
	stage.Need(t, map[string]string{"cf-agent": "cfengine3"})
	m := newHost(t)
	m.Must("cp", binary, "/usr/sbin/linkaudit")
	m.Write("/root/linkaudit.cf", example(t, "cf3"), 0o600)
	m.Must("cf-promises", "--eval-functions", "--file", "/root/linkaudit.cf")
	agent := func() machine.Result {
		return m.Do("cf-agent", "--no-lock", "--inform", "--file", "/root/linkaudit.cf")
	}

	before := m.Files(network)
	r := m.Do("cf-agent", "--no-lock", "--dry-run", "--file", "/root/linkaudit.cf")
	expect(t, r, 0, "Would execute")
	if now := m.Files(network); now != before {
		t.Errorf("--dry-run changed files: %s\n%v", now, r)
	}
	r = agent()
	expect(t, r, 0, "R: br0: fixed")
	m.Must(binary, "fix", "--bridge", "br0", "--check")
	fixed := m.Files(network)
	r = agent()
	expect(t, r, 0, "promise kept")
	if r.Said("R: br0") || m.Files(network) != fixed {
		t.Errorf("the second run does something: %v", r)
	}
	m.Must(binary, "undo", "--bridge", "br0")
	m.Write(network+"/!first.link", "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n", 0o644)
	r = agent()
	expect(t, r, 0, "R: br0: failed", "sorts before")
	if r.Said("br0: fixed") {
		t.Errorf("%v", r)
	}
}

// Salt and Chef are not in Debian: what can be checked without them.
func TestSyntax(t *testing.T) {
	t.Parallel()
	stage.Need(t, map[string]string{"ruby": "ruby"})
	m := machine.New(t, "/")
	m.Write("/root/state.sls", example(t, "yaml"), 0o644)
	m.Write("/root/recipe.rb", example(t, "ruby"), 0o644)
	m.Must("ruby", "-wc", "/root/recipe.rb")
	// The commands of both, as the tools would run them.
	got := m.Must("ruby", "-ryaml", "-e", `
state = YAML.load_file('/root/state.sls')
id, body = state.first
raise state.inspect unless state.size == 1 && body.keys == ['cmd.run']
args = body['cmd.run'].reduce(:merge)
def execute(name)
  yield
end
def command(words) = puts(words.join(' '))
def not_if(line) = puts(line)
puts args['name'], args['unless']
load '/root/recipe.rb'`)
	want := strings.Repeat("linkaudit fix --bond bond0\nlinkaudit fix --bond bond0 --check\n", 2)
	if got+"\n" != want {
		t.Errorf("they run %q", got)
	}
}
