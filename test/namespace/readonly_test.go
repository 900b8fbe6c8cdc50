//go:build namespace

package namespace

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"linkaudit/test/tool"
)

// harmless are the system calls that change nothing outside of the process. Calls for
// which that depends on the arguments have a pattern: what a line of strace -yy must
// look like.
var harmless = map[string]*regexp.Regexp{
	"open":    regexp.MustCompile(`O_RDONLY|O_PATH`),
	"openat":  regexp.MustCompile(`O_RDONLY|O_PATH`),
	"openat2": regexp.MustCompile(`O_RDONLY|O_PATH`),
	// The standard output and error, and the run time's way to wake itself.
	"write":   regexp.MustCompile(`write\((1|2)<|write\(\d+<anon_inode:\[eventfd\]>|write\(\d+<pipe:`),
	"writev":  regexp.MustCompile(`writev\((1|2)<`),
	"sendto":  regexp.MustCompile(`sendto\(\d+<NETLINK:\[ROUTE:\d+\]>, .*nlmsg_type=RTM_GET(LINK|ADDR)`),
	"ioctl":   regexp.MustCompile(`SIOCETHTOOL|TCGETS|TIOCGWINSZ|ENOTTY`),
	"fcntl":   regexp.MustCompile(`F_GETFL|F_GETFD|F_SETFL|F_SETFD|F_DUPFD_CLOEXEC`),
	"socket":  regexp.MustCompile(`AF_NETLINK|AF_INET, SOCK_DGRAM|AF_UNIX`),
	"execve":  regexp.MustCompile(`/linkaudit"|systemd-detect-virt"|udevadm", \["[^"]*", "--version"`),
	"unshare": regexp.MustCompile(`CLONE_FS`),
	"setns":   regexp.MustCompile(`CLONE_NEWUTS`),
	"kill":    regexp.MustCompile(`, 0\)|SIGURG`),
	"tgkill":  regexp.MustCompile(`SIGURG`),
	"prctl":   regexp.MustCompile(`PR_SET_VMA|PR_CAP_AMBIENT_IS_SET|PR_GET_|PR_CAPBSET_READ|PR_SET_NAME|PR_SET_PDEATHSIG`),
	"connect": regexp.MustCompile(`AF_UNIX`),
	"sendmsg": regexp.MustCompile(`UNIX-STREAM`),
	"mmap":    nil, "mprotect": nil, "munmap": nil, "madvise": nil, "brk": nil, "mremap": nil, "mincore": nil,
}

func init() {
	for _, name := range strings.Fields(`read pread64 readv close fstat stat lstat newfstatat statx statfs fstatfs lseek getdents64 readlink readlinkat access faccessat faccessat2
		bind getsockname getsockopt setsockopt recvfrom recvmsg
		inotify_init1 inotify_add_watch epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 poll ppoll pselect6 pipe2 dup dup3 dup2
		futex nanosleep clock_gettime clock_nanosleep sched_getaffinity sched_yield set_robust_list set_tid_address rseq
		rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall
		clone clone3 vfork wait4 waitid exit exit_group pidfd_open pidfd_send_signal
		getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid capget prlimit64 getrlimit setrlimit uname sysinfo getrandom arch_prctl umask getcwd chdir fadvise64 timer_create timer_settime timer_delete getgroups name_to_handle_at`) {
		harmless[name] = nil
	}
}

// call is one line of strace -f.
var call = regexp.MustCompile(`^(?:\d+ +)?(?:[\d:.]+ )?([a-z_0-9]+)\((.*)$`)

// TestNothingIsChangedByLookingAtIt runs every command that audits under strace, and
// listens to the kernel meanwhile.
func TestNothingIsChangedByLookingAtIt(t *testing.T) {
	s := bridged(t, "/")
	s.must("ip", "link", "add", "ve0", "type", "veth", "peer", "name", "ve1")
	s.must("ip", "link", "set", "ve0", "master", "br0")
	s.settle("ve0", "ve1")
	s.write(etcNetwork+"/10-x.link", "[Match]\nProperty=A=b\nDriver=zz\nVirtualization=zvm\nFirmware=uefi\nCredential=x\nHost=x\n[Link]\nMACAddressPolicy=none\n")
	s.installManagers()
	snap := filepath.Join(t.TempDir(), "snapshot.json")
	if err := os.WriteFile(snap, []byte(s.audit("snapshot").stdout), 0o644); err != nil {
		t.Fatal(err)
	}
	said := s.audit("snapshot").stdout
	for _, p := range []string{"NetworkManager", "ifupdown", "netplan", "wicked", "network-scripts"} {
		if !strings.Contains(said, `"program": "`+p+`"`) && !strings.Contains(said, `"program":"`+p+`"`) {
			t.Errorf("nothing is declared by %s", p)
		}
	}
	s.write("/run/snapshot.json", said)
	s.settle()

	events, err := os.Create(filepath.Join(t.TempDir(), "events"))
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	heard := func() string {
		b, err := os.ReadFile(events.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	monitor := s.command(context.Background(), "ip", "monitor", "link", "address", "neigh", "route")
	monitor.Stdout = events
	if err := monitor.Start(); err != nil {
		t.Fatal(err)
	}
	// It prints nothing when it begins to listen. It listens if it hears something, and
	// it hears everything in order.
	mtu := 1300
	tool.Eventually(t, "the monitor hears a change", func() bool {
		mtu++
		s.must("ip", "link", "set", "ve1", "mtu", fmt.Sprint(mtu))
		return heard() != ""
	})
	tool.Eventually(t, "it hears the last of them", func() bool { return strings.Contains(heard(), fmt.Sprintf(" mtu %d ", mtu)) })
	const begin, end = "mark0", "mark1" // devices
	s.must("ip", "link", "add", begin, "type", "bridge")
	s.settle(begin)
	s.must("ip", "link", "del", begin)
	s.settle()
	tool.Eventually(t, "the monitor hears of the device that went", func() bool { return gone(heard(), begin) >= 0 })
	before := s.state(t)

	for _, args := range [][]string{
		{"check"}, {"check", "--format", "json"}, {"check", "--all", "--severity", "info"}, {"check", "br0", "--quiet"},
		{"check", "nosuch0", "--kind", "bond"}, {"check", "--kind", "veth"},
		{"explain", "br0"}, {"explain", "br0", "--format", "json"},
		{"check", "--initramfs", "always"}, {"snapshot", "--initramfs", "always"}, {"check", "--from", "/run/snapshot.json"}, {"check", "--from", "/run/snapshot.json", "--root", "/"},
		{"lint"}, {"lint", "--format", "json"}, {"lint", defaultLink}, {"watch", "--no-trace", "--for", "200ms"}, {"snapshot"}, {"snapshot", "--with-machine-id"}, {"example"}, {"version"},
	} {
		s.part(t, strings.Join(args, " "), func(t *testing.T) {
			s.remove("/mnt/trace")
			r := s.do(append([]string{"strace", "-f", "-yy", "-s", "256", "-o", "/mnt/trace", program}, args...)...)
			behaves(t, result{args: r.args, status: r.status, stdout: r.stdout, stderr: r.stderr, hung: r.hung})
			lines := strings.Split(s.read("/mnt/trace"), "\n")
			calls := 0
			for _, l := range lines {
				m := call.FindStringSubmatch(l)
				if m == nil {
					continue // a resumed call, a signal or the end
				}
				calls++
				pattern, known := harmless[m[1]]
				switch {
				case !known:
					t.Errorf("it calls %s", l)
				case pattern != nil && !pattern.MatchString(m[1]+"("+m[2]):
					t.Errorf("it changes something: %s", l)
				}
				if strings.HasPrefix(m[1], "open") && regexp.MustCompile(`O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_TMPFILE`).MatchString(l) && !strings.Contains(l, `"/dev/null"`) {
					t.Errorf("it opens for writing: %s", l)
				}
			}
			if calls < 20 {
				t.Errorf("only %d system calls were seen", calls)
			}
		})
	}
	s.remove("/mnt/trace")
	if after := s.state(t); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	// It hears everything in order: between the two markers there must be nothing.
	s.must("ip", "link", "add", end, "type", "bridge")
	s.must("ip", "link", "del", end)
	tool.Eventually(t, "the monitor hears of the last device", func() bool { return gone(heard(), end) >= 0 })
	if err := tool.End(monitor, syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	all := heard()
	for line := range strings.Lines(all[gone(all, begin):]) {
		if strings.Contains(line, end) {
			break
		}
		t.Errorf("the kernel reported a change: %s", line)
	}
}

// gone is where the message that a device was deleted ends in the output of
// ip-monitor(8). The message has two lines. -1: there is none.
func gone(events, device string) int {
	at := regexp.MustCompile(`(?m)^Deleted \d+: ` + device + `: .*\n.*\n`).FindStringIndex(events)
	if at == nil {
		return -1
	}
	return at[1]
}

// installManagers makes linkaudit think that every program that creates devices is
// installed, and gives each a configuration of br0.
func (s *stage) installManagers() {
	s.t.Helper()
	s.must("mkdir", "-p", "/mnt/programs")
	for _, name := range []string{"NetworkManager", "ifup", "netplan", "wicked"} {
		s.write("/mnt/programs/"+name, "")
	}
	s.must("mount", "-t", "overlay", "-o", "lowerdir=/mnt/programs:/usr/sbin", "overlay", "/usr/sbin")
	for name, content := range map[string]string{
		"/etc/NetworkManager/system-connections/br0.nmconnection": "[connection]\ntype=bridge\nuuid=1\ninterface-name=br0\n[ethernet]\ncloned-mac-address=stable\n",
		"/etc/NetworkManager/NetworkManager.conf":                 "[connection]\nethernet.cloned-mac-address=random\n",
		"/etc/network/interfaces":                                 "source interfaces.d/*\n",
		"/etc/network/interfaces.d/br0":                           "auto br0\niface br0 inet manual\n\tpre-up ip link add br0 type bridge\n",
		"/etc/netplan/br0.yaml":                                   "network:\n  bridges:\n    br0: {macaddress: 02:00:00:00:00:01}\n",
		"/etc/sysconfig/network/ifcfg-br0":                        "BRIDGE=yes\n",
		"/etc/sysconfig/network-scripts/ifcfg-br0":                "DEVICE=br0\nTYPE=Bridge\nONBOOT=yes\n",
	} {
		s.write(name, content)
	}
}

// state is what somebody could change: the devices, and all files of udev and
// linkaudit, with their modification times.
func (s *stage) state(t *testing.T) string {
	t.Helper()
	return s.must("ip", "-d", "link") + "\n" + s.must("sh", "-c",
		"find /etc/systemd /etc/udev /run /usr/lib/systemd/network -printf '%p %m %U %s %T@ %C@\\n' | sort; cat /sys/class/net/*/uevent /sys/class/net/*/addr_assign_type")
}
