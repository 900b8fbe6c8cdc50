//go:build ecosystem

package hooks

import (
	"strings"
	"testing"

	"linkaudit/test/ecosystem/machine"
	"linkaudit/test/ecosystem/stage"
	"linkaudit/test/tool"
)

const (
	good = "[Match]\nOriginalName=bond0\n[Link]\nMACAddressPolicy=none\n"
	bad  = "[Match]\nOriginalName=bond0\n[Link]\nMACAddressPolicy=nonsense\n"
	// policyWrong is part of the finding in bad.
	policyWrong = `MACAddressPolicy= takes persistent, random or none, not "nonsense" [invalid-value]`
)

// newRepository is a machine with the git repository /root/r, in which the hook is
// installed.
func newRepository(t *testing.T) *machine.Machine {
	t.Helper()
	stage.Need(t, map[string]string{"git": "git"})
	m := machine.New(t, "/")
	m.Build(binary)
	m.Write("/root/.gitconfig", "[user]\nname = Nobody\nemail = nobody@localhost\n[init]\ndefaultBranch = main\n", 0o644)
	m.Must("git", "init", "-q", "/root/r")
	m.Copy(hooks+"/pre-commit", "/root/r/.git/hooks/pre-commit")
	return m
}

// commits runs a script in the repository, and then commits what is staged.
func commits(m *machine.Machine, script string) machine.Result {
	return m.Shell("set -e\ncd /root/r\n" + script + "\ngit commit -q -m test")
}

// refused checks that a commit was refused, and why.
func refused(t *testing.T, r machine.Result, said ...string) {
	t.Helper()
	if r.Status != 1 || !r.Said(said...) || !r.Said("findings in the staged files") {
		t.Errorf("it is not refused with %q: %v", said, r)
	}
}

func TestGit(t *testing.T) {
	t.Parallel()
	m := newRepository(t)
	at := func(name string) string { return "/root/r/" + name }
	clean := func() { m.Must("sh", "-c", "cd /root/r && git reset -q --hard && git clean -qfdx") }

	// The first commit, which has no parent.
	m.Write(at("README"), "no .link file\n", 0o644)
	m.Write(at("first.link"), bad, 0o644)
	refused(t, commits(m, "git add -A"), policyWrong)
	done(t, commits(m, "git rm -qf first.link"), nil, []string{"linkaudit"})
	m.Write(at("net/10-bond.link"), bad, 0o644)
	refused(t, commits(m, "git add -A"), "net/10-bond.link:4: warning: ", policyWrong)
	if m.Must("git", "-C", "/root/r", "rev-list", "--count", "HEAD") != "1" {
		t.Error("it was committed")
	}
	// Also from a subdirectory.
	refused(t, commits(m, "cd net"), policyWrong)

	// The index counts, not the working tree.
	m.Write(at("net/10-bond.link"), good, 0o644)
	refused(t, commits(m, ""), policyWrong)
	done(t, commits(m, "git add -A; printf nonsense >net/10-bond.link"), nil, []string{"linkaudit"})
	clean()
	// Also if git has made an index for this commit alone.
	m.Write(at("net/10-bond.link"), bad, 0o644)
	m.Write(at("README"), "more\n", 0o644)
	done(t, m.Shell("cd /root/r && git commit -q -m test README"), nil, []string{"linkaudit"})
	if r := m.Shell("cd /root/r && git commit -q -m test net/10-bond.link"); r.Status != 1 || !r.Said(policyWrong) {
		t.Errorf("%v", r)
	}
	clean()

	// Drop-ins: with their file in the repository, and without.
	for _, name := range []string{"net/10-bond.link.d/20-x.conf", "net/99-default.link.d/20-x.conf"} {
		m.Write(at(name), "[Link]\nMACAddressPolicy=nonsense\n", 0o644)
		refused(t, commits(m, "git add -A"), name+":2: warning: ", policyWrong)
		m.Write(at(name), "[Link]\nMACAddressPolicy=none\n", 0o644)
		done(t, commits(m, "git add -A"), nil, []string{"linkaudit"})
	}
	// Deleted drop-ins do not count, and neither do other files in the directory.
	m.Write(at("net/99-default.link.d/notes.txt"), "nonsense", 0o644)
	m.Write(at("net/99-default.link.d/deep/er.conf"), "nonsense", 0o644)
	done(t, commits(m, "git rm -rq net/99-default.link.d/20-x.conf net/10-bond.link; git add -A"), nil, []string{"linkaudit"})

	// Names.
	for _, name := range []string{"a b.link", "new\nline.link", "-q.link", "--severity=error.link", "$(touch boo).link", "ü\x1b[31m.link", "*.link", "dir with\n newline/x.link"} {
		m.Write(at(name), bad, 0o644)
		r := commits(m, "git add -A")
		refused(t, r, policyWrong)
		if strings.ContainsRune(r.Stdout+r.Stderr, '\x1b') {
			t.Errorf("a terminal would take it: %q", r.Stdout+r.Stderr)
		}
		m.Write(at(name), good, 0o644)
		done(t, commits(m, "git add -A"), nil, nil)
	}
	if m.Do("test", "-e", at("boo")).Status == 0 {
		t.Error("a shell ran a name")
	}

	// Symbolic links: a mask, one to another file, one to nowhere.
	done(t, commits(m, "ln -s /dev/null 70-mask.link; ln -s 'a b.link' 71-same.link; git add -A"), nil, nil)
	m.Write(at("a b.link"), bad, 0o644)
	refused(t, commits(m, "git add -A"), policyWrong)
	clean()
	if r := commits(m, "ln -s nowhere.link 72-broken.link; git add -A"); r.Status == 0 || !r.Said("72-broken.link") {
		t.Errorf("%v", r)
	}
	clean()

	// The configuration.
	m.Write(at("a b.link"), bad, 0o644)
	done(t, commits(m, "git config linkaudit.severity error; git add -A"), nil, nil)
	if r := commits(m, "git config linkaudit.severity mild; git mv 'a b.link' b.link"); r.Status != 1 || !r.Said("mild") {
		t.Errorf("%v", r)
	}
	m.Must("git", "-C", "/root/r", "config", "--unset", "linkaudit.severity")
	clean()
	m.Write(at("73-kind.link"), "[Match]\nKind=bond\n[Link]\nMACAddressPolicy=none\n", 0o644)
	refused(t, commits(m, "git config linkaudit.systemdRelease 247; git add -A"), "73-kind.link:2: warning: ", "Kind")
	done(t, commits(m, "git config linkaudit.systemdRelease 252"), nil, nil)

	// An index that git cannot read.
	if r := m.Shell("cd /root/r && echo nonsense >/tmp/index && GIT_INDEX_FILE=/tmp/index .git/hooks/pre-commit"); r.Status != 2 || !r.Said("git diff failed") {
		t.Errorf("%v", r)
	}
	// Nothing is left behind, and without linkaudit nothing passes.
	if left := m.Must("find", "/tmp", "-mindepth", "1", "-name", "tmp.*"); left != "" {
		t.Errorf("left behind: %s", left)
	}
	m.Must("rm", binary)
	if r := commits(m, "git commit --allow-empty -q -m test"); r.Status == 0 || !r.Said("linkaudit is not in PATH") {
		t.Errorf("%v", r)
	}
}

// As README.md says.
func TestGitInstall(t *testing.T) {
	t.Parallel()
	m := newRepository(t)
	m.Must("git", "init", "-q", "/srv/link-files")
	m.Copy(hooks, "/root/contrib/hooks")
	m.Blocks(t, top, "hooks", of("git"))
	m.Write("/srv/link-files/10-bond.link", bad, 0o644)
	refused(t, m.Shell("cd /srv/link-files && git add -A && git commit -q -m test"), policyWrong)
}

// The real pre-commit takes the hook from a repository, without a network.
func TestPreCommit(t *testing.T) {
	tool.OnlyInFull(t)
	t.Parallel()
	stage.Need(t, map[string]string{"pre-commit": "pre-commit"})
	m := newRepository(t)
	m.Must("rm", "/root/r/.git/hooks/pre-commit")
	m.Copy(top+"/.pre-commit-hooks.yaml", "/root/linkaudit/.pre-commit-hooks.yaml")
	m.Copy(hooks+"/pre-commit", "/root/linkaudit/contrib/hooks/pre-commit")
	m.Must("sh", "-ec", "cd /root/linkaudit && git init -q && git add -A && git commit -q -m hooks && git tag v1")
	m.Write("/root/r/.pre-commit-config.yaml", `repos:
- repo: /root/linkaudit
  rev: v1
  hooks:
  - id: linkaudit-lint
    args: [--systemd-release=247]
`, 0o644)
	m.Must("sh", "-ec", "cd /root/r && pre-commit validate-manifest /root/linkaudit/.pre-commit-hooks.yaml && pre-commit validate-config && pre-commit install")

	commit := func() machine.Result { return m.Shell("cd /root/r && git add -A && git commit -q -m test") }
	done(t, commit(), []string{"no files to check"}, nil)
	m.Write("/root/r/net dir/10-bond.link", bad, 0o644)
	if r := commit(); r.Status != 1 || !r.Said(`"./net dir/10-bond.link":4: warning: `, policyWrong) {
		t.Errorf("%v", r)
	}
	m.Write("/root/r/net dir/10-bond.link", good, 0o644)
	done(t, commit(), []string{"Passed"}, nil)
	m.Write("/root/r/99-default.link.d/x.conf", "[Link]\nMTUBytes=9000\n", 0o644)
	if r := commit(); r.Status != 1 || !r.Said("drop-in") { // 247 reads none
		t.Errorf("%v", r)
	}
	m.Must("rm", "-r", "/root/r/99-default.link.d")
	m.Write("/root/r/net dir/10-bond.link", bad, 0o644)
	m.Must("sh", "-c", "cd /root/r && git add -A && git commit -q --no-verify -m test")
	if r := m.Shell("cd /root/r && pre-commit run --all-files"); r.Status != 1 || !r.Said(policyWrong) {
		t.Errorf("%v", r)
	}
}
