// udevadm is started with this library (LD_PRELOAD) to answer many questions with one
// start: most of its time goes into loading its libraries. For each question its main()
// runs in a child in the state of a program that has just started, with the argument and
// the environment of the question.
//
// Descriptors: 3 is this library, 4 the socket, 5 and 6 the files for the child's
// standard output and error. A question is its length and then strings that end in NUL:
// the last argument, and the variables of the environment. The answer is the child's
// process ID, and when it has ended its wait status, 32 bits each.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { SOCKET = 4, OUTPUT = 5, ERRORS = 6 };

static void get(void *to, size_t n) {
	for (ssize_t got; n > 0; n -= got, to = (char *)to + got)
		if ((got = read(SOCKET, to, n)) <= 0)
			_exit(got < 0); // no more questions
}

static void put(int32_t value) {
	if (write(SOCKET, &value, sizeof value) != sizeof value)
		_exit(1);
}

__attribute__((constructor)) static void serve(int argc, char **argv) {
	for (;;) {
		uint32_t length;
		get(&length, sizeof length);
		char *question = malloc(length);
		char **variables = calloc(length + 1, sizeof *variables);
		if (question == NULL || variables == NULL)
			_exit(1);
		get(question, length);
		pid_t child = fork();
		if (child < 0)
			_exit(1);
		if (child == 0) {
			argv[argc - 1] = question;
			char *s = question + strlen(question) + 1;
			for (size_t n = 0; s < question + length; s += strlen(s) + 1)
				variables[n++] = s;
			environ = variables;
			dup2(OUTPUT, STDOUT_FILENO);
			dup2(ERRORS, STDERR_FILENO);
			for (int fd = 3; fd <= ERRORS; fd++)
				close(fd);
			return; // to main()
		}
		put(child);
		int status;
		if (waitpid(child, &status, 0) != child)
			_exit(1);
		free(question);
		free(variables);
		put(status);
	}
}
