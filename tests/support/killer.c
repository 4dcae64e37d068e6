/* Preloaded into followsift, this kills it at one of its writes to the folder of grants: at the call number KILL_AT, before it, in the
   middle of it, or after it, as KILL_HOW says. The calls are those by which the standard library of Rust writes files. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int count;

static int is_due(const char *path) {
  const char *at = getenv("KILL_AT");
  return at && strstr(path, "/tokens") && ++count == atoi(at);
}

static int is_due_for(int file) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_due(path);
}

static int how(const char *word) {
  const char *how = getenv("KILL_HOW");
  return how && strcmp(how, word) == 0;
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

ssize_t write(int file, const void *bytes, size_t length) {
  ssize_t (*next)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  int due = is_due_for(file);
  if (due && how("before")) die();
  ssize_t written = next(file, bytes, due && how("within") ? length / 2 : length);
  if (due) die();
  return written;
}

#define KILLS(name, types, arguments, due_by)                                  \
  int name types {                                                             \
    int (*next) types = (int (*) types)dlsym(RTLD_NEXT, #name);                \
    int due = due_by;                                                          \
    if (due && how("before")) die();                                           \
    int result = next arguments;                                               \
    if (due) die();                                                            \
    return result;                                                             \
  }

KILLS(ftruncate64, (int file, off64_t length), (file, length), is_due_for(file))
KILLS(fsync, (int file), (file), is_due_for(file))
KILLS(rename, (const char *from, const char *to), (from, to), is_due(to))
