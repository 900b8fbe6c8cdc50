package host

import "linkaudit/linkfiles"

// hypervisors and containers are systemd's words for what it runs on
// (virtualization_table in src/basic/virt.c; the order of the enumeration in
// virt.h makes one a VM and the other a container). A release knows those of
// its time: "apple" came with 252, "sre" with 254, "google" with 256.
var (
	hypervisors = []string{
		"kvm", "amazon", "qemu", "bochs", "xen", "uml", "vmware", "oracle", "microsoft",
		"zvm", "parallels", "bhyve", "qnx", "acrn", "powervm", "apple", "sre", "google",
		"vm-other",
	}
	containers = []string{
		"systemd-nspawn", "lxc-libvirt", "lxc", "openvz", "docker", "podman", "rkt",
		"wsl", "proot", "pouch", "container-other",
	}
)

// virtOf sorts a word of systemd-detect-virt(1); ok is false if neither table has it.
func virtOf(id string) (v linkfiles.Virt, ok bool) {
	v.ID = id
	if id == "none" {
		return v, true
	}
	for _, h := range hypervisors {
		if h == id {
			v.VM = true
			return v, true
		}
	}
	for _, c := range containers {
		if c == id {
			v.Container = true
			return v, true
		}
	}
	return v, false
}

// architectures map uname(2)'s machine to systemd's word, as
// uname_architecture() does. Its table is compiled for one family of machines,
// so "native" in a .link file is the family's own: native_architecture().
// systemd has no word for another machine and stops there.
var architectures = map[string]string{
	"x86_64": "x86-64", "i686": "x86", "i586": "x86", "i486": "x86", "i386": "x86",
	"aarch64": "arm64", "aarch64_be": "arm64-be",
	"armv8l": "arm", "armv8b": "arm-be", "armv7ml": "arm", "armv7mb": "arm-be",
	"armv7l": "arm", "armv7b": "arm-be", "armv6l": "arm", "armv6b": "arm-be",
	"armv5tl": "arm", "armv5tel": "arm", "armv5tejl": "arm", "armv5tejb": "arm-be",
	"armv5teb": "arm-be", "armv5tb": "arm-be", "armv4tl": "arm", "armv4tb": "arm-be",
	"armv4l": "arm", "armv4b": "arm-be",
	"alpha": "alpha", "arc": "arc", "arceb": "arc-be", "crisv32": "cris", "ia64": "ia64",
	"parisc64": "parisc64", "parisc": "parisc", "loongarch64": "loongarch64", "m68k": "m68k",
	"mips64": "mips64", "mips": "mips", "nios2": "nios2",
	"ppc64le": "ppc64-le", "ppc64": "ppc64", "ppcle": "ppc-le", "ppc": "ppc",
	"riscv64": "riscv64", "riscv32": "riscv32", "s390x": "s390x", "s390": "s390",
	"sh5": "sh64", "sh4a": "sh", "sh4": "sh", "sh3": "sh", "sh2a": "sh", "sh2": "sh",
	"sparc64": "sparc64", "sparc": "sparc", "tilegx": "tilegx",
}
