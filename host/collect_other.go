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

// ReadMachineID needs Linux as well.
func ReadMachineID(string) ([16]byte, error) {
	return [16]byte{}, errors.New("read a machine-id: only possible on Linux")
}
