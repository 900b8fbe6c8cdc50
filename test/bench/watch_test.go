//go:build bench

package bench

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	process "linkaudit/test/tool"
)

// watched is what a watching program took.
type watched struct {
	made, idle time.Duration // of a processor
	peak       int           // kB
}

// watch measures what each event costs a program that watches: pairs of veth devices
// are created, one of each gets another address, and they are deleted.
func (b *bench) watch() {
	type watcher struct{ name, argv []string }
	watchers := []watcher{
		{[]string{"linkaudit", "watch"}, []string{b.self, "watch", "--kind", "veth"}},
		{[]string{"linkaudit", "--no-trace"}, []string{b.self, "watch", "--no-trace", "--kind", "veth"}},
		{[]string{"ip", "monitor"}, []string{"ip", "-d", "monitor", "link"}},
		{[]string{"udevadm", "monitor"}, []string{"udevadm", "monitor", "--kernel", "--property", "--subsystem-match=net"}},
	}
	// bpftrace is rarely installed, and few kernels let it trace.
	if _, err := exec.LookPath("bpftrace"); err == nil {
		watchers = append(watchers, watcher{[]string{"bpftrace"}, []string{"bpftrace", "-e", `kfunc:dev_set_mac_address { printf("%s %s\n", comm, args->dev->name); }`}})
	}
	b.udevd(false)
	var names [][]string
	var took []watched
	var notes []string
	for _, w := range watchers {
		used, said := b.watcher(w.argv)
		names, took = append(names, w.name), append(took, used)
		note := fmt.Sprintf("%-22s  %s", strings.Join(w.name, " "), once(w.argv...))
		if said != "" {
			note += "; it says: " + said
		}
		notes = append(notes, note)
	}
	b.udevd(true)
	lines := make([][][]string, 4)
	ms := func(d time.Duration) float64 { return d.Seconds() * 1000 }
	pairs := time.Duration(b.size.pairs)
	for _, used := range took {
		for i, of := range []func(watched) float64{
			func(u watched) float64 { return ms(u.made) },
			func(u watched) float64 { return ms(u.made / pairs) },
			func(u watched) float64 { return ms(u.idle) },
			func(u watched) float64 { return float64(u.peak) / 1024 },
		} {
			cell := []string{number(of(used))}
			if first := of(took[0]); first > 0 && len(lines[i]) > 0 {
				cell = append(cell, number(of(used)/first)+"×")
			}
			lines[i] = append(lines[i], cell)
		}
	}
	var table bytes.Buffer
	grid(&table, names, [][]string{
		{plural(b.size.pairs, "pair") + " made, addressed, deleted", "  processor time in ms"},
		{"one pair", "  processor time in ms"},
		{fmt.Sprintf("nothing for %g s", b.size.idle.Seconds()), "  processor time in ms"},
		{"all the while", "  peak resident memory in MB"},
	}, lines)
	b.said = append(b.said, "\nwatching pairs of veth devices on the ordinary host, one run; processor time is counted in steps of 10 ms", strings.TrimSuffix(table.String(), "\n"))
	b.said = append(b.said, notes...)
}

// watcher runs one of them. said is its error message, one line.
func (b *bench) watcher(argv []string) (used watched, said string) {
	var batch bytes.Buffer
	for i := range b.size.pairs {
		fmt.Fprintf(&batch, "link add w%d group 9 type veth peer name x%d\nlink set w%d address 02:00:00:00:%02x:%02x\n", i, i, i, i>>8, i&0xff)
	}
	batch.WriteString("link del group 9\n")
	cmd := exec.Command(argv[0], argv[1:]...)
	out, err := os.Create(filepath.Join(b.t.TempDir(), "out"))
	b.must(err)
	defer out.Close()
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &stderr
	b.must(cmd.Start())
	// It has begun when it reports a device, and has caught up when it reports one that
	// was created last. bpftrace may begin and see nothing.
	seen := func() string {
		text, err := os.ReadFile(out.Name())
		b.must(err)
		return string(text)
	}
	usual := time.Minute
	if argv[0] == "bpftrace" {
		usual = 5 * time.Second
	}
	told := func(name string, again bool) {
		mark := func() {
			for _, line := range []string{"link add " + name + " type veth peer name " + name + "x", "link set " + name + " address 02:00:00:01:00:01", "link del " + name} {
				b.must(exec.Command("ip", strings.Fields(line)...).Run())
			}
		}
		mark()
		if !process.Until(usual, func() bool {
			if strings.Contains(seen(), name) {
				return true
			}
			if again {
				mark()
			}
			return false
		}) && argv[0] != "bpftrace" {
			b.t.Errorf("%s does not report %s: %s", strings.Join(argv, " "), name, seen())
		}
	}
	told("begin0", true)
	told("begin1", false) // and nothing from before is left to report
	_, begun := process.Cost(b.t, cmd.Process.Pid)
	b.batch(plural(b.size.pairs, "pair")+", watched by "+once(argv...).String(), func(w io.Writer) { w.Write(batch.Bytes()) })
	told("end0", false)
	_, made := process.Cost(b.t, cmd.Process.Pid)
	// sleep: what it takes while time passes and nothing happens is what is measured.
	time.Sleep(b.size.idle)
	peak, idle := process.Cost(b.t, cmd.Process.Pid)
	b.must(process.End(cmd, unix.SIGINT))
	said, _, _ = strings.Cut(strings.TrimSpace(stderr.String()), "\n")
	switch {
	case seen() == "" && argv[0] != "bpftrace":
		b.t.Errorf("%s has seen nothing: %s", strings.Join(argv, " "), said)
	case strings.Contains(seen(), "calls in the kernel cannot be traced"):
		said = "calls in the kernel cannot be traced"
	}
	return watched{made - begun, idle - made, peak}, said
}
