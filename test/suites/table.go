package suites

import (
	"regexp"
	"strings"
	"time"
)

// Conformance says how many cases it compared, trees it fixed and devices it made.
var compared = regexp.MustCompile(`(?:seed \d+: |files, |fix and undo on )([\d,]+) (?:cases|trees|devices)`)

// program is what the suites test that start linkaudit.
const program = "cmd/linkaudit"

// stress are the tests that find what is rare only where they go on for long.
const stress = "'^(TestKilledAtAnyTimeTheNextRunCompletes|TestWatchEndsInTheStateThatIs|TestChurnAmongManyLinks)$'"

var oracles = []string{
	"oracle=$(mktemp -d)",
	`trap 'rm -rf "$oracle"' EXIT`,
	`gcc -O1 -fno-stack-protector -nostartfiles -o "$oracle/fnmatch" test/fnmatch/oracle.c`,
	`chmod 755 "$oracle"`,
	`old=${LINKAUDIT_ROOTS:-/var/cache/linkaudit/roots}/bullseye`, // glibc 2.31
	`export LINKAUDIT_FNMATCH_OLD="unshare -m sh -c 'mount --bind $oracle $old/mnt && exec chroot $old /mnt/fnmatch'"`,
	`LINKAUDIT_FNMATCH=$oracle/fnmatch go test -tags conformance -count=1 -v -run CLibrary ./linkfiles`,
	"go test -tags conformance -count=1 -v -run Graphviz ./internal/report",
}

// Table is every suite, in the order in which they are started: what others wait for
// first, then what takes long.
//
// To add one: a row here, and "go test ./test/suites -update", which writes the table of
// docs/hacking.md.
var Table = []Suite{
	{
		Name: "install", Proves: "the Debian packages of the tier are installed", Prepares: true,
		CI: []string{"test/install ci"}, Full: []string{"test/install full"},
		Limit: 20 * time.Minute,
	},
	{
		Name: "compile", Proves: "the packages are compiled, meanwhile", Prepares: true,
		CI:    []string{"go vet -tags " + allTags + " ./..."},
		Limit: 15 * time.Minute,
	},
	{
		Name: "roots", Proves: "the roots of five releases of udev are there", Prepares: true,
		CI: []string{"test/roots/build"}, Full: []string{"test/roots/build"},
		After: []string{"install"}, Limit: 20 * time.Minute,
	},
	{
		Name: "images", Proves: "the images of the virtual machines are there", Prepares: true,
		Full:  []string{"test/vm/build"},
		After: []string{"roots"}, Limit: 30 * time.Minute,
	},
	{
		Name: "check", Proves: "README's two commands and make check pass in a clean clone",
		CI:    []string{"test/clean-clone"},
		After: []string{"install"},
		About: []string{"cmd/linkaudit", "docs", "internal/derived", "internal/fact", "internal/fleet", "internal/host", "internal/initramfs", "linkfiles", "internal/manual", "internal/netconf", "internal/override", "internal/parallel", "internal/remedy", "internal/words", "internal/audit", "policy", "policy/address", "policy/life", "internal/change", "internal/report", "internal/rootfs", "internal/siteconf", "internal/trace", "internal/watch"},
		Files: []string{"."},
		Limit: 15 * time.Minute, Cases: regexp.MustCompile(`(?m)^ok  \t`),
	},
	{
		Name: "namespace", Proves: "the whole program under real udevds: reading changes nothing, a change that fails at any point leaves the old files or the new ones",
		CI: []string{"test/namespace/run -v"}, Full: []string{"test/namespace/run -v -skip " + stress},
		After: []string{"roots"},
		About: []string{"internal/change", "internal/group", "internal/override", "internal/watch", "internal/host", "internal/audit", "policy", "policy/address", "policy/life", "internal/rootfs"},
		Of:    []string{"test/namespace", program}, Files: []string{"test/namespace/run"},
		Limit: 40 * time.Minute,
	},
	{
		Name: "stress", Proves: "1,000 kills in the middle of several changes, 100 losses in watch, 100 audits of 16,000 devices that come and go: the state that is shown is the state that is",
		Full:  []string{"test/namespace/run -v -run " + stress},
		After: []string{"roots"},
		About: []string{"internal/change", "internal/host", "internal/watch"},
		Of:    []string{"test/namespace", program}, Files: []string{"test/namespace/run"},
		Limit: 30 * time.Minute,
	},
	{
		Name: "race", Proves: "the race detector finds nothing, on a machine full of things that the tests must not see",
		CI:    []string{"test/junk/run make race"},
		After: []string{"install"},
		About: []string{"internal/fleet", "internal/host", "internal/report", "internal/watch"},
		Files: []string{"."},
		Limit: 15 * time.Minute, Cases: regexp.MustCompile(`(?m)^ok  \t`),
	},
	{
		Name: "vm", Proves: "the walkthrough of a bond, played in one virtual machine",
		Part:  true,
		CI:    []string{"make vm TESTFLAGS=-v"},
		After: []string{"roots"},
		About: []string{"policy/life", "internal/change"},
		Of:    []string{"test/vm", "test/vm/guest", program}, Files: []string{"docs/story.sh", "docs/story.md", "contrib/systemd"},
		Limit: 20 * time.Minute,
	},
	{
		Name: "units", Proves: "the unit tests pass, with those that take too long for make check",
		Full:  []string{"go test -count=1 -timeout 1h ./..."},
		After: []string{"install"},
		About: []string{"internal/initramfs", "internal/fleet", "internal/host"},
		Files: []string{"."},
		Limit: 40 * time.Minute, Cases: regexp.MustCompile(`(?m)^ok  \t`),
	},
	soak("soak-checks", "10,000 audits leave nothing", "^TestSoakChecks$"),
	soak("soak-process", "10,000 audits in one process do not grow", "^TestSoakOneProcess$"),
	machine("vm-bullseye", "bonds, bridges and teams over real boots of bullseye", "^TestEveryRelease$/^bullseye$"),
	machine("vm-bookworm", "bonds, bridges and teams over real boots of bookworm", "^TestEveryRelease$/^bookworm$"),
	machine("vm-trixie", "bonds, bridges and teams over real boots of trixie", "^TestEveryRelease$/^trixie$"),
	machine("vm-sid", "bonds, bridges and teams over real boots of sid", "^TestEveryRelease$/^sid$"),
	machine("vm-pages", "the walkthrough and the commands of the pages are true; fix under SELinux", "^Test(Walkthrough|Story|Documentation|SELinux)$"),
	{
		Name: "fuzz", Proves: "a minute of fuzzing each target finds nothing",
		Full:  []string{"make fuzz FUZZTIME=1m FUZZFLAGS=-parallel=1"},
		After: []string{"install"},
		About: []string{"linkfiles", "internal/netconf", "internal/initramfs", "internal/host", "internal/siteconf"},
		Of:    []string{program},
		Limit: 3 * time.Hour, Cases: regexp.MustCompile(`(?m)^linkaudit\S* Fuzz\w+$`),
	},
	soak("soak-watch", "ten minutes of watch, twice, do not grow", "^TestSoakWatch$"),
	soak("soak-changes", "1,000 times fix and undo leave nothing", "^TestSoakChanges$"),
	{
		Name: "initramfs", Proves: "images of initramfs-tools, dracut and in mkinitcpio's layout are read; fix --update-initramfs",
		Full:  []string{"make initramfs TESTFLAGS=-v"},
		After: []string{"roots"},
		About: []string{"internal/initramfs"},
		Of:    []string{"test/initramfs", program},
		Limit: time.Hour,
	},
	{
		Name: "contrib", Proves: "what of contrib is quick to test, with the programs that it is for",
		Part:  true,
		CI:    []string{"make ecosystem TESTFLAGS=-v"},
		After: []string{"roots"},
		Of:    []string{"test/ecosystem/completions", "test/ecosystem/hooks", "test/ecosystem/formats", "test/ecosystem/prometheus", "test/ecosystem/ansible", program}, Files: []string{"contrib"},
		Limit: 20 * time.Minute,
	},
	ecosystem("ansible", "contrib/ansible"),
	ecosystem("puppet", "contrib/puppet"),
	ecosystem("packages", "contrib/package"),
	ecosystem("packaged", "internal/host"),
	ecosystem("formats", "internal/report"),
	ecosystem("hooks", "contrib/hooks"),
	ecosystem("prometheus", "contrib/prometheus", "internal/report"),
	ecosystem("completions", "contrib/completions"),
	ecosystem("docs", "docs"),
	{
		Name: "guard", Proves: "no more system calls, bytes and allocations than are recorded",
		CI:    []string{"make guard TESTFLAGS=-v"},
		After: []string{"install"},
		About: []string{"internal/audit", "internal/host", "linkfiles", "internal/report", "internal/rootfs"},
		Of:    []string{"test/guard", program},
		Limit: 10 * time.Minute,
	},
	{
		Name: "review", Proves: "modules are what go.sum says, no known vulnerability, static binaries for amd64 and arm64 of bounded size, valid workflows",
		CI:    []string{"make review"},
		After: []string{"install"},
		Files: []string{"."},
		Limit: 15 * time.Minute, Cases: regexp.MustCompile(`(?m)^review: `),
	},
	{
		Name: "oracles", Proves: "the C library agrees with our fnmatch, and Graphviz takes the pictures of explain",
		CI:    oracles,
		After: []string{"roots"},
		About: []string{"linkfiles", "internal/report"},
		Of:    []string{"linkfiles", "internal/report"}, Files: []string{"test/fnmatch"},
		Limit: 10 * time.Minute,
	},
	{
		Name: "bpf", Proves: "the committed BPF object is what its source builds",
		Full:  []string{"make bpf", "git diff --exit-code internal/trace/bpf", "echo bpf: the same bytes"},
		After: []string{"install"},
		About: []string{"internal/trace"},
		Of:    []string{"internal/trace"},
		Limit: 5 * time.Minute, Cases: regexp.MustCompile(`(?m)^bpf: `),
	},
	{
		Name: "conformance", Proves: "the reader of .link files agrees with the udevadm of five releases: fixtures, generated trees, systemd's own files",
		CI:    []string{"make conformance"},
		Full:  []string{"make conformance"},
		After: []string{"roots"},
		About: []string{"linkfiles", "internal/override", "internal/change", "internal/audit", "policy", "policy/address"},
		Of:    []string{"test/conformance/cmd/conformance", "test/conformance", "linkfiles"}, Files: []string{"test/conformance", "test/roots"},
		Both: true, Limit: time.Hour, Cases: compared,
	},
	{
		Name: "bench", Proves: "the benchmark runs, with all its rows and columns",
		Full:  []string{"make bench"},
		After: []string{"install"},
		Of:    []string{"test/bench", program}, Files: []string{"test/bench"},
		Both: true, Limit: time.Hour,
	},
}

// machine is the suite of some virtual machines.
func machine(name, proves, run string) Suite {
	return Suite{
		Name: name, Proves: proves,
		Full:  []string{`make vm TESTFLAGS='-v -run "` + strings.ReplaceAll(run, "$", "$$") + `"'`},
		After: []string{"images"},
		About: []string{"policy/life", "internal/netconf", "internal/trace", "internal/change", "internal/host"},
		Of:    []string{"test/vm", "test/vm/guest", program}, Files: []string{"docs", "contrib/systemd"},
		Limit: 90 * time.Minute,
	}
}

// ecosystem is the suite of one kind of program that contrib is for.
func ecosystem(name string, about ...string) Suite {
	return Suite{
		Name: name, Proves: "contrib works with the programs that it is for: " + name,
		Full:  []string{"go test -tags ecosystem -count=1 -timeout 1h -v ./test/ecosystem/" + name},
		After: []string{"roots"},
		About: about,
		Of:    []string{"test/ecosystem/" + name, program}, Files: []string{"contrib", "docs"},
		Limit: 40 * time.Minute,
	}
}

// soak is one of the suites about what is left or grows.
func soak(name, proves, run string) Suite {
	return Suite{
		Name: name, Proves: proves,
		Full:  []string{"make soak RUN='" + strings.ReplaceAll(run, "$", "$$") + "'"},
		After: []string{"roots"},
		About: []string{"cmd/linkaudit", "internal/watch", "internal/change"},
		Of:    []string{"test/namespace", program},
		Limit: 2 * time.Hour,
	}
}
