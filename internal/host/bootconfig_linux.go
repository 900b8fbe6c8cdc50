package host

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/internal/initramfs"
)

// limitBoot is for one file of a boot loader's configuration, maxBootFiles for the number
// of files.
const (
	limitBoot    = 1 << 20
	maxBootFiles = 256
)

// bootLine is a kernel command line of an image's boot configuration.
type bootLine struct {
	at   string // file, and line where there is one
	text string
}

// scheme is what the line asks for, "" for nothing, and that in words.
func (l bootLine) scheme() (scheme, says string) {
	if scheme, set := schemeArgument(l.text); set {
		return scheme, "net.naming_scheme=" + scheme + " at " + l.at
	}
	return "", "no net.naming_scheme= at " + l.at
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

// bootArgument is what the boot configuration of an image says about
// net.naming_scheme=: a command line with it, or "" for none, and its place. It is
// unknown if two places disagree, because the entry that will boot is unknown.
func (f files) bootArgument() (line fact.Fact[string], at string) {
	b := &bootFiles{files: f}
	entries, generators := b.entries(), b.generators()
	if b.problem != "" {
		return fact.Unknown[string](fact.Told(b.problem)), ""
	}
	// The settings for new entries count if they ask for a scheme, and if there are no
	// entries yet.
	for _, l := range generators {
		if _, set := schemeArgument(l.text); set || len(entries) == 0 {
			entries = append(entries, l)
		}
	}
	for _, l := range entries {
		first, here := entries[0].scheme()
		if other, there := l.scheme(); other != first {
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
	if !isMissing(err) {
		b.noteError(err)
	}
	return string(content)
}

func (b *bootFiles) note(problem string) {
	if b.problem == "" {
		b.problem = problem
	}
}

func (b *bootFiles) noteError(err error) {
	if err != nil {
		b.note("the boot configuration: " + err.Error())
	}
}

// list returns the paths of a directory that end with the suffix, sorted.
func (b *bootFiles) list(dir, suffix string) (found []string) {
	names, err := b.names(dir)
	if !isMissing(err) {
		b.noteError(err)
	}
	for _, name := range names {
		if strings.HasSuffix(strings.ToLower(name), suffix) && !strings.HasPrefix(name, ".") {
			found = append(found, path.Join(dir, name))
		}
	}
	slices.Sort(found)
	return found
}

// entries are the command lines of boot loaders.
func (b *bootFiles) entries() []bootLine {
	e := bootEntries{bootFiles: b, variables: map[string]string{}}
	for _, name := range grubEnvs {
		shellVariables(b.text(name), e.variables)
	}
	for _, name := range grubConfigs {
		e.addGrub(name)
	}
	for _, esp := range espDirs {
		for _, name := range b.list(path.Join(esp, "loader/entries"), ".conf") {
			e.addLoaderEntry(name)
		}
		for _, name := range b.list(path.Join(esp, "EFI/Linux"), ".efi") {
			e.addUKI(name)
		}
	}
	return e.all
}

// bootEntries are the entries found so far, and the variables of GRUB.
type bootEntries struct {
	*bootFiles
	variables map[string]string
	all       []bootLine
}

// add skips rescue entries: they have fewer arguments, and do not matter for addresses.
func (e *bootEntries) add(at, text string) {
	text = expand(text, e.variables)
	if !isRescue(text) {
		e.all = append(e.all, bootLine{at, text})
	}
}

func (e *bootEntries) addGrub(name string) {
	for i, line := range strings.Split(e.text(name), "\n") {
		switch command, rest := cutWord(line); command {
		case "set":
			shellVariables(rest, e.variables)
		case "linux", "linux16", "linuxefi":
			e.add(fmt.Sprintf("%s:%d", name, i+1), rest)
		}
	}
}

// addLoaderEntry adds an entry of the Boot Loader Specification.
func (e *bootEntries) addLoaderEntry(name string) {
	at, options := name, ""
	for i, line := range strings.Split(e.text(name), "\n") {
		if key, value := cutWord(line); key == "options" { // of several, all count
			at, options = fmt.Sprintf("%s:%d", name, i+1), options+" "+value
		}
	}
	e.add(at, options)
}

// addUKI adds a unified kernel image with a command line in it.
func (e *bootEntries) addUKI(name string) {
	file, err := e.open(name)
	if err != nil {
		e.noteError(err)
		return
	}
	text, err := initramfs.UKICommandLine(file, file.Size())
	file.Close()
	if err == nil {
		e.add(name, text)
	}
}

// cutWord returns the first word of a line, and what follows it.
func cutWord(line string) (word, rest string) {
	word, rest, _ = strings.Cut(strings.ReplaceAll(strings.TrimSpace(line), "\t", " "), " ")
	return word, rest
}

// generators are the command lines for new entries.
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

// shellVariables takes the assignments of a shell file, or of grubenv, if they are on one
// line: NAME=VALUE and NAME+=VALUE, with other variables in VALUE.
func shellVariables(text string, into map[string]string) {
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		name, value, ok := strings.Cut(line, "=")
		name, more := strings.CutSuffix(name, "+")
		if !ok || name == "" || strings.ContainsAny(name, " \t#\"'$") {
			continue
		}
		value = shellValue(strings.TrimSpace(value), into)
		if more {
			value = into[name] + value
		}
		if len(value) <= limitSmall {
			into[name] = value
		}
	}
}

// shellValue removes the quotes of a word, and expands variables unless they forbid it.
func shellValue(word string, variables map[string]string) string {
	if len(word) > 1 && strings.HasPrefix(word, "'") && strings.HasSuffix(word, "'") {
		return word[1 : len(word)-1]
	}
	if len(word) > 1 && strings.HasPrefix(word, `"`) && strings.HasSuffix(word, `"`) {
		word = word[1 : len(word)-1]
	}
	return expand(word, variables)
}

// expand replaces variables, unknown ones with nothing.
func expand(text string, variables map[string]string) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "$")
		out.WriteString(before)
		if !found || out.Len() > limitBoot {
			return out.String()
		}
		name, rest := cutVariable(after)
		out.WriteString(variables[name])
		text = rest
	}
}

// cutVariable returns the name of a variable after a $, and what follows it.
func cutVariable(text string) (name, rest string) {
	if braced, ok := strings.CutPrefix(text, "{"); ok {
		name, rest, _ = strings.Cut(braced, "}")
		return name, rest
	}
	rest = strings.TrimLeft(text, asciiLetters+decimalDigits+"_")
	return text[:len(text)-len(rest)], rest
}

// isRescue reports whether a command line is that of a rescue entry.
func isRescue(text string) bool {
	return slices.ContainsFunc(strings.Fields(text), func(word string) bool {
		return slices.Contains([]string{"single", "recovery", "rescue", "emergency", "systemd.unit=rescue.target", "systemd.unit=emergency.target"}, word)
	})
}
