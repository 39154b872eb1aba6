"""A running `firn agent` of a test: what it follows, how it is started, stopped and killed, and what it said."""

import fcntl
import os
import signal
import subprocess
import time

import samples
from harness import Failure, expect

CONFIGURATION = """\
archive: main
host: h
spool: {{path: "{spool}"}}
stores:
  - {{name: store, url: "{store}"}}
inputs:
  - files: {{include: ["{logs}/*.log"]}}
roll: {{block_bytes: {block_bytes}, block_age: {block_age}, chunk_bytes: {chunk_bytes}, chunk_age: {chunk_age}}}
"""


class Agent:
    """An agent with a folder of logs, a spool and a store of its own. Ended with its test, whatever happens."""

    def __init__(self, context, store, name="", spool=None, **roll):
        self.context = context
        self.name = f"agent {name}"
        self.store = store
        self.logs = context.folder(name, "logs")
        self.spool = spool or context.path(name, "spool")
        self.log = context.path(name, "agent.log")
        values = {"block_bytes": "1MiB", "block_age": "1s", "chunk_bytes": "64MiB", "chunk_age": "1s", **roll}
        self.configuration = samples.write(context.path(name, "firn.yaml"), CONFIGURATION.format(
            spool=self.spool, store=store, logs=self.logs, **values).encode())
        self.process = None
        context.started.append(self)

    def start(self, wrapper=()):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*wrapper, self.context.firn_binary, "agent", "--config", self.configuration], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, cwd=self.context.directory, env=self.context.clean_environment())

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def end(self, number, seconds=240):
        """Its exit status after this signal."""
        self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"the agent still runs {seconds} s after signal {number}: {self.said()}") from None

    def kill(self):
        if self.is_running:
            self.end(signal.SIGKILL)

    stop = kill

    def kill_traced(self):
        """Kills the tracer, and with it the agent; that it is gone shows by the spool's lock."""
        self.kill()
        path = os.path.join(self.spool, "lock")
        if not os.path.exists(path):
            return
        with open(path, "rb") as lock:
            deadline = time.monotonic() + 60
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return fcntl.flock(lock, fcntl.LOCK_UN)  # closing it would not: another thread may just be forking
                except BlockingIOError:
                    expect(time.monotonic() < deadline, "the agent outlives its tracer")
                    time.sleep(0.02)

    def path(self, name):
        return os.path.join(self.logs, name)

    def append(self, name, data):
        with open(self.path(name), "ab") as file:
            file.write(data)

    def rotate(self, name):
        """As logrotate renames: NAME.1 becomes NAME.2 and so on, NAME becomes NAME.1."""
        number = 1
        while os.path.exists(self.path(f"{name}.{number}")):
            number += 1
        for each in range(number, 1, -1):
            os.rename(self.path(f"{name}.{each - 1}"), self.path(f"{name}.{each}"))
        os.rename(self.path(name), self.path(f"{name}.1"))

    def said(self, whole=False):
        with open(self.log, "rb") as log:
            text = log.read().decode("utf-8", "replace")
        return text if whole else text[-1500:]

    def wait(self, condition, seconds, what):
        """Until the condition holds. The agent must go on running meanwhile."""
        deadline = time.monotonic() + seconds
        while not condition():
            expect(self.is_running, f"{what}: the agent ended by itself: {self.said()}")
            expect(time.monotonic() < deadline, f"{what}: not within {seconds} s; the agent said: {self.said()}")
            time.sleep(0.05)

    def wait_archived(self, ledger, what, seconds=240):
        """Until all that was written is archived; where it never is, the failure says what became of the lines."""
        deadline = time.monotonic() + seconds
        while not ledger.is_archived(self.context, self.store):
            expect(self.is_running, f"{what}: the agent ended by itself: {self.said()}")
            if time.monotonic() > deadline:
                cat, _ = ledger.judge(self.context, self.store)
                raise Failure(f"{what}: not archived within {seconds} s: {cat}\n  the agent said: {self.said()}")
            time.sleep(0.1)

    def finish(self, ledger, what, may_complain=False):
        """Starts it where it does not run, lets it archive everything and drain, and judges the archive."""
        if not self.is_running:
            self.start()
        self.wait_archived(ledger, what)
        status = self.end(signal.SIGTERM)
        expect(status == 0, f"{what}: exit status {status} after SIGTERM: {self.said()}")
        verdict = ledger.expect_whole(self.context, self.store, what, may_complain)
        self.context.run("verify", "--store", self.store, "--deep", status={0, 4} if may_complain else 0)
        return verdict
