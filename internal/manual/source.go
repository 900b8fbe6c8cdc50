package manual

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"time"
)

var (
	//go:embed linkaudit.1.md
	program string
	//go:embed linkaudit.conf.5.md
	configuration string
)

// Program returns linkaudit(1).
func Program() (*Page, error) { return parse("internal/manual/linkaudit.1.md", program, nil) }

// Configuration returns linkaudit.conf(5).
func Configuration() (*Page, error) {
	p, err := Program()
	if err != nil {
		return nil, err
	}
	return parse("internal/manual/linkaudit.conf.5.md", configuration, p.options())
}

// Page is a manual page.
type Page struct {
	File    string // the source, for error messages
	Name    string
	Section string
	Date    string // 2006-01-02
	Summary string
	// Program is the program without a command, nil in linkaudit.conf(5).
	Program *Command
	// Shared are the options of the section OPTIONS.
	Shared []*Option
	// Parts are the commands and sections, in order.
	Parts []Part
}

// Part is a command or, if Command is nil, a section.
type Part struct {
	Command  *Command
	Title    string
	Body     []Block
	Sections []Section // of linkaudit.conf
}

// Command is a command of the program.
type Command struct {
	Name      string
	Line      int
	Arguments []string // "[DEVICE...]"
	Completes string   // what the arguments are, "" for nothing
	Summary   string
	Help      []Block // for --help and the page
	More      []Block // for the page
	Statuses  []Status
	Options   []*Option
	Examples  []Block // for the page; --help has the first literal block
}

// Status is an exit status and its meaning.
type Status struct{ Number, Meaning string }

// Option is a flag.
type Option struct {
	Name       string // without dashes
	Line       int
	Value      string   // "FILE"; "" for a switch
	Alias      string   // one letter, or ""
	Number     bool     // the value is a number
	Repeatable bool     // it may be used more than once
	Values     []string // the accepted values; nil for any
	Default    string
	Completes  string // what the value is
	Usage      string // one line
	Text       []Block
	// Shared: the section OPTIONS describes the option, and Text is what this command
	// adds.
	Shared bool
}

// Section is a section of linkaudit.conf, Key a key in it.
type (
	Section struct {
		Name string // `[device "GLOB"]`
		Line int
		Body []Block
		Keys []Key
	}
	Key struct {
		Name    string
		Line    int
		Values  []string
		Default string
		Body    []Block
	}
)

// Block is a paragraph, a literal block or a list. Line is its first line.
type Block struct {
	Line int
	Text string // a paragraph, on one line
	// Literal are the lines of a literal block, Info is what follows its fence.
	Literal []string
	Info    string
	Items   []Item
}

// Item is an item of a list.
type Item struct {
	Tag  string
	Text string
	Line int
}

// Commands returns the commands of the page, in order.
func (p *Page) Commands() []*Command {
	var out []*Command
	for _, part := range p.Parts {
		if part.Command != nil {
			out = append(out, part.Command)
		}
	}
	return out
}

// Literals returns the literal blocks with an info that begins with the words of info,
// in the order of the page.
func (p *Page) Literals(info string) []Block {
	var out []Block
	add := func(bs []Block) {
		for _, b := range bs {
			if len(b.Literal) > 0 && strings.HasPrefix(b.Info+" ", info+" ") {
				out = append(out, b)
			}
		}
	}
	if p.Program != nil {
		add(p.Program.Examples)
	}
	for _, part := range p.Parts {
		add(part.Body)
		for _, s := range part.Sections {
			add(s.Body)
			for _, k := range s.Keys {
				add(k.Body)
			}
		}
		if c := part.Command; c != nil {
			add(c.Help)
			add(c.More)
			add(c.Examples)
		}
	}
	return out
}

// reader reads the lines of a page.
type reader struct {
	file  string
	lines []string
	at    int // index of the next line
}

// mistake is a panic that parse turns into an error.
type mistake struct{ error }

func (p *reader) fail(line int, format string, a ...any) {
	panic(mistake{fmt.Errorf("%s:%d: %s", p.file, line, fmt.Sprintf(format, a...))})
}

// parse reads a page. flags are the flags that it may use, nil for its own. Errors have
// file and line.
func parse(file, text string, flags map[string]bool) (page *Page, err error) {
	defer func() {
		if m := recover(); m != nil {
			page, err = nil, m.(mistake).error
		}
	}()
	p := &reader{file: file, lines: strings.Split(strings.TrimSuffix(text, "\n"), "\n")}
	p.checkLines()
	page = p.page()
	if flags == nil {
		flags = page.options()
	}
	p.checkMarkup(page, flags)
	return page, nil
}

// checkLines fails at the first line that is too long, contains a tab or ends with
// white space.
func (p *reader) checkLines() {
	for i, line := range p.lines {
		switch {
		case len(exitStatus.ReplaceAllString(line, "")) > 80 && line[0] != '#' && !strings.HasPrefix(line, "- `/"):
			p.fail(i+1, "longer than 80 columns")
		case strings.ContainsRune(line, '\t') || strings.TrimRight(line, " ") != line:
			p.fail(i+1, "a tab, or white space at the end")
		}
	}
}

var pageTitle = regexp.MustCompile(`^# ([a-z.]+)\(([1-8])\), (\d{4}-\d\d-\d\d)$`)

func (p *reader) page() *Page {
	p.comments()
	m := pageTitle.FindStringSubmatch(p.peek())
	if m == nil {
		p.fail(p.at+1, "the page begins with # NAME(SECTION), DATE")
	}
	if _, err := time.Parse(time.DateOnly, m[3]); err != nil {
		p.fail(p.at+1, "%s is no date", m[3])
	}
	p.at++
	page := &Page{File: p.file, Name: m[1], Section: m[2], Date: m[3], Summary: p.paragraph("summary of the page")}
	for p.comments(); p.at < len(p.lines); p.comments() {
		title, ok := strings.CutPrefix(p.peek(), "## ")
		if !ok {
			p.fail(p.at+1, "a section is expected: ## TITLE")
		}
		p.at++
		p.readPart(page, title)
	}
	return page
}

// readPart reads what follows a heading ## and adds it to the page.
func (p *reader) readPart(page *Page, title string) {
	line := p.at
	arguments, isProgram := strings.CutPrefix(title, page.Name+" ")
	switch {
	case title == "OPTIONS":
		for _, h := range p.headings("### ") {
			page.Shared = append(page.Shared, p.option(h, page, nil))
		}
	case isProgram:
		page.Program = p.command(arguments, line, page, page.Summary)
		page.Program.Name, page.Program.Arguments = "", strings.Fields(arguments)
	case title[0] >= 'a' && title[0] <= 'z':
		page.Parts = append(page.Parts, Part{Command: p.newCommand(title, line, page)})
	case title != strings.ToUpper(title):
		p.fail(line, "a section has a title in capitals")
	default:
		part := Part{Title: title, Body: p.blocks()}
		for _, h := range p.headings("### ") {
			part.Sections = append(part.Sections, p.section(h))
		}
		page.Parts = append(page.Parts, part)
	}
}

// newCommand reads a command that is not on the page yet.
func (p *reader) newCommand(title string, line int, page *Page) *Command {
	c := p.command(title, line, page, p.oneLine("summary of the command"))
	for _, other := range page.Commands() {
		if other.Name == c.Name {
			p.fail(line, "there is a command %s already, on line %d", c.Name, other.Line)
		}
	}
	return c
}

// comments skips empty lines and comments.
func (p *reader) comments() {
	for p.at < len(p.lines) {
		switch {
		case p.lines[p.at] == "":
			p.at++
		case strings.HasPrefix(p.lines[p.at], "<!--"):
			begin := p.at + 1
			for !strings.HasSuffix(p.lines[p.at], "-->") {
				if p.at++; p.at == len(p.lines) {
					p.fail(begin, "the comment has no end")
				}
			}
			p.at++
		default:
			return
		}
	}
}

func (p *reader) peek() string {
	if p.at < len(p.lines) {
		return p.lines[p.at]
	}
	return ""
}

// heading is a heading with its attributes, which follow semicolons.
type heading struct {
	line       int
	title      string
	attributes []string
}

// headings yields the following headings of a level.
func (p *reader) headings(level string) func(func(int, heading) bool) {
	return func(yield func(int, heading) bool) {
		for n := 0; ; n++ {
			p.comments()
			text, ok := strings.CutPrefix(p.peek(), level)
			if !ok {
				return
			}
			p.at++
			parts := strings.Split(text, "; ")
			if !yield(n, heading{p.at, parts[0], parts[1:]}) {
				return
			}
		}
	}
}

// blocks reads blocks up to the next heading.
func (p *reader) blocks() []Block {
	var out []Block
	for {
		p.comments()
		line := p.peek()
		switch {
		case line == "" || line[0] == '#':
			return out
		case strings.HasPrefix(line, "```"):
			out = append(out, p.literal())
		case strings.HasPrefix(line, "- "):
			out = append(out, p.list())
		case line[0] == ' ':
			p.fail(p.at+1, "indented, but not in a list")
		default:
			out = append(out, p.textBlock())
		}
	}
}

// textBlock reads a paragraph up to an empty line, a literal block or a heading.
func (p *reader) textBlock() Block {
	b := Block{Line: p.at + 1}
	for ; p.peek() != "" && !strings.HasPrefix(p.peek(), "```") && !strings.HasPrefix(p.peek(), "#"); p.at++ {
		b.Text = strings.TrimSpace(b.Text + " " + p.peek())
	}
	return b
}

var infos = regexp.MustCompile(`^(sh [a-z]+|ini( [a-z.]+)?|text( stderr)?)$`)

func (p *reader) literal() Block {
	b := Block{Line: p.at + 1, Info: strings.TrimPrefix(p.peek(), "```")}
	if !infos.MatchString(b.Info) {
		p.fail(b.Line, "a literal block is ```sh RUNNER, ```ini or ```text")
	}
	for p.at++; p.at < len(p.lines) && p.lines[p.at] != "```"; p.at++ {
		b.Literal = append(b.Literal, p.lines[p.at])
	}
	if p.at == len(p.lines) || len(b.Literal) == 0 {
		p.fail(b.Line, "the literal block has no end, or is empty")
	}
	p.at++
	return b
}

func (p *reader) list() Block {
	b := Block{Line: p.at + 1}
	for strings.HasPrefix(p.peek(), "- ") {
		text, line := p.peek()[2:], p.at+1
		for p.at++; strings.HasPrefix(p.peek(), "  "); p.at++ {
			text += " " + strings.TrimSpace(p.peek())
		}
		tag, text, ok := strings.Cut(text, ": ")
		if !ok {
			p.fail(line, "an item is - TAG: TEXT")
		}
		b.Items = append(b.Items, Item{Tag: tag, Text: text, Line: line})
	}
	if p.peek() != "" && p.peek()[0] != '#' {
		p.fail(p.at+1, "an empty line is missing after the list")
	}
	return b
}

// paragraph reads a required paragraph.
func (p *reader) paragraph(what string) string {
	p.comments()
	line := p.at + 1
	if text := p.peek(); text == "" || strings.ContainsAny(text[:1], "#-` ") {
		p.fail(line, "the %s is missing", what)
	}
	var words []string
	for ; p.peek() != ""; p.at++ {
		words = append(words, p.peek())
	}
	return strings.Join(words, " ")
}

func (p *reader) oneLine(what string) string {
	p.comments()
	line := p.at + 1
	text := p.paragraph(what)
	if strings.HasSuffix(text, ".") || len(text) > 72 {
		p.fail(line, "the %s is one line without a full stop, of at most 72 characters", what)
	}
	return text
}

var commandTitle = regexp.MustCompile(`^([a-z]+)((?: \[?[A-Z]+(?:\.\.\.)?\]?)*)$`)

func (p *reader) command(title string, line int, page *Page, summary string) *Command {
	title, attributes, _ := strings.Cut(title, "; ")
	c := &Command{Line: line, Summary: summary}
	if m := commandTitle.FindStringSubmatch(title); m != nil {
		c.Name, c.Arguments = m[1], strings.Fields(m[2])
	} else if page.Program != nil {
		p.fail(line, "a command is ## NAME [ARGUMENT...]")
	}
	if attributes != "" {
		what, ok := strings.CutPrefix(attributes, "completes ")
		if !ok {
			p.fail(line, "a command has no attribute %q", attributes)
		}
		c.Completes = what
	}
	c.Help = p.blocks()
	for _, h := range p.headings("### ") {
		switch h.title {
		case "More":
			c.More = p.blocks()
		case "Examples":
			c.Examples = p.blocks()
		case "Exit status":
			c.Statuses = append(c.Statuses, p.statuses()...)
			if len(c.Statuses) == 0 {
				p.fail(h.line, "the exit statuses are missing: - 0: MEANING")
			}
		default:
			c.Options = append(c.Options, p.newOption(h, page, c))
		}
	}
	return c
}

func (p *reader) statuses() (out []Status) {
	for _, b := range p.blocks() {
		for _, i := range b.Items {
			out = append(out, Status{i.Tag, i.Text})
		}
	}
	return out
}

// newOption reads an option that the command does not have yet.
func (p *reader) newOption(h heading, page *Page, c *Command) *Option {
	o := p.option(h, page, c)
	for _, other := range c.Options {
		if other.Name == o.Name {
			p.fail(h.line, "--%s is there already, on line %d", o.Name, other.Line)
		}
	}
	return o
}

var optionTitle = regexp.MustCompile(`^--([a-z][a-z-]*)(?: ([A-Z]+))?$`)

func (p *reader) option(h heading, page *Page, c *Command) *Option {
	if title, ok := strings.CutSuffix(h.title, " (shared)"); ok && c != nil {
		return p.sharedOption(h, title, page)
	}
	m := optionTitle.FindStringSubmatch(h.title)
	if m == nil {
		p.fail(h.line, "neither an option (--NAME VALUE) nor More, Exit status or Examples")
	}
	o := &Option{Name: m[1], Value: m[2], Line: h.line}
	p.setAttributes(o, h)
	o.Usage = p.oneLine("usage of --" + o.Name)
	o.Text = p.blocks()
	p.checkValue(o)
	return o
}

// checkValue fails if attributes of the option contradict each other.
func (p *reader) checkValue(o *Option) {
	switch {
	case o.Value == "" && o.takesValue():
		p.fail(o.Line, "a switch takes no value")
	case o.Value != "" && len(valueWord(o.Value).FindAllString(o.Usage, -1)) != 1:
		p.fail(o.Line, "the usage does not name %s once", o.Value)
	case len(o.Values) > 0 && !strings.Contains(" "+strings.Join(o.Values, " ")+" ", " "+o.Default+" "):
		p.fail(o.Line, "the default %q is none of the values", o.Default)
	}
}

// sharedOption returns an option of OPTIONS, with the changes and additions of this
// command.
func (p *reader) sharedOption(h heading, title string, page *Page) *Option {
	for _, o := range page.Shared {
		if "--"+o.Name == title {
			own := *o
			own.Line, own.Shared = h.line, true
			p.setAttributes(&own, h)
			own.Text = p.blocks()
			return &own
		}
	}
	p.fail(h.line, "OPTIONS has no %s", title)
	return nil
}

func (p *reader) setAttributes(o *Option, h heading) {
	for _, a := range h.attributes {
		if !o.setAttribute(a) {
			p.fail(h.line, "an option has no attribute %q", a)
		}
	}
}

// setAttribute sets an attribute; it returns false if there is no such attribute.
func (o *Option) setAttribute(a string) bool {
	what, value, _ := strings.Cut(a, " ")
	switch {
	case setValues(a, &o.Values, &o.Default):
	case what == "completes" && value != "":
		o.Completes = value
	case what == "alias" && len(value) == 1:
		o.Alias = value
	case a == "number":
		o.Number = true
	case a == "repeatable":
		o.Repeatable = true
	default:
		return false
	}
	return true
}

// setValues sets the values or the default; it returns false for another attribute.
func setValues(attribute string, values *[]string, byDefault *string) bool {
	switch what, value, _ := strings.Cut(attribute, " "); {
	case what == "values" && value != "":
		*values = strings.Fields(value)
	case what == "default" && value != "":
		*byDefault = value
	default:
		return false
	}
	return true
}

// takesValue reports whether the option has a property that only options with a value
// have.
func (o *Option) takesValue() bool {
	return len(o.Values) > 0 || o.Default != "" || o.Number || o.Repeatable || o.Completes != ""
}

// valueWord matches the name of an option's value in its usage.
func valueWord(value string) *regexp.Regexp { return regexp.MustCompile(`\b` + value + `\b`) }

func (p *reader) section(h heading) Section {
	s := Section{Name: h.title, Line: h.line, Body: p.blocks()}
	if len(h.attributes) > 0 || !strings.HasPrefix(h.title, "[") || !strings.HasSuffix(h.title, "]") {
		p.fail(h.line, "a section of the configuration is ### [NAME]")
	}
	for _, h := range p.headings("#### ") {
		s.Keys = append(s.Keys, p.key(h))
	}
	return s
}

func (p *reader) key(h heading) Key {
	k := Key{Name: h.title, Line: h.line, Body: p.blocks()}
	for _, a := range h.attributes {
		if !setValues(a, &k.Values, &k.Default) {
			p.fail(h.line, "a key has no attribute %q", a)
		}
	}
	return k
}
