package host

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
	"linkaudit/test/tool"
)

// program is an ELF file whose sections are the ones of the map and the names. Those
// in squeezed are compressed, and say so.
func program(t testing.TB, names []string, content map[string][]byte, squeezed ...string) []byte {
	t.Helper()
	type section struct {
		name   string
		typ    elf.SectionType
		flags  elf.SectionFlag
		link   uint32
		data   []byte
		offset uint64
	}
	sections := []section{{}}
	var strtab bytes.Buffer
	strtab.WriteByte(0)
	offsets := map[string]uint32{}
	for _, name := range append(names, ".shstrtab") {
		offsets[name] = uint32(strtab.Len())
		strtab.WriteString(name + "\x00")
		s := section{name: name, typ: elf.SHT_PROGBITS, data: content[name]}
		switch name {
		case ".dynstr", ".shstrtab":
			s.typ = elf.SHT_STRTAB
		case ".dynamic":
			s.typ, s.link = elf.SHT_DYNAMIC, 1
		}
		sections = append(sections, s)
	}
	last := &sections[len(sections)-1]
	last.data = append(strtab.Bytes(), content[".shstrtab"]...)
	var body bytes.Buffer
	for i := range sections {
		s := &sections[i]
		for _, name := range squeezed {
			if s.name == name {
				var small bytes.Buffer
				w, _ := zlib.NewWriterLevel(&small, zlib.BestSpeed)
				w.Write(s.data)
				w.Close()
				var b bytes.Buffer
				binary.Write(&b, binary.LittleEndian, elf.Chdr64{Type: uint32(elf.COMPRESS_ZLIB), Size: uint64(len(s.data)), Addralign: 1})
				b.Write(small.Bytes())
				s.data, s.flags = b.Bytes(), elf.SHF_COMPRESSED
			}
		}
		s.offset = 64 + uint64(body.Len())
		body.Write(s.data)
	}
	h := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: 1, Shoff: 64 + uint64(body.Len()),
		Ehsize: 64, Shentsize: 64, Shnum: uint16(len(sections)), Shstrndx: uint16(len(sections) - 1)}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	var out bytes.Buffer
	binary.Write(&out, binary.LittleEndian, h)
	out.Write(body.Bytes())
	for _, s := range sections {
		binary.Write(&out, binary.LittleEndian, elf.Section64{Name: offsets[s.name], Type: uint32(s.typ), Flags: uint64(s.flags),
			Off: s.offset, Size: uint64(len(s.data)), Link: s.link, Addralign: 1})
	}
	return out.Bytes()
}

// What a compiler never compresses is not inflated: a program that somebody supplies
// takes no more memory than its own size.
func TestAProgramIsNotInflated(t *testing.T) {
	dynamic := make([]byte, 32)
	binary.LittleEndian.PutUint64(dynamic, uint64(elf.DT_NEEDED))
	binary.LittleEndian.PutUint64(dynamic[8:], 1)
	good := map[string][]byte{".dynamic": dynamic, ".dynstr": []byte("\x00libsystemd-shared-252.so\x00")}
	names := []string{".dynstr", ".dynamic"}
	if v, err := elfVersion(bytes.NewReader(program(t, names, good))); err != nil || v != "252" {
		t.Fatalf("the original is read as %q, %v", v, err)
	}
	const big = 32 << 20
	for _, name := range []string{".shstrtab", ".dynstr", ".rodata"} {
		t.Run(name, func(t *testing.T) {
			content := map[string][]byte{name: append(append([]byte{}, good[name]...), make([]byte, big)...)}
			for other, data := range good {
				if other != name {
					content[other] = data
				}
			}
			all := names
			if name == ".rodata" {
				all = []string{".dynstr", name} // the library's name comes first
			}
			bomb := program(t, all, content, name)
			if len(bomb) > big/100 {
				t.Fatalf("%d bytes", len(bomb))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			version, err := elfVersion(bytes.NewReader(bomb))
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > big/4 {
				t.Errorf("%d MB for a program of %d KB", took>>20, len(bomb)>>10)
			}
			t.Log(version, err)
		})
	}
}

// pretend runs a process with another name, as anybody can (PR_SET_NAME of prctl(2)).
func pretend(t *testing.T, name string, uid uint32) int {
	t.Helper()
	dir := t.TempDir()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	// The kernel takes the name of the file that is executed.
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o755); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(file, "600")
	cmd.Env = []string{"SYSTEMD_NET_NAMING_SCHEME=v999", "CREDENTIALS_DIRECTORY=/root"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd.Process.Pid
}

// A process that only has the name systemd-udevd is not believed: root would ask it for its
// version, its environment and what is in its root directory.
func TestAProcessOfAnotherUserIsNotUdevd(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	pid := pretend(t, "systemd-udevd", 1000)
	if _, ok := udevdProcess(pid); ok {
		t.Error("it is taken for udevd")
	}
	if u := findUdevd(); u.pid != 0 || u.running.Or(true) {
		t.Errorf("%+v", u)
	}
	if s := collect(t, DeviceOptions{Want: WantEverything}); s.Udev.Running.Or(true) || s.System.Credentials.IsKnown() {
		t.Errorf("udevd runs: %v, credentials %v", s.Udev.Running, s.System.Credentials)
	}
	// root's would be believed: the name and the user are all that there is to see.
	if _, ok := udevdProcess(pretend(t, "systemd-udevd", 0)); !ok {
		t.Error("the test does not show what it is meant to")
	}
}

// sendNetlink is what the child process of a test runs: it sends a message to a
// multicast group.
func sendNetlink(protocol int, group uint32, message []byte) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	return unix.Sendto(fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: group})
}

// udevMessage is a broadcast of udevd about a device.
func udevMessage(index int) []byte {
	properties := fmt.Sprintf("ACTION=add\x00SUBSYSTEM=net\x00IFINDEX=%d\x00", index)
	b := make([]byte, 40)
	copy(b, udevPrefix)
	binary.BigEndian.PutUint32(b[8:], udevMagic)
	binary.NativeEndian.PutUint32(b[12:], 40)
	binary.NativeEndian.PutUint32(b[16:], 40)
	binary.NativeEndian.PutUint32(b[20:], uint32(len(properties)))
	return append(b, properties...)
}

// linkMessage is one of the kernel's about a device.
func linkMessage(index int, name string) []byte {
	body := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(body[4:], uint32(index))
	attr := make([]byte, 4, 4+len(name)+4)
	binary.NativeEndian.PutUint16(attr, uint16(4+len(name)+1))
	binary.NativeEndian.PutUint16(attr[2:], unix.IFLA_IFNAME)
	attr = append(append(attr, name...), 0)
	for len(attr)%4 != 0 {
		attr = append(attr, 0)
	}
	body = append(body, attr...)
	h := make([]byte, unix.NLMSG_HDRLEN)
	binary.NativeEndian.PutUint32(h, uint32(len(h)+len(body)))
	binary.NativeEndian.PutUint16(h[4:], unix.RTM_NEWLINK)
	return append(h, body...)
}

const forgedLink, forgedUdev, realUdev = 7001, 7002, 7003

// TestHelperForges is the child of the next test.
func TestHelperForges(t *testing.T) {
	if os.Getenv("LINKAUDIT_TEST_FORGES") == "" {
		return
	}
	if err := sendNetlink(unix.NETLINK_ROUTE, 1<<(unix.RTNLGRP_LINK-1), linkMessage(forgedLink, "forged0")); err != nil {
		t.Fatal(err)
	}
	if err := sendNetlink(unix.NETLINK_KOBJECT_UEVENT, udevGroup, udevMessage(forgedUdev)); err != nil {
		t.Fatal(err)
	}
}

// A process with CAP_NET_ADMIN in a network namespace, as its creator has, can
// send what only the kernel and udevd have to say. It is not heard.
func TestForgedMessagesAreNotHeard(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	watch, err := watchLinks()
	if err != nil {
		t.Fatal(err)
	}
	defer watch.close()
	n, err := Subscribe()
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test's own program may be where nobody else gets to, or for root alone.
	self, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	const forger = "/run/forger" // in memory, and of this namespace
	if err := errors.Join(os.WriteFile(forger, self, 0o755), os.Chmod(forger, 0o755), os.Chmod("/run", 0o755)); err != nil {
		t.Fatal(err)
	}
	forge := exec.Command(forger, "-test.run=^TestHelperForges$", "-test.v")
	forge.Dir = "/"
	forge.Env = []string{"LINKAUDIT_TEST_FORGES=1"}
	forge.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}, AmbientCaps: []uintptr{unix.CAP_NET_ADMIN}}
	if out, err := forge.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS: TestHelperForges") {
		t.Fatalf("%v\n%s", err, out)
	}
	// The same from root is udevd's, and a device of the kernel's comes after what was
	// forged: by then that was heard, or never will be.
	if err := sendNetlink(unix.NETLINK_KOBJECT_UEVENT, udevGroup, udevMessage(realUdev)); err != nil {
		t.Fatal(err)
	}
	add(t, bridge("real0"))
	kernel, udev := false, false
	for !kernel || !udev {
		select {
		case m := <-n.C():
			switch {
			case m.Link != nil && m.Link.Device.Index == forgedLink, m.Udev != nil && m.Udev.Index == forgedUdev:
				t.Errorf("a forged message is believed: %+v %+v", m.Link, m.Udev)
			case m.Link != nil && m.Link.Device.Name == "real0":
				kernel = true
			case m.Udev != nil && m.Udev.Index == realUdev:
				udev = true
			}
		case <-time.After(tool.Patience(time.Minute)):
			t.Fatalf("the kernel is heard: %v, udevd: %v", kernel, udev)
		}
	}
	changed, overflow, err := watch.drain()
	if err != nil || overflow || changed[forgedLink] || len(changed) == 0 {
		t.Errorf("%v, %v, %v", changed, overflow, err)
	}
}

// bus listens where the system bus does, and speaks as the function does.
func bus(t *testing.T, speak func(net.Conn)) {
	t.Helper()
	name := strings.TrimPrefix(systemBus, "unix:path=")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				speak(c)
			}()
		}
	}()
}

// answers speaks D-Bus: every method call is answered with the values.
func answers(values ...any) func(net.Conn) {
	return func(c net.Conn) {
		in := bufio.NewReader(c)
		if _, err := in.ReadByte(); err != nil { // the NUL byte
			return
		}
		for {
			line, err := in.ReadString('\n')
			switch {
			case err != nil:
				return
			case line == "AUTH\r\n":
				io.WriteString(c, "REJECTED EXTERNAL\r\n")
			case strings.HasPrefix(line, "AUTH"):
				io.WriteString(c, "OK 0123456789abcdef0123456789abcdef\r\n")
			case strings.HasPrefix(line, "NEGOTIATE"):
				io.WriteString(c, "ERROR\r\n")
			}
			if strings.HasPrefix(line, "BEGIN") {
				break
			}
		}
		for {
			m, err := dbus.DecodeMessage(in)
			if err != nil {
				return
			}
			body := values
			if member, _ := m.Headers[dbus.FieldMember].Value().(string); member == "Hello" {
				body = []any{":1.1"}
			}
			reply := &dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{
				dbus.FieldReplySerial: dbus.MakeVariant(m.Serial()),
			}, Body: body}
			if len(body) > 0 {
				reply.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
			}
			if err := reply.EncodeTo(c, binary.LittleEndian); err != nil {
				return
			}
		}
	}
}

// Whatever listens on the system bus, an audit goes on, and nothing that it says is
// taken for a release or a virtualization that there is not.
func TestTheSystemBusMaySayAnything(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	if err := os.MkdirAll("/run/systemd/system", 0o755); err != nil {
		t.Fatal(err)
	}
	// What the environment says is not asked.
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/elsewhere")
	elsewhere, err := net.Listen("unix", "/run/elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	go func() {
		if c, err := elsewhere.Accept(); err == nil {
			t.Error("the bus of DBUS_SYSTEM_BUS_ADDRESS was asked")
			c.Close()
		}
	}()
	const largeAnswer = "answers with 32 MB"
	// What systemd-detect-virt(1) says, where the bus says nothing.
	without := virtualization(context.Background(), fact.Known[linkfiles.Release](257))
	garbage := bytes.Repeat([]byte("\x00\xff\r\nl"), 1<<16)
	endless := func(c net.Conn) {
		for {
			if _, err := c.Write(garbage); err != nil {
				return
			}
		}
	}
	large := 32 << 20
	if testing.Short() {
		large = 1 << 20 // the race detector would be at it for a minute
	}
	for name, c := range map[string]struct {
		speak func(net.Conn)
		// ok: managerProperty gets a value.
		ok bool
	}{
		"says nothing":      {func(c net.Conn) { io.Copy(io.Discard, c) }, false},
		"hangs up":          {func(net.Conn) {}, false},
		"talks without end": {endless, false},
		"talks garbage after OK": {func(c net.Conn) {
			io.WriteString(c, "OK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n")
			endless(c)
		}, false},
		"answers with nothing":     {answers(), false},
		"answers with a number":    {answers(dbus.MakeVariant(uint32(7))), true},
		"answers with two":         {answers("a", "b"), false},
		largeAnswer:                {answers(dbus.MakeVariant(strings.Repeat("x", large))), true},
		"answers with escapes":     {answers(dbus.MakeVariant("\x1b[31m257\n")), true},
		"answers with a structure": {answers(dbus.MakeVariant([][]map[string]string{{{"a": "b"}}})), true},
		"answers with a release":   {answers(dbus.MakeVariant("257.9-1")), true},
	} {
		t.Run(name, func(t *testing.T) {
			bus(t, c.speak)
			var version string
			var err error
			ask := func() { version, err = managerProperty(context.Background(), "Version") }
			if c.ok && name != largeAnswer {
				// It may come later than dbusTimeout on a busy machine.
				tool.Eventually(t, "an answer in time", func() bool {
					ask()
					return !errors.Is(err, context.DeadlineExceeded)
				})
			} else {
				tool.Finishes(t, "managerProperty", ask)
			}
			// A large answer takes longer than dbusTimeout on some machines, every time.
			if late := name == largeAnswer && errors.Is(err, context.DeadlineExceeded); (err == nil) != c.ok && !late {
				t.Errorf("%.40q, %v", version, err)
			}
			rel, is := parseRelease(version)
			if is != (name == "answers with a release") {
				t.Errorf("%.40q is taken for release %d", version, rel)
			}
			var virt fact.Fact[linkfiles.Virt]
			tool.Finishes(t, "virtualization", func() { virt = virtualization(context.Background(), fact.Known[linkfiles.Release](257)) })
			if v, known := virt.Get(); known && v.ID != without.Or(linkfiles.Virt{}).ID {
				t.Errorf("taken for a virtualization: %+v", v)
			}
			if strings.Contains(virt.Reason().String(), "\x1b") || len(virt.Reason().String()) > 1000 {
				t.Errorf("%d bytes: %.300q", len(virt.Reason().String()), virt.Reason())
			}
		})
	}
}
