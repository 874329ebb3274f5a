/* Tokens of JSON (RFC 8259), from a buffer that may hold anything: as much of JSON as the headers of safetensors have,
 * objects, arrays, strings, and whole numbers of 0 or more. Nothing is allocated; strings are decoded in the buffer. */
#ifndef JSON_H
#define JSON_H

#include <stdint.h>

/** What has not been read yet. A copy is a look ahead, as long as no string has been decoded since. */
typedef struct json_text {
  char *at, *end;
  const char *problem; /* why the last call failed, in words of the library */
} json_text;

/** Takes a punctuation mark, if that comes next behind white space. @return 1 if so, else 0 with text->problem */
int json_take(json_text *text, char mark);

/** Whether nothing but white space is left. */
int json_at_end(json_text *text);

/** Takes a string, decodes its escapes, and puts a zero behind. Refuses control characters, what is no UTF-8, halves of
 *  surrogate pairs, and the zero character, which would end the string early.
 *  @return the string, inside the buffer, or NULL with text->problem */
char *json_string(json_text *text);

/** Takes an array of numbers in 0 ... INT64_MAX.
 *  @param numbers  receives the first `room` of them
 *  @return how many there are, or -1 with text->problem */
int64_t json_numbers(json_text *text, int64_t *numbers, int64_t room);

/** Counts the members of the object that comes next, and checks all its bytes. Moves past the object, decodes
 *  nothing: to be called on a copy. Refuses objects and arrays that are nested more than three deep.
 *  @return how many there are, or -1 with text->problem */
int64_t json_count_members(json_text *text);

#endif
