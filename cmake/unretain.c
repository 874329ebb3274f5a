/* Copies a static library of ELF objects and takes from its functions the mark that keeps them in every program:
 *
 *   unretain FROM TO
 *
 * The Swift compiler marks each public function as used (SHF_GNU_RETAIN), since it does not know who calls it, so
 * --gc-sections may not take one, and no linker has an option to ignore the marks. In libswiftCore.a they are some
 * 8000. A program whose exports are listed, as ours are in exports.map, needs what is reached from those, and no more.
 * Marks of data stay: the runtime finds types, protocols and conformances by going through whole sections of records,
 * and what these refer to is reached. Nothing else of a file is changed. For 64-bit little-endian objects. */
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef SHF_GNU_RETAIN
#define SHF_GNU_RETAIN (1 << 21)
#endif

/* Before each member of an archive; numbers are decimal, filled with blanks. */
struct member {
  char name[16], date[12], user[6], group[6], mode[8], size[10], end[2];
};

static const char magic[] = "!<arch>\n";

static _Noreturn void fail(const char *file, const char *why) {
  fprintf(stderr, "unretain: %s: %s\n", file, why);
  exit(1);
}

static unsigned char *read_file(const char *path, size_t *size) {
  FILE *const file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) fail(path, "cannot be read");
  const long end = ftell(file);
  if (end < 0 || fseek(file, 0, SEEK_SET) != 0) fail(path, "cannot be read");
  *size = (size_t)end;
  unsigned char *const bytes = malloc(*size + 1);
  if (bytes == NULL || fread(bytes, 1, *size, file) != *size) fail(path, "cannot be read");
  fclose(file);
  return bytes;
}

static void write_file(const char *path, const unsigned char *bytes, size_t size) {
  FILE *const file = fopen(path, "wb");
  if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) fail(path, "cannot be written");
}

/* Takes the mark from the functions of one object; how many had it. Headers are copied out and in, because members of
 * an archive are aligned to two bytes only. */
static long unretain(unsigned char *object, size_t size, const char *archive) {
  Elf64_Ehdr header;
  if (size < sizeof header) fail(archive, "an object ends early");
  memcpy(&header, object, sizeof header);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB) {
    fail(archive, "an object is not of 64 bits, little-endian");
  }
  if (header.e_shoff == 0) return 0;
  Elf64_Shdr section;
  if (header.e_shentsize != sizeof section || header.e_shoff > size - sizeof section) {
    fail(archive, "an object has no table of sections where it should be");
  }
  /* More sections than the header can count: the first one has their number. */
  memcpy(&section, object + header.e_shoff, sizeof section);
  const uint64_t count = header.e_shnum != 0 ? header.e_shnum : section.sh_size;
  if (count > (size - header.e_shoff) / sizeof section) fail(archive, "an object's table of sections ends early");

  long marks = 0;
  for (uint64_t index = 0; index < count; index++) {
    unsigned char *const place = object + header.e_shoff + index * sizeof section;
    memcpy(&section, place, sizeof section);
    if ((section.sh_flags & SHF_EXECINSTR) == 0 || (section.sh_flags & SHF_GNU_RETAIN) == 0) continue;
    section.sh_flags &= ~(uint64_t)SHF_GNU_RETAIN;
    memcpy(place, &section, sizeof section);
    marks++;
  }
  return marks;
}

int main(int count, char **arguments) {
  if (count != 3) {
    fputs("usage: unretain FROM TO\n", stderr);
    return 2;
  }
  size_t size;
  unsigned char *const bytes = read_file(arguments[1], &size);
  size_t at = sizeof magic - 1;
  if (size < at || memcmp(bytes, magic, at) != 0) fail(arguments[1], "is not a static library");

  long marks = 0;
  while (size - at >= sizeof(struct member)) {
    struct member member;
    memcpy(&member, bytes + at, sizeof member);
    at += sizeof member;
    char digits[sizeof member.size + 1] = {0};
    memcpy(digits, member.size, sizeof member.size);
    const unsigned long long length = strtoull(digits, NULL, 10);
    if (memcmp(member.end, "`\n", 2) != 0 || length > size - at) fail(arguments[1], "a member ends early");
    if (length >= SELFMAG && memcmp(bytes + at, ELFMAG, SELFMAG) == 0) {
      marks += unretain(bytes + at, (size_t)length, arguments[1]);
    }
    at += (size_t)length;
    if (at < size && length % 2 != 0) at++;
  }
  write_file(arguments[2], bytes, size);
  free(bytes);
  printf("%s: %ld functions may go where nothing calls them\n", arguments[1], marks);
  return 0;
}
