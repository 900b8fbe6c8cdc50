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

// OtherMachineIDs needs Linux as well.
func OtherMachineIDs(*Snapshot) []OtherMachineID { return nil }

// FindNames needs Linux as well.
func (*Snapshot) FindNames([]string) {}

// ListDevices needs Linux as well.
func ListDevices(context.Context) ([]Device, error) {
	return nil, errors.New("list the network devices: only possible on Linux")
}

// Notices need Linux as well.
type Notices struct{}

// Subscribe needs Linux as well.
func Subscribe() (*Notices, error) {
	return nil, errors.New("listen to the kernel: only possible on Linux")
}

// NetworkNamespace needs Linux as well.
func NetworkNamespace() (uint64, error) {
	return 0, errors.New("the network namespace: only possible on Linux")
}

// C never has anything.
func (*Notices) C() <-chan Notice { return nil }

// Close does nothing.
func (*Notices) Close() {}

// Links has none.
func (*Notices) Links(context.Context) ([]*LinkNotice, error) { return nil, nil }
