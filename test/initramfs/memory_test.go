//go:build ecosystem

package initramfs

import (
	"strconv"
	"strings"
	"testing"
)

// memoryLimit is the maximum in docs/initramfs.md, in KiB.
const memoryLimit = 64 << 10

// hostile makes malicious images below /hostile/boot, with programs that everybody has.
const hostile = `set -e
mkdir -p /hostile/boot /tmp/h && cd /tmp/h
boot=/hostile/boot/initrd
pack() { cpio --quiet -o -H newc; }
mkdir -p usr/lib/systemd/network
printf '[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=none\n' >usr/lib/systemd/network/99-default.link
find usr | pack >good.cpio
# Bombs, and dictionaries as large as they come.
truncate -s 1100M zeros
zstd -q -1 <zeros >$boot-bomb-zstd1
lz4 -q -l <zeros >$boot-bomb-lz41
gzip -1 <zeros >$boot-bomb-gzip1
head -c 1M zeros | zstd -q --ultra -22 --long=31 >$boot-window-zstd1
{ cat good.cpio; head -c 40M zeros; } >long
xz -T1 --format=lzma --lzma1=preset=0,dict=64MiB <long >$boot-dict-lzma1
xz -T1 --check=crc32 --lzma2=preset=0,dict=64MiB <long >$boot-dict-xz1
bzip2 <long >$boot-long-bzip1
# One that does make use of more than there is memory for.
head -c 1M /dev/urandom >noise; { cat noise; head -c 40M zeros; cat noise; } >twice; echo twice | pack >far
xz -T1 --check=crc32 --lzma2=preset=0,dict=64MiB <far >$boot-far-xz1
xz -T1 --format=lzma --lzma1=preset=0,dict=64MiB <far >$boot-far-lzma1
# One that ends too early, in each format.
find /usr/bin | head -40 | pack >many.cpio
for program in gzip bzip2 lzma xz zstd "lz4 -l"; do
	$program <many.cpio 2>/dev/null >whole || $program -q <many.cpio >whole
	head -c $(($(stat -c %s whole) / 2)) whole >"$boot-cut-${program%% *}1"
done
head -c 100000 many.cpio >$boot-cut-cpio1
# Names that lead out, links that lead in circles.
mkdir -p /tmp/o/in && cd /tmp/o/in
mkdir -p ../etc/systemd/network && cp /tmp/h/usr/lib/systemd/network/99-default.link ../etc/systemd/network/
printf '%s\n' ../etc ../etc/systemd ../etc/systemd/network ../etc/systemd/network/99-default.link | pack >$boot-out1
mkdir -p /tmp/l/usr/lib/systemd && cd /tmp/l
ln -s network usr/lib/systemd/network; ln -s ../b a; ln -s ../a b; ln -s a/usr lib
find . | pack >$boot-loop1
# A member of 4 GB, announced and there: holes in a file of this machine.
printf '07070100000001000081a4000000000000000000000001%s%s' 00000000ffffffff 000000000000000000000000000000000000000200000000a >$boot-member1
truncate -s 5G $boot-member1
truncate -s 5G $boot-nothing1
mkdir $boot-dir1; ln -s initrd-self1 $boot-self1; mkfifo $boot-fifo1
`

// The memory that the program takes, whatever is in /boot. GNU time gets it from the
// kernel, as the process's maximum resident set.
func TestMemoryOfTheProgram(t *testing.T) {
	t.Parallel()
	r := newRoot(t, "bookworm", tools)
	r.in(0, hostile)
	check := func(dir string) (said string) {
		t.Helper()
		res := r.in(1, "/usr/bin/time -q -f 'peak %M' linkaudit check bond0 --kind bond --severity info --quiet --systemd-release 252 --initramfs always --root "+dir)
		_, peak, _ := strings.Cut(res.Stderr, "peak ")
		kib, err := strconv.Atoi(strings.TrimSpace(peak))
		if err != nil {
			t.Fatalf("no peak: %v", res)
		}
		t.Logf("%s: %d KiB, %v", dir, kib, res.Took)
		if kib > memoryLimit || kib < 1000 {
			t.Errorf("%s: %d KiB of memory, where %d are the limit", dir, kib, memoryLimit)
		}
		return res.Stdout
	}
	said := check("/hostile")
	lines := map[string]string{}
	for _, l := range strings.Split(said, "\n") {
		if _, about, ok := strings.Cut(l, "the initramfs image /boot/initrd-"); ok {
			name, why, _ := strings.Cut(about, " could not be read: ")
			lines[name] = why
		}
	}
	tooMuch, cut := "more than 1024 MiB when unpacked", "it ends too early"
	for name, want := range map[string]string{
		"bomb-zstd1": tooMuch, "bomb-lz41": tooMuch, "bomb-gzip1": tooMuch,
		"window-zstd1": "it needs a window of", "far-xz1": "it needs a window of 64 MiB", "far-lzma1": "it needs a window of 64 MiB",
		"dict-lzma1": "", "dict-xz1": "", "long-bzip1": "",
		"cut-gzip1": cut, "cut-bzip21": cut, "cut-lzma1": cut, "cut-xz1": cut, "cut-zstd1": cut, "cut-lz41": cut, "cut-cpio1": cut,
		"out1": "", "loop1": "",
		"member1": "a file of 4294967295 bytes, where 1024 MiB are the limit", "nothing1": "more than 1024 MiB",
		"dir1": "", "self1": "too many levels of symbolic links", "fifo1": "not a regular file",
	} {
		t.Run(name, func(t *testing.T) {
			if got := lines[name]; !strings.Contains(got, want) || want == "" && got != "" {
				t.Errorf("%q, not %q\n%s", got, want, said)
			}
		})
	}
}
