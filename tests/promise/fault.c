/* Makes chosen file operations of the agent fail, below everything that it is written in: preloaded, it stands between the program and
 * the C library. FAULT_PATH is a part of the file's path, FAULT_OP one of open, read, write, sync, FAULT_ERRNO the error's number,
 * FAULT_SKIP how many operations go well first, FAULT_TIMES how many fail then (0: all). Only processes named `shakedown` are struck,
 * since scripts inherit the environment. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long seen;

static int is_agent(void)
{
    static int known = -1;
    if (known < 0) {
        const char *last = NULL;
        char path[4096];
        ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
        if (length > 0) {
            path[length] = 0;
            last = strrchr(path, '/');
        }
        known = last && strcmp(last, "/shakedown") == 0;
    }
    return known;
}

static int strikes(const char *operation, const char *path)
{
    const char *wanted = getenv("FAULT_OP"), *part = getenv("FAULT_PATH");
    if (!wanted || !part || strcmp(wanted, operation) != 0 || !strstr(path, part) || !is_agent())
        return 0;
    const char *skip = getenv("FAULT_SKIP"), *times = getenv("FAULT_TIMES"), *number = getenv("FAULT_ERRNO");
    long nth = atomic_fetch_add(&seen, 1), first = skip ? atol(skip) : 0, most = times ? atol(times) : 0;
    if (nth < first || (most > 0 && nth >= first + most))
        return 0;
    errno = number ? atoi(number) : EIO;
    return 1;
}

static int strikes_open_file(const char *operation, int fd)
{
    char link[64], path[4096];
    int error = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = error;
    if (length <= 0)
        return 0;
    path[length] = 0;
    return strikes(operation, path);
}

#define NEXT(name) static __typeof__(&name) next; if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define OPEN(name) \
    int name(const char *path, int flags, ...) \
    { \
        NEXT(name); \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(list, mode_t) : 0; \
        va_end(list); \
        return strikes("open", path) ? -1 : next(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

ssize_t read(int fd, void *to, size_t count)
{
    NEXT(read);
    return strikes_open_file("read", fd) ? -1 : next(fd, to, count);
}

ssize_t write(int fd, const void *from, size_t count)
{
    NEXT(write);
    return strikes_open_file("write", fd) ? -1 : next(fd, from, count);
}

#define AT(name, operation, pointer) \
    ssize_t name(int fd, pointer data, size_t count, off64_t place) \
    { \
        NEXT(name); \
        return strikes_open_file(operation, fd) ? -1 : next(fd, data, count, place); \
    }
AT(pread64, "read", void *)
AT(pwrite64, "write", const void *)

#define SYNC(name) \
    int name(int fd) \
    { \
        NEXT(name); \
        return strikes_open_file("sync", fd) ? -1 : next(fd); \
    }
SYNC(fsync)
SYNC(fdatasync)
