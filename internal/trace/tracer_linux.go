package trace

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"
)

// object is internal/trace/bpf/trace.bpf.c, compiled by "make bpf" for little-endian
// machines. It reads the registers of a kprobe on x86-64 and arm64.
//
//go:embed bpf/trace.bpf.o
var object []byte

// Tracer sees the calls of the kernel functions that set addresses. Read and TryRead
// are for one goroutine, the other methods for any.
type Tracer struct {
	maps     map[string]*ebpf.Map
	links    []link.Link
	attached []string
	reader   *ringbuf.Reader
	symbols  *symbols // nil without stacks

	closed sync.Once
	mu     sync.Mutex // for end
	end    uint64     // Lost when the Tracer was closed
	gone   bool
}

// Open attaches to each of the functions that the running kernel has: by fentry, or by a
// kprobe if that does not work. The error is an *Unavailable if there can be no Tracer. It
// raises the process's limit on locked memory, because Linux up to 5.10 counts BPF maps.
func Open(o Options) (*Tracer, error) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return nil, &Unavailable{Missing: "a little-endian processor"}
	}
	if o.NetNS > math.MaxUint32 {
		return nil, fmt.Errorf("invalid inode number %d of a network namespace (32 bits)", o.NetNS)
	}
	if err := lockedDown("/sys/kernel/security/lockdown"); err != nil {
		return nil, err
	}
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, unavailable(stageTypes, err)
	}
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		return nil, fmt.Errorf("load the BPF programs: %w", err)
	}
	if err := errors.Join(spec.Variables["wanted_netns"].Set(uint32(o.NetNS)), spec.Variables["want_stack"].Set(o.Stack)); err != nil {
		return nil, fmt.Errorf("load the BPF programs: %w", err)
	}
	wanted, err := probe(kernel)
	if err != nil {
		return nil, err
	}

	t := &Tracer{maps: map[string]*ebpf.Map{}}
	opened := false
	defer func() {
		if !opened {
			t.Close()
		}
	}()
	// If it fails, the maps report the error.
	_ = unix.Prlimit(0, unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}, nil)
	maps, err := ebpf.NewCollection(&ebpf.CollectionSpec{Maps: spec.Maps, Variables: spec.Variables})
	if err != nil {
		return nil, unavailable(stageMaps, err)
	}
	t.maps = maps.Maps
	if t.reader, err = ringbuf.NewReader(t.maps["events"]); err != nil {
		return nil, unavailable(stageMaps, err)
	}
	for _, name := range wanted {
		fentryErr := errors.New("not wanted")
		if !o.Kprobes {
			if fentryErr = arguments(kernel, name); fentryErr == nil {
				fentryErr = t.attach(spec, "fentry", "fexit", name)
			}
		}
		if fentryErr == nil {
			continue
		}
		if kprobeErr := t.attach(spec, "kprobe", "kretprobe", name); kprobeErr != nil {
			return nil, notAttached(name, fentryErr, kprobeErr)
		}
	}
	if o.Stack {
		t.symbols = &symbols{}
	}
	opened = true
	return t, nil
}

// probe finds the functions to attach to. If one exists and cannot be attached to, that is
// an error later: it could set an address unseen.
func probe(kernel *btf.Spec) ([]string, error) {
	has := map[string]bool{}
	for _, name := range functions {
		var function *btf.Func
		has[name] = kernel.TypeByName(name, &function) == nil
	}
	if slices.ContainsFunc(functions, func(name string) bool { return !has[name] }) {
		// BTF does not have every function: it leaves out those that the compiler changed.
		symbols, err := os.Open("/proc/kallsyms")
		if err != nil {
			return nil, fmt.Errorf("read the kernel's functions: %w", err)
		}
		defer symbols.Close()
		err = eachSymbol(symbols, func(_ uint64, name string) {
			if slices.Contains(functions, name) {
				has[name] = true
			}
		})
		if err != nil {
			return nil, fmt.Errorf("read the kernel's functions: %w", err)
		}
	}
	// If it exists, it alone changes a device's address (dev_addr is const since the
	// same release), and the notifiers add nothing.
	if has[addrMod] {
		has[notifiers] = false
	}
	wanted := slices.DeleteFunc(slices.Clone(functions), func(name string) bool { return !has[name] })
	if len(wanted) == 0 {
		return nil, &Unavailable{Missing: "a kernel with one of the functions " + strings.Join(functions, ", ")}
	}
	return wanted, nil
}

// arguments checks that a function has as many arguments as the programs expect: they find
// its result after them.
func arguments(kernel *btf.Spec, name string) error {
	want := 3
	switch name {
	case addrMod:
		want = 4
	case notifiers:
		want = 2
	}
	var function *btf.Func
	if err := kernel.TypeByName(name, &function); err != nil {
		return err
	}
	if proto, is := function.Type.(*btf.FuncProto); !is || len(proto.Params) != want {
		return fmt.Errorf("the function %v does not have %d arguments", function.Type, want)
	}
	return nil
}

// attach loads the pair of programs for a function and attaches it.
func (t *Tracer) attach(spec *ebpf.CollectionSpec, entry, exit, name string) error {
	if entry == "kprobe" {
		// Otherwise the library searches tracefs, which takes long.
		if _, err := os.Stat("/sys/bus/event_source/devices/kprobe"); errors.Is(err, fs.ErrNotExist) {
			return errors.New("none in this kernel")
		}
		if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
			return errors.New("not supported on " + runtime.GOARCH)
		}
	}
	programs := map[string]*ebpf.ProgramSpec{}
	for _, at := range []string{exit, entry} {
		// The return of call_netdevice_notifiers has none.
		if p := spec.Programs[at+"_"+name]; p != nil {
			programs[at] = p
		}
	}
	loaded, err := ebpf.NewCollectionWithOptions(&ebpf.CollectionSpec{Programs: programs, Maps: spec.Maps},
		ebpf.CollectionOptions{MapReplacements: t.maps})
	if err != nil {
		return brief(err)
	}
	defer loaded.Close()
	// A return without its entry does no harm; an entry without its return does.
	var links []link.Link
	for _, at := range []string{exit, entry} {
		program := loaded.Programs[at]
		if program == nil {
			continue
		}
		var l link.Link
		switch at {
		case "kprobe":
			l, err = link.Kprobe(name, program, nil)
		case "kretprobe":
			l, err = link.Kretprobe(name, program, nil)
		default:
			l, err = link.AttachTracing(link.TracingOptions{Program: program})
		}
		if err != nil {
			for _, l := range links {
				l.Close()
			}
			return brief(err)
		}
		links = append(links, l)
	}
	t.links = append(t.links, links...)
	t.attached = append(t.attached, entry+":"+name)
	return nil
}

// Read waits for a call and returns it, or ErrClosed after the Tracer was closed.
func (t *Tracer) Read() (Call, error) {
	t.reader.SetDeadline(time.Time{})
	for {
		record, err := t.reader.Read()
		// The library may still report the end of a TryRead.
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return t.call(record, err)
		}
	}
}

// TryRead returns a call if there is one, and does not wait. The error is ErrClosed after
// the Tracer was closed.
func (t *Tracer) TryRead() (Call, bool, error) {
	t.reader.SetDeadline(time.Unix(1, 0))
	// It checks the buffer again at the deadline.
	record, err := t.reader.Read()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return Call{}, false, nil
	}
	c, err := t.call(record, err)
	return c, err == nil, err
}

func (t *Tracer) call(record ringbuf.Record, err error) (Call, error) {
	if errors.Is(err, ringbuf.ErrClosed) {
		return Call{}, ErrClosed
	}
	if err != nil {
		return Call{}, fmt.Errorf("read traced calls: %w", err)
	}
	c, stack, err := decode(record.RawSample)
	if err != nil {
		return Call{}, fmt.Errorf("read traced calls: %w", err)
	}
	if t.symbols != nil {
		c.Stack, err = t.symbols.stack(stack, c.Function)
	}
	return c, err
}

// Lost is how many calls were lost so far because there was no room: in the ring buffer,
// for some 500, or in the notes about the calls that threads are in.
func (t *Tracer) Lost() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.gone {
		if m := t.maps["lost"]; m != nil {
			// It is an array of one entry; this cannot fail.
			_ = m.Lookup(uint32(0), &t.end)
		}
	}
	return t.end
}

// Attached is how and to what the Tracer is attached: "fentry:dev_set_mac_address".
func (t *Tracer) Attached() []string { return slices.Clone(t.attached) }

// Close detaches. A waiting Read returns ErrClosed, and Lost keeps its value.
func (t *Tracer) Close() error {
	var err error
	t.closed.Do(func() {
		for _, l := range t.links {
			err = errors.Join(err, l.Close())
		}
		if t.reader != nil {
			err = errors.Join(err, t.reader.Close())
		}
		t.Lost()
		t.mu.Lock()
		defer t.mu.Unlock()
		t.gone = true
		for _, m := range t.maps {
			err = errors.Join(err, m.Close())
		}
	})
	return err
}

// The stages of Open at which the kernel may refuse.
type stage int

const (
	stageTypes stage = iota
	stageMaps
)

// rights are what BPF needs, capabilities(7).
const rights = "CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8), and a seccomp filter that lets bpf(2) and perf_event_open(2) pass"

// unavailable says what an error of a stage means.
func unavailable(at stage, err error) *Unavailable {
	err = brief(err)
	switch {
	case errors.Is(err, unix.ENOSYS):
		return &Unavailable{Missing: "the system call bpf(2), CONFIG_BPF_SYSCALL", Since: "3.18", Err: err}
	case errors.Is(err, fs.ErrPermission):
		return &Unavailable{Missing: rights, Err: err}
	case at == stageTypes:
		return &Unavailable{Missing: "the kernel's BTF, /sys/kernel/btf/vmlinux of CONFIG_DEBUG_INFO_BTF", Since: "5.4", Err: err}
	}
	return &Unavailable{Missing: "the BPF ring buffer", Since: "5.8", Err: err}
}

// notAttached says why no program is attached to a function.
func notAttached(name string, fentry, kprobe error) *Unavailable {
	if errors.Is(fentry, fs.ErrPermission) && errors.Is(kprobe, fs.ErrPermission) {
		return &Unavailable{Missing: rights, Err: kprobe}
	}
	return &Unavailable{
		Missing: name + " by fentry (CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS; since Linux 5.5 on x86-64, 6.4 on arm64) or a kprobe (CONFIG_KPROBE_EVENTS, CONFIG_BPF_EVENTS; since Linux 4.1)",
		Err:     fmt.Errorf("fentry: %w, kprobe: %w", fentry, kprobe),
	}
}

// lockedDown is an error if BPF programs cannot read the kernel's memory,
// kernel_lockdown(7). The kernel does not refuse them: up to Linux 5.12 they run and read
// zeros.
func lockedDown(file string) error {
	b, err := os.ReadFile(file)
	if err == nil && strings.Contains(string(b), "[confidentiality]") {
		return &Unavailable{Missing: "a kernel that lets BPF read its memory: lockdown is \"confidentiality\" (" + file + ")"}
	}
	return nil
}

// brief is an error without the verifier's log and without the library's comment on an
// errno.
func brief(err error) error {
	var verifier *ebpf.VerifierError
	var errno unix.Errno
	if !errors.As(err, &verifier) && errors.As(err, &errno) {
		return errno
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return &briefError{first, err}
}

type briefError struct {
	first string
	err   error
}

func (e *briefError) Error() string { return e.first }
func (e *briefError) Unwrap() error { return e.err }
