//go:build bench

package bench

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// header says what is measured where, and with which versions.
func (b *bench) header() {
	load, err := os.ReadFile("/proc/loadavg")
	b.must(err)
	b.say("%s  %d × %s, load %s", time.Now().UTC().Format("2006-01-02 15:04 UTC"), runtime.NumCPU(), processor(), strings.Join(strings.Fields(string(load))[:3], " "))
	b.say("%s", b.firstLine("uname", "-srvm"))
	b.say("%s", b.firstLine(program, "version"))
	sh, err := exec.LookPath("sh")
	b.must(err)
	sh, err = filepath.EvalSymlinks(sh)
	b.must(err)
	b.say("%s; %s; udev %s; %s; %s; sh is %s",
		b.firstLine("ip", "-V"), b.firstLine("ethtool", "--version"), b.firstLine("udevadm", "--version"),
		b.firstLine("networkctl", "--version"), b.firstLine("jq", "--version"), sh)
	b.say("a network namespace of its own with a real systemd-udevd, which handled the bridges and bonds up to the")
	b.say("%sth (further ones have its address and a copy of its record) and knows nothing of the other links", thousands(b.size.handled))
}

func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, v, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return runtime.GOARCH + " processor" // arm64 has no name there
}

func (b *bench) firstLine(argv ...string) string {
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	b.must(err)
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}
