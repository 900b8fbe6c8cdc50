// launch NUMBERS PROGRAM [ARGUMENT...] becomes PROGRAM, after it had the kernel ask
// before each of the system calls of those numbers, and sent to the socket at descriptor
// 3 the descriptor at which it asks (seccomp_unotify(2)). See package inject.
//
// It is in C, and static: it runs thousands of times, and a program of Go takes longer
// to start than what is tested.
#include <err.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV // Linux 5.19
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static void give(int socket, int fd) {
	char byte = 0;
	struct iovec data = {&byte, 1};
	union {
		char space[CMSG_SPACE(sizeof fd)];
		struct cmsghdr aligned;
	} control = {0};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(rights), &fd, sizeof fd);
	if (sendmsg(socket, &message, 0) != 1)
		err(125, "launch: sendmsg");
}

int main(int argc, char **argv) {
	enum { most = 64 };
	struct sock_filter filter[4 + 2 * most + 1] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	unsigned short n = 4;
	if (argc < 3)
		errx(125, "launch: NUMBERS PROGRAM [ARGUMENT...]");
	for (char *word = strtok(argv[1], ","); word; word = strtok(NULL, ",")) {
		if (n == 4 + 2 * most)
			errx(125, "launch: more than %d numbers", most);
		filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, atoi(word), 0, 1);
		filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {n, filter};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err(125, "launch: prctl");
	int fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
	if (fd < 0)
		err(125, "launch: seccomp");
	give(3, fd);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	execvp(argv[2], argv + 2);
	err(125, "launch: %s", argv[2]);
}
