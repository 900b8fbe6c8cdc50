package policy

import (
	"fmt"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// WhenSent is what becomes of an action of udevd's when the kernel gets it in one request
// with the other settings of the file, for a device of the kind.
func WhenSent(action fact.Fact[AddressAction], rel linkfiles.Release, file *linkfiles.File, kind string, kernel fact.Fact[string]) fact.Fact[AddressAction] {
	does, ok := action.Get()
	if !ok || does.Do == Leave {
		return action
	}
	if TakesNoAddress(kind) {
		return fact.Known(AddressAction{Do: Leave, Why: "the driver of " + kind + " takes no address"})
	}
	if file == nil {
		return action
	}
	switch refusal, is := file.Refusal(rel, kind, kernel); {
	case !is:
		return action
	case refusal.Certain:
		return fact.Known(AddressAction{Do: Leave, Why: fmt.Sprintf("the kernel refuses %s= (%s) and the address with it", refusal.Key, refusal.Pos)})
	default:
		return fact.Unknown[AddressAction](fmt.Sprintf("%s: the kernel may refuse %s=, and the address with it", refusal.Pos, refusal.Key))
	}
}

func (s *subject) whenSent(action fact.Fact[AddressAction], file *linkfiles.File) fact.Fact[AddressAction] {
	return WhenSent(action, s.tree.Release, file, s.res.Kind, s.snap.System.KernelRelease)
}

// settingRefused is the rule of that name, for the file of a device.
func settingRefused(s *subject) []found {
	if s.file == nil {
		return nil
	}
	return refusalFound(s.file, s.tree.Release, s.res.Kind, s.snap.System.KernelRelease)
}

// refusalFound is what there is to say of a file, for devices of a kind.
func refusalFound(file *linkfiles.File, rel linkfiles.Release, kind string, kernel fact.Fact[string]) []found {
	refusal, is := file.Refusal(rel, kind, kernel)
	if !is {
		return nil
	}
	f := found{pos: refusal.Pos}
	const lost = "the address of MACAddressPolicy= or MACAddress=, Alias= and MTUBytes= are lost with it, since udevd sends all of them in one request"
	if refusal.Certain {
		f.message = fmt.Sprintf("the kernel refuses %s=: it takes %s; %s", refusal.Key, refusal.Why, lost)
	} else {
		f.severity = Info
		f.message = fmt.Sprintf("the kernel may refuse %s=: it takes %s; then %s", refusal.Key, refusal.Why, lost)
	}
	return []found{f}
}
