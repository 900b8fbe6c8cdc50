package audit

import (
	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
	"linkaudit/policy"
	"linkaudit/policy/address"
)

// WhenSent is what becomes of udev's action when it sends the address to the kernel in
// one request with the file's other settings, for a device of this kind.
func WhenSent(action fact.Fact[address.Action], rel linkfiles.Release, file *linkfiles.File, kind string, kernel fact.Fact[string]) fact.Fact[address.Action] {
	does, ok := action.Get()
	if !ok || does.Do == address.Leave {
		return action
	}
	if policy.TakesNoAddress(kind) {
		return fact.Known(address.Action{Do: address.Leave}) // the driver accepts no address
	}
	if file == nil {
		return action
	}
	switch refusal, is := file.Refusal(rel, kind, kernel); {
	case !is:
		return action
	case refusal.Certain:
		return fact.Known(address.Action{Do: address.Leave}) // the kernel refuses the setting, and so the whole request
	default:
		return fact.Unknown[address.Action](say("kernel-may-refuse", "pos", refusal.Pos, "key", refusal.Key))
	}
}

func (s *subject) whenSent(action fact.Fact[address.Action], file *linkfiles.File) fact.Fact[address.Action] {
	return WhenSent(action, s.tree.Release, file, s.Kind, s.snap.System.KernelRelease)
}

// settingRefused is the rule setting-refused for the device's file.
func settingRefused(s *analysis) []found {
	if s.file == nil {
		return nil
	}
	return refusalFound(s.file, s.tree.Release, s.Kind, s.snap.System.KernelRelease)
}

// refusalFound is the finding about a file and devices of a kind.
func refusalFound(file *linkfiles.File, rel linkfiles.Release, kind string, kernel fact.Fact[string]) []found {
	refusal, is := file.Refusal(rel, kind, kernel)
	if !is {
		return nil
	}
	if refusal.Certain {
		return []found{{pos: refusal.Pos, message: say("setting-refused", "key", refusal.Key, "takes", refusal.Takes)}}
	}
	return []found{{pos: refusal.Pos, severity: Info, message: say("setting-may-be-refused", "key", refusal.Key, "takes", refusal.Takes)}}
}
