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

// words explain the need in one sentence, for Plan.Why.
func (n need) words(t override.Target) string {
	already, until := " already", ""
	if n.until != nil {
		already, until = "", fmt.Sprintf(", but only until the next upgrade of %s: %s", n.until.Package, words.Of(n.until.What()))
	}
	switch {
	case n.override && n.until == nil:
		return fmt.Sprintf("%s has MACAddressPolicy=%s, %s", t, n.effective.Value, n.effective.Pos)
	case n.set:
		return fmt.Sprintf("%s%s has MACAddressPolicy=none, %s%s", t, already, n.effective.Pos, until)
	}
	return fmt.Sprintf("no MACAddressPolicy= is set for %s, which is the same as none%s", t, until)
}

// editedSince is the error about an override that stays because somebody edited it.
func editedSince(path, to string) error {
	return fmt.Errorf("%s was edited after linkaudit wrote it; read it, then use --force to %s", path, to)
}

// notNeededNote is the note about an override that does nothing.
func (in Input) notNeededNote(path string, t override.Target) string {
	return fmt.Sprintf("%s is no longer needed; remove it with: %s", path, remedy.Command{Name: "undo", Target: t, Place: in.Place})
}

// recreates says how systemd-networkd recreates a device that the plan has a drop-in
// for; "" for other devices. A reload alone does not change an existing device
// (netdev_load() and, since 257, netdev_reload()).
func (p *Plan) recreates(rel linkfiles.Release, device string) string {
	then := "networkctl reload"
	if rel < reloadsNetDevs {
		then = "systemctl restart systemd-networkd.service"
	}
	for _, n := range p.NetDevs {
		if n.Device == device {
			return fmt.Sprintf(" (networkctl delete %s && %s)", override.ShellWord(device), then)
		}
	}
	return ""
}

// remainsStale has one sentence for all images of one maker with the same problem.
func (r *Result) remainsStale(at remedy.Place, plan bool) {
	type what struct {
		there, advice string
		maker         initramfs.Maker
	}
	var order []what
	same := map[what][]string{}
	for _, img := range r.Initramfs {
		w := what{img.There, img.Advice, img.Maker}
		if same[w] == nil {
			order = append(order, w)
		}
		same[w] = append(same[w], img.Path)
	}
	verb := "does not have this change"
	if plan {
		verb = "will not have this change"
	}
	option := ""
	if at.Root == "" {
		option = " (or use --update-initramfs)"
	}
	for _, w := range order {
		advice := ""
		if w.advice != "" {
			advice = "; " + w.advice
		}
		r.remains("the initramfs %s (%s) %s; if it creates the device, run: %s%s%s",
			strings.Join(same[w], ", "), w.there, verb, at.UpdateInitramfs(w.maker), option, advice)
	}
}

// words say why no address can be set for the device.
func (c cannotSet) words(d *host.Device) string {
	switch c.reason {
	case typeUnknown:
		return "its addr_assign_type is unknown: " + c.about
	case driverTakesNone:
		return fmt.Sprintf("its driver takes no address with fail_over_mac=%s", c.about)
	case noPort:
		return "it has no port to take an address from"
	case guestsAlone:
		return "all its ports belong to guests, which come and go"
	case notPermanent:
		return fmt.Sprintf("its first port %s has no permanent address, and has that of the %s now", c.about, d.Kind)
	case kindUnknown:
		return fmt.Sprintf("which address a device of kind %q takes is unknown", c.about)
	}
	return ""
}

// disturbsWords say why a new address disturbs traffic of a device that is up.
func disturbsWords(c LiveChange) string {
	return fmt.Sprintf("%s is up: neighbours send to %s until they look up the address again, and DHCP may assign another lease", c.Device, c.Was)
}
