//go:build namespace

package namespace

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// fault is what happens to one system call: the process is killed before it is
// carried out, or it fails. With a "+" it fails from then on, so that nothing can
// be taken back either.
type fault string

const killed fault = "SIGKILL"

// inject is the fault as strace takes it.
func (f fault) inject(call string, nth int) string {
	if f == killed {
		return fmt.Sprintf("inject=%s:signal=%s:when=%d", call, f, nth)
	}
	errno, ever := strings.CutSuffix(string(f), "+")
	when := fmt.Sprint(nth)
	if ever {
		when += "+"
	}
	return fmt.Sprintf("inject=%s:error=%s:when=%s", call, errno, when)
}

// faults are the system calls that touch files, and how each may fail (the
// manual pages in section 2 name them). What reads only has one error, since it
// makes no difference which.
var faults = map[string][]fault{
	"openat":     {killed, "ENOSPC", "EROFS", "EIO", "EACCES"},
	"write":      {killed, "ENOSPC", "EIO"},
	"fsync":      {killed, "ENOSPC", "EROFS", "EIO", "EIO+"},
	"fchown":     {killed, "EROFS", "EIO", "EACCES"},
	"fchmod":     {killed, "EROFS", "EIO", "EACCES"},
	"utimensat":  {killed, "EROFS", "EIO", "EACCES", "EROFS+"},
	"renameat2":  {killed, "ENOSPC", "EROFS", "EIO", "EACCES", "EROFS+"},
	"renameat":   {killed, "ENOSPC", "EROFS", "EIO", "EACCES", "EROFS+"},
	"unlinkat":   {killed, "ENOSPC", "EROFS", "EIO", "EACCES", "EROFS+"},
	"mkdirat":    {killed, "ENOSPC", "EROFS", "EIO", "EACCES", "EROFS+"},
	"mkdir":      {killed, "ENOSPC", "EROFS", "EIO", "EACCES"},
	"flock":      {killed, "EIO"},
	"getdents64": {killed, "EIO"},
	"fstat":      {killed, "EIO"},
	"newfstatat": {killed, "EIO", "EACCES"},
	"read":       {killed, "EIO"},
	"close":      {killed, "EIO"},
}

// changing are those of them that change something; the others only look.
var changing = []string{"write", "fsync", "fchown", "fchmod", "utimensat", "renameat2", "renameat", "unlinkat", "mkdirat", "mkdir", "flock"}

// act is a run of fix or undo on a tree.
type act struct {
	name string
	args []string
	// files are in the tree before it.
	files map[string]string
}

// trial runs acts on one tree: an image, or the stage's own.
type trial struct {
	s *stage
	// root is where the tree is in the stage, "" for the stage's own.
	root string
}

// run runs the act, with strace and its options before it.
func (r trial) run(a act, strace ...string) result {
	args := append(slices.Clone(strace), program)
	args = append(args, a.args...)
	if r.root != "" {
		args = append(args, "--root", r.root, "--systemd-release", fmt.Sprint(r.s.release))
	} else {
		args = append(args, "--no-reload")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return finish(ctx, r.s.command(ctx, args...), args)
}

// prepare makes the tree that the act finds.
func (r trial) prepare(a act) {
	r.s.remove(r.root + etcNetwork)
	if err := os.MkdirAll(r.s.path(r.root+etcNetwork), 0o755); err != nil {
		r.s.t.Error(err)
	}
	for name, content := range a.files {
		r.s.write(r.root+name, content)
	}
}

func (r trial) tree() string { return contents(r.s.t, r.s.path(r.root+"/etc/systemd")) }

// temporaryLine is a file of linkaudit's in a listing that nobody reads.
var temporaryLine = regexp.MustCompile(`(?m)^\S*/\.linkaudit-[0-9a-f]+\.tmp .*\n`)

// settled takes out of a listing what a kill may leave, and does no harm:
// temporary files, and a directory of drop-ins with nothing in it.
func settled(tree string) string {
	tree = temporaryLine.ReplaceAllString(tree, "")
	var out strings.Builder
	for l := range strings.Lines(tree) {
		name, _, _ := strings.Cut(l, " ")
		if strings.HasSuffix(name, ".link.d") && !strings.Contains(tree, "\n"+name+"/") {
			continue
		}
		out.WriteString(l)
	}
	return out.String()
}

// undisturbed is what an act does when nothing happens to it.
type undisturbed struct {
	before, after string
	// calls are those that have to do with what it changes, times is how
	// often each was made, whatever it had to do with.
	calls map[string]bool
	times map[string]int
}

// learn runs an act undisturbed, under strace.
func (r trial) learn(t *testing.T, a act) undisturbed {
	t.Helper()
	r.prepare(a)
	u := undisturbed{before: r.tree(), calls: map[string]bool{}, times: map[string]int{}}
	res := r.run(a, "strace", "-f", "-y", "-o", r.trace(), "-e", "trace="+strings.Join(slices.Sorted(maps.Keys(faults)), ","))
	if res.status != 0 {
		t.Fatalf("%s: %v", a.name, res)
	}
	u.after = r.tree()
	if u.before == u.after {
		t.Fatalf("%s changes nothing", a.name)
	}
	locked := false
	for _, c := range r.calls() {
		u.times[c.name]++
		locked = locked || c.name == "flock"
		if locked && strings.Contains(c.what, etcNetwork) && slices.Contains(changing, c.name) {
			u.calls[c.what] = true
		}
	}
	if len(u.calls) < 2 {
		t.Fatalf("%s makes only these calls: %v", a.name, u.calls)
	}
	return u
}

func (r trial) trace() string { return "/mnt/trace" + strings.ReplaceAll(r.root, "/", "-") }

// traced is one call in a trace.
type traced struct {
	name string
	// what is the call without anything that is different each time.
	what string
	// injected says that strace made it fail, open that it did not return.
	injected, open bool
}

var (
	random    = regexp.MustCompile(`[0-9a-f]{16}\.tmp`)
	something = regexp.MustCompile(`<[^>]*>|"[^"]*"`)
)

// calls reads a trace.
func (r trial) calls() (all []traced) {
	// Calls in whose line another thread has come, by the thread.
	unfinished := map[string]int{}
	for _, line := range strings.Split(r.s.read(r.trace()), "\n") {
		thread, _, _ := strings.Cut(line, " ")
		injected := strings.Contains(line, "(INJECTED)")
		if i, is := unfinished[thread]; is && strings.Contains(line, " resumed>") {
			all[i].injected, all[i].open = injected, strings.HasSuffix(line, " = ?")
			delete(unfinished, thread)
			continue
		}
		m := call.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if strings.HasSuffix(line, " <unfinished ...>") {
			line = strings.TrimSuffix(line, " <unfinished ...>")
			unfinished[thread] = len(all)
		}
		open := !strings.Contains(line, ") ") || strings.HasSuffix(line, " = ?")
		if end := strings.LastIndex(line, ") "); end >= 0 {
			line = line[:end] // what comes then is the result
		}
		parts := something.FindAllString(random.ReplaceAllString(line, "*.tmp"), -1)
		if (m[1] == "write" || m[1] == "read") && len(parts) > 1 {
			parts = parts[:1] // the text
		}
		what := m[1] + " " + strings.Join(parts, " ")
		if r.root != "" {
			what = strings.ReplaceAll(what, r.root, "")
		}
		all = append(all, traced{m[1], what, injected, open})
	}
	return all
}

// tally is what all trials of a test found out.
type tally struct {
	mu sync.Mutex
	// points are all, and of these the program was killed, failed, or did its
	// work in spite of an error.
	points, kills, failed, done int
	// After so many something was left that does no harm.
	temporaries, emptyDirs int
	hit                    map[string]bool
}

// try has one fault happen to each call of the name, from the first to the last.
// Calls are counted for each thread, and which thread makes a call is up to the
// run time: a number that hit nothing is not yet the end, and what was not hit
// is tried again.
func (r trial) try(t *testing.T, a act, u undisturbed, name string, f fault, sum *tally) {
	for nth, missed := 1, 0; missed < 2 && u.times[name] > 0; nth++ {
		if r.once(t, a, u, name, f, nth, sum) {
			missed = 0
		} else {
			missed++
		}
	}
	for tries := range 40 {
		if len(sum.missing(a, u, name, f)) == 0 {
			break
		}
		r.once(t, a, u, name, f, 1+tries%u.times[name], sum)
	}
}

// missing are the calls of the name that no fault was at yet.
func (sum *tally) missing(a act, u undisturbed, name string, f fault) (calls []string) {
	sum.mu.Lock()
	defer sum.mu.Unlock()
	for c := range u.calls {
		if strings.HasPrefix(c, name+" ") && !sum.hit[hitKey(a, f, c)] {
			calls = append(calls, c)
		}
	}
	return calls
}

func hitKey(a act, f fault, what string) string { return a.name + ": " + string(f) + " " + what }

// once has the fault happen to the call of that number, and reports whether
// there was one.
func (r trial) once(t *testing.T, a act, u undisturbed, name string, f fault, nth int, sum *tally) bool {
	r.prepare(a)
	// (With --seccomp-bpf strace would inject nothing in new threads.)
	res := r.run(a, "strace", "-f", "-y", "-o", r.trace(), "-e", "trace="+name, "-e", f.inject(name, nth))
	var what []string
	for _, c := range r.calls() {
		if c.injected || c.open && res.signal == syscall.SIGKILL {
			what = append(what, c.what)
		}
	}
	if len(what) == 0 {
		return false
	}
	point := fmt.Sprintf("%s, %s of %s number %d (%s)", a.name, f, name, nth, strings.Join(what, ", "))
	left := r.tree()
	r.judge(t, point, u, f, res, left)
	again := r.run(a)
	tree := r.tree()
	if again.status != 0 || settled(tree) != settled(u.after) && !r.remade(a, tree) || temporaryLine.MatchString(tree) && a.args[0] == "fix" {
		t.Errorf("%s: the next run ends with\n%s\n%v", point, tree, again)
	}
	sum.mu.Lock()
	defer sum.mu.Unlock()
	for _, w := range what {
		sum.hit[hitKey(a, f, w)] = true
	}
	sum.points++
	switch {
	case f == killed:
		sum.kills++
	case res.status == 0:
		sum.done++
	default:
		sum.failed++
	}
	if temporaryLine.MatchString(left) {
		sum.temporaries++
	}
	if settled(left) != temporaryLine.ReplaceAllString(left, "") {
		sum.emptyDirs++
	}
	return true
}

// remade says that a tree is the one that the act makes where the directory of
// drop-ins is there already: a run that was killed had made it.
func (r trial) remade(a act, tree string) bool {
	for name := range a.files {
		if strings.HasPrefix(name, etcNetwork) && strings.HasSuffix(name, ".link") {
			r.prepare(a)
			if err := os.Mkdir(r.s.path(r.root+name)+".d", 0o755); err != nil {
				r.s.t.Error(err)
			}
			return r.run(a).status == 0 && r.tree() == tree
		}
	}
	return false
}

// judge holds what is there after a fault against the promise: the old tree or
// the new one, and a message that says which.
func (r trial) judge(t *testing.T, point string, u undisturbed, f fault, res result, left string) {
	t.Helper()
	isOld, isNew := left == u.before, left == u.after
	// Go's run time ends at once where it cannot wake itself, as if killed.
	if f == killed || strings.Contains(point, "[eventfd]") && res.status == 2 {
		isOld, isNew = settled(left) == settled(u.before), settled(left) == settled(u.after)
		if !isOld && !isNew {
			t.Errorf("%s leaves\n%s", point, left)
		}
		return
	}
	message := strings.TrimSuffix(res.stderr, "\n")
	switch {
	case res.hung || res.status != 0 && res.status != 2 || strings.Contains(message, "goroutine "):
		t.Errorf("%s: %v", point, res)
	case res.status == 0 && !isNew:
		t.Errorf("%s: it says that all is well, but there is\n%s\n%v", point, left, res)
	case res.status == 0:
	case strings.Contains(message, "\n") && !isNew || !strings.HasPrefix(message, "linkaudit: ") && message != "":
		t.Errorf("%s: that is not one line: %v", point, res)
	case isNew && !strings.Contains(message, "is made") && !strings.Contains(message, "could not be taken back"):
		t.Errorf("%s: it fails, but everything is done: %v", point, res)
	case isNew:
	case !isOld && !strings.Contains(message, "could not be taken back"):
		t.Errorf("%s: it does not tell that it leaves\n%s\n%v", point, left, res)
	case strings.Contains(res.stdout, "wrote") || strings.Contains(res.stdout, "removed"):
		t.Errorf("%s: it tells of what is not there: %v", point, res)
	}
}

// acts are those that are disturbed: with a new file, a new file in a new
// directory, a file in the place of another.
func acts(t *testing.T, r trial) []act {
	const site = etcNetwork + "/50-br0.link"
	alone := map[string]string{site: "[Match]\nOriginalName=br0\n\n[Link]\nMACAddressPolicy=persistent\n"}
	fix, undo := []string{"fix", "--bridge", "br0"}, []string{"undo", "--bridge", "br0"}
	out := []act{
		{"fix with a file", fix, nil},
		{"fix with a drop-in", fix, alone},
	}
	made := func(a act, name string) map[string]string {
		r.prepare(a)
		if res := r.run(a); res.status != 0 {
			t.Fatalf("%s: %v", a.name, res)
		}
		files := maps.Clone(a.files)
		if files == nil {
			files = map[string]string{}
		}
		files[name] = r.s.read(r.root + name)
		return files
	}
	file := made(out[0], override("br0"))
	edited := maps.Clone(file)
	edited[override("br0")] += "MTUBytes=1400\n"
	return append(out,
		act{"fix --force of an edited file", append(slices.Clone(fix), "--force"), edited},
		act{"undo of a file", undo, file},
		act{"undo of a drop-in", undo, made(out[1], site+".d/90-linkaudit.conf")},
	)
}

// TestWhateverHappensTheFilesAreOldOrNew kills fix and undo at each of their
// system calls that touch files, and has each of them fail. The first pass is on
// images, two at a time, the second on the stage's own tree.
func TestWhateverHappensTheFilesAreOldOrNew(t *testing.T) {
	s := newStage(t, "/")
	images := []trial{{s, "/mnt/image-a"}, {s, "/mnt/image-b"}}
	for _, r := range images {
		s.write(r.root+defaultLink, s.read(defaultLink))
	}
	t.Run("in an image", func(t *testing.T) { disturb(t, images, faults) })
	// There the same code runs; it looks at more, which takes its time.
	few := map[string][]fault{}
	for _, name := range changing {
		few[name] = []fault{killed, "EIO"}
	}
	t.Run("on the machine", func(t *testing.T) { disturb(t, []trial{{s, ""}}, few) })
}

// disturb shares the work among the trials.
func disturb(t *testing.T, trials []trial, faults map[string][]fault) {
	start := time.Now()
	type job struct {
		act
		undisturbed
		call string
		fault
	}
	var jobs []job
	for _, a := range acts(t, trials[0]) {
		u := trials[0].learn(t, a)
		for _, c := range slices.Sorted(maps.Keys(faults)) {
			for _, f := range faults[c] {
				jobs = append(jobs, job{a, u, c, f})
			}
		}
	}
	sum := tally{hit: map[string]bool{}}
	queue := make(chan job)
	var all sync.WaitGroup
	for _, r := range trials {
		all.Go(func() {
			for j := range queue {
				r.try(t, j.act, j.undisturbed, j.call, j.fault, &sum)
			}
		})
	}
	for _, j := range jobs {
		queue <- j
	}
	close(queue)
	all.Wait()
	for _, j := range jobs {
		for _, c := range sum.missing(j.act, j.undisturbed, j.call, j.fault) {
			t.Errorf("that was never tried: %s", hitKey(j.act, j.fault, c))
		}
	}
	t.Logf("%d points in %v: %d different calls and faults; %d kills, %d errors that ended it and %d that did not; %d times a temporary file was left, %d times an empty directory",
		sum.points, time.Since(start).Round(time.Second), len(sum.hit), sum.kills, sum.failed, sum.done, sum.temporaries, sum.emptyDirs)
	if sum.points < 2000 && trials[0].root != "" || sum.points < 50 {
		t.Error("that is not much")
	}
}

// TestAFileIsOnTheDiskBeforeItHasItsName reads the order of the calls, which is
// all that a test can see of a power cut.
func TestAFileIsOnTheDiskBeforeItHasItsName(t *testing.T) {
	s := newStage(t, "/")
	r := trial{s, "/mnt/image"}
	s.write(r.root+defaultLink, s.read(defaultLink))
	a := act{"fix", []string{"fix", "--bridge", "br0"}, nil}
	r.prepare(a)
	if res := r.run(a, "strace", "-f", "-y", "-o", r.trace(), "-e", "trace=write,fsync,fchown,fchmod,renameat2,unlinkat"); res.status != 0 {
		t.Fatalf("%v", res)
	}
	var got []string
	for _, c := range r.calls() {
		if strings.Contains(c.what, etcNetwork) {
			got = append(got, c.what)
		}
	}
	temp, dir := "<"+filepath.Join(etcNetwork, ".linkaudit-*.tmp")+">", "<"+etcNetwork+">"
	want := []string{
		"write " + temp, "fchown " + temp, "fchmod " + temp, "fsync " + temp,
		"renameat2 " + dir + ` ".linkaudit-*.tmp" ` + dir + ` "60-linkaudit-device-br0.link"`, "fsync " + dir,
	}
	if !slices.Equal(got, want) {
		t.Errorf("the calls are\n%s\nand not\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
