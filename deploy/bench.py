"""The measurements of deploy/bench, which builds what this runs: see there.

Every command is measured by what wait4 says of it and of all that it waited for: user and system time, greatest resident
set (never below this interpreter's own 20 MiB or so, which the measured process starts from). The commands of a table run
one after another, in another order each round; the table shows medians.
"""

import argparse
import base64
import ctypes
import ctypes.util
import functools
import hashlib
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Tests", "EndToEndTests"))
import servers

FIRN = os.environ["FIRN_BINARY"]
LOGGEN = os.environ["LOGGEN_BINARY"]
MB = 1_000_000
MIB = 1 << 20
HOST = "web-01"
FLEET = 50
PARTS = ["archive", "kinds", "read", "queries", "agent", "backlog", "redundancy"]


@dataclass
class Run:
    wall: float
    cpu: float
    peak: int
    moved: int | None
    requests: int | None


@dataclass
class Target:
    """What is asked for: `value` at most `most`."""

    name: str
    value: float | None
    most: float
    unit: str = ""

    def line(self):
        if self.value is None:
            return f"  ?       {self.name}: not measured (target {self.most:g}{self.unit})"
        verdict = "met   " if self.value <= self.most else "MISSED"
        return f"  {verdict}  {self.name}: {self.value:.2f}{self.unit} (target {self.most:g}{self.unit})"


@dataclass
class Bench:
    directory: str
    runs: int
    environment: dict
    server: servers.Server | None = None
    targets: list = field(default_factory=list)
    counter: int = 0

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def fresh(self, name):
        """A new name for an archive: what was written before does not make this one cheaper."""
        self.counter += 1
        return f"{name}-{self.counter}"

    def measure(self, script, cold=False):
        """Runs a bash script; its standard error is kept, to be shown where it fails."""
        if cold:
            drop_caches()
        errors = self.path("stderr")
        with open(errors, "wb") as stderr:
            began = time.monotonic()
            child = subprocess.Popen(
                ["bash", "-c", "set -euo pipefail\n" + script], stderr=stderr, stdin=subprocess.DEVNULL,
                cwd=self.directory, env=self.environment)
            _, status, usage = os.wait4(child.pid, 0)
            wall = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        with open(errors, "rb") as file:
            said = file.read().decode("utf-8", "replace")
        if child.returncode != 0:
            sys.exit(f"bench: exit status {child.returncode}: {script}\n{said[-2000:]}")
        moved = [tuple(map(int, pair)) for pair in re.findall(r"firn: read (\d+) bytes in (\d+) requests", said)]
        return Run(
            wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024,
            sum(pair[0] for pair in moved) if moved else None, sum(pair[1] for pair in moved) if moved else None)

    def rounds(self, scripts, cold=False, prepare=None):
        """{name: [Run]} of `scripts` ({name: function giving a script}), in turns."""
        done = {name: [] for name in scripts}
        names = list(scripts)
        for number in range(self.runs):
            for name in names[number % len(names):] + names[:number % len(names)]:
                if prepare:
                    prepare()
                done[name].append(self.measure(scripts[name](), cold))
            progress(f"round {number + 1} of {self.runs}")
        progress("")
        return done

    def target(self, name, value, most, unit=""):
        self.targets.append(Target(name, value, most, unit))


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def drop_caches():
    """Empties the page cache of data; the programs that are compared are brought back, on both sides."""
    if os.geteuid() == 0:
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3")
        read_ahead(program_files())


@functools.cache
def program_files():
    """The programs of both sides, and the libraries they load."""
    programs = [FIRN, *(shutil.which(name) for name in ("bash", "zstd", "grep", "sort", "env", "gzip"))]
    listed = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False).stdout
    return programs + sorted(set(re.findall(r"(/\S+\.so[\w.-]*)", listed)))


def median(values):
    return statistics.median(values)


def cpu(runs):
    return median(run.cpu for run in runs)


def wall(runs):
    return median(run.wall for run in runs)


def peak(runs):
    return max(run.peak for run in runs)


def bytes_of(size):
    """What `2GiB` and the like stand for."""
    number, unit = re.fullmatch(r"(\d+)([KMG]iB)?", size).groups()
    return int(number) << {None: 0, "KiB": 10, "MiB": 20, "GiB": 30}[unit]


def size_of(*paths):
    total = 0
    for path in paths:
        if os.path.isfile(path):
            total += os.path.getsize(path)
        for folder, _, names in os.walk(path):
            total += sum(os.path.getsize(os.path.join(folder, name)) for name in names)
    return total


def table(title, rows):
    """Prints rows of cells, the first row as the heading."""
    print(f"\n{title}\n")
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) if not column else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths))]
        print("| " + " | ".join(cells) + " |")
        if number == 0:
            print("| " + " | ".join("---" if not column else "--:" for column in range(len(row))) + " |")


def quoted(paths):
    return " ".join(f"'{path}'" for path in paths)


def read_ahead(paths):
    """Brings the input into the page cache: what is compared is work, not the disk."""
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while file.read(4 * MIB):
                pass


# Archiving

def archive_script(bench, store, paths, more=""):
    return f"'{FIRN}' archive --store '{store}' --host {HOST} {more} {quoted(paths)}"


def zstd_script(bench, level, paths, output):
    folder = bench.path(output)
    return f"rm -rf '{folder}'; mkdir '{folder}'; zstd -q -{level} -T1 --output-dir-flat '{folder}' {quoted(paths)}"


def into_directory(bench, paths, more=""):
    """A script that archives into a directory of its own; the one before is removed beforehand."""
    def script():
        for name in os.listdir(bench.directory):
            if name.startswith("measured-"):
                shutil.rmtree(bench.path(name))
        return archive_script(bench, bench.path(bench.fresh("measured")), paths, more)
    return script


def into_s3(bench, paths):
    return lambda: archive_script(bench, bench.server.url(bench.fresh("measured")), paths)


def bench_archive(bench, paths):
    raw = size_of(*paths)
    scripts = {
        "zstd -3 -T1": lambda: zstd_script(bench, 3, paths, "zstd-3"),
        "zstd -1": lambda: zstd_script(bench, 1, paths, "zstd-1"),
        "firn archive, directory": into_directory(bench, paths),
        "firn archive, directory, 1 worker": into_directory(bench, paths, "--workers 1"),
    }
    if bench.server:
        scripts["firn archive, S3"] = into_s3(bench, paths)
    runs = bench.rounds(scripts, prepare=lambda: read_ahead(paths))
    store = bench.path("stored")
    shutil.rmtree(store, ignore_errors=True)
    bench.measure(archive_script(bench, store, paths) + f"; '{FIRN}' index --store '{store}'")
    stored = {"zstd -3 -T1": size_of(bench.path("zstd-3")), "zstd -1": size_of(bench.path("zstd-1"))}
    base = runs["zstd -3 -T1"]
    rows = [["archiving", "CPU s", "of zstd -3", "wall s", "peak MiB", "stored MB", "ratio"]]
    for name, measured in runs.items():
        size = stored.get(name, size_of(store))
        rows.append([
            name, f"{cpu(measured):.2f}", f"{cpu(measured) / cpu(base):.2f}", f"{wall(measured):.2f}",
            f"{peak(measured) / MIB:.0f}", f"{size / MB:.1f}", f"{raw / size:.2f}"])
    table(f"{raw / MIB:.0f} MiB, {len(paths)} kinds of logs (stored: manifests and indexes counted)", rows)
    directory, one = runs["firn archive, directory"], runs["firn archive, directory, 1 worker"]
    bench.target("archive into a directory, CPU of zstd -3 -T1", cpu(directory) / cpu(base), 0.70)
    bench.target("stored size of zstd -3's", size_of(store) / stored["zstd -3 -T1"], 1.00)
    bench.target("peak memory of archiving", peak(directory) / MIB, 64, " MiB")
    bench.target("wall with both cores, of one worker's", wall(directory) / wall(one), 0.6)
    if bench.server:
        uploaded = runs["firn archive, S3"]
        bench.target("archive into S3, CPU of zstd -3 -T1", cpu(uploaded) / cpu(base), 0.90)
        bench.target("peak memory of archiving into S3", peak(uploaded) / MIB, 64, " MiB")


def bench_kinds(bench, paths):
    rows = [["kind", "zstd -3 CPU s", "firn CPU s", "CPU", "zstd -3 ratio", "firn ratio", "size"]]
    worst = {"CPU": (0, ""), "size": (0, "")}
    for path in paths:
        kind = os.path.basename(path).removesuffix(".log")
        output = bench.path("zstd-kind")
        runs = bench.rounds({
            "zstd": lambda: zstd_script(bench, 3, [path], "zstd-kind"), "firn": into_directory(bench, [path]),
        }, prepare=lambda: read_ahead([path]))
        store = bench.path("stored-kind")
        shutil.rmtree(store, ignore_errors=True)
        bench.measure(archive_script(bench, store, [path]) + f"; '{FIRN}' index --store '{store}'")
        ratios = {"CPU": cpu(runs["firn"]) / cpu(runs["zstd"]), "size": size_of(store) / size_of(output)}
        worst = {key: max(worst[key], (value, kind)) for key, value in ratios.items()}
        raw = size_of(path)
        rows.append([
            kind, f"{cpu(runs['zstd']):.2f}", f"{cpu(runs['firn']):.2f}", f"{ratios['CPU']:.2f}",
            f"{raw / size_of(output):.2f}", f"{raw / size_of(store):.2f}", f"{ratios['size']:.2f}"])
    table("one kind of log at a time", rows)
    bench.target(f"worst kind's CPU ({worst['CPU'][1]})", worst["CPU"][0], 0.70)
    bench.target(f"worst kind's stored size ({worst['size'][1]})", worst["size"][0], 1.00)


# Reading everything

def bench_read(bench, paths):
    store, plain = bench.path("stored"), bench.path("zstd-3")
    if not os.path.isdir(store):
        bench.measure(archive_script(bench, store, paths) + f"; '{FIRN}' index --store '{store}'")
    if not os.path.isdir(plain):
        bench.measure(zstd_script(bench, 3, paths, "zstd-3"))
    cats = "; ".join(f"'{FIRN}' cat --store '{store}' --host {HOST} --source '{path}' >/dev/null" for path in paths)
    everything = f"'{FIRN}' get --store '{store}' --format raw"
    expect_same_content(bench, paths, store)
    runs = bench.rounds({
        "zstd -dc": lambda: f"zstd -dc '{plain}'/*.zst >/dev/null",
        "firn cat, each stream": lambda: cats,
        "firn get, all in time order": lambda: f"{everything} >/dev/null",
    })
    base = runs["zstd -dc"]
    rows = [["reading all", "CPU s", "of zstd -dc", "wall s", "peak MiB"]]
    for name, measured in runs.items():
        rows.append([
            name, f"{cpu(measured):.2f}", f"{cpu(measured) / cpu(base):.2f}", f"{wall(measured):.2f}", f"{peak(measured) / MIB:.0f}"])
    table("reading all of it back from the directory", rows)
    bench.target("firn cat of all, CPU of zstd -dc", cpu(runs["firn cat, each stream"]) / cpu(base), 1.3)
    bench.target("firn get of all, CPU of zstd -dc", cpu(runs["firn get, all in time order"]) / cpu(base), 1.7)


def expect_same_content(bench, paths, store):
    for path in paths:
        bench.measure(f"'{FIRN}' cat --store '{store}' --host {HOST} --source '{path}' | cmp - '{path}'")


# Following

AGENT = """\
archive: main
host: {host}
spool: {{path: "{spool}", max_bytes: 100GiB}}
stores: [{{name: store, url: "{store}"}}]
inputs: [{{files: {{include: ["{logs}/*.log"]}}}}]
roll: {{block_age: {block_age}, chunk_age: {chunk_age}}}
"""


class Following:
    """An agent at work, measured from its start to its end by SIGTERM."""

    def __init__(self, bench, store, logs, block_age="5s", chunk_age="5m", wrapper=(), spool=None):
        self.spool = spool or bench.path(bench.fresh("spool"))
        configuration = bench.path("agent.yaml")
        with open(configuration, "w") as file:
            file.write(AGENT.format(
                host=HOST, spool=self.spool, store=store, logs=logs, block_age=block_age, chunk_age=chunk_age))
        self.said = bench.path("agent.log")
        with open(self.said, "wb") as said:
            self.began = time.monotonic()
            self.child = subprocess.Popen(
                [*wrapper, FIRN, "agent", "--config", configuration], stdout=said, stderr=said, stdin=subprocess.DEVNULL,
                cwd=bench.directory, env=bench.environment)

    def spent(self):
        """CPU seconds so far, and bytes read by system calls."""
        with open(f"/proc/{self.child.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        with open(f"/proc/{self.child.pid}/io") as file:
            read = int(re.search(r"rchar: (\d+)", file.read())[1])
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), read

    def wait_quiet(self, at_least, seconds=600):
        """Until it has read so many bytes and then done nothing for a second: when that began. None where it takes longer."""
        quiet_since, last = time.monotonic(), 0.0
        deadline = quiet_since + seconds
        while time.monotonic() - quiet_since < 1:
            time.sleep(0.05)
            if time.monotonic() > deadline:
                return None
            if self.child.poll() is not None:
                self.fail("ended by itself")
            used, read = self.spent()
            if read < at_least or used - last > 0.03:
                quiet_since, last = time.monotonic(), used
        return quiet_since - self.began

    def fail(self, what):
        with open(self.said, "rb") as said:
            sys.exit(f"bench: the agent {what}:\n{said.read().decode('utf-8', 'replace')[-2000:]}")

    def end(self, wall):
        self.child.send_signal(signal.SIGTERM)
        _, status, usage = os.wait4(self.child.pid, 0)
        self.child.returncode = os.waitstatus_to_exitcode(status)
        if self.child.returncode != 0:
            self.fail(f"ended with {self.child.returncode}")
        shutil.rmtree(self.spool)
        return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, None, None)

    def crash(self):
        """Peak memory until then."""
        self.child.kill()
        _, status, usage = os.wait4(self.child.pid, 0)
        self.child.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_maxrss * 1024

    def stop_traced(self):
        """strace passes no signal on: the agent, its only child, is ended, and strace ends with it."""
        with open(f"/proc/{self.child.pid}/task/{self.child.pid}/children") as file:
            children = [int(word) for word in file.read().split()]
        for child in children:
            os.kill(child, signal.SIGTERM)
        try:
            self.child.wait(60)
        finally:
            self.stop()

    def stop(self):
        """For what went wrong on the way."""
        if self.child.returncode is None:
            self.child.kill()
            self.child.wait()


def follow_file(bench, store, path):
    """One agent from the first byte of a file to its last one archived."""
    agent = Following(bench, store, os.path.dirname(path), chunk_age="5s")
    try:
        wall = agent.wait_quiet(os.path.getsize(path))
        return agent.end(wall) if wall else agent.fail("had not read all after ten minutes")
    finally:
        agent.stop()


def bench_agent(bench, size, seed):
    path = bench.path("followed", "app.log")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        subprocess.run([LOGGEN, "--kind", "json", "--bytes", size, "--seed", seed], stdout=file, check=True)
    stores = {"firn agent, directory": lambda: bench.path(bench.fresh("measured"))}
    if bench.server:
        stores["firn agent, S3"] = lambda: bench.server.url(bench.fresh("measured"))
    runs = {"zstd -3 -T1": [], **{name: [] for name in stores}}
    for number in range(bench.runs):
        progress(f"following, round {number + 1} of {bench.runs}")
        names = list(runs)
        for name in names[number % len(names):] + names[:number % len(names)]:
            read_ahead([path])
            if name not in stores:
                runs[name].append(bench.measure(zstd_script(bench, 3, [path], "zstd-agent")))
                continue
            store = stores[name]()
            runs[name].append(follow_file(bench, store, path))
            if number == 0:
                bench.measure(f"'{FIRN}' cat --store '{store}' --host {HOST} --source '{path}' | cmp - '{path}'")
            shutil.rmtree(store, ignore_errors=True)
    progress("")
    base = runs["zstd -3 -T1"]
    rows = [["following", "CPU s", "of zstd -3", "wall s", "peak MiB"]]
    for name, measured in runs.items():
        rows.append([
            name, f"{cpu(measured):.2f}", f"{cpu(measured) / cpu(base):.2f}", f"{wall(measured):.2f}", f"{peak(measured) / MIB:.0f}"])
    table(f"an agent from the start to the end of a file of JSON lines, {size_of(path) / MIB:.0f} MiB", rows)
    for name, most in {"firn agent, directory": 0.80, "firn agent, S3": 1.00}.items():
        if name in runs:
            bench.target(f"{name}, CPU of zstd -3 -T1", cpu(runs[name]) / cpu(base), most)
            bench.target(f"{name}, peak memory", peak(runs[name]) / MIB, 64, " MiB")
    bench_lag(bench)
    bench_many_files(bench)


BLOCK_AGE = 0.5


def bench_lag(bench, lines=40):
    """From a line's write to the end of the sync of its block, less the block age, seen by strace."""
    if shutil.which("strace") is None:
        return bench.target("lag of a line to durable in the spool, beyond the block age, 95%", None, 50, " ms")
    logs, trace = bench.path(bench.fresh("lag")), bench.path("syncs")
    os.makedirs(logs)
    strace = ["strace", "--seccomp-bpf", "-f", "-qq", "-ttt", "-T", "-y", "-e", "trace=fsync,fdatasync", "-e", "signal=none", "-o", trace]
    agent = Following(
        bench, bench.path(bench.fresh("measured")), logs, block_age=f"{int(BLOCK_AGE * 1000)}ms", chunk_age="1h", wrapper=strace)
    written = []
    chance = random.Random(1)
    try:
        with open(os.path.join(logs, "app.log"), "ab", buffering=0) as file:
            for number in range(lines + 1):
                written.append(time.time())
                file.write(b"%s one line, number %d\n" % (time.strftime("%FT%TZ").encode(), number))
                time.sleep(BLOCK_AGE + 0.7 + chance.random() * 0.3)
                if agent.child.poll() is not None:
                    agent.fail("ended by itself")
    finally:
        agent.stop_traced()
    synced = sync_ends(trace, agent.spool)
    lags = []
    for start, end in zip(written[1:], [*written[2:], time.time()]):  # the first line of a file waits for its discovery too
        # Nothing but this line is there to be synced. A block may close before its age: then there is no lag.
        first = next((moment for moment in synced if start < moment < end), None)
        lags.append(float("inf") if first is None else max(0, first - start - BLOCK_AGE) * 1000)
    lags.sort()
    at = lags[int(len(lags) * 0.95)]
    print(f"\nlag of a line from its write to durable in the spool, beyond the block age of {BLOCK_AGE * 1000:.0f} ms, {lines} lines: "
          f"median {median(lags):.0f} ms, 95% {at:.0f} ms, worst {lags[-1]:.0f} ms")
    bench.target("lag of a line to durable in the spool, beyond the block age, 95%", at, 50, " ms")


def sync_ends(trace, spool):
    """When syncs of the spool's data ended; not those of its snapshot and status."""
    ends = []
    begun = {}
    with open(trace, errors="replace") as file:
        for line in file:
            thread, moment, call = line.split(None, 2)
            if "<unfinished" in call:
                begun[thread] = call
                continue
            file_named = begun.pop(thread, "") if "resumed>" in call else call
            took = re.search(r"<([\d.]+)>\s*$", call)
            if took and f"<{spool}/" in file_named and not re.search(r"snapshot|status|/\.dat", file_named):
                ends.append(float(moment) + (0 if "resumed>" in call else float(took[1])))
    return ends


def bench_many_files(bench, idle=10_000, busy=200, seconds=20):
    logs = bench.path(bench.fresh("many"))
    os.makedirs(logs)
    line = b"2025-03-14T09:26:53.123456Z INFO request 4711 of user 42 answered in 12 ms, 200 OK, from the cache\n"
    for number in range(idle + busy):
        with open(os.path.join(logs, f"{number}.log"), "wb") as file:
            file.write(line * 3)
    agent = Following(bench, bench.path(bench.fresh("measured")), logs, block_age="5s", chunk_age="10s")
    try:
        began = agent.wait_quiet((idle + busy) * len(line) * 3, seconds=120)
        time.sleep(25)  # what was read is sealed and gone
        before, since = agent.spent()[0], time.monotonic()
        time.sleep(seconds)
        resting = 100 * (agent.spent()[0] - before) / (time.monotonic() - since)
        for _ in range(seconds * 2):
            for number in range(busy):
                with open(os.path.join(logs, f"{number}.log"), "ab", buffering=0) as file:
                    file.write(line * 6)
            time.sleep(0.5)
        agent.wait_quiet(0, seconds=60)
        run = agent.end(seconds)
    finally:
        agent.stop()
    rate = busy * len(line) * 12 / 1000
    read = f"all read after {began:.1f} s" if began else "NOT all read after 120 s"
    print(f"\n{idle} idle and {busy} busy files ({rate:.0f} KB/s together, {seconds} s): {read}, "
          f"CPU {run.cpu:.1f} s, peak {run.peak / MIB:.0f} MiB")
    bench.target(f"CPU of one core with {idle + busy} silent files", resting, 2, " %")
    bench.target(f"peak memory with {idle} idle and {busy} busy files", run.peak / MIB if began else None, 64, " MiB")


def bench_backlog(bench, backlog, idle=10_000, busy=200, seconds=20):
    """While the store is away and a backlog of so many bytes waits, and at a start after a crash meanwhile."""
    logs, spool, away = bench.path(bench.fresh("many")), bench.path(bench.fresh("spool")), bench.path(bench.fresh("away"))
    os.makedirs(logs)
    with open(away, "wb"):
        pass
    line = b"2025-03-14T09:26:53.123456Z INFO request 4711 of user 42 answered in 12 ms, 200 OK, from the cache\n"
    for number in range(idle + busy):
        with open(os.path.join(logs, f"{number}.log"), "wb") as file:
            file.write(line * 3)
    chance = random.Random(1)
    large = os.path.join(logs, "large.log")
    with open(large, "wb") as file:
        for _ in range(backlog // MIB):
            file.write(base64.encodebytes(chance.randbytes(1 << 20)))
    peaks = []
    for _ in range(2):
        agent = Following(bench, f"{away}/archive", logs, block_age="500ms", chunk_age="2s", spool=spool)
        try:
            if not peaks:
                agent.wait_quiet(os.path.getsize(large), seconds=300 + backlog // (20 * MIB))
            for _ in range(seconds * 2):
                for number in range(busy):
                    with open(os.path.join(logs, f"{number}.log"), "ab", buffering=0) as file:
                        file.write(line * 6)
                time.sleep(0.5)
            peaks.append(agent.crash())
        finally:
            agent.stop()
    sealed = os.listdir(os.path.join(spool, "sealed"))
    print(f"\nstore away: {len(sealed)} chunks, {size_of(spool) / MIB:.0f} MiB in the spool; peak {peaks[0] / MIB:.0f} MiB, "
          f"{peaks[1] / MIB:.0f} MiB after a crash and a start")
    shutil.rmtree(spool)
    shutil.rmtree(logs)
    bench.target(f"peak memory with {idle} idle and {busy} busy files and a backlog", max(peaks) / MIB, 64, " MiB")


# Queries

@dataclass
class Query:
    name: str
    arguments: str
    plain: str
    most_wall: float
    most_moved: float


def queries(bench):
    logs = bench.path("fleet")
    packed = bench.path("fleet-zstd")
    day = "2025-03-14"
    needle = "certificate pinning mismatch"
    merged = " ".join(f"<(zstd -dc '{packed}/web-{number:02d}.log.zst')" for number in range(1, FLEET + 1))
    one = f"zstdcat '{packed}/web-07.log.zst'"
    return [
        Query("one host, 1% of the time", f"--host web-07 --from {day}T12:00:00Z --to {day}T12:14:00Z",
              rf"""{one} | grep -E '^\{{"time":"{day}T12:(0[0-9]|1[0-3]):' || [ $? -eq 1 ]""", 3, 0.3),
        Query("all hosts, 0.1% of the time", f"--from {day}T12:34:00Z --to {day}T12:35:26Z",
              rf"""zstdcat '{packed}'/*.zst | grep -E '^\{{"time":"{day}T12:(34:|35:([01][0-9]|2[0-5]))' || [ $? -eq 1 ]""", 0.3, 8),
        Query("a rare string in everything", f"--match '{needle}'", f"zstdcat '{packed}'/*.zst | grep -F '{needle}' || [ $? -eq 1 ]", 1.2, 46),
        Query("one host, everything", "--host web-07", one, 3, 1.1),
        Query("everything in time order", "", f"sort -m -s -t, -k1,1 {merged}", 0.6, 46),
    ]


def answer(bench, script):
    """Lines and a digest of a script's output, order aside."""
    out = bench.path("answer")
    bench.measure(f"{{ {script} ; }} > '{out}'")
    with open(out, "rb") as file:
        lines = sorted(file.read().split(b"\n"))
    return len(lines) - 1, hashlib.sha256(b"\n".join(lines)).hexdigest()


def archive_fleet(bench, store):
    logs = bench.path("fleet")
    archived = "\n".join(
        f"'{FIRN}' archive --store '{store}' --host web-{number:02d} '{logs}/web-{number:02d}.log'"
        for number in range(1, FLEET + 1))
    return bench.measure(f"{archived}\n'{FIRN}' index --store '{store}'")


def bench_queries(bench):
    stores = {"directory": bench.path("fleet-archive")}
    if bench.server:
        stores["S3"] = bench.server.url("fleet")
    for store in stores.values():
        archive_fleet(bench, store)
    packed = bench.path("fleet-zstd")
    bench.measure(f"rm -rf '{packed}'; mkdir '{packed}'; zstd -q -3 -T1 --output-dir-flat '{packed}' '{bench.path('fleet')}'/*.log")
    print(f"\nfleet: {size_of(bench.path('fleet')) / MIB:.0f} MiB of {FLEET} hosts, zstd -3 {size_of(packed) / MB:.1f} MB, "
          f"archive {size_of(stores['directory']) / MB:.1f} MB")
    helped = subprocess.run([FIRN, "get", "--help"], capture_output=True, text=True, check=True).stdout
    stats = "--stats " if "--stats" in helped else ""
    rows = [["query", "lines", "pipeline wall/CPU s", *(cell for name in stores for cell in (f"{name} wall/CPU s", "of pipeline", "moved MB"))]]
    for query in queries(bench):
        get = {name: f"'{FIRN}' get --store '{store}' --format raw {stats}{query.arguments}" for name, store in stores.items()}
        lines, wanted = answer(bench, query.plain)
        for name, script in get.items():
            seen = answer(bench, script)
            if seen != (lines, wanted):
                sys.exit(f"bench: {query.name} from {name}: {seen[0]} lines, not the {lines} of the pipeline, or others")
        output = bench.path("output")
        scripts = {"pipeline": lambda: f"{{ {query.plain} ; }} >'{output}'"}
        for name, script in get.items():
            scripts[name] = lambda script=script: f"{script} >'{output}'"
        runs = bench.rounds(scripts, cold=True)
        base = runs["pipeline"]
        row = [query.name, str(lines), f"{wall(base):.3f} / {cpu(base):.3f}"]
        for name in stores:
            moved = [run.moved for run in runs[name]]
            megabytes = None if None in moved else median(moved) / MB
            row += [
                f"{wall(runs[name]):.3f} / {cpu(runs[name]):.3f}", f"{wall(runs[name]) / wall(base):.2f}",
                "?" if megabytes is None else f"{megabytes:.2f} in {median(run.requests for run in runs[name]):.0f}"]
            bench.target(f"{query.name}, {name}: wall of the pipeline's", wall(runs[name]) / wall(base), query.most_wall)
            bench.target(f"{query.name}, {name}: moved", megabytes, query.most_moved, " MB")
        rows.append(row)
    cold = "data cold, programs warm" if os.geteuid() == 0 else "NOT cold: only root can empty the page cache"
    table(f"queries, {cold}, beside grep and sort on local zstd files", rows)


# Redundancy

RULES = {"one store": (1, ""), "3 copies": (3, "--copies 3 --acknowledge 2"), "4+2": (6, "--erasure 4+2 --acknowledge 5")}


def stores_of(bench, kind, count):
    """Options that name `count` new stores, and where directories of them are."""
    if kind == "S3":
        return " ".join(f"--store '{bench.server.url(bench.fresh('measured'))}'" for _ in range(count)), []
    folders = [bench.path(bench.fresh("measured")) for _ in range(count)]
    return " ".join(f"--store '{folder}'" for folder in folders), folders


def bench_redundancy(bench, paths):
    raw = size_of(*paths)

    def script(kind, count, rule):
        def make():
            for name in os.listdir(bench.directory):
                if name.startswith("measured-"):
                    shutil.rmtree(bench.path(name))
            return f"'{FIRN}' archive {stores_of(bench, kind, count)[0]} {rule} --host {HOST} {quoted(paths)}"
        return make

    kinds = ["directory"] + (["S3"] if bench.server else [])
    runs = bench.rounds(
        {(kind, name): script(kind, *rule) for kind in kinds for name, rule in RULES.items()},
        prepare=lambda: read_ahead(paths))
    rows = [["archiving into", "CPU s", "of one store", "wall s", "peak MiB"]]
    for (kind, name), measured in runs.items():
        ratio = cpu(measured) / cpu(runs[kind, "one store"])
        rows.append([
            f"{kind}, {name}", f"{cpu(measured):.2f}", f"{ratio:.2f}", f"{wall(measured):.2f}", f"{peak(measured) / MIB:.0f}"])
        if name != "one store":
            bench.target(f"CPU of archiving, {kind}, {name}, of one store's", ratio, 1.2)
    table(f"{raw / MIB:.0f} MiB under rules of redundancy", rows)
    count, rule = RULES["4+2"]
    options, folders = stores_of(bench, "directory", count)
    bench.measure(f"'{FIRN}' archive {options} {rule} --host {HOST} {quoted(paths)} && '{FIRN}' index {options} {rule}")
    shards, chunks, others = 0, {}, 0
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in names:
                size = os.path.getsize(os.path.join(place, name))
                found = re.search(r"^(.*\.ec4-2-(\d+))\.\d+$", name)
                if found:
                    shards += size
                    chunks[found[1]] = int(found[2])
                else:
                    others += size
    print(f"\n4+2: chunks {sum(chunks.values()) / MB:.1f} MB, their shards {shards / MB:.1f} MB; manifests and indexes in all six stores {others / MB:.2f} MB")
    bench.target("shards of 4+2, of their chunks' bytes", shards / sum(chunks.values()), 1.52)
    bench_repair(bench, options, rule, folders)
    encoding(bench)


def bench_repair(bench, options, rule, folders):
    """Two of six stores emptied: repair beside copying the bytes that are missing."""
    lost = sum(size_of(folder) for folder in folders[:2])
    copy = bench.path("copy")
    copied = bench.measure(f"rm -rf '{copy}'; mkdir '{copy}'; cp -a '{folders[0]}' '{folders[1]}' '{copy}'; sync -f '{copy}'")
    repaired = bench.measure(f"rm -rf '{folders[0]}' '{folders[1]}'; '{FIRN}' repair {options} {rule}")
    bench.measure(f"'{FIRN}' verify --deep {options} {rule}")
    table("two of six stores emptied and repaired", [
        ["", "MB", "wall s", "MB/s", "CPU s"],
        *([name, f"{lost / MB:.1f}", f"{run.wall:.2f}", f"{lost / MB / run.wall:.0f}", f"{run.cpu:.2f}"]
          for name, run in {"cp -a of what was there": copied, "firn repair": repaired}.items())])


def encoding(bench):
    """What ISA-L gives: parity of 4 data shards in pieces of 256 KiB, as the writer encodes them."""
    library = ctypes.util.find_library("isal")
    if library is None:
        return print("libisal is not installed: encoding is not measured")
    isal = ctypes.CDLL(library)
    data, parity, piece = 4, 2, 256 << 10
    matrix = (ctypes.c_ubyte * (data * (data + parity)))()
    tables = (ctypes.c_ubyte * (32 * data * parity))()
    isal.gf_gen_cauchy1_matrix(matrix, data + parity, data)
    isal.ec_init_tables(data, parity, ctypes.byref(matrix, data * data), tables)
    buffers = [ctypes.create_string_buffer(random.randbytes(piece), piece) for _ in range(data + parity)]
    sources = (ctypes.c_void_p * data)(*(ctypes.addressof(buffer) for buffer in buffers[:data]))
    targets = (ctypes.c_void_p * parity)(*(ctypes.addressof(buffer) for buffer in buffers[data:]))
    rates = []
    for _ in range(bench.runs):
        began = time.monotonic()
        for _ in range(1000):
            isal.ec_encode_data(piece, data, parity, tables, sources, targets)
        rates.append(1000 * data * piece / (time.monotonic() - began) / 1e9)
    print(f"\nISA-L encodes 4+2 at {statistics.median(rates):.1f} GB/s of data on one core")


def generate(bench, name, *arguments):
    subprocess.run([LOGGEN, *arguments, "--directory", bench.path(name)], check=True)


def start_server(bench):
    """Beside this process only while it becomes ready: what waits for it is a process of its own, so that the modules it
    needs do not count as this one's memory."""
    for name in ("seaweedfs", "rclone"):
        folder = bench.path(f"server-{name}")
        os.makedirs(folder)
        server = servers.start(name, folder)
        if server is not None:
            waiting = "import sys; sys.path.insert(0, sys.argv[1]); import servers; servers.Endpoint(*sys.argv[2:]).wait_ready()"
            subprocess.run(
                [sys.executable, "-c", waiting, os.path.dirname(servers.__file__), server.name, server.endpoint], check=True)
            return server
    print("no S3 server is installed: S3 is left out")
    return None


def main():
    options = argparse.ArgumentParser(prog="deploy/bench")
    options.add_argument("--runs", type=int, default=7)
    options.add_argument("--size", default="1GiB")
    options.add_argument("--fleet-size", default="256MiB")
    options.add_argument("--backlog", default="2GiB", help="what waits in the spool while the store is away")
    options.add_argument("--only", action="append", choices=PARTS)
    options.add_argument("--directory", help="where the data goes; default: a new one in $TMPDIR, removed at the end")
    options.add_argument("--seed", default="1")
    chosen = options.parse_args()
    parts = chosen.only or PARTS
    directory = chosen.directory or tempfile.mkdtemp(prefix="firn-bench-")
    os.makedirs(directory, exist_ok=True)
    home = os.path.join(directory, "home")
    os.makedirs(home, exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "HOME": home, "LC_ALL": "C", "TZ": "UTC", **servers.credentials()}
    bench = Bench(os.path.abspath(directory), chosen.runs, environment)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: told to stop"))
    try:
        bench.server = start_server(bench)
        if {"archive", "kinds", "read", "redundancy"} & set(parts):
            generate(bench, "mix", "--mix", "--bytes", chosen.size, "--seed", chosen.seed)
            paths = sorted(bench.path("mix", name) for name in os.listdir(bench.path("mix")))
        if "archive" in parts:
            bench_archive(bench, paths)
        if "kinds" in parts:
            bench_kinds(bench, paths)
        if "read" in parts:
            bench_read(bench, paths)
        if "redundancy" in parts:
            bench_redundancy(bench, paths)
        if "queries" in parts:
            generate(bench, "fleet", "--fleet", "--hosts", str(FLEET), "--bytes", chosen.fleet_size, "--seed", chosen.seed)
            bench_queries(bench)
        if "agent" in parts:
            bench_agent(bench, chosen.size, chosen.seed)
        if "backlog" in parts:
            bench_backlog(bench, bytes_of(chosen.backlog))
        print(f"\ntargets, medians of {bench.runs} interleaved runs\n")
        for target in bench.targets:
            print(target.line())
        met = sum(target.value is not None and target.value <= target.most for target in bench.targets)
        print(f"\n{met} of {len(bench.targets)} targets met")
    finally:
        if bench.server:
            bench.server.stop()
        if not chosen.directory:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
