package guard

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// threads is the output of "strace -ff -yy -v -s 0 -a 1" (6.1) about two threads, with
// fewer attributes in the messages. The kernel has no driver for the kind of the first
// dump, and has one for the second.
var threads = []string{`
execve("/usr/sbin/chroot", [""..., ""...], [""...]) = 0
openat(AT_FDCWD</srv>, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3</etc/ld.so.cache>
read(3</etc/ld.so.cache>, ""..., 832) = 832
execve("/linkaudit", [""..., ""...], [""...]) = 0
arch_prctl(ARCH_SET_FS, 0xea6508) = 0
openat(AT_FDCWD</tmp/root>, "/proc/20830/status", O_RDONLY|O_CLOEXEC) = 3</tmp/root/proc/20830/status>
read(3</tmp/root/proc/20830/status>, ""..., 4096) = 1422
openat(AT_FDCWD</tmp/root>, "/etc/no = such) = 1", O_RDONLY) = -1 ENOENT (No such file or directory)
openat(AT_FDCWD</tmp/root>, "/etc/machine-id", O_RDONLY|O_CLOEXEC) = 3</tmp/root/etc/machine-id>
fcntl(3</tmp/root/etc/machine-id>, F_GETFL) = 0x8800 (flags O_RDONLY|O_NONBLOCK|O_LARGEFILE)
fcntl(0</dev/null<char 1:3>>, F_GETFD) = 0
read(3</tmp/root/etc/machine-id>, ""..., 512) = 33
read(3</tmp/root/etc/machine-id>, "", 479) = 0
--- SIGURG {si_signo=SIGURG, si_code=SI_TKILL, si_pid=13224, si_uid=0} ---
read(3</tmp/root/proc/20864/net/netlink>(deleted), ""..., 512) = 512
openat(8</tmp/root/sys/devices/virtual/net>, "br0", O_RDONLY|O_CLOEXEC|O_PATH|O_DIRECTORY) = 9</tmp/root/sys/devices/virtual/net/br0>
openat(8</tmp/root/sys/devices/virtual/net>, "br17", O_RDONLY|O_CLOEXEC|O_PATH|O_DIRECTORY) = 9</tmp/root/sys/devices/virtual/net/br17>
getdents64(11</tmp/root/sys/devices/virtual/net/br0/brif>, [{d_ino=17805150, d_off=1, d_reclen=24, d_type=DT_DIR, d_name="."}, {d_ino=17805034, d_off=2, d_reclen=24, d_type=DT_DIR, d_name=".."}], 4096) = 48
write(5<anon_inode:[eventfd]>, ""..., 8) = 8
write(1<pipe:[362331]>, ""..., 540) = 540
exit_group(0 <unfinished ...>
+++ exited with 0 +++
`, `
futex(0xe4ba80, FUTEX_WAIT_PRIVATE, 0, NULL) = 0
sendto(9<NETLINK:[ROUTE:31]>, [{nlmsg_len=44, nlmsg_type=RTM_GETLINK, nlmsg_flags=NLM_F_REQUEST|NLM_F_DUMP, nlmsg_seq=1, nlmsg_pid=0}, {ifi_family=AF_UNSPEC}, [{nla_len=12, nla_type=NLA_F_NESTED|IFLA_LINKINFO}, [{nla_len=8, nla_type=IFLA_INFO_KIND}, ""...]]], 44, 0, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 44
recvfrom(9<NETLINK:[ROUTE:31]>, [[{nlmsg_len=1468, nlmsg_type=RTM_NEWLINK, nlmsg_flags=NLM_F_MULTI, nlmsg_seq=1, nlmsg_pid=31}, {ifi_family=AF_UNSPEC}], [{nlmsg_len=1484, nlmsg_type=RTM_NEWLINK, nlmsg_flags=NLM_F_MULTI, nlmsg_seq=1, nlmsg_pid=31}, {ifi_family=AF_UNSPEC}]], 65536, MSG_TRUNC, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, [112 => 12]) = 2952
sendto(9<NETLINK:[ROUTE:32]>, [{nlmsg_len=48, nlmsg_type=RTM_GETLINK, nlmsg_flags=NLM_F_REQUEST|NLM_F_DUMP, nlmsg_seq=1, nlmsg_pid=0}, {ifi_family=AF_UNSPEC}, [{nla_len=16, nla_type=NLA_F_NESTED|IFLA_LINKINFO}, [{nla_len=10, nla_type=IFLA_INFO_KIND}, ""...]]], 48, 0, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 48
recvfrom(9<NETLINK:[ROUTE:32]>, [[{nlmsg_len=1880, nlmsg_type=RTM_NEWLINK, nlmsg_flags=NLM_F_MULTI|NLM_F_DUMP_FILTERED, nlmsg_seq=1, nlmsg_pid=32}, {ifi_family=AF_UNSPEC}], [{nlmsg_len=1880, nlmsg_type=RTM_NEWLINK, nlmsg_flags=NLM_F_MULTI|NLM_F_DUMP_FILTERED, nlmsg_seq=1, nlmsg_pid=32}, {ifi_family=AF_UNSPEC}]], 65536, MSG_TRUNC, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, [112 => 12]) = 3760
recvfrom(9<NETLINK:[ROUTE:32]>, [{nlmsg_len=20, nlmsg_type=NLMSG_DONE, nlmsg_flags=NLM_F_MULTI, nlmsg_seq=1, nlmsg_pid=32}, 0], 65536, MSG_TRUNC, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, [112 => 12]) = 20
recvfrom(6<NETLINK:[ROUTE:33]>, 0x9ae29288000, 65536, MSG_DONTWAIT, 0x9ae291945b0, [112]) = -1 EAGAIN (Resource temporarily unavailable)
???() = ?
+++ exited with 0 +++
`}

func traced(t *testing.T) *Trace {
	t.Helper()
	trace := &Trace{}
	for _, lines := range threads {
		if err := trace.Add(strings.NewReader(lines), "/linkaudit"); err != nil {
			t.Fatal(err)
		}
	}
	return trace
}

func TestTheProgramsOwnCallsAreCounted(t *testing.T) {
	got, err := traced(t).Figures("/tmp/root")
	if err != nil {
		t.Fatal(err)
	}
	want := Figures{
		Calls:                  1 + 5 + 4 + 2 + 1 + 1 + 2 + 4,
		CallsOf + "arch_prctl": 1, CallsOf + "openat": 5, CallsOf + "read": 4, CallsOf + "fcntl": 2,
		CallsOf + "getdents64": 1, CallsOf + "write": 1, CallsOf + "sendto": 2, CallsOf + "recvfrom": 4,
		FileBytes: 33, SysfsBytes: 48,
		MessagesSent: 2, BytesSent: 92,
		// One for the kind that the kernel does not know, two bridges, and the end.
		MessagesReceived: 4,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPathsWithoutNumbersAreCounted(t *testing.T) {
	want := []string{"2 × brN", "1 × /etc/machine-id", "1 × /etc/no = such) = N", "1 × /proc/N/status"}
	if diff := cmp.Diff(want, traced(t).Paths("openat", "/tmp/root")); diff != "" {
		t.Error(diff)
	}
	if got := traced(t).Paths("recvfrom", "/tmp/root"); len(got) != 1 || got[0] != "4 × NETLINK:[ROUTE:N]" {
		t.Errorf("%q", got)
	}
}

// If strace prints something in another way, that must not pass for no work.
func TestALineThatIsNotUnderstoodIsAnError(t *testing.T) {
	for _, line := range []string{
		`read(3</etc/x>, ""..., 512`,
		`[pid 12] read(3</etc/x>, ""..., 512) = 33`,
		`<... read resumed>""..., 512) = 33`,
	} {
		t.Run(line, func(t *testing.T) {
			if err := (&Trace{}).Add(strings.NewReader(line+"\n"), "/linkaudit"); err == nil {
				t.Error("no error")
			}
		})
	}
	trace := &Trace{}
	if err := trace.Add(strings.NewReader("recvfrom(9<NETLINK:[ROUTE:31]>, [{{len=1468, type=RTM_NEWLINK}}], 65536, 0, NULL, NULL) = 1468\n"), "/linkaudit"); err != nil {
		t.Fatal(err)
	}
	if f, err := trace.Figures("/"); err == nil {
		t.Errorf("no error, but %v", f)
	}
}
