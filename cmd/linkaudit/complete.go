package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"linkaudit/internal/host"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

// completionFlag, as the last argument, asks for completions. The name is that of
// urfave/cli. Its own mechanism cannot tell a "--" to complete from the end of the flags.
const completionFlag = "--generate-bash-completion"

// The shell itself completes these. No device has such a name: the kernel refuses a colon
// (dev_valid_name in net/core/dev.c).
const (
	completeFiles       = ":files"
	completeDirectories = ":directories"
)

// complete prints one candidate per line for the scripts in contrib/completions. words are
// those between the program's name and the cursor; the last one may be empty. The scripts
// quote: a device name may have anything but white space, slash and colon.
func complete(ctx context.Context, w io.Writer, words []string) error {
	last := len(words) - 1
	var b strings.Builder
	for _, s := range candidates(ctx, words[:last], words[last]) {
		b.WriteString(s + "\n")
	}
	_, err := io.WriteString(w, b.String())
	if err != nil {
		return fmt.Errorf("cannot write the completions: %w", err)
	}
	return nil
}

func candidates(ctx context.Context, before []string, current string) []string {
	command := ""
	if len(before) > 0 {
		command = before[0]
	}
	switch {
	case command == "" && strings.HasPrefix(current, "-"):
		return beginning(current, flagNames(&programText))
	case command == "" || command == "help" && len(before) == 1:
		return beginning(current, commandNames())
	}
	if text := textOf(command); text != nil {
		return newQuestion(ctx, text, before[1:]).completions(text, current)
	}
	return nil
}

// completions are the candidates for a word after the command.
func (q *question) completions(text *commandText, current string) []string {
	name, value, assigned := strings.Cut(strings.TrimPrefix(current, "--"), "=")
	switch flag := text.flagNamed(name); {
	case q.flag != nil:
		return q.values(q.flag, current)
	case q.ended || !strings.HasPrefix(current, "-"):
		return q.arguments(text.completes, current)
	case assigned && flag != nil && flag.value:
		return q.assignments(flag, value)
	}
	return beginning(current, append(flagNames(text), "--help"))
}

// assignments are the candidates for --FLAG=VALUE with the start of a value.
func (q *question) assignments(flag *flagText, prefix string) (out []string) {
	for _, s := range q.values(flag, prefix) {
		if !strings.HasPrefix(s, ":") {
			s = "--" + flag.name + "=" + s
		}
		out = append(out, s)
	}
	return out
}

func flagNames(t *commandText) []string {
	names := make([]string, 0, len(t.flags))
	for _, f := range t.flags {
		names = append(names, "--"+f.name)
	}
	return names
}

// beginning returns the words that begin with prefix and fit the protocol of one per line.
func beginning(prefix string, words []string) []string {
	return slices.DeleteFunc(words, func(s string) bool {
		return !strings.HasPrefix(s, prefix) || s == "" || strings.ContainsFunc(s, func(r rune) bool { return r == ' ' || r == '\n' })
	})
}

// question is what the words before the cursor say.
type question struct {
	ctx   context.Context
	flag  *flagText           // the flag that needs a value, nil for none
	ended bool                // "--" was there
	given map[string][]string // values of flags
	named []string            // arguments
	// machine lists the devices, once.
	machine func() []host.Device
}

func newQuestion(ctx context.Context, t *commandText, before []string) *question {
	q := &question{ctx: ctx, given: map[string][]string{}}
	q.machine = sync.OnceValue(q.listDevices)
	for _, word := range before {
		q.take(t, word)
	}
	return q
}

// take reads the next word.
func (q *question) take(t *commandText, word string) {
	switch {
	case q.flag != nil:
		q.given[q.flag.name] = append(q.given[q.flag.name], word)
		q.flag = nil
	case q.ended || !strings.HasPrefix(word, "-") || word == "-":
		q.named = append(q.named, word)
	case word == "--":
		q.ended = true
	default:
		q.takeFlag(t, word)
	}
}

func (q *question) takeFlag(t *commandText, word string) {
	name, value, assigned := strings.Cut(strings.TrimLeft(word, "-"), "=")
	switch flag := t.flagNamed(name); {
	case flag == nil || !flag.value:
	case assigned:
		q.given[name] = append(q.given[name], value)
	default:
		q.flag = flag
	}
}

// values are those of a flag that begin with prefix.
func (q *question) values(f *flagText, prefix string) []string {
	if f.choices != nil {
		return beginning(prefix, slices.Clone(f.choices))
	}
	return q.known(f.completes, prefix)
}

// arguments are those of the command, without those that are already named or look like
// flags.
func (q *question) arguments(completes, prefix string) []string {
	return slices.DeleteFunc(q.known(completes, prefix), func(s string) bool {
		return slices.Contains(q.named, s) || !q.ended && strings.HasPrefix(s, "-")
	})
}

// known are the words of a sort ("completes" in the manual) that begin with prefix.
func (q *question) known(sort, prefix string) []string {
	if kind, ok := kindsOfSorts[sort]; ok {
		return q.devices(prefix, kind)
	}
	if name, ok := namesOfOverrides[sort]; ok {
		return q.overridden(prefix, name)
	}
	switch sort {
	case "files":
		return []string{completeFiles}
	case "directories":
		return []string{completeDirectories}
	case "kinds":
		return q.kinds(prefix)
	case "devices":
		return q.devices(prefix)
	case "audited":
		return q.audited(prefix)
	}
	return nil
}

// kindsOfSorts are the sorts that are the devices of a kind.
var kindsOfSorts = map[string]string{"bonds": "bond", "bridges": "bridge", "teams": "team"}

// namesOfOverrides are the sorts for existing overrides, and how each names one: "" if it
// is not of the sort.
var namesOfOverrides = map[string]func(override.Target) string{
	"overridden-bonds":   func(t override.Target) string { return nameOf(t, "bond") },
	"overridden-bridges": func(t override.Target) string { return nameOf(t, "bridge") },
	"overridden-teams":   func(t override.Target) string { return nameOf(t, "team") },
	"overridden-devices": func(t override.Target) string { return t.Name },
	"overridden-kinds": func(t override.Target) string {
		if t.Name != "" {
			return ""
		}
		return t.Kind
	},
}

// audited are the devices that check audits by default, or else all others.
func (q *question) audited(prefix string) []string {
	kinds := list(q.given["kind"])
	if len(kinds) == 0 {
		kinds = host.DefaultKinds
	}
	if names := q.devices(prefix, kinds...); len(names) > 0 {
		return names
	}
	return q.devices(prefix)
}

// listDevices lists the devices of this machine, or of the snapshot of --from.
func (q *question) listDevices() []host.Device {
	from := q.given["from"]
	if len(from) == 0 {
		devices, _ := host.ListDevices(q.ctx) // on an error there is nothing to suggest
		return devices
	}
	st, err := os.Stat(from[0])
	if err != nil || !st.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(from[0])
	if err != nil {
		return nil
	}
	defer f.Close()
	snap, err := host.Load(f)
	if err != nil {
		return nil
	}
	return snap.Devices
}

// devices are the names of devices of these kinds, or of any kind. Alternative names are
// suggested only after their first letters.
func (q *question) devices(prefix string, kinds ...string) []string {
	var names []string
	for _, d := range q.machine() {
		if len(kinds) > 0 && !slices.Contains(kinds, d.Kind) {
			continue
		}
		names = append(names, d.Name)
		if prefix != "" {
			names = append(names, d.AltNames...)
		}
	}
	return beginning(prefix, names)
}

// kinds are those audited by default and those that this machine has.
func (q *question) kinds(prefix string) []string {
	kinds := slices.Clone(host.DefaultKinds)
	for _, d := range q.machine() {
		if !slices.Contains(kinds, d.Kind) {
			kinds = append(kinds, d.Kind)
		}
	}
	return beginning(prefix, kinds)
}

func nameOf(t override.Target, kind string) string {
	if t.Kind != kind {
		return ""
	}
	return t.Name
}

// overridden are the targets that have overrides.
func (q *question) overridden(prefix string, name func(override.Target) string) []string {
	root := "/"
	if given := q.given["root"]; len(given) > 0 {
		root = cmp.Or(given[0], root)
	}
	store, err := linkfiles.Read(root)
	if err != nil {
		return nil
	}
	var names []string
	for _, o := range override.Find(store) {
		names = append(names, name(o.Target))
	}
	return slices.Compact(slices.Sorted(slices.Values(beginning(prefix, names))))
}
