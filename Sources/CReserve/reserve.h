/* What the library's allocations draw on where the system gives nothing. */
#ifndef SWIFTRNN_CRESERVE_H
#define SWIFTRNN_CRESERVE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Memory of the call's block or the common one; NULL: both are used up. `alignment` is a power of two. */
void *reserve_draw(size_t size, size_t alignment);

/* Bytes of what reserve_draw() gave; 0: it did not give this. */
size_t reserve_size(const void *memory);

/* Frees what reserve_draw() gave. 0: it did not give this. */
int reserve_give_back(void *memory);

#ifdef __cplusplus
}
#endif

#endif
