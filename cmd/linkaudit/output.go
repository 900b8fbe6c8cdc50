package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// write writes the result to w, or to --output.
func (o output) write(w io.Writer, show func(io.Writer) error) error {
	if o.file == "" {
		return show(w)
	}
	// Another user may collect the file.
	return replaceFile(o.file, renameio.WithStaticPermissions(0o644), show)
}

// replaceFile replaces a file with what show writes, or leaves everything as it was. It does
// not replace anything but a regular file: root could replace /dev/null.
func replaceFile(path string, permissions renameio.Option, show func(io.Writer) error) error {
	st, err := os.Lstat(path)
	switch {
	case err == nil && !st.Mode().IsRegular():
		return fmt.Errorf("%s: %s, and --output would replace it (use a regular file)", path, kindOf(st.Mode()))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	// The temporary file is next to the file, because in /tmp it would get and keep
	// another SELinux label. Its mode is set before the first write, whatever the mode of
	// the old file is.
	f, err := renameio.NewPendingFile(path, permissions, renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return about(path, err)
	}
	defer f.Cleanup()
	if err := show(f); err != nil {
		return about(path, err)
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return about(path, err)
	}
	return nil
}

// about is err with path instead of the name of the temporary file.
func about(path string, err error) error { return fmt.Errorf("%s: %w", path, withoutPath(err)) }

// withoutPath is an error of the file system without the name of the file.
func withoutPath(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		return l.Err
	}
	return err
}

// kindOf names a file that is not a regular one.
func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	case m&fs.ModeDevice != 0:
		return "a device"
	case m&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a file of unknown type"
}
