package words

// fileFindings are the sentences about .link files and about the host as a whole.
var fileFindings = []entry{
	{"udevd-not-running", "systemd-udevd does not run: no .link file is applied to a new device"},
	{"net-setup-link-disabled", "80-net-setup-link.rules is masked or missing: no .link file is applied to any device"},
	{"release-unknown", "the systemd release is unknown ({why}); the files were read as systemd {release} does"},
	{"no-systemd", "there is no systemd here; the files were read as systemd {release} does"},
	{"read-as-other-release", "systemd {found} was found, but the files were read as systemd {release} does"},
	{"link-files-missing", "there are no .link files in the directories that udev searches, and no systemd-udevd with others: the files that udev has are unknown"},
	{"naming-scheme-assumed", "assuming naming scheme {scheme}, the default of systemd {release}: the boot configuration of the image sets no other"},

	// They go before "is unknown".
	{"whether-systemd-udevd-runs", "whether systemd-udevd runs"},
	{"which-naming-scheme", "the naming scheme"},
	{"which-host-name", "the host name"},

	// The complaint about the file itself is a sentence of package linkfiles.
	{"audit-as-root", "run the audit, or take the snapshot, as root"},
	{"fix-or-remove", "make the file readable, or remove it"},

	{"setting-refused", "the kernel refuses {key}=: it takes {takes}; udev sends Alias=, MTUBytes= and the address of MACAddressPolicy= or MACAddress= in the same request, so all of them are lost"},
	{"setting-may-be-refused", "the kernel may refuse {key}=: it takes {takes}; udev sends Alias=, MTUBytes= and the address of MACAddressPolicy= or MACAddress= in the same request, so all of them would be lost"},
	{"at-most", "at most {most}"},
	{"at-most-characters", "at most {most} characters"},
	{"at-most-bytes", "at most {most} bytes"},
	{"more-bytes-of-few-drivers", "more than {most} bytes with few drivers only"},
	{"at-least-bytes", "at least {least} bytes, or more"},
}
