/* Child processes for the tests: what sets a limit or needs a fresh library must not touch the other tests. Valid in
 * C11 and in C++17. */
#ifndef SWIFTRNN_TEST_PROCESSES_H
#define SWIFTRNN_TEST_PROCESSES_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "check.h"

#include <sys/wait.h>
#include <unistd.h>

/** Runs `body` in a child process, whose checks count as one here: all of them must hold, some must be made. */
static inline void check_in_child(const char *what, void (*body)(void)) {
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) {
    check_count = check_failures = 0;
    alarm(600); /* a child that hangs fails */
    body();
    fflush(NULL);
    _exit(check_count > 0 && check_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  int status = -1;
  const pid_t ended = child > 0 ? waitpid(child, &status, 0) : -1;
  check_count++;
  if (child > 0 && ended == child && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) return;
  check_failures++;
  fprintf(stderr, "the child process for %s failed with wait status %#x\n", what, (unsigned)status);
}

static const char *isa_of_child;
static void (*body_of_child)(void);

static inline void check_isa_and_run(void) {
  const char *isa = swiftrnn_isa();
  CHECK(isa != NULL && strcmp(isa, isa_of_child) == 0);
  body_of_child();
}

/** Runs `body` once with each instruction set of this CPU, in children: a process keeps the one it first had. The
 *  library must not have been called yet. */
static inline void check_with_each_isa(void (*body)(void)) {
#if defined(__x86_64__)
  static const char *const names[3] = {"baseline", "avx2", "avx512"};
  const int has[3] = {1, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"),
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")};
  for (int i = 0; i < 3; i++) {
    printf("%s: %s\n", names[i], has[i] ? "running" : "this CPU does not have it");
    setenv("SWIFTRNN_ISA", names[i], 1);
    isa_of_child = names[i];
    body_of_child = body;
    if (has[i]) check_in_child(names[i], check_isa_and_run);
  }
  unsetenv("SWIFTRNN_ISA");
#else
  check_in_child("baseline", body);
#endif
}

#endif
