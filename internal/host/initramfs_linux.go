package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"linkaudit/internal/fact"
	"linkaudit/internal/initramfs"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
)

// The bounds of looking for images and reading them.
const (
	maxImages = 24
	// maxImageFiles is the size of all .link files of all images: parsed, they
	// take some thirty times as much.
	maxImageFiles = 256 << 10
	// imageTimeout is for one image, imagesTimeout for all together.
	imageTimeout  = 2 * time.Minute
	imagesTimeout = 5 * time.Minute
	// gcPercent is GOGC while images are read, and gcLimit GOMEMLIMIT: a busy machine
	// makes garbage faster than it collects it, unless it must.
	gcPercent = 15
	gcLimit   = 48 << 20
)

// frugal makes the process use as little memory as possible, until the function that it
// returns is called.
func frugal() (usual func()) {
	percent, limit := debug.SetGCPercent(gcPercent), debug.SetMemoryLimit(gcLimit)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}

// ReadInitramfs reads all initramfs images of the root, "" or "/" for the running
// machine. An image that cannot be read is included, with the reason. The problems are
// about directories.
func ReadInitramfs(ctx context.Context, root string) (images []initramfs.Image, problems []string) {
	f := files{root: root}
	if root == "/" {
		f.root = ""
	}
	// The window of a decompressor is much of the memory in use, and the heap must not
	// double.
	defer frugal()()
	ctx, cancel := context.WithTimeoutCause(ctx, imagesTimeout, fmt.Errorf("all images together took longer than %v", imagesTimeout))
	defer cancel()
	found, problems := f.initramfsImages()
	if len(found) > maxImages {
		problems = append(problems, fmt.Sprintf("there are %d initramfs images; only the first %d were read", len(found), maxImages))
		found = found[:maxImages]
	}
	var size int64
	for _, img := range found {
		read := f.readInitramfs(ctx, img)
		if size += read.Size(); size > maxImageFiles {
			size -= read.Size()
			img.Unreadable = fmt.Sprintf("the .link files of all images together are larger than %d KiB", maxImageFiles>>10)
			read = img
		}
		images = append(images, read)
	}
	return images, problems
}

func (f files) readInitramfs(ctx context.Context, found initramfs.Image) initramfs.Image {
	ctx, cancel := context.WithTimeoutCause(ctx, imageTimeout, fmt.Errorf("it took longer than %v", imageTimeout))
	defer cancel()
	img, err := f.initramfs(ctx, found.Path)
	if err != nil {
		found.Unreadable = err.Error()
		return found
	}
	img.Path, img.Kernel = found.Path, found.Kernel
	return *img
}

func (f files) initramfs(ctx context.Context, name string) (*initramfs.Image, error) {
	file, err := f.open(name)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), name+": "))
	}
	defer file.Close()
	return initramfs.Read(ctx, file, file.Size(), initramfs.Interpreter{
		RunsSetupLink: runsSetupLink, Release: releaseInProgram, Declares: declaredInImage,
	})
}

// declaredInImage is what the programs in an image would do with their configuration.
// systemd-networkd is there to be started.
func declaredInImage(c initramfs.Configuration) []netconf.Declaration {
	const why = "the image is not running"
	var ofNetworkd *netconf.NetworkdInput
	if c.Networkd != nil {
		ofNetworkd = &netconf.NetworkdInput{Files: c.Networkd, Machine: netconf.NetworkdMachine{
			Active: fact.Known(true),
			System: &linkfiles.System{
				Hostname: fact.Unknown[string](fact.Told(why)), KernelCommandLine: fact.Unknown[string](fact.Told(why)), Virtualization: fact.Unknown[linkfiles.Virt](fact.Told(why)),
				KernelRelease: fact.Unknown[string](fact.Told(why)), Architecture: fact.Unknown[string](fact.Told(why)),
			},
			NewDevice: func(name, kind string) *linkfiles.Device {
				return &linkfiles.Device{Name: name, Kind: fact.Text(kind), MAC: fact.Unknown[linkfiles.MAC](fact.Told(why)), Type: fact.Unknown[string](fact.Told(why)),
					Driver: fact.Unknown[string](fact.Told(why)), Path: fact.Unknown[string](fact.Told(why)), PermMAC: fact.Unknown[linkfiles.MAC](fact.Told(why)),
					Properties: func(string) fact.Fact[string] { return fact.Unknown[string](fact.Told(why)) }}
			},
		}}
	}
	all, _ := netconf.Read(c.Files, c.Release, ofNetworkd)
	return all
}

// releaseInProgram finds the release in a udevd of an image: by the name of the
// library that it is linked to, or the version it greets with. It looks for the
// text and does not take the program apart as elfVersion does: debug/elf inflates
// compressed sections whatever size they have.
func releaseInProgram(program []byte) (linkfiles.Release, bool) {
	const library = "libsystemd-shared-"
	for rest := program; ; {
		i := bytes.Index(rest, []byte(library))
		if i < 0 {
			break
		}
		rest = rest[i:]
		name, _, _ := bytes.Cut(rest[:min(len(rest), 100)], []byte{0})
		if v, ok := sharedLibraryVersion(string(name)); ok {
			if rel, ok := parseRelease(v); ok {
				return rel, true
			}
		}
		rest = rest[len(library):]
	}
	if v, ok := versionInProgram(program); ok {
		return parseRelease(v)
	}
	return 0, false
}

// Where images are below the root: in /boot, with a kernel's modules (dracut(8) uses that
// directory if it exists), and on boot and EFI system partitions, in the layout of the Boot
// Loader Specification.
const (
	bootDir    = "/boot"
	modulesDir = "/usr/lib/modules"
)

var espDirs = []string{"/boot", "/efi", "/boot/efi"}

// initramfsImages finds images, and the kernels that they are for.
func (f files) initramfsImages() (images []initramfs.Image, problems []string) {
	s := imageSearch{files: f, seen: map[fileID]bool{}}
	s.inBoot()
	s.besideModules()
	for _, esp := range espDirs {
		s.onPartition(esp)
	}
	return s.images, s.problems
}

// imageSearch is the search for images. Each file counts once, under the first name that is
// found: /boot/initrd.img is a link.
type imageSearch struct {
	files
	seen     map[fileID]bool
	images   []initramfs.Image
	problems []string
}

// fileID is what stat(2) tells two files apart by.
type fileID struct{ dev, ino uint64 }

func (s *imageSearch) add(name, kernel string) {
	// What is no file is left to the reader, which says why.
	at, err := s.path(name)
	var st unix.Stat_t
	if err == nil && unix.Stat(at, &st) == nil {
		id := fileID{uint64(st.Dev), st.Ino}
		if s.seen[id] || st.Mode&unix.S_IFMT == unix.S_IFDIR {
			return
		}
		s.seen[id] = true
	}
	s.images = append(s.images, initramfs.Image{Path: name, Kernel: kernel})
}

// list lists a directory by name, nothing where there is none.
func (s *imageSearch) list(dir string) []string {
	names, err := s.names(dir)
	if err != nil && !isMissing(err) {
		s.problems = append(s.problems, fmt.Sprintf("cannot look for initramfs images in %v", err))
	}
	slices.Sort(names)
	return names
}

// inBoot adds names with a kernel in them first.
func (s *imageSearch) inBoot() {
	names := s.list(bootDir)
	for _, named := range []bool{true, false} {
		for _, name := range names {
			if kernel, ok := initramfsName(name); ok && named == (kernel != "") {
				s.add(path.Join(bootDir, name), kernel)
			}
		}
	}
}

func (s *imageSearch) besideModules() {
	for _, kernel := range s.list(modulesDir) {
		for _, name := range []string{"initrd", "initramfs.img"} {
			if at := path.Join(modulesDir, kernel, name); s.exists(at) {
				s.add(at, kernel)
			}
		}
	}
}

func (s *imageSearch) onPartition(esp string) {
	for _, id := range s.list(esp) {
		if machineDir(id) {
			s.ofKernelInstall(path.Join(esp, id))
		}
	}
	for _, name := range s.list(path.Join(esp, "EFI/Linux")) {
		if strings.HasSuffix(strings.ToLower(name), ".efi") {
			s.add(path.Join(esp, "EFI/Linux", name), "")
		}
	}
}

// ofKernelInstall looks into a directory with one for each kernel.
func (s *imageSearch) ofKernelInstall(dir string) {
	for _, kernel := range s.list(dir) {
		for _, name := range s.list(path.Join(dir, kernel)) {
			if strings.HasPrefix(name, "initrd") {
				s.add(path.Join(dir, kernel, name), kernel)
			}
		}
	}
}

// machineDir reports whether a directory of a boot partition is one that
// kernel-install(8) makes: it is called like the machine's ID.
func machineDir(name string) bool {
	return len(name) == 32 && consistsOf(name, decimalDigits+"abcdef")
}

// initramfsName reports whether a file of /boot is an image by its name, and for which
// kernel. Images for rescue and crash dumps do not count: updates do not change them.
func initramfsName(name string) (kernel string, ok bool) {
	if isLeftover(name) || strings.Contains(name, "kdump") || strings.Contains(name, "-rescue-") {
		return "", false
	}
	for _, prefix := range []string{"initrd.img-", "initramfs-", "initrd-"} {
		if rest, found := strings.CutPrefix(name, prefix); found {
			return kernelInName(rest), true
		}
	}
	return "", name == "initrd.img" || name == "initrd"
}

// isLeftover reports whether a file is an earlier or unfinished one beside an image, or its
// signature.
func isLeftover(name string) bool {
	return slices.ContainsFunc([]string{".bak", ".old", ".old-dkms", ".dpkg-bak", ".dpkg-new", ".new", ".sig", ".tmp"},
		func(suffix string) bool { return strings.HasSuffix(name, suffix) })
}

// kernelInName is the kernel in what follows the prefix of an image's name, "" for none.
func kernelInName(rest string) string {
	kernel := strings.TrimSuffix(strings.TrimSuffix(rest, ".img"), "-fallback")
	if !strings.ContainsAny(kernel, decimalDigits) || strings.HasPrefix(kernel, "linux") {
		return "" // Arch Linux: initramfs-linux.img
	}
	return kernel
}
