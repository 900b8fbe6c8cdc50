package tool

import (
	"testing"
	"time"
)

// downloadPauses are the times between the attempts of Download.
var downloadPauses = []time.Duration{2 * time.Second, 5 * time.Second, 15 * time.Second, 45 * time.Second}

// Download calls attempt, which downloads what, until it returns nil: at most five
// times, with growing pauses of a minute in all, because a server may be busy or
// unreachable for a while. The log of the test has each failure. What is downloaded
// must have a version or a checksum, because any attempt may get it.
func Download(t testing.TB, what string, attempt func() error) {
	t.Helper()
	for n := 1; ; n++ {
		err := attempt()
		if err == nil {
			return
		}
		if n > len(downloadPauses) {
			t.Fatalf("download %s: the last of %d attempts: %v", what, n, err)
		}
		pause := downloadPauses[n-1]
		t.Logf("download %s: attempt %d failed, the next one follows in %v: %v", what, n, pause, err)
		time.Sleep(pause)
	}
}
