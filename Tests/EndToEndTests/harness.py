"""What every end-to-end test stands on: a clean directory, the program under test, and assertions that show what was seen."""

import os
import random
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field

import servers

PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Failure(Exception):
    """An expectation that was not met."""


class Skipped(Exception):
    """Something that the test needs is not on this machine."""


def expect(condition, message):
    if not condition:
        raise Failure(message)


def shorten(data, limit=2000):
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)
    return text if len(text) <= limit else text[:limit] + f"... ({len(text)} characters)"


def expect_same_bytes(seen, wanted, what):
    """Compares whole outputs and tells where they part."""
    if seen == wanted:
        return
    at = next((i for i, (a, b) in enumerate(zip(seen, wanted)) if a != b), min(len(seen), len(wanted)))
    line = wanted.count(b"\n", 0, at) + 1
    raise Failure(
        f"{what}: {len(seen)} bytes instead of {len(wanted)}, other from byte {at} (line {line}) on:\n"
        f"  seen   {seen[at:at + 160]!r}\n  wanted {wanted[at:at + 160]!r}")


def each(*values):
    """A test that runs once for each of these values."""
    def mark(function):
        function.values = values
        return function
    return mark


@dataclass
class Result:
    arguments: list
    status: int
    out: bytes
    err: bytes

    @property
    def message(self):
        return self.err.decode("utf-8", "replace").strip()


@dataclass
class Context:
    """One test's world; everything in it is gone afterwards."""

    directory: str
    firn_binary: str
    loggen_binary: str
    seed: int
    effort: str  # quick, normal or long
    started: list = field(default_factory=list)
    environment: dict = field(default_factory=dict)

    def __post_init__(self):
        self.random = random.Random(self.seed)

    def pick(self, quick, normal, long):
        return {"quick": quick, "normal": normal, "long": long}[self.effort]

    def path(self, *parts):
        path = os.path.join(self.directory, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def folder(self, *parts):
        path = os.path.join(self.directory, *parts)
        os.makedirs(path, exist_ok=True)
        return path

    def clean_environment(self):
        kept = {"PATH": os.environ["PATH"], "HOME": self.folder("home"), "TZ": "UTC", "LC_ALL": "C"}
        return {**kept, **self.environment}

    def run(self, *arguments, status=0, stdin=None, environment=None, timeout=300, wrapper=()):
        """Runs firn; `status` is the one expected, a set of them, or None for any."""
        command = [*wrapper, self.firn_binary, *map(str, arguments)]
        done = subprocess.run(
            command, input=b"" if stdin is None else stdin, capture_output=True, timeout=timeout,
            cwd=self.directory, env={**self.clean_environment(), **(environment or {})})
        result = Result(command, done.returncode, done.stdout, done.stderr)
        allowed = {status} if isinstance(status, int) else status
        if allowed is not None and result.status not in allowed:
            raise Failure(
                f"exit status {result.status} instead of {sorted(allowed)}: firn {' '.join(map(str, arguments))}\n"
                f"  standard error: {shorten(result.err)}\n  standard output: {shorten(result.out, 300)}")
        return result

    def loggen(self, *arguments):
        return subprocess.run(
            [self.loggen_binary, *map(str, arguments)], stdout=subprocess.PIPE, check=True).stdout

    def store(self, kind, prefix="archive"):
        """The URL of an empty store: a directory, or a bucket of a server started for this test."""
        if kind == "directory":
            return "file://" + self.path(prefix)
        server = self.server(kind)
        self.environment.update(servers.credentials())
        return server.url(prefix)

    def server(self, kind):
        for running in self.started:
            if running.name == kind:
                return running
        server = servers.start_ready(kind, self.folder(f"server-{kind}"))
        if server is None:
            raise Skipped(f"{servers.STARTERS[kind][0]} is not installed")
        self.started.append(server)
        return server

    def close(self):
        """Ends what was started, the last first; what cannot be ended does not keep the rest. Returns what went wrong."""
        problems = []
        for started in reversed(self.started):
            try:
                started.stop()
            except Exception as error:
                problems.append(f"{started.name}: {error}")
        shutil.rmtree(self.directory, ignore_errors=True)
        return problems


def new_context(**values):
    return Context(directory=os.path.realpath(tempfile.mkdtemp(prefix="firn-e2e-")), **values)


def objects(directory):
    """Keys of a directory store's objects, sorted."""
    found = []
    for folder, _, names in os.walk(directory):
        found += [os.path.relpath(os.path.join(folder, name), directory) for name in names]
    return sorted(found)


def plain_text(message):
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", message)
