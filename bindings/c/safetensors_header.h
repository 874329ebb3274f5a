/* What safetensors.c needs of safetensors_header.c; programs include safetensors.h. */
#ifndef SAFETENSORS_HEADER_H
#define SAFETENSORS_HEADER_H

#include "safetensors.h"

/** Reads the `size` bytes of file->header: fills in metadata and tensors, but for their data. All of the format's rules
 *  hold then: every name once, and every byte of the data in one tensor.
 *  @return 1, or 0 with file->error */
int safetensors_read_header(safetensors *file, int64_t size);

/** Writes file->error: why, and in which tensor, unless that is NULL. @return 0 */
int safetensors_fail(safetensors *file, const char *tensor, const char *format, ...);

#endif
