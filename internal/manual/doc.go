// Package manual generates linkaudit(1), linkaudit.conf(5) and the texts of --help from one
// source, so they cannot disagree. The program does not import it: its short texts are in
// a generated Go file, the long ones only in the pages.
//
// The sources, linkaudit.1.md and linkaudit.conf.5.md, use a small part of Markdown:
//
//   - "# NAME(SECTION), DATE" begins a page; the paragraph below is its summary.
//   - "## linkaudit COMMAND ..." is the program, "## check [DEVICE...]" in small letters a
//     command, "## SECTION" in capitals a section of the page. "## OPTIONS" has the options
//     that several commands share. "## RULES" ends with a list of all rules.
//   - Commands and OPTIONS are written behind the program's examples, the other sections
//     in the order of the source.
//   - In a command, the first paragraph is its summary. The text up to the next heading is
//     for --help and the page, the text below "### More" only for the page. "### Exit
//     status" lists the exit statuses, for both. "### Examples" is for the page; --help of
//     the program has its first literal block too.
//   - "### --flag VALUE; attribute; ..." is an option: first its usage, one line, for
//     --help; then the text for the page. Without text, the page has the usage.
//     "### --flag (shared)" takes an option of OPTIONS. Attributes replace those of that
//     option, and text below it is what this command adds.
//   - Attributes are "values A B", "default A", "number", "repeatable", "alias A" and
//     "completes WHAT". A command can have the last one, for its arguments.
//   - "### [section]" in linkaudit.conf(5) is a section of that file, "#### key; values A B;
//     default A" a key in it. The key RULES stands for the name of each rule.
//   - Empty lines separate paragraphs. A block between ``` is literal: "sh RUNNER" has
//     commands that a test runs (see package doccmd), "ini" an example of linkaudit.conf
//     that a test reads, "text" anything else. "ini FILE" is a file for the commands, and
//     "text stderr" what the command before prints on standard error.
//   - "- TAG: TEXT" is an item of a list; its further lines are indented.
//
// In a paragraph, `words` are literal, --flag is an option, NAME in capitals is the value of
// an option or an argument, $NAME a variable, name(N) another page, https://... a link.
// Everything else is a mistake, and so is a flag that no command has.
package manual

//go:generate go run ./generate
