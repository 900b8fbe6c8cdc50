package suites

import (
	"regexp"
	"strings"
	"time"
)

// compared finds the numbers of cases, trees and devices in the output of conformance.
var compared = regexp.MustCompile(`(?:seed \d+: |files, |fix and undo on )([\d,]+) (?:cases|trees|devices)`)

// program is the package of the suites that run linkaudit.
const program = "cmd/linkaudit"

// stress are the tests that must run long to find rare bugs.
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

// Table is every suite, in the order of their start: first those that others wait for,
// then the long ones.
//
// To add a suite, add a row and run "go test ./test/suites -update", which updates the
// tables in docs/hacking.md.
var Table = []Suite{
	{
		Name: "install", Proves: "the Debian packages of the tier are installed", Prepares: true,
		CI: []string{"test/install ci"}, Full: []string{"test/install full"},
		Limit: 20 * time.Minute,
	},
	{
		Name: "compile", Proves: "all packages compile", Prepares: true,
		CI:    []string{"go vet -tags " + allTags + " ./..."},
		Limit: 15 * time.Minute,
	},
	{
		Name: "roots", Proves: "the roots of five udev releases exist", Prepares: true,
		CI: []string{"test/roots/build"}, Full: []string{"test/roots/build"},
		After: []string{"install"}, Limit: 20 * time.Minute,
	},
	{
		Name: "images", Proves: "the images of the virtual machines exist", Prepares: true,
		Full:  []string{"test/vm/build"},
		After: []string{"roots"}, Limit: 30 * time.Minute,
	},
	{
		Name: "check", Proves: "README's two commands and `make check` work in a clean clone",
		CI:    []string{"test/clean-clone"},
		After: []string{"install"},
		About: []string{"cmd/linkaudit", "docs", "internal/derived", "internal/fact", "internal/fleet", "internal/host", "internal/initramfs", "linkfiles", "internal/manual", "internal/netconf", "internal/override", "internal/parallel", "internal/remedy", "internal/words", "internal/audit", "policy", "policy/address", "policy/life", "internal/change", "internal/report", "internal/rootfs", "internal/siteconf", "internal/trace", "internal/watch"},
		Files: []string{"."},
		Limit: 15 * time.Minute, Cases: regexp.MustCompile(`(?m)^ok  \t`),
	},
	{
		Name: "namespace", Proves: "under real udevs, reading changes nothing, and a change that fails anywhere leaves the old files or the new ones",
		CI: []string{"test/namespace/run -v"}, Full: []string{"test/namespace/run -v -skip " + stress},
		After: []string{"roots"},
		About: []string{"internal/change", "internal/group", "internal/override", "internal/watch", "internal/host", "internal/audit", "policy", "policy/address", "policy/life", "internal/rootfs"},
		Of:    []string{"test/namespace", program}, Files: []string{"test/namespace/run"},
		Limit: 40 * time.Minute,
	},
	{
		Name: "stress", Proves: "the program shows the true state after 1,000 kills during changes, 100 losses in watch, and 100 audits while 16,000 devices come and go",
		Full:  []string{"test/namespace/run -v -run " + stress},
		After: []string{"roots"},
		About: []string{"internal/change", "internal/host", "internal/watch"},
		Of:    []string{"test/namespace", program}, Files: []string{"test/namespace/run"},
		Limit: 30 * time.Minute,
	},
	{
		Name: "race", Proves: "the race detector finds nothing, on a machine full of things that tests must ignore",
		CI:    []string{"test/junk/run make race"},
		After: []string{"install"},
		About: []string{"internal/fleet", "internal/host", "internal/report", "internal/watch"},
		Files: []string{"."},
		Limit: 15 * time.Minute, Cases: regexp.MustCompile(`(?m)^ok  \t`),
	},
	{
		Name: "vm", Proves: "the walkthrough of a bond works in one virtual machine",
		Part:  true,
		CI:    []string{"make vm TESTFLAGS=-v"},
		After: []string{"roots"},
		About: []string{"policy/life", "internal/change"},
		Of:    []string{"test/vm", "test/vm/guest", program}, Files: []string{"docs/walkthrough.sh", "docs/walkthrough.md", "contrib/systemd"},
		Limit: 20 * time.Minute,
	},
	{
		Name: "units", Proves: "all unit tests pass, also those too slow for `make check`",
		Full:  []string{"go test -count=1 -timeout 1h ./..."},
		After: []string{"install"},
		About: []string{"internal/initramfs", "internal/fleet", "internal/host"},
		Files: []string{"."},
		Limit: 40 * time.Minute, Cases: regexp.MustCompile(`(?m)^ok  \t`),
	},
	soak("soak-checks", "10,000 audits leave nothing behind", "^TestSoakChecks$"),
	soak("soak-process", "a process that audits 10,000 times does not grow", "^TestSoakOneProcess$"),
	machine("vm-bullseye", "bonds, bridges and teams behave as predicted over real boots of bullseye", "^TestEveryRelease$/^bullseye$"),
	machine("vm-bookworm", "bonds, bridges and teams behave as predicted over real boots of bookworm", "^TestEveryRelease$/^bookworm$"),
	machine("vm-trixie", "bonds, bridges and teams behave as predicted over real boots of trixie", "^TestEveryRelease$/^trixie$"),
	machine("vm-sid", "bonds, bridges and teams behave as predicted over real boots of sid", "^TestEveryRelease$/^sid$"),
	machine("vm-pages", "the walkthrough and the commands of the pages work; fix works under SELinux", "^Test(Walkthrough|WalkthroughPage|Documentation|SELinux)$"),
	{
		Name: "fuzz", Proves: "fuzzing each target for a minute finds nothing",
		Full:  []string{"make fuzz FUZZTIME=1m FUZZFLAGS=-parallel=1"},
		After: []string{"install"},
		About: []string{"linkfiles", "internal/netconf", "internal/initramfs", "internal/host", "internal/siteconf"},
		Of:    []string{program},
		Limit: 3 * time.Hour, Cases: regexp.MustCompile(`(?m)^linkaudit\S* Fuzz\w+$`),
	},
	soak("soak-watch", "watch does not grow in ten minutes, twice", "^TestSoakWatch$"),
	soak("soak-changes", "1,000 runs of fix and undo leave nothing behind", "^TestSoakChanges$"),
	{
		Name: "initramfs", Proves: "linkaudit reads images of initramfs-tools, dracut and in mkinitcpio's layout; fix --update-initramfs works",
		Full:  []string{"make initramfs TESTFLAGS=-v"},
		After: []string{"roots"},
		About: []string{"internal/initramfs"},
		Of:    []string{"test/initramfs", program},
		Limit: time.Hour,
	},
	{
		Name: "contrib", Proves: "contrib works with its programs, as far as that is quick to test",
		Part:  true,
		CI:    []string{"make ecosystem TESTFLAGS=-v"},
		After: []string{"roots"},
		Of:    []string{"test/ecosystem/completions", "test/ecosystem/hooks", "test/ecosystem/formats", "test/ecosystem/prometheus", "test/ecosystem/ansible", program}, Files: []string{"contrib"},
		Limit: 20 * time.Minute,
	},
	ecosystem("ansible", "the collection works with ansible-core over ssh", "contrib/ansible"),
	ecosystem("puppet", "the module works with Puppet and Facter", "contrib/puppet"),
	ecosystem("packages", ".deb and .rpm can be built, installed, upgraded and removed", "contrib/package"),
	ecosystem("packaged", "we agree with dpkg about edited .link files of packages", "internal/host"),
	ecosystem("formats", "SARIF, JUnit and plugin output pass the schemas and parsers of their users", "internal/report"),
	ecosystem("hooks", "hooks work with dpkg, apt, rpm, git, pre-commit and initramfs-tools", "contrib/hooks"),
	ecosystem("prometheus", "metrics and rules work with promtool, node_exporter and Prometheus", "contrib/prometheus", "internal/report"),
	ecosystem("completions", "completions work in bash, zsh and fish", "contrib/completions"),
	ecosystem("docs", "the commands of the pages that need no machine work", "docs"),
	{
		Name: "guard", Proves: "system calls, bytes and allocations stay near the recorded figures",
		CI:    []string{"make guard TESTFLAGS=-v"},
		After: []string{"install"},
		About: []string{"internal/audit", "internal/host", "linkfiles", "internal/report", "internal/rootfs"},
		Of:    []string{"test/guard", program},
		Limit: 10 * time.Minute,
	},
	{
		Name: "review", Proves: "modules match go.sum and have no known vulnerability, binaries for amd64 and arm64 are static and small enough, workflows are valid",
		CI:    []string{"make review"},
		After: []string{"install"},
		Files: []string{"."},
		Limit: 15 * time.Minute, Cases: regexp.MustCompile(`(?m)^review: `),
	},
	{
		Name: "oracles", Proves: "our fnmatch agrees with the C library, and Graphviz accepts the pictures of explain",
		CI:    oracles,
		After: []string{"roots"},
		About: []string{"linkfiles", "internal/report"},
		Of:    []string{"linkfiles", "internal/report"}, Files: []string{"test/fnmatch"},
		Limit: 10 * time.Minute,
	},
	{
		Name: "bpf", Proves: "the source builds the committed BPF object, byte for byte",
		Full:  []string{"make bpf", "git diff --exit-code internal/trace/bpf", "echo bpf: the same bytes"},
		After: []string{"install"},
		About: []string{"internal/trace"},
		Of:    []string{"internal/trace"},
		Limit: 5 * time.Minute, Cases: regexp.MustCompile(`(?m)^bpf: `),
	},
	{
		Name: "conformance", Proves: "our .link parser agrees with udevadm of five releases, on fixtures, generated trees and systemd's own files",
		CI:    []string{"make conformance"},
		Full:  []string{"make conformance"},
		After: []string{"roots"},
		About: []string{"linkfiles", "internal/override", "internal/change", "internal/audit", "policy", "policy/address"},
		Of:    []string{"test/conformance/cmd/conformance", "test/conformance", "linkfiles"}, Files: []string{"test/conformance", "test/roots"},
		Both: true, Limit: time.Hour, Cases: compared,
	},
	{
		Name: "bench", Proves: "the benchmark runs, with all rows and columns",
		Full:  []string{"make bench"},
		After: []string{"install"},
		Of:    []string{"test/bench", program}, Files: []string{"test/bench"},
		Both: true, Limit: time.Hour,
	},
}

// machine is a suite with virtual machines.
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

// ecosystem is the suite in one directory of test/ecosystem.
func ecosystem(name, proves string, about ...string) Suite {
	return Suite{
		Name: name, Proves: proves,
		Full:  []string{"go test -tags ecosystem -count=1 -timeout 1h -v ./test/ecosystem/" + name},
		After: []string{"roots"},
		About: about,
		Of:    []string{"test/ecosystem/" + name, program}, Files: []string{"contrib", "docs"},
		Limit: 40 * time.Minute,
	}
}

// soak is a suite about leaks and growth.
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
