package trace

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

func loadSpec(t *testing.T) *ebpf.CollectionSpec {
	t.Helper()
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// TestRecordIsTheObject: the object's struct event is the one that is read.
func TestRecordIsTheObject(t *testing.T) {
	var c *btf.Struct
	if err := loadSpec(t).Types.TypeByName("event", &c); err != nil {
		t.Fatal(err)
	}
	same(t, c, reflect.TypeFor[event]())
}

func same(t *testing.T, c *btf.Struct, g reflect.Type) {
	t.Helper()
	if int(c.Size) != int(g.Size()) || len(c.Members) != g.NumField() {
		t.Fatalf("struct %s has %d fields and %d bytes, %s %d and %d", c.Name, len(c.Members), c.Size, g, g.NumField(), g.Size())
	}
	for i, m := range c.Members {
		f := g.Field(i)
		size, err := btf.Sizeof(m.Type)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.EqualFold(strings.ReplaceAll(m.Name, "_", ""), f.Name) || uintptr(m.Offset.Bytes()) != f.Offset || size != int(f.Type.Size()) {
			t.Errorf("%s.%s is %d bytes at %d, %s.%s %d at %d", c.Name, m.Name, size, m.Offset.Bytes(), g, f.Name, f.Type.Size(), f.Offset)
		}
		if array, is := m.Type.(*btf.Array); is {
			if inner, is := array.Type.(*btf.Struct); is {
				same(t, inner, f.Type.Elem())
			}
		}
	}
}

// TestNumbersAreTheObject: the object numbers the functions as the list does, and has
// programs for each.
func TestNumbersAreTheObject(t *testing.T) {
	spec := loadSpec(t)
	for number, name := range functions {
		kinds := []string{"fentry", "fexit", "kprobe", "kretprobe"}
		if name == notifiers {
			kinds = []string{"fentry", "kprobe"}
		}
		for _, kind := range kinds {
			t.Run(kind+"_"+name, func(t *testing.T) {
				p := spec.Programs[kind+"_"+name]
				if p == nil || p.AttachTo != name {
					t.Error("there is no such program")
					return
				}
				if name == notifiers {
					return
				}
				// The number is an argument of the function that each calls; at a kprobe's
				// entry with KPROBE.
				want := int64(number)
				if kind == "kprobe" {
					want |= 0x100
				}
				given := slices.ContainsFunc(p.Instructions[:slices.IndexFunc(p.Instructions, func(i asm.Instruction) bool { return i.IsFunctionCall() })],
					func(i asm.Instruction) bool {
						return i.OpCode.Class().IsALU() && i.Constant == want && (i.Dst == 1 || i.Dst == 2)
					})
				if !given {
					t.Errorf("it does not give the number %d", number)
				}
			})
		}
	}
}

// TestOpen: this machine has a tracer that sees a change, or says in one line why
// it has none.
func TestOpen(t *testing.T) {
	tr, err := Open(Options{Stack: true})
	if err != nil {
		var missing *Unavailable
		if !errors.As(err, &missing) || missing.Missing == "" || strings.Contains(err.Error(), "\n") {
			t.Fatalf("%#v: %v", err, err)
		}
		t.Log(err)
		return
	}
	defer tr.Close()
	t.Log(tr.Attached())
	out, err := exec.Command("unshare", "-n", "sh", "-c", "ip link add trace type veth peer name ecart && ip link set dev trace address 02:00:00:00:00:01").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for {
		c, ok, err := tr.TryRead()
		if err != nil || !ok {
			t.Fatalf("the change is not there: %v", err)
		}
		if c.Name == "trace" && c.After.String() == "02:00:00:00:00:01" && c.Process.Name == "ip" && len(c.Stack) > 0 {
			return
		}
	}
}

// TestOpenWithoutRights: the error names the missing ones.
func TestOpenWithoutRights(t *testing.T) {
	if os.Getenv("TRACE_OPEN") != "" {
		_, err := Open(Options{})
		fmt.Println("open:", err)
		return
	}
	// A copy, since nobody may go into the directory that the test was built in.
	dir, err := os.MkdirTemp("/tmp", "trace")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "test")
	if err := errors.Join(os.WriteFile(program, self, 0o755), os.Chmod(program, 0o755), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run=^TestOpenWithoutRights$")
	cmd.Dir, cmd.Env = "/", []string{"TRACE_OPEN=1"}
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	if want := "open: calls in the kernel cannot be traced: " + rights + ": operation not permitted"; line != want {
		t.Errorf("%s\nnot\n%s", out, want)
	}
}

// TestUnavailable: what is missing is said, and since when Linux has it, and the
// kernel's error can be asked for.
func TestUnavailable(t *testing.T) {
	verifier := fmt.Errorf("program kprobe: %w", &ebpf.VerifierError{Cause: unix.EINVAL, Log: []string{"0: first", "1: second", "processed 2 insns"}})
	for name, test := range map[string]struct {
		err  *Unavailable
		says string
		is   error
	}{
		"a kernel without BTF": {unavailable(stageTypes, fmt.Errorf("load: %w", &fs.PathError{Op: "open", Path: "/sys/kernel/btf/vmlinux", Err: unix.ENOENT})),
			"the kernel's BTF, /sys/kernel/btf/vmlinux of CONFIG_DEBUG_INFO_BTF (since Linux 5.4): no such file or directory", unix.ENOENT},
		"an old kernel": {unavailable(stageMaps, fmt.Errorf("map events: %w", unix.EINVAL)),
			"the BPF ring buffer (since Linux 5.8): invalid argument", unix.EINVAL},
		"a kernel without BPF": {unavailable(stageMaps, fmt.Errorf("map events: %w", unix.ENOSYS)),
			"the system call bpf(2), CONFIG_BPF_SYSCALL (since Linux 3.18): function not implemented", unix.ENOSYS},
		"no rights for maps": {unavailable(stageMaps, fmt.Errorf("map events: %w", unix.EPERM)),
			rights + ": operation not permitted", unix.EPERM},
		"no rights for programs": {notAttached("dev_addr_mod", unix.EPERM, unix.EACCES), rights + ": permission denied", unix.EACCES},
		"neither fentry nor kprobes": {notAttached("dev_addr_mod", unix.EPERM, brief(verifier)),
			"dev_addr_mod by fentry (", unix.EINVAL},
	} {
		t.Run(name, func(t *testing.T) {
			line := test.err.Error()
			if !strings.HasPrefix(line, "calls in the kernel cannot be traced: "+test.says) || strings.Contains(line, "\n") || !errors.Is(test.err, test.is) {
				t.Errorf("%s", line)
			}
		})
	}
}

func TestLockedDown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lockdown")
	for content, locked := range map[string]bool{
		"[none] integrity confidentiality\n": false,
		"none [integrity] confidentiality\n": false,
		"none integrity [confidentiality]\n": true,
	} {
		t.Run(strings.TrimSpace(content), func(t *testing.T) {
			if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := lockedDown(file); (err != nil) != locked {
				t.Errorf("locked down: %v", err)
			}
		})
	}
	if err := lockedDown(file + ".none"); err != nil {
		t.Errorf("a kernel without lockdown: %v", err)
	}
}

func TestSymbols(t *testing.T) {
	var s symbols
	err := eachSymbol(strings.NewReader("ffffffff81000000 T _stext\nffffffff81000100 t do_setlink\nffffffff81000200 D a_variable\nffffffffc0000000 t bond_enslave\t[bonding]\n"),
		func(address uint64, name string) { s.list = append(s.list, symbol{address, name}) })
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[uint64]string{
		0xffffffff81000100: "do_setlink+0x0",
		0xffffffff81000250: "do_setlink+0x150",
		0xffffffffc0000001: "bond_enslave+0x1",
		0xffffffff91000000: "0xffffffff91000000",
		0x1000:             "0x1000",
	} {
		t.Run(fmt.Sprintf("%#x", address), func(t *testing.T) {
			if got := s.name(address); got != want {
				t.Errorf("it is %s, not %s", got, want)
			}
		})
	}
	if err := eachSymbol(strings.NewReader("no T address\n"), func(uint64, string) {}); err == nil {
		t.Error("an address that is none")
	}
}

// The stacks are of Debian's 6.12 and 7.2, by fentry, and of a kprobe.
func TestStackBeginsWithTheFunction(t *testing.T) {
	for name, test := range map[string]struct{ stack, want string }{
		"6.12": {"bpf_prog_f42d58717fc4ae98_enter+0x2f9 bpf_prog_e31d_fentry_dev_set_mac_address_user+0x26 bpf_trampoline_6442543766+0x5f dev_set_mac_address_user+0x9 do_setlink+0x264",
			"dev_set_mac_address_user+0x9 do_setlink+0x264"},
		"7.2": {"bpf_prog_f42d58717fc4ae98_enter+0x2f9 bpf_prog_e31d_fentry_dev_set_mac_address_user+0x26 bpf_trampoline_6442543766+0x5f do_setlink.isra.0+0x262 rtnl_newlink+0xb1f",
			"dev_set_mac_address_user+0x0 do_setlink.isra.0+0x262 rtnl_newlink+0xb1f"},
		"a kprobe":                      {"dev_set_mac_address_user+0x1 do_setlink+0x264", "dev_set_mac_address_user+0x1 do_setlink+0x264"},
		"a kernel that hides addresses": {"0x1 0x2", "0x1 0x2"},
		"nothing behind":                {"bpf_trampoline_6442543766+0x5f", "dev_set_mac_address_user+0x0"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(fromFunction(strings.Fields(test.stack), "dev_set_mac_address_user"), " "); got != test.want {
				t.Errorf("%s, not %s", got, test.want)
			}
		})
	}
}
