package audit

import (
	"fmt"
	"linkaudit/internal/words"
)

// hostRules look at the machine as a whole.
var hostRules = []Rule{
	{
		Name: "udevd-not-running", Severity: Warning,
		host: func(a *hostAudit) []found {
			if running, ok := a.snap.Udev.Running.Get(); !ok || running {
				return nil
			}
			return a.onlyIfAudited("systemd-udevd does not run: no .link file is applied to a new device")
		},
	},
	{
		Name: "net-setup-link-disabled", Severity: Warning,
		host: func(a *hostAudit) []found {
			if !a.snap.Udev.SetupLinkRule.IsAbsent() {
				return nil
			}
			return a.onlyIfAudited("80-net-setup-link.rules is masked or missing: no .link file is applied to any device")
		},
	},
	{
		Name: "release-unknown", Severity: Warning,
		host: func(a *hostAudit) []found {
			rel, ok := a.snap.Systemd.Release.Get()
			switch {
			case !ok && a.snap.Systemd.Release.IsUnknown():
				return []found{{message: fmt.Sprintf("the release of systemd is not known (%s): the files were read as systemd %d reads them", words.Of(a.snap.Systemd.Release.Reason()), a.tree.Release)}}
			case !ok:
				return []found{{message: fmt.Sprintf("there is no systemd: the files were read as systemd %d reads them", a.tree.Release)}}
			case rel != a.tree.Release:
				return []found{{message: fmt.Sprintf("systemd %d was found, but the files were read as systemd %d reads them", rel, a.tree.Release)}}
			}
			return nil
		},
	},
	{
		Name: "link-files-missing", Severity: Warning,
		host: func(a *hostAudit) []found {
			if len(a.tree.Files) > 0 || len(a.tree.Diagnostics) > 0 || !a.linkFilesApply() {
				return nil
			}
			return a.onlyIfAudited(noLinkFiles)
		},
	},
	{
		Name: "udevd-unknown", Severity: Info,
		host: func(a *hostAudit) []found { return notKnown(a.snap.Udev.Running, "whether systemd-udevd runs") },
	},
	{
		Name: "naming-scheme-unknown", Severity: Info,
		host: func(a *hostAudit) []found { return notKnown(a.snap.NamingScheme, "the naming scheme") },
	},
	{
		Name: "naming-scheme-assumed", Severity: Info,
		host: func(a *hostAudit) []found {
			s, _ := a.snap.NamingScheme.Get()
			if !s.Assumed {
				return nil
			}
			return []found{{message: fmt.Sprintf("assuming naming scheme %s, the default of systemd %d: the boot configuration of the image asks for no other", s.Name, a.tree.Release)}}
		},
	},
	{
		Name: "hostname-unknown", Severity: Info,
		host: func(a *hostAudit) []found { return notKnown(a.snap.System.Hostname, "the host name") },
	},
}

const noLinkFiles = "no .link file was found in the directories that udevd searches, and no udevd that has them elsewhere: which ones it has is not known"

// onlyIfAudited makes a finding that weighs nothing where no device is audited.
func (a *hostAudit) onlyIfAudited(message string) []found {
	f := found{message: message}
	if len(a.audited) == 0 {
		f.severity = Info
	}
	return []found{f}
}

// linkFilesApply reports whether anything on the host applies .link files; a
// host where that is not known counts as one that does.
func (a *hostAudit) linkFilesApply() bool {
	running, known := a.snap.Udev.Running.Get()
	return (running || !known) && !a.snap.Udev.SetupLinkRule.IsAbsent()
}
