package audit

import "linkaudit/linkfiles"

// hostRules are about the machine as a whole.
var hostRules = []Rule{
	{
		Name: "udevd-not-running", Severity: Warning,
		host: func(a *hostAudit) []found {
			if running, ok := a.snap.Udev.Running.Get(); !ok || running {
				return nil
			}
			return a.onlyIfAudited(say("udevd-not-running"))
		},
	},
	{
		Name: "net-setup-link-disabled", Severity: Warning,
		host: func(a *hostAudit) []found {
			if !a.snap.Udev.SetupLinkRule.IsAbsent() {
				return nil
			}
			return a.onlyIfAudited(say("net-setup-link-disabled"))
		},
	},
	{
		Name: "release-unknown", Severity: Warning,
		host: func(a *hostAudit) []found {
			rel, ok := a.snap.Systemd.Release.Get()
			switch {
			case !ok && a.snap.Systemd.Release.IsUnknown():
				return []found{{message: say("release-unknown", "why", a.snap.Systemd.Release.Reason(), "release", a.tree.Release)}}
			case !ok:
				return []found{{message: say("no-systemd", "release", a.tree.Release)}}
			case rel != a.tree.Release:
				return []found{{message: say("read-as-other-release", "found", rel, "release", a.tree.Release)}}
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
			return a.onlyIfAudited(say("link-files-missing"))
		},
	},
	{
		Name: "udevd-unknown", Severity: Info,
		host: func(a *hostAudit) []found {
			return unknownFinding(a.snap.Udev.Running, say("whether-systemd-udevd-runs"))
		},
	},
	{
		Name: "naming-scheme-unknown", Severity: Info,
		host: func(a *hostAudit) []found { return unknownFinding(a.snap.NamingScheme, say("which-naming-scheme")) },
	},
	{
		Name: "naming-scheme-assumed", Severity: Info,
		host: func(a *hostAudit) []found {
			s, _ := a.snap.NamingScheme.Get()
			if !s.Assumed {
				return nil
			}
			return []found{{message: say("naming-scheme-assumed", "scheme", s.Name, "release", a.tree.Release)}}
		},
	},
	{
		Name: "hostname-unknown", Severity: Info,
		host: func(a *hostAudit) []found { return unknownFinding(a.snap.System.Hostname, say("which-host-name")) },
	},
}

// onlyIfAudited makes a finding that is only an info if no device is audited.
func (a *hostAudit) onlyIfAudited(says *linkfiles.Statement) []found {
	f := found{message: says}
	if len(a.audited) == 0 {
		f.severity = Info
	}
	return []found{f}
}

// linkFilesApply reports whether anything on the host applies .link files; true if that
// is unknown.
func (a *hostAudit) linkFilesApply() bool {
	running, known := a.snap.Udev.Running.Get()
	return (running || !known) && !a.snap.Udev.SetupLinkRule.IsAbsent()
}
