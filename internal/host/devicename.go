package host

import (
	"errors"
	"strings"
)

// ValidName says why a name is not valid for a network device, nil if it is valid. It
// applies the kernel's rule (dev_valid_name in net/core/dev.c) with the longest possible
// name, an alternative one (ALTIFNAMSIZ, 128 with the NUL).
func ValidName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return errors.New("it is not a valid interface name")
	case len(name) > 127:
		return errors.New("it is longer than 127 bytes")
	}
	// Byte by byte: a name may not be UTF-8, and the kernel's isspace() matches Latin-1's
	// no-break space.
	for i := range len(name) {
		switch name[i] {
		case '/', ':', ' ', '\t', '\n', '\v', '\f', '\r', 0xa0:
			return errors.New("it has a slash, a colon or white space")
		}
	}
	return nil
}

// HashableName refuses names that udevd never hashes: those that the kernel does not accept
// (dev_valid_name and dev_prep_valid_name in net/core/dev.c). Only names of hardware
// (ID_NET_NAME_*) may be longer than an interface name.
func HashableName(name string) error {
	if err := ValidName(name); err != nil {
		return err
	}
	switch {
	case strings.IndexByte(name, 0) >= 0:
		return errors.New("it has a NUL byte")
	case strings.IndexByte(name, '%') >= 0:
		return errors.New("it has a %, which the kernel replaces with a number")
	case len(name) > 15 && !strings.HasPrefix(name, "en") && !strings.HasPrefix(name, "wl") && !strings.HasPrefix(name, "ww"):
		return errors.New("it is longer than 15 bytes (only an ID_NET_NAME_*, such as en..., wl... or ww..., may be longer)")
	}
	return nil
}
