package manual

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"linkaudit/internal/audit"
	"linkaudit/internal/words"
)

// mdoc writes the macros of mdoc(7).
type mdoc struct {
	strings.Builder
	values map[string]bool
	// begun says that something stands below the last heading or tag, from
	// which a paragraph has to keep its distance.
	begun bool
}

// Mdoc is the page for mandoc(1) and groff(1).
func (p *Page) Mdoc() string {
	w := &mdoc{values: p.values()}
	date, _ := time.Parse(time.DateOnly, p.Date) // page() has done it before
	fmt.Fprintf(w, ".\\\" Made by \"make man\" of %s: change that.\n", p.File)
	w.macro("Dd", date.Format("January 2, 2006"))
	w.macro("Dt", strings.ToUpper(p.Name), p.Section)
	w.macro("Os")
	w.heading("Sh", "NAME")
	w.macro("Nm", p.Name)
	w.macro("Nd", p.Summary)
	if p.Program != nil {
		w.program(p)
	}
	inCommands := false
	for _, part := range p.Parts {
		if part.Command != nil {
			if !inCommands {
				w.heading("Sh", "COMMANDS")
			}
			inCommands = true
			w.command(p.Name, part.Command)
			continue
		}
		inCommands = false
		w.heading("Sh", part.Title)
		if part.Title == "SEE ALSO" {
			w.seeAlso(part.Body)
			continue
		}
		w.blocks(part.Body)
		for _, s := range part.Sections {
			w.section(s)
		}
	}
	return w.String()
}

// heading begins a section (Sh) or a part of one (Ss).
func (w *mdoc) heading(macro, title string) {
	w.macro(macro, strings.Fields(title)...)
	w.begun = false
}

func (w *mdoc) macro(name string, args ...string) {
	w.WriteString("." + strings.Join(append([]string{name}, args...), " ") + "\n")
}

func (w *mdoc) program(p *Page) {
	w.heading("Sh", "SYNOPSIS")
	for _, c := range p.Commands() {
		w.macro("Nm")
		w.macro("Cm", c.Name)
		if len(c.Options) > 0 {
			w.macro("Op", "Ar", "options")
		}
		w.arguments(c)
	}
	for _, o := range p.Program.Options {
		w.macro("Nm")
		w.macro("Fl", flag(o.Name))
	}
	w.heading("Sh", "DESCRIPTION")
	w.blocks(p.Program.Help)
	w.blocks(p.Program.More)
	if len(p.Program.Options) > 0 {
		w.options(p.Program)
	}
}

func (w *mdoc) arguments(c *Command) {
	for _, a := range c.Arguments {
		name := strings.ToLower(capitals.FindString(a))
		var line []string
		if strings.HasPrefix(a, "[") {
			line = append(line, "Op")
		}
		line = append(line, "Ar", name)
		if strings.Contains(a, "...") {
			line = append(line, "...")
		}
		w.macro(line[0], line[1:]...)
	}
}

func (w *mdoc) command(program string, c *Command) {
	w.heading("Ss", program+" "+c.Name)
	w.macro("Bk", "-words")
	w.macro("Nm", program, "Cm", c.Name)
	for _, o := range c.Options {
		line := []string{"Fl", flag(o.Name)}
		if o.Value != "" {
			line = append(line, "Ar", strings.ToLower(o.Value))
		}
		w.macro("Op", line...)
	}
	w.arguments(c)
	w.macro("Ek")
	w.begun = true
	w.blocks([]Block{{Text: sentence(c.Summary)}})
	w.blocks(c.Help)
	w.blocks(c.More)
	if len(c.Options) > 0 {
		w.blocks([]Block{{Text: "The options are:"}})
		w.options(c)
	}
	if len(c.Statuses) > 0 {
		w.blocks([]Block{{Text: "The exit status is one of:"}})
		w.macro("Bl", "-tag", "-width", "Ds", "-compact")
		for _, s := range c.Statuses {
			w.macro("It", s.Number)
			w.prose(sentence(s.Meaning))
		}
		w.macro("El")
	}
	w.blocks(c.Examples)
}

func (w *mdoc) options(c *Command) {
	w.macro("Bl", "-tag", "-width", "Ds")
	for _, o := range c.Options {
		line := []string{"Fl", flag(o.Name)}
		if o.Value != "" {
			line = append(line, "Ar", strings.ToLower(o.Value))
		}
		if o.Alias != "" {
			line = append(line, ",", "Fl", o.Alias)
		}
		w.macro("It", line...)
		w.begun = false
		if len(o.Text) == 0 {
			w.prose(sentence(o.Usage))
			continue
		}
		w.blocks(o.Text)
	}
	w.macro("El")
	w.begun = true
}

func (w *mdoc) section(s Section) {
	w.heading("Ss", "Bq Cm "+strings.ReplaceAll(strings.Trim(s.Name, "[]"), `"`, `\(dq`))
	w.blocks(s.Body)
	w.macro("Bl", "-tag", "-width", "Ds")
	for _, k := range s.Keys {
		if k.Name == "RULES" {
			w.rules(k)
			continue
		}
		w.macro("It", append([]string{"Cm", k.Name + "=", "Ns", "Cm"}, alternatives(k.Values)...)...)
		w.begun = false
		w.blocks(k.Body)
		if k.Default != "" {
			w.prose("The default is `" + k.Default + "`.")
		}
	}
	w.macro("El")
	w.begun = true
}

// rules lists every rule there is.
func (w *mdoc) rules(k Key) {
	w.macro("It", append([]string{"Ar", "rule", "Ns", "Cm", "=", "Ns", "Cm"}, alternatives(k.Values)...)...)
	w.begun = false
	w.blocks(k.Body)
	w.macro("Bl", "-tag", "-width", "Ds")
	for _, r := range audit.Rules() {
		w.macro("It", "Cm", literal(r.Name), "Pq", string(r.Severity))
		w.prose(words.RuleSummary(r.Name))
	}
	w.macro("El")
}

func alternatives(values []string) []string {
	return strings.Split(strings.Join(values, " | "), " ")
}

func (w *mdoc) seeAlso(body []Block) {
	for _, b := range body {
		ts, _ := tokens(b.Text, w.values)
		for _, t := range ts {
			w.token(t)
		}
	}
}

func (w *mdoc) blocks(bs []Block) {
	for _, b := range bs {
		switch {
		case len(b.Literal) > 0:
			w.macro("Bd", "-literal", "-offset", "indent")
			for _, line := range b.Literal {
				w.WriteString(literalLine(exitStatus.ReplaceAllString(line, "")) + "\n")
			}
			w.macro("Ed")
		case len(b.Items) > 0:
			w.list(b.Items)
		default:
			if w.begun {
				w.macro("Pp")
			}
			w.prose(b.Text)
		}
		w.begun = true
	}
}

// exitStatus is what is said to package doccmd, and not to the reader.
var exitStatus = regexp.MustCompile(` +# exit status \d+$`)

func (w *mdoc) list(items []Item) {
	w.macro("Bl", "-tag", "-width", "Ds")
	for _, i := range items {
		ts, _ := tokens(i.Tag, w.values)
		var line []string
		for _, t := range ts {
			line = append(line, t.macro()...)
		}
		w.macro("It", line...)
		w.prose(i.Text)
	}
	w.macro("El")
}

// textWidth is where lines of the source are broken.
const textWidth = 76

var sentenceEnd = regexp.MustCompile(`[.?!][)"]*$`)

// prose writes a paragraph; each sentence begins a line, as mdoc wants it.
func (w *mdoc) prose(text string) {
	ts, _ := tokens(text, w.values)
	var line []string
	length := 0
	flush := func() {
		if len(line) > 0 {
			w.WriteString(strings.Join(line, " ") + "\n")
		}
		line, length = nil, 0
	}
	for _, t := range ts {
		if t.kind != kindText {
			flush()
			w.token(t)
			continue
		}
		word := strings.ReplaceAll(t.text, `\`, `\e`)
		if length+len(word) > textWidth {
			flush()
		}
		if len(line) == 0 && (word[0] == '.' || word[0] == '\'') {
			word = `\&` + word
		}
		if t.text == "..." {
			word += `\&` // no end of a sentence
		}
		line = append(line, word)
		length += len(word) + 1
		if sentenceEnd.MatchString(word) {
			flush()
		}
	}
	flush()
}

func (w *mdoc) token(t token) {
	line := t.macro()
	w.macro(line[0], line[1:]...)
}

// macro is a token as a macro with its arguments.
func (t token) macro() []string {
	var line []string
	open, end := t.open, t.close
	switch {
	case open == "(" && strings.HasPrefix(end, ")"):
		line, end = []string{"Pq"}, end[1:]
	case open != "":
		line = []string{"Pf", strings.ReplaceAll(open, `"`, `\(dq`)}
	}
	switch t.kind {
	case kindFlag:
		line = append(line, "Fl", flag(t.text[2:]))
	case kindArgument:
		line = append(line, "Ar", strings.ToLower(t.text))
	case kindVariable:
		line = append(line, "Ev", t.text[1:])
	case kindPage:
		name, section, _ := strings.Cut(strings.TrimSuffix(t.text, ")"), "(")
		line = append(line, "Xr", name, section)
	case kindLiteral:
		line = append(line, literalMacro(t.text)...)
	case kindText:
		line = append(line, "No", literal(t.text))
	}
	for _, r := range end {
		line = append(line, strings.ReplaceAll(string(r), `"`, `Ns \(dq`))
	}
	return line
}

// literalMacro sets the flags among literal words apart, and paths.
func literalMacro(text string) []string {
	var line []string
	last := ""
	for _, word := range strings.Fields(text) {
		macro, arg := "Cm", literal(word)
		switch {
		case flagWord.MatchString(word):
			macro, arg = "Fl", flag(word[2:])
		case strings.Contains(word, "/") || strings.HasPrefix(word, "FILE."):
			macro = "Pa"
		}
		if macro != last {
			line = append(line, macro)
		}
		line, last = append(line, arg), macro
	}
	return line
}

// flag is the argument of Fl, which puts one dash in front.
func flag(name string) string { return `\-` + strings.ReplaceAll(name, "-", `\-`) }

// like are words that a macro would take for another macro or punctuation.
var like = regexp.MustCompile(`^([A-Z][a-z0-9]{1,2}|[.,;:()\[\]|?!]+)$`)

// literal is a word that is to be shown as it is, as argument of a macro.
func literal(word string) string {
	s := literalLine(word)
	if like.MatchString(s) {
		return `\&` + s
	}
	return strings.ReplaceAll(s, `"`, `\(dq`)
}

var literally = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)

// literalLine is a line that is to be shown as it is.
func literalLine(line string) string {
	s := literally.Replace(line)
	if strings.HasPrefix(s, ".") {
		return `\&` + s
	}
	return s
}

// sentence makes one of a short text without a full stop.
func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }
