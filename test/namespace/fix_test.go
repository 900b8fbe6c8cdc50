//go:build namespace

package namespace

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"linkaudit/test/roots"
	"linkaudit/test/tool"
)

// override is the name of the file that a fix of the device writes if only the default
// is effective.
func override(name string) string { return etcNetwork + "/60-linkaudit-device-" + name + ".link" }

// TestAFixLastsUntilItIsUndone runs the whole story under each udevd. What a device
// gets is read only from the kernel and udev's database.
func TestAFixLastsUntilItIsUndone(t *testing.T) { everyUdevd(t, fixStory) }

func fixStory(t *testing.T, s *stage) {
	step := s.steps(t)
	fix, undo := []string{"fix", "--bridge", "br0"}, []string{"undo", "--bridge", "br0"}
	with := func(args []string, more ...string) []string { return append(slices.Clone(args), more...) }
	file := override("br0")
	var br0, br1 got
	untouched := contents(t, s.path(etcNetwork))

	step("udevd gives two bridges their persistent addresses", func(t *testing.T) {
		for name, first := range map[string]*got{"br0": &br0, "br1": &br1} {
			s.add(name, "type", "bridge")
			*first = s.got(name)
			if first.file != defaultLink || first.typ != typeSet {
				t.Fatalf("%s is not broken: %+v", name, *first)
			}
			s.recreate(name, "type", "bridge")
			s.udevs(name, *first)
		}
	})

	step("a look at what would be done does nothing", func(t *testing.T) {
		s.settle()
		before := s.state(t) + s.written()
		if r := s.change(with(fix, "--check")...); r.status != 1 || r.stdout+r.stderr != "" {
			t.Errorf("--check: %v", r)
		}
		if c := s.changes(with(fix, "--dry-run")...); !c.DryRun || !c.Changed || c.Reloaded || c.Path != file || !strings.Contains(c.Diff, "+MACAddressPolicy=none\n") {
			t.Errorf("--dry-run: %+v", c)
		}
		if r := s.change(with(fix, "--dry-run")...); r.status != 0 || !strings.Contains(r.stdout, "would write "+file) || r.stderr != "" {
			t.Errorf("--dry-run: %v", r)
		}
		for _, args := range [][]string{with(undo, "--check"), with(undo, "--dry-run"), undo} {
			if r := s.change(args...); r.status != 0 {
				t.Errorf("nothing was fixed yet: %v", r)
			}
			if args[len(args)-1] == "br0" {
				continue // it takes the lock
			}
			same(t, fmt.Sprintf("%q only looks", args), before, s.state(t)+s.written())
		}
	})

	step("after a fix the recreated bridge has the kernel's address", func(t *testing.T) {
		c := s.changes(fix...)
		if !c.Changed || !c.Reloaded || !c.Verified || c.DryRun || c.Path != file || len(c.Targets) != 1 ||
			c.Targets[0].Kind != "bridge" || c.Targets[0].Name != "br0" || !c.Targets[0].Changed {
			t.Errorf("%+v", c)
		}
		// The existing bridge keeps its address, and check must say so.
		if g := s.got("br0"); g.mac != br0.mac || g.typ != typeSet || len(c.Remaining) != 1 || !strings.Contains(c.Remaining[0], br0.mac) {
			t.Errorf("%+v, but %+v", g, c)
		}
		s.whole(file)
		s.recreate("br0", "type", "bridge")
		s.ours("br0", file, br0.mac)
	})

	step("another bridge gets what it got before", func(t *testing.T) {
		s.recreate("br1", "type", "bridge")
		s.udevs("br1", br1)
	})

	step("a second fix changes nothing", func(t *testing.T) {
		before := s.written()
		if c := s.changes(fix...); c.Changed || c.Reloaded || !c.Verified || c.Path != file || c.Diff != "" || len(c.Remaining) != 0 {
			t.Errorf("%+v", c)
		}
		if r := s.change(with(fix, "--check")...); r.status != 0 {
			t.Errorf("--check: %v", r)
		}
		if r := s.change(fix...); r.status != 0 || !strings.Contains(r.stdout, "nothing to change") {
			t.Errorf("as text: %v", r)
		}
		same(t, "there is nothing to do", before, s.written())
	})

	step("undo restores the directory", func(t *testing.T) {
		if r := s.change(with(undo, "--check")...); r.status != 1 {
			t.Errorf("--check: %v", r)
		}
		if c := s.changes(undo...); !c.Changed || !c.Reloaded || !c.Verified || c.Path != file {
			t.Errorf("%+v", c)
		}
		same(t, "all is taken back", untouched, contents(t, s.path(etcNetwork)))
		s.recreate("br0", "type", "bridge")
		s.udevs("br0", br0)
		before := s.written()
		if c := s.changes(undo...); c.Changed || c.Reloaded || !c.Verified {
			t.Errorf("a second undo: %+v", c)
		}
		same(t, "there is nothing to undo", before, s.written())
	})

	step("a file for the device alone keeps its other settings", func(t *testing.T) {
		const site = etcNetwork + "/50-br0.link"
		s.write(site, "[Match]\nOriginalName=br0\n\n[Link]\nMACAddressPolicy=persistent\nMTUBytes=1400\n")
		sited := contents(t, s.path(etcNetwork))
		s.reload()
		s.recreate("br0", "type", "bridge")
		s.udevs("br0", got{site, typeSet, br0.mac})
		c := s.changes(fix...)
		// systemd 247 reads no drop-ins of .link files.
		want, appliedFile := site+".d/90-linkaudit.conf", site
		if s.release < 248 {
			want = etcNetwork + "/49-linkaudit-device-br0.link"
			appliedFile = want
		}
		if !c.Changed || c.Path != want {
			t.Fatalf("not %s: %+v", want, c)
		}
		s.whole(want)
		s.recreate("br0", "type", "bridge")
		s.ours("br0", appliedFile, br0.mac)
		if mtu := s.sysfs("br0", "mtu"); mtu != "1400" {
			t.Errorf("the MTU is %s", mtu)
		}
		if named := s.property("br0", "ID_NET_LINK_FILE_DROPINS"); s.release >= 257 && named != want {
			t.Errorf("udevd names the drop-ins %q", named)
		}
		if c := s.changes(fix...); c.Changed {
			t.Errorf("again: %+v", c)
		}
		s.changes(undo...)
		same(t, "all is taken back", sited, contents(t, s.path(etcNetwork)))
		s.recreate("br0", "type", "bridge")
		s.udevs("br0", got{site, typeSet, br0.mac})
		s.clear()
		s.reload()
	})

	step("a fix of a kind is one of all its devices and no others", func(t *testing.T) {
		s.add("ve0", "type", "veth", "peer", "name", "ve1")
		ve0 := s.got("ve0")
		c := s.changes("fix", "--kind", "bridge")
		if !c.Changed || c.Path != etcNetwork+"/60-linkaudit-kind-bridge.link" {
			t.Fatalf("%+v", c)
		}
		for name, before := range map[string]got{"br0": br0, "br1": br1} {
			s.recreate(name, "type", "bridge")
			s.ours(name, c.Path, before.mac)
		}
		s.recreate("ve0", "type", "veth", "peer", "name", "ve1")
		s.udevs("ve0", ve0)
		s.must("ip", "link", "del", "ve0")
		// A device of the kind needs no further fix.
		if c := s.changes(fix...); c.Changed {
			t.Errorf("%+v", c)
		}
		s.changes("undo", "--kind", "bridge")
		for name, before := range map[string]got{"br0": br0, "br1": br1} {
			s.recreate(name, "type", "bridge")
			s.udevs(name, before)
		}
	})

	step("a bridge can be fixed before it exists", func(t *testing.T) {
		c := s.changes("fix", "--bridge", "brnew", "--bond", "bonew")
		if !c.Changed || len(c.Targets) != 2 || len(c.Remaining) != 0 {
			t.Errorf("%+v", c)
		}
		s.add("brnew", "type", "bridge")
		s.ours("brnew", override("brnew"), "")
		// The file is for a bridge of that name.
		s.recreate("brnew", "type", "veth", "peer", "name", "vepeer")
		if g := s.got("brnew"); g.file != defaultLink {
			t.Errorf("no bridge: %+v", g)
		}
		s.must("ip", "link", "del", "brnew")
		if c := s.changes("undo", "--everything"); !c.Changed || len(c.Targets) != 2 {
			t.Errorf("%+v", c)
		}
		same(t, "all is taken back", untouched, contents(t, s.path(etcNetwork)))
		s.add("brnew", "type", "bridge")
		if g := s.got("brnew"); g.file != defaultLink || g.typ != typeSet {
			t.Errorf("%+v", g)
		}
	})

	step("an alternative name is as good as the name", func(t *testing.T) {
		const alt = "bridge-of-the-first-floor"
		s.refuses([]string{"fix", "--bridge", alt}, alt, "15 bytes")
		s.must("ip", "link", "property", "add", "dev", "br0", "altname", alt)
		if c := s.changes("fix", "--bridge", alt); !c.Changed || c.Path != file {
			t.Errorf("%+v", c)
		}
		if c := s.changes("undo", "--bridge", alt); !c.Changed || c.Path != file {
			t.Errorf("%+v", c)
		}
		same(t, "all is taken back", untouched, contents(t, s.path(etcNetwork)))
	})

	step("a bridge is not a bond", func(t *testing.T) {
		s.refuses([]string{"fix", "--bond", "br0"}, "br0 is of kind bridge, not a bond")
	})

	step("an override that somebody edited stays until it is forced", func(t *testing.T) {
		s.changes(fix...)
		content := s.read(file)
		for _, force := range [][]string{with(fix, "--force"), with(undo, "--force")} {
			s.write(file, content+"MTUBytes=1300\n")
			s.refuses(fix, file, "edited", "--force")
			s.refuses(undo, file, "edited", "--force")
			s.refuses([]string{"undo", "--everything"}, file, "edited", "--force")
			if c := s.changes(force...); !c.Changed || c.Path != file {
				t.Errorf("%q: %+v", force, c)
			}
			if force[0] == "fix" && s.read(file) != content {
				t.Errorf("it was %q and is %q", content, s.read(file))
			}
		}
		same(t, "all is taken back", untouched, contents(t, s.path(etcNetwork)))
	})

	step("--apply sets the address that the bridge would have, and disturbs no traffic unasked", func(t *testing.T) {
		// Ports that stay, instead of hardware, which a namespace does not have.
		s.add("ve0", "type", "vxlan", "id", "7", "dstport", "4789")
		s.add("ve2", "type", "vxlan", "id", "8", "dstport", "4789")
		var ports []net.HardwareAddr
		for _, port := range []string{"ve0", "ve2"} {
			s.must("ip", "link", "set", port, "master", "br0")
			mac, err := net.ParseMAC(s.sysfs(port, "address"))
			if err != nil {
				t.Fatal(err)
			}
			ports = append(ports, mac)
		}
		slices.SortFunc(ports, func(a, b net.HardwareAddr) int { return slices.Compare(a, b) })
		lowest := ports[0].String()
		s.udevs("br0", br0)

		s.changes(fix...)
		if c := s.changes(with(fix, "--apply", "--dry-run")...); c.Changed ||
			len(c.Addresses) != 1 || c.Addresses[0].Device != "br0" || c.Addresses[0].MAC != lowest {
			t.Errorf("the plan for an address alone: %+v", c)
		}
		if r := s.change(with(fix, "--apply", "--check")...); r.status != 1 {
			t.Errorf("--check for an address alone: %v", r)
		}
		if mac := s.sysfs("br0", "address"); mac != br0.mac {
			t.Errorf("only looked at, and the address is %s, not %s", mac, br0.mac)
		}
		s.changes(undo...)

		if c := s.changes(with(fix, "--apply")...); !c.Changed || len(c.Remaining) != 0 ||
			len(c.Addresses) != 1 || c.Addresses[0].Device != "br0" || c.Addresses[0].MAC != lowest {
			t.Errorf("a bridge that is down: %+v", c)
		}
		if mac := s.sysfs("br0", "address"); mac != lowest {
			t.Errorf("the address is %s, not %s", mac, lowest)
		}
		if c := s.changes(with(fix, "--apply")...); c.Changed || len(c.Addresses) != 0 {
			t.Errorf("again: %+v", c)
		}
		// Nothing is left to do, and check agrees.
		if rep, _ := s.json("br0"); rep.Summary.Errors+rep.Summary.Warnings != 0 || !rep.device(t, "br0").has("applied-file-differs") {
			t.Errorf("after a repair: %+v", rep.all())
		}
		s.changes(undo...)

		for _, name := range []string{"ve0", "ve2", "br0"} {
			s.must("ip", "link", "set", name, "up")
		}
		s.must("ip", "link", "set", "br0", "address", br0.mac)
		tool.Eventually(t, "br0 has a carrier", func() bool { return s.sysfs("br0", "carrier") == "1" })
		s.refuses(with(fix, "--apply"), "br0 is up", "--yes")
		if c := s.changes(with(fix, "--apply", "--yes")...); !c.Changed || len(c.Addresses) != 1 {
			t.Errorf("--yes: %+v", c)
		}
		if mac, state := s.sysfs("br0", "address"), s.sysfs("br0", "operstate"); mac != lowest || state != "up" {
			t.Errorf("the address is %s, not %s, and br0 is %s", mac, lowest, state)
		}
		// The kernel gives a new bridge the same address.
		s.must("ip", "link", "del", "br0")
		s.add("br0", "type", "bridge")
		s.must("ip", "link", "set", "ve0", "master", "br0")
		s.must("ip", "link", "set", "ve2", "master", "br0")
		s.ours("br0", file, br0.mac)
		if mac := s.sysfs("br0", "address"); mac != lowest {
			t.Errorf("the kernel's own choice is %s, not %s", mac, lowest)
		}
		s.changes(undo...)
	})

	step("without root nothing can be changed", func(t *testing.T) {
		for _, args := range [][]string{fix, undo, {"undo", "--everything"}} {
			before := s.written()
			r := s.do(append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program}, args...)...)
			owes(t, r)
			if r.status != 2 || !strings.Contains(r.stderr, "root") || strings.Count(r.stderr, "\n") != 1 {
				t.Errorf("%v", r)
			}
			same(t, fmt.Sprintf("%q of nobody", args), before, s.written())
		}
	})
}

// TestAnImageIsFixedAndTheMachineIsNot fixes and undoes with --root, and checks every
// program that is started and every socket that is written to.
func TestAnImageIsFixedAndTheMachineIsNot(t *testing.T) {
	s := bridged(t, "/")
	const image = "/mnt/image"
	s.write(image+defaultLink, s.read(defaultLink))
	s.settle()
	// On the machine only the directory of the lock is touched.
	lock := regexp.MustCompile(`(?m)^/run(/linkaudit)? .*\n`)
	machine := func() string { return s.written() + lock.ReplaceAllString(s.state(t), "") }
	before := machine()
	empty := contents(t, s.path(image))
	file := override("br0")
	on := func(args ...string) changed {
		t.Helper()
		trace := []string{"strace", "-f", "-e", "trace=execve,connect", "-o", "/mnt/trace", program}
		args = append(args, "--root", image, "--systemd-release", fmt.Sprint(s.release), "--format", "json")
		r := s.do(append(trace, args...)...)
		owes(t, r)
		if r.status != 0 {
			t.Fatalf("%v", r)
		}
		for l := range strings.Lines(s.read("/mnt/trace")) {
			if strings.Contains(l, "connect(") && !strings.Contains(l, `"/run/systemd/journal/socket"`) || strings.Contains(l, "execve(") && !strings.Contains(l, program) {
				t.Errorf("%q on an image: %s", args, l)
			}
		}
		return parseChange(t, r)
	}
	if c := on("fix", "--bridge", "br0"); !c.Changed || c.Reloaded || !c.Verified || c.Path != file {
		t.Errorf("%+v", c)
	}
	content := s.read(image + file)
	if c := on("fix", "--bridge", "br0"); c.Changed || c.Reloaded {
		t.Errorf("again: %+v", c)
	}
	same(t, "it was the image that was fixed", before, machine())

	// On a machine the same text has its effect. (udevd is restarted, so it has surely
	// read the file.)
	s.stopUdevd()
	s.write(file, content)
	s.startUdevd()
	mac := s.sysfs("br0", "address")
	s.recreate("br0", "type", "bridge")
	s.ours("br0", file, mac)
	s.clear()

	if c := on("undo", "--everything"); !c.Changed || c.Reloaded {
		t.Errorf("%+v", c)
	}
	// /etc/systemd/network and the directories above it were missing.
	same(t, "all is taken back", empty, contents(t, s.path(image)))
	if r := s.change("fix", "--bridge", "br0", "--root", image, "--apply"); r.status != 2 {
		t.Errorf("--apply has no meaning on an image: %v", r)
	}
}

// TestWhoDidWhatIsInTheJournal reads the records with journalctl.
func TestWhoDidWhatIsInTheJournal(t *testing.T) {
	s := bridged(t, "/")
	// Nothing of it leaves the stage: it does not write to /var, and leaves the
	// kernel's log and audit system alone.
	s.write("/etc/systemd/journald.conf", "[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=\n")
	s.remove("/etc/systemd/journald.conf.d")
	need(t, exists(s.path("/lib/systemd/systemd-journald")), "no journald on this machine")
	// It asks for the cgroups of its clients, and a stage has none.
	journald := s.command(context.Background(), "unshare", "--mount", "sh", "-c",
		"mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec /lib/systemd/systemd-journald")
	if err := journald.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tool.End(journald, syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	})
	tool.Eventually(t, "journald answers", func() bool { return s.do("journalctl", "--sync").status == 0 })

	file := override("br0")
	s.change("fix", "--bridge", "br0", "--check")
	s.change("fix", "--bridge", "br0", "--dry-run")
	s.changes("fix", "--bridge", "br0")
	first := s.must("sha256sum", file)
	s.changes("fix", "--bridge", "br0")
	s.write(file, s.read(file)+"# edited\n")
	edited := s.must("sha256sum", file)
	s.changes("fix", "--bridge", "br0", "--force")
	r := s.do("env", "SUDO_UID=1", "SUDO_USER=x", program, "undo", "--bridge", "br0")
	owes(t, r)
	const image = "/mnt/image"
	s.write(image+defaultLink, s.read(defaultLink))
	s.changes("fix", "--bridge", "br0", "--root", image, "--systemd-release", fmt.Sprint(s.release))
	sum := func(line string) string { return "sha256:" + strings.Fields(line)[0] }

	// The login UID comes first if the machine has one, then sudo's.
	user, sudoer := "root", strings.TrimSpace(s.must("id", "-un", "1"))
	if uid := strings.TrimSpace(s.must("cat", "/proc/self/loginuid")); uid != "4294967295" {
		user = s.must("id", "-un", uid)
		sudoer = user
	}
	want := []map[string]string{
		{"LINKAUDIT_ACTION": "fix", "LINKAUDIT_BEFORE": "", "LINKAUDIT_AFTER": sum(first), "LINKAUDIT_USER": user},
		{"LINKAUDIT_ACTION": "fix", "LINKAUDIT_BEFORE": sum(edited), "LINKAUDIT_AFTER": sum(first), "LINKAUDIT_USER": user},
		{"LINKAUDIT_ACTION": "undo", "LINKAUDIT_BEFORE": sum(first), "LINKAUDIT_AFTER": "", "LINKAUDIT_USER": sudoer},
		// The path in an image's record must name the image.
		{"LINKAUDIT_ACTION": "fix", "LINKAUDIT_BEFORE": "", "LINKAUDIT_AFTER": sum(s.must("sha256sum", image+file)), "LINKAUDIT_USER": user, "LINKAUDIT_PATH": image + file},
	}
	for _, w := range want {
		if w["LINKAUDIT_PATH"] == "" {
			w["LINKAUDIT_PATH"] = file
		}
		w["LINKAUDIT_DEVICE"] = "br0"
		w["SYSLOG_IDENTIFIER"], w["PRIORITY"] = "linkaudit", "5"
		w["MESSAGE"] = w["LINKAUDIT_ACTION"] + " for br0: " + w["LINKAUDIT_PATH"]
	}
	s.must("journalctl", "--sync")
	var records []map[string]any
	for l := range strings.Lines(s.must("journalctl", "--output=json", "SYSLOG_IDENTIFIER=linkaudit")) {
		var record map[string]any
		if err := json.Unmarshal([]byte(l), &record); err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
	if len(records) != len(want) {
		t.Fatalf("%d records: %v", len(records), records)
	}
	for i, w := range want {
		for field, value := range w {
			if is := fmt.Sprint(records[i][field]); is != value {
				t.Errorf("record %d: %s is %q, not %q", i, field, is, value)
			}
		}
	}
}

// TestWhatCannotTakeEffectIsTakenBack has a udevd that does not reload, and then one
// that would apply another file.
func TestWhatCannotTakeEffectIsTakenBack(t *testing.T) {
	// The udevadm of the last release answers without changing anything.
	s := bridged(t, roots.Of("sid"))
	real := s.must("readlink", "-f", "/usr/bin/udevadm")
	s.must("cp", real, "/mnt/udevadm")
	s.write("/mnt/fake", "")
	s.must("chmod", "755", "/mnt/fake")
	s.must("mount", "--bind", "/mnt/fake", "/usr/bin/udevadm")
	instead := func(of, do string) {
		t.Helper()
		s.write("/mnt/fake", "#!/bin/sh\n[ \"$1\" = "+of+" ] && { "+do+"; }\nexec /mnt/udevadm \"$@\"\n")
	}
	fails := func(args []string, words ...string) {
		t.Helper()
		before := contents(t, s.path("/etc"))
		r := s.change(args...)
		if r.status != 2 {
			t.Errorf("it succeeds: %v", r)
		}
		for _, w := range words {
			if !strings.Contains(r.stderr, w) {
				t.Errorf("it does not say %q: %v", w, r)
			}
		}
		same(t, "it fails", before, contents(t, s.path("/etc")))
	}
	fix, undo := []string{"fix", "--bridge", "br0"}, []string{"undo", "--bridge", "br0"}

	instead("control", "echo no such luck >&2; exit 1")
	fails(fix, "reload", "no such luck", "nothing was changed")
	instead("test-builtin", "echo ID_NET_LINK_FILE="+defaultLink+"; exit 0")
	fails(fix, "udev would apply", defaultLink, "nothing was changed")
	// After that udevd has reloaded its files.
	mac := s.got("br0")
	s.recreate("br0", "type", "bridge")
	s.udevs("br0", mac)

	instead("nothing", "true")
	s.changes(fix...)
	instead("control", "echo no such luck >&2; exit 1")
	fails(undo, "reload", "no such luck", "nothing was changed")
	instead("nothing", "true")
	s.changes(undo...)
}

// TestInAChrootNoUdevdIsReloaded: the running udevd reads the files of another root,
// and the chroot's udevadm succeeds without doing anything. A new device shows that.
func TestInAChrootNoUdevdIsReloaded(t *testing.T) {
	everyUdevd(t, func(t *testing.T, s *stage) {
		s.must("sh", "-c", `set -e
			mkdir /mnt/inner
			mount -t tmpfs tmpfs /mnt/inner
			mkdir /mnt/inner/etc /mnt/inner/usr /mnt/inner/proc /mnt/inner/sys /mnt/inner/run /mnt/inner/dev /mnt/inner/mnt
			for link in bin sbin lib lib32 lib64 libx32; do [ ! -L /$link ] || cp -a /$link /mnt/inner; done
			for dir in usr proc sys run dev; do mount --rbind /$dir /mnt/inner/$dir; done
			cp -a /etc/. /mnt/inner/etc
			cp /mnt/linkaudit /mnt/inner/mnt`)
		for _, args := range [][]string{{"fix", "--bridge", "br0"}, {"undo", "--bridge", "br0"}} {
			r := s.do(append([]string{"chroot", "/mnt/inner", program}, append(args, "--format", "json")...)...)
			var rep struct {
				Changed, Reloaded, Verified bool
				Remaining                   []string
			}
			if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
				t.Fatalf("%v: %v", err, r)
			}
			if r.status != 0 || !rep.Changed || rep.Reloaded || rep.Verified ||
				!strings.Contains(strings.Join(rep.Remaining, "; "), "udev was not reloaded") {
				t.Errorf("%s in a chroot: %+v: %v", args[0], rep, r)
			}
		}
	})
}

// A drop-in in an existing directory does not change the time of the directory above.
func TestADropInBesideOthersIsSeenByUdevdToo(t *testing.T) {
	everyUdevd(t, func(t *testing.T, s *stage) {
		if s.release < 248 {
			return // it reads no drop-ins; the test writes a file of its own
		}
		s.write(etcNetwork+"/10-br0.link", "[Match]\nOriginalName=br0\n[Link]\nMACAddressPolicy=persistent\n")
		s.write(etcNetwork+"/10-br0.link.d/50-other.conf", "[Link]\nMTUBytes=1400\n")
		s.reload()
		for round := range 5 {
			s.add("br0", "type", "bridge")
			if got := s.sysfs("br0", "addr_assign_type"); got != "3" {
				t.Fatalf("round %d: before the fix addr_assign_type is %s", round, got)
			}
			s.must("ip", "link", "del", "br0")
			if c := s.changes("fix", "--bridge", "br0"); c.Path != etcNetwork+"/10-br0.link.d/90-linkaudit.conf" {
				t.Fatalf("it wrote %s", c.Path)
			}
			s.add("br0", "type", "bridge")
			if got := s.sysfs("br0", "addr_assign_type"); got != "1" {
				t.Fatalf("round %d: after the fix addr_assign_type is %s", round, got)
			}
			s.must("ip", "link", "del", "br0")
			s.changes("undo", "--bridge", "br0")
		}
	})
}

// droppedPing is what udevadm prints if udevd drops its first message, and with it the
// connection, before the second.
const droppedPing = "Failed to wait for daemon to reply: Broken pipe"

// TestAPingThatIsDroppedIsSentAgain first has a udevd that asks for the sender's
// credentials only after udevadm sent its first message, and that closes the connection
// before the next: udevadm fails. Then it does the same to linkaudit.
func TestAPingThatIsDroppedIsSentAgain(t *testing.T) {
	s := bridged(t, "/")
	varlink := exists(s.path("/run/udev/io.systemd.Udev"))
	for try := 1; ; try++ {
		s.settle("br0") // devices make udevd call setsockopt too
		end := s.slow("setsockopt:delay_enter=1500ms:when=1")
		r := s.do("strace", "--quiet=all", "--output=/dev/null", "--trace=sendmsg,sendto", "--inject=sendmsg,sendto:delay_enter=1000ms", "udevadm", "control", "--ping")
		end()
		if varlink && r.status == 0 || !varlink && strings.Contains(r.stderr, droppedPing) {
			break
		}
		// If the machine takes longer than the half second between the two, their order
		// changes and nothing is dropped.
		if varlink || try == tries || r.status != 0 {
			t.Fatalf("a ping that is dropped ends otherwise: %v", r)
		}
	}

	s.must("mkdir", "/mnt/real")
	s.must("cp", "/usr/bin/udevadm", "/mnt/real/udevadm")
	s.write("/mnt/udevadm", `#!/bin/sh
if [ "$*" = "control --ping" ] && ! [ -e /mnt/dropped3 ]; then
	for n in 1 2 3; do mkdir /mnt/dropped$n 2>/dev/null && break; done
	echo "`+droppedPing+`" >&2
	exit 1
fi
exec /mnt/real/udevadm "$@"
`)
	s.must("chmod", "755", "/mnt/udevadm")
	s.must("mount", "--bind", "/mnt/udevadm", "/usr/bin/udevadm")
	s.changes("fix", "--bridge", "br0")
	if !exists(s.path("/mnt/dropped3")) {
		t.Error("udevadm was not asked again")
	}
	s.recreate("br0", "type", "bridge")
	if got := s.sysfs("br0", "addr_assign_type"); got != typeRandom {
		t.Errorf("after the fix addr_assign_type is %s", got)
	}
}

// tries is how often a test is tried that the machine may disturb, for example by
// slowing down the wrong program in a race.
const tries = 20

// slow attaches strace(1) to udevd and slows it down as the argument of --inject says,
// until the returned function is called.
func (s *stage) slow(inject string) (end func()) {
	s.t.Helper()
	call, _, _ := strings.Cut(inject, ":")
	slow := exec.Command("strace", "--quiet=all", "--output=/dev/null", "--trace="+call, "--inject="+inject, "--attach="+strconv.Itoa(s.udevd.Process.Pid))
	if err := slow.Start(); err != nil {
		s.t.Fatal(err)
	}
	tool.Eventually(s.t, "strace attaches to udevd", func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.udevd.Process.Pid))
		return err == nil && !strings.Contains(string(status), "TracerPid:\t0\n")
	})
	return func() {
		if err := tool.End(slow, syscall.SIGTERM); err != nil {
			s.t.Error(err)
		}
	}
}

// TestNoReloadIsLost has a udevd that pauses between accepting a connection and asking
// for the sender's credentials, and a udevadm that pauses before it sends. Unless
// udevadm uses varlink, udevd drops what it is sent meanwhile, and udevadm still
// succeeds.
func TestNoReloadIsLost(t *testing.T) {
	everyUdevd(t, func(t *testing.T, s *stage) {
		const file = etcNetwork + "/10-br0.link"
		defer s.slow("setsockopt:delay_enter=150ms")()
		assigned := func() string {
			t.Helper()
			s.add("br0", "type", "bridge")
			defer s.must("ip", "link", "del", "br0")
			return s.sysfs("br0", "addr_assign_type")
		}

		want := "1"
		if s.release < 258 {
			want = "3"
		}
		for try := 1; ; try++ {
			s.write(file, "[Match]\nOriginalName=br0\n[Link]\nMACAddressPolicy=persistent\n")
			s.reload()
			if got := assigned(); got != "3" {
				t.Fatalf("before, addr_assign_type is %s", got)
			}
			// It must not look by itself within three seconds.
			s.reload()
			if s.release < 252 {
				// After three seconds an event makes it look, and then it does not look
				// again for as long.
				// sleep: udevd depends only on the clock (event_queue_start() of
				// udevd.c).
				time.Sleep(3100 * time.Millisecond)
				s.add("probe", "type", "bridge")
				s.must("ip", "link", "del", "probe")
			}
			s.write(file, "[Match]\nOriginalName=br0\n[Link]\nMACAddressPolicy=none\n")
			ctx, cancel := context.WithTimeout(context.Background(), patience())
			client := s.command(ctx, "udevadm", "control", "--reload")
			late := exec.CommandContext(ctx, "strace", append([]string{"--quiet=all", "--output=/dev/null", "--follow-forks",
				"--trace=sendmsg,sendto", "--inject=sendmsg,sendto:delay_enter=50ms"}, client.Args...)...)
			late.Env, late.WaitDelay = client.Env, client.WaitDelay
			out, err := late.CombinedOutput()
			cancel()
			got := assigned()
			if err == nil && got == want {
				break
			}
			// On a busy machine udevadm may send the second message so late that it
			// fails, or the first so late that udevd takes it. udevd may be so late
			// that it looks by itself.
			if try == tries || err == nil && want == "1" || err != nil && !strings.Contains(string(out), droppedPing) {
				t.Fatalf("after udevadm control --reload, addr_assign_type is %s, not %s: docs/udevd.md says otherwise: %v: %s", got, want, err, out)
			}
		}

		s.write(file, "[Match]\nOriginalName=br0\n[Link]\nMACAddressPolicy=persistent\n")
		s.reload()
		s.changes("fix", "--bridge", "br0")
		if got := assigned(); got != "1" {
			t.Errorf("after fix, addr_assign_type is %s", got)
		}
		s.changes("undo", "--bridge", "br0")
		if got := assigned(); got != "3" {
			t.Errorf("after undo, addr_assign_type is %s", got)
		}
	})
}
