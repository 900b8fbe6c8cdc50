package audit

import "linkaudit/linkfiles"

// say returns the Statement with a code and details. Package words has the sentence; a
// test there finds missing codes.
func say(code string, details ...any) *linkfiles.Statement { return linkfiles.Say(code, details...) }
