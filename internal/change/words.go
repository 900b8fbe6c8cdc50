package change

import (
	"fmt"
	"strings"

	"linkaudit/internal/host"
	"linkaudit/internal/initramfs"
	"linkaudit/internal/override"
	"linkaudit/internal/remedy"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// words say it in one sentence, for Plan.Why.
func (n need) words(t override.Target) string {
	already, until := " already", ""
	if n.until != nil {
		already, until = "", fmt.Sprintf(", but only until the next upgrade of %s: %s", n.until.Package, words.Of(n.until.What()))
	}
	switch {
	case n.override && n.until == nil:
		return fmt.Sprintf("MACAddressPolicy=%s is in force for %s by %s", n.inForce.Value, t, n.inForce.Pos)
	case n.set:
		return fmt.Sprintf("MACAddressPolicy=none is in force for %s%s, by %s%s", t, already, n.inForce.Pos, until)
	}
	return fmt.Sprintf("no MACAddressPolicy= is in force for %s, which is the same as none%s", t, until)
}

// editedSince is the error about an override that is neither replaced nor removed, for
// somebody edited it.
func editedSince(path, to string) error {
	return fmt.Errorf("%s was edited since linkaudit wrote it; see what is in it, then use --force to %s", path, to)
}

// notNeededNote is the note about an override of a target that does nothing.
func (in Input) notNeededNote(path string, t override.Target) string {
	return fmt.Sprintf("%s is not needed any more: %s removes it", path, remedy.Command{Name: "undo", Target: t, Place: in.Place})
}

// createsAnew says how systemd-networkd creates a device again, for a device that
// the plan has a drop-in for; "" for another one. A reload alone changes nothing
// about a device that exists (netdev_load() and, since 257, netdev_reload()).
func (p *Plan) createsAnew(rel linkfiles.Release, device string) string {
	then := "networkctl reload"
	if rel < reloadsNetDevs {
		then = "systemctl restart systemd-networkd.service"
	}
	for _, n := range p.NetDevs {
		if n.Device == device {
			return fmt.Sprintf(" (networkctl delete %s, then %s)", override.ShellWord(device), then)
		}
	}
	return ""
}

// staleWords is a sentence for all images of one maker that say the same.
func staleWords(images []StaleImage, at remedy.Place, plan bool) (out []string) {
	type what struct {
		there, advice string
		maker         initramfs.Maker
	}
	var order []what
	same := map[what][]string{}
	for _, img := range images {
		w := what{img.There, img.Advice, img.Maker}
		if same[w] == nil {
			order = append(order, w)
		}
		same[w] = append(same[w], img.Path)
	}
	verb := "does not know of it"
	if plan {
		verb = "will not know of it"
	}
	for _, w := range order {
		said := fmt.Sprintf("the initramfs %s (%s) %s; a device that is made there needs it: %s",
			strings.Join(same[w], ", "), w.there, verb, at.UpdateInitramfs(w.maker))
		if at.Root == "" {
			said += ", or fix and undo with --update-initramfs"
		}
		if w.advice != "" {
			said += "; " + w.advice
		}
		out = append(out, said)
	}
	return out
}

// words say why no address can be set for the device.
func (c cannotSet) words(d *host.Device) string {
	switch c.reason {
	case typeUnknown:
		return "its addr_assign_type is not known: " + c.about
	case driverTakesNone:
		return fmt.Sprintf("with fail_over_mac=%s its driver takes no address", c.about)
	case noPort:
		return "it has no port whose address it could take"
	case guestsAlone:
		return "all of its ports are those of guests, which come and go"
	case notPermanent:
		return fmt.Sprintf("its first port %s has no permanent address, and carries that of the %s now", c.about, d.Kind)
	case kindUnknown:
		return fmt.Sprintf("whose address a device of kind %q takes is not known", c.about)
	}
	return ""
}

// disturbsWords say what it disturbs to set another address for a device that is up.
func disturbsWords(c LiveChange) string {
	return fmt.Sprintf("%s is up: its neighbours send to %s until they ask for the address again, and DHCP may give another lease", c.Device, c.Was)
}
