// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The calls of the kernel's functions that set the address of a network device.
// The kernel lends the helpers that read its memory only to programs that declare
// the GPL.
//
// Each function has a pair of programs, at its entry and at its return. They keep,
// for each thread, the calls that it is in: dev_set_mac_address_user calls
// dev_set_mac_address, and that has the driver call dev_addr_mod, all for one
// device; only the outermost of them becomes a record, at its return. A bond that
// is given an address gives it to its ports meanwhile: those are other devices, and
// get records of their own.

#include <linux/types.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "GPL";

// What is read of the kernel's types. Where a field is in memory comes from the BTF
// of the running kernel; what follows ___ in a name is not part of it.
#define KERNEL __attribute__((preserve_access_index))

struct kernfs_node {
	struct kernfs_node *__parent; // since Linux 6.15
	const char *name;
	__u64 id;
} KERNEL;

struct kernfs_node___before615 {
	struct kernfs_node *parent;
} KERNEL;

struct cgroup {
	struct kernfs_node *kn;
} KERNEL;

struct css_set {
	struct cgroup *dfl_cgrp;
} KERNEL;

struct task_struct {
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	char comm[16];
	struct css_set *cgroups;
} KERNEL;

struct ns_common {
	unsigned int inum;
} KERNEL;

struct net {
	struct ns_common ns;
} KERNEL;

typedef struct {
	struct net *net;
} KERNEL possible_net_t;

enum netreg_state { NETREG_UNINITIALIZED };

struct net_device {
	char name[16];
	int ifindex;
	unsigned char addr_len;
	const unsigned char *dev_addr;
	possible_net_t nd_net;
	__u8 reg_state; // since Linux 6.9
} KERNEL;

struct net_device___before69 {
	enum netreg_state reg_state : 8;
} KERNEL;

struct pt_regs___x86 {
	unsigned long di, si, ax, sp;
} KERNEL;

struct pt_regs___arm64 {
	__u64 regs[31];
	__u64 sp;
} KERNEL;

#define NETDEV_CHANGEADDR 8

// Numbers of the functions; internal/trace/functions_linux.go has the same.
enum function {
	SET_USER,  // dev_set_mac_address_user
	SET,       // dev_set_mac_address
	SET_NETIF, // netif_set_mac_address
	MOD,       // dev_addr_mod
	NOTIFIERS, // call_netdevice_notifiers
};

// Set in the number that enter is given, where its context is a kprobe's.
#define KPROBE 0x100

enum {
	MAX_ADDRESS = 32, // MAX_ADDR_LEN
	MAX_PARENTS = 8,
	MAX_STACK = 32,
	MAX_CALLS = 12,
	CGROUP_DEPTH = 16,
	CGROUP_NAME = 256,
	CGROUP_SIZE = 1024,
};

// Bits of event.flags.
enum {
	BEFORE_KNOWN = 1,
	RETURNED = 2,
	CGROUP_KNOWN = 4,
	CGROUP_CUT = 8,
};

struct process {
	__u32 pid;
	__u32 tid;
	char name[16];
};

// A record, as internal/trace/event.go reads it.
struct event {
	__u64 time;
	__u64 cgroup_id;
	__u32 function;
	__u32 netns;
	__s32 index;
	__s32 returned;
	__u32 flags;
	__u32 address_length;
	__u32 parents;
	__u32 stack_size;  // in bytes
	__u32 cgroup_size; // in bytes
	__u32 unused;
	char name[16];
	__u8 before[MAX_ADDRESS];
	__u8 after[MAX_ADDRESS];
	struct process processes[1 + MAX_PARENTS]; // the caller first
	__u64 stack[MAX_STACK];
	char cgroup[CGROUP_SIZE]; // names from the innermost outwards, each with its NUL
};

const volatile __u32 wanted_netns = 0;
const volatile bool want_stack = false;

// A call that has been entered and has not returned.
struct call {
	__u64 time;
	struct net_device *dev;
	__u64 stack_pointer; // 0 with fentry
	__u32 function;
	__u32 address_length;
	__s32 stack_size;
	bool tell; // becomes a record: the outermost for a device that is wanted
	bool asked;
	__u8 before[MAX_ADDRESS];
	__u8 after[MAX_ADDRESS]; // where asked
	__u64 stack[MAX_STACK];
};

struct calls {
	__u32 depth;
	__u32 beyond; // calls there was no room for
	struct call call[MAX_CALLS];
};

// By thread. A thread that sets an address holds the RTNL lock: there is one, or one
// for each network namespace.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u64);
	__type(value, struct calls);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct calls);
} no_calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

// Linux 5.10 takes a loop for one without end where it goes back behind a call of a
// helper (visit_func_call_insn): loops that call helpers are written out.
#define WRITTEN_OUT _Pragma("clang loop unroll(full)")

static __always_inline void lose(void)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&lost, &zero);
	if (n)
		__sync_fetch_and_add(n, 1);
}

static __always_inline __u32 netns(struct net_device *dev)
{
	return BPF_CORE_READ(dev, nd_net.net, ns.inum);
}

static __always_inline bool wanted(struct net_device *dev)
{
	struct net_device___before69 *old = (void *)dev;
	bool registered;

	if (bpf_core_field_exists(old->reg_state))
		registered = BPF_CORE_READ_BITFIELD_PROBED(old, reg_state) != NETREG_UNINITIALIZED;
	else
		registered = BPF_CORE_READ(dev, reg_state) != NETREG_UNINITIALIZED;
	return registered && (!wanted_netns || wanted_netns == netns(dev));
}

static __always_inline __u32 address(struct net_device *dev, __u8 *to)
{
	const unsigned char *from = BPF_CORE_READ(dev, dev_addr);
	__u32 length = BPF_CORE_READ(dev, addr_len);

	if (length > MAX_ADDRESS)
		length = MAX_ADDRESS;
	bpf_probe_read_kernel(to, length, from);
	return length;
}

static __always_inline void process(struct process *p, struct task_struct *task)
{
	p->pid = BPF_CORE_READ(task, tgid);
	p->tid = BPF_CORE_READ(task, pid);
	bpf_probe_read_kernel_str(p->name, sizeof(p->name), __builtin_preserve_access_index(&task->comm));
}

static __always_inline void processes(struct event *e, struct task_struct *task)
{
	__u32 i;

	process(&e->processes[0], task);
	e->parents = 0;
	WRITTEN_OUT
	for (i = 1; i <= MAX_PARENTS; i++) {
		// A thread's parent may be a thread of it; the process is its leader's.
		task = BPF_CORE_READ(task, real_parent, group_leader);
		if (!task || !BPF_CORE_READ(task, tgid))
			break;
		process(&e->processes[i], task);
		e->parents = i;
	}
}

// A function of its own, by which the BTF of the object has struct event: a test
// compares it with what internal/trace/event.go reads.
static __noinline int cgroup(struct event *e, struct task_struct *task)
{
	struct kernfs_node *kn, *parent;
	__u32 size = 0, i;
	long n;

	e->cgroup_id = 0;
	e->cgroup_size = 0;
	if (!bpf_core_field_exists(task->cgroups) || !bpf_core_field_exists(((struct css_set *)0)->dfl_cgrp))
		return 0;
	kn = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	if (!kn)
		return 0;
	e->cgroup_id = BPF_CORE_READ(kn, id);
	WRITTEN_OUT
	for (i = 0; i <= CGROUP_DEPTH; i++) {
		struct kernfs_node___before615 *old = (void *)kn;

		if (bpf_core_field_exists(old->parent))
			parent = BPF_CORE_READ(old, parent);
		else
			parent = BPF_CORE_READ(kn, __parent);
		if (!parent) { // the root has no name
			e->flags |= CGROUP_KNOWN;
			break;
		}
		if (i == CGROUP_DEPTH || size > CGROUP_SIZE - CGROUP_NAME) {
			e->flags |= CGROUP_KNOWN | CGROUP_CUT;
			break;
		}
		n = bpf_probe_read_kernel_str(e->cgroup + size, CGROUP_NAME, BPF_CORE_READ(kn, name));
		if (n <= 0 || n > CGROUP_NAME)
			break;
		size += n;
		kn = parent;
	}
	e->cgroup_size = size;
	return 0;
}

static __always_inline struct calls *calls(bool make)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct calls *these = bpf_map_lookup_elem(&threads, &thread);
	struct calls *none;
	__u32 zero = 0;

	if (these || !make)
		return these;
	none = bpf_map_lookup_elem(&no_calls, &zero);
	if (!none)
		return NULL;
	bpf_map_update_elem(&threads, &thread, none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&threads, &thread);
}

// tell makes a record of one of the calls that the thread is in. The verifier goes
// through a function that is not static once, and not once for each call of it.
__noinline int tell(__u32 at, __u32 flags, __s32 returned)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct calls *these = calls(false);
	struct net_device *dev;
	struct call *c;
	struct event *e;

	if (!these || at >= MAX_CALLS)
		return 0;
	c = &these->call[at];
	dev = c->dev;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		lose();
		return 0;
	}
	e->time = c->time;
	e->function = c->function;
	e->flags = flags;
	e->returned = returned;
	e->unused = 0;
	e->netns = netns(dev);
	e->index = BPF_CORE_READ(dev, ifindex);
	bpf_probe_read_kernel_str(e->name, sizeof(e->name), __builtin_preserve_access_index(&dev->name));
	__builtin_memcpy(e->before, c->before, MAX_ADDRESS);
	if (c->asked) {
		__builtin_memcpy(e->after, c->after, MAX_ADDRESS);
		e->address_length = c->address_length;
	} else {
		__builtin_memset(e->after, 0, MAX_ADDRESS);
		e->address_length = address(dev, e->after);
	}
	e->stack_size = 0;
	if (c->stack_size > 0) {
		e->stack_size = c->stack_size;
		__builtin_memcpy(e->stack, c->stack, sizeof(e->stack));
	}
	processes(e, task);
	cgroup(e, task);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

static __always_inline void begin(void *ctx, struct call *c, __u32 function, struct net_device *dev)
{
	c->time = bpf_ktime_get_ns();
	c->dev = dev;
	c->function = function;
	c->asked = false;
	c->stack_size = 0;
	if (want_stack && c->tell)
		c->stack_size = bpf_get_stack(ctx, c->stack, sizeof(c->stack), 0);
}

// The first two arguments of a function, what it returns, and the stack pointer, at a
// kprobe.
static __always_inline __u64 argument(void *ctx, int n)
{
	struct pt_regs___x86 *x86 = ctx;
	struct pt_regs___arm64 *arm64 = ctx;

	if (bpf_core_field_exists(x86->di))
		return n ? BPF_CORE_READ(x86, si) : BPF_CORE_READ(x86, di);
	if (bpf_core_field_exists(arm64->regs))
		return n ? BPF_CORE_READ(arm64, regs[1]) : BPF_CORE_READ(arm64, regs[0]);
	return 0;
}

static __always_inline __s32 result(void *ctx)
{
	struct pt_regs___x86 *x86 = ctx;
	struct pt_regs___arm64 *arm64 = ctx;

	if (bpf_core_field_exists(x86->ax))
		return BPF_CORE_READ(x86, ax);
	if (bpf_core_field_exists(arm64->regs))
		return BPF_CORE_READ(arm64, regs[0]);
	return 0;
}

static __always_inline __u64 stack_pointer(void *ctx)
{
	struct pt_regs___x86 *x86 = ctx;
	struct pt_regs___arm64 *arm64 = ctx;

	if (bpf_core_field_exists(x86->di))
		return BPF_CORE_READ(x86, sp);
	if (bpf_core_field_exists(arm64->regs))
		return BPF_CORE_READ(arm64, sp);
	return 0;
}

// drop takes calls off whose return was missed, the innermost first, and tells them
// without what they returned. A kretprobe may miss some: a kernel that is not
// preemptible has places for as many calls of a function as it has processors
// (register_kretprobe), and a bond that sets its port's address needs two.
static __noinline int drop(struct calls *these, __u32 depth)
{
	__u32 i, at;

	WRITTEN_OUT
	for (i = 1; i <= MAX_CALLS; i++) {
		at = these->depth - 1;
		if (at >= MAX_CALLS || at < depth)
			break;
		if (these->call[at].tell)
			tell(at, BEFORE_KNOWN, 0);
		these->depth = at;
	}
	these->beyond = 0;
	return 0;
}

// enter is the entry of a function. sa is the address that is asked for, in a struct
// sockaddr or sockaddr_storage: both have it behind the two bytes of the family.
static __noinline int enter(void *ctx, __u32 function, struct net_device *dev, const void *sa)
{
	struct calls *these = calls(true);
	struct call *c;
	__u64 sp = 0;
	bool nested = false;
	__u32 depth, i;

	if (!these) {
		lose();
		return 0;
	}
	if (function & KPROBE) {
		function &= ~KPROBE;
		sp = stack_pointer(ctx);
	}
	depth = these->depth;
	for (i = 0; i < MAX_CALLS; i++) {
		if (i >= depth)
			break;
		c = &these->call[i];
		// The stack grows downwards: that one has returned. Neither does any of the
		// functions call itself for the same device.
		if ((sp && c->stack_pointer <= sp) || (c->dev == dev && c->function == function)) {
			depth = i;
			break;
		}
		if (c->dev == dev)
			nested = true;
	}
	if (depth < these->depth)
		drop(these, depth);
	if (depth >= MAX_CALLS) {
		these->beyond++;
		if (!nested)
			lose();
		return 0;
	}
	c = &these->call[depth];
	c->tell = !nested && wanted(dev);
	c->stack_pointer = sp;
	begin(ctx, c, function, dev);
	if (c->tell) {
		__builtin_memset(c->before, 0, MAX_ADDRESS);
		c->address_length = address(dev, c->before);
		if (sa) {
			__u32 length = c->address_length;

			if (length > MAX_ADDRESS)
				length = MAX_ADDRESS;
			__builtin_memset(c->after, 0, MAX_ADDRESS);
			bpf_probe_read_kernel(c->after, length, sa + 2);
			c->asked = true;
		}
	}
	these->depth = depth + 1;
	return 0;
}

// leave is the return of a function: for the device or, if that is no longer known,
// for the call with the nearest stack pointer. RETURNED says that the result is
// reported.
static __noinline int leave(__u32 function, struct net_device *dev, __u64 sp, __s32 returned)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct calls *these = calls(false);
	__u64 nearest = ~0ULL;
	__u32 i, at = MAX_CALLS;

	if (!these)
		return 0;
	if (these->beyond) {
		these->beyond--;
		return 0;
	}
	for (i = 0; i < MAX_CALLS; i++) {
		struct call *c = &these->call[i];
		__u64 distance = 0;

		if (i >= these->depth)
			break;
		if (c->function != function || (dev && c->dev != dev))
			continue;
		if (!dev)
			distance = sp > c->stack_pointer ? sp - c->stack_pointer : c->stack_pointer - sp;
		if (distance < nearest) {
			nearest = distance;
			at = i;
		}
	}
	if (at >= MAX_CALLS)
		return 0;
	if (at + 1 < these->depth)
		drop(these, at + 1);
	these->depth = at;
	if (these->call[at].tell)
		tell(at, BEFORE_KNOWN | (function == MOD ? 0 : RETURNED), returned);
	if (!at)
		bpf_map_delete_elem(&threads, &thread);
	return 0;
}

// notified is the entry of call_netdevice_notifiers, where a driver says that it has
// set its device's address: all there is to see of that before Linux 5.17.
static __noinline int notified(void *ctx, unsigned long event, struct net_device *dev)
{
	struct calls *these;
	struct call *c;
	__u64 thread = bpf_get_current_pid_tgid();
	__u32 depth, i;

	if (event != NETDEV_CHANGEADDR || !wanted(dev))
		return 0;
	these = calls(true);
	if (!these) {
		lose();
		return 0;
	}
	depth = these->depth;
	for (i = 0; i < MAX_CALLS; i++) {
		if (i >= depth)
			break;
		if (these->call[i].dev == dev)
			return 0;
	}
	if (depth >= MAX_CALLS) {
		lose();
		return 0;
	}
	c = &these->call[depth];
	c->tell = true;
	c->stack_pointer = 0;
	__builtin_memset(c->before, 0, MAX_ADDRESS);
	begin(ctx, c, NOTIFIERS, dev);
	tell(depth, 0, 0);
	if (!depth)
		bpf_map_delete_elem(&threads, &thread);
	return 0;
}

// int NAME(struct net_device *dev, struct sockaddr *sa, struct netlink_ext_ack *extack)
#define SETS(NAME, NUMBER)                                                            \
	SEC("fentry/" #NAME) int fentry_##NAME(__u64 *ctx)                             \
	{                                                                              \
		return enter(ctx, NUMBER, (void *)ctx[0], (void *)ctx[1]);             \
	}                                                                              \
	SEC("fexit/" #NAME) int fexit_##NAME(__u64 *ctx)                               \
	{                                                                              \
		return leave(NUMBER, (void *)ctx[0], 0, ctx[3]);                       \
	}                                                                              \
	SEC("kprobe/" #NAME) int kprobe_##NAME(void *ctx)                              \
	{                                                                              \
		return enter(ctx, NUMBER | KPROBE, (void *)argument(ctx, 0),           \
			     (void *)argument(ctx, 1));                                \
	}                                                                              \
	SEC("kretprobe/" #NAME) int kretprobe_##NAME(void *ctx)                        \
	{                                                                              \
		return leave(NUMBER, NULL, stack_pointer(ctx), result(ctx));           \
	}

SETS(dev_set_mac_address_user, SET_USER)
SETS(dev_set_mac_address, SET)
SETS(netif_set_mac_address, SET_NETIF)

// void dev_addr_mod(struct net_device *dev, unsigned int offset, const void *addr, size_t len)
SEC("fentry/dev_addr_mod") int fentry_dev_addr_mod(__u64 *ctx)
{
	return enter(ctx, MOD, (void *)ctx[0], NULL);
}

SEC("fexit/dev_addr_mod") int fexit_dev_addr_mod(__u64 *ctx)
{
	return leave(MOD, (void *)ctx[0], 0, 0);
}

SEC("kprobe/dev_addr_mod") int kprobe_dev_addr_mod(void *ctx)
{
	return enter(ctx, MOD | KPROBE, (void *)argument(ctx, 0), NULL);
}

SEC("kretprobe/dev_addr_mod") int kretprobe_dev_addr_mod(void *ctx)
{
	return leave(MOD, NULL, stack_pointer(ctx), 0);
}

// int call_netdevice_notifiers(unsigned long val, struct net_device *dev)
SEC("fentry/call_netdevice_notifiers") int fentry_call_netdevice_notifiers(__u64 *ctx)
{
	return notified(ctx, ctx[0], (void *)ctx[1]);
}

SEC("kprobe/call_netdevice_notifiers") int kprobe_call_netdevice_notifiers(void *ctx)
{
	return notified(ctx, argument(ctx, 0), (void *)argument(ctx, 1));
}
