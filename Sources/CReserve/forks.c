/* Locks of the Swift runtime after fork(). They hold the number of the thread that has them, which each thread asks
 * the kernel for once and keeps. The thread of a child process has another one: with the parent's it could take a
 * lock, but not give back one that other threads of the child wait for (FUTEX_UNLOCK_PI), and all of them would
 * hang. So it forgets the number. */
#include <pthread.h>
#include <stdint.h>

/* The runtime's own variable: ulock_get_tid()::tid of Threading/Impl/Linux/ulock.h, weak as this one is, so that the
 * linker keeps one of the two. */
__attribute__((weak, visibility("hidden"))) _Thread_local uint32_t swift_thread_number __asm__(
    "_ZZN5swift14threading_impl5linux13ulock_get_tidEvE3tid");

static void forget_number(void) { swift_thread_number = 0; }

__attribute__((constructor)) static void watch_forks(void) { (void)pthread_atfork(NULL, NULL, forget_number); }
