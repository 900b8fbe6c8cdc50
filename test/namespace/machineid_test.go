//go:build namespace

package namespace

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"linkaudit/test/tool"
)

const (
	// otherID is what a machine ID is changed to.
	otherID = "fedcba9876543210fedcba9876543210"
	zeroID  = "00000000000000000000000000000000"

	// firstBr0 is the address that udevd sets on br0 with machineID.
	firstBr0 = "2e:51:d4:17:b5:1e"

	machineIDPath = "/etc/machine-id"
	dbusIDPath    = "/var/lib/dbus/machine-id"
)

// everyRoot runs a test on each release.
func everyRoot(t *testing.T, test func(*testing.T, *stage)) {
	for _, p := range releases(t) {
		t.Run(p.name, func(t *testing.T) {
			s := newStage(t, p.root)
			// The traces of the root's own machine ID are not the stage's.
			for _, dir := range []string{"/var/lib/dbus", "/var/log"} {
				s.must("mount", "-t", "tmpfs", "tmpfs", dir)
			}
			test(t, s)
		})
	}
}

// setMachineID writes the file, or removes it for nil, and restarts udevd, because its
// workers keep the machine ID that they read.
func (s *stage) setMachineID(content *string) {
	s.t.Helper()
	if s.udevd != nil {
		s.stopUdevd()
	}
	s.remove(machineIDPath)
	if content != nil {
		s.write(machineIDPath, *content)
	}
	s.startUdevd()
}

// random reports whether the device has the kernel's made-up address.
func (s *stage) random(name string) bool { return s.sysfs(name, "addr_assign_type") == "1" }

// TestStatesOfTheMachineID checks what udevd does without a machine ID, what check
// reports, and what systemd's machine_id_setup(), which PID 1 calls at boot, does to
// the file.
func TestStatesOfTheMachineID(t *testing.T) {
	for _, c := range []struct {
		name    string
		content *string
		rule    string
		// stays says that machine_id_setup() leaves the file as it is.
		stays bool
	}{
		{"missing", nil, "machine-id-missing", false},
		{"empty", new(""), "machine-id-empty", false},
		{"uninitialized", new("uninitialized\n"), "machine-id-uninitialized", false},
		{"uninitialized without a newline", new("uninitialized"), "machine-id-uninitialized", false},
		{"all zeros", new(zeroID + "\n"), "machine-id-invalid", true},
		{"a UUID", new("01234567-89ab-cdef-0123-456789abcdef\n"), "machine-id-invalid", false},
		{"two lines", new(machineID + "\n\n"), "machine-id-invalid", false},
		{"a newline", new("\n"), "machine-id-invalid", false},
		{"upper case, which is valid", new(strings.ToUpper(machineID)), "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			everyRoot(t, func(t *testing.T, s *stage) {
				s.setMachineID(c.content)
				s.add("br0", "type", "bridge")
				rep, r := s.json("br0")
				d := rep.device(t, "br0")
				if c.rule == "" {
					if s.random("br0") || str(d.Origin) != "udev-persistent" || str(d.PersistentMAC) != s.sysfs("br0", "address") {
						t.Errorf("udevd makes no address of it, or check thinks so: %v", r)
					}
					return
				}
				if !s.random("br0") {
					t.Errorf("udevd set the address of br0: %s", s.sysfs("br0", "address"))
				}
				if !rep.has(c.rule) || !d.has("persistent-address-unknown") || str(d.Origin) != "kernel-random" {
					t.Errorf("check does not say %s: %v", c.rule, r)
				}
				for _, f := range rep.Findings {
					if strings.HasPrefix(f.Rule, "machine-id-") && f.Rule != c.rule {
						t.Errorf("it says %s: %v", f.Rule, r)
					}
				}
				// The prediction of the add event, and the event.
				if str(d.Predicted.UdevAddEvent) != d.Live.MAC {
					t.Errorf("after the next add event: %s: %v", str(d.Predicted.UdevAddEvent), r)
				}
				s.must("udevadm", "trigger", "--action=add", "--settle", "/sys/class/net/br0")
				if mac := s.sysfs("br0", "address"); mac != d.Live.MAC {
					t.Errorf("the add event made it %s", mac)
				}
				s.sameFromSnapshotAs(t)

				message := rep.message(c.rule)
				if says := strings.Contains(message, "a boot does not change that"); says != c.stays {
					t.Errorf("%s", message)
				}
				// From 254 on the program, unlike PID 1, leaves "uninitialized".
				if s.release >= 254 && c.rule == "machine-id-uninitialized" {
					s.write(machineIDPath, "")
				}
				s.must("systemd-machine-id-setup")
				after := strings.TrimSpace(s.read(machineIDPath))
				if stays := c.content != nil && after == strings.TrimSpace(*c.content); stays != c.stays || len(after) != 32 {
					t.Errorf("systemd-machine-id-setup made it %q", after)
				}
				// D-Bus's machine ID is used instead.
				s.setMachineID(c.content)
				s.write(dbusIDPath, otherID+"\n")
				rep, r = s.json("br0")
				if says := strings.Contains(rep.message(c.rule), "takes the machine ID from "+dbusIDPath); says == c.stays {
					t.Errorf("of D-Bus's: %v", r)
				}
				if s.release >= 254 && c.rule == "machine-id-uninitialized" {
					s.write(machineIDPath, "")
				}
				s.must("systemd-machine-id-setup")
				if taken := strings.TrimSpace(s.read(machineIDPath)) == otherID; taken == c.stays {
					t.Errorf("systemd-machine-id-setup made it %q", s.read(machineIDPath))
				}
			})
		})
	}
}

// message is that of a finding of the host, "" where there is none.
func (r report) message(rule string) string {
	for _, f := range r.Findings {
		if f.Rule == rule {
			return f.Message
		}
	}
	return ""
}

// sameFromSnapshotAs compares the audit of a snapshot with that of the stage, and
// returns the snapshot.
func (s *stage) sameFromSnapshotAs(t *testing.T) string {
	t.Helper()
	snap := s.audit("snapshot", "--initramfs", "always")
	file := filepath.Join(t.TempDir(), "snapshot.json")
	if err := os.WriteFile(file, []byte(snap.stdout), 0o644); err != nil {
		t.Fatal(err)
	}
	valid(t, snap, compiledSchema("snapshot"), snap.stdout)
	for _, command := range [][]string{{"check", "--format", "json"}, {"check", "--severity", "info"}, {"explain", "br0"}} {
		live := s.audit(command...)
		saved := outside(t, append(slices.Clone(command), "--from", file)...)
		if anywhere(live.stdout) != anywhere(saved.stdout) || live.status != saved.status {
			t.Errorf("live %v\nfrom the snapshot %v", live, saved)
		}
	}
	return snap.stdout
}

// TestTheMachineIDChanges: check recognises an address of the former machine ID by any
// trace of that ID, and only then. The next device gets the predicted address.
func TestTheMachineIDChanges(t *testing.T) {
	traces := map[string]func(*stage){
		"/var/log/journal": func(s *stage) { s.must("mkdir", "-p", "/var/log/journal/"+machineID) },
		"/run/log/journal": func(s *stage) {
			s.must("mkdir", "-p", "/run/log/journal/"+machineID+".namespace", "/run/log/journal/remote")
		},
		dbusIDPath: func(s *stage) { s.write(dbusIDPath, machineID+"\n") },
		"systemd.machine_id=": func(s *stage) {
			s.write("/run/cmdline", "quiet systemd.machine_id="+machineID+" ro\n")
			s.must("mount", "--bind", "/run/cmdline", "/proc/cmdline")
		},
	}
	everyRoot(t, func(t *testing.T, s *stage) {
		s.setMachineID(new(machineID + "\n"))
		s.add("br0", "type", "bridge")
		before := s.sysfs("br0", "address")
		if before != firstBr0 {
			t.Fatalf("br0 has %s", before)
		}
		s.setMachineID(new(otherID + "\n"))
		s.settle()

		rep, r := s.json("br0")
		d := rep.device(t, "br0")
		if str(d.Origin) != "set-by-someone" || d.OriginMachineID != "" || d.has("machine-id-changed") {
			t.Errorf("there is no trace: %v", r)
		}
		for source, leave := range traces {
			s.part(t, source, func(t *testing.T) {
				leave(s)
				rep, r := s.json("br0")
				d = rep.device(t, "br0")
				if str(d.Origin) != "udev-persistent" || d.OriginMachineID != source || !d.has("machine-id-changed") || d.has("address-set-by-udev") || !d.has("policy-overrides-ports") {
					t.Errorf("%v", r)
				}
				if str(d.Predicted.UdevAddEvent) != before {
					t.Errorf("after the next add event: %v", r)
				}
				boot := str(d.PersistentMAC)
				if source == "systemd.machine_id=" {
					boot = "null" // and the next boot sets it
				}
				if str(d.Predicted.Boot) != boot || str(d.Predicted.Recreate) != str(d.PersistentMAC) || rep.has("machine-id-transient") != (boot == "null") {
					t.Errorf("after the next boot: %v", r)
				}
				snap := s.sameFromSnapshotAs(t)
				for _, secret := range []string{machineID, otherID} {
					if strings.Contains(snap+r.stdout+s.audit("explain", "br0").stdout, secret) {
						t.Errorf("a machine ID is in the output: %s", secret)
					}
				}
				switch source {
				case "systemd.machine_id=":
					s.must("umount", "/proc/cmdline")
				case dbusIDPath:
					s.remove(source)
				default:
					s.must("rm", "-r", source)
				}
			})
		}

		s.must("udevadm", "trigger", "--action=add", "--settle", "/sys/class/net/br0")
		if mac := s.sysfs("br0", "address"); mac != before {
			t.Errorf("the add event made it %s", mac)
		}
		s.must("ip", "link", "del", "br0")
		s.add("br0", "type", "bridge")
		if mac := s.sysfs("br0", "address"); mac != str(d.Predicted.Recreate) {
			t.Errorf("recreated it has %s, predicted was %s", mac, str(d.Predicted.Recreate))
		}
	})
}

// TestAMachineIDForOneBoot lets systemd mount a machine ID over a file that it cannot
// write, as PID 1 does, and commit it later.
func TestAMachineIDForOneBoot(t *testing.T) {
	everyRoot(t, func(t *testing.T, s *stage) {
		s.setMachineID(new(""))
		s.must("mount", "--bind", machineIDPath, machineIDPath)
		s.must("mount", "-o", "remount,bind,ro", machineIDPath)
		s.must("systemd-machine-id-setup")
		s.add("br0", "type", "bridge")
		rep, r := s.json("br0")
		d := rep.device(t, "br0")
		if str(d.Origin) != "udev-persistent" || str(d.PersistentMAC) != s.sysfs("br0", "address") || !rep.has("machine-id-transient") {
			t.Errorf("not recognised as transient: %v", r)
		}
		if d.Predicted.Boot != nil || str(d.Predicted.Recreate) != d.Live.MAC || !d.has("prediction-unknown") {
			t.Errorf("the next boot makes up another machine-id: %v", r)
		}
		s.sameFromSnapshotAs(t)
		// If the next boot takes it from D-Bus, it is the same ID.
		s.write(dbusIDPath, s.read(machineIDPath))
		if rep, r = s.json("br0"); rep.has("machine-id-transient") || str(rep.device(t, "br0").Predicted.Boot) != d.Live.MAC {
			t.Errorf("D-Bus keeps it: %v", r)
		}
		s.remove(dbusIDPath)
		// Committed.
		id := s.read(machineIDPath)
		s.must("umount", machineIDPath)
		s.must("umount", machineIDPath)
		s.write(machineIDPath, id)
		if rep, r = s.json("br0"); rep.has("machine-id-transient") || str(rep.device(t, "br0").Predicted.Boot) != d.Live.MAC {
			t.Errorf("it is in /etc now: %v", r)
		}
	})
}

// TestUdevdKeepsTheMachineIDThatHostAskedFor: udevd reads the ID once for a file with
// Host= in [Match]. What it does next is unknown from the file.
func TestUdevdKeepsTheMachineIDThatHostAskedFor(t *testing.T) {
	everyRoot(t, func(t *testing.T, s *stage) {
		s.write("/etc/systemd/network/10-x.link", "[Match]\nOriginalName=zz0\nHost="+otherID+"\n[Link]\nMTUBytes=1400\n")
		s.setMachineID(new(machineID + "\n"))
		s.write(machineIDPath, "")
		s.reload()
		rep, r := s.json("br0", "--kind", "bridge")
		if d := rep.device(t, "br0"); d.Predicted.UdevAddEvent != nil || !d.has("add-event-unknown") && !d.has("persistent-address-unknown") || !rep.has("machine-id-empty") {
			t.Errorf("the address of a new bridge must be unknown: %v", r)
		}
		s.add("br0", "type", "bridge")
		if mac := s.sysfs("br0", "address"); mac != firstBr0 {
			t.Errorf("udevd read the ID again: br0 has %s", mac)
		}
		// Without such a file udevd reads it again.
		s.must("ip", "link", "del", "br0")
		s.remove("/etc/systemd/network/10-x.link")
		s.setMachineID(new(""))
		s.add("br0", "type", "bridge")
		if !s.random("br0") {
			t.Errorf("br0 has %s", s.sysfs("br0", "address"))
		}
	})
}

// TestNetworkdWithoutAMachineID: up to 249 networkd ignores a .netdev file if the
// device would get a derived address. From 250 on it creates the device without one.
func TestNetworkdWithoutAMachineID(t *testing.T) {
	everyRoot(t, func(t *testing.T, s *stage) {
		s.setMachineID(new(""))
		s.write("/etc/systemd/network/10-none.link", "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=none\n")
		s.write("/etc/systemd/network/20-nv0.netdev", "[NetDev]\nName=nv0\nKind=veth\n[Peer]\nName=nv1\n")
		// It reads the files in order. This device already has an address.
		s.write("/etc/systemd/network/30-after.netdev", "[NetDev]\nName=after\nKind=bridge\nMACAddress=02:00:00:00:00:07\n")
		s.reload()
		log, err := os.Create(filepath.Join(t.TempDir(), "log"))
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		// As RuntimeDirectory= of its unit does.
		s.must("install", "-d", "-o", "systemd-network", "/run/systemd/netif")
		networkd := s.command(context.Background(), "/usr/lib/systemd/systemd-networkd")
		networkd.Env = append(networkd.Env, "SYSTEMD_LOG_TARGET=console")
		networkd.Stderr = log
		if err := networkd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := tool.End(networkd, syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}()
		said := func() string {
			b, err := os.ReadFile(log.Name())
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		made := func(name string) bool { return exists(s.path("/sys/class/net/" + name)) }
		if !tool.Until(time.Minute, func() bool {
			return made("after") && (s.release < 250 || made("nv0")) && strings.Contains(said(), "Failed to generate")
		}) {
			t.Fatalf("systemd-networkd gets to no device: %s", said())
		}
		if s.release < 250 {
			if r := s.do("ip", "link", "show", "nv0"); r.status == 0 || !strings.Contains(said(), "Failed to generate predictable MAC address") {
				t.Errorf("%v\n%s", r, said())
			}
			return
		}
		s.settle("nv0")
		if !s.random("nv0") || !strings.Contains(said(), "Failed to generate persistent MAC address") {
			t.Errorf("nv0 has %s\n%s", s.sysfs("nv0", "address"), said())
		}
	})
}
