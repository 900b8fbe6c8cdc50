package audit

import "linkaudit/linkfiles"

// fileRules turn complaints about files into findings, with the message of the
// complaint.
var fileRules = []Rule{
	{Name: "bad-section-header", code: linkfiles.CodeBadSectionHeader, Severity: Error},
	{Name: "line-too-long", code: linkfiles.CodeLineTooLong, Severity: Error},
	{Name: "unreadable-file", code: linkfiles.CodeUnreadable, Severity: Warning,
		complaintHelp: func(d linkfiles.Diagnostic) *linkfiles.Statement {
			switch d.Err {
			case "EACCES", "EPERM":
				return say("audit-as-root")
			case "", "ELOOP":
				return nil
			}
			return say("fix-or-remove")
		}},
	{Name: "match-empty", code: linkfiles.CodeMatchEmpty, Severity: Warning},
	{Name: "drop-in-unsupported", code: linkfiles.CodeDropInUnsupported, Severity: Warning},
	{Name: "comment-in-match", code: linkfiles.CodeCommentInMatch, Severity: Warning},
	{Name: "mac-address-ignored", code: linkfiles.CodeMACAddressIgnored, Severity: Warning},
	{Name: "unknown-section", code: linkfiles.CodeUnknownSection, Severity: Warning},
	{Name: "unknown-key", code: linkfiles.CodeUnknownKey, Severity: Warning},
	{Name: "invalid-value", code: linkfiles.CodeInvalidValue, Severity: Warning},
	{Name: "missing-equals", code: linkfiles.CodeMissingEquals, Severity: Warning},
	{Name: "missing-key", code: linkfiles.CodeMissingKey, Severity: Warning},
	{Name: "assignment-outside-section", code: linkfiles.CodeOutsideSection, Severity: Warning},
	{Name: "invalid-utf8", code: linkfiles.CodeInvalidUTF8, Severity: Warning},
	{Name: "deprecated-key", code: linkfiles.CodeDeprecatedKey, Severity: Info},
	{Name: "shadowed-file", code: linkfiles.CodeShadowedFile, Severity: Info},
	{Name: "masked-file", code: linkfiles.CodeMaskedFile, Severity: Info},
	{Name: "file-mode", code: linkfiles.CodeFileMode, Severity: Warning},
	{Name: settingRefusedName, device: settingRefused, Severity: Warning},
}

const settingRefusedName = "setting-refused"
