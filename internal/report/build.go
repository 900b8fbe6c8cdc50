package report

// Build says which linkaudit wrote a report.
type Build struct {
	// Version is the release, "(devel)" if the build has none.
	Version string
	// Revision is the commit, "" if it is unknown. " with changes" follows it if the
	// tree had uncommitted changes.
	Revision string
	// Go is the version of Go that compiled it, for instance "go1.26.0".
	Go string
}
