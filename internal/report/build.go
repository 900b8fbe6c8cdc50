package report

// Build is which linkaudit made a report.
type Build struct {
	// Version is the release, "(devel)" where none was built in.
	Version string
	// Revision is the commit, "" where it is not known; " with changes" follows
	// it where the tree had some.
	Revision string
	// Go is the release of Go that compiled it, "go1.26.0".
	Go string
}
