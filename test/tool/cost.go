package tool

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Cost is what a process has used so far: its peak resident memory in kB (VmHWM), and
// the processor time of all its threads, to 10 ms (utime and stime, all of proc(5)).
func Cost(t testing.TB, pid int) (peak int, processor time.Duration) {
	t.Helper()
	read := func(file string) string {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	_, rest, _ := strings.Cut(read("status"), "VmHWM:")
	if fields := strings.Fields(rest); len(fields) > 0 {
		peak = number(fields[0])
	}
	stat := read("stat")
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')'):])
	return peak, time.Duration(number(fields[12])+number(fields[13])) * 10 * time.Millisecond
}
