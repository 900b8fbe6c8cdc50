package trace

import (
	"errors"
	"net"
)

// ErrClosed is what Read and TryRead return after the Tracer was closed.
var ErrClosed = errors.New("the tracer is closed")

// Options say which calls a Tracer reports, and what about them.
type Options struct {
	// Stack adds the kernel functions that led to each Call.
	Stack bool
	// NetNS is the inode number of the only network namespace to report, as stat(2)
	// has it of /proc/PID/ns/net; 0 is all of them.
	NetNS uint64
	// Kprobes makes the Tracer use kprobes even if fentry works.
	Kprobes bool
}

// Call is one call of a function that sets the address of a device.
type Call struct {
	// Time is when the function was entered, in nanoseconds of CLOCK_MONOTONIC
	// (bpf_ktime_get_ns, bpf-helpers(7)).
	Time uint64
	// Function is the kernel's. If one calls another for the same device, there is one
	// Call, with the outer one.
	//
	//   - dev_set_mac_address_user, dev_set_mac_address and netif_set_mac_address: user
	//     space or a driver (a bond for its port) asks for an address
	//   - dev_addr_mod: a driver sets the address of its own device (a bond without one
	//     takes its first port's), since Linux 5.17
	//   - call_netdevice_notifiers: the same before Linux 5.17. The address was set just
	//     before the call
	Function string
	// NetNS is the inode number of the device's network namespace.
	NetNS uint64
	// Index and Name are the device's when the function returns.
	Index int
	Name  string
	// Before is the address when the function was entered, nil if that is unknown
	// (call_netdevice_notifiers). After is the requested one or, without a request, the
	// one that the device had afterwards. If Returned is not 0, the device kept Before.
	Before, After net.HardwareAddr
	// Process made the call: the process that caused it, even if a driver acts for
	// itself ("ip link set dev PORT master BOND"), or a kernel thread if a driver acts
	// on its own time.
	Process Process
	// Parents are nearest first, up to 8.
	Parents []Process
	// CgroupID and Cgroup are the process's cgroup in the unified hierarchy: the inode
	// number in cgroupfs, and the path from the hierarchy's root, "/" for the root or if
	// the system has only the old hierarchies. Cgroup is "" if the kernel does not tell,
	// and begins with "..." if it was too long.
	CgroupID uint64
	Cgroup   string
	// Unit is the systemd unit of the cgroup: the innermost service, scope or other unit
	// in the path, or "" if there is none.
	Unit string
	// Stack is the functions that led to the call, Function first: "symbol+0xoffset", or
	// "0xaddress" if the symbol is unknown. It ends at kretprobe_trampoline if another
	// program has a kretprobe at Function and the kernel cannot look behind that (5.10).
	// Nil without Options.Stack.
	Stack []string
	// Returned is what the function returned, 0 or a negative errno; nil if it returns
	// nothing, or if a kprobe missed its return.
	Returned *int
}

// Process is a thread of a process, with its numbers in the initial PID namespace.
type Process struct {
	// PID is the process (the kernel's tgid), TID the thread (the kernel's pid).
	// They are equal in Parents.
	PID, TID int
	// Name is comm, which the process may choose itself (prctl(2),
	// PR_SET_NAME), up to 15 bytes.
	Name string
}

// Unavailable says why this system cannot have a Tracer.
type Unavailable struct {
	// Missing is what is missing, on one line.
	Missing string
	// Since is the release of Linux that brought it, or "" if the release does not
	// matter.
	Since string
	// Err is what the kernel said, or nil.
	Err error
}

func (u *Unavailable) Error() string {
	s := "calls in the kernel cannot be traced: " + u.Missing
	if u.Since != "" {
		s += " (since Linux " + u.Since + ")"
	}
	if u.Err != nil {
		s += ": " + u.Err.Error()
	}
	return s
}

func (u *Unavailable) Unwrap() error { return u.Err }
