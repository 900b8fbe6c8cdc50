//go:build !race

// The race detector allocates as well.

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"linkaudit/test/guard"
)

// TestAllocationsAreWhatWasRecorded runs the commands that need no machine, each in its own
// process, from the command line to the report. "make guard" measures the others.
func TestAllocationsAreWhatWasRecorded(t *testing.T) {
	const recordFile = "testdata/allocations.json"
	dir := t.TempDir()
	file := func(name string, content func(io.Writer) error) string {
		t.Helper()
		var b bytes.Buffer
		if err := content(&b); err != nil {
			t.Fatal(err)
		}
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	one := file("debian11.json", func(w io.Writer) error { _, err := w.Write(exampleHost); return err })
	many := file("hosts.ndjson", func(w io.Writer) error { return guard.WriteSnapshots(w, 200) })
	names := file("names", func(w io.Writer) error { return guard.WriteNames(w, 10000) })
	image := filepath.Join(dir, "image")
	for _, err := range []error{guard.WriteRoot(image), guard.WriteSiteFiles(image, 1000)} {
		if err != nil {
			t.Fatal(err)
		}
	}

	var recorded guard.Record
	if !*update {
		var err error
		if recorded, err = guard.Load(recordFile); err != nil {
			t.Fatal(err)
		}
	}
	measured := map[string]guard.Figures{}
	for _, c := range []struct {
		name, stdin string
		args        []string
	}{
		{"a snapshot: check --from", "", []string{"check", "--from", one}},
		{"a snapshot: check --from --format json", "", []string{"check", "--from", one, "--format", "json"}},
		{"a snapshot: explain bond0 --from", "", []string{"explain", "bond0", "--from", one}},
		{"snapshots of 200 hosts: check --from", "", []string{"check", "--from", many}},
		{"an image with 1,002 .link files: check --root", "", []string{"check", "--root", image}},
		{"an image with 1,002 .link files: lint --root", "", []string{"lint", "--root", image}},
		{"10,000 names: mac", names, []string{"mac", "--machine-id", "0123456789abcdef0123456789abcdef"}},
		{"version", "", []string{"version"}},
	} {
		measured[c.name] = recorded.Measure(c.name, 4, func() guard.Figures { return allocationsOf(t, c.stdin, c.args) })
	}
	if *update {
		if err := guard.Save(recordFile, measured); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, d := range recorded.Compare(measured) {
		t.Error(d)
	}
}

// allocationsOf runs a command as linkaudit-allocations.
func allocationsOf(t *testing.T, stdin string, args []string) (f guard.Figures) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := &exec.Cmd{Path: self, Args: append([]string{"linkaudit-allocations"}, args...), Stdout: &stdout, Stderr: &stderr}
	cmd.Env = []string{"TERM=dumb", "GOMAXPROCS=2"}
	if stdin != "" {
		in, err := os.Open(stdin)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		cmd.Stdin = in
	}
	if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != exitFindings {
		t.Fatalf("%q: %v\n%s", args, err, stderr.String())
	}
	if err := json.Unmarshal(stdout.Bytes(), &f); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, stdout.String())
	}
	return f
}
