package initramfs

import (
	"strings"
)

// CommandLine returns the devices that dracut makes of bond=, bridge= and team=
// on a kernel command line (dracut.cmdline(7)). A parameter that dracut would
// refuse makes none.
func CommandLine(line string) (out []Created) {
	for _, word := range words(line) {
		key, value, assigned := strings.Cut(word, "=")
		parts := strings.Split(value, ":")
		name := parts[0]
		// With nothing after the name the parameters have default ports.
		switch {
		case key == "bond" && len(parts) <= 4:
			out = append(out, Created{Name: or(name, "bond0"), Kind: "bond"})
		case key == "bridge" && value == "":
			out = append(out, Created{Name: "br0", Kind: "bridge"})
		case key == "bridge" && len(parts) == 2 && name != "":
			out = append(out, Created{Name: name, Kind: "bridge"})
		case key == "team" && assigned && len(parts) <= 3:
			out = append(out, Created{Name: or(name, "team0"), Kind: "team"})
		}
	}
	return out
}

func or(s, def string) string {
	if s == "" {
		return def
	}
	return s
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
		case !quoted && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
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
