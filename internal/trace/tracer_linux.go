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

// object is internal/trace/bpf/trace.bpf.c, compiled by "make bpf" for machines whose lowest
// byte comes first. How the registers of a kprobe are read is in it for x86-64 and
// arm64.
//
//go:embed bpf/trace.bpf.o
var object []byte

// Tracer sees the calls of the kernel functions through which addresses are set.
// Read and TryRead are for one goroutine, the other methods for any.
type Tracer struct {
	maps     map[string]*ebpf.Map
	links    []link.Link
	attached []string
	reader   *ringbuf.Reader
	symbols  *symbols // nil where no stack is wanted

	closed sync.Once
	mu     sync.Mutex // for end
	end    uint64     // Lost when the Tracer was closed
	gone   bool
}

// Open attaches to what the running kernel has: to each of the functions by fentry,
// or by a kprobe where that does not work. The error is an *Unavailable where there
// can be no Tracer. A limit of the process on locked memory is raised, since Linux
// up to 5.10 counts BPF maps as such.
func Open(o Options) (*Tracer, error) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return nil, &Unavailable{Missing: "a processor whose lowest byte comes first: the programs are compiled for such"}
	}
	if o.NetNS > math.MaxUint32 {
		return nil, fmt.Errorf("no network namespace has the inode number %d: they have 32 bits", o.NetNS)
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
		return nil, fmt.Errorf("the BPF programs: %w", err)
	}
	if err := errors.Join(spec.Variables["wanted_netns"].Set(uint32(o.NetNS)), spec.Variables["want_stack"].Set(o.Stack)); err != nil {
		return nil, fmt.Errorf("the BPF programs: %w", err)
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
	// An error is the kernel's, and it says so at the maps.
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

// probe is the functions to attach to. A function that is there and cannot be
// attached to is an error later: an address could be set past it.
func probe(kernel *btf.Spec) ([]string, error) {
	has := map[string]bool{}
	for _, name := range functions {
		var function *btf.Func
		has[name] = kernel.TypeByName(name, &function) == nil
	}
	if slices.ContainsFunc(functions, func(name string) bool { return !has[name] }) {
		// Not every function is in BTF: those that the compiler changed are left out.
		symbols, err := os.Open("/proc/kallsyms")
		if err != nil {
			return nil, fmt.Errorf("the kernel's functions: %w", err)
		}
		defer symbols.Close()
		err = eachSymbol(symbols, func(_ uint64, name string) {
			if slices.Contains(functions, name) {
				has[name] = true
			}
		})
		if err != nil {
			return nil, fmt.Errorf("the kernel's functions: %w", err)
		}
	}
	// Where it is there, a device's address changes through it alone (dev_addr is
	// const since the same release), and the notifiers have nothing to add.
	if has[addrMod] {
		has[notifiers] = false
	}
	wanted := slices.DeleteFunc(slices.Clone(functions), func(name string) bool { return !has[name] })
	if len(wanted) == 0 {
		return nil, &Unavailable{Missing: "a kernel with one of the functions " + strings.Join(functions, ", ")}
	}
	return wanted, nil
}

// arguments: a function has as many as the programs take it to have, which find what
// it returns behind them.
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
		return fmt.Errorf("the function is %v, which has not %d arguments", function.Type, want)
	}
	return nil
}

// attach loads the pair of programs for a function and attaches it.
func (t *Tracer) attach(spec *ebpf.CollectionSpec, entry, exit, name string) error {
	if entry == "kprobe" {
		// The library would look for it in tracefs next, at length.
		if _, err := os.Stat("/sys/bus/event_source/devices/kprobe"); errors.Is(err, fs.ErrNotExist) {
			return errors.New("none in this kernel")
		}
		if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
			return errors.New("not on " + runtime.GOARCH + ", whose registers the programs do not know")
		}
	}
	programs := map[string]*ebpf.ProgramSpec{}
	for _, at := range []string{exit, entry} {
		// There is none for the return of call_netdevice_notifiers.
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
	// A return without its entry is of no harm, an entry without its return is.
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

// Read waits for a call and returns it, ErrClosed once the Tracer is closed.
func (t *Tracer) Read() (Call, error) {
	t.reader.SetDeadline(time.Time{})
	for {
		record, err := t.reader.Read()
		// The library may still have the end of a TryRead to tell.
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return t.call(record, err)
		}
	}
}

// TryRead returns a call if there is one, and does not wait. The error is ErrClosed
// once the Tracer is closed.
func (t *Tracer) TryRead() (Call, bool, error) {
	t.reader.SetDeadline(time.Unix(1, 0))
	// It looks into the buffer once more when the time is over.
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
		return Call{}, fmt.Errorf("read the calls: %w", err)
	}
	c, stack, err := decode(record.RawSample)
	if err != nil {
		return Call{}, fmt.Errorf("read the calls: %w", err)
	}
	if t.symbols != nil {
		c.Stack, err = t.symbols.stack(stack, c.Function)
	}
	return c, err
}

// Lost is how many calls there was no room for, so far: in the ring buffer, which
// has some 500, or in the notes about the calls that a thread is in.
func (t *Tracer) Lost() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.gone {
		if m := t.maps["lost"]; m != nil {
			// It is an array of one, and there is nothing that could fail.
			_ = m.Lookup(uint32(0), &t.end)
		}
	}
	return t.end
}

// Attached is how and to what the Tracer is attached: "fentry:dev_set_mac_address".
func (t *Tracer) Attached() []string { return slices.Clone(t.attached) }

// Close detaches. A Read that waits returns ErrClosed, and Lost is what it was.
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

// notAttached says why there is no program at a function.
func notAttached(name string, fentry, kprobe error) *Unavailable {
	if errors.Is(fentry, fs.ErrPermission) && errors.Is(kprobe, fs.ErrPermission) {
		return &Unavailable{Missing: rights, Err: kprobe}
	}
	return &Unavailable{
		Missing: name + " by fentry (CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS; since Linux 5.5 on x86-64, 6.4 on arm64) or a kprobe (CONFIG_KPROBE_EVENTS, CONFIG_BPF_EVENTS; since Linux 4.1)",
		Err:     fmt.Errorf("fentry: %w, kprobe: %w", fentry, kprobe),
	}
}

// lockedDown says so where the kernel keeps its memory from BPF programs,
// kernel_lockdown(7). It does not refuse them: up to Linux 5.12 they run and read
// zeros.
func lockedDown(file string) error {
	b, err := os.ReadFile(file)
	if err == nil && strings.Contains(string(b), "[confidentiality]") {
		return &Unavailable{Missing: "a kernel whose memory BPF may read: lockdown is \"confidentiality\" (" + file + ")"}
	}
	return nil
}

// brief is an error without the verifier's log and without what the library has to
// say about an errno.
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
