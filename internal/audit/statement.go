package audit

import "linkaudit/linkfiles"

// say returns the Statement of a code and details. The words for it are in package
// words, where a test finds each code that is missing.
func say(code string, details ...any) *linkfiles.Statement { return linkfiles.Say(code, details...) }
