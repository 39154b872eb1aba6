"""Logs to archive: generated ones of every kind, awkward ones, and real ones where there are some."""

import os
from dataclasses import dataclass

import oracle
from harness import PACKAGE

START = "2025-03-14T00:00:00Z"


@dataclass(frozen=True)
class Source:
    """One file of one host. `kind` names loggen's kind; None where no times are known to the oracle."""

    host: str
    path: str
    kind: str | None

    def content(self):
        with open(self.path, "rb") as file:
            return file.read()


def write(path, content, modified=None):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    if modified is not None:
        os.utime(path, (modified, modified))
    return path


def generated(context, hosts, size, kinds=oracle.KINDS):
    """A log of each kind for each host. Files carry the time of their last line, from which missing years follow."""
    made = []
    for number, host in enumerate(hosts):
        for kind in kinds:
            content = context.loggen(
                "--kind", kind, "--bytes", size, "--seed", context.seed + number, "--host", host, "--start", START)
            last = max(time for time, _ in oracle.timed_lines(kind, content))
            path = write(context.path("logs", host, f"{kind}.log"), content, last // 10**9 + 1)
            made.append(Source(host, path, kind))
    return made


def awkward(context, host):
    """What logs also hold."""
    random = context.random
    binary = bytes(random.randrange(256) for _ in range(40_000))
    contents = {
        "empty.log": b"",
        "one-newline.log": b"\n",
        "blank-lines.log": b"\n" * 5000,
        "unterminated.log": b"2025-03-14T00:00:00Z first\n2025-03-14T00:00:01Z no newline at the end",
        "only-unterminated.log": b"2025-03-14T00:00:00Z alone",
        "crlf.log": b"".join(b"2025-03-14 00:00:%02d,123 INFO a: line\r\n" % (i % 60) for i in range(600)),
        "binary.log": binary,
        "nul.log": b"2025-03-14T00:00:00Z a\0b\n" * 300 + b"\0" * 3000 + b"\n",
        "latin1.log": b"2025-03-14T00:00:00Z caf\xe9 \xff\xfe\n" * 500,
        "long-line.log": b"2025-03-14T00:00:00Z before\n" + b"2025-03-14T00:00:01Z " + b"x" * 3_500_000
        + b"\n2025-03-14T00:00:02Z after\n",
        "long-random-line.log": b"2025-03-14T00:00:01Z " + bytes(random.randrange(32, 127) for _ in range(2_500_000)),
        "zstd-magic.log": b"\x28\xb5\x2f\xfd not really\n" * 10,
        "no-times.log": b"".join(b"line %d without any time\n" % i for i in range(2000)),
        "jumping.log": b"".join(
            b"2025-%02d-%02dT%02d:00:00Z jump %d\n" % (1 + i * 7 % 12, 1 + i * 11 % 28, i * 5 % 24, i) for i in range(400)),
        "name with spaces & \u00fcmlaut.log": b"2025-03-14T00:00:00Z odd name\n" * 10,
    }
    return [Source(host, write(context.path("logs", host, "awkward", name), data), None) for name, data in contents.items()]


def real(host):
    """Real logs: the folder FIRN_TEST_LOGS, or `shared/logs` beside the package."""
    folder = os.environ.get("FIRN_TEST_LOGS") or os.path.join(os.path.dirname(PACKAGE), "shared", "logs")
    if not os.path.isdir(folder):
        return []
    names = sorted(name for name in os.listdir(folder) if name.endswith(".log"))
    return [Source(host, os.path.realpath(os.path.join(folder, name)), None) for name in names]
