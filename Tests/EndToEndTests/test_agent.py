"""An agent follows files: through rotation, new files, kill -9 and SIGTERM, every byte is archived once and in order."""

import os
import signal
import socket
import subprocess
import time

import agents
import samples
from checker import Ledger
from harness import Skipped, each, expect, expect_same_bytes

CONFIGURATION = """\
archive: main
host: h
spool: {{path: "{spool}"}}
stores:
  - {{name: disk, url: "{store}"}}
inputs:
  - files: {{include: ["{logs}/*.log"]}}
roll: {{block_age: 1s, chunk_age: 1s}}
"""


class Agent:
    """A running `firn agent`, and the files that it follows."""

    def __init__(self, context, store):
        self.context = context
        self.store = store
        self.logs = context.folder("logs")
        self.configuration = samples.write(context.path("firn.yaml"), CONFIGURATION.format(
            spool=context.path("spool"), store=store, logs=self.logs).encode())
        self.wanted = {}
        self.process = None

    def start(self):
        with open(self.context.path("agent.log"), "ab") as log:
            self.process = subprocess.Popen(
                [self.context.firn_binary, "agent", "--config", self.configuration], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, cwd=self.context.directory, env=self.context.clean_environment())

    def end(self, number):
        self.process.send_signal(number)
        return self.process.wait(60)

    def append(self, name, data):
        path = os.path.join(self.logs, name)
        with open(path, "ab") as file:
            file.write(data)
        self.wanted[path] = self.wanted.get(path, b"") + data

    def rotate(self, name):
        os.rename(os.path.join(self.logs, name), os.path.join(self.logs, name + ".1"))

    def printed(self, path):
        return self.context.run("cat", "--store", self.store, "--host", "h", "--source", path, status=None).out

    def said(self):
        with open(self.context.path("agent.log"), "rb") as log:
            return log.read().decode("utf-8", "replace")[-1500:]

    def wait_archived(self, seconds=240):
        """Until `firn cat` gives every file's bytes."""
        deadline = time.monotonic() + seconds
        while any(self.printed(path) != content for path, content in self.wanted.items()):
            expect(self.process.poll() is None, f"the agent ended by itself: {self.said()}")
            if time.monotonic() > deadline:
                self.expect_archived()
            time.sleep(0.1)

    def expect_archived(self):
        for path, content in self.wanted.items():
            expect_same_bytes(self.printed(path), content, f"cat of {path} (agent said: {self.said()})")


@each("directory", "seaweedfs")
def test_every_byte_is_archived_once_and_in_order(context, kind):
    agent = Agent(context, context.store(kind))
    content = context.loggen("--kind", "json", "--bytes", "4MiB", "--seed", context.seed)
    pieces = iter([content[at:at + 131_071] for at in range(0, len(content), 131_071)])
    agent.append("a.log", next(pieces))
    agent.start()
    try:
        for turn in range(context.pick(2, 4, 12)):
            for _ in range(2):
                agent.append("a.log", next(pieces))
                agent.append(f"b{turn}.log", next(pieces))
            if turn % 2:
                agent.end(signal.SIGKILL)
                agent.append("a.log", next(pieces))
                agent.start()
            agent.wait_archived()
            if turn % 2 == 0:
                agent.rotate("a.log")
        agent.append("a.log", next(pieces))
        status = agent.end(signal.SIGTERM)
        expect(status == 0, f"SIGTERM: exit status {status}: {agent.said()}")
        agent.start()
        agent.wait_archived()
    finally:
        if agent.process.poll() is None:
            agent.end(signal.SIGKILL)
    agent.expect_archived()
    context.run("verify", "--store", agent.store, "--deep")


def test_an_unreachable_store_loses_nothing(context):
    store = context.path("archive")
    agent = Agent(context, store)
    samples.write(store, b"a file where the store's directory belongs")
    agent.append("a.log", context.loggen("--kind", "nginx", "--bytes", "1MiB", "--seed", context.seed))
    agent.start()
    try:
        deadline = time.monotonic() + 240
        while "not a directory" not in agent.said().lower() and time.monotonic() < deadline and agent.process.poll() is None:
            time.sleep(0.1)
        expect("not a directory" in agent.said().lower(), f"of a store that it cannot use the agent says: {agent.said()}")
        expect(agent.process.poll() is None, f"the agent ended by itself: {agent.said()}")
        agent.append("a.log", context.loggen("--kind", "nginx", "--bytes", "100KiB", "--seed", context.seed + 1))
        os.unlink(store)
        agent.wait_archived()
    finally:
        if agent.process.poll() is None:
            agent.end(signal.SIGKILL)
    agent.expect_archived()


# A user's own limits are a user namespace's: in this one there is no inotify.
WITHOUT_INOTIFY = ["unshare", "--user", "--map-root-user", "sh", "-c", 'echo 0 > /proc/sys/user/max_inotify_instances; exec "$@"', "sh"]


def test_files_are_followed_without_inotify(context):
    if subprocess.run([*WITHOUT_INOTIFY, "true"], capture_output=True, check=False).returncode != 0:
        raise Skipped("user namespaces are not allowed here")
    agent = agents.Agent(context, context.path("archive"), block_age="200ms", chunk_age="500ms")
    ledger = Ledger(context.seed)
    agent.append("a.log", ledger.lines(agent.path("a.log"), 50))
    agent.start(WITHOUT_INOTIFY)
    agent.wait_archived(ledger, "at first")
    for turn in range(context.pick(2, 4, 20)):
        agent.append("a.log", ledger.lines(agent.path("a.log"), 30))
        agent.rotate("a.log")
        agent.append("a.log", ledger.lines(agent.path("a.log"), 30))
        agent.append(f"{turn}.log", ledger.lines(agent.path(f"{turn}.log"), 30))
        agent.wait_archived(ledger, f"turn {turn}")
    expect(agent.said(whole=True).count("inotify: not available") == 1, f"it does not say once that it polls: {agent.said()}")
    agent.finish(ledger, "without inotify")


def test_a_hangup_reads_the_configuration_again(context):
    """While files are written and rotated: nothing is lost or doubled, and a configuration that cannot be is not taken."""
    agent = agents.Agent(context, context.path("archive"), block_age="200ms", chunk_age="500ms")
    others = context.folder("others")
    ledger = Ledger(context.seed)
    with open(agent.configuration, encoding="utf-8") as file:
        first = file.read()
    second = first.replace(".log\"]", f".log\", \"{others}/*.log\"]")
    port = socket.create_server(("127.0.0.1", 0))
    wrong = {
        "no such key": first + "spol: 1\n",
        "no input": first.replace("inputs:", "inputs: []\nunused:"),
        "a port that is taken": second + f"metrics: {{listen: \"127.0.0.1:{port.getsockname()[1]}\"}}\n",
    }
    agent.append("a.log", ledger.lines(agent.path("a.log"), 50))
    agent.start()
    agent.wait_archived(ledger, "at first")
    other = os.path.join(others, "b.log")
    with open(other, "ab") as file:
        file.write(ledger.lines(other, 20))
    hangups = 0
    for turn in range(context.pick(4, 8, 60)):
        kind = context.random.choice(["second", *wrong]) if turn else "second"
        samples.write(agent.configuration, (second if kind == "second" else wrong[kind]).encode())
        for step in range(context.random.randrange(1, 4)):
            agent.append("a.log", ledger.lines(agent.path("a.log"), context.random.randrange(1, 60)))
            if context.random.random() < 0.3:
                agent.rotate("a.log")
                agent.append("a.log", ledger.lines(agent.path("a.log"), 5))
            if step == 0:
                agent.process.send_signal(signal.SIGHUP)
        hangups += 1
        agent.wait(lambda: answers(agent) >= hangups, 240, f"hangup {hangups}, {kind}")
        said = agent.said().rsplit("configuration", 1)[1]
        expect(("stays as it was" in said) == (kind != "second"), f"after a hangup with {kind}: {agent.said()}")
    agent.wait_archived(ledger, "after hangups")
    port.close()
    samples.write(agent.configuration, second.encode())
    agent.finish(ledger, "hangups")


def answers(agent):
    """How often the agent said what came of a hangup."""
    said = agent.said(whole=True)
    return said.count("the configuration was read again") + said.count("the configuration stays as it was")
