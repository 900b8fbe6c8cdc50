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

// write has show write the result to w, or to --output.
func (o output) write(w io.Writer, show func(io.Writer) error) error {
	if o.file == "" {
		return show(w)
	}
	// Whoever collects the file need not be who made it.
	return replaceFile(o.file, renameio.WithStaticPermissions(0o644), show)
}

// replaceFile puts a file in place that holds what show writes, or else leaves
// everything as it was. What is there and is no regular file is not replaced:
// root could do that to /dev/null.
func replaceFile(path string, permissions renameio.Option, show func(io.Writer) error) error {
	st, err := os.Lstat(path)
	switch {
	case err == nil && !st.Mode().IsRegular():
		return fmt.Errorf("%s: not a regular file (%s), and --output would replace it", path, kindOf(st.Mode()))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	// The temporary file is made next to the file and nowhere else: in /tmp it
	// would get a label of SELinux that it keeps. Its mode is set before
	// anything is written, and an existing file's mode is not taken over.
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

// about is err with the name of the file that was asked for in place of the
// temporary file's.
func about(path string, err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	} else if l, ok := errors.AsType[*os.LinkError](err); ok {
		err = l.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// kindOf names what is no regular file.
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
	return "of an unknown type"
}
