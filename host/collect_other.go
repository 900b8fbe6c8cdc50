//go:build !linux

package host

import (
	"context"
	"errors"
)

// Collect needs Linux: udevd and its devices are nowhere else.
func Collect(context.Context, Options) (*Snapshot, error) {
	return nil, errors.New("collect a snapshot: only possible on Linux")
}
