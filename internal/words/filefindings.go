package words

// fileFindings are the sentences about .link files, and the host as a whole.
var fileFindings = []entry{
	{"udevd-not-running", "systemd-udevd does not run: no .link file is applied to a new device"},
	{"net-setup-link-disabled", "80-net-setup-link.rules is masked or missing: no .link file is applied to any device"},
	{"release-unknown", "the release of systemd is not known ({why}): the files were read as systemd {release} reads them"},
	{"no-systemd", "there is no systemd: the files were read as systemd {release} reads them"},
	{"read-as-other-release", "systemd {found} was found, but the files were read as systemd {release} reads them"},
	{"link-files-missing", "no .link file was found in the directories that udevd searches, and no udevd that has them elsewhere: which ones it has is not known"},
	{"naming-scheme-assumed", "assuming naming scheme {scheme}, the default of systemd {release}: the boot configuration of the image asks for no other"},

	// They go before "is not known".
	{"whether-systemd-udevd-runs", "whether systemd-udevd runs"},
	{"which-naming-scheme", "the naming scheme"},
	{"which-host-name", "the host name"},

	// The complaint about a file is that of package linkfiles.
	{"audit-as-root", "Run the audit, or take the snapshot, as root."},
	{"fix-or-remove", "Mend what makes it unreadable, or remove it."},

	{"setting-refused", "the kernel refuses {key}=: it takes {takes}; the address of MACAddressPolicy= or MACAddress=, Alias= and MTUBytes= are lost with it, since udevd sends all of them in one request"},
	{"setting-may-be-refused", "the kernel may refuse {key}=: it takes {takes}; then the address of MACAddressPolicy= or MACAddress=, Alias= and MTUBytes= are lost with it, since udevd sends all of them in one request"},
	{"at-most", "at most {most}"},
	{"at-most-characters", "at most {most} characters"},
	{"at-most-bytes", "at most {most} bytes"},
	{"more-bytes-of-few-drivers", "more than {most} bytes of few drivers only"},
	{"at-least-bytes", "at least {least} bytes, or more"},
}
