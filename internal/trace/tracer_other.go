//go:build !linux

package trace

// Tracer needs Linux: Open never returns one.
type Tracer struct{}

// Open fails, because Linux is missing.
func Open(Options) (*Tracer, error) {
	return nil, &Unavailable{Missing: "only Linux has these functions"}
}

// Read has nothing to read.
func (*Tracer) Read() (Call, error) { return Call{}, ErrClosed }

// TryRead has nothing to read.
func (*Tracer) TryRead() (Call, bool, error) { return Call{}, false, ErrClosed }

// Lost is 0.
func (*Tracer) Lost() uint64 { return 0 }

// Attached is nothing.
func (*Tracer) Attached() []string { return nil }

// Close has nothing to close.
func (*Tracer) Close() error { return nil }
