package tool

import (
	"testing"
	"time"
)

// downloadPauses are the times between the attempts of Download.
var downloadPauses = []time.Duration{2 * time.Second, 5 * time.Second, 15 * time.Second, 45 * time.Second}

// Download calls attempt, which fetches what from a network, until it returns nil: five
// times at most, with pauses that grow to a minute in all. A server may be busy or out of
// reach for a while. The log of the test has each failure. What is fetched must have a
// version or a checksum, so that it does not matter which attempt got it.
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
