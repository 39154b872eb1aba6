"""Real programs that write and rotate logs while an agent follows: logrotate and rsyslog, as Debian has them."""

import contextlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import threading
import time

from agents import Agent
from checker import Ledger
from harness import Failure, Skipped, each, expect

MODES = {
    "create": "create 0644",
    "copytruncate": "copytruncate",
    "compress": "create 0644\n    compress",
    "compress delayed": "create 0644\n    compress\n    delaycompress",
    "copytruncate, compress": "copytruncate\n    compress",
    "dateext": "create 0644\n    dateext\n    dateformat -%s",
}


# Where the Debian packages are unpacked that are not installed.
UNPACKED = os.environ.get("FIRN_TEST_LOG_PROGRAMS", "")
LIBRARIES = f"{UNPACKED}/usr/lib/{platform.machine()}-linux-gnu"
ENVIRONMENT = {**os.environ, "LD_LIBRARY_PATH": f"{LIBRARIES}:{UNPACKED}/lib/{platform.machine()}-linux-gnu"} if UNPACKED else None


def program(name):
    path = shutil.which(name, path=f"{UNPACKED}/usr/sbin:" + os.environ["PATH"] + ":/usr/sbin:/sbin")
    if path is None:
        raise Skipped(f"{name} is not installed")
    return path


class Logrotate:
    def __init__(self, context, pattern, mode):
        self.program = program("logrotate")
        self.state = context.path("logrotate.state")
        self.last = 0
        self.configuration = context.path("logrotate.conf")
        with open(self.configuration, "w") as file:
            file.write(f"{pattern} {{\n    rotate 100\n    {MODES[mode]}\n    nomail\n}}\n")
        os.chmod(self.configuration, 0o644)

    def rotate(self):
        """Not twice in a second, which is what a dated name tells apart."""
        while int(time.time()) == self.last:
            time.sleep(0.05)
        done = subprocess.run(
            [self.program, "--force", "--state", self.state, self.configuration], capture_output=True, text=True, check=False,
            env=ENVIRONMENT)
        # It read the clock itself, at some time before it ended.
        self.last = int(time.time())
        expect(done.returncode == 0, f"logrotate: {done.stderr}")


class Application:
    """A program with an open log file, which it opens anew when it is told to, as after a rotation by rename."""

    def __init__(self, agent, ledger, name):
        self.path, self.ledger = agent.path(name), ledger
        self.reopen()

    def reopen(self):
        self.file = open(self.path, "ab", buffering=0)

    def write(self, count):
        self.file.write(self.ledger.lines(self.path, count))


@each(*MODES)
def test_logrotate(context, mode):
    agent = Agent(context, context.path("archive"), block_age="200ms", chunk_age="500ms", block_bytes="64KiB")
    ledger = Ledger(context.seed)
    application = Application(agent, ledger, "a.log")
    logrotate = Logrotate(context, f"{agent.logs}/*.log", mode)
    agent.start()
    turns = context.pick(2, 5, 30)
    for turn in range(turns):
        application.write(context.random.choice((5, 200, 1500)))
        # What is rotated was seen; what a truncation takes away was read: between the two lies its unavoidable window.
        agent.wait_archived(ledger, f"before rotation {turn + 1}")
        if "copytruncate" not in mode:
            application.write(context.random.choice((1, 100)))
        down = context.random.random() < 0.4
        if down:
            agent.kill()
            if "copytruncate" not in mode:
                application.write(30)
        logrotate.rotate()
        if "copytruncate" not in mode:
            if "compress" not in mode or "delayed" in mode:
                application.write(20)  # into the renamed file: it was not told yet
            application.reopen()
        application.write(context.random.choice((5, 200)))
        if down:
            agent.start()
    # Whether something was written between the copy and the truncation cannot be known.
    verdict = agent.finish(ledger, f"logrotate, {mode}", may_complain="copytruncate" in mode)
    print(f"{turns} rotations: {verdict}")


class Stream:
    """A program that writes all the time, a few lines at a time."""

    name = "writer"

    def __init__(self, context, application):
        self.application = application
        self.is_stopped = threading.Event()
        self.thread = threading.Thread(target=self.run)
        context.started.append(self)
        self.thread.start()

    def run(self):
        while not self.is_stopped.wait(0.0005):
            self.application.write(5)

    def stop(self):
        self.is_stopped.set()
        self.thread.join()


def counters(content):
    return [int(line.split(b" ", 4)[2]) for line in content.splitlines()]


def test_copytruncate_loses_no_more_than_its_window(context):
    """All that the file or a copy ever held when a rotation was over is archived, once and in order."""
    agent = Agent(context, context.path("archive"), block_age="100ms", chunk_age="300ms")
    ledger = Ledger(context.seed)
    application = Application(agent, ledger, "a.log")
    logrotate = Logrotate(context, f"{agent.logs}/*.log", "copytruncate")
    agent.start()
    stream = Stream(context, application)
    turns = context.pick(2, 4, 30)
    for turn in range(turns):
        known = ledger.bytes.get(application.path, 0)
        agent.wait(lambda: ledger.bytes.get(application.path, 0) > known + 100_000, 60, f"writing before rotation {turn + 1}")
        logrotate.rotate()
    stream.stop()
    held = b""
    for number in range(turns, -1, -1):
        with open(application.path + (f".{number}" if number else ""), "rb") as file:
            held += file.read()
    held = counters(held)
    expect(held == sorted(set(held)), "what is there is not in order")
    cat = lambda: counters(context.run("cat", "--store", agent.store, "--host", "h", "--source", application.path, status=None).out)
    agent.wait(lambda: set(cat()) >= set(held), 240, "what is there is not archived")
    status = agent.end(signal.SIGTERM)
    expect(status == 0, f"exit status {status} after SIGTERM: {agent.said()}")
    seen = cat()
    expect(seen == sorted(set(seen)), "what is archived is doubled or not in order")
    written = ledger.written[application.path]
    window, lost = written - len(held), written - len(seen)
    expect(seen[-1] < written and lost <= window, f"{lost} lines lost, {window} in the windows")
    print(f"{turns} rotations: {window} of {written} lines were written between copy and truncation, {lost} of them are lost")


RSYSLOG = """\
global(workDirectory="{work}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{socket}" CreatePath="on" RateLimit.Interval="0" UseSpecialParser="on")
template(name="message" type="string" string="%rawmsg-after-pri%\\n")
action(type="omfile" file="{file}" template="message" asyncWriting="off" fileCreateMode="0644")
"""


def test_rsyslog_writes_and_logrotate_rotates(context):
    daemon = program("rsyslogd")
    agent = Agent(context, context.path("archive"), block_age="200ms", chunk_age="500ms")
    ledger = Ledger(context.seed)
    path = agent.path("syslog.log")
    logrotate = Logrotate(context, path, "compress delayed")
    address = context.path("dev-log")
    configuration = context.path("rsyslog.conf")
    with open(configuration, "w") as file:
        file.write(RSYSLOG.format(work=context.folder("rsyslog"), socket=address, file=path))
    modules = ["-M", f"{LIBRARIES}/rsyslog"] if daemon.startswith(f"{UNPACKED}/usr") and UNPACKED else []
    command = [daemon, "-n", "-f", configuration, "-i", context.path("rsyslog.pid"), *modules]
    context.started.append(rsyslog := Daemon("rsyslog", command))
    agent.start()
    rsyslog.wait_for("its socket", lambda: os.path.exists(address))
    rotated = 0

    def written():
        return os.path.getsize(path) if os.path.exists(path) else 0

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.connect(address)
        for turn in range(context.pick(1, 3, 12)):
            send(log, ledger, path, 400)
            rsyslog.wait_for("400 lines in the file", lambda: written() == ledger.bytes[path] - rotated)
            agent.wait_archived(ledger, f"turn {turn + 1}")
            if turn % 2:
                agent.kill()
            send(log, ledger, path, 50)
            rsyslog.wait_for("50 lines more in the file", lambda: written() == ledger.bytes[path] - rotated)
            rotated, old = ledger.bytes[path], os.stat(path).st_ino
            logrotate.rotate()
            rsyslog.process.send_signal(signal.SIGHUP)
            rsyslog.wait_for("the old file let go", lambda: old not in rsyslog.open_files())
            send(log, ledger, path, 100)
            if turn % 2:
                agent.start()
    rsyslog.wait_for("the last lines in the file", lambda: written() == ledger.bytes[path] - rotated)
    print(agent.finish(ledger, "rsyslog"))


class Daemon:
    """A program that runs in the foreground until its test ends."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            env=ENVIRONMENT)

    def wait_for(self, what, condition, seconds=240):
        deadline = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None:
                said = self.process.stdout.read().decode("utf-8", "replace")
                raise Failure(f"{self.name} ended with {self.process.returncode}: {said[-1000:]}")
            expect(time.monotonic() < deadline, f"{self.name}: {what}: not within {seconds} s")
            time.sleep(0.05)

    def open_files(self):
        """The inodes of what it holds open."""
        folder = f"/proc/{self.process.pid}/fd"
        found = set()
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found.add(os.stat(os.path.join(folder, name)).st_ino)
        return found

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def send(log, ledger, path, count):
    for line in ledger.lines(path, count).splitlines():
        log.send(b"<13>" + line)
