//go:build ecosystem

package ansible

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"linkaudit/test/doccmd"
)

// documentation is the output of ansible-doc --json about a module.
type documentation struct {
	Doc struct {
		Options map[string]any
	}
	Examples string
	Return   map[string]any
}

func (l *lab) documentation(module string) documentation {
	l.t.Helper()
	var all map[string]documentation
	if err := json.Unmarshal([]byte(l.ansible("/", "ansible-doc", "-t", "module", "--json", module).stdout), &all); err != nil {
		l.t.Fatal(err)
	}
	return all[module]
}

func theDocumentationIsWhatAnsibleDocShows(t *testing.T, l *lab) {
	for _, c := range []struct {
		kind, name string
		says       []string
	}{
		{"module", moduleFix, []string{"EXAMPLES:", "RETURN VALUES:", "- allow_disruption", "- systemd_release", "- remaining"}},
		{"module", moduleFacts, []string{"EXAMPLES:", "RETURN VALUES:", "- identity", "- systemd_release", "- ansible_facts"}},
		{"filter", "linkaudit.linkaudit.fleet_report", []string{"- shared_on_purpose", "EXAMPLES:", "RETURN VALUES:"}},
		{"filter", "linkaudit.linkaudit.fleet_markdown", []string{"- severity", "EXAMPLES:", "RETURN VALUES:"}},
		{"role", role, []string{"- linkaudit_binary", "- linkaudit_on_findings"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := l.ansible("/", "ansible-doc", "-t", c.kind, c.name)
			if r.status != 0 || r.stderr != "" {
				t.Errorf("%v", r)
			}
			for _, says := range c.says {
				if !strings.Contains(r.stdout, says) {
					t.Errorf("ansible-doc does not say %q", says)
				}
			}
		})
	}
	// A module returns exactly what its documentation lists.
	l.add(web)
	documented := []string{"changed", "ansible_facts",
		// Ansible adds these for every path.
		"gid", "group", "mode", "owner", "size", "state", "uid"}
	for module, options := range map[string]options{moduleFix: {"bridge": "br0"}, moduleFacts: {"identity": true}} {
		o := l.module("web1", module, options)
		_, text, _ := strings.Cut(o.screen, "=> ")
		var returned map[string]any
		if err := json.Unmarshal([]byte(text), &returned); err != nil {
			t.Fatalf("%v: %s", err, o.screen)
		}
		told := l.documentation(module).Return
		for key := range returned {
			if told[key] == nil && !slices.Contains(documented, key) {
				t.Errorf("%s returns %s, which is not documented", module, key)
			}
		}
		for key := range told {
			// by default ansible does not show the diff.
			if returned[key] == nil && key != "msg" && key != "diff" {
				t.Errorf("%s does not return %s, which is documented", module, key)
			}
		}
	}
	// The role's README has its variables too.
	readme := l.read(source + "/roles/linkaudit/README.md")
	var roles map[string]struct {
		EntryPoints map[string]struct{ Options map[string]any } `json:"entry_points"`
	}
	if err := json.Unmarshal([]byte(l.ansible("/", "ansible-doc", "-t", "role", "--json", role).stdout), &roles); err != nil {
		t.Fatal(err)
	}
	options := roles[role].EntryPoints["main"].Options
	if len(options) == 0 {
		t.Error("the role has no options")
	}
	for name := range options {
		if !strings.Contains(readme, "| `"+name+"` |") {
			t.Errorf("roles/linkaudit/README.md does not have %s", name)
		}
	}
}

func theExamplesRun(t *testing.T, l *lab) {
	web := l.add(web)
	web.must("ip", "link", "add", "ve0", "type", "veth", "peer", "name", "ve1")
	web.must("ip", "link", "set", "ve0", "master", "br0")
	// An image has udevd, which shows its release, and the vendor's files.
	for _, name := range []string{"/usr/bin/udevadm", "/usr/lib/systemd/systemd-udevd", "/usr/lib/systemd/network", "/var/lib/dpkg/status"} {
		web.must("mkdir", "-p", "/mnt/image"+filepath.Dir(name))
		web.must("cp", "-a", name, "/mnt/image"+name)
	}
	for _, module := range []string{moduleFix, moduleFacts} {
		examples := l.documentation(module).Examples
		var play strings.Builder
		play.WriteString("- hosts: web1\n  gather_facts: false\n  tasks:\n")
		for line := range strings.Lines(strings.TrimSpace(examples) + "\n") {
			play.WriteString("    " + line)
		}
		l.write("/src/examples.yml", play.String(), 0o644)
		r := l.play("examples.yml").goesWell(t)
		tasks := fmt.Sprint(strings.Count(examples, "- name: "))
		if ok := r.recap(t, "web1", "ok"); ok != tasks || tasks == "0" {
			t.Errorf("%s of %s examples of %s ran: %v", ok, tasks, module, r)
		}
	}
	if _, err := os.Stat(web.path("/mnt/image" + etcNetwork + "/60-linkaudit-device-bond0.link")); err != nil {
		t.Errorf("the image: %v", err)
	}
}

// whatTheReadmeShowsRuns runs the files and commands of the documentation in a tree
// like this one.
func whatTheReadmeShowsRuns(t *testing.T, l *lab) {
	for _, h := range []host{web, {"web2", web.machineID}} {
		l.add(h).remove(program)
	}
	page, err := os.ReadFile(filepath.Join(tree, "contrib/ansible/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	// A block that begins with a comment with its name is a file.
	files := 0
	for _, block := range strings.Split(string(page), "\n```")[1:] {
		info, text, _ := strings.Cut(block, "\n")
		first, _, _ := strings.Cut(text, "\n")
		if name, ok := strings.CutPrefix(first, "# "); ok && (info == "yaml" || info == "ini") {
			l.write("/src/"+name, text, 0o644)
			files++
		}
	}
	if files < 2 {
		t.Errorf("%d files", files)
	}
	blocks, err := doccmd.All(tree, "ansible")
	if err != nil {
		t.Fatal(err)
	}
	l.remove("/src/dist", "/root/.ansible")
	for _, b := range blocks {
		r := l.doIn("/src", "bash", "-c", b.Script())
		if r.status != 0 {
			t.Errorf("%s: %v", b.Name(), r)
		}
	}
}

// theLintersHaveNothingToSay runs the checks for collections: ansible-test as far as it
// needs only Debian, and the tools that it would otherwise download.
func theLintersHaveNothingToSay(t *testing.T, l *lab) {
	const (
		collections = "/src/ansible_collections"
		collection  = collections + "/linkaudit/linkaudit"
		sanity      = "/usr/lib/python3/dist-packages/ansible_test/_util/controller/sanity"
	)
	l.must("mkdir", "-p", collection)
	l.must("tar", "-C", collection, "-xzf", tarball)
	// The tarball has MANIFEST.json for it.
	l.must("cp", source+"/galaxy.yml", collection)
	l.must("git", "-C", collection, "init", "-q")
	l.must("git", "-C", collection, "add", "--all")
	silent := func(says string, args ...string) result {
		t.Helper()
		r := l.doIn(collection, args...)
		if r.status != 0 || says != "" && !strings.Contains(r.stdout+r.stderr, says) {
			t.Errorf("%v", r)
		}
		return r
	}
	python := "--python=" + strings.TrimSpace(l.must("python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"))
	silent(" passed", "ansible-test", "units", python)

	args := []string{"ansible-test", "sanity", python}
	// ansible-test runs these from PyPI, in its own versions.
	for _, test := range []string{"ansible-doc", "changelog", "import", "pep8", "pslint", "pylint", "runtime-metadata", "shellcheck", "validate-modules", "yamllint"} {
		args = append(args, "--skip-test", test)
	}
	silent(`"use-argspec-type-path"`, args...)

	// validate-modules, except what tests/sanity/ignore-2.14.txt leaves out.
	modules := []string{"plugins/modules/linkaudit.py", "plugins/modules/linkaudit_facts.py"}
	r := l.doIn(collection, append([]string{"env", "PYTHONPATH=" + sanity + "/validate-modules:/src", "ANSIBLE_COLLECTIONS_PATH=/src",
		"python3", sanity + "/validate-modules/validate.py", "--format", "plain", "--arg-spec",
		"--collection", "ansible_collections/linkaudit/linkaudit", "--collection-version", "1.0.0"}, modules...)...)
	said := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if len(said) != len(modules) || len(lines(r.stdout, "missing-gplv3-license")) != len(modules) {
		t.Errorf("%v", r)
	}
	silent("", append([]string{"pycodestyle", "--max-line-length=160", "--config=/dev/null", "--ignore=E402,W503,W504,E741"}, "plugins", "tests")...)
	silent("", "yamllint", "--strict", "--config-file", sanity+"/yamllint/config/default.yml", ".")
	silent("", "env", "ANSIBLE_COLLECTIONS_PATH=/src", "ansible-lint", "--offline", "--strict")
}
