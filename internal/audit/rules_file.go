package audit

import "linkaudit/linkfiles"

// fileRules are made of the complaints that reading the files gives rise to;
// the message is the complaint's own.
var fileRules = []Rule{
	{Name: "bad-section-header", code: linkfiles.CodeBadSectionHeader, Severity: Error,
		Summary: "A section header is malformed, and udevd drops the whole file.",
		Help:    "Write the header as [Name], alone on its line."},
	{Name: "line-too-long", code: linkfiles.CodeLineTooLong, Severity: Error,
		Summary: "A line is longer than udevd reads, and it drops the whole file.",
		Help:    "Break the line, or remove it."},
	{Name: "unreadable-file", code: linkfiles.CodeUnreadable, Severity: Warning,
		Summary: "A file or directory could not be read, so what udevd makes of it is not known.",
		Help:    "Make it an ordinary file of a sensible size, or remove it.",
		complaintHelp: func(d linkfiles.Diagnostic) string {
			switch d.Err {
			case "EACCES", "EPERM":
				return "Run the audit, or take the snapshot, as root."
			case "", "ELOOP":
				return ""
			}
			return "Mend what makes it unreadable, or remove it."
		}},
	{Name: "match-empty", code: linkfiles.CodeMatchEmpty, Severity: Warning,
		Summary: "A file has no valid setting in [Match]: it applies to nothing from systemd 245 on, to everything before.",
		Help:    "Give [Match] a setting that this release of systemd knows, OriginalName=* to match every device."},
	{Name: "drop-in-unsupported", code: linkfiles.CodeDropInUnsupported, Severity: Warning,
		Summary: "There are drop-ins for a .link file, but this release of systemd reads none.",
		Help:    "Copy the whole .link file to /etc/systemd/network under the same name and edit it there."},
	{Name: "comment-in-match", code: linkfiles.CodeCommentInMatch, Severity: Warning,
		Summary: "A comment behind a value in [Match] is none: udevd takes its words for more to match.",
		Help:    "Put the comment on a line of its own, which begins with #."},
	{Name: "mac-address-ignored", code: linkfiles.CodeMACAddressIgnored, Severity: Warning,
		Summary: "MACAddress= stands beside a MACAddressPolicy= that makes udevd ignore it.",
		Help:    "Set MACAddressPolicy=none in the same file, or remove MACAddress=."},
	{Name: "unknown-section", code: linkfiles.CodeUnknownSection, Severity: Warning,
		Summary: "This release of systemd does not know the section and skips it.",
		Help:    "Correct the name, or begin it with X- if it is meant for another program."},
	{Name: "unknown-key", code: linkfiles.CodeUnknownKey, Severity: Warning,
		Summary: "This release of systemd does not know the key in this section and skips the line.",
		Help:    "Correct the key, or use one that this release has."},
	{Name: "invalid-value", code: linkfiles.CodeInvalidValue, Severity: Warning,
		Summary: "udevd cannot use the value and skips the line, or a part of it.",
		Help:    "Correct the value; systemd.link(5) says what the key takes."},
	{Name: "missing-equals", code: linkfiles.CodeMissingEquals, Severity: Warning,
		Summary: "A line is neither a section header nor an assignment, and udevd skips it.",
		Help:    "Write KEY=VALUE, or begin the line with # to make it a comment."},
	{Name: "missing-key", code: linkfiles.CodeMissingKey, Severity: Warning,
		Summary: "A line has nothing before its equals sign, and udevd skips it.",
		Help:    "Write KEY=VALUE, or remove the line."},
	{Name: "assignment-outside-section", code: linkfiles.CodeOutsideSection, Severity: Warning,
		Summary: "An assignment stands before the first section, and udevd skips it.",
		Help:    "Move the line below [Match] or [Link]."},
	{Name: "invalid-utf8", code: linkfiles.CodeInvalidUTF8, Severity: Warning,
		Summary: "A line is not valid UTF-8, and udevd skips it.",
		Help:    "Save the file as UTF-8."},
	{Name: "deprecated-key", code: linkfiles.CodeDeprecatedKey, Severity: Info,
		Summary: "The key is deprecated in this release of systemd.",
		Help:    "Use the key that replaces it; systemd.link(5) names it."},
	{Name: "shadowed-file", code: linkfiles.CodeShadowedFile, Severity: Info,
		Summary: "A file of the same name in a directory of higher priority replaces this one.",
		Help:    "Nothing if it is meant; otherwise rename one of the two."},
	{Name: "masked-file", code: linkfiles.CodeMaskedFile, Severity: Info,
		Summary: "A name is masked by an empty file or a link to /dev/null.",
		Help:    "Nothing if it is meant; otherwise remove the mask."},
	{Name: "file-mode", code: linkfiles.CodeFileMode, Severity: Warning,
		Summary: "The file's permissions are such that udevd complains about them.",
		Help:    "Set the mode to 0644."},
	{Name: settingRefusedName, device: settingRefused, Severity: Warning,
		Summary: "The kernel refuses a setting of the file, and the address with it: udevd sends both in one request.",
		Help:    "Correct the value, or remove the line."},
}

const settingRefusedName = "setting-refused"
