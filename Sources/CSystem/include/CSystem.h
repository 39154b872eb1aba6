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

/// A non-blocking socket bound to a numeric or named `host` (empty: all addresses) and a decimal `port`, listening unless
/// `datagram`. IPv6's "any" takes IPv4 too. -errno on failure; -EADDRNOTAVAIL where the name has no address.
int firn_listen_inet(const char *host, const char *port, int datagram);

/// As above, at `path`, writable for everybody. A socket file that nobody listens at any more is replaced.
int firn_listen_unix(const char *path, int datagram);

/// A non-blocking connection with keepalive from a listening socket, and who it is from as numeric text (empty for
/// Unix sockets) unless `peer` is NULL. -errno on failure.
int firn_accept(int listener, char *peer, size_t peer_length);

/// The port that a socket is bound to, or -errno.
int firn_bound_port(int socket);

enum { firn_peer_length = 48 };

struct firn_datagram {
    uint32_t length;
    uint32_t overruns;  // of the socket's queue since it was opened (SO_RXQ_OVFL); 0 where the kernel said nothing
    int is_cut;         // longer than the stride
    char peer[firn_peer_length];  // numeric text, empty for Unix sockets
};

/// Receives at most `count` datagrams (at most 64) without waiting, the n-th at `buffer + n * stride`. How many, or -errno.
int firn_receive_datagrams(int socket, void *buffer, size_t stride, struct firn_datagram *datagrams, int count);

/// How many datagrams the socket's queue had no room for since it was opened (SO_MEMINFO); 0 where the kernel says nothing.
uint32_t firn_datagrams_dropped(int socket);

/// epoll(7) for reading, level-triggered. A descriptor, or -errno.
int firn_poller_create(void);

/// 0, or -errno.
int firn_poller_add(int poller, int descriptor, uint64_t token);

/// Waits for tokens of what can be read, at most 64. How many; 0 after `milliseconds` or a signal.
int firn_poller_wait(int poller, uint64_t *tokens, int milliseconds);

/// eventfd(2), non-blocking. A descriptor, or -errno.
int firn_event_create(void);

/// Runs a program found on PATH with nothing to read, and a pipe that gives what it writes. `arguments` ends with NULL and
/// begins with its name. The process, or -errno.
int firn_spawn_reading(char *const *arguments, int *output);

/// A new inotify(7) instance, non-blocking and closed on exec; -errno on failure.
int firn_inotify_open(void);

/// Watches a folder for names that come and go, and with `contents` for writes into its files; what it was watched for
/// before stays. The watch, or -errno.
int firn_inotify_watch(int descriptor, const char *folder, int contents);

/// Whether other machines or programs may change what is at `path` without the kernel's knowing: on network file systems,
/// and on those that a program serves (FUSE).
int firn_is_remote(const char *path);

/// A new eventfd(2), non-blocking and closed on exec; -errno on failure.
int firn_eventfd_open(void);

/// copy_file_range(2): up to `count` bytes of `source` from `offset`, to where `target` stands.
ssize_t firn_append_range(int source, off_t offset, int target, size_t count);

/// Keeps malloc(3) from holding on to what was freed: few arenas, and large pieces given back at once.
void firn_frugal_malloc(void);

/// malloc_trim(3): gives free pages back to the system.
void firn_trim_malloc(void);

/// Unmaps the pages of this program's own code, which come back from the page cache as they are needed: what only starting
/// up took no longer counts as its memory.
void firn_forget_code(void);
