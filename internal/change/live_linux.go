package change

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"linkaudit/linkfiles"
)

// setAddress sets the address of the device (RTM_SETLINK with IFLA_ADDRESS). The
// device stays up and keeps its routes.
func setAddress(c LiveChange) error {
	link, err := netlink.LinkByName(c.Device)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Device, err)
	}
	err = netlink.LinkSetHardwareAddr(link, c.MAC.Octets())
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("set the address of %s: a lower driver refuses while the device is up; take it down first: %w", c.Device, err)
	}
	if err != nil {
		return fmt.Errorf("set the address of %s: %w", c.Device, err)
	}
	// A driver may report success without doing it.
	if link, err = netlink.LinkByName(c.Device); err != nil {
		return fmt.Errorf("%s: %w", c.Device, err)
	}
	if got := linkfiles.MACOf(link.Attrs().HardwareAddr); got != c.MAC {
		return fmt.Errorf("set the address of %s: the driver reported success, but it is still %s", c.Device, got)
	}
	return nil
}
