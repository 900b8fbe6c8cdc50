//go:build vm

package guest

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// forecast is what check predicts as the address after each event.
type forecast struct {
	MAC      map[string]*string
	Outcomes map[string][]outcome
	origin   string
}

type outcome struct {
	MAC                *string
	Origin, Port, When string
}

func predict(t *testing.T, name string) forecast {
	t.Helper()
	var rep struct {
		Devices []struct {
			Origin    *string
			Predicted map[string]json.RawMessage
		}
	}
	if out := checkInto(t, name, &rep); len(rep.Devices) != 1 {
		t.Fatalf("linkaudit check %s: %s", name, out)
	}
	f := forecast{MAC: map[string]*string{}, origin: str(rep.Devices[0].Origin)}
	for event, raw := range rep.Devices[0].Predicted {
		var err error
		if event == "outcomes" {
			err = json.Unmarshal(raw, &f.Outcomes)
		} else {
			var mac *string
			err = json.Unmarshal(raw, &mac)
			f.MAC[event] = mac
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// holds compares a forecast with the outcome, and returns the present forecast.
func (f forecast) holds(t *testing.T, event, name string) (now forecast) {
	t.Helper()
	mac := sysfs(t, name, "address")
	now = predict(t, name)
	if said := f.MAC[event]; said != nil && *said != mac {
		t.Errorf("%s: %s was predicted, and it is %s", event, *said, mac)
	}
	known := mac == eth0Address || mac == eth1Address
	var all []string
	for _, o := range f.Outcomes[event] {
		same := o.MAC != nil && *o.MAC == mac || o.MAC == nil && !known
		if same && (o.Origin == now.origin || now.origin == "null") {
			return now
		}
		all = append(all, fmt.Sprintf("%s by %s (%s)", str(o.MAC), o.Origin, o.When))
	}
	t.Errorf("%s: %s by %s is not among the outcomes: %s", event, mac, now.origin, strings.Join(all, "; "))
	return now
}

// What the driver and udev do to a device is always among the predicted outcomes. If
// only one address was predicted, the device has it.
func TestFirstPredictions(t *testing.T) {
	free(t)
	type kindOfDevice struct {
		kind string
		args []string
	}
	all := []kindOfDevice{
		{"bridge", nil}, {"team", nil},
		{"bond", []string{"mode", "802.3ad"}},
		{"bond", []string{"mode", "active-backup", "fail_over_mac", "none"}},
		{"bond", []string{"mode", "active-backup", "fail_over_mac", "active"}},
		{"bond", []string{"mode", "active-backup", "fail_over_mac", "follow"}},
	}
	for _, policy := range []string{"persistent", "none"} {
		if policy == "none" {
			for _, kind := range []string{"bond", "bridge", "team"} {
				linkaudit(t, "fix", "--kind", kind)
				defer linkaudit(t, "undo", "--kind", kind)
			}
		}
		for _, k := range all {
			t.Run(strings.Join(append([]string{policy, k.kind}, k.args...), " "), func(t *testing.T) {
				name := k.kind + "0"
				build := func(ports ...string) {
					create(t, name, append([]string{k.kind}, k.args...)...)
					for _, port := range ports {
						join(t, name, port)
					}
				}
				build("eth0", "eth1")
				defer func() { ip(t, "del", name) }()

				f := predict(t, name)
				trigger(t, name)
				f = f.holds(t, "udev_add_event", name)

				// From here on the address is a port's, if the driver takes one.
				for _, first := range [][]string{{"eth1", "eth0"}, {"eth0", "eth1"}} {
					for _, port := range first {
						ip(t, "set", port, "nomaster")
					}
					for _, port := range first {
						join(t, name, port)
					}
					f = f.holds(t, "ports_rejoin", name)
					trigger(t, name)
					f = f.holds(t, "udev_add_event", name)
				}
				ip(t, "del", name)
				build("eth1", "eth0")
				f = f.holds(t, "recreate", name)

				// The other order of the race: the ports come first.
				ip(t, "del", name)
				goOn := stopUdevd(t)
				defer goOn()
				ip(t, append([]string{"add", name, "type", k.kind}, k.args...)...)
				join(t, name, "eth0")
				goOn()
				handled(t, name)
				f.holds(t, "recreate", name)
			})
		}
	}
}

// forecastFile keeps the prediction for the next boot.
const forecastFile = networkDir + "/forecast.json"

// The bond that ifupdown creates at boot, now with the policy none. The second boot
// compares the prediction with the outcome.
func TestFirstPredictionOfTheNextBoot(t *testing.T) {
	output(t, "systemctl", "restart", "networking.service")
	handled(t, "bond1")
	b, err := json.Marshal(predict(t, "bond1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(forecastFile, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func join(t *testing.T, name, port string) {
	t.Helper()
	ip(t, "set", port, "down")
	ip(t, "set", port, "master", name)
}

// trigger sends an add event, as a boot does, and waits until udev has handled it.
func trigger(t *testing.T, name string) {
	t.Helper()
	output(t, "udevadm", "trigger", "--action=add", "--settle", "/sys/class/net/"+name)
}
