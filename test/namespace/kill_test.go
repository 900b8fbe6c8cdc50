//go:build namespace

package namespace

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linkaudit/test/inject"
	"linkaudit/test/tool"
)

// fault is what happens to one system call: the process is killed before the call, or
// the call fails. If it is permanent, every later call of the same name fails too, so
// nothing can be undone.
type fault struct {
	verdict inject.Verdict
	forGood bool
}

func (f fault) String() string {
	switch {
	case f.verdict == inject.Kill:
		return "SIGKILL"
	case f.forGood:
		return unix.ErrnoName(unix.Errno(f.verdict)) + " from then on"
	}
	return unix.ErrnoName(unix.Errno(f.verdict))
}

func fails(errno unix.Errno) fault        { return fault{verdict: inject.Verdict(errno)} }
func failsForGood(errno unix.Errno) fault { return fault{inject.Verdict(errno), true} }

// changing are the system calls that change files (openat(2) if it creates one), and
// the errors that each may return (section 2 of the manual).
var changing = func() map[string][]fault {
	killed := fault{verdict: inject.Kill}
	owner := []fault{killed, fails(unix.EROFS), fails(unix.EIO), fails(unix.EACCES)}
	entry := []fault{killed, fails(unix.ENOSPC), fails(unix.EROFS), fails(unix.EIO), fails(unix.EACCES), failsForGood(unix.EROFS)}
	return map[string][]fault{
		"openat":    {killed, fails(unix.ENOSPC), fails(unix.EROFS), fails(unix.EIO), fails(unix.EACCES)},
		"write":     {killed, fails(unix.ENOSPC), fails(unix.EIO)},
		"fsync":     {killed, fails(unix.ENOSPC), fails(unix.EROFS), fails(unix.EIO), failsForGood(unix.EIO)},
		"fchown":    owner,
		"fchmod":    owner,
		"utimensat": append(slices.Clone(owner), failsForGood(unix.EROFS)),
		"renameat2": entry,
		"renameat":  entry,
		"unlinkat":  entry,
		"mkdirat":   entry,
		"flock":     {killed, fails(unix.EIO)},
	}
}()

// looking are the calls that only look, and how they may fail; openat(2) if it creates
// nothing. Killed at one of them, the program leaves what it leaves if it is killed at
// the next call that changes something: the last of those writes what it did.
var looking = map[string][]fault{
	"openat":     {fails(unix.EIO), fails(unix.EACCES)},
	"newfstatat": {fails(unix.EIO)},
	"getdents64": {fails(unix.EIO)},
	"fstat":      {fails(unix.EIO)},
	"read":       {fails(unix.EIO)},
	"close":      {fails(unix.EIO)},
}

// act is a run of fix or undo on a tree.
type act struct {
	name string
	args []string
	// files are in the tree before the act.
	files map[string]string
}

// trial runs acts on one tree: an image's or the stage's own.
type trial struct {
	s *stage
	// root is the path of the tree in the stage, "" for the stage's own.
	root string
}

// run runs the act.
func (r trial) run(a act) result {
	ctx, cancel := context.WithTimeout(context.Background(), patience())
	defer cancel()
	args := r.args(a)
	return finish(ctx, r.s.command(ctx, args...), args)
}

// disturbed runs the act, and decide says what happens to its calls of those names, or
// to all.
func (r trial) disturbed(t testing.TB, a act, names []string, decide func(inject.Call) inject.Verdict) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience())
	defer cancel()
	args := r.args(a)
	o, err := inject.Run(r.s.command(ctx, args...), filepath.Base(program), names, decide)
	if err != nil {
		t.Fatalf("%s: %v", a.name, err)
	}
	return outcome(ctx, o, args)
}

func (r trial) args(a act) []string {
	args := append([]string{program}, a.args...)
	if r.root != "" {
		return append(args, "--root", r.root, "--systemd-release", fmt.Sprint(r.s.release))
	}
	return append(args, "--no-reload")
}

// prepare makes the tree for the act.
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

// state is all that the next run of an act on an image sees, except the times of files.
// It is "" on the machine, where there is more.
func (r trial) state(a act) string {
	if r.root == "" {
		return ""
	}
	return a.name + "\n" + random.ReplaceAllString(contents(r.s.t, r.s.path(r.root)), "*.tmp")
}

// temporaryLine is a file of linkaudit's in a listing that no other program reads.
var temporaryLine = regexp.MustCompile(`(?m)^\S*/\.linkaudit-([0-9a-f]+\.tmp|unfinished) .*\n`)

// settled removes from a listing what a kill may leave without harm: temporary files,
// and an empty directory of drop-ins.
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

// point is a system call of an act, the same in each run: the nth call of its name on
// that file.
type point struct {
	name, what string
	creates    bool
	nth        int
}

func (p point) String() string {
	s := p.name
	if p.creates {
		s += " O_CREAT"
	}
	return fmt.Sprintf("%s %s number %d", s, p.what, p.nth)
}

// changes reports whether the call changes something.
func (p point) changes() bool {
	return changing[p.name] != nil && (p.name != "openat" || p.creates)
}

// faults are those that may happen at the point.
func (p point) faults() []fault {
	if p.changes() {
		return changing[p.name]
	}
	return looking[p.name]
}

// points counts the calls of a run.
type points struct {
	root string
	seen map[point]int
}

var random = regexp.MustCompile(`[0-9a-f]{16}\.tmp`)

// next is the point of a call; false if it is not the program's own call but one with
// which Go's run time wakes itself.
func (ps *points) next(c inject.Call) (point, bool) {
	if strings.Contains(c.What, "anon_inode:") {
		return point{}, false
	}
	p := point{name: c.Name, what: random.ReplaceAllString(c.What, "*.tmp"), creates: c.Creates}
	if ps.root != "" {
		p.what = strings.ReplaceAll(p.what, ps.root, "")
	}
	ps.seen[p]++
	p.nth = ps.seen[p]
	return p, true
}

func (r trial) points() *points { return &points{r.root, map[point]int{}} }

// undisturbed is what an act does without faults.
type undisturbed struct {
	before, after string
	// it changes several files: between two of them the tree is neither old nor new
	several bool
	// points are its calls, in order. must are those about what it changes; it makes
	// them in every run.
	points []point
	must   map[point]bool
	// counts is how often each call was made, by the point without its number.
	counts map[point]int
}

// worth are the points at which a fault can make a difference: the calls that change
// something, the calls between the first and the last of those, and the first and the
// last of calls that are repeated before or after. There close(2) after a look makes no
// difference.
func (u undisturbed) worth() (out []point) {
	isMust := func(p point) bool { return u.must[p] }
	first := slices.IndexFunc(u.points, isMust)
	last := len(u.points) - 1
	for !isMust(u.points[last]) {
		last--
	}
	for i, p := range u.points {
		unnumbered := p
		unnumbered.nth = 0
		if p.changes() || i > first && i < last || p.name != "close" && (p.nth == 1 || p.nth == u.counts[unnumbered]) {
			out = append(out, p)
		}
	}
	return out
}

// learn runs an act without faults and notes its calls.
func (r trial) learn(t *testing.T, a act) undisturbed {
	t.Helper()
	r.prepare(a)
	u := undisturbed{before: r.tree(), must: map[point]bool{}, several: strings.Contains(a.name, "several")}
	locked, ps := false, r.points()
	res := r.disturbed(t, a, nil, func(c inject.Call) inject.Verdict {
		if p, ok := ps.next(c); ok {
			u.points = append(u.points, p)
			locked = locked || c.Name == "flock"
			if locked && strings.Contains(p.what, etcNetwork) && p.changes() {
				u.must[p] = true
			}
		}
		return inject.Continue
	})
	if res.status != 0 {
		t.Fatalf("%s: %v", a.name, res)
	}
	u.counts = ps.seen
	u.after = r.tree()
	if u.before == u.after {
		t.Fatalf("%s changes nothing", a.name)
	}
	if len(u.must) < 2 {
		t.Fatalf("%s makes only these calls: %v", a.name, u.must)
	}
	return u
}

// tally is the result of all trials of a test.
type tally struct {
	mu sync.Mutex
	// points are all points. At them the program was killed, failed, or succeeded despite
	// an error; absent are calls that a run did not make.
	points, kills, failed, done, absent int
	// After how many something harmless was left.
	temporaries, emptyDirs int
	// well are the states, by the act, after which the next run succeeded.
	well map[string]bool
}

// once makes the fault happen at the point.
func (r trial) once(t *testing.T, a act, u undisturbed, p point, f fault, sum *tally) {
	var (
		res result
		hit bool
	)
	// Goroutines may make their calls in another order.
	for tries := 0; tries < 5 && !hit; tries++ {
		r.prepare(a)
		ps := r.points()
		res = r.disturbed(t, a, []string{p.name}, func(c inject.Call) inject.Verdict {
			now, ok := ps.next(c)
			switch {
			case ok && now == p:
				hit = true
				return f.verdict
			case ok && hit && f.forGood && now.name == p.name:
				return f.verdict
			}
			return inject.Continue
		})
	}
	if !hit {
		sum.mu.Lock()
		defer sum.mu.Unlock()
		sum.absent++
		if u.must[p] {
			t.Errorf("%s: in five runs there was no %v", a.name, p)
		}
		return
	}
	what := fmt.Sprintf("%s, %v of %v", a.name, f, p)
	left := r.tree()
	r.judge(t, what, u, f, res, left)
	state := r.state(a)
	sum.mu.Lock()
	well := sum.well[state]
	sum.mu.Unlock()
	if !well {
		again := r.run(a)
		tree := r.tree()
		well = again.status == 0 && tree == u.after
		if !well {
			t.Errorf("%s: the next run ends with\n%s\n%v", what, tree, again)
		}
	}
	sum.mu.Lock()
	defer sum.mu.Unlock()
	if state != "" && well {
		sum.well[state] = true
	}
	sum.points++
	switch {
	case f.verdict == inject.Kill:
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
}

// judge compares the tree after a fault with the promise: the old tree or the new one,
// and a message that says which.
func (r trial) judge(t *testing.T, point string, u undisturbed, f fault, res result, left string) {
	t.Helper()
	isOld, isNew := left == u.before, left == u.after
	if f.verdict == inject.Kill {
		isOld, isNew = settled(left) == settled(u.before), settled(left) == settled(u.after)
		if !isOld && !isNew && !u.several {
			t.Errorf("%s leaves\n%s", point, left)
		}
		return
	}
	message := strings.TrimSuffix(res.stderr, "\n")
	switch {
	case res.hung || res.status != 0 && res.status != 2 || strings.Contains(message, "goroutine "):
		t.Errorf("%s: %v", point, res)
	case res.status == 0 && !isNew:
		t.Errorf("%s: it reports success, but there is\n%s\n%v", point, left, res)
	case res.status == 0:
	case strings.Contains(message, "\n") && !isNew || !strings.HasPrefix(message, "linkaudit: ") && message != "":
		t.Errorf("%s: that is not one line: %v", point, res)
	case isNew && !strings.Contains(message, "is made") && !strings.Contains(message, "could not be undone"):
		t.Errorf("%s: it fails, but everything is done: %v", point, res)
	case isNew:
	case !isOld && !strings.Contains(message, "could not be undone"):
		t.Errorf("%s: it does not report that it leaves\n%s\n%v", point, left, res)
	case strings.Contains(res.stdout, "wrote") || strings.Contains(res.stdout, "removed"):
		t.Errorf("%s: it reports what does not exist: %v", point, res)
	}
}

// acts are those that are disturbed: with a new file, with a new file in a new
// directory, and with a file that replaces another.
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
	// A file and a drop-in in a new directory.
	several := act{"fix of several", []string{"fix", "--bridge", "br0", "--bridge", "br1"}, alone}
	both := made(several, override("br1"))
	maps.Copy(both, made(out[1], site+".d/90-linkaudit.conf"))
	edited := maps.Clone(file)
	edited[override("br0")] += "MTUBytes=1400\n"
	return append(out,
		act{"fix --force of an edited file", append(slices.Clone(fix), "--force"), edited},
		act{"undo of a file", undo, file},
		act{"undo of a drop-in", undo, made(out[1], site+".d/90-linkaudit.conf")},
		several, act{"undo of several", []string{"undo", "--everything"}, both},
	)
}

// TestWhateverHappensTheFilesAreOldOrNew kills fix and undo at each system call that
// changes files, and makes each call that touches files fail. The first pass is on
// images, two at a time, the second on the stage's own tree.
func TestWhateverHappensTheFilesAreOldOrNew(t *testing.T) {
	s := newStage(t, "/")
	images := []trial{{s, "/mnt/image-a"}, {s, "/mnt/image-b"}}
	for _, r := range images {
		s.write(r.root+defaultLink, s.read(defaultLink))
	}
	t.Run("in an image", func(t *testing.T) { disturb(t, images, false) })
	// The same code runs there; it looks at more and takes longer.
	t.Run("on the machine", func(t *testing.T) { disturb(t, []trial{{s, ""}}, true) })
}

// disturb divides the work between the trials: all faults at all points, or at those
// that must exist.
func disturb(t *testing.T, trials []trial, few bool) {
	start := time.Now()
	type job struct {
		act
		undisturbed
		point
		fault
	}
	var jobs []job
	for _, a := range acts(t, trials[0]) {
		u := trials[0].learn(t, a)
		for _, p := range u.worth() {
			if few && !u.must[p] {
				continue
			}
			for _, f := range p.faults() {
				jobs = append(jobs, job{a, u, p, f})
			}
		}
	}
	least := 1000
	if few {
		least = 50
	}
	if !tool.Full() {
		// One job for each call of an act and each fault; on the machine one for each call.
		random, kept, all := draw(t), map[string]bool{}, len(jobs)
		random.Shuffle(all, func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
		jobs = slices.DeleteFunc(jobs, func(j job) bool {
			class := fmt.Sprintln(j.act.name, j.point.name, j.point.creates)
			if !few {
				class += j.fault.String()
			}
			again := kept[class]
			kept[class] = true
			return again
		})
		least /= 10
		t.Logf("%s=%d: %d of %d faults; make full takes all", seedVariable, seed(), len(jobs), all)
	}
	sum := tally{well: map[string]bool{}}
	queue := make(chan job)
	var all sync.WaitGroup
	for _, r := range trials {
		all.Go(func() {
			for j := range queue {
				r.once(t, j.act, j.undisturbed, j.point, j.fault, &sum)
			}
		})
	}
	for _, j := range jobs {
		queue <- j
	}
	close(queue)
	all.Wait()
	t.Logf("%d points in %v: %d kills, %d errors that ended it and %d that did not, %d calls that did not come again; %d times a temporary file was left, %d times an empty directory; from each of %d states the next run ended well",
		sum.points, time.Since(start).Round(time.Second), sum.kills, sum.failed, sum.done, sum.absent, sum.temporaries, sum.emptyDirs, len(sum.well))
	if sum.points < least {
		t.Error("that is not much")
	}
}

// TestKilledAtAnyTimeTheNextRunCompletes kills, at random times and between any two
// instructions, an act that changes several files. The next run leaves the same tree as
// a run that is not killed. Until then check reports the state.
func TestKilledAtAnyTimeTheNextRunCompletes(t *testing.T) {
	rounds := 40
	if tool.Thorough() {
		rounds = 1000
	}
	s := newStage(t, "/")
	random, start := draw(t), time.Now()
	var done, unfinished, old, mixed int
	r := trial{s, "/mnt/image"}
	s.write(r.root+defaultLink, s.read(defaultLink))
	var several []act
	var whole []undisturbed
	var took []time.Duration
	for _, a := range acts(t, r) {
		if u := r.learn(t, a); u.several {
			r.prepare(a)
			several, whole, took = append(several, a), append(whole, u), append(took, r.run(a).took)
		}
	}
	enough := func() bool { return old > 0 && unfinished > 0 && done > 0 }
	for n := 0; n < rounds || n < 20*rounds && !enough(); n++ {
		a, u, most := several[n%len(several)], whole[n%len(several)], took[n%len(several)]
		r.prepare(a)
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.Int64N(int64(most)+1)))
		if n/2%2 == 0 { // or, more often, after it has begun
			cancel()
			ctx, cancel = context.WithTimeout(context.Background(), patience())
			begun, later := s.path(r.root+etcNetwork+"/.linkaudit-unfinished"), time.Duration(random.Int64N(int64(2*time.Millisecond)))
			go func() {
				defer cancel()
				for !exists(begun) && ctx.Err() == nil {
				}
				for from := time.Now(); time.Since(from) < later; {
				}
			}()
		}
		args := r.args(a)
		finish(ctx, s.command(ctx, args...), args)
		cancel()
		left := r.tree()
		noted := strings.Contains(left, "/.linkaudit-unfinished ")
		switch {
		case noted:
			unfinished++
		case settled(left) == settled(u.before):
			old++
		case settled(left) == settled(u.after):
			done++
		default:
			mixed++
			t.Errorf("%s: neither the old files nor the new ones nor a word of it:\n%s", a.name, left)
		}
		check := s.audit("check", "--root", r.root, "--systemd-release", fmt.Sprint(s.release), "--format", "json", "br0", "--kind", "bridge")
		if parse(t, check).has("change-interrupted") != noted {
			t.Errorf("%s, with\n%s: %v", a.name, left, check)
		}
		again := r.run(a)
		if tree := r.tree(); again.status != 0 || tree != u.after {
			t.Fatalf("%s, from\n%s the next run ends with\n%s\n%v", a.name, left, tree, again)
		}
	}
	t.Logf("%d kills in %v: before any change %d, in the middle %d, after all %d", old+unfinished+done+mixed, time.Since(start).Round(time.Second), old, unfinished, done)
	if !enough() {
		t.Error("they come too early or too late")
	}
}

// TestAnEditAtAnyTimeIsKept: somebody edits each file that fix and undo change, before
// each call that changes something. One editor writes into the file, another replaces
// it. The edit must survive.
func TestAnEditAtAnyTimeIsKept(t *testing.T) {
	const theirs = "# somebody's\n[Match]\nOriginalName=br0\n\n[Link]\nMTUBytes=1400\n"
	editors := map[string]func(name string) error{
		"written into": func(name string) error { return os.WriteFile(name, []byte(theirs), 0o644) },
		"replaced": func(name string) error {
			if err := os.WriteFile(name+"~", []byte(theirs), 0o644); err != nil {
				return err
			}
			return os.Rename(name+"~", name)
		},
	}
	s := newStage(t, "/")
	r := trial{s, "/mnt/image"}
	s.write(r.root+defaultLink, s.read(defaultLink))
	// edited runs the act with the edit before the call; with killed, the run is killed
	// at its next call of that name.
	edited := func(a act, p point, file string, edit func(string) error, killed bool) (res result, hit, ended bool) {
		r.prepare(a)
		ps := r.points()
		res = r.disturbed(t, a, []string{p.name}, func(c inject.Call) inject.Verdict {
			now, ok := ps.next(c)
			switch at := s.path(r.root + file); {
			case ok && now == p:
				hit = true
				if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
					t.Error(err)
				}
				if err := edit(at); err != nil {
					t.Error(err)
				}
			case ok && hit && killed:
				ended = true
				return inject.Kill
			}
			return inject.Continue
		})
		if !hit {
			t.Errorf("%s: there was no %v", a.name, p)
		}
		return res, hit, ended
	}
	random, kept, edits, refused, kills := draw(t), map[string]bool{}, 0, 0, 0
	for _, a := range acts(t, r) {
		u := r.learn(t, a)
		var files []string
		for _, name := range []string{override("br0"), override("br1"), etcNetwork + "/50-br0.link.d/90-linkaudit.conf"} {
			line := regexp.MustCompile("(?m)^" + regexp.QuoteMeta(strings.TrimPrefix(name, "/etc/systemd")) + " .*$")
			if line.FindString(u.before) != line.FindString(u.after) {
				files = append(files, name)
			}
		}
		if len(files) == 0 {
			t.Fatalf("%s: which file does it change?\n%s\n%s", a.name, u.before, u.after)
		}
		points := slices.DeleteFunc(slices.Clone(u.points), func(p point) bool { return !u.must[p] })
		if !tool.Full() {
			random.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
		}
		for _, p := range points {
			for how, edit := range editors {
				class := a.name + p.name + how
				if kept[class] && !tool.Full() {
					continue // one of every call; make full takes all
				}
				kept[class] = true
				for _, file := range files {
					what := fmt.Sprintf("%s: %s is %s at %v", a.name, file, how, p)
					res, hit, _ := edited(a, p, file, edit, false)
					if !hit {
						continue
					}
					edits++
					if res.status == 2 {
						refused++
					}
					if now, err := os.ReadFile(s.path(r.root + file)); err != nil || string(now) != theirs {
						t.Errorf("%s, and is then\n%s%v\n%v", what, now, err, res)
					}
					if len(temporary(t, s.path(r.root+etcNetwork))) > 0 {
						t.Errorf("%s, and a temporary file is left: %v", what, res)
					}
					if p.name != "renameat2" {
						continue
					}
					// A file that was moved away for inspection must not be lost if the run is killed then.
					if _, _, ended := edited(a, p, file, edit, true); !ended {
						continue
					}
					kills++
					res = r.run(act{a.name, []string{"undo", "--interrupted"}, nil})
					if tree := r.tree(); res.status != 0 || !strings.Contains(tree, fmt.Sprintf("%x", sha256.Sum256([]byte(theirs)))) {
						t.Errorf("%s, and the run is killed at the next: they are gone\n%s\n%v", what, tree, res)
					}
				}
			}
		}
	}
	t.Logf("%d edits, for which %d runs were given up; %d of the runs were killed", edits, refused, kills)
	if refused < edits/4 || kills == 0 {
		t.Error("that is not much")
	}
}

// TestAFileIsOnTheDiskBeforeItHasItsName reads the order of the calls. A test can see
// no more of a power failure.
func TestAFileIsOnTheDiskBeforeItHasItsName(t *testing.T) {
	s := newStage(t, "/")
	r := trial{s, "/mnt/image"}
	s.write(r.root+defaultLink, s.read(defaultLink))
	a := act{"fix", []string{"fix", "--bridge", "br0"}, nil}
	r.prepare(a)
	var got []string
	ps := r.points()
	res := r.disturbed(t, a, nil, func(c inject.Call) inject.Verdict {
		p, _ := ps.next(c)
		if strings.Contains(p.what, etcNetwork) && p.changes() && !p.creates {
			got = append(got, p.name+" "+p.what)
		}
		return inject.Continue
	})
	if res.status != 0 {
		t.Fatalf("%v", res)
	}
	temp, dir := "<"+filepath.Join(etcNetwork, ".linkaudit-*.tmp")+">", "<"+etcNetwork+">"
	want := []string{
		// The intent is on the disk before the change.
		"write " + temp, "fchown " + temp, "fchmod " + temp, "fsync " + temp,
		"renameat " + dir + ` ".linkaudit-*.tmp" ` + dir + ` ".linkaudit-unfinished"`, "fsync " + dir,
		"write " + temp, "fchown " + temp, "fchmod " + temp, "fsync " + temp,
		"renameat2 " + dir + ` ".linkaudit-*.tmp" ` + dir + ` "60-linkaudit-device-br0.link"`, "fsync " + dir,
		"utimensat " + dir + ` "."`, // udevd of 247 looks at the time of the directory
		"unlinkat " + dir + ` ".linkaudit-unfinished"`, "fsync " + dir,
	}
	if !slices.Equal(got, want) {
		t.Errorf("the calls are\n%s\nand not\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
