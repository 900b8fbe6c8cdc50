package linkfiles

const (
	etcDir      = "/etc/systemd/network"
	runDir      = "/run/systemd/network"
	localLibDir = "/usr/local/lib/systemd/network"
	usrLibDir   = "/usr/lib/systemd/network"
	splitUsrDir = "/lib/systemd/network"
)

// SearchPath are the directories of .link files, highest priority first: NETWORK_DIRS of
// systemd's path-lookup.h. Which of them a release searches is decided when the Store is
// parsed.
var SearchPath = []string{etcDir, runDir, localLibDir, usrLibDir, splitUsrDir}

// MaxFileSize is the size in bytes above which a file is not read. udevd limits only the
// line, to 1 MiB.
const MaxFileSize = 16 << 20

// dropInSuffix ends the names of drop-ins.
const dropInSuffix = ".conf"

// nullDevice is the target of a link that masks a file.
const nullDevice = "/dev/null"

// maxSymlinks is the kernel's limit (MAXSYMLINKS, include/linux/namei.h), fewLinks and
// mostLinks those of the releases of systemd that follow least and most (quirks.chaseLinks).
const (
	maxSymlinks = 40
	fewLinks    = 31
	mostLinks   = 61
)
