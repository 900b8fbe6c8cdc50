package conformance

import (
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"runtime"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// Machine is everything about the system that the conditions of a [Match] section can
// ask for, as far as the oracle's namespaces can show it.
type Machine struct {
	Hostname    string   `json:"hostname"`
	MachineID   string   `json:"machine_id"` // 32 hexadecimal digits
	Container   string   `json:"container"`  // systemd's word for the container manager
	CommandLine string   `json:"command_line"`
	BootID      string   `json:"boot_id,omitempty"`      // the running kernel's
	ProductUUID string   `json:"product_uuid,omitempty"` // the running machine's; "" if it has none
	Kernel      string   `json:"kernel"`                 // uname -r, the running kernel's
	Arch        string   `json:"arch"`                   // systemd's name, the running kernel's
	Credentials []string `json:"credentials,omitempty"`  // names in $CREDENTIALS_DIRECTORY
	UEFI        bool     `json:"uefi,omitempty"`
	DeviceTree  bool     `json:"device_tree,omitempty"` // without "compatible" strings: they are in /proc
	Tags        []string `json:"tags,omitempty"`        // TAGS= of /etc/machine-info
}

const credentialsDir = "/run/credentials/systemd-udevd.service"

// Nodes are the files that make udevadm see the machine.
func (m Machine) Nodes() Tree {
	file := func(path, content string) Node {
		return Node{Path: path, Kind: NodeFile, Content: []byte(content)}
	}
	nodes := Tree{
		file("/etc/machine-id", m.MachineID+"\n"),
		// One of the places where detect_container() of every release since 247 looks,
		// and the only one that a namespace can fill freely.
		file("/run/systemd/container", m.Container+"\n"),
		file("/etc/machine-info", "TAGS="+strings.Join(m.Tags, ":")+"\n"),
		{Path: credentialsDir, Kind: NodeDir},
	}
	for _, c := range m.Credentials {
		nodes = append(nodes, file(path.Join(credentialsDir, c), "secret"))
	}
	if m.UEFI {
		nodes = append(nodes, Node{Path: "/sys/firmware/efi", Kind: NodeDir})
	}
	if m.DeviceTree {
		nodes = append(nodes, Node{Path: "/sys/firmware/devicetree/base", Kind: NodeDir})
	}
	return nodes
}

// Env are the variables that make udevadm see the machine. SYSTEMD_PROC_CMDLINE
// replaces /proc/cmdline in every tested release.
func (m Machine) Env() []string {
	return []string{
		"SYSTEMD_PROC_CMDLINE=" + m.CommandLine,
		"CREDENTIALS_DIRECTORY=" + credentialsDir,
	}
}

// System is the machine in the terms of the code under test.
func (m Machine) System() *linkfiles.System {
	sys := &linkfiles.System{
		Hostname:          fact.Known(m.Hostname),
		MachineID:         linkfiles.UnknownMachineID(linkfiles.Told("not set by the test")),
		Virtualization:    fact.Known(linkfiles.Virt{ID: m.Container, Container: true}),
		KernelCommandLine: fact.Known(m.CommandLine),
		BootID:            known(m.BootID),
		ProductUUID:       known(m.ProductUUID),
		KernelRelease:     fact.Known(m.Kernel),
		Architecture:      fact.Known(m.Arch),
		Credentials:       fact.Known(m.Credentials),
		Firmware: fact.Known(linkfiles.Firmware{
			// is_efi_boot() is never true in a container (efivars.c).
			UEFI:       m.UEFI && m.Container == "",
			DeviceTree: m.DeviceTree,
		}),
		MachineTags: fact.Known(m.Tags),
	}
	var id [16]byte
	if b, err := hex.DecodeString(m.MachineID); err == nil && len(b) == len(id) {
		copy(id[:], b)
		sys.MachineID = linkfiles.KnownMachineID(id)
	}
	return sys
}

// architectures maps GOARCH to the names of ConditionArchitecture= (systemd.unit(5)),
// for the processors of this test. It assumes a native binary: both release and
// architecture are the running kernel's.
var architectures = map[string]string{
	"amd64":   "x86-64",
	"arm64":   "arm64",
	"riscv64": "riscv64",
	"ppc64le": "ppc64-le",
	"s390x":   "s390x",
}

// ofThisMachine fills in what no namespace can change.
func (m *Machine) ofThisMachine() error {
	read := func(file string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			return "" // not every machine has a product UUID
		}
		return strings.TrimSpace(string(b))
	}
	var ok bool
	if m.Arch, ok = architectures[runtime.GOARCH]; !ok {
		return fmt.Errorf("no systemd name known for architecture %s", runtime.GOARCH)
	}
	if m.Kernel = read("/proc/sys/kernel/osrelease"); m.Kernel == "" {
		return fmt.Errorf("/proc/sys/kernel/osrelease cannot be read")
	}
	m.BootID = read("/proc/sys/kernel/random/boot_id")
	m.ProductUUID = read("/sys/class/dmi/id/product_uuid")
	return nil
}

// known is the text as a fact; "" means none.
func known[S ~string](s S) fact.Fact[S] { return fact.Text(s) }
