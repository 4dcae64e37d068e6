/* Programs are built to find their parts in /usr. Preloaded into one that is unpacked elsewhere, this leads it to the parts
   in UNPACKED_ROOT where they are there. These calls are what Dovecot needs (it looks for its programs and starts them,
   lists the folders of its modules and loads them), and what imapfilter needs, which opens its own scripts. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *redirected(const char *path, char *room) {
  const char *root = getenv("UNPACKED_ROOT");
  if (!root || !path || strncmp(path, "/usr/", 5) != 0) return path;
  int length = snprintf(room, PATH_MAX, "%s%s", root, path);
  return length > 0 && length < PATH_MAX && faccessat(AT_FDCWD, room, F_OK, 0) == 0 ? room : path;
}

int execv(const char *path, char *const arguments[]) {
  char room[PATH_MAX];
  int (*next)(const char *, char *const[]) = (int (*)(const char *, char *const[]))dlsym(RTLD_NEXT, "execv");
  return next(redirected(path, room), arguments);
}

int access(const char *path, int mode) {
  char room[PATH_MAX];
  return faccessat(AT_FDCWD, redirected(path, room), mode, 0);
}

DIR *opendir(const char *path) {
  char room[PATH_MAX];
  DIR *(*next)(const char *) = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");
  return next(redirected(path, room));
}

void *dlopen(const char *path, int how) {
  char room[PATH_MAX];
  void *(*next)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
  return next(redirected(path, room), how);
}

FILE *fopen(const char *path, const char *how) {
  char room[PATH_MAX];
  FILE *(*next)(const char *, const char *) = (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, "fopen");
  return next(redirected(path, room), how);
}
