"""An agent receives syslog, standard input and a journal: through kill -9 and SIGTERM, what was received is archived once,
and in order."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request

import samples
from harness import Skipped, each, expect, expect_same_bytes

CONFIGURATION = """\
archive: main
host: h
spool: {{path: "{spool}"}}
stores:
  - {{name: disk, url: "{store}"}}
inputs:
{inputs}
roll: {{block_age: 300ms, chunk_age: 1s}}
"""


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Agent:
    """A running `firn agent` with the given inputs."""

    def __init__(self, context, *inputs, stdin=subprocess.DEVNULL):
        self.context, self.stdin = context, stdin
        self.store, self.spool = context.store("directory"), context.path("spool")
        self.configuration = samples.write(context.path("firn.yaml"), CONFIGURATION.format(
            spool=self.spool, store=self.store, inputs="\n".join(f"  - {text}" for text in inputs)).encode())

    def start(self):
        with open(self.context.path("agent.log"), "ab") as log:
            self.process = subprocess.Popen(
                [self.context.firn_binary, "agent", "--config", self.configuration], stdout=log, stderr=log,
                stdin=self.stdin, cwd=self.context.directory, env=self.context.clean_environment())

    def end(self, number):
        self.process.send_signal(number)
        return self.process.wait(60)

    def close(self):
        if self.process.poll() is None:
            self.end(signal.SIGKILL)

    def cat(self, host, source="syslog"):
        return self.context.run("cat", "--store", self.store, "--host", host, "--source", source, status=None).out

    def said(self, whole=False):
        with open(self.context.path("agent.log"), "rb") as log:
            text = log.read().decode("utf-8", "replace")
        return text if whole else text[-1500:]

    def wait(self, condition, what, seconds=240):
        deadline = time.monotonic() + seconds
        while not condition():
            expect(self.process.poll() is None, f"the agent ended by itself: {self.said()}")
            expect(time.monotonic() < deadline, f"{what}: {self.said()}")
            time.sleep(0.05)


def connect(agent, port):
    """As soon as the agent listens."""
    def reached():
        try:
            connect.found = socket.create_connection(("127.0.0.1", port), timeout=30)
            return True
        except OSError:
            return False
    agent.wait(reached, f"nobody listens at port {port}")
    return connect.found


def line(host, number, run):
    return f"<13>1 2026-01-02T03:04:05.678Z {host} app - - - run {run} number {number} {'x' * (number % 90)}"


def numbers(data):
    return [(int(run), int(number)) for run, number in re.findall(rb"run (\d+) number (\d+) ", data)]


def test_syslog_over_tcp_survives_kill_9(context):
    """TCP acknowledges nothing, so a kill takes what was in flight. What is archived must be, of each connection, its
    beginning: nothing doubled, nothing left out between, nothing out of order; and all of what was durable."""
    port = free_port()
    agent = Agent(context, f'syslog: {{listen: "tcp://127.0.0.1:{port}"}}')
    agent.start()
    durable = {}
    try:
        for run in range(context.pick(3, 8, 60)):
            with connect(agent, port) as sender:
                count = context.random.randrange(200, 4000)
                counted = context.random.random() < 0.5
                for number in range(count):
                    text = line(f"web-{number % 3}", number, run)
                    sender.sendall(f"{len(text)} {text}".encode() if counted else f"{text}\n".encode())
                if run % 2:
                    # All that the log or a block holds: the last line of each host.
                    last = f"run {run} number {count - 1} ".encode()
                    agent.wait(lambda: logged(agent, last), f"run {run} did not become durable")
                    durable[run] = count
                agent.end(signal.SIGKILL)
            agent.start()
        connect(agent, port).close()
        status = agent.end(signal.SIGTERM)
        expect(status == 0, f"SIGTERM: exit status {status}: {agent.said()}")
    finally:
        agent.close()
    for host in range(3):
        seen = numbers(agent.cat(f"web-{host}"))
        by_run = {}
        for run, number in seen:
            by_run.setdefault(run, []).append(number)
        expect(list(by_run) == sorted(by_run), f"web-{host}: runs out of order: {list(by_run)}")
        for run, found in by_run.items():
            expect(found == list(range(host, host + 3 * len(found), 3)), f"web-{host}, run {run}: {found[:20]}")
        for run, count in durable.items():
            wanted = len(range(host, count, 3))
            expect(len(by_run.get(run, [])) == wanted, f"web-{host}: run {run}: {len(by_run.get(run, []))} of {wanted}")
    context.run("verify", "--store", agent.store, "--deep")


def logged(agent, text):
    """Whether the write-ahead log has it: it is synced when a later group or block is, at the latest 100 ms after."""
    folder = os.path.join(agent.spool, "log")
    for name in os.listdir(folder):
        try:
            with open(os.path.join(folder, name), "rb") as file:
                if text in file.read():
                    time.sleep(0.3)
                    return True
        except FileNotFoundError:
            pass
    return False


def test_logger_over_udp_tcp_and_unix_sockets(context):
    ports = [free_port(), free_port(socket.SOCK_DGRAM)]
    path = context.path("log.sock")
    agent = Agent(
        context, f'syslog: {{listen: "tcp://127.0.0.1:{ports[0]}"}}', f'syslog: {{listen: "udp://127.0.0.1:{ports[1]}"}}',
        f'syslog: {{listen: "unix://{path}", source: local, labels: {{env: prod}}}}')
    agent.start()
    try:
        connect(agent, ports[0]).close()
        name = subprocess.run(["hostname"], capture_output=True, text=True, check=True).stdout.strip().split(".")[0]
        for options in (["--tcp", "--port", str(ports[0])], ["--tcp", "--octet-count", "--port", str(ports[0])],
                        ["--udp", "--port", str(ports[1])], ["--udp", "--rfc3164", "--port", str(ports[1])]):
            subprocess.run(["logger", "--server", "127.0.0.1", *options, "-t", "tag", f"by {' '.join(options)}"], check=True)
        for number in range(5):
            subprocess.run(["logger", "--socket", path, "-t", "tag", f"local {number}"], check=True)

        def stored():
            out = context.run("get", "--store", agent.store, "--format", "json", "--from", "2020-01-01", status=None).out
            return [json.loads(text) for text in out.splitlines()]
        agent.wait(lambda: len(stored()) == 9, "nine messages")
        found = stored()
        local = [entry["line"].split(": ")[-1] for entry in found if entry["source"] == "local"]
        expect(local == [f"local {number}" for number in range(5)], f"local messages: {local}")
        expect(all(entry["labels"] == {"env": "prod"} and entry["host"] == "h" for entry in found
                   if entry["source"] == "local"), f"hosts and labels of local messages: {found}")
        remote = [entry for entry in found if entry["source"] == "syslog"]
        expect(all(entry["labels"] == {"relay": "127.0.0.1"} for entry in remote), f"relays: {remote}")
        expect(all(entry["host"].split(".")[0] == name for entry in remote), f"hosts, not {name}: {remote}")
        expect(len({entry["line"] for entry in remote}) == 4, f"messages: {remote}")
    finally:
        agent.close()


def test_syslog_over_tls(context):
    key, certificate = context.path("key.pem"), context.path("certificate.pem")
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], capture_output=True)
    if made.returncode:
        raise Skipped("openssl cannot make a certificate")
    port = free_port()
    agent = Agent(context, f'syslog: {{listen: "tls://127.0.0.1:{port}", certificate: {certificate}, key: {key}}}')
    agent.start()
    try:
        # Somebody who does not speak TLS does no harm.
        with connect(agent, port) as plain:
            plain.sendall(b"<13>1 - web-0 plain - - - text\n")
        trusting = ssl.create_default_context(cafile=certificate)
        wanted = b""
        with trusting.wrap_socket(connect(agent, port), server_hostname="localhost") as sender:
            for number in range(5000):
                text = line("web-1", number, 0).encode()
                sender.sendall(b"%d %s" % (len(text), text))
                wanted += text + b"\n"
        agent.wait(lambda: agent.cat("web-1") == wanted, "all messages")
        expect(agent.cat("web-0") == b"", "plain text was taken on a TLS socket")
    finally:
        agent.close()


def test_standard_input_is_collected_until_it_ends(context):
    data = context.loggen("--kind", "json", "--bytes", "3MiB", "--seed", context.seed) + b"without a newline"
    agent = Agent(context, "stdin: {}", stdin=subprocess.PIPE)
    agent.start()
    try:
        agent.process.stdin.write(data)
        agent.process.stdin.close()
        expect(agent.process.wait(60) == 0, f"the agent failed: {agent.said()}")
    finally:
        agent.close()
    expect_same_bytes(agent.cat("h", "stdin"), data, "standard input")


def test_standard_input_goes_on_through_hangups(context):
    """Also where a hangup finds a line half written, or the store away and no room left."""
    pieces, rest = [], b"".join(
        b"2026-01-02T03:04:05Z line %d %s\n" % (number, context.random.randbytes(context.random.randrange(600)).hex().encode())
        for number in range(50_000)) + b"without a newline"
    data = rest
    while rest:
        count = int(2 ** context.random.uniform(0, 18))
        pieces.append(rest[:count])
        rest = rest[count:]
    agent = Agent(context, "stdin: {}", stdin=subprocess.PIPE)
    with open(agent.configuration, "rb") as file:
        text = file.read()
    samples.write(agent.configuration, text.replace(b'spool"}', b'spool", max_bytes: 2MiB}').replace(
        b"roll: {", b"roll: {chunk_bytes: 1MiB, "))
    archive = agent.store.removeprefix("file://")
    is_away = threading.Event()

    def write():
        written = 0
        for piece in pieces:
            if written > len(data) // 10:
                is_away.wait()
            agent.process.stdin.write(piece)
            agent.process.stdin.flush()
            written += len(piece)
        agent.process.stdin.close()

    def hang_up():
        count = agent.said(whole=True).count("the configuration was read again")
        agent.process.send_signal(signal.SIGHUP)
        agent.wait(lambda: agent.said(whole=True).count("the configuration was read again") > count, "a hangup")

    def log_bytes():
        folder = os.path.join(agent.spool, "log")
        return sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder) if name != "segment.new")

    agent.start()
    try:
        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        agent.wait(lambda: agent.cat("h", "stdin"), "the first lines")
        for _ in range(context.pick(3, 5, 30)):
            hang_up()
        os.rename(archive, archive + ".away")
        samples.write(archive, b"in the way")
        is_away.set()
        # The log leaves a quarter of its 16 MiB free, for what is in hand at the end.
        agent.wait(lambda: log_bytes() > 11 << 20, "the log is full")
        for _ in range(context.pick(1, 2, 10)):
            hang_up()
        expect(writer.is_alive(), "the writer never had to wait")
        os.unlink(archive)
        os.rename(archive + ".away", archive)
        while writer.is_alive():
            hang_up()
            writer.join(context.random.random())
        status = agent.process.wait(240)
        expect(status == 0, f"exit status {status}: {agent.said()}")
    finally:
        agent.close()
    expect_same_bytes(agent.cat("h", "stdin"), data, f"standard input (the agent said: {agent.said()})")
    found = context.run("get", "--store", agent.store, "--from", "2020-01-01").out
    expect_same_bytes(found, data + b"\n", "lines of standard input")


def test_listeners_go_on_after_hangups(context):
    """What senders had sent before a hangup is taken, over TCP, UDP and a Unix socket; what they send after it as well."""
    ports, path = [free_port(), free_port(socket.SOCK_DGRAM), free_port()], context.path("log.sock")
    agent = Agent(
        context, f'syslog: {{listen: "tcp://127.0.0.1:{ports[0]}"}}', f'syslog: {{listen: "udp://127.0.0.1:{ports[1]}"}}',
        f'syslog: {{listen: "unix://{path}"}}')
    with open(agent.configuration, "ab") as file:
        file.write(b'metrics: {listen: "127.0.0.1:%d"}\n' % ports[2])
    sent = {host: b"" for host in ("tcp", "udp", "unix")}

    def send(host, run):
        texts = [line(host, number, run) for number in range(context.random.randrange(1, 100 if host == "tcp" else 20))]
        sent[host] += "".join(text + "\n" for text in texts).encode()
        if host == "tcp":
            with socket.create_connection(("127.0.0.1", ports[0]), timeout=30) as sender:
                sender.sendall("".join(text + "\n" for text in texts).encode())
            return
        family, address = (socket.AF_INET, ("127.0.0.1", ports[1])) if host == "udp" else (socket.AF_UNIX, path)
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            for text in texts:
                sender.sendto(text.encode(), address)

    agent.start()
    try:
        connect(agent, ports[0]).close()
        for run in range(context.pick(5, 15, 200)):
            for host in sent:
                send(host, run)
            agent.process.send_signal(signal.SIGHUP)
            agent.wait(lambda: agent.said(whole=True).count("the configuration was read again") == run + 1, f"hangup {run}")
            with urllib.request.urlopen(f"http://127.0.0.1:{ports[2]}/metrics", timeout=60) as page:
                expect(page.status == 200, f"metrics: {page.status}")
        status = agent.end(signal.SIGTERM)
        expect(status == 0, f"SIGTERM: exit status {status}: {agent.said()}")
    finally:
        agent.close()
    for host, data in sent.items():
        expect_same_bytes(agent.cat(host), data, f"messages by {host}")


JOURNALCTL = """\
#!{python}
# Stands in for journalctl: entries of a file that grows, from a cursor on.
import select, sys, time
reader = select.poll()
reader.register(1, 0)
after = next((text.split("=", 1)[1] for text in sys.argv if text.startswith("--after-cursor=")), "c=-1")
number, file = int(after.split("=")[1]) + 1, open({entries!r}, "rb")
entries = 0
while True:
    text = file.readline()
    if not text.endswith(b"\\n"):
        # As journalctl does: nobody reads any more.
        if reader.poll(20):
            sys.exit()
        file.seek(-len(text), 1)
        continue
    if entries >= number:
        message = b"MESSAGE\\n" + len(text[:-1]).to_bytes(8, "little") + text
        sys.stdout.buffer.write(b"__CURSOR=c=%d\\n__REALTIME_TIMESTAMP=%d\\n%s\\n" % (
            entries, 1700000000000000 + entries, message))
        sys.stdout.buffer.flush()
    entries += 1
"""


def test_a_journal_is_read_on_from_its_cursor_after_kill_9(context):
    entries, program = context.path("entries"), context.path("bin", "journalctl")
    samples.write(entries, b"")
    samples.write(program, JOURNALCTL.format(python=sys.executable, entries=entries).encode())
    os.chmod(program, 0o755)
    context.environment["PATH"] = os.path.dirname(program) + ":" + os.environ["PATH"]
    agent = Agent(context, "journal: {}")
    agent.start()
    total = 0
    try:
        for turn in range(context.pick(3, 6, 40)):
            with open(entries, "ab") as file:
                for _ in range(context.random.randrange(1, 800)):
                    file.write(f"entry {total}\n".encode())
                    total += 1
            if turn % 3 == 1:
                agent.wait(lambda: messages(agent)[-1:] == [f"entry {total - 1}"], "the last entry")
            else:
                time.sleep(context.random.random() * 0.6)
            agent.end(signal.SIGKILL)
            agent.start()
        agent.wait(lambda: len(messages(agent)) >= total, f"{total} entries")
        found = messages(agent)
        expect(found == [f"entry {number}" for number in range(total)], f"{len(found)} entries of {total}: {found[:5]}")
    finally:
        agent.close()
    context.run("verify", "--store", agent.store, "--deep")


def messages(agent):
    return [json.loads(text)["MESSAGE"] for text in agent.cat("h", "journal").splitlines()]


@each("tcp", "unix-stream")
def test_a_sender_waits_while_the_store_is_away(context, kind):
    """A small spool and no store: the sender waits, memory does not grow, and all is archived once the store is back."""
    port, path = free_port(), context.path("stream.sock")
    listen = f"tcp://127.0.0.1:{port}" if kind == "tcp" else f"unix-stream://{path}"
    agent = Agent(context, f'syslog: {{listen: "{listen}"}}')
    with open(agent.configuration, "rb") as file:
        text = file.read()
    samples.write(agent.configuration, text.replace(b'spool"}', b'spool", max_bytes: 2MiB}').replace(
        b"roll: {", b"roll: {chunk_bytes: 1MiB, "))
    archive = agent.store.removeprefix("file://")
    texts = [f"{line('web-1', number, 0)} {context.random.randbytes(400).hex()}\n".encode() for number in range(40_000)]
    sent = [0]
    agent.start()
    try:
        sender = connect(agent, port) if kind == "tcp" else connect_unix(agent, path)
        sender.settimeout(None)
        sender.sendall(texts[0])
        agent.wait(lambda: agent.cat("web-1") == texts[0], "the first message")
        os.rename(archive, archive + ".away")

        def send():
            with sender:
                for text in texts[1:]:
                    sender.sendall(text)
                    sent[0] += 1
        thread = threading.Thread(target=send)
        thread.start()
        before = -1
        while before != sent[0]:
            before = sent[0]
            time.sleep(3)
        expect(sent[0] < len(texts) - 1, "the sender did not wait")
        used = int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{agent.process.pid}/status").read()).group(1))
        expect(used < 128 << 10, f"the agent used {used} KiB")
        os.rename(archive + ".away", archive)
        thread.join(60)
        wanted = b"".join(texts)
        agent.wait(lambda: agent.cat("web-1") == wanted, "all messages", seconds=240)
        status = agent.end(signal.SIGTERM)
        expect(status == 0, f"SIGTERM: exit status {status}: {agent.said()}")
    finally:
        agent.close()


def connect_unix(agent, path):
    agent.wait(lambda: os.path.exists(path), f"nobody listens at {path}")
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sender.connect(path)
    return sender
