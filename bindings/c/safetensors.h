/* Reads parameters from a safetensors file (https://huggingface.co/docs/safetensors) of float32 tensors of one or two
 * dimensions. Every length in the file is checked: a damaged file gives a message, nothing else. */
#ifndef SAFETENSORS_H
#define SAFETENSORS_H

#include <stdint.h>

/** A file in memory. Zero it before the first call. */
typedef struct safetensors {
  char *bytes;          /* the whole file */
  float *numbers;       /* its numbers, aligned */
  struct tensor *tensors;
  int64_t tensor_count;
  struct metadata *metadata;
  int64_t metadata_count;
  char error[256];      /* why a call failed */
} safetensors;

/** Reads a file. @return 1, or 0 with file->error */
int safetensors_read(safetensors *file, const char *path);

/** Gives the memory back, of a file that could not be read too. */
void safetensors_close(safetensors *file);

/** The tensor of this name, which must have this shape; columns 0: one dimension.
 *  @return its numbers, which live until safetensors_close(), or NULL with file->error */
const float *safetensors_tensor(safetensors *file, const char *name, int64_t rows, int64_t columns);

/** A number in the metadata. @return it, or -1 with file->error if it is not there or not in 1 ... largest */
int64_t safetensors_number(safetensors *file, const char *name, int64_t largest);

#endif
