"""Runs a server for a test, says when it is ready, and ends it when the test ends, however that ends.

    guard.py --ports N --directory DIR [--ready URL]... [--deadline SECONDS] -- COMMAND...

In COMMAND and URLs, {port1} to {portN} stand for free ports of the loopback interface, {directory} for DIR. One line is
printed: `ready PORT1 ... PORTN` or `failed REASON`. The server is killed, with all processes of its session, and DIR is
removed when standard input ends: the pipe closes with the test's process, even with one that crashed.
"""

import argparse
import ctypes
import http.client
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

PR_SET_PDEATHSIG = 1
# SeaweedFS listens for gRPC at each port + 10000.
COMPANION = 10000


def is_free(port):
    for candidate in (port, port + COMPANION):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                return False
    return True


def free_ports(count):
    """Below the range from which the kernel takes the ports of outgoing connections."""
    ports = []
    while len(ports) < count:
        port = random.SystemRandom().randrange(11000, 22000)
        if port not in ports and is_free(port):
            ports.append(port)
    return ports


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def answers(url):
    """Whether a GET gives a 200."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=2)
    try:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        response.read()
        return response.status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def is_over(seconds):
    """Waits, at most so long, for the test to end."""
    readable, _, _ = select.select([0], [], [], seconds)
    return bool(readable) and os.read(0, 1) == b""


def last_lines(path):
    with open(path, errors="replace") as log:
        return " | ".join(line.strip() for line in log.readlines()[-5:])


def wait_until_ready(server, urls, deadline):
    """None, or why it is not ready."""
    end = time.monotonic() + deadline
    missing = list(urls)
    while missing:
        if server.poll() is not None:
            return f"it ended with status {server.returncode}"
        if time.monotonic() > end:
            return f"{missing[0]} did not answer within {deadline:g} s"
        if answers(missing[0]):
            missing.pop(0)
        elif is_over(0.05):
            return "the test ended"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ports", type=int, required=True)
    parser.add_argument("--directory", required=True)
    parser.add_argument("--ready", action="append", default=[])
    parser.add_argument("--deadline", type=float, default=90)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()

    ports = free_ports(arguments.ports)

    def filled(text):
        for number, port in enumerate(ports, 1):
            text = text.replace("{port%d}" % number, str(port))
        return text.replace("{directory}", arguments.directory)

    log_path = os.path.join(arguments.directory, "server.log")
    with open(log_path, "w") as log:
        server = subprocess.Popen(
            [filled(word) for word in arguments.command],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=arguments.directory,
            start_new_session=True, preexec_fn=die_with_parent,
        )
    try:
        problem = wait_until_ready(server, [filled(url) for url in arguments.ready], arguments.deadline)
        if problem:
            print(f"failed {problem}: {last_lines(log_path)}", flush=True)
        else:
            print("ready", *ports, flush=True)
            while not is_over(3600):
                pass
    finally:
        try:
            os.killpg(server.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        server.wait()
        shutil.rmtree(arguments.directory, ignore_errors=True)


if __name__ == "__main__":
    # The terminal's interrupt is for the test, which closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main()
