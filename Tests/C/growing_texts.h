/* Texts of cells whose size is the danger: so many of something, in each way that a text can have many. Valid in C11
 * and in C++17. */
#ifndef SWIFTRNN_TEST_GROWING_TEXTS_H
#define SWIFTRNN_TEST_GROWING_TEXTS_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

enum { LARGEST_TEXT = 65536, WRITTEN_SIZE = LARGEST_TEXT + 4096 };

/* Where a text is written, and how long it is so far. */
static char *written;
static int64_t *written_size;

static void say(const char *format, ...) {
  const int64_t room = (int64_t)WRITTEN_SIZE - *written_size;
  va_list list;
  va_start(list, format);
  const int64_t count = vsnprintf(written + *written_size, (size_t)room, format, list);
  va_end(list);
  *written_size += count < room ? count : room - 1;
}

/* A piece for each number from 1 on: "%1$x" is the number, "%2$x" the one before. */
static void each(int64_t count, const char *format) {
  for (int64_t i = 1; i <= count && *written_size < LARGEST_TEXT; i++) say(format, (unsigned)i, (unsigned)i - 1);
}

enum { MADE = 51 };

/* Texts whose size is the danger, `n` of something. */
static void make(int64_t kind, int64_t n) {
  switch (kind) {
    case 0: say("h' = tanh(a%x @ x)\n", (int)n), each(n, "a%1$x = a%2$x\n"); break;
    case 1: say("h' = tanh(a%x)\na0 = W @ x\n", (int)n), each(n, "a%1$x = a%2$x * h + x\n"); break;
    case 2: say("h' = x"), each(n, " + W%1$x @ x"); break;
    case 3: say("h' = x"), each(n, " + U%1$x @ h"); break;
    case 4: say("h' = x"), each(n, " + p%1$x * h"); break;
    case 5: say("h' = x"), each(n, " + tanh(p%1$x + h)"); break;
    case 6: say("h' = a%x\na0 = x\n", (int)n), each(n, "a%1$x = tanh(a%2$x)\n"); break;
    case 7: say("h' = a%x\na0 = h\n", (int)n), each(n, "a%1$x = U @ a%2$x\n"); break;
    case 8: say("h' = x"), each(n, " + s%1$x"), say("\n"), each(n, "s%1$x' = s%1$x * h + x\n"); break;
    case 9: each(n, "input i%1$x\nsize i%1$x = 3\n"), say("h' = x"), each(n, " + W%1$x @ i%1$x"); break;
    case 10: say("h' = tanh(a%x)\n", (int)n), each(n, "a%1$x, b%1$x = a%2$x\n"); break;
    case 11: each(n, "a%1$x,"), say("z = W @ x\nh' = z"), each(n, " + a%1$x"); break;
    case 12: say("h' = "), each(n, "-("), say("x"), each(n, ")"); break;
    case 13: say("h' = x"), each(n, " + p%1$x"), say("\n"), each(n, "size p%1$x = k%1$x\n"); break;
    case 14: say("h' = x"), each(n, " + clip(h, -%1$u, %1$u)"); break;
    case 15: say("h' = x"), each(n, " + dropout(h, 0.%1$u)"); break;
    case 16: say("h' = x"), each(n, " + drop_connect(U, 0.%1$u) @ h"); break;
    case 17: say("h' = x"), each(n, " + blocks(U%1$x, H) @ h"); break;
    case 18: say("h' = a * b"), each(n, "b"); break;
    case 19: say("h' = x * 1"), each(n, "0"); break;
    case 20: say("h' = "), each(n, "softmax("), say("x + h"), each(n, ")"); break;
    case 21: say("h' = a%x\na0 = x\n", (int)n), each(n, "a%1$x = where(a%2$x>h,U@a%2$x,v)\n"); break;
    /* Cuts that overlap. */
    case 22:
      say("size v = 720720\nh' = U @ h");
      for (int64_t i = 1; i <= n && i < 64; i++) say(" + sum(c%dx1)", (int)i);
      say("\n");
      for (int64_t i = 1; i <= n && i < 64; i++) {
        for (int64_t k = 1; k <= i; k++) say("%sc%dx%d", k > 1 ? ", " : "", (int)i, (int)k);
        say(" = v\n");
      }
      break;
    case 23: say("h' = h"), each(n, "h"), say("(x)"); break;
    case 24: say("h' = x"), each(n, " * p%1$x"), say("\n"), each(n, "init p%1$x = %1$x\n"); break;
    case 25: say("h' = x"), each(n, " + U%1$x @ h[%1$x]"); break;
    case 26: say("h' = x + "), each(n, "W @ "), say("x"); break;
    case 27: say("h' = x * s\ns = scalar(a)"), each(n, " + scalar(a%1$x) * scalar(a%1$x)"); break;
    case 28: say("h' = a%x\na0 = p\n", (int)n), each(n, "a%1$x = tanh(a%2$x * q%1$x)\n"); break;
    case 29: say("h' = x"), each(n, " - sum(h * p%1$x) * mean(x - %1$u)"); break;
    case 30: say("h' = m%x @ x\nm0 = U\n", (int)n), each(n, "m%1$x, n%1$x = m%2$x\n"); break;
    case 31: say("h' = x"), each(n, " + layer_norm(p%1$x) + batch_norm(h, m%1$x, v%1$x)"); break;
    case 32: say("h' = z + x\nz = a0"), each(n, " + a%1$x"), say("\na0"), each(n, ", a%1$x"), say(" = U @ h\n"); break;
    case 33: say("h' = x"), each(n, " + max(h, p%1$x) / sqrt(h)"); break;
    case 34: n = n < 60 ? n : 60, say("h' = "), each(n, "tanh("), say("x"), each(n, ")"); break;
    case 35: say("h' = a%x + U @ h\na0 = x\n", (int)n), each(n, "a%1$x = batch_norm(a%2$x, m%1$x, v%1$x)\n"); break;
    case 36: say("h' = a%x + U @ h\na0 = x\n", (int)n), each(n, "a%1$x = layer_norm(a%2$x * g%1$x)\n"); break;
    /* Cuts of one long sum: all of them read, one of them, and of many sums that share it. */
    case 37:
      say("size p = 283985\nh' = U @ h"), each(n, " + sum(a%1$x)"), say("\na0"), each(n, ", a%1$x"), say(" = p");
      each(n, " + p");
      break;
    case 38: say("h' = a1 + U @ h\na0"), each(n, ", a%1$x"), say(" = x"), each(n, " + x"); break;
    case 39:
      say("s = x"), each(n, " + x"), say("\nh' = U @ h"), each(n, " + sum(a%1$x * b%1$x)"), say("\n");
      each(n, "a%1$x, b%1$x = tanh(s * %1$u)\n");
      break;
    case 40: say("h' = a%x + U @ h\na0 = x\n", (int)n), each(n, "a%1$x = dropout(a%2$x, 0.5)\n"); break;
    case 41: say("h' = m%x @ x\nm0 = U\n", (int)n), each(n, "m%1$x = drop_connect(m%2$x, 0.5)\n"); break;
    case 42: say("h' = a%x + x\na0 = h\n", (int)n), each(n, "a%1$x = sum_children(a%2$x)\n"); break;
    case 43: say("h' = x + U @ h\n"), each(n, "# %1$x, and not %2$x\n"); break;
    case 44: say("h' = (x"), each(n, " \t\n"), say(")"); break;
    case 45: say("h' = x"), each(n, " + a_name_that_is_as_long_as_any_may_be_%1$x"); break;
    case 46: say("h' = x"), each(n, " + p%1$x * h"), say("\n"), each(n, "init p%1$x = uniform(-1, %1$u)\n"); break;
    case 47: say("like lstm\nf = sigmoid(af"), each(n, " + q%1$x * c"), say(")"); break;
    case 48: say("h' = x"), each(n, " + tanh(U%1$x @ h[1])"); break;
    case 49: say("h' = x"), each(n, " + blocks(U%1$x, 2) @ h + V%1$x @ h"); break;
    default: say("h' = x"), each(n, " + p%1$x * sum(U @ (h * p%1$x))"); break;
  }
}

#endif
