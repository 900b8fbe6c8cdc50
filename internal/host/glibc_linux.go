package host

import (
	"errors"
	"path"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"linkaudit/internal/fact"
)

// glibcBanner is what the C library prints when it is run as a program (banner of
// csu/version.c): its version is what gnu_get_libc_version(3) answers udevd.
var glibcBanner = regexp.MustCompile(`GNU C Library [^\x00]*? (?:stable|development) release version ([0-9]+(?:\.[0-9]+)+)`)

// glibc is the version of the C library that udevd is linked with: the one of the
// machine, or of the image.
func (f files) glibc() fact.Fact[string] {
	dirs := []string{"/usr/lib64", "/lib64"}
	for _, dir := range []string{"/usr/lib", "/lib"} {
		names, _ := f.names(dir) // one that is missing has none
		for _, name := range names {
			if strings.Contains(name, "-linux-gnu") {
				dirs = append(dirs, path.Join(dir, name))
			}
		}
		dirs = append(dirs, dir)
	}
	reason := "no libc.so.6 was found"
	for _, dir := range dirs {
		name := path.Join(dir, "libc.so.6")
		b, err := f.read(name, limitProgram)
		switch {
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
			continue
		case err != nil:
			reason = name + ": " + err.Error()
			continue
		}
		if m := glibcBanner.FindSubmatch(b); m != nil {
			return fact.Known(string(m[1]))
		}
		reason = name + " does not print its version"
	}
	return fact.Unknown[string](fact.Told(reason))
}
