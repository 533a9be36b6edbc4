/* Preloaded into a server: flushes fail while the file that FAULTS_FSYNC names is there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int flush(const char *name, int fd) {
  const char *mark = getenv("FAULTS_FSYNC");
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  if (mark != NULL && access(mark, F_OK) == 0) {
    errno = EIO;
    return -1;
  }
  return real(fd);
}

int fsync(int fd) { return flush("fsync", fd); }
int fdatasync(int fd) { return flush("fdatasync", fd); }
