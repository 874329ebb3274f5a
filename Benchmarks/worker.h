/* What the compiled workers share: the line protocol (protocol.py has it in words), shapes, and files of numbers.
 * C11 and C++17; included once by each worker's only source file. */
#ifndef WORKER_H
#define WORKER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PATH_LENGTH = 1024, LINE_LENGTH = 4096 };
enum { INFERENCE, TRAINING, STREAM };

/* One prepare command. */
typedef struct {
  char folder[PATH_LENGTH];
  char cell[32]; /* rnn_tanh, rnn_relu, lstm, gru, gru_before */
  int work, threads;
  int64_t T, N, I, H, layers, directions, gates, item_size;
  int lengths, has_c;
} shape;

/* The numbers that the orchestrator wrote, and room for the results; all in torch's layouts and order. */
typedef struct {
  char *x, *dy, *h0, *c0, *parameters;
  int64_t *lengths;
  char *y, *hn, *cn, *dx, *dh0, *dc0, *gradients;
  int64_t x_size, y_size, state_size, parameters_size; /* bytes */
} arrays;

/* What a worker does. prepare: NULL, or why it refuses. run: one call. collect: before results are saved, puts them into
 * `arrays` where they are not there yet. Any may end the process on an error. */
typedef struct {
  const char *(*prepare)(const shape *, arrays *);
  void (*run)(void);
  void (*collect)(void);
  void (*release)(void);
  int (*other)(const char *command); /* commands of its own; 0: unknown. May be NULL */
} worker;

static inline void fail(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static inline double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Zeroed, and thereby touched; aligned to a page, as a caller that cares would. */
static inline char *allocate(int64_t bytes) {
  const size_t size = ((size_t)bytes + 4096) / 4096 * 4096;
  void *const memory = aligned_alloc(4096, size);
  if (memory == NULL) fail("allocate", "out of memory");
  memset(memory, 0, size);
  return (char *)memory;
}

static inline char *load(const char *folder, const char *name, int64_t bytes) {
  char path[PATH_LENGTH + 64];
  snprintf(path, sizeof path, "%s/%s.bin", folder, name);
  char *const memory = allocate(bytes);
  FILE *const file = fopen(path, "rb");
  if (file == NULL || fread(memory, 1, (size_t)bytes, file) != (size_t)bytes) fail("cannot read", path);
  fclose(file);
  return memory;
}

static inline void store(const char *folder, const char *name, const char *memory, int64_t bytes) {
  char path[PATH_LENGTH + 64];
  if (memory == NULL) return;
  snprintf(path, sizeof path, "%s/%s.bin", folder, name);
  FILE *const file = fopen(path, "wb");
  if (file == NULL || fwrite(memory, 1, (size_t)bytes, file) != (size_t)bytes || fclose(file) != 0) {
    fail("cannot write", path);
  }
}

/* The value of `key` in "... key=value ...", which must be there. */
static inline const char *value_of(const char *line, const char *key, char *out, size_t size) {
  char pattern[64];
  snprintf(pattern, sizeof pattern, " %s=", key);
  const char *found = strstr(line, pattern);
  if (found == NULL) fail("prepare lacks", key);
  found += strlen(pattern);
  const size_t length = strcspn(found, " \n");
  if (length >= size) fail("value is too long", key);
  memcpy(out, found, length);
  out[length] = 0;
  return out;
}

static inline int64_t number_of(const char *line, const char *key) {
  char text[32];
  return strtoll(value_of(line, key, text, sizeof text), NULL, 10);
}

static inline shape parse_shape(const char *line) {
  shape s;
  char text[32];
  memset(&s, 0, sizeof s);
  value_of(line, "folder", s.folder, sizeof s.folder);
  value_of(line, "cell", s.cell, sizeof s.cell);
  value_of(line, "work", text, sizeof text);
  s.work = strcmp(text, "training") == 0 ? TRAINING : strcmp(text, "stream") == 0 ? STREAM : INFERENCE;
  s.item_size = strcmp(value_of(line, "dtype", text, sizeof text), "f64") == 0 ? 8 : 4;
  s.threads = (int)number_of(line, "threads");
  s.T = number_of(line, "T"), s.N = number_of(line, "N"), s.I = number_of(line, "I"), s.H = number_of(line, "H");
  s.layers = number_of(line, "layers"), s.directions = number_of(line, "directions");
  s.lengths = (int)number_of(line, "lengths");
  s.has_c = strcmp(s.cell, "lstm") == 0;
  s.gates = s.has_c ? 4 : strncmp(s.cell, "gru", 3) == 0 ? 3 : 1;
  return s;
}

static inline int64_t layer_inputs(const shape *s, int64_t layer) { return layer == 0 ? s->I : s->directions * s->H; }

static inline arrays load_arrays(const shape *s) {
  arrays a;
  memset(&a, 0, sizeof a);
  int64_t parameters = 0;
  for (int64_t layer = 0; layer < s->layers; layer++) {
    parameters += s->directions * s->gates * s->H * (layer_inputs(s, layer) + s->H + 2);
  }
  a.x_size = s->T * s->N * s->I * s->item_size;
  a.y_size = s->T * s->N * s->directions * s->H * s->item_size;
  a.state_size = s->layers * s->directions * s->N * s->H * s->item_size;
  a.parameters_size = parameters * s->item_size;
  a.x = load(s->folder, "x", a.x_size);
  a.h0 = load(s->folder, "h0", a.state_size);
  if (s->has_c) a.c0 = load(s->folder, "c0", a.state_size);
  a.parameters = load(s->folder, "parameters", a.parameters_size);
  if (s->lengths) a.lengths = (int64_t *)(void *)load(s->folder, "lengths", s->N * 8);
  a.y = allocate(a.y_size);
  if (s->work == TRAINING) {
    a.dy = load(s->folder, "dy", a.y_size);
    a.dx = allocate(a.x_size);
    a.dh0 = allocate(a.state_size);
    if (s->has_c) a.dc0 = allocate(a.state_size);
    a.gradients = allocate(a.parameters_size);
  } else {
    a.hn = allocate(a.state_size);
    if (s->has_c) a.cn = allocate(a.state_size);
  }
  return a;
}

static inline void free_arrays(arrays *a) {
  char *const all[] = {a->x, a->dy, a->h0, a->c0, a->parameters, (char *)a->lengths, a->y,
                       a->hn, a->cn, a->dx, a->dh0, a->dc0, a->gradients};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  memset(a, 0, sizeof *a);
}

static inline void save(const char *folder, const arrays *a) {
  store(folder, "y", a->y, a->y_size);
  store(folder, "hn", a->hn, a->state_size);
  store(folder, "cn", a->cn, a->state_size);
  store(folder, "dx", a->dx, a->x_size);
  store(folder, "dh0", a->dh0, a->state_size);
  store(folder, "dc0", a->dc0, a->state_size);
  store(folder, "gradients", a->gradients, a->parameters_size);
}

/* Answers commands until quit or the end of input. `greeting` is the first line. */
static inline int serve(const worker *w, const char *greeting) {
  static char line[LINE_LENGTH];
  static arrays a;
  int prepared = 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("ready %s\n", greeting);
  while (fgets(line, sizeof line, stdin) != NULL) {
    long warm = 0, count = 0;
    char folder[PATH_LENGTH];
    if (strncmp(line, "prepare ", 8) == 0) {
      if (prepared) w->release(), free_arrays(&a);
      const shape s = parse_shape(line);
      a = load_arrays(&s);
      prepared = 1;
      const char *const refusal = w->prepare(&s, &a);
      if (refusal == NULL) puts("ok");
      else printf("refused %s\n", refusal);
    } else if (sscanf(line, "round %ld %ld", &warm, &count) == 2) {
      for (long i = 0; i < warm; i++) w->run();
      const double start = now();
      for (long i = 0; i < count; i++) w->run();
      printf("time %.9f\n", now() - start);
    } else if (sscanf(line, "save %1023s", folder) == 1) {
      w->run();
      w->collect();
      save(folder, &a);
      puts("ok");
    } else if (strncmp(line, "quit", 4) == 0) {
      break;
    } else if (w->other == NULL || !w->other(line)) {
      fail("unknown command", line);
    }
  }
  return 0;
}

#endif /* WORKER_H */
