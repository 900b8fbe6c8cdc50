package words

// imageFindings are the sentences about packages, overrides and initramfs images.
var imageFindings = []entry{
	// The initramfs images.
	{"initramfs-stale", "{what}: {images}"},
	{"initramfs-policy-differs", "in the initramfs {device} would have policy {policy} ({there}), but here it has policy {here}"},
	{"initramfs-creates-with-policy", "{device} is created in the initramfs ({by}) with policy {policy} ({there}), but here it has policy {here}"},
	{"initramfs-may-create-with-policy", "{device} may be created in the initramfs (kernel command line) with policy {policy} ({there}), but here it has policy {here}"},
	{"initramfs-policy-unknown", "the policy of {device} in the initramfs is unknown: {why}"},
	{"initramfs-creates-otherwise", "in the initramfs {program} creates {device} ({pos} there) and {does}, but {here}: {image}"},
	{"initramfs-sets-otherwise", "in the initramfs {program} configures {device} ({pos} there) and {does}, but {here}: {image}"},
	{"initramfs-unreadable", "the initramfs {image} could not be read: {why}"},
	{"rebuild-images", "{command}{note?; note that {note}}"},
	{"image-leaves-drop-in-out", "initramfs-tools of Debian 12 and dracut leave out drop-ins such as {file}: if the initramfs stays the same, write the settings into a .link file"},

	// The files in an initramfs.
	{"policy-there", "MACAddressPolicy={policy} at {pos} there"},
	{"no-policy-there", "{file} there sets no policy"},
	{"no-file-there", "no .link file applies there"},
	{"file-there-unknown", "the .link file that applies there is unknown: {why}"},
	{"pos-there", "{pos} there"},
	{"kernel-command-line", "the kernel command line"},
	{"declared-here", "here {program} {does} ({pos})"},
	{"not-declared-here", "no network configuration declares it here"},

	// Why the address after a boot is unknown. These follow "unknown:".
	{"created-in-image", "it is created in the initramfs {image}"},
	{"may-be-created-in-image", "it may be created in the initramfs {image}"},
	{"program-in-image-differs", "{created}, and there {program} {does}"},
	{"file-in-image-unknown", "{created}, and {there}"},
	{"files-in-image-differ", "{created}, which has other .link files: {there}"},
	{"machine-id-in-image-differs", "{created}, and that has another machine ID"},

	// The overrides.
	{"change-interrupted", "linkaudit fix or undo is running, or was killed before it was done"},
	{"wait-or-undo-interrupted", "wait if one is running; otherwise {undo} takes back what it did"},
	{"override-no-longer-applies", "the override for {target} has no effect: no .link file applies"},
	{"override-shadowed-by-file", "the override for {target} has no effect: {file} comes first"},
	{"override-shadowed-by-setting", "the override for {target} has no effect: MACAddressPolicy={policy} comes after it, at {pos}"},
	{"override-stale", "the override for {target} is out of date: {why}"},
	{"derived-from-other-file", "it was made from {was}{was!no file}, but without it {is}{is!no file} would be effective"},
	{"source-changed", "{file} has changed since"},
	{"source-drop-in-gone", "a drop-in that it was made from is gone"},
	{"override-edited", "the override for {target} was edited after linkaudit wrote it"},
	{"correct-or-force-override", "correct the file; or {fix} to write it again; or {undo} to remove it"},
	{"remove-override-not-needed", "{undo}, which removes it: without it the policy is none anyway"},
	{"write-override-again", "{fix} to write it again, or {undo} to remove it"},

	// The files of packages.
	{"was-edited-since-installed", "{file} was edited after package {package} installed it"},
	{"was-removed-since-installed", "{file} was removed after package {package} installed it"},
	{"no-longer-a-regular-file", "{file} is no regular file any longer, but package {package} installed one"},
	{"upgrade-undoes-that", "{what}: the next upgrade of {package} undoes that"},
	{"upgrade-changes-policy", "{what}: the next upgrade of {package} sets {then} for {devices}, instead of {now}"},
	{"upgrade-sets-unknown-policy", "{what}, and is effective for {devices}: the next upgrade of {package} undoes that; the policy after that is unknown, because only the checksum of the package's file is recorded"},
	{"upgrade-may-bring-file-for", "{what}: the next upgrade of {package} undoes that; the package's file may match {devices}: unknown, because only its checksum is recorded"},
	{"upgrade-keeps-policy", "{what}: the next upgrade of {package} undoes that, but the policy of {devices} stays the same"},
	{"policy-setting", "{policy!no }MACAddressPolicy={policy}"},
	{"keep-edit-by-hand", "write the settings that you want into a file in /etc/systemd/network, then restore the package's file: {restore}{compare? (to compare, apt-get download {package} fetches it)}"},
	{"keep-edit-by-fix", "{fix} writes the effective settings into a file in /etc/systemd/network, which no upgrade touches; then restore the package's file: {restore}{compare? (to compare, apt-get download {package} fetches it)}"},
	{"vendor-file-unowned", "{file} belongs to no package: no upgrade changes it, unless a package installs a file with this name"},
	{"vendor-file-unknown", "whether {file} was edited after package {package} installed it is unknown: {why}"},
	{"no-checksum-recorded", "dpkg has recorded no checksum of it"},
	{"file-not-read", "it could not be read"},
	{"package-half-installed", "the package is half-installed"},
	{"verify-or-reinstall", "dpkg --verify {package} shows what dpkg knows; apt-get install --reinstall {package} restores the file"},

	{"all-names", "{names|, }{names? and }{last}"},
	{"names-and-more", "{names|, } and {more} more"},
}
