/* What Sources/CReserve gives to a library that links its own Swift runtime (CMakeLists.txt): memory behind the
 * runtime's allocations, and threads that can wait to be made. Elsewhere none of it is there, and the functions below
 * say so. */
#ifndef SWIFTRNN_RESERVE_H
#define SWIFTRNN_RESERVE_H

#include <stdbool.h>
#include <stddef.h>

/** A call's own memory, on the calling thread's side. */
typedef struct swiftrnn_reserve swiftrnn_reserve;

/* A definition of the compiler's command line, and not a weak symbol: to the linker that SwiftPM uses, the address of a
 * weak symbol that nobody defines is the program's own, and not NULL. */
#if defined(SWIFTRNN_RESERVE)
#define SWIFTRNN_HIDDEN __attribute__((visibility("hidden")))
/** Whether there is any of it. */
static inline bool swiftrnn_has_reserve(void) { return true; }

/** Has `bytes` bytes ready for this thread's call. false: they are not to be had. */
SWIFTRNN_HIDDEN bool swiftrnn_open_reserve(size_t bytes);

/** Ends what swiftrnn_open_reserve() began. What still lies there stays until it is freed. */
SWIFTRNN_HIDDEN void swiftrnn_close_reserve(void);

/** Bytes of the first allocation of this thread's call that the system refused; 0: it has refused none. */
SWIFTRNN_HIDDEN size_t swiftrnn_lacking_memory(void);

/** Whether something lies in the memory of this thread's call. */
SWIFTRNN_HIDDEN bool swiftrnn_reserve_holds(void);

/** This thread's call's memory, for the call's other threads. */
SWIFTRNN_HIDDEN swiftrnn_reserve *swiftrnn_own_reserve(void);

/** Until the next time this thread works for the call that has `reserve`; NULL: for none. */
SWIFTRNN_HIDDEN void swiftrnn_use_reserve(swiftrnn_reserve *reserve);

/** Whether all threads that libdispatch believes in are there. Makes those that could not be made before. */
SWIFTRNN_HIDDEN bool swiftrnn_has_threads(void);
#undef SWIFTRNN_HIDDEN

#else
static inline bool swiftrnn_has_reserve(void) { return false; }
static inline bool swiftrnn_open_reserve(size_t bytes) {
  (void)bytes;
  return true;
}
static inline void swiftrnn_close_reserve(void) {}
static inline size_t swiftrnn_lacking_memory(void) { return 0; }
static inline bool swiftrnn_reserve_holds(void) { return false; }
static inline swiftrnn_reserve *swiftrnn_own_reserve(void) { return NULL; }
static inline void swiftrnn_use_reserve(swiftrnn_reserve *reserve) { (void)reserve; }
static inline bool swiftrnn_has_threads(void) { return true; }
#endif

#endif
