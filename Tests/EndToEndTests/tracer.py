"""Runs a program and ends it, or fails a call of it, at the N-th of the system calls that matter. For Linux.

    tracer.py [--under DIRECTORY]... [--calls NAME,...] [--kill N | --fail ERROR --at N [--times M]] --log FILE -- PROGRAM...

Calls are numbered over all threads of the program, from 1 on, and counted only where their file lies under one of the
directories; sends always count. `--kill N` ends the program with SIGKILL before the N-th is carried out. `--fail` makes it,
and the M - 1 after it, fail without being carried out (x86-64 only). A sync that fails takes with it what was written since
the last one, as kernels that drop dirty pages do: zeros stand there instead. SIGTERM is passed on. The log has a line for
each counted call, and `killed` or `failed` where that happened. (`strace -e inject` counts for each thread by itself.)
"""

import argparse
import contextlib
import ctypes
import errno
import os
import platform
import signal
import subprocess
import sys

PTRACE_TRACEME, PTRACE_POKEUSER, PTRACE_SYSCALL = 0, 6, 24
PTRACE_SETOPTIONS, PTRACE_GET_SYSCALL_INFO = 0x4200, 0x420E
OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x100000  # TRACESYSGOOD, TRACEFORK, TRACEVFORK, TRACECLONE, EXITKILL
ALL_THREADS = 0x40000000  # __WALL
RAX, ORIG_RAX = 10 * 8, 15 * 8
MACHINE = platform.machine()

# Number by machine, and where the file is named: a descriptor ("fd"), a path, or a directory's descriptor and a path ("at");
# of two names the new one counts.
NUMBERS = {
    "x86_64": {
        "write": (1, "fd"), "close": (3, "fd"), "pwrite64": (18, "fd"), "writev": (20, "fd"), "sendto": (44, "send"),
        "sendmsg": (46, "send"), "fsync": (74, "fd"), "fdatasync": (75, "fd"), "ftruncate": (77, "fd"),
        "rename": (82, "path 1"), "mkdir": (83, "path 0"), "link": (86, "path 1"), "unlink": (87, "path 0"), "openat": (257, "at 0"),
        "mkdirat": (258, "at 0"), "unlinkat": (263, "at 0"), "renameat": (264, "at 2"), "linkat": (265, "at 2"),
        "sync_file_range": (277, "fd"), "fallocate": (285, "fd"), "renameat2": (316, "at 2"), "copy_file_range": (326, "fd")},
    "aarch64": {
        "mkdirat": (34, "at 0"), "unlinkat": (35, "at 0"), "linkat": (37, "at 2"), "renameat": (38, "at 2"),
        "ftruncate": (46, "fd"), "fallocate": (47, "fd"), "openat": (56, "at 0"), "close": (57, "fd"), "write": (64, "fd"),
        "writev": (66, "fd"), "pwrite64": (68, "fd"), "fsync": (82, "fd"), "fdatasync": (83, "fd"), "sendto": (206, "send"),
        "sendmsg": (211, "send"), "renameat2": (276, "at 2")},
}.get(MACHINE, {})

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class SyscallInfo(ctypes.Structure):
    """struct ptrace_syscall_info of linux/ptrace.h, at the entry of a call."""

    _fields_ = [
        ("op", ctypes.c_uint8), ("pad", ctypes.c_uint8 * 3), ("arch", ctypes.c_uint32), ("instruction", ctypes.c_uint64),
        ("stack", ctypes.c_uint64), ("number", ctypes.c_uint64), ("arguments", ctypes.c_uint64 * 6), ("more", ctypes.c_uint64)]


ENTRY = 1


def is_possible():
    return sys.platform == "linux" and bool(NUMBERS)


def ptrace(request, thread, address=0, data=0):
    """False where the thread is gone."""
    return libc.ptrace(request, thread, address, data) != -1


class Tracer:
    def __init__(self, chosen, log):
        self.chosen = chosen
        self.log = log
        self.calls = {NUMBERS[name][0]: (name, NUMBERS[name][1]) for name in chosen.calls if name in NUMBERS}
        self.writes = {NUMBERS[name][0]: name for name in ("pwrite64", "fsync", "fdatasync")}
        self.count = 0
        self.failing = {}
        self.unsynced = {}
        self.info = SyscallInfo()
        self.child = None

    def file(self, thread, how, arguments):
        """The path that a call is about."""
        if how == "send":
            return "socket"
        if how == "fd":
            return self.link(thread, arguments[0])
        kind, at = how.split()
        name = self.text(thread, arguments[int(at) + (kind == "at")])
        if name.startswith("/") or kind == "path":
            return os.path.normpath(name).replace("//", "/")  # POSIX lets two slashes at the beginning be
        return os.path.join(self.link(thread, arguments[int(at)]), name)

    @staticmethod
    def link(thread, descriptor):
        descriptor = ctypes.c_int32(descriptor & 0xFFFFFFFF).value
        try:
            return os.readlink(f"/proc/{thread}/cwd" if descriptor == -100 else f"/proc/{thread}/fd/{descriptor}")
        except OSError:
            return ""

    @staticmethod
    def text(thread, address):
        with open(f"/proc/{thread}/mem", "rb", buffering=0) as memory:
            memory.seek(address)
            data = memory.read(4096 - address % 4096)
            return (data if b"\0" in data else data + memory.read(4096)).split(b"\0")[0].decode("utf-8", "replace")

    def entered(self, thread):
        name, how = self.calls[self.info.number]
        path = self.file(thread, how, self.info.arguments)
        if how != "send" and not any(f"{path}/".startswith(f"{folder}/") for folder in self.chosen.under):
            return
        self.count += 1
        self.log.write(f"{self.count} {name} {path}\n")
        if self.count == self.chosen.kill:
            self.log.write(f"killed before {name} {path}\n")
            os.kill(self.child, signal.SIGKILL)
        elif self.chosen.fail and self.chosen.at <= self.count < self.chosen.at + self.chosen.times:
            self.log.write(f"failed {name} {path}\n")
            if name in ("fsync", "fdatasync"):
                self.lose(thread, self.info.arguments[0], path)
            ptrace(PTRACE_POKEUSER, thread, ORIG_RAX, ctypes.c_uint64(-1 & 0xFFFFFFFFFFFFFFFF).value)
            self.failing[thread] = True

    def note_write(self, thread, name):
        """Where it lies under the directories or not: a file is asked about only when its sync fails."""
        path = self.link(thread, self.info.arguments[0])
        if name == "pwrite64":
            self.unsynced.setdefault(path, []).append((self.info.arguments[3], self.info.arguments[2]))
        else:
            self.unsynced.pop(path, None)

    def lose(self, thread, descriptor, path):
        ranges = self.unsynced.pop(path, [])
        if ranges:
            with open(f"/proc/{thread}/fd/{descriptor}", "r+b", buffering=0) as file:
                for offset, length in ranges:
                    file.seek(offset)
                    file.write(bytes(length))

    def syscall(self, thread):
        if libc.ptrace(PTRACE_GET_SYSCALL_INFO, thread, ctypes.sizeof(self.info), ctypes.addressof(self.info)) == -1:
            return
        if self.info.op == ENTRY:
            if self.info.number in self.calls:
                self.entered(thread)
            if self.chosen.fail and self.info.number in self.writes and thread not in self.failing:
                self.note_write(thread, self.writes[self.info.number])
        elif self.failing.pop(thread, False):
            ptrace(PTRACE_POKEUSER, thread, RAX, ctypes.c_uint64(-getattr(errno, self.chosen.fail) & 0xFFFFFFFFFFFFFFFF).value)

    def pass_on(self, number, _):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.child, number)

    def run(self, program):
        process = subprocess.Popen(program, preexec_fn=lambda: libc.ptrace(PTRACE_TRACEME, 0, 0, 0))
        self.child = process.pid
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.pass_on)
        os.waitpid(self.child, ALL_THREADS)  # stopped by its own exec
        ptrace(PTRACE_SETOPTIONS, self.child, 0, OPTIONS)
        ptrace(PTRACE_SYSCALL, self.child)
        known = {self.child}
        while True:
            thread, status = os.waitpid(-1, ALL_THREADS)
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                if thread == self.child:
                    return os.waitstatus_to_exitcode(status)
                continue
            stopped = os.WSTOPSIG(status)
            deliver = 0
            if stopped == signal.SIGTRAP | 0x80:
                self.syscall(thread)
            elif status >> 16 == 0 and (thread in known or stopped != signal.SIGSTOP):
                deliver = stopped  # a signal of the program's own; a new thread's first stop is ours
            known.add(thread)
            ptrace(PTRACE_SYSCALL, thread, 0, deliver)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--under", action="append", default=[])
    options.add_argument("--calls", type=lambda text: text.split(","), default=list(NUMBERS))
    options.add_argument("--kill", type=int, default=0)
    options.add_argument("--fail", help="an error's name: EIO, ENOSPC")
    options.add_argument("--at", type=int, default=1)
    options.add_argument("--times", type=int, default=1)
    options.add_argument("--log", required=True)
    options.add_argument("program", nargs=argparse.REMAINDER)
    chosen = options.parse_args()
    with open(chosen.log, "w") as log:
        status = Tracer(chosen, log).run(chosen.program[1:] if chosen.program[:1] == ["--"] else chosen.program)
    os._exit(status if status >= 0 else 128 - status)  # at once: a late signal would end this instead


if __name__ == "__main__":
    main()
