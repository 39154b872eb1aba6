#define _GNU_SOURCE
#include "CSystem.h"
#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/vfs.h>

int firn_inotify_open(void) {
    int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int firn_inotify_watch(int descriptor, const char *folder, int contents) {
    uint32_t wanted = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR |
                      IN_MASK_ADD | (contents ? IN_MODIFY : 0);
    int watch = inotify_add_watch(descriptor, folder, wanted);
    return watch < 0 ? -errno : watch;
}

// statfs(2), linux/magic.h, and what the file systems' own sources say.
int firn_is_remote(const char *path) {
    struct statfs status;
    if (statfs(path, &status) != 0) return 0;
    switch ((uint32_t)status.f_type) {
    case 0x00006969:  // NFS
    case 0x0000517B:  // SMB
    case 0xFF534D42:  // CIFS
    case 0xFE534D42:  // SMB2
    case 0x65735546:  // FUSE
    case 0x01021997:  // 9P
    case 0x5346414F:  // AFS
    case 0x6B414653:  // kAFS
    case 0x73757245:  // Coda
    case 0x00C36400:  // Ceph
    case 0x0BD00BD0:  // Lustre
    case 0x47504653:  // GPFS
    case 0x01161970:  // GFS2
    case 0x7461636F:  // OCFS2
    case 0x19830326:  // BeeGFS
    case 0x786F4256:  // VirtualBox's shared folders
    case 0xBACBACBC:  // VMware's
        return 1;
    default:
        return 0;
    }
}

int firn_eventfd_open(void) {
    int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}
