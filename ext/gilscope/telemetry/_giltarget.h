/* Memory of the process that is watched: this one, or another one of the same user.
 *
 * SAFETY: what is read may be freed meanwhile, or belong to a process that ends, so nothing is ever dereferenced: the
 * kernel copies, and answers EFAULT where nothing is mapped and ESRCH where nobody lives.
 */
#ifndef GILSCOPE_GILTARGET_H
#define GILSCOPE_GILTARGET_H

#ifndef _GNU_SOURCE
#  define _GNU_SOURCE 1 /* process_vm_readv, RTLD_DEFAULT */
#endif
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define GS_FILES 32

/* Files of /proc that stay open: to open one costs more than to read it. */
typedef struct {
    struct {
        int fd;                     /* 0: none */
        int64_t native_id;
        const char *name;
        uint64_t device, inode;     /* the program may close what it did not open, and get the number for another file */
    } at[GS_FILES];
} gs_files;

typedef struct {
    int64_t pid;      /* of another process; 0: this one */
    gs_files *files;  /* NULL: none stay open */
} gs_target;

#if !defined(_WIN32) && (defined(__GNUC__) || defined(__clang__))

#  include <errno.h>
#  include <unistd.h>
#  if defined(__linux__)
#    include <fcntl.h>
#    include <sys/prctl.h>
#    include <sys/stat.h>
#    include <sys/uio.h>
#  endif

#  define GS_BATCH 256 /* pieces in one call; the system allows 1024 */

/* Pieces of memory that are copied in one call, in this order. */
typedef struct {
#  if defined(__linux__)
    struct iovec to[GS_BATCH], from[GS_BATCH];
#  endif
    int count;
    size_t wanted;
} gs_batch;

static inline void gs_batch_clear(gs_batch *b)
{
    b->count = 0;
    b->wanted = 0;
}

/* Add a piece; one too many makes the batch fail as a whole. */
static inline void gs_batch_add(gs_batch *b, uintptr_t from, void *to, size_t size)
{
#  if defined(__linux__)
    if (b->count < GS_BATCH) {
        struct iovec piece = {to, size}, source = {(void *)from, size};
        b->to[b->count] = piece;
        b->from[b->count] = source;
    }
#  else
    (void)from, (void)to;
#  endif
    b->count += 1;
    b->wanted += size;
}

/* Copy all pieces; 1, or 0 if any of them could not be read. */
static inline int gs_batch_fetch(const gs_target *t, const gs_batch *b)
{
#  if defined(__linux__)
    pid_t pid = t->pid ? (pid_t)t->pid : getpid();
    unsigned long count = (unsigned long)b->count;
    return b->count <= GS_BATCH && process_vm_readv(pid, b->to, count, b->from, count, 0) == (ssize_t)b->wanted;
#  else
    (void)t, (void)b;
    return 0;
#  endif
}

static inline int gs_peek(const gs_target *t, uintptr_t from, void *to, size_t size)
{
#  if defined(__linux__)
    pid_t pid = t->pid ? (pid_t)t->pid : getpid();
    struct iovec piece = {to, size}, source = {(void *)from, size};
    return process_vm_readv(pid, &piece, 1, &source, 1, 0) == (ssize_t)size;
#  else
    (void)t, (void)from, (void)to, (void)size;
    return 0;
#  endif
}

/* 0 if the system lets this process read that byte of another one, or an errno. */
static inline int gs_refused(int64_t pid, uintptr_t address)
{
    gs_target target = {pid, NULL};
    char byte;
    errno = ENOSYS;
    return gs_peek(&target, address, &byte, 1) ? 0 : errno;
}

/* Let any process of the same user read this one, where the system asks for it (Yama, ptrace_scope 1); 0 or an errno. */
static inline int gs_allow(void)
{
#  if defined(__linux__) && defined(PR_SET_PTRACER)
    return prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0) == 0 ? 0 : errno;
#  else
    return ENOSYS;
#  endif
}

#  if defined(__linux__)
static inline int gs_task_open(const gs_target *t, int64_t native_id, const char *name)
{
    char path[96];
    if (t->pid)
        snprintf(path, sizeof path, "/proc/%lld/task/%lld/%s", (long long)t->pid, (long long)native_id, name);
    else
        snprintf(path, sizeof path, "/proc/self/task/%lld/%s", (long long)native_id, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static inline ssize_t gs_read_kept(const gs_target *t, int64_t native_id, const char *name, char *text, size_t size)
{
    struct stat facts;
    unsigned slot = ((unsigned)native_id * 5u + (unsigned char)name[1]) % GS_FILES;
    int fd = t->files->at[slot].fd;
    int ours = fd > 0 && fstat(fd, &facts) == 0 && (uint64_t)facts.st_ino == t->files->at[slot].inode
               && (uint64_t)facts.st_dev == t->files->at[slot].device;
    if (ours && t->files->at[slot].native_id == native_id && t->files->at[slot].name == name) {
        ssize_t length = pread(fd, text, size, 0);
        if (length >= 0)
            return length;
    }
    if (ours)
        close(fd);
    fd = gs_task_open(t, native_id, name);
    if (fd >= 0 && fstat(fd, &facts) == 0) {
        t->files->at[slot].native_id = native_id;
        t->files->at[slot].name = name;
        t->files->at[slot].inode = (uint64_t)facts.st_ino;
        t->files->at[slot].device = (uint64_t)facts.st_dev;
    }
    t->files->at[slot].fd = fd > 0 ? fd : 0;
    return fd > 0 ? pread(fd, text, size, 0) : -1;
}
#  endif

/* Read /proc/PID/task/TID/NAME as text; its length, or -1. NAME is a literal: it is known again by its address. */
static inline int gs_task_file(const gs_target *t, int64_t native_id, const char *name, char *text, size_t size)
{
#  if defined(__linux__)
    ssize_t length = -1;
    if (t->files != NULL) {
        length = gs_read_kept(t, native_id, name, text, size - 1);
    } else {
        int fd = gs_task_open(t, native_id, name);
        if (fd >= 0) {
            length = read(fd, text, size - 1);
            close(fd);
        }
    }
    text[length < 0 ? 0 : length] = 0;
    return (int)length;
#  else
    (void)t, (void)native_id, (void)name, (void)text, (void)size;
    return -1;
#  endif
}

static inline void gs_files_close(gs_files *files)
{
#  if defined(__linux__)
    struct stat facts;
    for (int i = 0; i < GS_FILES; i++)
        if (files->at[i].fd > 0 && fstat(files->at[i].fd, &facts) == 0
            && (uint64_t)facts.st_ino == files->at[i].inode && (uint64_t)facts.st_dev == files->at[i].device)
            close(files->at[i].fd);
#  endif
    memset(files, 0, sizeof *files);
}

#else
static inline int gs_refused(int64_t pid, uintptr_t address) { (void)pid, (void)address; return -1; }
static inline int gs_allow(void) { return -1; }
#endif
#endif
