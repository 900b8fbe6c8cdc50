package stage

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"linkaudit/test/roots"
	"linkaudit/test/tool"
)

// NPM is the archive of a package in the npm registry, NAME@VERSION, with the SHA-256
// sum. It is downloaded once and kept beside the roots, so a second run needs no
// network and no npm.
func NPM(t testing.TB, pkg, sum string) string {
	t.Helper()
	dir := filepath.Join(roots.Dir(), "npm")
	archive := filepath.Join(dir, sum+".tgz")
	if checksum(archive) == sum {
		return archive
	}
	Need(t, map[string]string{"npm": "npm"})
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	tool.Download(t, pkg, func() error {
		// An incomplete download has another name.
		part, err := os.MkdirTemp(dir, ".part-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(part)
		pack := exec.CommandContext(t.Context(), "npm", "pack", "--silent", pkg)
		pack.Dir = part
		out, err := pack.Output()
		if err != nil {
			return fmt.Errorf("npm pack: %w", err)
		}
		got := filepath.Join(part, strings.TrimSpace(string(out)))
		if now := checksum(got); now != sum {
			return fmt.Errorf("its SHA-256 is %s, not %s", cmp.Or(now, "unknown"), sum)
		}
		return os.Rename(got, archive)
	})
	return archive
}

// checksum is the SHA-256 of a file, "" if it cannot be read.
func checksum(file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(content))
}
