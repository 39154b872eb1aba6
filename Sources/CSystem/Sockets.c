#define _GNU_SOURCE
#include "CSystem.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int failed(int descriptor) {
    int code = errno;
    if (descriptor >= 0) close(descriptor);
    return -code;
}

static void set(int descriptor, int level, int option, int value) {
    (void)setsockopt(descriptor, level, option, &value, sizeof value);
}

static void enable(int descriptor, int level, int option) { set(descriptor, level, option, 1); }

static int listen_at(const struct addrinfo *address, int datagram) {
    int type = (datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int descriptor = socket(address->ai_family, type, 0);
    if (descriptor < 0) return failed(-1);
    if (datagram) enable(descriptor, SOL_SOCKET, SO_RXQ_OVFL);
    else enable(descriptor, SOL_SOCKET, SO_REUSEADDR);
    if (bind(descriptor, address->ai_addr, address->ai_addrlen) != 0) return failed(descriptor);
    if (!datagram && listen(descriptor, 512) != 0) return failed(descriptor);
    if (datagram) {
        // Bursts wait here while blocks are compressed and synced; the kernel gives what it allows.
        int bytes = 8 << 20;
        (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
    return descriptor;
}

int firn_listen_inet(const char *host, const char *port, int datagram) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = datagram ? SOCK_DGRAM : SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host[0] ? host : NULL, port, &hints, &found) != 0) return -EADDRNOTAVAIL;
    int result = -EADDRNOTAVAIL;
    for (struct addrinfo *next = found; next && result < 0; next = next->ai_next) result = listen_at(next, datagram);
    freeaddrinfo(found);
    return result;
}

/// Whether somebody listens at a Unix socket's address.
static int is_in_use(const struct sockaddr_un *address, int type) {
    int probe = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (probe < 0) return 1;
    int refused = connect(probe, (const struct sockaddr *)address, sizeof *address) != 0 && errno == ECONNREFUSED;
    close(probe);
    return !refused;
}

int firn_listen_unix(const char *path, int datagram) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    int type = datagram ? SOCK_DGRAM : SOCK_STREAM;
    struct stat status;
    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode) && !is_in_use(&address, type)) unlink(path);
    int descriptor = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return failed(-1);
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0) return failed(descriptor);
    if (chmod(path, 0666) != 0) return failed(descriptor);
    if (!datagram && listen(descriptor, 512) != 0) return failed(descriptor);
    return descriptor;
}

static void write_peer(const struct sockaddr_storage *address, char *peer, size_t length) {
    peer[0] = 0;
    if (address->ss_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, peer, (socklen_t)length);
    } else if (address->ss_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(six)) inet_ntop(AF_INET, six->s6_addr + 12, peer, (socklen_t)length);
        else inet_ntop(AF_INET6, six, peer, (socklen_t)length);
    }
}

int firn_accept(int listener, char *peer, size_t peer_length) {
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    int descriptor = accept4(listener, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return -errno;
    // A sender whose machine or network is gone is let go after two minutes. Sockets that are not of TCP take no notice.
    enable(descriptor, SOL_SOCKET, SO_KEEPALIVE);
    set(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    set(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 6);
    if (peer) write_peer(&address, peer, peer_length);
    return descriptor;
}

int firn_bound_port(int socket) {
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    if (getsockname(socket, (struct sockaddr *)&address, &length) != 0) return -errno;
    if (address.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&address)->sin_port);
    if (address.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return 0;
}

static uint32_t overruns(struct msghdr *message) {
    for (struct cmsghdr *next = CMSG_FIRSTHDR(message); next; next = CMSG_NXTHDR(message, next)) {
        if (next->cmsg_level == SOL_SOCKET && next->cmsg_type == SO_RXQ_OVFL) {
            uint32_t count;
            memcpy(&count, CMSG_DATA(next), sizeof count);
            return count;
        }
    }
    return 0;
}

int firn_receive_datagrams(int socket, void *buffer, size_t stride, struct firn_datagram *datagrams, int count) {
    enum { most = 64 };
    struct mmsghdr messages[most] = {0};
    struct iovec pieces[most];
    struct sockaddr_storage peers[most];
    union { struct cmsghdr aligned; char bytes[CMSG_SPACE(sizeof(uint32_t))]; } control[most];
    if (count > most) count = most;
    for (int index = 0; index < count; index += 1) {
        pieces[index] = (struct iovec){.iov_base = (char *)buffer + (size_t)index * stride, .iov_len = stride};
        peers[index].ss_family = AF_UNSPEC;
        messages[index].msg_hdr = (struct msghdr){
            .msg_name = &peers[index], .msg_namelen = sizeof peers[index], .msg_iov = &pieces[index], .msg_iovlen = 1,
            .msg_control = &control[index], .msg_controllen = sizeof control[index]};
    }
    int received = recvmmsg(socket, messages, (unsigned)count, MSG_DONTWAIT, NULL);
    if (received < 0) return -errno;
    for (int index = 0; index < received; index += 1) {
        datagrams[index].length = messages[index].msg_len;
        datagrams[index].is_cut = (messages[index].msg_hdr.msg_flags & MSG_TRUNC) != 0;
        datagrams[index].overruns = overruns(&messages[index].msg_hdr);
        write_peer(&peers[index], datagrams[index].peer, firn_peer_length);
    }
    return received;
}

uint32_t firn_datagrams_dropped(int socket) {
    uint32_t figures[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof figures;
    if (getsockopt(socket, SOL_SOCKET, SO_MEMINFO, figures, &length) != 0) return 0;
    return length > SK_MEMINFO_DROPS * sizeof *figures ? figures[SK_MEMINFO_DROPS] : 0;
}

int firn_poller_create(void) {
    int descriptor = epoll_create1(EPOLL_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int firn_poller_add(int poller, int descriptor, uint64_t token) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = token};
    return epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : -errno;
}

int firn_poller_wait(int poller, uint64_t *tokens, int milliseconds) {
    struct epoll_event events[64];
    int count = epoll_wait(poller, events, 64, milliseconds);
    for (int index = 0; index < count; index += 1) tokens[index] = events[index].data.u64;
    return count < 0 ? 0 : count;
}

int firn_event_create(void) {
    int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}
