//go:build vm

package guest

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
)

// seen is the compared part of a change in watch --format json.
type seen struct {
	Event, Device, Text string
	After               *struct {
		MAC     string
		Applied *string `json:"applied_link_file"`
	}
	By *struct {
		How, Origin string
		Port        string `json:"origin_port"`
		Call        *struct {
			Function, Unit string
			Process        struct{ Name string }
			Parents        []struct{ Name string }
		}
	}
}

// TestTraceWatch runs programs that set addresses, and linkaudit watch must name them.
func TestTraceWatch(t *testing.T) {
	watch := begin(t, "linkaudit", "watch", "--format", "json", "--severity", "error")
	// until returns the first new event that is accepts.
	until := func(what string, is func(seen) bool) (e seen) {
		t.Helper()
		line := watch.until(t, what, func(line string) bool {
			e = seen{}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			return is(e)
		})
		t.Logf("%s: %s", what, line)
		return e
	}
	// changed waits until the device has the address, and checks who set it. "" and nil
	// are not compared.
	changed := func(what, device, mac, process, unit, origin string) seen {
		t.Helper()
		e := until(what, func(e seen) bool {
			return e.Event == "changed" && e.Device == device && e.By != nil && (mac == "" || e.After.MAC == mac)
		})
		switch {
		case e.By.How != "seen" || e.By.Call == nil:
			t.Errorf("%s: not seen in the kernel", what)
		case process == "udevd" && (e.By.Call.Process.Name != "(udev-worker)" && e.By.Call.Process.Name != "systemd-udevd" || e.By.Call.Unit != "systemd-udevd.service"),
			process != "udevd" && e.By.Call.Process.Name != process, unit != "" && e.By.Call.Unit != unit:
			t.Errorf("%s: by %+v", what, *e.By.Call)
		case origin != "" && e.By.Origin != origin:
			t.Errorf("%s: the origin is %s, not %s", what, e.By.Origin, origin)
		}
		return e
	}
	begun := until("it begins", func(e seen) bool { return e.Event == "started" })
	if !strings.Contains(begun.Text, "seen in the kernel") {
		t.Fatalf("%s", begun.Text)
	}

	ip(t, "add", "bond0", "type", "bond")
	e := changed("udevd gives bond0 an address", "bond0", bond0Persistent, "udevd", "systemd-udevd.service", "udev-persistent")
	if got := str(e.After.Applied); got != defaultLink {
		t.Errorf("the file is %s", got)
	}
	e = func() seen {
		ip(t, "set", "bond0", "address", "02:00:00:00:00:77")
		return changed("ip sets one", "bond0", "02:00:00:00:00:77", "ip", "", "set-by-someone")
	}()
	if p := e.By.Call.Parents; len(p) == 0 || !strings.HasPrefix("linkaudit-guest", p[0].Name) {
		t.Errorf("the parents are %+v", p)
	}
	ip(t, "del", "bond0")

	linkaudit(t, "fix", "--bond", "bond0")
	ip(t, "add", "bond0", "type", "bond")
	until("created after the fix", func(e seen) bool { return e.Event == "created" && e.Device == "bond0" })
	handled(t, "bond0")
	ip(t, "set", "eth1", "down")
	ip(t, "set", "eth1", "master", "bond0")
	e = changed("the kernel adopts the port's", "bond0", eth1Address, "ip", "", "port")
	if e.By.Port != "eth1" || strings.Contains(e.By.Call.Function, "set_mac_address") {
		t.Errorf("it is not the kernel's doing: %+v", e.By)
	}
	ip(t, "del", "bond0")

	linkaudit(t, "undo", "--bond", "bond0")

	// ifupdown's bond; Debian's ifenslave adds the ports.
	linkaudit(t, "fix", "--bond", "bond1")
	output(t, "ifdown", "--force", "bond1")
	output(t, "ifup", "bond1")
	e = until("ifenslave has it adopt one", func(e seen) bool {
		return e.Event == "changed" && e.Device == "bond1" && e.By != nil && e.By.Origin == "port"
	})
	if e.By.How != "seen" || e.By.Call.Process.Name != "ifenslave" || e.By.Port != "eth0" && e.By.Port != "eth1" {
		t.Errorf("%+v", e.By)
	}
	output(t, "ifdown", "bond1")
	linkaudit(t, "undo", "--bond", "bond1")

	// A device that systemd-networkd creates has its address from the start. One that
	// it only configures gets it by a call.
	ip(t, "add", "bond30", "type", "bond")
	until("created for systemd-networkd", func(e seen) bool { return e.Event == "applied" && e.Device == "bond30" })
	handled(t, "bond30")
	write(t, networkDir+"/30-bond30.network", "[Match]\nName=bond30\n[Link]\nMACAddress=02:00:00:00:00:30\n[Network]\nLinkLocalAddressing=no\n")
	defer os.Remove(networkDir + "/30-bond30.network")
	output(t, "systemctl", "restart", "systemd-networkd.service")
	defer output(t, "systemctl", "stop", "systemd-networkd.service", "systemd-networkd.socket")
	changed("systemd-networkd sets one", "bond30", "02:00:00:00:00:30", "systemd-network", "systemd-networkd.service", "")
	ip(t, "del", "bond30")

	write(t, "/etc/NetworkManager/conf.d/guest.conf", "[main]\nplugins=keyfile\nno-auto-default=*\n[keyfile]\nunmanaged-devices=*,except:interface-name:nm*\n")
	os.Remove("/etc/systemd/system/NetworkManager.service")
	output(t, "systemctl", "daemon-reload")
	output(t, "systemctl", "start", "NetworkManager.service")
	defer output(t, "systemctl", "stop", "NetworkManager.service")
	output(t, "nmcli", "connection", "add", "save", "no", "type", "bridge", "ifname", "nmbr9", "con-name", "nmbr9", "autoconnect", "no",
		"ipv4.method", "disabled", "ipv6.method", "ignore", "bridge.stp", "no", "802-3-ethernet.cloned-mac-address", "02:00:00:00:00:99")
	output(t, "nmcli", "connection", "up", "nmbr9")
	e = until("NetworkManager gives one", func(e seen) bool {
		return e.Device == "nmbr9" && e.After != nil && e.After.MAC == "02:00:00:00:00:99" && e.By != nil
	})
	if e.Event == "changed" && (e.By.How != "seen" || e.By.Call.Process.Name != "NetworkManager" || e.By.Call.Unit != "NetworkManager.service") {
		t.Errorf("%+v", e.By)
	}
	output(t, "nmcli", "connection", "delete", "nmbr9")

	if err := watch.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	until("it ends", func(e seen) bool { return e.Event == "stopped" })
	if inTime, err := watch.end(0); err != nil || !inTime {
		t.Errorf("the watch does not end: %v", err)
	}
}
