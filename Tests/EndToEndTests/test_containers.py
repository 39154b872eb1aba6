"""Container logs: the archive holds them as they were written, answers show the lines that the containers wrote."""

import gzip
import json
import os
import shutil
import signal
import urllib.error
import urllib.request

import agents
import containers
import samples
from harness import Skipped, each, expect, expect_same_bytes

KINDS = ("cri", "docker")


@each(*KINDS)
def test_lines_are_unwrapped_and_joined(context, kind):
    for round in range(context.pick(2, 6, 60)):
        seed = f"{context.seed} {round}"
        container = containers.Container(
            kind, seed, long_lines=context.random.choice([0, 0.02, 0.3]), traces=context.random.choice([0, 0.3]),
            piece=context.random.choice([40, 300, 16384]))
        data = container.records_of(context.random.choice([1, 30, 2000])) + container.complete()
        store = context.store("directory", f"archive-{kind}-{round}")
        path = samples.write(context.path(f"{kind}-{round}.log"), data)
        block = context.random.choice(["64KiB", "128KiB", "1MiB"])
        context.run(
            "archive", "--store", store, "--host", "h", "--format", kind, path, environment={"FIRN_ROLL_BLOCK_BYTES": block})
        what = f"round {round}, blocks of {block}"
        expect_same_bytes(context.run("cat", "--store", store, "--host", "h", "--source", path).out, data, f"{what}: cat")
        expect_answers(context, store, container, what)


def expect_answers(context, store, container, what):
    lines = container.ordered()
    get = lambda *more: context.run("get", "--store", store, *more).out
    expect_same_bytes(get(), containers.raw(lines), f"{what}: get")
    expect(int(get("--count")) == len(lines), f"{what}: --count")
    needle = f"needle{context.random.randrange(50)}"
    expect_same_bytes(
        get("--match", needle), containers.raw([l for l in lines if needle.encode() in l.text]), f"{what}: --match {needle}")
    expect_same_bytes(
        get("--exclude", "needle"), containers.raw([l for l in lines if b"needle" not in l.text]), f"{what}: --exclude")
    first, last = sorted(context.random.choices(range(container.time - containers.START + 2), k=2))
    begin, end = containers.START + first, containers.START + last + 1
    cut = [l for l in lines if begin <= l.time < end]
    between = ("--from", containers.stamp(begin), "--to", containers.stamp(end))
    expect_same_bytes(get(*between), containers.raw(cut), f"{what}: {' '.join(between)}")
    expect(int(get("--count", *between)) == len(cut), f"{what}: --count {' '.join(between)}")
    objects = [json.loads(text) for text in get("--format", "json").decode().splitlines()]
    expect([o["line"] for o in objects] == [l.text.decode() for l in lines], f"{what}: json lines")
    expect([o["stream"] for o in objects] == [l.stream for l in lines], f"{what}: json streams")
    expect([o["time"][:19] for o in objects] == [containers.stamp(l.time)[:19] for l in lines], f"{what}: json times")
    expect_same_bytes(get("--limit", "7"), containers.raw(lines[:7]), f"{what}: --limit")
    newest = [l for l in lines if l.text and l.text[:1] not in containers.CONTINUATIONS]
    if len(newest) == len(lines):
        expect_same_bytes(get("--reverse"), containers.raw(lines[::-1]), f"{what}: --reverse")


CONFIGURATION = """\
archive: main
host: h
spool: {{path: "{spool}"}}
stores:
  - {{name: disk, url: "{store}"}}
inputs:
  - files: {{include: ["{root}/pods/*/*/*.log"], labels: {{env: test}}}}
  - files: {{include: ["{root}/containers/*/*-json.log"]}}
roll: {{block_bytes: 64KiB, block_age: 1s, chunk_age: 1s}}
metrics: {{listen: "127.0.0.1:{port}"}}
"""

POD = ("shop_web-0_01234567-89ab-cdef-0123-456789abcdef", "app")
ID = "0123456789abcdef" * 4


class Node:
    """A node's logs: a pod's, rotated as the kubelet does, and a container of Docker's."""

    def __init__(self, context):
        self.root = context.folder("var/log")
        self.folder = context.folder("var/log/pods", *POD)
        self.pod = os.path.join(self.folder, "0.log")
        docker = context.folder("var/log/containers", ID)
        samples.write(os.path.join(docker, "config.v2.json"), json.dumps({"ID": ID, "Name": "/db-1"}).encode())
        self.docker = os.path.join(docker, f"{ID}-json.log")
        self.writers = {
            self.pod: containers.Container("cri", context.seed, long_lines=0.05),
            self.docker: containers.Container("docker", context.seed, long_lines=0.05, piece=2000)}
        self.written = {self.pod: b"", self.docker: b""}
        self.rotations = 0

    def write(self, count):
        for path in self.written:
            self.append(path, self.writers[path].records_of(count))

    def complete(self):
        for path in self.written:
            self.append(path, self.writers[path].complete())

    def append(self, path, data):
        with open(path, "ab") as file:
            file.write(data)
        self.written[path] += data

    def rotate(self):
        """Renames the log, and compresses the one that was renamed before: by way of a .tmp file, as the kubelet."""
        rotated = sorted(name for name in os.listdir(self.folder) if name.startswith("0.log.") and not name.endswith(".gz"))
        for name in rotated:
            path = os.path.join(self.folder, name)
            with open(path, "rb") as source, gzip.open(path + ".tmp", "wb") as target:
                shutil.copyfileobj(source, target)
            os.rename(path + ".tmp", path + ".gz")
            os.unlink(path)
        # The kubelet's clock, which here goes on as fast as the test wants.
        os.rename(self.pod, self.pod + f".20260101-{self.rotations:06d}")
        self.rotations += 1
        open(self.pod, "wb").close()


class ContainerAgent(agents.Agent):
    def __init__(self, context, store, root, port):
        super().__init__(context, store)
        self.configuration = samples.write(context.path("containers.yaml"), CONFIGURATION.format(
            spool=self.spool, store=store, root=root, port=port).encode())


def test_a_node_s_containers_are_followed(context):
    node = Node(context)
    store = context.store("directory")
    agent = ContainerAgent(context, store, node.root, free_port())
    agent.start()
    for round in range(context.pick(3, 6, 30)):
        node.write(150)
        if round % 3 == 1:
            agent.kill()
            node.write(40)
            agent.start()
        agent.wait(lambda: is_archived(context, store, node), 60, f"round {round}")
        if round % 2 == 0:
            # A line whose records lie in two files would be two lines.
            node.complete()
            agent.wait(lambda: is_archived(context, store, node), 60, f"the end of round {round}")
            node.rotate()
    node.complete()
    agent.wait(lambda: is_archived(context, store, node), 240, "the rest")
    expect(agent.end(signal.SIGTERM) == 0, f"after SIGTERM: {agent.said()}")
    for path, kind in ((node.pod, "pod"), (node.docker, "docker")):
        expect_same_bytes(
            context.run("cat", "--store", store, "--host", "h", "--source", path).out, node.written[path], f"cat of {kind}")
        lines = node.writers[path].ordered()
        seen = context.run("get", "--store", store, "--source", path).out
        expect_same_bytes(seen, containers.raw(lines), f"get of {kind}")
    objects = [json.loads(text) for text in context.run("get", "--store", store, "--format", "json").out.splitlines()]
    labels = {json.dumps(o["labels"], sort_keys=True) for o in objects}
    pod = {"namespace": "shop", "pod": "web-0", "pod_uid": POD[0].split("_")[2], "container": "app", "env": "test",
           "wrapping": "cri"}
    docker = {"container": "db-1", "container_id": ID, "wrapping": "docker"}
    expect(labels == {json.dumps(each, sort_keys=True) for each in (pod, docker)}, f"labels: {labels}")
    selected = context.run("get", "--store", store, "--label", "namespace=shop", "--count").out
    expect(int(selected) == len(node.writers[node.pod].lines), f"--label namespace=shop: {selected}")
    context.run("verify", "--store", store, "--deep")


def is_archived(context, store, node):
    return all(
        context.run("cat", "--store", store, "--host", "h", "--source", path, status=None).out == data
        for path, data in node.written.items())


def free_port():
    import socket
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_metrics_are_served(context):
    try:
        from prometheus_client.parser import text_string_to_metric_families
    except ImportError:
        raise Skipped("prometheus_client is not installed (Tests/Support/install-test-servers)") from None
    node, port = Node(context), free_port()
    store = context.store("directory")
    agent = ContainerAgent(context, store, node.root, port)
    agent.start()
    node.write(100)
    agent.wait(lambda: is_archived(context, store, node), 240, "archiving")
    wanted = {path: (data.count(b"\n"), len(data)) for path, data in node.written.items()}

    def figures():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
                expect(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), answer.headers)
                families = list(text_string_to_metric_families(answer.read().decode()))
        except OSError:
            return {}
        for family in families:
            expect(family.documentation and family.type in ("counter", "gauge"), f"{family.name} has no help or type")
            expect(all(s.name.endswith("_total") == (family.type == "counter") for s in family.samples), family.name)
        return {(s.name, *sorted(s.labels.items())): s.value for family in families for s in family.samples}

    inputs = [("firn_input_lines_total", ("input", f"files[{i}]")) for i in range(2)]
    agent.wait(lambda: all(figures().get(key) == wanted[path][0] for key, path in zip(inputs, wanted)), 240, "the lines")
    seen = figures()
    for key, path in zip(inputs, wanted):
        expect(seen[("firn_input_bytes_total", key[1])] == wanted[path][1], f"bytes of {path}: {seen}")
    expect(seen[("firn_up",)] == 1 and seen[("firn_followed_files",)] == 2, f"{seen}")
    agent.wait(lambda: figures()[("firn_store_chunks_total", ("store", "disk"))] >= 1, 240, "the store")
    expect(seen[("firn_spool_max_bytes",)] > 0 and ("firn_store_up", ("store", "disk")) in seen, f"{seen}")
    for target, status in (("/", 404), ("/metrics", 405)):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{target}", method="POST" if status == 405 else "GET")
        try:
            urllib.request.urlopen(request, timeout=60)
            expect(False, f"{target} was answered")
        except urllib.error.HTTPError as error:
            expect(error.code == status, f"{target}: {error.code}")
    agent.end(signal.SIGTERM)


def test_traces_stay_together_over_restarts(context):
    store = context.store("directory")
    agent = agents.Agent(context, store)
    agent.start()
    agent.append("a.log", b"2026-01-01T00:00:00Z error\n\tat first\n")
    cat = lambda name: context.run("cat", "--store", store, "--host", "h", "--source", agent.path(name), status=None).out
    agent.wait(lambda: b"first" in cat("a.log"), 240, "the beginning of the trace")
    agent.kill()
    agent.append("a.log", b"\tat second\n2026-01-01T00:00:10Z after\n")
    agent.append("b.log", b"2026-01-01T00:00:05Z between\n")
    agent.start()
    agent.wait(lambda: b"after" in cat("a.log") and b"between" in cat("b.log"), 240, "the end of the trace")
    agent.end(signal.SIGTERM)
    wanted = [b"2026-01-01T00:00:00Z error", b"\tat first", b"\tat second", b"2026-01-01T00:00:05Z between",
              b"2026-01-01T00:00:10Z after"]
    get = lambda *more: context.run("get", "--store", store, *more).out.splitlines()
    expect(get() == wanted, f"the trace is torn: {get()}")
    expect(get("--records", "--match", "second") == wanted[:3], f"--records: {get('--records', '--match', 'second')}")
    expect(get("--reverse") == wanted[4:] + wanted[3:4] + wanted[:3], f"--reverse: {get('--reverse')}")
    expect(get("--to", "2026-01-01T00:00:01Z") == wanted[:3], f"--to: {get('--to', '2026-01-01T00:00:01Z')}")


@each("at once", "later")
def test_traces_stay_together_over_rotations(context, when):
    store = context.store("directory")
    agent = agents.Agent(context, store)
    agent.start()
    path = agent.path("a.log")
    cat = lambda name: context.run("cat", "--store", store, "--host", "h", "--source", agent.path(name), status=None).out
    agent.append("a.log", b"2026-01-01T00:00:00Z error\n\tat first\n")
    agent.wait(lambda: b"first" in cat("a.log"), 240, "the beginning of the trace")
    # A line that the rotated file alone has, and that may still be on its way when the new one is read.
    agent.append("a.log", b"2026-01-01T00:00:02Z next\n")
    if when == "later":
        agent.wait(lambda: b"next" in cat("a.log"), 240, "the next trace")
    os.rename(path, path + ".1")
    agent.append("a.log", b"\tat second\n2026-01-01T00:00:10Z after\n")
    agent.append("b.log", b"2026-01-01T00:00:05Z between\n")
    agent.wait(lambda: b"after" in cat("a.log") and b"between" in cat("b.log"), 240, "the end of the trace")
    agent.end(signal.SIGTERM)
    seen = context.run("get", "--store", store).out.splitlines()
    expect(seen == [
        b"2026-01-01T00:00:00Z error", b"\tat first", b"2026-01-01T00:00:02Z next", b"\tat second",
        b"2026-01-01T00:00:05Z between", b"2026-01-01T00:00:10Z after"], f"the trace is torn: {seen}")
