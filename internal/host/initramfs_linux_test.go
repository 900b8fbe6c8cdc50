package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"linkaudit/linkfiles"
)

func TestImagesAreFoundByTheirPlaces(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	root := t.TempDir()
	for _, name := range []string{
		"boot/initrd.img-6.1.0-13-amd64", "boot/initrd.img-6.1.0-13-amd64.bak", "boot/initrd.img-6.1.0-13-amd64.dpkg-bak",
		"boot/initramfs-5.14.0-1.el9.x86_64.img", "boot/initramfs-5.14.0-1.el9.x86_64kdump.img", "boot/initramfs-0-rescue-" + id + ".img",
		"boot/initramfs-linux.img", "boot/initramfs-linux-lts-fallback.img", "boot/initrd-6.4.0-default", "boot/vmlinuz-6.1.0-13-amd64",
		"usr/lib/modules/6.6.1/initrd", "usr/lib/modules/6.6.1/vmlinuz",
		"efi/" + id + "/6.1.0/initrd", "efi/" + id + "/6.1.0/linux", "efi/other/6.1.0/initrd",
		"efi/EFI/Linux/arch.efi", "efi/EFI/Linux/DEBIAN.EFI", "efi/EFI/BOOT/BOOTX64.EFI",
	} {
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// One file with two names, and what is no file.
	if err := os.Symlink("initrd.img-6.1.0-13-amd64", filepath.Join(root, "boot/initrd.img")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "boot/initrd-directory"), 0o755); err != nil {
		t.Fatal(err)
	}
	images, problems := files{root: root}.initramfsImages()
	got := map[string]string{}
	for _, img := range images {
		got[img.Path] = img.Kernel
	}
	want := map[string]string{
		"/boot/initrd.img-6.1.0-13-amd64":         "6.1.0-13-amd64",
		"/boot/initramfs-5.14.0-1.el9.x86_64.img": "5.14.0-1.el9.x86_64",
		"/boot/initramfs-linux.img":               "",
		"/boot/initramfs-linux-lts-fallback.img":  "",
		"/boot/initrd-6.4.0-default":              "6.4.0-default",
		"/usr/lib/modules/6.6.1/initrd":           "6.6.1",
		"/efi/" + id + "/6.1.0/initrd":            "6.1.0",
		"/efi/EFI/Linux/DEBIAN.EFI":               "",
		"/efi/EFI/Linux/arch.efi":                 "",
	}
	if !cmp.Equal(got, want) || problems != nil {
		t.Errorf("%v\n%s", problems, cmp.Diff(want, got))
	}
}

// A hostile tree below --root: nothing is followed out of it, nothing blocks.
func TestImagesBelowARootAreNotFollowedOut(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("07070100000000"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "boot"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"initrd-out1": filepath.Join(outside, "secret"), "initrd-loop2": "initrd-loop2", "initrd-zero3": "/dev/zero"} {
		if err := os.Symlink(target, filepath.Join(root, "boot", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(root, "boot/initrd-fifo4"), 0o644); err != nil {
		t.Fatal(err)
	}
	images, _ := ReadInitramfs(context.Background(), root)
	got := map[string]string{}
	for _, img := range images {
		got[img.Path] = img.Unreadable
		if strings.Contains(img.Unreadable, "\n") {
			t.Errorf("more than a line: %q", img.Unreadable)
		}
	}
	want := map[string]string{
		"/boot/initrd-out1":  "no such file or directory",
		"/boot/initrd-loop2": "too many levels of symbolic links",
		"/boot/initrd-zero3": "no such file or directory",
		"/boot/initrd-fifo4": "not a regular file",
	}
	if !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestReleaseInAProgram(t *testing.T) {
	for text, want := range map[string]linkfiles.Release{
		"": 0, "libsystemd-shared-": 0, "libsystemd-shared-x.so": 0,
		"\x00libsystemd-shared-252.so\x00":                                 252,
		"libsystemd-shared-old\x00 libsystemd-shared-257.13-1.fc42.so\x00": 257,
		"\x00Starting version 247.3-7+deb11u4\x00":                         247,
		"Starting systemd-udevd version 252.39-1~deb12u1\x00":              252,
	} {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			if got, ok := releaseInProgram([]byte(text)); got != want || ok != (want != 0) {
				t.Errorf("%d, %v, want %d", got, ok, want)
			}
		})
	}
}
