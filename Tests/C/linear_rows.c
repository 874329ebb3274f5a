/* A row of a linear layer has the same bits alone, among few rows and among many, which are computed in three ways; and
 * few rows allocate nothing, so that the layer can stand behind a stream. */
#include "allocator.h"
#include "check.h"
#include "problem.h"

/* The last sizes are worth several threads from 3 rows on. */
enum { MANY = 200, FEW = 8, MOST_INPUTS = 600, MOST_OUTPUTS = 330, SIZES = 8 };

static double x[MANY * MOST_INPUTS], weight[MOST_OUTPUTS * MOST_INPUTS], bias[MOST_OUTPUTS];
static double all[MANY * MOST_OUTPUTS], some[MANY * MOST_OUTPUTS];

static void draw(double *numbers, int64_t count, swiftrnn_dtype dtype, uint64_t *state) {
  for (int64_t i = 0; i < count; i++) {
    const double number = (double)(next_random(state) >> 11) / 4503599627370496.0 - 1;
    if (dtype == SWIFTRNN_FLOAT64) {
      numbers[i] = number;
    } else {
      ((float *)numbers)[i] = (float)number;
    }
  }
}

/* Counted with one thread: others of an earlier call may still be at work. */
static void check_rows(swiftrnn_dtype dtype, int64_t inputs, int64_t outputs, const void *own_bias, int64_t threads) {
  const int64_t size = dtype == SWIFTRNN_FLOAT64 ? 8 : 4;
  CHECK_STATUS(swiftrnn_linear_forward(dtype, MANY, inputs, outputs, x, weight, own_bias, all), SWIFTRNN_STATUS_OK);
  for (int64_t rows = 1; rows < 80; rows += rows < FEW + 2 ? 1 : 23) {
    for (int64_t first = 0; first + rows <= MANY; first += 61) {
      memset(some, 0x5a, (size_t)((rows * outputs + 1) * size));
      watch(0, 0);
      const int status = (int)swiftrnn_linear_forward(dtype, rows, inputs, outputs, (char *)x + first * inputs * size,
                                                      weight, own_bias, some);
      unwatch();
      CHECK_STATUS(status, SWIFTRNN_STATUS_OK);
      CHECK(memcmp(some, (char *)all + first * outputs * size, (size_t)(rows * outputs * size)) == 0);
      CHECK(((unsigned char *)some)[rows * outputs * size] == 0x5a);
      if (rows <= FEW && threads == 1) CHECK(allocations == 0 && frees == 0 && locks == 0);
    }
  }
}

int main(void) {
  static const int64_t inputs[SIZES] = {1, 3, 63, 64, 65, 129, 300, MOST_INPUTS},
                       outputs[SIZES] = {1, 5, 16, 95, 96, 97, 130, MOST_OUTPUTS};
  uint64_t state = 3;
  for (int variant = 0; variant < 4; variant++) {
    const swiftrnn_dtype dtype = variant & 1 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
    const int64_t threads = variant < 2 ? 1 : 3;
    CHECK_STATUS(swiftrnn_set_num_threads(threads), SWIFTRNN_STATUS_OK);
    draw(x, MANY * MOST_INPUTS, dtype, &state), draw(bias, MOST_OUTPUTS, dtype, &state);
    draw(weight, MOST_OUTPUTS * MOST_INPUTS, dtype, &state);
    /* Only large sizes are worth several threads. Each size is met with and without a bias. */
    for (size_t i = threads == 1 ? 0 : SIZES - 2; i < SIZES; i++) {
      for (size_t o = threads == 1 ? 0 : SIZES - 2; o < SIZES; o++) {
        check_rows(dtype, inputs[i], outputs[o], (i + o) % 2 == 0 ? bias : NULL, threads);
      }
    }
  }
  return check_result();
}
