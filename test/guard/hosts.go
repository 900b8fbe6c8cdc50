package guard

import (
	"bytes"
	"crypto/md5"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// release is udevd's release on every host here.
const release = 252

// MachineID is the machine ID of every host here.
var MachineID = [16]byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}

const (
	linkDir    = "/usr/lib/systemd/network"
	localDir   = "/etc/systemd/network"
	ruleFile   = "/usr/lib/udev/rules.d/80-net-setup-link.rules"
	udevd      = "/usr/lib/systemd/systemd-udevd"
	udevDB     = "/run/udev/data"
	unitDir    = "/usr/lib/systemd/system"
	dropInEach = 4 // one in so many of a site's files has a drop-in
)

// distribution are the .link files of Debian 12, without comments.
var distribution = map[string]string{
	"73-usb-net-by-mac.link": "[Match]\nPath=*-usb-*\n\n[Link]\nNamePolicy=mac\n",
	"99-default.link": "[Match]\nOriginalName=*\n\n[Link]\nNamePolicy=keep kernel database onboard slot path\n" +
		"AlternativeNamesPolicy=database onboard slot path\nMACAddressPolicy=persistent\n",
}

// WriteRoot writes the files of a small Debian 12 below dir: only what an audit looks
// at.
func WriteRoot(dir string) error {
	files := map[string]string{
		"/etc/machine-id":         hex.EncodeToString(MachineID[:]) + "\n",
		"/etc/network/interfaces": "auto lo\niface lo inet loopback\n\nauto br0\niface br0 inet static\n\taddress 192.0.2.1/24\n\tbridge_ports eth0 eth1\n",
		"/etc/linkaudit.conf":     "[device \"docker*\"]\nignore = yes\n",
		ruleFile: "SUBSYSTEM!=\"net\", GOTO=\"net_setup_link_end\"\nIMPORT{builtin}=\"path_id\"\nACTION==\"remove\", GOTO=\"net_setup_link_end\"\n" +
			"IMPORT{builtin}=\"net_setup_link\"\nNAME==\"\", ENV{ID_NET_NAME}!=\"\", NAME=\"$env{ID_NET_NAME}\"\nLABEL=\"net_setup_link_end\"\n",
		"/usr/sbin/ifup":           "",
		"/var/lib/dpkg/status":     "Package: udev\nStatus: install ok installed\nVersion: 252.39-1~deb12u2\n",
		"/var/lib/dpkg/diversions": "",
	}
	// The lists of a package are as long as in Debian.
	var list, sums strings.Builder
	for i := range 150 {
		fmt.Fprintf(&list, "/usr/lib/udev/hwdb.d/%03d-devices.hwdb\n", i)
		fmt.Fprintf(&sums, "%x  usr/lib/udev/hwdb.d/%03d-devices.hwdb\n", md5.Sum([]byte{byte(i)}), i)
	}
	files["/var/lib/dpkg/info/systemd.list"] = strings.Repeat(list.String(), 5)
	for name, content := range distribution {
		file := filepath.Join(linkDir, name)
		files[file] = content
		fmt.Fprintln(&list, file)
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum([]byte(content)), strings.TrimPrefix(file, "/"))
	}
	files["/var/lib/dpkg/info/udev.list"] = list.String()
	files["/var/lib/dpkg/info/udev.md5sums"] = sums.String()
	// So are the units, with systemd-networkd.service, which nothing starts.
	for i := range 200 {
		files[fmt.Sprintf("%s/unit%03d.service", unitDir, i)] = ""
	}
	files[unitDir+"/systemd-networkd.service"] = ""
	for i := range 15 {
		files[fmt.Sprintf("%s/target%02d.target.wants/unit%03d.service", unitDir, i, i)] = ""
		files[fmt.Sprintf("/etc/systemd/system/target%02d.target.wants/unit%03d.service", i, i+100)] = ""
	}
	for name, content := range files {
		if err := write(dir, name, content); err != nil {
			return err
		}
	}
	if err := write(dir, udevd, string(udevdProgram())); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Join(dir, udevd), 0o755); err != nil {
		return err
	}
	return os.Symlink("usr/lib", filepath.Join(dir, "lib"))
}

func write(dir, name, content string) error {
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(content), 0o644)
}

// WriteSiteFiles adds the given number of .link files as a site's configuration
// management writes them, one for each network card, and drop-ins for some. Some match
// the driver and the path of a device.
func WriteSiteFiles(dir string, count int) error {
	for i := range count {
		var match string
		switch i % 4 {
		case 0:
			match = fmt.Sprintf("MACAddress=02:00:00:00:%02x:%02x", i>>8, i&255)
		case 1:
			match = fmt.Sprintf("Path=pci-0000:%02x:%02x.%d*", i>>8&255, i>>3&31, i&7)
		case 2:
			match = fmt.Sprintf("Driver=igb\nOriginalName=eth%d", i+100)
		default:
			match = fmt.Sprintf("OriginalName=eth%d", i+100)
		}
		name := fmt.Sprintf("%s/10-nic%04d.link", localDir, i)
		if err := write(dir, name, fmt.Sprintf("[Match]\n%s\n\n[Link]\nDescription=port %d\nName=nic%d\nMACAddressPolicy=none\nMTUBytes=9000\n", match, i, i)); err != nil {
			return err
		}
		if i%dropInEach == 0 {
			if err := write(dir, name+".d/10-wol.conf", "[Link]\nWakeOnLan=off\n"); err != nil {
				return err
			}
		}
	}
	return nil
}

// udevdProgram is an ELF file with the parts that show its release: the libraries that
// it needs, and the greeting among as much read-only data as in Debian's.
func udevdProgram() []byte {
	rodata := make([]byte, 212576)
	copy(rodata[len(rodata)/2:], fmt.Sprintf("\x00Starting systemd-udevd version %d.39-1~deb12u2\x00", release))
	dynstr := []byte("\x00libc.so.6\x00")
	var dynamic bytes.Buffer
	binary.Write(&dynamic, binary.LittleEndian, []elf.Dyn64{{Tag: int64(elf.DT_NEEDED), Val: 1}, {Tag: int64(elf.DT_NULL)}})
	names := []byte("\x00.rodata\x00.dynamic\x00.dynstr\x00.shstrtab\x00")

	var program bytes.Buffer
	header := elf.Header64{
		Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Ehsize: 64, Shentsize: 64, Shnum: 5, Shstrndx: 4,
	}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS], header.Ident[elf.EI_DATA], header.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	at := uint64(header.Ehsize)
	sections := []elf.Section64{{}}
	for _, s := range []struct {
		name    string
		kind    elf.SectionType
		content []byte
		link    uint32
		entry   uint64
	}{
		{".rodata", elf.SHT_PROGBITS, rodata, 0, 0},
		{".dynamic", elf.SHT_DYNAMIC, dynamic.Bytes(), 3, 16},
		{".dynstr", elf.SHT_STRTAB, dynstr, 0, 0},
		{".shstrtab", elf.SHT_STRTAB, names, 0, 0},
	} {
		sections = append(sections, elf.Section64{
			Name: uint32(bytes.Index(names, append([]byte(s.name), 0))), Type: uint32(s.kind),
			Off: at, Size: uint64(len(s.content)), Link: s.link, Addralign: 1, Entsize: s.entry,
		})
		at += uint64(len(s.content))
	}
	header.Shoff = at
	binary.Write(&program, binary.LittleEndian, header)
	program.Write(slices.Concat(rodata, dynamic.Bytes(), dynstr, names))
	binary.Write(&program, binary.LittleEndian, sections)
	return program.Bytes()
}

// WriteSnapshots writes the snapshots of the given number of hosts, one a line: the
// bundled example with other names and addresses.
func WriteSnapshots(w io.Writer, count int) error {
	example, err := os.ReadFile("../../cmd/linkaudit/example.json")
	if err != nil {
		return err
	}
	var line bytes.Buffer
	if err := json.Compact(&line, example); err != nil {
		return err
	}
	line.WriteByte('\n')
	for i := range count {
		host := bytes.ReplaceAll(line.Bytes(), []byte(`"bullseye"`), fmt.Appendf(nil, `"host%05d"`, i))
		host = bytes.ReplaceAll(host, []byte(`"42:e2:89:5b:6d:de"`), fmt.Appendf(nil, `"42:e2:89:5b:%02x:%02x"`, i>>8&255, i&255))
		if _, err := w.Write(host); err != nil {
			return err
		}
	}
	return nil
}

// WriteNames writes names of devices, one a line.
func WriteNames(w io.Writer, count int) error {
	for i := range count {
		if _, err := fmt.Fprintf(w, "br%d\n", i); err != nil {
			return err
		}
	}
	return nil
}
