package words

// imageFindings are the sentences about packages, overrides and initramfs images.
var imageFindings = []entry{
	// The initramfs images.
	{"initramfs-stale", "{what}: {images}"},
	{"initramfs-policy-differs", "in the initramfs {device} would get policy {policy} ({there}), and has policy {here} here"},
	{"initramfs-creates-with-policy", "{device} is created in the initramfs ({by}), where it gets policy {policy} ({there}), and has policy {here} here"},
	{"initramfs-may-create-with-policy", "{device} may be created in the initramfs, as the kernel command line says, where it gets policy {policy} ({there}), and has policy {here} here"},
	{"initramfs-policy-not-known", "the policy of {device} in the initramfs is not known: {why}"},
	{"initramfs-creates-otherwise", "in the initramfs {program} creates {device} ({pos} there) and {does}, but {here}: {image}"},
	{"initramfs-sets-otherwise", "in the initramfs {program} sets the address of {device} ({pos} there) and {does}, but {here}: {image}"},
	{"initramfs-unreadable", "the initramfs image {image} could not be read: {why}"},
	{"rebuild-images", "Make the images anew: {command}.{note? Note that {note}.}"},
	{"image-leaves-drop-in-out", "initramfs-tools of Debian 12 and dracut leave drop-ins out, such as {file}: if the image stays as it is, put the settings into a .link file of their own"},

	// What there is in an image.
	{"policy-there", "MACAddressPolicy={policy} at {pos} there"},
	{"no-policy-there", "{file} there sets no policy"},
	{"no-file-there", "no .link file applies there"},
	{"file-there-not-known", "which file applies there is not known: {why}"},
	{"pos-there", "{pos} there"},
	{"kernel-command-line", "the kernel command line"},
	{"declared-here", "here {program} {does} ({pos})"},
	{"not-declared-here", "no network configuration defines it here"},

	// Why the address after a boot is not known. They go on after "not known:".
	{"created-in-image", "it is created in the initramfs {image}"},
	{"may-be-created-in-image", "it may be created in the initramfs {image}"},
	{"program-in-image-differs", "{created}, where {program} {does}"},
	{"file-in-image-not-known", "{created}, and {there}"},
	{"files-in-image-differ", "{created}, which has other .link files: {there}"},
	{"machine-id-in-image-differs", "{created}, where the persistent address is not made of this machine's machine-id"},

	// What linkaudit fix wrote.
	{"change-interrupted", "linkaudit fix or undo is at work, or was killed before it was done"},
	{"wait-or-undo-interrupted", "Wait if one is at work; otherwise {undo} takes back what it did."},
	{"override-applies-no-more", "the override for {target} is not in force: no .link file applies"},
	{"override-shadowed-by-file", "the override for {target} is not in force: {file} comes first"},
	{"override-shadowed-by-setting", "the override for {target} is not in force: MACAddressPolicy={policy} comes after it, at {pos}"},
	{"override-stale", "the override for {target} is out of date: {why}"},
	{"derived-from-other-file", "it was derived from {was}{was!no file}, but without it {is}{is!no file} would be in force"},
	{"source-changed", "{file} has changed since"},
	{"source-drop-in-gone", "a drop-in that it was derived from is gone"},
	{"override-edited", "the override for {target} was edited since linkaudit wrote it"},
	{"correct-or-force-override", "It was edited since it was written: correct it, or {fix} writes it again, and {undo} removes it."},
	{"remove-override-not-needed", "{undo} removes it: without it no MACAddressPolicy= but none is in force."},
	{"write-override-again", "{fix} writes it again; {undo} removes it."},

	// The files of packages.
	{"was-edited-since-installed", "{file} was edited since package {package} brought it"},
	{"was-removed-since-installed", "{file} was removed since package {package} brought it"},
	{"is-no-file-as-installed", "{file} is no regular file, as package {package} brought it"},
	{"upgrade-undoes-that", "{what}: the next upgrade of {package} undoes that"},
	{"upgrade-changes-policy", "{what}: the next upgrade of {package} puts {then} in force for {devices}, in place of {now}"},
	{"upgrade-sets-unknown-policy", "{what}, and is in force for {devices}: the next upgrade of {package} undoes that; which MACAddressPolicy= is in force then is not known, as only the checksum of the package's file is recorded"},
	{"upgrade-may-bring-file-for", "{what}: the next upgrade of {package} undoes that; whether the package's file is for {devices} is not known, as only its checksum is recorded"},
	{"upgrade-keeps-policy", "{what}: the next upgrade of {package} undoes that, which changes no MACAddressPolicy= for {devices}"},
	{"policy-setting", "{policy!no }MACAddressPolicy={policy}"},
	{"keep-edit-by-hand", "Put what is meant into a file in /etc/systemd/network; then {restore} puts the package's file back{compare? (apt-get download {package} fetches it, to compare)}."},
	{"keep-edit-by-fix", "{fix} writes what is in force into a file in /etc/systemd/network, where no upgrade touches it; then {restore} puts the package's file back{compare? (apt-get download {package} fetches it, to compare)}."},
	{"vendor-file-unowned", "{file} belongs to no package: no upgrade changes it, unless a package comes to have a file of this name"},
	{"vendor-file-unknown", "whether {file} is as package {package} brought it is not known: {why}"},
	{"no-checksum-recorded", "dpkg has recorded no checksum of it"},
	{"file-not-read", "it could not be read"},
	{"package-half-installed", "the package is half-installed"},
	{"verify-or-reinstall", "dpkg --verify {package} tells what dpkg knows; apt-get install --reinstall {package} brings the package's file."},

	{"all-names", "{names|, }{names? and }{last}"},
	{"names-and-more", "{names|, } and {more} more"},
}
