package host

import (
	"context"
	"os"
	"strconv"

	sddbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// systemBus is where the system bus listens (D-Bus Specification, System message bus).
// DBUS_SYSTEM_BUS_ADDRESS may name another one, or a program to run instead, and a user of
// sudo(8) may set it, so it is ignored.
const systemBus = "unix:path=/run/dbus/system_bus_socket"

// ServiceManager connects to the service manager over the system bus or, as root, without
// it. Nothing waits longer than ctx.
func ServiceManager(ctx context.Context) (*sddbus.Conn, error) {
	type answer struct {
		conn *sddbus.Conn
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		conn, err := sddbus.NewConnection(func() (*dbus.Conn, error) { return dialSystemBus(ctx) })
		if err != nil && os.Geteuid() == 0 {
			conn, err = sddbus.NewSystemdConnectionContext(ctx)
		}
		done <- answer{conn, err}
	}()
	select {
	case a := <-done:
		return a.conn, a.err
	case <-ctx.Done():
		// A listener that accepts may still not answer the greeting.
		return nil, ctx.Err()
	}
}

func dialSystemBus(ctx context.Context) (*dbus.Conn, error) {
	conn, err := dbus.Dial(systemBus, dbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	// The UID and not the name: a static program may lack the module to look it up.
	if err = conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))}); err == nil {
		err = conn.Hello()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}
