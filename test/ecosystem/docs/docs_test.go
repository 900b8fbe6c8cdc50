//go:build ecosystem

// Package docs runs the commands of the documentation that need no machine to
// audit: on saved snapshots and on an image. It needs root for a mount
// namespace, the Debian packages jq and graphviz, and the roots of
// test/roots/build in $LINKAUDIT_ROOTS.
package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"linkaudit/test/doccmd"
	"linkaudit/test/ecosystem/stage"
	"linkaudit/test/roots"
	"linkaudit/test/tool"
)

// place makes the directory in which the blocks run: the snapshots of two hosts, a
// machine ID, a .link file, and parts of a real root at /mnt/image.
const place = `set -eu
mount -t tmpfs tmpfs /mnt
mkdir /mnt/image
cd "$ROOT"
cp -a --parents etc/os-release etc/systemd usr/lib/os-release usr/lib/systemd usr/lib/udev usr/lib/x86_64-linux-gnu/systemd var/lib/dpkg/status /mnt/image
ln -s usr/lib /mnt/image/lib
mkdir /mnt/work
cd /mnt/work
cp "$SNAPSHOT" web1.json
cp "$SNAPSHOT" web2.json
echo 0123456789abcdef0123456789abcdef >web1.id
printf '[Match]\nOriginalName=bond*\n[Link]\nMACAddressPolicy=none\n' >10-bond.link
set +eu
`

func TestMain(m *testing.M) { os.Exit(stage.MainInFull(m)) }

func TestCommandsOnSavedSnapshots(t *testing.T) {
	blocks, err := doccmd.All("../../..", "saved")
	if err != nil {
		t.Fatal(err)
	}
	stage.Need(t, map[string]string{"jq": "jq", "dot": "graphviz", "unshare": "util-linux"})
	snapshot, err := filepath.Abs("../../../cmd/linkaudit/example.json")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := tool.Build(bin + "/linkaudit"); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		t.Run(b.Name(), func(t *testing.T) {
			run := exec.Command("unshare", "--mount", "--propagation=private", "bash", "-c", place+b.Script())
			run.Env = append(os.Environ(), fmt.Sprintf("PATH=%s:%s", bin, os.Getenv("PATH")),
				"ROOT="+roots.Of("bookworm"), "SNAPSHOT="+snapshot)
			out, err := run.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
