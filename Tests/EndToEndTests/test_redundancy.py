"""Several stores: each fails in turn while an agent archives, one hangs while files are archived, and shards are plain files."""

import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import agents
import harness
import samples
import servers
from checker import Ledger
from harness import each, expect, expect_same_bytes

CONFIGURATION = """\
archive: main
host: h
spool: {{path: "{spool}"}}
stores:
{stores}
redundancy: {redundancy}
inputs:
  - files: {{include: ["{logs}/*.log"]}}
roll: {{block_bytes: 64KiB, block_age: 500ms, chunk_bytes: 1MiB, chunk_age: 1s}}
"""


class Agent(agents.Agent):
    """An agent over several stores."""

    def __init__(self, context, stores, redundancy):
        super().__init__(context, "", "")
        lines = "\n".join(f'  - {{name: {name}, url: "{url}"}}' for name, url in stores.items())
        samples.write(self.configuration, CONFIGURATION.format(
            spool=self.spool, logs=self.logs, stores=lines, redundancy=redundancy).encode())
        self.store = ["--config", self.configuration]

    def owed(self):
        """Chunks that the spool keeps for each store, by its status; and the files that it keeps: of those that it owes,
        and of those that some stores still take."""
        result = self.context.run("status", "--config", self.configuration, "--format", "json", status=None)
        if result.status != 0:
            return {"status": result.message}
        owed = {store["name"]: store["owedChunks"] for store in json.loads(result.out)["stores"] if store["owedChunks"]}
        kept = [file for each in ("owed/*/*", "sealed/*") for file in glob.glob(os.path.join(self.spool, each))]
        return {**owed, **({"kept": len(kept)} if kept else {})}


class Disk:
    """A directory as a store that can fail like a server."""

    def __init__(self, path):
        self.path = path
        self.name = "disk"

    def kill(self):
        """As when it is no longer mounted: a file is where the directory was."""
        os.rename(self.path, self.path + ".away")
        with open(self.path, "wb"):
            pass

    def start_again(self):
        os.remove(self.path)
        os.rename(self.path + ".away", self.path)


def hang(server):
    os.killpg(server.process.pid, signal.SIGSTOP)


def wake(server):
    os.killpg(server.process.pid, signal.SIGCONT)


def test_acknowledged_lines_outlive_every_store_in_turn(context):
    """Killed, hanging and emptied in turn. All lines are read back while it lasts, and when stores are back they get theirs."""
    rclone, moto = context.server("rclone"), context.server("moto")
    context.environment.update(servers.credentials())
    disk = Disk(context.path("disk"))
    stores = {"rclone": rclone.url("archive"), "moto": moto.url("archive"), "disk": f"file://{disk.path}"}
    agent = Agent(context, stores, "{copies: 3, acknowledge: 2}")
    ledger = Ledger(context.seed)

    def write(count=300):
        for name in ("a.log", "b.log"):
            agent.append(name, ledger.lines(agent.path(name), count))

    def expect_there(what):
        agent.wait_archived(ledger, what, 60)
        ledger.expect_whole(context, agent.store, what)

    agent.start()
    write()
    expect_there("with all stores")
    # A server in memory that is killed comes back empty: it is the last, so that the others have what it had.
    turns = [
        ("rclone killed", rclone.kill, rclone.start_again), ("rclone hanging", lambda: hang(rclone), lambda: wake(rclone)),
        ("the disk gone", disk.kill, disk.start_again), ("moto hanging", lambda: hang(moto), lambda: wake(moto)),
        ("moto killed", moto.kill, moto.start_again),
    ]
    for what, fail, mend in turns * context.pick(1, 1, 3):
        fail()
        try:
            write()
            expect_there(what)
            if context.random.random() < 0.5:
                agent.kill()
                write(20)
                agent.start()
                expect_there(f"{what}, and the agent killed")
        finally:
            mend()
        write(50)
        expect_there(f"after {what}")
    agent.wait(lambda: not agent.owed(), 240, f"debts are never paid: {agent.owed()}")
    status = agent.end(signal.SIGTERM)
    expect(status == 0, f"exit status {status} after SIGTERM: {agent.said()}")
    ledger.expect_whole(context, agent.store, "at the end")
    # What was paid makes either of the two stores that never lost anything an archive by itself.
    for name in ("rclone", "disk"):
        ledger.expect_whole(context, stores[name], f"{name} by itself")


def test_debts_outlive_the_agent(context):
    """What one store missed is paid after the agent was killed and started again, from its spool."""
    folders = {name: context.path(name) for name in ("one", "two", "three")}
    agent = Agent(context, {name: f"file://{path}" for name, path in folders.items()}, "{copies: 3, acknowledge: 2}")
    ledger = Ledger(context.seed)
    disk = Disk(folders["two"])
    agent.start()
    agent.append("a.log", ledger.lines(agent.path("a.log"), 100))
    agent.wait_archived(ledger, "at first")
    agent.wait(lambda: os.path.isdir(os.path.join(folders["two"], "manifests")), 240, "the second store has nothing")
    disk.kill()
    for _ in range(3):
        agent.append("a.log", ledger.lines(agent.path("a.log"), 100))
        agent.wait_archived(ledger, "without the second store")
    agent.kill()
    disk.start_again()
    agent.start()

    def is_paid():
        return harness.objects(folders["two"]) == harness.objects(folders["one"])

    agent.wait(is_paid, 240, "the second store never gets what it missed")
    agent.wait(lambda: not agent.owed(), 240, "debts that are paid stay")
    expect(agent.end(signal.SIGTERM) == 0, f"exit status after SIGTERM: {agent.said()}")
    ledger.expect_whole(context, f"file://{folders['two']}", "the store that was gone, by itself")


class Silence:
    """A server that takes connections and never says a word."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(1024)
        self.name = "silence"

    def url(self):
        return servers.Endpoint(self.name, f"http://127.0.0.1:{self.socket.getsockname()[1]}").url("archive")

    def stop(self):
        self.socket.close()


# A process counts the memory of the one that it was forked from as its own: a small one in between has little.
MEASURE = """
import os, sys, time
began = time.monotonic()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(time.monotonic() - began, usage.ru_maxrss, os.waitstatus_to_exitcode(status))
"""


def measured(context, *arguments):
    """(seconds, peak memory in KiB, exit status, standard error) of firn."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", MEASURE, context.firn_binary, *arguments], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, cwd=context.directory, env=context.clean_environment(), check=True)
    seconds, memory, status = done.stdout.split()[-3:]
    return float(seconds), int(memory), int(status), done.stderr[-1500:]


def test_a_hanging_store_neither_holds_up_archiving_nor_fills_memory(context):
    """At most twice the time and 1.1 times the memory, with a spool that is smaller than what is archived."""
    context.environment.update(servers.credentials())
    silence = Silence()
    context.started.append(silence)
    server = context.server("rclone")
    path = context.path("big.log")
    with open(path, "wb") as file:
        file.write(context.loggen("--kind", "json", "--bytes", context.pick("64MiB", "192MiB", "1GiB"), "--seed", context.seed))
    figures = []
    for name, last in (("working", server.url("archive")), ("hanging", silence.url())):
        stores = [f"file://{context.path(name, store)}" for store in ("one", "two")] + [last]
        lines = "\n".join(f'  - {{name: s{number}, url: "{url}"}}' for number, url in enumerate(stores))
        configuration = samples.write(context.path(name, "firn.yaml"), (
            f'archive: main\nhost: h\nspool: {{path: "{context.path(name, "spool")}", max_bytes: 16MiB}}\nstores:\n{lines}\n'
            "redundancy: {copies: 3, acknowledge: 2}\nroll: {chunk_bytes: 2MiB}\n").encode())
        seconds, memory, status, said = measured(context, "archive", "--config", configuration, path)
        expect(status in (0, 3), f"{name}: exit status {status}: {said}")
        answer = context.run("cat", "--config", configuration, "--host", "h", "--source", path, status=0)
        with open(path, "rb") as file:
            expect_same_bytes(answer.out, file.read(), f"cat with one store {name}")
        figures.append((seconds, memory))
    (working, least), (hanging, most) = figures
    print(f"{working:.2f} s and {least} KiB with three stores, {hanging:.2f} s and {most} KiB with one that hangs")
    # What is waited for at the end does not grow with what is archived.
    expect(hanging <= 2 * working + 3, f"{hanging:.1f} s instead of {working:.1f} s where one of three stores hangs")
    expect(most <= 1.1 * least + 4096, f"{most} KiB instead of {least} KiB where one of three stores hangs")


@each("2+1", "4+2")
def test_a_shell_puts_a_chunk_together_from_its_shards(context, erasure):
    data, parity = map(int, erasure.split("+"))
    content = context.loggen("--kind", "java", "--bytes", "1MiB", "--seed", context.seed)
    path = samples.write(context.path("app.log"), content)
    stores = [context.path(f"store{number}") for number in range(data + parity)]
    places = [argument for store in stores for argument in ("--store", f"file://{store}")]
    context.run("archive", *places, "--erasure", erasure, "--host", "h", path)
    shards = {}
    for store in stores:
        for name in harness.objects(store):
            if name.startswith("chunks/"):
                chunk, number = name.rsplit(".", 1)
                shards.setdefault(chunk, {})[int(number)] = os.path.join(store, name)
    expect(len(shards) == 1, f"one chunk is expected: {list(shards)}")
    for chunk, places_of in shards.items():
        expect(sorted(places_of) == list(range(data + parity)), f"{chunk} has the shards {sorted(places_of)}")
        files = " ".join(f"'{places_of[number]}'" for number in range(data))
        joined = subprocess.run(
            ["sh", "-c", f"for shard in {files}; do head -c -512 \"$shard\"; done | cat > chunk.zst && zstd -dc chunk.zst"],
            cwd=context.directory, capture_output=True, check=True)
        expect_same_bytes(joined.stdout, content, "zstd -dc of the joined shards")
    # And without any as many stores as there is parity, firn gives the same.
    for gone in range(0, data + parity, parity):
        for store in stores[gone:gone + parity]:
            os.rename(store, store + ".away")
        answer = context.run("cat", *places, "--erasure", erasure, "--host", "h", "--source", path)
        expect_same_bytes(answer.out, content, f"cat without {stores[gone:gone + parity]}")
        for store in stores[gone:gone + parity]:
            shutil.rmtree(store, ignore_errors=True)
            os.rename(store + ".away", store)
