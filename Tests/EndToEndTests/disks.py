"""Small file systems of a test's own: a tmpfs that fills up, an ext4 whose power can be cut. Root and Linux only.

They are mounted in a mount namespace of this process, so that they are gone with it even where it is killed.
"""

import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
import time

from harness import Skipped

CLONE_NEWNS = 0x00020000
EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
WITHOUT_THE_JOURNAL = 2  # EXT4_GOING_FLAGS_NOLOGFLUSH: what was not committed is lost

libc = ctypes.CDLL(None, use_errno=True)
own_namespace = False


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def enter_own_namespace():
    """Once a process."""
    global own_namespace
    if own_namespace:
        return
    if os.geteuid() != 0:
        raise Skipped("mounting needs root")
    if libc.unshare(CLONE_NEWNS) != 0:
        raise Skipped(f"no mount namespace of its own: {os.strerror(ctypes.get_errno())}")
    done = run("mount", "--make-rprivate", "/")
    if done.returncode != 0:
        raise Skipped(f"no mount namespace of its own: {done.stderr.strip()}")
    own_namespace = True


class Disk:
    """A mounted file system at `path`, unmounted with its test."""

    def __init__(self, context, name, *mount):
        enter_own_namespace()
        self.name = f"disk {name}"
        self.path = context.folder(name)
        self.command = mount
        self.mount()
        context.started.append(self)

    def mount(self):
        done = run("mount", *self.command, self.path)
        if done.returncode != 0:
            raise Skipped(f"cannot mount: {done.stderr.strip()}")

    def unmount(self):
        """Waits for what a killed process still holds."""
        deadline = time.monotonic() + 60
        while (done := run("umount", self.path)).returncode != 0:
            if time.monotonic() > deadline:
                raise RuntimeError(f"cannot unmount {self.path}: {done.stderr.strip()}")
            time.sleep(0.05)

    def stop(self):
        if os.path.ismount(self.path):
            try:
                self.unmount()
            except RuntimeError:
                run("umount", "--lazy", self.path)

    def free(self):
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def fill(self, ballast="ballast"):
        """Takes all there is, as root too."""
        with open(os.path.join(self.path, ballast), "ab", buffering=0) as file:
            size = 1 << 20
            while size:
                try:
                    if file.write(b"x" * size) < size:
                        size //= 2
                except OSError:
                    size //= 2
            try:
                os.fsync(file.fileno())
            except OSError:
                pass  # delayed allocation found no room: it is full

    def empty(self, ballast="ballast"):
        os.unlink(os.path.join(self.path, ballast))


def memory(context, name, size):
    return Disk(context, name, "-t", "tmpfs", "-o", f"size={size}", "tmpfs")


class Ext4(Disk):
    """An ext4 in a file."""

    def __init__(self, context, name, mebibytes):
        if shutil.which("mkfs.ext4", path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
            raise Skipped("mkfs.ext4 is not installed")
        image = context.path(f"{name}.img")
        with open(image, "wb") as file:
            file.truncate(mebibytes << 20)
        done = run("/usr/sbin/mkfs.ext4", "-q", "-F", "-m", "0", image)
        if done.returncode != 0:
            raise Skipped(f"mkfs.ext4: {done.stderr.strip()}")
        super().__init__(context, name, "-o", "loop", image)

    def cut_power(self):
        """From now on nothing reaches the disk; what was not committed by then is lost at the next mount."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", WITHOUT_THE_JOURNAL))
        except OSError as error:
            raise Skipped(f"this kernel cannot shut an ext4 down: {error}") from None
        finally:
            os.close(descriptor)

    def remount(self):
        self.unmount()
        self.mount()


class ReadOnly:
    """A directory of a test that can be made unwritable, for root too."""

    def __init__(self, context, name):
        enter_own_namespace()
        self.name = f"directory {name}"
        self.path = context.folder(name)
        done = run("mount", "--bind", self.path, self.path)
        if done.returncode != 0:
            raise Skipped(f"cannot mount: {done.stderr.strip()}")
        context.started.append(self)

    def set(self, is_read_only):
        mode = "ro" if is_read_only else "rw"
        done = run("mount", "-o", f"remount,bind,{mode}", self.path)
        if done.returncode != 0:
            raise RuntimeError(f"cannot make {self.path} {mode}: {done.stderr.strip()}")

    def stop(self):
        run("umount", "--lazy", self.path)
