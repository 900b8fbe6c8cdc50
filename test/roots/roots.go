// Package roots tells where the roots of Debian are that test/roots/build made.
package roots

import (
	"cmp"
	"os"
	"path/filepath"
)

// Dir is $LINKAUDIT_ROOTS, or where the script puts them without it.
func Dir() string {
	if dir := os.Getenv("LINKAUDIT_ROOTS"); dir != "" {
		return dir
	}
	return filepath.Join(cmp.Or(os.Getenv("XDG_CACHE_HOME"), "/var/cache"), "linkaudit/roots")
}

// Of is the root of a suite of Debian.
func Of(suite string) string { return filepath.Join(Dir(), suite) }
