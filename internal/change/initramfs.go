package change

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"linkaudit/internal/group"
	"linkaudit/internal/host"
	"linkaudit/internal/initramfs"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// StaleImage is an initramfs image that does not know of a change.
type StaleImage struct {
	Path string
	// There says what it would do, and Maker who can make it anew; Advice what
	// to do where that may not be enough, or "".
	There, Advice string
	Maker         initramfs.Maker
	// Updated: it was made anew, and read again.
	Updated bool
}

// initramfs looks into the images after a change, or for one that is planned,
// and has stale ones made anew where that is asked for. files is what the root
// has then. It costs more than all the rest, so that where nothing changes and
// nothing is asked for the images are left alone.
func (o Options) initramfs(ctx context.Context, in Input, r *Result, files *linkfiles.Store, targets []override.Target) error {
	if !r.Changed && !o.UpdateInitramfs {
		return nil
	}
	stale := o.stale(ctx, in, files, targets)
	images, _ := in.Snapshot.Initramfs.Get()
	for _, img := range images {
		if img.Unreadable != "" {
			r.Remaining = append(r.Remaining, fmt.Sprintf("whether the initramfs image %s is up to date is not known, since it could not be read: %s", img.Path, img.Unreadable))
		}
	}
	for _, v := range stale {
		r.Initramfs = append(r.Initramfs, StaleImage{Path: v.Image.Path, There: v.There(), Advice: v.Advice(), Maker: v.Image.Maker})
	}
	if len(stale) == 0 {
		return nil
	}
	r.UpdatesInitramfs = o.UpdateInitramfs
	if !o.UpdateInitramfs {
		r.Remaining = append(r.Remaining, staleWords(r.Initramfs, o.place(), o.Plan)...)
		return nil
	}
	if o.Plan {
		return nil
	}
	err := o.update(ctx, r.Initramfs)
	// Also where one command failed: others may have done their work.
	still := o.stale(context.WithoutCancel(ctx), in, files, targets)
	for i := range r.Initramfs {
		img := &r.Initramfs[i]
		at := slices.IndexFunc(still, func(v policy.InImage) bool { return v.Image.Path == img.Path })
		if img.Updated = at < 0 && o.readable(in.Snapshot, img.Path); img.Updated {
			o.Say("the initramfs image " + img.Path + " is up to date")
			continue
		}
		why := "it could not be read any more"
		if at >= 0 {
			why = still[at].There()
			if more := still[at].Advice(); more != "" {
				why += "; " + more
			}
		}
		err = errors.Join(err, fmt.Errorf("the initramfs image %s is still not up to date: %s", img.Path, why))
	}
	if err != nil && r.Changed {
		err = errors.Join(errors.New("the files are changed and in force, and stay so, but the initramfs is not up to date"), err)
	}
	return err
}

// stale reads the images that there are now, and says which of them are.
func (o Options) stale(ctx context.Context, in Input, files *linkfiles.Store, targets []override.Target) []policy.InImage {
	o.ReadInitramfs(ctx, in.Snapshot)
	return policy.StaleImages(in.Snapshot, files, in.Release, targets)
}

func (o Options) readable(snap *host.Snapshot, path string) bool {
	images, _ := snap.Initramfs.Get()
	return slices.ContainsFunc(images, func(img initramfs.Image) bool { return img.Path == path && img.Unreadable == "" })
}

// staleWords is a sentence for all images of one maker that say the same.
func staleWords(images []StaleImage, at policy.Place, plan bool) (out []string) {
	type what struct {
		there, advice string
		maker         initramfs.Maker
	}
	var order []what
	same := map[what][]string{}
	for _, img := range images {
		w := what{img.There, img.Advice, img.Maker}
		if same[w] == nil {
			order = append(order, w)
		}
		same[w] = append(same[w], img.Path)
	}
	verb := "does not know of it"
	if plan {
		verb = "will not know of it"
	}
	for _, w := range order {
		said := fmt.Sprintf("the initramfs %s (%s) %s; a device that is made there needs it: %s",
			strings.Join(same[w], ", "), w.there, verb, at.UpdateInitramfs(w.maker))
		if at.Root == "" {
			said += ", or fix and undo with --update-initramfs"
		}
		if w.advice != "" {
			said += "; " + w.advice
		}
		out = append(out, said)
	}
	return out
}

// updateTimeout is for one command: an image takes a minute on a slow machine,
// and there is one for each kernel.
const updateTimeout = 30 * time.Minute

// update runs each command once that makes one of the images anew.
func (o Options) update(ctx context.Context, images []StaleImage) (err error) {
	var done []initramfs.Maker
	for _, img := range images {
		if slices.Contains(done, img.Maker) {
			continue
		}
		done = append(done, img.Maker)
		args := img.Maker.Update()
		if args == nil {
			err = errors.Join(err, fmt.Errorf("who made the initramfs image %s is not known, so that nothing can be run to update it", img.Path))
			continue
		}
		o.Say("running " + strings.Join(args, " "))
		if runErr := runUpdate(ctx, args); runErr != nil {
			err = errors.Join(err, runErr)
		}
	}
	return err
}

// runUpdate runs what makes images anew.
func runUpdate(ctx context.Context, args []string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, updateTimeout, fmt.Errorf("it took longer than %v", updateTimeout))
	defer cancel()
	cmd := systemCommand(ctx, args[0], args[1:]...)
	if cmd == nil {
		return fmt.Errorf("%s is not installed, which makes the initramfs images", args[0])
	}
	// The program of the distribution runs others, which would go on writing.
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
