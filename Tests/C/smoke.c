/* Does the library load, and is it the one of this header? */
#include "check.h"

int main(void) {
  char expected[64];
  snprintf(expected, sizeof expected, "%d.%d.%d", SWIFTRNN_VERSION_MAJOR, SWIFTRNN_VERSION_MINOR,
           SWIFTRNN_VERSION_PATCH);
  CHECK_TEXT(swiftrnn_version(), expected);

  const char *isa = swiftrnn_isa();
  CHECK(isa != NULL);
  CHECK(strcmp(isa, "baseline") == 0 || strcmp(isa, "avx2") == 0 || strcmp(isa, "avx512") == 0);
  /* A run under an emulated CPU says which set that CPU must get. */
  const char *wanted = getenv("SWIFTRNN_TEST_EXPECTED_ISA");
  if (wanted != NULL) CHECK_TEXT(isa, wanted);

  CHECK_TEXT(swiftrnn_status_string(SWIFTRNN_STATUS_OK), "ok");
  CHECK_TEXT(swiftrnn_status_string(SWIFTRNN_STATUS_NULL_POINTER), "null pointer");
  CHECK_TEXT(swiftrnn_status_string(SWIFTRNN_STATUS_INVALID_SIZE), "invalid size");
  CHECK_TEXT(swiftrnn_status_string(SWIFTRNN_STATUS_UNSUPPORTED), "unsupported");
  CHECK_TEXT(swiftrnn_status_string((swiftrnn_status)1000), "unknown status");
  return check_result();
}
