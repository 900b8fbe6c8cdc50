# make            builds ./linkaudit: one static binary
# make run        builds it and audits this machine (and shows the example
#                 where there is nothing to audit)
# make test       all tests that need neither root nor a real udevd
# make check      what to run before each commit: test, and all that reads the code,
#                 the man pages, completions and README; no root, no network
# make affected   the suites that depend on what has changed since SINCE; RUN=1 runs them
# make full       everything else at full length, as root: hours; docs/hacking.md

GO      ?= go
VERSION ?= $(shell env -u GIT_DIR -u GIT_WORK_TREE -u GIT_INDEX_FILE git describe --tags --always --dirty 2>/dev/null || echo unknown)

# urfave_cli_no_docs leaves out a Markdown renderer that nothing here uses.
GOFLAGS_BUILD = -trimpath -tags urfave_cli_no_docs -ldflags '-s -w -X main.version=$(VERSION)'

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d

export CGO_ENABLED = 0
# git, and what asks it, is about this tree and no other.
unexport GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

.PHONY: all build build-all run example test check review full affected suites race lint man man-lint \
	completions install packages outdated staticcheck actionlint modules vulncheck size guard conformance soak vm \
	ecosystem initramfs fuzz fuzz-long fuzz-list bench bpf readme readme-check clean

all: build

build:
	$(GO) build $(GOFLAGS_BUILD) -o linkaudit ./cmd/linkaudit

build-all:
	for arch in amd64 arm64; do \
		GOOS=linux GOARCH=$$arch $(GO) build $(GOFLAGS_BUILD) -o dist/linkaudit-linux-$$arch ./cmd/linkaudit || exit; \
	done

# Exit status 1 means that something was found, which is no failure here. On a
# machine without bond, bridge or team, or one that cannot be audited at all,
# the bundled example shows what an audit looks like.
run: build
	@./linkaudit check || [ $$? -le 2 ]
	@if ! ./linkaudit check --format json 2>/dev/null | grep -q '"present": true'; then \
		echo; echo '$$ linkaudit example'; ./linkaudit example || [ $$? -eq 1 ]; fi

example: build
	@./linkaudit example || [ $$? -eq 1 ]

test:
	$(GO) test ./...

# Before each commit. What has passed once is not run again until it changes.
check: lint staticcheck test man-lint completions readme-check

# What reads the code besides, with the network: modules are verified, and the database of
# vulnerabilities is fetched.
review: actionlint modules vulncheck size
	for arch in amd64 arm64; do GOARCH=$$arch $(GO) vet ./... || exit; done
	@for arch in amd64 arm64; do \
		headers=$$(LC_ALL=C readelf -lW dist/linkaudit-linux-$$arch) || exit; \
		case $$headers in *INTERP*) echo "linkaudit-linux-$$arch is not static"; exit 1;; esac; \
	done
	@echo "review: static binaries"

# One table has every suite: test/suites/table.go. SUITES names some of them, FRESH=1 runs
# also those that passed before and of which nothing has changed since. JOBS is how many
# run side by side, 0 for as many as there are processors, but 2 at most.
JOBS   ?= 0
SUITES ?=
SINCE  ?= HEAD
suites:
	@test/modules
	@mkdir -p dist
	@$(GO) build -o dist/suites-run ./test/suites/cmd/suites
full: suites
	@dist/suites-run -tier full -processors $(JOBS) $(if $(FRESH),-fresh) run $(SUITES)
affected: suites
	@dist/suites-run -tier full -processors $(JOBS) $(if $(RUN),-run) affected $(SINCE)

# The race detector is the one thing that needs cgo. Ten times as slow as without, it is
# for what has goroutines: -short leaves out scripts that come to none but what others do.
race:
	CGO_ENABLED=1 $(GO) test -race -short ./...

lint:
	@unformatted=$$(gofmt -l .) || exit; \
	if [ -n "$$unformatted" ]; then echo "not gofmt-formatted:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags conformance,namespace,soak,guard,bench,vm,ecosystem ./...

# The modules that are asked for by name and have a newer release. It asks the module
# proxy, and fails where there is one.
outdated:
	@behind=$$(for dir in . test/review; do \
		asked=$$($(GO) -C $$dir list -m -f '{{if not (or .Indirect .Main)}}{{.Path}}{{end}}' all) || exit; \
		$(GO) -C $$dir list -m -u -f '{{if .Update}}{{.Path}} {{.Version}}, {{.Update.Version}} is there{{end}}' $$asked || exit; \
	done) || exit; \
	if [ -n "$$behind" ]; then echo "$$behind"; exit 1; fi

# What reviews the code without running it, at the versions of test/review/go.mod.
# All tags at once: what one suite alone uses is used.
REVIEW = $(GO) -C test/review build -o $(CURDIR)/dist/
staticcheck:
	@mkdir -p dist
	$(REVIEW)staticcheck honnef.co/go/tools/cmd/staticcheck
	dist/staticcheck -tags conformance,namespace,soak,guard,bench,vm,ecosystem ./...

# The workflows of GitHub Actions, and the scripts in them.
actionlint:
	@mkdir -p dist
	$(REVIEW)actionlint github.com/rhysd/actionlint/cmd/actionlint
	dist/actionlint -shellcheck= -pyflakes=
	@echo "review: actionlint"

# The modules are what go.sum says, go.mod names those that are needed, and no other.
modules:
	$(GO) mod verify
	$(GO) mod tidy -diff
	@echo "review: modules"

# Known vulnerabilities of what is linked into the program, by its symbols. The
# database is the copy of test/review/go.mod, which has a date; one of today is asked
# with make vulncheck VULNDB=https://vuln.go.dev. Where none can be had it fails.
VULNDB ?=
vulncheck:
	@mkdir -p dist
	$(REVIEW)govulncheck golang.org/x/vuln/cmd/govulncheck
	$(GO) build -trimpath -tags urfave_cli_no_docs -o dist/linkaudit-symbols ./cmd/linkaudit
	@db='$(VULNDB)'; if [ -z "$$db" ]; then \
		db=$$($(GO) -C test/review mod download -json golang.org/x/vulndb | sed -n 's/^\t"Dir": "\(.*\)",$$/\1/p'); \
		[ -n "$$db" ] && ls "$$db"/data/osv/GO-*.json >/dev/null || { echo "there is no vulnerability database: NOT CHECKED" >&2; exit 1; }; \
		db=file://$$db/data/osv; fi; \
	echo "vulnerability database: $$db"; dist/govulncheck -mode binary -db "$$db" dist/linkaudit-symbols
	@echo "review: vulnerabilities"

# The program is to be copied to any machine: MAXSIZE bounds its bytes.
MAXSIZE = 12000000
size: build-all
	@for arch in amd64 arm64; do \
		bytes=$$(wc -c <dist/linkaudit-linux-$$arch); echo "linkaudit-linux-$$arch: $$bytes bytes, at most $(MAXSIZE)"; \
		[ $$bytes -le $(MAXSIZE) ] || exit 1; \
	done
	@echo "review: size"

# The man pages and what --help prints are made of the sources in manual; a test fails
# where they are not.
man:
	$(GO) generate ./internal/manual
	@$(MAKE) --no-print-directory man-lint

# A program that a check is made with may be missing on a contributor's machine, which
# then says so; where CI=true nothing may be missing.
HAVE = have() { command -v $$1 >/dev/null || { echo "$$1 is not installed: NOT CHECKED: $$2"; [ "$$CI" != true ] || exit 1; false; }; }

# mandoc(1) and groff(1) look at the pages; whether those that they refer to are
# installed is another question.
man-lint:
	@mkdir -p dist
	@$(HAVE); for page in linkaudit.1 linkaudit.conf.5; do \
		gzip -9 -n -c docs/$$page >dist/$$page.gz || exit; \
		if have mandoc $$page && \
			mandoc -T lint docs/$$page 2>/dev/null | grep -v 'STYLE: referenced manual not found'; then exit 1; fi; \
		if have groff $$page && \
			groff -mandoc -Tutf8 -ww docs/$$page 2>&1 >/dev/null | grep .; then exit 1; fi; \
	done

# Completions ask the program itself; this checks that each shell takes them, and
# test/ecosystem/completions types at the shells.
completions:
	bash -n contrib/completions/linkaudit.bash
	@$(HAVE); if have zsh contrib/completions/_linkaudit; then zsh -n contrib/completions/_linkaudit; fi
	@$(HAVE); if have fish contrib/completions/linkaudit.fish; then fish -n contrib/completions/linkaudit.fish; fi

install: build
	install -D -m 755 linkaudit $(DESTDIR)$(BINDIR)/linkaudit
	install -D -m 644 docs/linkaudit.1 $(DESTDIR)$(MANDIR)/man1/linkaudit.1
	install -D -m 644 docs/linkaudit.conf.5 $(DESTDIR)$(MANDIR)/man5/linkaudit.conf.5
	install -D -m 644 contrib/completions/linkaudit.bash $(DESTDIR)$(BASHDIR)/linkaudit
	install -D -m 644 contrib/completions/_linkaudit $(DESTDIR)$(ZSHDIR)/_linkaudit
	install -D -m 644 contrib/completions/linkaudit.fish $(DESTDIR)$(FISHDIR)/linkaudit.fish

# .deb and .rpm for amd64 and arm64 in dist/, byte by byte the same for the same
# commit: contrib/package/README.md.
packages: build-all man
	GO="$(GO)" VERSION="$(VERSION)" contrib/package/build

# The suites below take further flags of "go test" in TESTFLAGS: TESTFLAGS='-v -run Story'.
TESTFLAGS ?=

# What the program asks of the kernel and what it allocates, beside recorded figures;
# GUARDFLAGS=-update records. Needs root.
guard:
	$(GO) test -tags guard -count=1 $(TESTFLAGS) ./test/guard $(GUARDFLAGS)

# The suites that need root and real udevds; go test ./... never runs them. TREES is how
# many trees of each release fix is tried on; test/conformance/run has the
# default, and its other variables.
conformance:
	test/conformance/run

# Whether anything is left or grows over 10,000 audits, ten minutes of watch and 1,000
# changes. SOAK=short has the same assertions in a minute; RUN names some of the tests.
SOAK ?= full
soak:
	SOAK=$(SOAK) test/namespace/run -tags namespace,soak -timeout 4h -v -run '$(or $(RUN),^TestSoak)'

# Bonds and teams need another kernel than most development machines have: four
# releases of Debian in virtual machines, whose images the tests build.
# LINKAUDIT_TIER=ci is one boot, of the release that LINKAUDIT_SEED draws.
vm:
	$(GO) test -tags vm -count=1 -timeout 3h $(TESTFLAGS) ./test/vm

# What contrib holds, with the programs that it is for.
ecosystem:
	$(GO) test -tags ecosystem -count=1 -timeout 60m $(TESTFLAGS) ./test/ecosystem/...

# Real initramfs images; the packages that make them go into machines that are
# thrown away.
initramfs:
	$(GO) test -tags ecosystem -count=1 -timeout 60m $(TESTFLAGS) ./test/initramfs

# Some minutes; BENCH=short has all rows and columns in a fraction of them.
bench: build
	$(GO) test -tags bench -count=1 -timeout 1h -v ./test/bench/...

# Every fuzz target of the tree for FUZZTIME each; go test takes one at a time.
# Left to itself it spends up to a minute on making one interesting input
# smaller, and tries nothing new meanwhile.
FUZZTIME ?= 1m
FUZZFLAGS ?=
fuzz:
	@set -e; for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $(FUZZFLAGS) $$pkg; \
		done; \
	done

# The same for as long as it takes to find what is not near: 10 minutes each.
fuzz-long:
	@$(MAKE) --no-print-directory fuzz FUZZTIME=10m

# The targets, a line each.
fuzz-list:
	@for pkg in $$($(GO) list ./...); do \
		$(GO) test -list '^Fuzz' $$pkg | sed -n "s|^Fuzz|$$pkg &|p"; \
	done

# What package trace puts into the kernel: one object for every kernel, and for
# amd64 and arm64. clang-14, llvm-14 and libbpf-dev of Debian 12 make the bytes that
# are committed.
BPF_CLANG ?= clang-14
BPF_STRIP ?= llvm-strip-14
bpf:
	cd internal/trace/bpf && $(BPF_CLANG) -O2 -g -target bpfel -mcpu=v3 -Wall -Werror \
		-ffile-prefix-map=$(CURDIR)/trace/bpf=. -fdebug-compilation-dir=. \
		-I/usr/include/$$($(BPF_CLANG) -print-multiarch) \
		-c trace.bpf.c -o trace.bpf.o
	$(BPF_STRIP) -g internal/trace/bpf/trace.bpf.o

# Puts what the commands in README.md print now below each
# "<!-- captured: linkaudit ... -->". Exit status 1 means findings.
CAPTURE = awk '/^<!-- captured: linkaudit / { print; \
		command = $$0; sub(/^<!-- captured: /, "", command); sub(/ -->$$/, "", command); \
		print "```"; print "$$ " command; fflush(); \
		if (system("./" command) > 1) exit failed = 1; \
		print "```"; skip = 1; next } \
		/^<!-- end captured -->/ { skip = 0 } !skip; END { exit failed }' README.md
readme: build
	@$(CAPTURE) >README.md.new
	@mv README.md.new README.md

# Whether README.md shows what the commands print.
readme-check: build
	@mkdir -p dist
	@$(CAPTURE) >dist/README.md
	@diff -u README.md dist/README.md || { echo "README.md does not show what the program prints: make readme"; exit 1; }

clean:
	rm -rf linkaudit dist
