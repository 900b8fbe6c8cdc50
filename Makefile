# make            builds ./linkaudit: one static binary
# make run        builds it and audits this machine (and shows the example
#                 where there is nothing to audit)
# make test       all tests that need neither root nor a real udevd

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# urfave_cli_no_docs leaves out a Markdown renderer that nothing here uses.
GOFLAGS_BUILD = -trimpath -tags urfave_cli_no_docs -ldflags '-s -w -X main.version=$(VERSION)'

PREFIX  ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
MANDIR  ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d

export CGO_ENABLED = 0

.PHONY: all build build-all run example test race lint man completions install \
	conformance vm fuzz bench readme clean

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

# The race detector is the one thing that needs cgo.
race:
	CGO_ENABLED=1 $(GO) test -race ./...

lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not gofmt-formatted:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./... ./testdata/hosts
	$(GO) vet -tags conformance,namespace,bench,vm ./...

# The man page is written by hand in docs/linkaudit.8; a test compares it with
# the commands and flags.
man:
	@mkdir -p dist
	gzip -9 -n -c docs/linkaudit.8 >dist/linkaudit.8.gz
	@if command -v mandoc >/dev/null; then mandoc -T lint -W warning,stop docs/linkaudit.8; \
	elif command -v groff >/dev/null; then groff -mandoc -Tutf8 -ww docs/linkaudit.8 >/dev/null; fi

# Completions ask the program itself; this checks that each shell takes them.
completions:
	bash -n contrib/completions/linkaudit.bash
	@if command -v zsh >/dev/null; then zsh -n contrib/completions/_linkaudit; fi
	@if command -v fish >/dev/null; then fish -n contrib/completions/linkaudit.fish; fi

install: build
	install -D -m 755 linkaudit $(DESTDIR)$(SBINDIR)/linkaudit
	install -D -m 644 docs/linkaudit.8 $(DESTDIR)$(MANDIR)/man8/linkaudit.8
	install -D -m 644 contrib/completions/linkaudit.bash $(DESTDIR)$(BASHDIR)/linkaudit
	install -D -m 644 contrib/completions/_linkaudit $(DESTDIR)$(ZSHDIR)/_linkaudit
	install -D -m 644 contrib/completions/linkaudit.fish $(DESTDIR)$(FISHDIR)/linkaudit.fish

# The suites that need root and real udevds; go test ./... never runs them.
conformance:
	test/conformance/run

# Bonds and teams need another kernel than most development machines have: four
# releases of Debian in virtual machines.
vm:
	test/vm/build
	$(GO) test -tags vm -count=1 -timeout 60m ./test/vm

bench: build
	$(GO) test -tags bench -count=1 -timeout 1h -v ./test/bench/...

# Every fuzz target of the tree for FUZZTIME each; go test takes one at a time.
# Left to itself it spends up to a minute on making one interesting input
# smaller, and tries nothing new meanwhile.
FUZZTIME ?= 1m
fuzz:
	@set -e; for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg; \
		done; \
	done

# Puts what the commands in README.md print now below each
# "<!-- captured: linkaudit ... -->". Exit status 1 means findings.
readme: build
	@awk '/^<!-- captured: linkaudit / { print; \
		command = $$0; sub(/^<!-- captured: /, "", command); sub(/ -->$$/, "", command); \
		print "```"; print "$$ " command; fflush(); \
		if (system("./" command) > 1) exit failed = 1; \
		print "```"; skip = 1; next } \
		/^<!-- end captured -->/ { skip = 0 } !skip; END { exit failed }' README.md >README.md.new
	@mv README.md.new README.md

clean:
	rm -rf linkaudit dist
