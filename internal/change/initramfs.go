package change

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/group"
	"linkaudit/internal/initramfs"
	"linkaudit/internal/words"
)

// StaleImage is an initramfs image without a change.
type StaleImage struct {
	Path string
	// There says what the image would do, Maker what built it, Advice what else to do
	// if a rebuild may not be enough, or "".
	There, Advice string
	Maker         initramfs.Maker
	// Updated: it was rebuilt, and read.
	Updated bool
}

// checkImages looks into the initramfs images after a change or for a planned one, and
// rebuilds stale ones if asked to. It costs more than all the rest, so it reads no image
// if nothing changes and nobody asked.
func (w *work) checkImages(ctx context.Context) error {
	r := w.result
	if !r.Changed && !w.UpdateInitramfs {
		return nil
	}
	stale := w.staleImages(ctx)
	w.noteUnreadable()
	for _, v := range stale {
		r.Initramfs = append(r.Initramfs, StaleImage{Path: v.Image.Path, There: words.Of(v.There()), Advice: words.Of(v.Advice()), Maker: v.Image.Maker})
	}
	if len(stale) == 0 {
		return nil
	}
	r.UpdatesInitramfs = w.UpdateInitramfs
	switch {
	case !w.UpdateInitramfs:
		r.remainsStale(w.place(), w.Plan)
		return nil
	case w.Plan:
		return nil
	}
	return w.updateImages(ctx)
}

// noteUnreadable says which images could not be read.
func (w *work) noteUnreadable() {
	images, _ := w.in.Snapshot.Initramfs.Get()
	for _, img := range images {
		if img.Unreadable != "" {
			w.result.remains("cannot read the initramfs image %s, which may need a rebuild: %s", img.Path, img.Unreadable)
		}
	}
}

// updateImages rebuilds the stale images, and reads them.
func (w *work) updateImages(ctx context.Context) error {
	r := w.result
	err := w.runUpdates(ctx, r.Initramfs)
	// Even if one command failed, others may have worked.
	still := w.staleImages(context.WithoutCancel(ctx))
	for i := range r.Initramfs {
		img := &r.Initramfs[i]
		at := slices.IndexFunc(still, func(v audit.InImage) bool { return v.Image.Path == img.Path })
		if img.Updated = at < 0 && w.readableImage(img.Path); img.Updated {
			w.Say("the initramfs image " + img.Path + " is up to date")
			continue
		}
		why := "it can no longer be read"
		if at >= 0 {
			why = words.Of(still[at].There())
			if more := still[at].Advice(); more != nil {
				why += "; " + words.Of(more)
			}
		}
		err = errors.Join(err, fmt.Errorf("the initramfs image %s is still not up to date: %s", img.Path, why))
	}
	if err != nil && r.Changed {
		err = errors.Join(errors.New("the changed files are effective and stay, but the initramfs is not up to date"), err)
	}
	return err
}

// staleImages reads the present images, and returns the stale ones.
func (w *work) staleImages(ctx context.Context) []audit.InImage {
	now := *w.in.Snapshot
	now.Initramfs = fact.Known(w.ReadInitramfs(ctx))
	w.in.Snapshot = &now
	return audit.StaleImages(w.in.Snapshot, w.files, w.in.Release, w.targets)
}

func (w *work) readableImage(path string) bool {
	images, _ := w.in.Snapshot.Initramfs.Get()
	return slices.ContainsFunc(images, func(img initramfs.Image) bool { return img.Path == path && img.Unreadable == "" })
}

// updateTimeout is for one command: an image takes a minute on a slow machine, and
// each kernel has one.
const updateTimeout = 30 * time.Minute

// runUpdates runs each command that rebuilds one of the images once.
func (o Options) runUpdates(ctx context.Context, images []StaleImage) (err error) {
	var done []initramfs.Maker
	for _, img := range images {
		if slices.Contains(done, img.Maker) {
			continue
		}
		done = append(done, img.Maker)
		args := img.Maker.Update()
		if args == nil {
			err = errors.Join(err, fmt.Errorf("cannot rebuild the initramfs image %s: the program that made it is unknown", img.Path))
			continue
		}
		o.Say("running " + strings.Join(args, " "))
		if runErr := runUpdate(ctx, args); runErr != nil {
			err = errors.Join(err, runErr)
		}
	}
	return err
}

// runUpdate runs a command that rebuilds images.
func runUpdate(ctx context.Context, args []string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, updateTimeout, fmt.Errorf("it took longer than %v", updateTimeout))
	defer cancel()
	cmd := systemCommand(ctx, args[0], args[1:]...)
	if cmd == nil {
		return fmt.Errorf("%s, which makes the initramfs images, is not installed", args[0])
	}
	// The command runs others, which would continue to write.
	group.Prepare(cmd)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := group.Run(cmd)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s: %w%s", strings.Join(args, " "), err, lastLine(said.Bytes()))
	}
	return nil
}

// lastLine is what a program said last, for an error.
func lastLine(said []byte) string {
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	last := lines[len(lines)-1]
	if last == "" {
		return ""
	}
	return fmt.Sprintf(": %.200s", last)
}
