package host

import (
	"errors"
	"strings"
)

// ValidName says why nothing can be a network device of a name, and nil where something
// can. It applies the kernel's rule (dev_valid_name in net/core/dev.c) with
// the longest name it has, an alternative one (ALTIFNAMSIZ, 128 with the NUL).
func ValidName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return errors.New("no device can have this name")
	case len(name) > 127:
		return errors.New("the name is longer than 127 bytes")
	}
	// Byte by byte: a name need not be UTF-8, and the kernel's isspace()
	// takes Latin-1's no-break space for one.
	for i := range len(name) {
		switch name[i] {
		case '/', ':', ' ', '\t', '\n', '\v', '\f', '\r', 0xa0:
			return errors.New("the name holds a slash, a colon or white space")
		}
	}
	return nil
}

// HashableName refuses what udevd never hashes: what the kernel takes for no
// name (dev_valid_name and dev_prep_valid_name in net/core/dev.c). Only names
// of hardware (ID_NET_NAME_*) may be longer than an interface's.
func HashableName(name string) error {
	if err := ValidName(name); err != nil {
		return err
	}
	switch {
	case strings.IndexByte(name, 0) >= 0:
		return errors.New("the name holds a NUL byte")
	case strings.IndexByte(name, '%') >= 0:
		return errors.New("the kernel takes % for a number to fill in")
	case len(name) > 15 && !strings.HasPrefix(name, "en") && !strings.HasPrefix(name, "wl") && !strings.HasPrefix(name, "ww"):
		return errors.New("the name is longer than 15 bytes, which only an ID_NET_NAME_* (en..., wl..., ww...) may be")
	}
	return nil
}
