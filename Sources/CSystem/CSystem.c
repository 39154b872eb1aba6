#define _GNU_SOURCE
#include "CSystem.h"
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

const void *firn_memmem(const void *haystack, size_t haystack_length, const void *needle, size_t needle_length) {
    return memmem(haystack, haystack_length, needle, needle_length);
}

int64_t firn_birth_nanoseconds(int descriptor) {
    struct statx status;
    if (statx(descriptor, "", AT_EMPTY_PATH, STATX_BTIME, &status) != 0) return -(int64_t)errno - 1;
    if (!(status.stx_mask & STATX_BTIME)) return -1;
    return (int64_t)status.stx_btime.tv_sec * 1000000000 + status.stx_btime.tv_nsec;
}

int firn_terminal_columns(int descriptor) {
    struct winsize size;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

const void *firn_memrchr(const void *bytes, int byte, size_t length) {
    return memrchr(bytes, byte, length);
}

static int64_t nanoseconds(struct statx_timestamp time) {
    int64_t result;
    if (__builtin_mul_overflow(time.tv_sec, (int64_t)1000000000, &result) ||
        __builtin_add_overflow(result, (int64_t)time.tv_nsec, &result) || result < 0)
        return time.tv_sec < 0 ? 0 : INT64_MAX;
    return result;
}

int firn_read_status(int descriptor, const char *path, struct firn_status *status) {
    struct statx found;
    int flags = path[0] == 0 ? AT_EMPTY_PATH : 0;
    if (statx(descriptor, path, flags, STATX_BASIC_STATS | STATX_BTIME, &found) != 0) return errno;
    status->device = makedev(found.stx_dev_major, found.stx_dev_minor);
    status->inode = found.stx_ino;
    status->size = found.stx_size;
    status->mode = found.stx_mode;
    status->links = found.stx_nlink;
    status->modified = nanoseconds(found.stx_mtime);
    status->birth = found.stx_mask & STATX_BTIME ? nanoseconds(found.stx_btime) : -1;
    return 0;
}

ssize_t firn_append_range(int source, off_t offset, int target, size_t count) {
    off64_t from = offset;
    return copy_file_range(source, &from, target, NULL, count, 0);
}

void firn_frugal_malloc(void) {
    // A threshold that is set no longer grows with what is freed.
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
    mallopt(M_ARENA_MAX, 2);
}

void firn_trim_malloc(void) { malloc_trim(0); }

static int forget_code(struct dl_phdr_info *program, size_t size, void *unused) {
    (void)size;
    (void)unused;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < program->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &program->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || (part->p_flags & (PF_X | PF_W)) != PF_X) continue;
        uintptr_t start = program->dlpi_addr + part->p_vaddr;
        uintptr_t end = (start + part->p_memsz) & ~(page - 1);
        start = (start + page - 1) & ~(page - 1);
        // The mapping is private and never written to: its content is the file's.
        if (end > start) madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 1;  // the program itself comes first
}

void firn_forget_code(void) { dl_iterate_phdr(forget_code, NULL); }
