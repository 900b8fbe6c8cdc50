// enter PID PROGRAM [ARGUMENT...] becomes PROGRAM in the mount, network and UTS
// namespaces of a process and in its root directory, as
//
//	nsenter --target PID --mount --net --uts --root --wd=/ -- PROGRAM [ARGUMENT...]
//
// does. It is static: what the suites run is mostly the start of programs, and nsenter(1)
// with its libraries takes a fifth of the time in which linkaudit starts.
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

static int of(const char *pid, const char *what) {
	char name[64];
	snprintf(name, sizeof name, "/proc/%s/%s", pid, what);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(125, "enter: %s", name);
	return fd;
}

int main(int argc, char **argv) {
	if (argc < 3)
		errx(125, "enter: PID PROGRAM [ARGUMENT...]");
	const char *pid = argv[1];
	int root = of(pid, "root"), mount = of(pid, "ns/mnt"), network = of(pid, "ns/net"), uts = of(pid, "ns/uts");
	if (setns(network, CLONE_NEWNET) || setns(uts, CLONE_NEWUTS) || setns(mount, CLONE_NEWNS))
		err(125, "enter: setns");
	if (fchdir(root) || chroot(".") || chdir("/"))
		err(125, "enter: root of %s", pid);
	execvp(argv[2], argv + 2);
	err(127, "enter: %s", argv[2]);
}
