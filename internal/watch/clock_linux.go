package watch

import (
	"time"

	"golang.org/x/sys/unix"
)

// wallClock is the time of day of a moment in nanoseconds of CLOCK_MONOTONIC, as
// the two clocks are apart now.
func wallClock(monotonic uint64) time.Time {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) != nil {
		return time.Now()
	}
	return time.Now().Add(time.Duration(int64(monotonic) - now.Nano()))
}
