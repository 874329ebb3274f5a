/* What Sources/CReserve gives to a library that links its own Swift runtime (CMakeLists.txt): memory behind the
 * runtime's allocations, and threads that can wait to be made. Elsewhere none of it is there, and the functions below
 * say so. */
#ifndef SWIFTRNN_RESERVE_H
#define SWIFTRNN_RESERVE_H

#include <stdbool.h>
#include <stddef.h>

/** A call's own memory, on the calling thread's side. */
typedef struct swiftrnn_reserve swiftrnn_reserve;

#if defined(__linux__)
#define SWIFTRNN_PERHAPS __attribute__((weak, visibility("hidden")))
SWIFTRNN_PERHAPS bool swiftrnn_reserve_open(size_t bytes);
SWIFTRNN_PERHAPS void swiftrnn_reserve_close(void);
SWIFTRNN_PERHAPS size_t swiftrnn_reserve_lacking(void);
SWIFTRNN_PERHAPS bool swiftrnn_reserve_held(void);
SWIFTRNN_PERHAPS swiftrnn_reserve *swiftrnn_reserve_current(void);
SWIFTRNN_PERHAPS void swiftrnn_reserve_share(swiftrnn_reserve *reserve);
SWIFTRNN_PERHAPS bool swiftrnn_threads_made(void);
#undef SWIFTRNN_PERHAPS

/** Whether there is any of it. */
static inline bool swiftrnn_has_reserve(void) { return swiftrnn_reserve_open != NULL; }

/** Has `bytes` bytes ready for this thread's call. false: they are not to be had. */
static inline bool swiftrnn_open_reserve(size_t bytes) {
  return !swiftrnn_has_reserve() || swiftrnn_reserve_open(bytes);
}

/** Ends what swiftrnn_open_reserve() began. What still lies there stays until it is freed. */
static inline void swiftrnn_close_reserve(void) {
  if (swiftrnn_has_reserve()) swiftrnn_reserve_close();
}

/** Bytes of the first allocation of this thread's call that the system refused; 0: it has refused none. */
static inline size_t swiftrnn_lacking_memory(void) {
  return swiftrnn_has_reserve() ? swiftrnn_reserve_lacking() : 0;
}

/** Whether something lies in the memory of this thread's call. */
static inline bool swiftrnn_reserve_holds(void) { return swiftrnn_has_reserve() && swiftrnn_reserve_held(); }

/** This thread's call's memory, for the call's other threads. */
static inline swiftrnn_reserve *swiftrnn_own_reserve(void) {
  return swiftrnn_has_reserve() ? swiftrnn_reserve_current() : NULL;
}

/** Until the next time this thread works for the call that has `reserve`; NULL: for none. */
static inline void swiftrnn_use_reserve(swiftrnn_reserve *reserve) {
  if (swiftrnn_has_reserve()) swiftrnn_reserve_share(reserve);
}

/** Whether all threads that libdispatch believes in are there. Makes those that could not be made before. */
static inline bool swiftrnn_has_threads(void) { return !swiftrnn_has_reserve() || swiftrnn_threads_made(); }

#else
static inline bool swiftrnn_has_reserve(void) { return false; }
static inline bool swiftrnn_open_reserve(size_t bytes) { return bytes == bytes; }
static inline void swiftrnn_close_reserve(void) {}
static inline size_t swiftrnn_lacking_memory(void) { return 0; }
static inline bool swiftrnn_reserve_holds(void) { return false; }
static inline swiftrnn_reserve *swiftrnn_own_reserve(void) { return NULL; }
static inline void swiftrnn_use_reserve(swiftrnn_reserve *reserve) { (void)reserve; }
static inline bool swiftrnn_has_threads(void) { return true; }
#endif

#endif
