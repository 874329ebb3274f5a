/* What allocations draw on where the system gives nothing (Sources/CReserve/reserve.c): pieces do not overlap, keep
 * what was written, are aligned, can be freed by any thread and after the call, and their memory serves again. */
#include "allocator.h"
#include "problem.h"

#ifdef __cplusplus
extern "C" {
#endif
#include "CPrimitives/reserve.h"
#include "CReserve/reserve.h"

/* The linker's names for the system's functions. */
void *__real_malloc(size_t size);
void __real_free(void *memory);
void *__real_malloc(size_t size) { return malloc(size); }
void __real_free(void *memory) { free(memory); }
#ifdef __cplusplus
}
#endif

enum { MOST = 200 };

typedef struct piece {
  unsigned char *memory;
  size_t size;
  unsigned char mark;
} piece;

static size_t some_size(uint64_t *random) {
  const uint64_t kind = next_random(random) % 4;
  const uint64_t most = kind == 0 ? 64 : kind == 1 ? 1100 : kind == 2 ? 5000 : 200000;
  return (size_t)(next_random(random) % most);
}

static int is_whole(const piece *p) {
  for (size_t i = 0; i < p->size; i++) {
    if (p->memory[i] != p->mark) return 0;
  }
  return 1;
}

/* Draws and gives back at random. Ends with what is left given back. */
static void draw_at_random(uint64_t seed, int rounds) {
  piece pieces[MOST];
  int count = 0, drawn = 0;
  uint64_t random = seed;
  for (int round = 0; round < rounds; round++) {
    if (count < MOST && next_random(&random) % 5 < 3) {
      piece *const p = &pieces[count];
      const size_t alignment = next_random(&random) % 8 == 0 ? 64 : 16;
      p->size = some_size(&random), p->mark = (unsigned char)round;
      p->memory = (unsigned char *)reserve_draw(p->size, alignment);
      if (p->memory == NULL) continue;
      drawn++, count++;
      CHECK((uintptr_t)p->memory % alignment == 0);
      CHECK(reserve_size(p->memory) >= p->size);
      memset(p->memory, p->mark, p->size);
    } else if (count > 0) {
      const int which = (int)(next_random(&random) % (uint64_t)count);
      CHECK(is_whole(&pieces[which]));
      CHECK(reserve_give_back(pieces[which].memory));
      pieces[which] = pieces[--count];
    }
  }
  CHECK(drawn > rounds / 4);
  while (count > 0) {
    CHECK(is_whole(&pieces[--count]));
    CHECK(reserve_give_back(pieces[count].memory));
  }
}

/* A call's block: what is kept beyond the call stays, and the last piece takes the block with it. */
static void blocks(size_t size) {
  const long pieces = pieces_alive, mapped = bytes_mapped;
  CHECK(swiftrnn_open_reserve(size));
  CHECK(!swiftrnn_reserve_holds() && swiftrnn_lacking_memory() == 0);
  draw_at_random(size, 500);
  CHECK(!swiftrnn_reserve_holds());
  void *const kept = reserve_draw(1000, 16), *const other = reserve_draw(50, 16);
  CHECK(kept != NULL && other != NULL && swiftrnn_reserve_holds());
  CHECK(swiftrnn_lacking_memory() > 0);
  memset(kept, 7, 1000);
  swiftrnn_close_reserve();
  CHECK(!swiftrnn_reserve_holds());
  CHECK(((unsigned char *)kept)[999] == 7);
  CHECK(reserve_give_back(other) && reserve_give_back(kept));
  CHECK(pieces_alive == pieces && bytes_mapped == mapped);
}

static void *at_once(void *number) {
  const uint64_t me = (uint64_t)(uintptr_t)number;
  for (int i = 0; i < 20; i++) {
    if (!swiftrnn_open_reserve((size_t)1 << 20)) return NULL;
    draw_at_random(me * 100 + (uint64_t)i, 300);
    swiftrnn_close_reserve();
  }
  return number;
}

int main(void) {
  void *const own = required(calloc(1, 10));
  CHECK(reserve_size(own) == 0 && !reserve_give_back(own));
  /* The library's own memory, of 256 KB. */
  draw_at_random(1, 3000);
  blocks((size_t)1 << 16);
  blocks((size_t)1 << 22);
  CHECK(reserve_size(own) == 0 && !reserve_give_back(own));
  free(own);
  pthread_t thread[4];
  for (uintptr_t i = 0; i < 4; i++) CHECK(pthread_create(&thread[i], NULL, at_once, (void *)(i + 1)) == 0);
  for (uintptr_t i = 0; i < 4; i++) {
    void *result = NULL;
    CHECK(pthread_join(thread[i], &result) == 0 && result != NULL);
  }
  return check_result();
}
