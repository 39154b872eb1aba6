// What Swift's Glibc module lacks: GNU extensions and calls whose macros do not import.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// GNU memmem(3): the first occurrence of `needle` in `haystack`, or NULL.
const void *firn_memmem(const void *haystack, size_t haystack_length, const void *needle, size_t needle_length);

/// The birth time of the file behind `descriptor` in Unix nanoseconds (statx(2), STATX_BTIME); -1 where the file
/// system keeps none, -errno - 1 on an error.
int64_t firn_birth_nanoseconds(int descriptor);

/// ioctl TIOCGWINSZ: the columns of the terminal behind `descriptor`, or 0.
int firn_terminal_columns(int descriptor);

/// GNU memrchr(3): the last occurrence of `byte`, or NULL.
const void *firn_memrchr(const void *bytes, int byte, size_t length);

/// What statx(2) says of a file. Times are Unix nanoseconds, clamped to what 63 bits hold.
struct firn_status {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    uint32_t mode;
    uint32_t links;
    int64_t modified;
    int64_t birth;  // -1 where the file system keeps none
};

/// The status of `path` (symbolic links followed), or of `descriptor` itself when `path` is empty. 0, or errno.
int firn_read_status(int descriptor, const char *path, struct firn_status *status);

/// A new inotify(7) instance, non-blocking and closed on exec; -errno on failure.
int firn_inotify_open(void);

/// Watches a folder for writes into its files and for names that come and go. The watch, or -errno.
int firn_inotify_watch(int descriptor, const char *folder);

/// A new eventfd(2), non-blocking and closed on exec; -errno on failure.
int firn_eventfd_open(void);
