package tool

import (
	"crypto/sha256"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Patience is how long a test waits for something that a quiet machine of two
// processors does well within usual. That is usual itself, or more if [Slowness] says
// that this machine is slower or busy. It is a limit for what would otherwise hang
// forever, not a measurement: no test passes or fails by speed.
func Patience(usual time.Duration) time.Duration {
	return time.Duration(float64(usual) * Slowness())
}

const (
	// SlownessVariable passes the factor of a process on to those that it starts.
	SlownessVariable = "LINKAUDIT_SLOWNESS"

	// How long one round of measure takes on a quiet machine of two processors.
	quietRound = 4 * time.Millisecond

	slowest = 20
)

// Slowness is how many times longer this machine takes than a quiet machine of two
// processors, from 1 to 20. It is measured once in a process, when first needed.
// $LINKAUDIT_SLOWNESS is the minimum.
var Slowness = sync.OnceValue(func() float64 {
	inherited, _ := strconv.ParseFloat(os.Getenv(SlownessVariable), 64)
	return min(slowest, max(1, inherited, float64(measure())/float64(quietRound)))
})

// SlownessOfThis is the variable that passes Slowness on to a program of ours with an
// environment of its own.
func SlownessOfThis() string {
	return SlownessVariable + "=" + strconv.FormatFloat(Slowness(), 'f', 2, 64)
}

// measure is the time that a round of work takes: starting a program, which is the
// kernel's work, and a computation. It is the second slowest of nine rounds.
func measure() time.Duration {
	rounds := make([]time.Duration, 9)
	for i := range rounds {
		start := time.Now()
		exec.Command("/bin/true").Run() // where there is none, that takes time as well
		data := make([]byte, 1<<20)
		for range 2 {
			sum := sha256.Sum256(data)
			copy(data, sum[:])
		}
		rounds[i] = time.Since(start)
	}
	slices.Sort(rounds)
	return rounds[len(rounds)-2]
}

// Until waits until so reports true, for Patience(usual) at most, and reports whether
// it did.
func Until(usual time.Duration, so func() bool) bool {
	end := time.Now().Add(Patience(usual))
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		if so() {
			return true
		}
		if time.Now().After(end) {
			return so() // this process may have been asleep
		}
		time.Sleep(pause)
	}
}

// Eventually waits until so reports true, and fails the test if that takes longer than
// the patience for a minute on a quiet machine. what completes the sentence "waited in
// vain: ".
func Eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	if !Until(time.Minute, so) {
		t.Fatalf("waited in vain (%v): %s", Patience(time.Minute), what)
	}
}

// tierVariable says how much of the suites to run.
const tierVariable = "LINKAUDIT_TIER"

// Full is whether to run everything at full length: unless $LINKAUDIT_TIER is "ci".
// .ci/run sets that, and leaves to "make full" what calls [OnlyInFull].
func Full() bool { return os.Getenv(tierVariable) != "ci" }

// OnlyInFull marks a test that "make full" runs and .ci/run does not.
func OnlyInFull(t testing.TB) {
	t.Helper()
	if !Full() {
		t.Skip("only in make full")
	}
}

// Thorough is whether $LINKAUDIT_TIER is "full". It is for unit tests: "go test ./..."
// sets nothing and takes a minute.
func Thorough() bool { return os.Getenv(tierVariable) == "full" }

// Heavy marks a unit test, or a case of one, that takes seconds of processor time, such
// as unpacking a gigabyte. "make full" runs it; "go test ./..." and .ci/run do not. A
// test that needs only some of its cases to cross a bound runs all of them if
// [Thorough] is true.
func Heavy(t testing.TB) {
	t.Helper()
	if !Thorough() {
		t.Skip("heavy: only with LINKAUDIT_TIER=full")
	}
}

// Finishes calls a function that must not block or run forever. It fails the test, with
// the stacks of all goroutines, if the function takes longer than the patience for a
// minute on a quiet machine.
func Finishes(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(Patience(time.Minute)):
		stacks := make([]byte, 1<<20)
		t.Fatalf("%s: not done after %v:\n%s", what, Patience(time.Minute), stacks[:runtime.Stack(stacks, true)])
	}
}
