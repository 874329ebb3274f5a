/* Reads safetensors files (https://huggingface.co/docs/safetensors): 8 bytes, the size of the header; the header, JSON;
 * the tensors' data. Whatever a file says is checked before memory is requested for it, and memory is in proportion to
 * what the file really has: a damaged file, or a stranger's, gives a message and nothing else.
 *
 * Refused, though other readers take them: a name or key twice, keys that the format does not have, `null` as metadata,
 * zero characters in strings (they would end a string of C), sizes above 2^63 - 1 bits.
 *
 * C11 and C++17. Compile safetensors.c, safetensors_header.c and json.c. */
#ifndef SAFETENSORS_H
#define SAFETENSORS_H

#include <stdint.h>
#include <stdio.h>

typedef struct safetensors_tensor {
  const char *name;     /* UTF-8 */
  const char *dtype;    /* as the format calls it, such as "F32" */
  int64_t rank;         /* 0: a single number */
  int64_t *shape;       /* [rank], each 0 or more */
  int64_t begin, end;   /* where the data is in the file, counted from the header's end */
  void *data;           /* end - begin bytes, aligned for every type, row-major, little-endian as the host */
} safetensors_tensor;

typedef struct safetensors_metadata {
  const char *name, *value;
} safetensors_metadata;

typedef struct safetensors {
  safetensors_tensor *tensors;    /* in the order of their data */
  int64_t tensor_count;
  safetensors_metadata *metadata; /* in the order of their names' bytes */
  int64_t metadata_count;
  char *header;                   /* holds names and values */
  char error[256];                /* why a call failed, in printable ASCII */
} safetensors;

/** Reads a whole file, whatever `file` held before. safetensors_close() afterwards, of a failure too.
 *  @return 1, or 0 with file->error */
int safetensors_read(safetensors *file, const char *path);

/** The same from where a stream is, which may be a pipe, up to its end. */
int safetensors_read_stream(safetensors *file, FILE *stream);

/** Gives the memory back. */
void safetensors_close(safetensors *file);

/** The tensor of a name, or NULL. */
const safetensors_tensor *safetensors_find(const safetensors *file, const char *name);

/** A number of a tensor's shape, or 0 if there is no such tensor or dimension. */
int64_t safetensors_extent(const safetensors *file, const char *name, int64_t dimension);

/** The value of a name in the metadata, or NULL. */
const char *safetensors_metadata_value(const safetensors *file, const char *name);

/** The numbers of a tensor that must be of float32 and have this shape; columns 0: one dimension.
 *  @return what lives until safetensors_close(), or NULL with file->error */
const float *safetensors_float32(safetensors *file, const char *name, int64_t rows, int64_t columns);

/** A whole number in the metadata. @return it, or -1 with file->error if it is not there or not in 1 ... largest */
int64_t safetensors_number(safetensors *file, const char *name, int64_t largest);

#endif
