// Package manual makes linkaudit(1), linkaudit.conf(5) and what --help prints
// of one source each, so that they cannot disagree. The program itself does
// not import it: the short texts that it needs are in a Go file which is made
// of the same source, and the long ones are in the pages alone.
//
// The sources, linkaudit.1.md and linkaudit.conf.5.md, are in a small part of
// Markdown:
//
//   - "# NAME(SECTION), DATE" begins a page; the paragraph below is its summary.
//   - "## linkaudit COMMAND ..." is the program, "## check [DEVICE...]" with a
//     small first letter a command, "## SECTION" a section of the page.
//   - In a command, the first paragraph is its summary. What follows is in the
//     help and in the page; what stands below "### More" in the page alone.
//     "### Exit status" lists what the command ends with, for both.
//     "### Examples" is for the page.
//   - "### --flag VALUE; attribute; ..." is an option: first its usage, one
//     line, for the help; then what the page says. Where there is nothing more,
//     the page has the usage. "### --flag (shared)" takes an option of the
//     section "Options that several commands have"; text below it is added to
//     what the page says of it in this command.
//   - Attributes are "values A B", "default A", "number", "repeatable", "alias
//     A" and "completes WHAT"; a command has the last one for its arguments.
//   - "### [section]" in linkaudit.conf(5) is a section of that file, "####
//     key; values A B; default A" a key of it. The key RULES stands for the
//     name of each rule.
//   - Paragraphs are separated by empty lines. A block between ``` is literal:
//     "sh RUNNER" are commands that a test runs (package doccmd says which),
//     "ini" an example of linkaudit.conf, which a test reads, "text" anything
//     else; "ini FILE" is a file that commands can name, and "text stderr" what
//     the command before prints on standard error.
//   - "- TAG: TEXT" is an item of a list; its further lines are indented.
//
// In a paragraph `words` are literal, --flag is an option, NAME in capitals the
// value of an option or an argument, $NAME a variable, name(N) another page.
// A flag that no command has is a mistake, and so is everything that is not
// described here.
package manual

//go:generate go run ./generate
