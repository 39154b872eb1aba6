"""SIGKILL before every system call of a small run, and at random moments of a long one: nothing is lost or doubled."""

import concurrent.futures
import gzip
import os
import random
import shutil
import signal
import threading
import time

import disks
from agents import Agent
from checker import Ledger, Verdict
from harness import each, expect
from small_runs import SMALL, calls_of_a_run, expect_tracing, last_line, pause, small_run, traced

AT_ONCE = 4  # runs wait more than they work


def killed_at(context, store, number, second):
    """Killed before call `number`, and before call `second` of the restart (0: not at all). True where it was."""
    name = f"kill-{number}"
    agent = Agent(context, store, name, **SMALL)
    ledger = Ledger(context.seed + number)
    log = context.path(name, "calls")
    status = small_run(agent, ledger, traced(agent, log, "--kill", str(number)))
    last = last_line(log)
    what = f"SIGKILL {last.removeprefix('killed ')} (call {number})"
    was_killed = last.startswith("killed")
    expect(was_killed or status == 0, f"not killed at call {number}, yet exit status {status}: {agent.said()}")
    if second:
        agent.start(traced(agent, log, "--kill", str(second)))
        pause(agent, 0.8)
        agent.kill_traced()
        what += f", then {last_line(log)} of the restart"
    agent.append("b.log", ledger.lines(agent.path("b.log"), 20))
    verdict = agent.finish(ledger, what)
    left = os.listdir(os.path.join(agent.spool, "sealed"))
    expect(not left, f"{what}: left in the spool: {left}")
    context.started.remove(agent)
    shutil.rmtree(context.path(name), ignore_errors=True)
    return was_killed, verdict


@each("directory", "rclone")
def test_a_kill_before_every_system_call_loses_nothing(context, kind):
    expect_tracing()

    def store(name):
        return context.path(name, "archive") if kind == "directory" else context.store(kind, name)

    total = calls_of_a_run(context, store("counting"))
    # Which thread comes first differs from run to run: a few more than were counted, until none is met any more.
    every = list(range(1, total + total // 10))
    chosen = context.random.sample(every, min(len(every), context.pick(8, 40 if kind == "directory" else 16, len(every))))
    kills, sum_of = 0, Verdict()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [
            pool.submit(killed_at, context, store(f"kill-{number}"), number, context.random.choice((0, 0, number % 40 + 1)))
            for number in chosen]
        try:
            for run in concurrent.futures.as_completed(runs):
                was_killed, verdict = run.result()
                kills += was_killed
                sum_of += verdict
        finally:
            for run in runs:
                run.cancel()
    print(f"{kills} kills at {len(chosen)} of {total} system calls: {sum_of}")
    expect(kills >= len(chosen) * 2 // 3, f"only {kills} of {len(chosen)} kills were met")


class Chatter(threading.Thread):
    """Writes to several files, in pieces that end anywhere, and rotates them, until told to stop."""

    def __init__(self, agent, ledger, seed, compress):
        super().__init__(daemon=True)
        self.agent, self.ledger, self.compress = agent, ledger, compress
        self.random = random.Random(seed)
        self.stopping = threading.Event()
        self.problem = None
        self.rotations = 0
        self.rotated_at = {}

    def run(self):
        try:
            while not self.stopping.is_set():
                self.step()
                self.stopping.wait(self.random.random() * 0.05)
        except Exception as error:
            self.problem = error

    def step(self):
        name = self.random.choice(("a.log", "a.log", "b.log", "c.log"))
        content = self.ledger.lines(self.agent.path(name), self.random.choice((1, 3, 20, 150)))
        cut = self.random.randrange(len(content))
        self.agent.append(name, content[:cut])
        self.agent.append(name, content[cut:])
        if self.random.random() < 0.05:
            self.rotate(name)

    def rotate(self, name):
        """Only what the agent has seen: before that, a file under its new name is none of those to follow."""
        path = self.agent.path(name)
        archived = self.ledger.archived(self.agent.context, self.agent.store, path)
        if archived > self.rotated_at.get(name, 0):
            self.rotated_at[name] = self.ledger.bytes[path]
            self.rotations += 1
            self.agent.rotate(name)
            if self.compress:
                self.pack(name)

    def pack(self, name):
        """As logrotate's compress without delaycompress: what was rotated is replaced at once."""
        number = 1
        while os.path.exists(self.agent.path(f"{name}.{number}.gz")):
            number += 1
        for each in range(number, 1, -1):
            os.rename(self.agent.path(f"{name}.{each - 1}.gz"), self.agent.path(f"{name}.{each}.gz"))
        path = self.agent.path(f"{name}.1")
        with open(path, "rb") as plain, gzip.open(path + ".gz", "wb") as packed:
            shutil.copyfileobj(plain, packed)
        shutil.copystat(path, path + ".gz")
        os.unlink(path)

    def stop(self):
        self.stopping.set()
        self.join()
        if self.problem:
            raise self.problem


def kill_often(context, agent, ledger, kills, between=lambda number: None):
    """`kills` times: left to run for up to a second, then killed and started again."""
    done = 0
    agent.start()
    while done < kills:
        pause(agent, context.random.choice((0.02, 0.1, 0.3, 0.6, 1.0)) * (0.5 + context.random.random()))
        expect(agent.is_running, f"the agent ended by itself after {done} kills: {agent.said()}")
        agent.kill()
        done += 1
        between(done)
        agent.start()


@each("rename", "compress")
def test_random_kills_under_rotation_lose_nothing(context, rotation):
    agent = Agent(context, context.path("archive"), block_age="200ms", chunk_age="700ms", block_bytes="64KiB")
    ledger = Ledger(context.seed)
    chatter = Chatter(agent, ledger, context.seed, rotation == "compress")
    chatter.start()
    kills = context.pick(5, 25, 200)
    try:
        kill_often(context, agent, ledger, kills)
    finally:
        chatter.stop()
    verdict = agent.finish(ledger, f"{kills} kills under rotation by {rotation}")
    print(f"{kills} kills, {chatter.rotations} rotations: {verdict}")
    expect(chatter.rotations > 0, "nothing was rotated")


@each("directory", "rclone")
def test_random_kills_while_the_store_comes_and_goes_lose_nothing(context, kind):
    store = context.store(kind)
    agent = Agent(context, store, block_age="200ms", chunk_age="500ms", block_bytes="64KiB")
    ledger = Ledger(context.seed)
    chatter = Chatter(agent, ledger, context.seed, compress=False)
    away = Away(context, kind, store)
    kills = context.pick(4, 16, 60)
    chatter.start()
    try:
        kill_often(context, agent, ledger, kills, lambda number: away.turn() if number % 3 == 0 else None)
    finally:
        chatter.stop()
        away.back()
    verdict = agent.finish(ledger, f"{kills} kills, store away {away.times} times")
    print(f"{kills} kills, store away {away.times} times: {verdict}")


class Away:
    """A store that is gone at every other turn: its server killed, or its directory read-only."""

    def __init__(self, context, kind, store):
        self.server = None if kind == "directory" else context.server(kind)
        self.directory = None if self.server else disks.ReadOnly(context, "archive")
        self.is_away = False
        self.times = 0

    def turn(self):
        if self.is_away:
            return self.back()
        if self.server:
            self.server.kill()
        else:
            self.directory.set(True)
        self.is_away = True
        self.times += 1

    def back(self):
        if not self.is_away:
            return
        if self.server:
            self.server.start_again()
        else:
            self.directory.set(False)
        self.is_away = False
