package host

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"linkaudit/internal/fact"
	"linkaudit/internal/initramfs"
)

// limitBoot is for one file of a boot loader's configuration, and maxBootFiles for
// the number of files that are read of it.
const (
	limitBoot    = 1 << 20
	maxBootFiles = 256
)

// bootLine is a kernel command line of an image's boot configuration.
type bootLine struct {
	at   string // file, and line where there is one
	text string
}

// Where the configuration of boot loaders is, below the root.
var (
	grubConfigs  = []string{"/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"}
	grubEnvs     = []string{"/boot/grub/grubenv", "/boot/grub2/grubenv"}
	grubDefaults = "/etc/default/grub"
	// kernelCmdlines are what kernel-install(8) and ukify(1) take for new entries;
	// the first that exists counts.
	kernelCmdlines = []string{"/etc/kernel/cmdline", "/usr/lib/kernel/cmdline"}
)

// bootArgument is what the boot configuration of an image says of
// net.naming_scheme=: a command line with it, or "" for none, and where it stands.
// It is unknown where two places say different things, since which one is booted
// cannot be seen.
func (f files) bootArgument() (line fact.Fact[string], at string) {
	b := &bootFiles{files: f}
	entries, generators := b.entries(), b.generators()
	if b.problem != "" {
		return fact.Unknown[string](fact.Told(b.problem)), ""
	}
	// What makes new entries counts where it asks for a scheme, and where there are
	// no entries yet.
	for _, l := range generators {
		if _, set := schemeArgument(l.text); set || len(entries) == 0 {
			entries = append(entries, l)
		}
	}
	say := func(l bootLine) (string, string) {
		if scheme, set := schemeArgument(l.text); set {
			return scheme, "net.naming_scheme=" + scheme + " at " + l.at
		}
		return "", "no net.naming_scheme= at " + l.at
	}
	for _, l := range entries {
		first, here := say(entries[0])
		if other, there := say(l); other != first {
			return fact.Unknown[string](fact.Told(fmt.Sprintf("the image's boot configuration has %s, but %s", here, there))), ""
		}
	}
	if len(entries) == 0 {
		return fact.Known(""), ""
	}
	return fact.Known(entries[0].text), entries[0].at
}

// bootFiles reads the files of boot loaders.
type bootFiles struct {
	files
	count   int
	problem string // of the first file that could not be read
}

func (b *bootFiles) text(name string) string {
	if b.count++; b.count > maxBootFiles {
		b.note(fmt.Sprintf("the boot configuration has more than %d files", maxBootFiles))
		return ""
	}
	content, err := b.read(name, limitBoot)
	if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
		b.note("the boot configuration: " + err.Error())
	}
	return string(content)
}

func (b *bootFiles) note(problem string) {
	if b.problem == "" {
		b.problem = problem
	}
}

// list returns the paths of a directory that end with the suffix, sorted.
func (b *bootFiles) list(dir, suffix string) (found []string) {
	names, err := b.names(dir)
	if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
		b.note("the boot configuration: " + err.Error())
	}
	for _, name := range names {
		if strings.HasSuffix(strings.ToLower(name), suffix) && !strings.HasPrefix(name, ".") {
			found = append(found, path.Join(dir, name))
		}
	}
	slices.Sort(found)
	return found
}

// entries are the command lines that a boot loader starts a kernel with. Entries
// for a rescue have fewer arguments, and nobody's address comes of them.
func (b *bootFiles) entries() (all []bootLine) {
	variables := map[string]string{}
	for _, name := range grubEnvs {
		shellVariables(b.text(name), variables)
	}
	add := func(at, text string) {
		text = expand(text, variables)
		if !isRescue(text) {
			all = append(all, bootLine{at, text})
		}
	}
	for _, name := range grubConfigs {
		for i, line := range strings.Split(b.text(name), "\n") {
			command, rest, _ := strings.Cut(strings.ReplaceAll(strings.TrimSpace(line), "\t", " "), " ")
			switch command {
			case "set":
				shellVariables(rest, variables)
			case "linux", "linux16", "linuxefi":
				add(fmt.Sprintf("%s:%d", name, i+1), rest)
			}
		}
	}
	for _, esp := range espDirs {
		for _, name := range b.list(path.Join(esp, "loader/entries"), ".conf") {
			at, options := name, ""
			for i, line := range strings.Split(b.text(name), "\n") {
				key, value, _ := strings.Cut(strings.ReplaceAll(strings.TrimSpace(line), "\t", " "), " ")
				if key == "options" { // of several, all count (Boot Loader Specification)
					at, options = fmt.Sprintf("%s:%d", name, i+1), options+" "+value
				}
			}
			add(at, options)
		}
		for _, name := range b.list(path.Join(esp, "EFI/Linux"), ".efi") {
			file, err := b.open(name)
			if err != nil {
				b.note("the boot configuration: " + err.Error())
				continue
			}
			text, err := initramfs.UKICommandLine(file, file.Size())
			file.Close()
			if err == nil {
				add(name, text)
			}
		}
	}
	return all
}

// generators are the command lines that new entries get.
func (b *bootFiles) generators() (all []bootLine) {
	variables := map[string]string{}
	arguments := func() (all, scheme string) {
		all = variables["GRUB_CMDLINE_LINUX"] + " " + variables["GRUB_CMDLINE_LINUX_DEFAULT"] // update-grub's order
		scheme, _ = schemeArgument(all)
		return all, scheme
	}
	for _, name := range append([]string{grubDefaults}, b.list(grubDefaults+".d", ".cfg")...) {
		for i, line := range strings.Split(b.text(name), "\n") {
			before, was := arguments()
			shellVariables(line, variables)
			after, is := arguments()
			switch {
			case after == before:
			case len(all) == 0 || is != was:
				all = []bootLine{{fmt.Sprintf("%s:%d", name, i+1), after}}
			default:
				all[0].text = after
			}
		}
	}
	for _, name := range kernelCmdlines {
		if text := b.text(name); text != "" {
			return append(all, bootLine{name, text})
		}
	}
	return all
}

// shellVariables takes the assignments of a file of the shell, or of grubenv, as
// far as they are of one line: NAME=VALUE and NAME+=VALUE, with other variables in
// VALUE.
func shellVariables(text string, into map[string]string) {
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		name, value, ok := strings.Cut(line, "=")
		name, more := strings.CutSuffix(name, "+")
		if !ok || name == "" || strings.ContainsAny(name, " \t#\"'$") {
			continue
		}
		value = strings.TrimSpace(value)
		switch {
		case len(value) > 1 && value[0] == '\'' && strings.HasSuffix(value, "'"):
			value = value[1 : len(value)-1]
		case len(value) > 1 && value[0] == '"' && strings.HasSuffix(value, `"`):
			value = expand(value[1:len(value)-1], into)
		default:
			value = expand(value, into)
		}
		if more {
			value = into[name] + value
		}
		if len(value) <= limitSmall {
			into[name] = value
		}
	}
}

// expand puts variables in their places, nothing for those that are not known.
func expand(text string, variables map[string]string) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "$")
		out.WriteString(before)
		if !found || out.Len() > limitBoot {
			return out.String()
		}
		name, rest := after, ""
		if braced, ok := strings.CutPrefix(after, "{"); ok {
			name, rest, _ = strings.Cut(braced, "}")
		} else if end := strings.IndexFunc(after, func(r rune) bool {
			return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		}); end >= 0 {
			name, rest = after[:end], after[end:]
		}
		out.WriteString(variables[name])
		text = rest
	}
}

// isRescue reports whether a command line is that of an entry for a rescue.
func isRescue(text string) bool {
	return slices.ContainsFunc(strings.Fields(text), func(word string) bool {
		return slices.Contains([]string{"single", "recovery", "rescue", "emergency", "systemd.unit=rescue.target", "systemd.unit=emergency.target"}, word)
	})
}
