#include "json.h"

#include <stddef.h>

/* The header's object, a tensor in that, the tensor's shape in that. The bound is one of the stack's, too. */
enum { DEEPEST = 3 };

static int fail(json_text *text, const char *problem) {
  text->problem = problem;
  return 0;
}

static void skip_space(json_text *text) {
  while (text->at < text->end && (*text->at == ' ' || *text->at == '\t' || *text->at == '\n' || *text->at == '\r'))
    text->at++;
}

static int comes_next(json_text *text, char mark) {
  skip_space(text);
  return text->at < text->end && *text->at == mark;
}

int json_take(json_text *text, char mark) {
  static const char *const missing[] = {"'{' is missing", "'}' is missing", "'[' is missing", "']' is missing",
                                        "':' is missing", "',' is missing"};
  static const char marks[] = "{}[]:,";
  if (comes_next(text, mark)) {
    text->at++;
    return 1;
  }
  int index = 0;
  while (index < 5 && marks[index] != mark) index++;
  return fail(text, missing[index]);
}

int json_at_end(json_text *text) {
  skip_space(text);
  return text->at == text->end;
}

/* ==== Strings ===================================================================================================== */

/* Bytes of the UTF-8 character that comes next, or 0: RFC 3629 has no overlong forms, no surrogates, and nothing above
 * U+10FFFF. */
static int character_size(const json_text *text) {
  const unsigned char *at = (const unsigned char *)text->at;
  if (at[0] < 0x80) return 1;
  if (at[0] < 0xc2 || at[0] > 0xf4) return 0;
  int size = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
  if (text->end - text->at < size) return 0;
  for (int i = 1; i < size; i++)
    if ((at[i] & 0xc0) != 0x80) return 0;
  int overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
  int surrogate = at[0] == 0xed && at[1] > 0x9f, too_large = at[0] == 0xf4 && at[1] > 0x8f;
  return overlong || surrogate || too_large ? 0 : size;
}

/* The UTF-8 of a character. Returns its bytes. */
static int encode(uint32_t character, char bytes[4]) {
  static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
  int size = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
  for (int i = size - 1; i > 0; i--) {
    bytes[i] = (char)(0x80 | (character & 0x3f));
    character >>= 6;
  }
  bytes[0] = (char)(leads[size] | character);
  return size;
}

/* Four hexadecimal digits. */
static int take_hexadecimal(json_text *text, uint32_t *unit) {
  *unit = 0;
  for (int i = 0; i < 4; i++) {
    if (text->at == text->end) return 0;
    char digit = *text->at++;
    if (digit >= '0' && digit <= '9')
      *unit = 16 * *unit + (uint32_t)(digit - '0');
    else if (digit >= 'a' && digit <= 'f')
      *unit = 16 * *unit + (uint32_t)(digit - 'a' + 10);
    else if (digit >= 'A' && digit <= 'F')
      *unit = 16 * *unit + (uint32_t)(digit - 'A' + 10);
    else
      return 0;
  }
  return 1;
}

/* What follows a backslash. */
static int take_escape(json_text *text, uint32_t *character) {
  static const char letters[] = "\"\\/bfnrt", characters[] = "\"\\/\b\f\n\r\t";
  if (text->at == text->end) return fail(text, "the text ends inside a string");
  char letter = *text->at++;
  for (int i = 0; i < 8; i++) {
    if (letters[i] != letter) continue;
    *character = (unsigned char)characters[i];
    return 1;
  }
  if (letter != 'u' || !take_hexadecimal(text, character)) return fail(text, "an unknown escape");
  if (*character == 0) return fail(text, "a zero character");
  if (*character >= 0xdc00 && *character < 0xe000) return fail(text, "half of a surrogate pair");
  if (*character < 0xd800 || *character >= 0xdc00) return 1;
  uint32_t low;
  if (text->end - text->at < 2 || text->at[0] != '\\' || text->at[1] != 'u')
    return fail(text, "half of a surrogate pair");
  text->at += 2;
  if (!take_hexadecimal(text, &low) || low < 0xdc00 || low >= 0xe000) return fail(text, "half of a surrogate pair");
  *character = 0x10000 + ((*character - 0xd800) << 10) + (low - 0xdc00);
  return 1;
}

/* Takes a string. Decoded bytes go to `out`, unless that is NULL: it starts where the string does, and falls behind at
 * every escape, because each is longer than its character. */
static int take_string(json_text *text, char *out) {
  if (!comes_next(text, '"')) return fail(text, "a string is missing");
  text->at++;
  for (;;) {
    if (text->at == text->end) return fail(text, "the text ends inside a string");
    if (*text->at == '"') break;
    if ((unsigned char)*text->at < 0x20) return fail(text, "a control character inside a string");
    if (*text->at == '\\') {
      uint32_t character;
      text->at++;
      if (!take_escape(text, &character)) return 0;
      if (out != NULL) out += encode(character, out);
      continue;
    }
    int size = character_size(text);
    if (size == 0) return fail(text, "bytes that are no UTF-8");
    for (; size > 0; size--, text->at++)
      if (out != NULL) *out++ = *text->at;
  }
  text->at++;
  if (out != NULL) *out = '\0';
  return 1;
}

char *json_string(json_text *text) {
  skip_space(text);
  char *start = text->at;
  return take_string(text, start) ? start : NULL;
}

/* ==== Numbers, arrays, objects ==================================================================================== */

static int take_number(json_text *text, int64_t *number) {
  skip_space(text);
  char *start = text->at;
  *number = 0;
  while (text->at < text->end && *text->at >= '0' && *text->at <= '9') {
    int digit = *text->at - '0';
    if (*number > (INT64_MAX - digit) / 10) return fail(text, "a number is too large");
    *number = 10 * *number + digit;
    text->at++;
  }
  if (text->at == start) return fail(text, "a number of 0 or more is missing");
  if (*start == '0' && text->at > start + 1) return fail(text, "a number begins with 0");
  return 1;
}

int64_t json_numbers(json_text *text, int64_t *numbers, int64_t room) {
  if (!json_take(text, '[')) return -1;
  if (json_take(text, ']')) return 0;
  int64_t count = 0, number;
  do {
    if (!take_number(text, &number)) return -1;
    if (count < room) numbers[count] = number;
    count++;
  } while (json_take(text, ','));
  return json_take(text, ']') ? count : -1;
}

/* Passes a value, inside `depth` others. Returns the members of an object, 0 for other values, -1 for a mistake. */
static int64_t count_members(json_text *text, int depth) {
  int64_t count = 0, number;
  if (comes_next(text, '"')) return take_string(text, NULL) ? 0 : -1;
  int is_object = comes_next(text, '{');
  if (!is_object && !comes_next(text, '[')) return take_number(text, &number) ? 0 : -1;
  if (depth == DEEPEST) return fail(text, "nested too deeply") - 1;
  text->at++;
  if (json_take(text, is_object ? '}' : ']')) return 0;
  do {
    if (is_object && (!take_string(text, NULL) || !json_take(text, ':'))) return -1;
    if (count_members(text, depth + 1) < 0) return -1;
    count++;
  } while (json_take(text, ','));
  if (!json_take(text, is_object ? '}' : ']')) return -1;
  return is_object ? count : 0;
}

int64_t json_count_members(json_text *text) {
  if (!comes_next(text, '{')) return fail(text, "'{' is missing") - 1;
  return count_members(text, 0);
}
