// Package roots has the paths of the Debian roots that test/roots/build makes.
package roots

import (
	"cmp"
	"os"
	"path/filepath"
)

// Dir is $LINKAUDIT_ROOTS, or the default of the script.
func Dir() string {
	if dir := os.Getenv("LINKAUDIT_ROOTS"); dir != "" {
		return dir
	}
	return filepath.Join(cmp.Or(os.Getenv("XDG_CACHE_HOME"), "/var/cache"), "linkaudit/roots")
}

// Of is the root of a suite of Debian.
func Of(suite string) string { return filepath.Join(Dir(), suite) }
