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
