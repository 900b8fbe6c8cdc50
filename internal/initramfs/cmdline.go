package initramfs

import (
	"cmp"
	"strings"
)

// CommandLine returns the devices that dracut creates from bond=, bridge= and team= on a
// kernel command line (dracut.cmdline(7)). A parameter that dracut refuses creates none.
func CommandLine(line string) (out []Created) {
	for _, word := range words(line) {
		if name, kind := createdBy(word); name != "" {
			out = append(out, Created{Name: name, Kind: kind})
		}
	}
	return out
}

// createdBy is the device that a parameter creates, "" for none.
func createdBy(parameter string) (name, kind string) {
	key, value, assigned := strings.Cut(parameter, "=")
	parts := strings.Split(value, ":")
	name = parts[0]
	// Without anything after the name the parameters have default ports.
	switch {
	case key == "bond" && len(parts) <= 4:
		return cmp.Or(name, "bond0"), "bond"
	case key == "bridge" && value == "":
		return "br0", "bridge"
	case key == "bridge" && len(parts) == 2:
		return name, "bridge"
	case key == "team" && assigned && len(parts) <= 3:
		return cmp.Or(name, "team0"), "team"
	}
	return "", ""
}

// words splits as the kernel does: at white space outside of double quotes
// (next_arg() of lib/cmdline.c). A comment, which dracut allows in its files,
// ends the line.
func words(line string) (out []string) {
	var word strings.Builder
	quoted := false
	for _, c := range line + " " {
		switch {
		case c == '"':
			quoted = !quoted
		case !quoted && c == '#' && word.Len() == 0:
			return out
		case !quoted && strings.ContainsRune(" \t\r\n", c):
			if word.Len() > 0 {
				out = append(out, word.String())
				word.Reset()
			}
		default:
			word.WriteRune(c)
		}
	}
	return out
}
