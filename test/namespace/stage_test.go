//go:build namespace

package namespace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"linkaudit/test/inject"
	"linkaudit/test/roots"
	"linkaudit/test/tool"
)

// A stage is a private copy of a machine: mount, network and UTS namespaces with a
// root, a fresh sysfs, an empty /run and a copy of /etc. The process that holds it is
// this test program, started again. Commands enter it with enter/enter.c.
//
// There is no PID namespace, because systemd takes that for a container.
type stage struct {
	t    testing.TB
	pid  int
	root string
	// release is what udevadm of the root says.
	release int
	udevd   *exec.Cmd
	// gentle makes churning wait for udevd now and then.
	gentle bool
	// pidNamespace says that the stage has a PID namespace (newBootedStage).
	pidNamespace bool
}

const (
	stageVariable = "LINKAUDIT_STAGE_ROOT"

	seedVariable = "LINKAUDIT_SEED"

	// program is where a stage has the program under test.
	program = "/mnt/linkaudit"

	// machineID is the machine ID of every stage.
	machineID = "0123456789abcdef0123456789abcdef"
)

// patience is how long the program may take for anything. A hang lasts forever.
func patience() time.Duration { return tool.Patience(time.Minute) }

// seed is $LINKAUDIT_SEED, or 1. It selects what .ci/run takes of the tests that "make
// full" runs completely.
func seed() uint64 {
	n, err := strconv.ParseUint(os.Getenv(seedVariable), 10, 64)
	if err != nil {
		return 1
	}
	return n
}

// draw is a source of random numbers for a test: a seed gives the same numbers each
// time, and each test others.
func draw(t testing.TB) *rand.Rand {
	name := fnv.New64()
	io.WriteString(name, t.Name())
	return rand.New(rand.NewPCG(seed(), name.Sum64()))
}

// binaryDir holds the program under test, built once.
var binaryDir string

// enter is the program that tool.BuildEnter makes.
var enter string

func TestMain(m *testing.M) {
	syscall.Umask(0o022) // other users must read what a test writes
	if root := os.Getenv(bootVariable); root != "" {
		fmt.Fprintln(os.Stderr, boot(root)) // comes back only with an error
		os.Exit(1)
	}
	if root := os.Getenv(stageVariable); root != "" {
		if err := holdStage(root); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if os.Getenv(lifeVariable) != "" {
		if err := lifeInStage(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(mainStatus(m))
}

func mainStatus(m *testing.M) int {
	dir, err := os.MkdirTemp("", "linkaudit-namespace-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	// the user nobody must be able to run it too
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binaryDir = dir
	enter, err = tool.BuildEnter(dir)
	err = errors.Join(err, tool.Build(filepath.Join(dir, "linkaudit")), inject.Build(dir))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if !tool.Full() {
		fmt.Printf("%s=%d draws which releases and which faults are tried\n", seedVariable, seed())
	}
	return m.Run()
}

// holdStage makes the stage's tree and waits for the end of its input. It runs in the
// new namespaces.
func holdStage(root string) error {
	mount := func(source, target, fstype string, flags uintptr) error {
		if err := syscall.Mount(source, filepath.Join(root, target), fstype, flags, ""); err != nil {
			return fmt.Errorf("mount %s on %s: %w", source, filepath.Join(root, target), err)
		}
		return nil
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	// The cgroups of /sys belong to the machine; without them linkaudit looks for udevd
	// in /proc.
	type mountPoint struct{ source, target, fstype string }
	mounts := []mountPoint{
		{"sysfs", "/sys", "sysfs"},
		{"tmpfs", "/run", "tmpfs"},
		{"tmpfs", "/mnt", "tmpfs"},
		{"tmpfs", "/usr/local", "tmpfs"},
		{"proc", "/proc", "proc"},
	}
	if root == "/" { // Go may be in /usr/local
		mounts = slices.DeleteFunc(mounts, func(m mountPoint) bool { return m.target == "/usr/local" })
		for _, dir := range []string{"/usr/local/lib/systemd", "/usr/local/lib/udev"} {
			if exists(dir) {
				mounts = append(mounts, mountPoint{"tmpfs", dir, "tmpfs"})
			}
		}
	}
	for _, m := range mounts {
		if err := mount(m.source, m.target, m.fstype, 0); err != nil {
			return err
		}
	}
	if root != "/" {
		if err := mount("/dev", "/dev", "", syscall.MS_BIND|syscall.MS_REC); err != nil {
			return err
		}
	}
	if out, err := exec.Command("cp", "-a", filepath.Join(root, "etc")+"/.", filepath.Join(root, "mnt")).CombinedOutput(); err != nil {
		return fmt.Errorf("copy /etc: %w: %s", err, out)
	}
	if err := mount(filepath.Join(root, "mnt"), "/etc", "", syscall.MS_MOVE); err != nil {
		return err
	}
	at := func(name string) string { return filepath.Join(root, name) }
	for _, dir := range []string{"/etc/systemd/network", "/etc/udev/rules.d"} {
		if err := os.RemoveAll(at(dir)); err != nil {
			return err
		}
		if err := os.MkdirAll(at(dir), 0o755); err != nil {
			return err
		}
	}
	for _, conf := range configuration {
		if err := os.RemoveAll(at(conf)); err != nil {
			return err
		}
	}
	if from := os.Getenv(vendorVariable); from != "" {
		for _, dir := range vendorDirs {
			if err := mount("tmpfs", dir, "tmpfs", 0); err != nil {
				return err
			}
			if err := os.Chmod(at(dir), 0o755); err != nil {
				return err
			}
			if out, err := exec.Command("cp", "-a", filepath.Join(from, dir)+"/.", at(dir)).CombinedOutput(); err != nil {
				return fmt.Errorf("copy %s: %w: %s", dir, err, out)
			}
		}
	}
	if err := os.WriteFile(at("/etc/machine-id"), []byte(machineID+"\n"), 0o444); err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte("stage")); err != nil {
		return fmt.Errorf("set the host name: %w", err)
	}
	binary, err := os.ReadFile(filepath.Join(os.Getenv("LINKAUDIT_BINARY_DIR"), "linkaudit"))
	if err != nil {
		return err
	}
	if err := mount("tmpfs", "/mnt", "tmpfs", 0); err != nil {
		return err
	}
	if err := os.WriteFile(at(program), binary, 0o755); err != nil {
		return err
	}
	if err := syscall.Chroot(root); err != nil {
		return fmt.Errorf("enter %s: %w", root, err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// configuration is what the machine may have set up for its own network, besides
// directories that are empty in a stage.
var configuration = []string{
	"/etc/linkaudit.conf", "/etc/linkaudit.conf.d", "/etc/udev/udev.conf", "/etc/systemd/networkd.conf", "/etc/systemd/networkd.conf.d",
	"/etc/network", "/etc/netplan", "/etc/NetworkManager", "/etc/wicked",
}

// vendorDirs are what a stage on "/" gets from vendorVariable, the root of the
// machine's own release. So files without a package, and edited files, stay out.
var vendorDirs = []string{"/usr/lib/systemd/network", "/usr/lib/udev/rules.d"}

const vendorVariable = "LINKAUDIT_STAGE_VENDOR"

// vendor is the root of the release that the machine has; "" if test/roots has none, so
// there are only the machine's own files.
func vendor(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^VERSION_CODENAME=(\w+)$`).FindSubmatch(text)
	if m == nil {
		return ""
	}
	root := roots.Of(string(m[1]))
	if !exists(filepath.Join(root, vendorDirs[0])) {
		return ""
	}
	return root
}

// need fails the test if something is missing on the machine: a test that silently does
// not run proves nothing.
func need(t testing.TB, ok bool, what string) {
	t.Helper()
	if !ok {
		t.Fatal(what)
	}
}

func newStage(t testing.TB, root string) *stage {
	t.Helper()
	need(t, os.Geteuid() == 0, "namespaces need root's rights")
	for _, name := range []string{"nsenter", "unshare", "setpriv", "ip", "strace"} {
		_, err := exec.LookPath(name)
		need(t, err == nil, name+" is not installed (Debian packages util-linux, iproute2, strace)")
	}
	_, err := os.Stat(filepath.Join(root, "usr/bin/udevadm"))
	if err != nil {
		_, err = os.Stat(filepath.Join(root, "bin/udevadm"))
	}
	need(t, err == nil, "no udev in "+root+": install the package udev, or set LINKAUDIT_ROOTS to where test/roots put the roots")

	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), stageVariable+"="+root, "LINKAUDIT_BINARY_DIR="+binaryDir)
	if root == "/" {
		cmd.Env = append(cmd.Env, vendorVariable+"="+vendor(t))
	}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	held, err := tool.Hold(cmd, "ready")
	if err != nil {
		t.Fatalf("the stage of %s: %v", root, err)
	}
	s := &stage{t: t, pid: held.PID(), root: root}
	t.Cleanup(func() {
		s.killAll()
		if err := held.End(); err != nil {
			t.Errorf("the stage of %s: %v", root, err)
		}
	})
	version := s.must("udevadm", "--version")
	s.release = releaseOf(t, root, version)
	return s
}

// releaseOf is the number in the output of udevadm --version of a root: "252" or "252
// (252.39-1~deb12u2)".
func releaseOf(t testing.TB, root, version string) int {
	t.Helper()
	n, err := strconv.Atoi(regexp.MustCompile(`^\d+`).FindString(version))
	if err != nil {
		t.Fatalf("udevadm --version of %s: %q", root, version)
	}
	return n
}

// killAll ends every process that was started in the stage.
func (s *stage) killAll() {
	// A killed process may have started another meanwhile.
	if !tool.Until(time.Minute, func() bool { tool.KillNetworkOf(s.pid); return len(tool.NetworkOf(s.pid)) == 0 }) {
		s.t.Errorf("processes %d in the stage do not end", tool.NetworkOf(s.pid))
	}
	if s.udevd != nil {
		s.udevd.Wait()
		s.udevd = nil
	}
}

// result is what a command did.
type result struct {
	args           []string
	stdout, stderr string
	status         int // -1: killed by a signal
	signal         syscall.Signal
	took           time.Duration
	hung           bool
}

// String shows a result in a test's log.
func (r result) String() string {
	return fmt.Sprintf("%q: status %d, %v\n%s%s", r.args, r.status, r.took, head(r.stdout), head(r.stderr))
}

func head(s string) string {
	if len(s) > 6000 {
		return s[:6000] + "...\n"
	}
	return s
}

// command is one that runs in the stage.
func (s *stage) command(ctx context.Context, args ...string) *exec.Cmd {
	in := tool.Inside{Process: s.pid, Enter: enter}
	if s.pidNamespace {
		in = tool.Inside{Process: s.pid, Namespaces: []string{"mnt", "net", "uts", "pid", "cgroup", "ipc"}, Root: true}
	}
	return in.Command(ctx, []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "TERM=dumb"}, args...)
}

// do runs a command in the stage, within the patience.
func (s *stage) do(args ...string) result {
	ctx, cancel := context.WithTimeout(context.Background(), patience())
	defer cancel()
	return finish(ctx, s.command(ctx, args...), args)
}

func finish(ctx context.Context, cmd *exec.Cmd, args []string) result {
	return outcome(ctx, tool.Run(cmd), args)
}

func outcome(ctx context.Context, o tool.Outcome, args []string) result {
	return result{args: args, took: o.Took, stdout: o.Stdout, stderr: o.Stderr, status: o.Status, signal: o.Signal, hung: ctx.Err() != nil}
}

// must runs a command that must succeed, and returns its output.
func (s *stage) must(args ...string) string {
	s.t.Helper()
	r := s.do(args...)
	if r.status != 0 {
		s.t.Fatalf("%v", r)
	}
	return strings.TrimSpace(r.stdout)
}

func (s *stage) batch(commands string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), tool.Patience(time.Hour))
	defer cancel()
	ip := s.command(ctx, "ip", "-batch", "-")
	ip.Stdin = strings.NewReader(commands)
	if out, err := ip.CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
}

// audit runs the program in the stage and checks what every run must fulfil.
func (s *stage) audit(args ...string) result {
	s.t.Helper()
	r := s.do(append([]string{program}, args...)...)
	behaves(s.t, r)
	return r
}

// outside runs the program where it sees nothing of any stage.
func outside(t testing.TB, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience())
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(binaryDir, "linkaudit"), args...)
	cmd.Env = []string{"TERM=dumb"}
	r := finish(ctx, cmd, args)
	behaves(t, r)
	return r
}

// path is the path of a stage's file for the test itself.
func (s *stage) path(name string) string { return fmt.Sprintf("/proc/%d/root%s", s.pid, name) }

func (s *stage) write(name, content string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
	s.announce(name)
}

func (s *stage) read(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

func (s *stage) remove(names ...string) {
	s.t.Helper()
	for _, name := range names {
		if err := os.RemoveAll(s.path(name)); err != nil {
			s.t.Fatal(err)
		}
		s.announce(name)
	}
}

// announce sets the times of a file's directories to now: udevd 247 depends on them,
// and the kernel's clock may not have ticked since the last change.
func (s *stage) announce(name string) {
	now := time.Now()
	for dir := filepath.Dir(name); strings.HasPrefix(dir, "/etc/systemd/network"); dir = filepath.Dir(dir) {
		os.Chtimes(s.path(dir), now, now)
	}
}

// startUdevd starts the root's systemd-udevd, with additions to its environment, and
// waits until it answers.
func (s *stage) startUdevd(environment ...string) {
	s.t.Helper()
	s.udevd = s.command(context.Background(), "/lib/systemd/systemd-udevd")
	s.udevd.Env = append(s.udevd.Env, environment...)
	if err := s.udevd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.ping()
}

// stopUdevd ends it by a signal: "udevadm control --exit", like "--reload", may be lost
// and still succeed.
func (s *stage) stopUdevd() {
	s.t.Helper()
	err := tool.End(s.udevd, syscall.SIGTERM)
	s.udevd = nil
	if err != nil {
		s.t.Fatal(err)
	}
}

// reload makes udev read its files again. Up to systemd 257 "udevadm control --reload"
// may be lost (TestNoReloadIsLost).
func (s *stage) reload() {
	s.t.Helper()
	if err := s.udevd.Process.Signal(syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
	s.ping()
}

// ping waits until udevd has handled what it was sent before. A ping may be dropped,
// and then fails (TestAPingThatIsDroppedIsSentAgain).
func (s *stage) ping() {
	s.t.Helper()
	tool.Eventually(s.t, "systemd-udevd answers", s.answers)
}

func (s *stage) answers() bool { return s.do("udevadm", "control", "--ping").status == 0 }

// steps returns a function that runs the steps of a story in order.
func (s *stage) steps(t *testing.T) func(name string, tell func(*testing.T)) {
	return func(name string, tell func(*testing.T)) {
		t.Helper()
		if !s.part(t, name, func(t *testing.T) {
			tell(t)
			s.tryRemedies()
		}) {
			t.FailNow() // the next steps would only fail for the same reason
		}
	}
}

// part runs a part of a test under a name of its own. If the stage finds an error, only
// the part ends, not the test.
func (s *stage) part(t *testing.T, name string, tell func(*testing.T)) bool {
	t.Helper()
	return t.Run(name, func(t *testing.T) {
		outer := s.t
		s.t = t
		defer func() { s.t = outer }()
		tell(t)
	})
}

// add creates a device and waits until udevd has handled it.
func (s *stage) add(name string, args ...string) {
	s.t.Helper()
	s.must(append([]string{"ip", "link", "add", name}, args...)...)
	s.settle(name)
}

// settle waits until udevd has handled everything that the kernel sent so far, and has
// an entry for the devices in its database. "udevadm settle" alone may be early: its
// ping may be dropped, and then it does not know about what udevd has not read yet. An
// answered ping means that udevd has read everything before, and the file exists as
// long as there is work.
func (s *stage) settle(names ...string) {
	s.t.Helper()
	tool.Eventually(s.t, "udevd is done", func() bool { return s.answers() && !exists(s.path("/run/udev/queue")) })
	for _, name := range names {
		index := strings.TrimSpace(s.must("cat", "/sys/class/net/"+name+"/ifindex"))
		tool.Eventually(s.t, "udevd handles "+name, func() bool { return exists(s.path("/run/udev/data/n" + index)) })
	}
}

// report is check --format json.
type report struct {
	Schema string
	Host   struct {
		Hostname       *string
		SystemdVersion *string `json:"systemd_version"`
		NamingScheme   *string `json:"naming_scheme"`
		Udevd          *string
	}
	Devices  []device
	Findings []finding
	Summary  struct{ Devices, Errors, Warnings, Infos int }
}

type device struct {
	Name, Kind string
	Present    bool
	LinkFile   *string `json:"link_file"`
	DropIns    []string
	Policy     *string `json:"mac_address_policy"`
	Source     *struct {
		File string
		Line int
	} `json:"policy_source"`
	Live *struct {
		MAC            string
		AddrAssignType *string `json:"addr_assign_type"`
		PermanentMAC   string  `json:"permanent_mac"`
		Master         string
		Ports          []string
	}
	Origin  *string
	Applied struct {
		LinkFile *string `json:"link_file"`
	}
	PersistentMAC *string `json:"persistent_mac"`
	// OriginMachineID is the file with a trace of the machine ID that the address is
	// derived from, if that is not the present one.
	OriginMachineID string `json:"origin_machine_id"`
	Predicted       struct {
		Boot, Recreate *string
		UdevAddEvent   *string `json:"udev_add_event"`
		Guests         *string `json:"guest_starts_or_stops"`
		Outcomes       map[string][]struct{ MAC *string }
	}
	Findings []finding
}

type finding struct {
	Rule, Severity, Message, File, Help string
	Line                                int
}

func (r report) device(t testing.TB, name string) device {
	t.Helper()
	for _, d := range r.Devices {
		if d.Name == name {
			return d
		}
	}
	t.Fatalf("no %s in the report", name)
	return device{}
}

func rules(findings []finding) []string {
	names := []string{}
	for _, f := range findings {
		names = append(names, f.Rule)
	}
	return names
}

func (d device) has(rule string) bool { return slices.Contains(rules(d.Findings), rule) }

func (r report) has(rule string) bool { return slices.Contains(rules(r.Findings), rule) }

// all are the findings of the host and of all devices.
func (r report) all() []finding {
	out := slices.Clone(r.Findings)
	for _, d := range r.Devices {
		out = append(out, d.Findings...)
	}
	return out
}

func str(p *string) string {
	if p == nil {
		return "null"
	}
	return *p
}

// json runs check --format json and reads it.
func (s *stage) json(args ...string) (report, result) {
	s.t.Helper()
	r := s.audit(append([]string{"check", "--format", "json"}, args...)...)
	return parse(s.t, r), r
}

// parse reads the report and checks that the exit status agrees.
func parse(t testing.TB, r result) report {
	t.Helper()
	var rep report
	if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
		t.Fatalf("no report: %v\n%v", err, r)
	}
	want := 0
	if rep.Summary.Errors+rep.Summary.Warnings > 0 {
		want = 1
	}
	if r.status != want {
		t.Errorf("status %d with %d errors and %d warnings", r.status, rep.Summary.Errors, rep.Summary.Warnings)
	}
	return rep
}

// behaves checks what every run must fulfil: it ends in time with one of three exit
// statuses, explains a failure in one line with the name of the program, writes a
// complete report, and writes no bytes that control a terminal.
func behaves(t testing.TB, r result) {
	t.Helper()
	switch {
	case r.hung:
		t.Fatalf("it hangs: %v", r)
	case r.status < 0 || r.status > 2:
		t.Fatalf("no such exit status: %v", r)
	}
	for _, bad := range []string{"panic", "goroutine ", "internal error", "runtime error"} {
		if strings.Contains(r.stderr, bad) {
			t.Fatalf("it crashes: %v", r)
		}
	}
	for _, c := range r.stdout + r.stderr {
		if c < ' ' && c != '\n' || c == 0x7f || 0x80 <= c && c < 0xa0 {
			t.Fatalf("a control character %q reaches the terminal: %v", c, r)
		}
	}
	if r.status == 2 && !slices.ContainsFunc(r.args, func(a string) bool { return strings.Contains(a, "2>&-") }) {
		lines := strings.Split(strings.TrimSuffix(r.stderr, "\n"), "\n")
		usage := len(lines) == 2 && strings.HasPrefix(lines[1], "See linkaudit")
		if !strings.HasPrefix(r.stderr, "linkaudit: ") || len(lines) != 1 && !usage {
			t.Errorf("a failure is not one clear line: %v", r)
		}
	} else if r.status != 2 && r.stderr != "" {
		t.Errorf("it complains, but did its work: %v", r)
	}
	closed := slices.ContainsFunc(r.args, func(a string) bool { return strings.Contains(a, ">&-") })
	if closed || !slices.Contains(r.args, "json") || !slices.Contains(r.args, "check") || r.status == 2 {
		return
	}
	reports := []string{r.stdout}
	if strings.HasPrefix(r.stdout, `{"`) { // several hosts, one line each
		reports = strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n")
		last := len(reports) - 1
		valid(t, r, compiledSchema("fleet"), reports[last])
		reports = reports[:last]
	}
	for _, text := range reports {
		valid(t, r, compiledSchema("check"), text)
		var rep report
		if err := json.Unmarshal([]byte(text), &rep); err != nil {
			t.Fatal(err)
		}
		// What is unknown is explained.
		for _, d := range rep.Devices {
			if d.Policy == nil && len(d.Findings) == 0 && len(rep.Findings) == 0 {
				t.Errorf("%s: the policy is unknown, and no finding says why: %v", d.Name, r)
			}
		}
	}
}

func valid(t testing.TB, r result, schema *jsonschema.Schema, text string) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("no JSON: %v\n%v", err, r)
	}
	if err := schema.Validate(doc); err != nil {
		t.Errorf("not valid against the schema: %v\n%v", err, r)
	}
}

var compiled = map[string]*jsonschema.Schema{}

func compiledSchema(name string) *jsonschema.Schema {
	if compiled[name] == nil {
		compiled[name] = jsonschema.NewCompiler().MustCompile("../../docs/schema/" + name + ".schema.json")
	}
	return compiled[name]
}
