package host

import (
	"cmp"
	"strconv"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// upstreamSchemes are the naming schemes of systemd's own table, by number, in
// its order, with the release that brought each (naming_schemes[] in
// udev-builtin-net_id.c of v240, naming-scheme.c of v241 to v244,
// netif-naming-scheme.c later). Schemes are named for the release whose
// behaviour they freeze, and two came late: v241 with 243, v254 with 255.
var upstreamSchemes = []struct {
	scheme int
	since  linkfiles.Release
}{
	{238, 240}, {239, 240}, {240, 240}, {241, 243}, {243, 243}, {245, 245}, {247, 247}, {249, 249}, {250, 250},
	{251, 251}, {252, 252}, {253, 253}, {254, 255}, {255, 255}, {257, 257}, {258, 258}, {259, 259}, {260, 260}, {261, 261},
}

// defaultScheme is what "latest" means in a release without schemes of the
// distribution's own.
func defaultScheme(rel linkfiles.Release) string {
	newest := upstreamSchemes[0].scheme
	for _, s := range upstreamSchemes {
		if s.since <= rel {
			newest = s.scheme
		}
	}
	return "v" + strconv.Itoa(newest)
}

// schemeByDefault is the Source of a scheme that nothing asked for.
const schemeByDefault = "default of the release"

// schemeEvidence is all that can show which naming scheme udevd uses.
type schemeEvidence struct {
	release fact.Fact[linkfiles.Release]
	cmdline fact.Fact[string]
	// environ is NET_NAMING_SCHEME of the running udevd, absent if it is not set or no
	// udevd runs.
	environ fact.Fact[string]
	// database is ID_NET_NAMING_SCHEME of some device; absent where no
	// device has it.
	database fact.Fact[string]
	// online is false for an image, which has no udevd. cmdline is then what its
	// boot configuration says, and cmdlineAt where.
	online    bool
	cmdlineAt string
}

// namingScheme follows naming_scheme() of systemd 240 to 262: the environment comes first,
// unless its value starts with ":" and the kernel command line sets a scheme; an unknown
// name is ignored; then comes the build's default. That is a build option
// (-Ddefault-net-naming-scheme) that no installed file shows, so what udevd wrote into its
// database (ID_NET_NAMING_SCHEME, since 243) comes before the upstream default. For an
// image that never ran, the default is assumed.
func namingScheme(e schemeEvidence) fact.Fact[NamingScheme] {
	if e.withoutSchemes() {
		return fact.Absent[NamingScheme]()
	}
	wanted := e.wanted()
	if wanted.IsUnknown() {
		return e.recorded(wanted)
	}
	// "latest" depends on the build's default, too.
	if asked, ok := wanted.Get(); ok && asked.Name != "" && asked.Name != "latest" {
		switch known, sure := e.udevdKnows(asked.Name); {
		case known && sure:
			return fact.Known(asked)
		case !sure:
			return e.recorded(fact.Unknown[NamingScheme](fact.Told("this udevd may not know the scheme that the " + asked.Source + " asks for")))
		}
	}
	rel, ok := e.release.Get()
	if !ok {
		return e.recorded(fact.Unknown[NamingScheme](fact.Told("systemd's release: " + e.release.Reason().String())))
	}
	return e.recorded(fact.Known(NamingScheme{Name: defaultScheme(rel), Source: schemeByDefault, Assumed: !e.online}))
}

// withoutSchemes reports whether the release is older than naming schemes.
func (e *schemeEvidence) withoutSchemes() bool {
	rel, ok := e.release.Get()
	return ok && rel < firstSchemeRelease && !e.database.IsKnown()
}

// recorded is what udevd wrote or, if it did not, the other answer.
func (e *schemeEvidence) recorded(otherwise fact.Fact[NamingScheme]) fact.Fact[NamingScheme] {
	if name, ok := e.database.Get(); ok {
		return fact.Known(NamingScheme{Name: name, Source: "udev database"})
	}
	return otherwise
}

// udevdKnows reports whether udevd has a requested scheme. An older udevd refuses a later
// name, and other builds refuse a distribution's own name; if the database repeats the
// name, it was accepted.
func (e *schemeEvidence) udevdKnows(name string) (known, sure bool) {
	if db, ok := e.database.Get(); ok && db == name {
		return true, true
	}
	rel, ok := e.release.Get()
	return schemeKnownTo(name, rel, ok)
}

// wanted is the requested scheme, even one that udevd does not know; absent without a
// request.
func (e *schemeEvidence) wanted() fact.Fact[NamingScheme] {
	if e.environ.IsUnknown() {
		return fact.Unknown[NamingScheme](fact.Told("NET_NAMING_SCHEME in udevd's environment: " + e.environ.Reason().String()))
	}
	env, envSet := e.environ.Get()
	if envSet && !strings.HasPrefix(env, ":") {
		return fact.Known(NamingScheme{Name: env, Source: "udevd environment"})
	}
	if e.cmdline.IsUnknown() {
		if e.online {
			return fact.Unknown[NamingScheme](fact.Told("the kernel command line: " + e.cmdline.Reason().String()))
		}
		return fact.Unknown[NamingScheme](e.cmdline.Reason())
	}
	if arg, ok := schemeArgument(e.cmdline.Or("")); ok {
		return fact.Known(NamingScheme{Name: arg, Source: cmp.Or(e.cmdlineAt, "kernel command line")})
	}
	if envSet {
		return fact.Known(NamingScheme{Name: env[1:], Source: "udevd environment"})
	}
	return fact.Absent[NamingScheme]()
}

// schemeKnownTo reports whether udevd of the release has the scheme in its
// table; sure is false for names that only a distribution's build may have.
func schemeKnownTo(name string, rel linkfiles.Release, relOK bool) (known, sure bool) {
	n, isUpstream := strings.CutPrefix(name, "v")
	if !isUpstream {
		return false, !strings.HasPrefix(name, "rhel-")
	}
	v, err := strconv.Atoi(n)
	if err != nil || strconv.Itoa(v) != n {
		return false, true
	}
	for _, s := range upstreamSchemes {
		if s.scheme == v {
			return s.since <= rel, relOK
		}
	}
	return false, true
}

// schemeArgument finds net.naming_scheme= ("-" and "_" are one,
// proc_cmdline_key_streq()). The last one wins: proc_cmdline_get_key() goes on
// to the end of the line.
func schemeArgument(cmdline string) (string, bool) {
	value, set := "", false
	for _, word := range commandLineWords(cmdline) {
		key, v, ok := strings.Cut(word, "=")
		if ok && strings.ReplaceAll(key, "-", "_") == "net.naming_scheme" {
			value, set = v, true
		}
	}
	return value, set
}

// commandLineWords splits the way extract_first_word() does with
// EXTRACT_UNQUOTE and EXTRACT_RELAX, as far as quotes and backslashes go.
func commandLineWords(s string) []string {
	var words []string
	var word strings.Builder
	started, quote, escaped := false, rune(0), false
	for _, r := range s {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped, started = true, true
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '"' || r == '\'':
			quote, started = r, true
		case strings.ContainsRune(" \t\n\r", r):
			if started {
				words = append(words, word.String())
				word.Reset()
			}
			started = false
		default:
			word.WriteRune(r)
			started = true
		}
	}
	if started {
		words = append(words, word.String())
	}
	return words
}
