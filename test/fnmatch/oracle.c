/* Asks the C library's fnmatch(3). Reads lines of "PATTERN NAME FOLD", the first
 * two in hexadecimal ("-" for an empty one), and answers each with 1 or 0.
 *
 * It has its own entry point, because a binary built here must also run in a root
 * with an older C library: build it with -nostartfiles. */
#define _GNU_SOURCE
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char line[1 << 16], pattern[1 << 15], name[1 << 15];

static int nibble(int c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

static void unhex(const char *s, char *out) {
    size_t n = 0;
    if (*s != '-')
        for (; s[0] && s[1]; s += 2)
            out[n++] = nibble(s[0]) << 4 | nibble(s[1]);
    out[n] = 0;
}

int main(void) {
    while (fgets(line, sizeof line, stdin)) {
        char *p = strtok(line, " \n"), *s = strtok(NULL, " \n"), *fold = strtok(NULL, " \n");
        if (!p || !s || !fold)
            return 1;
        unhex(p, pattern);
        unhex(s, name);
        puts(fnmatch(pattern, name, *fold == '1' ? FNM_CASEFOLD : 0) == 0 ? "1" : "0");
    }
    return 0;
}

void _start(void) {
    __asm__ volatile("and $-16, %rsp");
    exit(main());
}
