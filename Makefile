# make            builds ./linkaudit: one static binary
# make run        builds it and audits this machine, or a bundled example
# make test       all tests that need neither root nor a real udev
# make check      before each commit: test, and all checks of code, man pages,
#                 completions and README; no root, no network
# make affected   lists the suites that depend on changes since SINCE; RUN=1 runs them
# make full       everything else at full length, as root, for hours; docs/hacking.md

GO      ?= go
VERSION ?= $(shell env -u GIT_DIR -u GIT_WORK_TREE -u GIT_INDEX_FILE git describe --tags --always --dirty 2>/dev/null || echo unknown)

# urfave_cli_no_docs leaves out an unused Markdown renderer.
GOFLAGS_BUILD = -trimpath -tags urfave_cli_no_docs -ldflags '-s -w -X main.version=$(VERSION)'

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d

export CGO_ENABLED = 0
# git must see this tree and no other.
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

# Exit status 1 means findings, which is no failure here. If there is no bond, bridge or
# team, or this machine cannot be audited, the bundled example shows an audit.
run: build
	@./linkaudit check || [ $$? -le 2 ]
	@if ! ./linkaudit check --format json 2>/dev/null | grep -q '"present": true'; then \
		echo; echo '$$ linkaudit example'; ./linkaudit example || [ $$? -eq 1 ]; fi

example: build
	@./linkaudit example || [ $$? -eq 1 ]

test:
	$(GO) test ./...

# Before each commit. go test caches what passed.
check: lint staticcheck test man-lint completions readme-check

# Checks of the code that need the network: modules and the vulnerability database.
review: actionlint modules vulncheck size
	for arch in amd64 arm64; do GOARCH=$$arch $(GO) vet ./... || exit; done
	@for arch in amd64 arm64; do \
		headers=$$(LC_ALL=C readelf -lW dist/linkaudit-linux-$$arch) || exit; \
		case $$headers in *INTERP*) echo "linkaudit-linux-$$arch is not static"; exit 1;; esac; \
	done
	@echo "review: static binaries"

# The suites are in test/suites/table.go. SUITES selects some. FRESH=1 also runs those that
# passed and have not changed. JOBS run at a time; 0: one per processor, at most 2.
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

# Only the race detector needs cgo. It is ten times slower, so -short leaves out tests that
# run the same goroutines as others.
race:
	CGO_ENABLED=1 $(GO) test -race -short ./...

lint:
	@unformatted=$$(gofmt -l .) || exit; \
	if [ -n "$$unformatted" ]; then echo "not gofmt-formatted:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags conformance,namespace,soak,guard,bench,vm,ecosystem ./...

# Lists our direct dependencies that have a newer release, and fails if there is one. Asks
# the module proxy.
outdated:
	@behind=$$(for dir in . test/review; do \
		asked=$$($(GO) -C $$dir list -m -f '{{if not (or .Indirect .Main)}}{{.Path}}{{end}}' all) || exit; \
		$(GO) -C $$dir list -m -u -f '{{if .Update}}{{.Path}} {{.Version}}, {{.Update.Version}} is there{{end}}' $$asked || exit; \
	done) || exit; \
	if [ -n "$$behind" ]; then echo "$$behind"; exit 1; fi

# Static review, with the versions in test/review/go.mod. All tags at once, so that code
# which only one suite uses counts as used.
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

# Modules match go.sum, and go.mod names exactly what is needed.
modules:
	$(GO) mod verify
	$(GO) mod tidy -diff
	@echo "review: modules"

# Known vulnerabilities in what is linked, by symbol. The database is the dated copy of
# test/review/go.mod; VULNDB=https://vuln.go.dev asks the current one. Without one it fails.
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

# You must be able to copy the program to any machine, so MAXSIZE limits its bytes.
MAXSIZE = 12000000
size: build-all
	@for arch in amd64 arm64; do \
		bytes=$$(wc -c <dist/linkaudit-linux-$$arch); echo "linkaudit-linux-$$arch: $$bytes bytes, at most $(MAXSIZE)"; \
		[ $$bytes -le $(MAXSIZE) ] || exit 1; \
	done
	@echo "review: size"

# Man pages and --help are generated from internal/manual; a test compares them.
man:
	$(GO) generate ./internal/manual
	@$(MAKE) --no-print-directory man-lint

# On a contributor's machine a missing program skips a check, with a message. With CI=true
# it is an error.
HAVE = have() { command -v $$1 >/dev/null || { echo "$$1 is not installed: NOT CHECKED: $$2"; [ "$$CI" != true ] || exit 1; false; }; }

# mandoc(1) and groff(1) check the pages. Pages that they refer to need not be installed.
man-lint:
	@mkdir -p dist
	@$(HAVE); for page in linkaudit.1 linkaudit.conf.5; do \
		gzip -9 -n -c docs/$$page >dist/$$page.gz || exit; \
		if have mandoc $$page && \
			mandoc -T lint docs/$$page 2>/dev/null | grep -v 'STYLE: referenced manual not found'; then exit 1; fi; \
		if have groff $$page && \
			groff -mandoc -Tutf8 -ww docs/$$page 2>&1 >/dev/null | grep .; then exit 1; fi; \
	done

# Checks the syntax of the scripts; test/ecosystem/completions types at the shells.
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

# .deb and .rpm for amd64 and arm64 in dist/, the same bytes for the same commit:
# contrib/package/README.md.
packages: build-all man
	GO="$(GO)" VERSION="$(VERSION)" contrib/package/build

# TESTFLAGS passes flags of "go test" to the suites below.
# Example: TESTFLAGS='-v -run Walkthrough'
TESTFLAGS ?=

# Compares system calls and allocations with recorded figures; GUARDFLAGS=-update records
# them. Needs root.
guard:
	$(GO) test -tags guard -count=1 $(TESTFLAGS) ./test/guard $(GUARDFLAGS)

# Needs root and real udevs, so go test ./... never runs it. TREES is the number of trees
# per release that fix is tried on; test/conformance/run has the default and more variables.
conformance:
	test/conformance/run

# Nothing is left behind or grows in 10,000 audits, ten minutes of watch and 1,000 changes.
# SOAK=short makes the same checks in a minute; RUN selects tests.
SOAK ?= full
soak:
	SOAK=$(SOAK) test/namespace/run -tags namespace,soak -timeout 4h -v -run '$(or $(RUN),^TestSoak)'

# Bonds and teams need kernel drivers that most development machines lack: the tests build
# and boot four Debian releases. LINKAUDIT_TIER=ci boots only one; LINKAUDIT_SEED picks it.
vm:
	$(GO) test -tags vm -count=1 -timeout 3h $(TESTFLAGS) ./test/vm

# contrib with the programs that it is for.
ecosystem:
	$(GO) test -tags ecosystem -count=1 -timeout 60m $(TESTFLAGS) ./test/ecosystem/...

# Real initramfs images, made in disposable machines.
initramfs:
	$(GO) test -tags ecosystem -count=1 -timeout 60m $(TESTFLAGS) ./test/initramfs

# Takes minutes; BENCH=short has all rows and columns in less than one.
bench: build
	$(GO) test -tags bench -count=1 -timeout 1h -v ./test/bench/...

# Runs every fuzz target for FUZZTIME; go test takes one at a time. By default it spends up
# to a minute on minimizing one input and tries nothing new meanwhile.
FUZZTIME ?= 1m
FUZZFLAGS ?=
fuzz:
	@set -e; for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $(FUZZFLAGS) $$pkg; \
		done; \
	done

# The same for 10 minutes each.
fuzz-long:
	@$(MAKE) --no-print-directory fuzz FUZZTIME=10m

# Lists the targets.
fuzz-list:
	@for pkg in $$($(GO) list ./...); do \
		$(GO) test -list '^Fuzz' $$pkg | sed -n "s|^Fuzz|$$pkg &|p"; \
	done

# The BPF programs of internal/trace: one object for every kernel, amd64 and arm64. clang-14,
# llvm-14 and libbpf-dev of Debian 12 build exactly the committed bytes.
BPF_CLANG ?= clang-14
BPF_STRIP ?= llvm-strip-14
bpf:
	cd internal/trace/bpf && $(BPF_CLANG) -O2 -g -target bpfel -mcpu=v3 -Wall -Werror \
		-ffile-prefix-map=$(CURDIR)/trace/bpf=. -fdebug-compilation-dir=. \
		-I/usr/include/$$($(BPF_CLANG) -print-multiarch) \
		-c trace.bpf.c -o trace.bpf.o
	$(BPF_STRIP) -g internal/trace/bpf/trace.bpf.o

# Runs each "<!-- captured: linkaudit ... -->" in README.md and puts its output below.
# Exit status 1 means findings.
CAPTURE = awk '/^<!-- captured: linkaudit / { print; \
		command = $$0; sub(/^<!-- captured: /, "", command); sub(/ -->$$/, "", command); \
		print "```"; print "$$ " command; fflush(); \
		if (system("./" command) > 1) exit failed = 1; \
		print "```"; skip = 1; next } \
		/^<!-- end captured -->/ { skip = 0 } !skip; END { exit failed }'
CAPTURED = README.md docs/explain.md
readme: build
	@for page in $(CAPTURED); do $(CAPTURE) $$page >$$page.new && mv $$page.new $$page || exit; done

# The pages show what the commands print.
readme-check: build
	@mkdir -p dist
	@for page in $(CAPTURED); do \
		$(CAPTURE) $$page >dist/captured.md || exit; \
		diff -u $$page dist/captured.md || { echo "$$page does not show what the program prints: make readme"; exit 1; }; \
	done

clean:
	rm -rf linkaudit dist
