/* Counts what a process makes durable, and ends or freezes it after one of these steps.
 *
 * Loaded before the C library, whose calls it makes in its place. A call that succeeded is a step: a line of WIDTH
 * bytes is appended to STEPS_LOG, under a lock, so that the length of the file tells the number of the step whoever
 * made it. STEPS_LOG.limit holds a number and a signal: after the step of that number the process sends itself that
 * signal, before the caller hears that the call succeeded.
 *
 * Children are not counted unless STEPS_CHILDREN is set.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WIDTH 256

static char log_path[PATH_MAX - 8];
static char limit_path[PATH_MAX];

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("STEPS_LOG");
    if (path == NULL || strlen(path) >= sizeof log_path)
        return;
    strcpy(log_path, path);
    snprintf(limit_path, sizeof limit_path, "%s.limit", log_path);
    if (getenv("STEPS_CHILDREN") == NULL) {
        unsetenv("LD_PRELOAD");
        unsetenv("STEPS_LOG");
    }
}

static void obey_limit(long number)
{
    char text[64] = "";
    long limit;
    int signal;
    int fd = open(limit_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length > 0 && sscanf(text, "%ld %d", &limit, &signal) == 2 && limit == number) {
        kill(getpid(), signal);
        /* Until the signal arrives, which it may at another thread. */
        while (signal == SIGKILL)
            pause();
    }
}

static void step(const char *call, const char *what)
{
    int before = errno;
    char line[WIDTH + 1];
    struct stat about;
    if (log_path[0] == '\0')
        return;
    int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return;
    /* The end of a path says more than its beginning. */
    size_t length = strlen(what);
    if (length > WIDTH - 40)
        what += length - (WIDTH - 40);
    length = snprintf(line, sizeof line, "%d %s %s", (int)getpid(), call, what);
    memset(line + length, ' ', WIDTH - length);
    line[WIDTH - 1] = '\n';
    flock(fd, LOCK_EX);
    if (write(fd, line, WIDTH) == WIDTH && fstat(fd, &about) == 0)
        obey_limit(about.st_size / WIDTH);
    close(fd);
    errno = before;
}

static int step_of(const char *call, const char *what, long result)
{
    if (result == 0)
        step(call, what);
    return result;
}

static int step_of_file(const char *call, int fd, long result)
{
    char link[64], path[PATH_MAX] = "";
    if (result != 0)
        return result;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    return step_of(call, path, result);
}

int fsync(int fd)
{
    return step_of_file("fsync", fd, syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
    return step_of_file("fdatasync", fd, syscall(SYS_fdatasync, fd));
}

int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
    return step_of("rename", new, syscall(SYS_renameat2, from, old, to, new, flags));
}

int renameat(int from, const char *old, int to, const char *new)
{
    return renameat2(from, old, to, new, 0);
}

int rename(const char *old, const char *new)
{
    return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0);
}

int unlinkat(int folder, const char *path, int flags)
{
    return step_of("unlink", path, syscall(SYS_unlinkat, folder, path, flags));
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}
