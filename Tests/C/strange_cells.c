/* Cells from strangers: texts that were written to break things, texts of random equations, and those of the library
 * with pieces changed. Whatever they say, no call may crash, hang, eat memory or write beside its buffers; and where a
 * text is a cell, its networks keep the promises on bits: inference and training, threads, packed weights, streams.
 *
 *     strange_cells                     the texts below, and some hundred others
 *     strange_cells SECONDS [SEED]      others for that long
 *     strange_cells SECONDS SEED ROUND  one of them again
 *     strange_cells FILE                the text of a file, in many sizes
 *
 * Texts are tried in child processes, so that a crash is a finding and not the end. Valid in C11 and in C++17. */
#include "strange_networks.h"

/* Each was a bug once, or is nearly one. */
static const char *const corpus[] = {
    /* What batch_norm is laid on is an input in training: a number, and a matrix that nothing else reads. */
    "h' = batch_norm(mean(tanh(gelu(x) / w2)), bm, vn)\nw1, w2 = v",
    "h' = batch_norm(W @ x, scalar(m), s) + U @ h",
    "h' = batch_norm(dropout(1 * scalar(s), 0.25, per_sequence), bm, vn)",
    "h' = x * batch_norm(clip(blocks(B, 2) @ x, -0.5, 0.75), bm, vn)",
    "input j\nsize j = H\ny = drop_connect(V, 0.5) @ batch_norm(blocks(B, 2) @ j, bm, vn) + max(j, i)\ninput i",
    "h' = W @ x + U @ h",
    /* An output, a state, a mask of parameters only: there is no row of the batch that they were from. */
    "h' = tanh(a * 2)\na, b = p",
    "c' = exp(p) / q\nh' = c' * tanh(U @ h)",
    "h' = dropout(p, 0.5) * gelu(h)",
    "h' = zoneout(p, q, 0.5)\ny = U @ dropout(r, 0.5, per_sequence)",
    "h' = 0.5",
    "y = p",
    /* Products of the same vector that are wanted in places apart. */
    "input a, b\nsize a = 3\nsize b = 2\nh' = x + W @ a + V @ b",
    "d = U @ h\nh' = tanh(W @ x + h * tanh(d))\ny = V @ h\nc' = Z @ h - c",
    /* A slot was free twice where a value is computed that nothing reads. */
    "input i\nc' = mean(i * h[2] + i + h[2])\nh' = tanh(c + h)",
    /* Sums over no rows at all. */
    "like lstm\nf = 1 - i",
    /* x as wide as it says itself; inputs whose size is another in each layer. */
    "size x = H\nh' = h",
    "size x = 2147483647\nh' = W @ x",
    "input a\nsize a = I\nh' = tanh(W @ a + U @ h)",
    "input a\nsize a = 2*I\nh' = U @ a",
    /* Thousands of blocks; rows of blocks; one block. */
    "h' = tanh(blocks(U, H) @ h + W @ x)",
    "h' = blocks(U, 2147483647) @ h",
    "h' = blocks(U, 1) @ h + x",
    "a, b = blocks(U, 2)\nh' = tanh(W @ x)\ny = a @ h + b @ h",
    "a, b = m\nm = drop_connect(blocks(U, 2), 0.5)\nh' = a @ h + b @ h",
    "a, b = drop_connect(U, 0.5)\nh' = a @ h * tanh(b @ h + x)",
    /* Sizes whose products do not fit. */
    "size U = 2147483647\nh' = sum(U @ x) * h",
    "size h = 2147483647*H\nh' = h",
    "like greff\no = 1",
    "size p = K\nsize h = K\nh' = p * h",
    /* Circles, and what is almost one. */
    "h' = a\na = b + a",
    "h' = h'",
    "h' = c'\nc' = h'",
    "like like\nlike = 3",
    "like lstm_zoneout\nlike lstm",
    "size = x\nh' = size\n",
    "input input\nh' = x * input",
    /* Numbers. */
    "h' = x * 1e999",
    "h' = x * 1e308 * 1e308",
    "h' = x / 0",
    "h' = dropout(x, 0.99999999999999999)",
    "h' = dropout(x, 0.9999999999999999) * h",
    "h' = clip(x, 1, -1)",
    "init h = 1e308\ninit p = -1e-320\nh' = p * h",
    "h' = h[99999999999]",
    "h' = h[2147483647] + x",
    /* A number where a vector is wanted. */
    "h' = W @ scalar(s)",
    "h' = softmax(sum(x))",
    "y = sum(x)",
    "input i\ny = i\nh' = i * h",
    "h' = sum_children(1) * x",
    "h' = where(1 > 2, x, h)",
    "h' = where(x > h, 1, 2)",
    "a, b = 2\nh' = a",
    "y, z = x\nh' = z",
    /* Bytes. */
    "",
    "\n\n#",
    "h' = (\nx\n+\n(h)\n)",
    "h' = x)",
    "\xff\xfeh' = x",
    "h' = \xc3\xa9",
};
enum { CORPUS = sizeof corpus / sizeof *corpus };

static void library_text(void) {
  int64_t count = 0, size = 0;
  char name[64];
  swiftrnn_cell_count(&count);
  swiftrnn_cell_name(any(count), name, sizeof name);
  if (any(3) == 0) {
    say("like %s\n%s", name, any(2) ? "h' = x * h\n" : "");
  } else {
    swiftrnn_cell_text(name, now->text, LARGEST_TEXT, &size);
    now->size = size - 1;
  }
}

static void round_of(int64_t round, uint64_t seed) {
  static const int64_t some[] = {1, 2, 15, 16, 17, 63, 64, 65, 300, 1000, 2000, 4000, 4096, 8000, 30000};
  now->round = round;
  now->size = 0;
  random_state = seed * 1000003 + (uint64_t)round;
  if (round < CORPUS) {
    say("%s", corpus[round]);
    try_text(9);
    return;
  }
  const int64_t kind = any(40);
  if (round < CORPUS + 5 * MADE || kind == 0) {
    const int64_t number = round < CORPUS + 5 * MADE ? round - CORPUS : any(5 * MADE);
    const int64_t sizes[5] = {3, 17, 300, 2000, 8000};
    make(number / 5, kind == 0 ? some[any(15)] : sizes[number % 5]);
    if (now->size > LARGEST_TEXT) now->size = LARGEST_TEXT;
    if (kind == 0 && any(3) == 0) mutate();
    try_text(kind == 0 ? 3 : 2);
    return;
  }
  if (kind == 1) {
    for (now->size = any(200) * any(20); now->size > 0 && random_state % 2 == 0;) now->size--;
    for (int64_t i = 0; i < now->size; i++) now->text[i] = (char)any(256);
  } else if (kind < 16) {
    library_text();
    if (any(4)) mutate();
  } else {
    random_cell();
    drop_unread();
    if (any(6) == 0) mutate();
  }
  try_text(4);
}

static char *file_text(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  now->size = (int64_t)fread(now->text, 1, LARGEST_TEXT + 1, file);
  fclose(file);
  return now->text;
}

/* Rounds until one fails, the time is over or there have been enough for a child. */
static void child(int64_t round, int64_t last, uint64_t seed, double end, const char *file) {
  struct rlimit memory = {(rlim_t)6 << 30, (rlim_t)6 << 30};
  if (SWIFTRNN_TEST_SLOWER == 1) setrlimit(RLIMIT_AS, &memory);
  for (; round < last && (double)time(NULL) < end; round++) {
    if (file == NULL) {
      round_of(round, seed);
    } else {
      now->round = round;
      random_state = seed * 1000003 + (uint64_t)round;
      try_text(60);
    }
  }
  fflush(NULL);
  now->round = round;
  _exit(EXIT_SUCCESS);
}

int main(int argc, char **argv) {
  now = (progress *)required(mmap(NULL, sizeof *now, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  written = now->text, written_size = &now->size;
  const double given = argc > 1 ? strtod(argv[1], NULL) : 0;
  const char *file = argc > 1 && given == 0 ? argv[1] : NULL;
  if (file != NULL && file_text(file) == NULL) return EXIT_FAILURE;
  const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  const double end = (double)time(NULL) + (given > 0 ? given : 600);
  const int64_t first = argc > 3 ? strtoll(argv[3], NULL, 10) : 0;
  const int64_t last = argc > 3 ? first + 1 : file != NULL ? 1 : given > 0 ? INT64_MAX : CORPUS + 5 * MADE + 200;
  int64_t round = first;
  while (round < last && (double)time(NULL) < end) {
    fflush(NULL);
    const int64_t until = last - round > TEXTS_OF_A_CHILD ? round + TEXTS_OF_A_CHILD : last;
    const pid_t process = fork();
    if (process == 0) child(round, until, seed, end, file);
    int status = -1;
    if (process < 0 || waitpid(process, &status, 0) != process) return EXIT_FAILURE;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) {
      round = now->round;
    } else {
      fail("the process ended with wait status %#x", (unsigned)status);
      round = now->round + 1;
    }
  }
  printf("%ld texts, %ld cells, %ld networks, %ld passes; slowest to compile %.2f s, round %" PRId64
         "; largest %" PRId64 " MiB, round %" PRId64 "\n",
         now->texts, now->cells, now->networks, now->passes, now->slowest, now->slowest_round, now->grown >> 20,
         now->largest_round);
  check_count = now->texts, check_failures = now->failures;
  return check_result();
}
