"""A small run of an agent, the same one each time, under the tracer: what faults are planted into."""

import os
import signal
import sys
import time

import tracer
from agents import Agent
from checker import Ledger
from harness import Skipped, expect

SMALL = {"block_bytes": "16KiB", "block_age": "100ms", "chunk_age": "300ms"}


def traced(agent, log, *arguments, folders=None):
    """What stands before the agent's command to have its calls in these folders counted: spool and store, if not told."""
    folders = folders or [agent.spool, agent.store.removeprefix("file://")]
    under = [word for folder in folders if folder.startswith("/") for word in ("--under", folder)]
    return [sys.executable, tracer.__file__, *under, *arguments, "--log", log, "--"]


def pause(agent, seconds):
    """Unless the agent ends before."""
    until(agent, lambda: False, seconds)


def until(agent, condition, seconds):
    """Waits for the condition, for the agent's end, or for so long: what a fault keeps from happening does not matter."""
    deadline = time.monotonic() + seconds
    while agent.is_running and time.monotonic() < deadline and not condition():
        time.sleep(0.02)


def small_run(agent, ledger, wrapper):
    """Two files, one of which grows in the middle of a line and is rotated; SIGTERM ends it where nothing did before.
    What is written depends neither on the moment of the kill nor on whether there is one. A file that the agent cannot
    have seen is not rotated: under its new name it is none of those to follow."""
    context, store, a, b = agent.context, agent.store, agent.path("a.log"), agent.path("b.log")
    agent.append("a.log", ledger.lines(a, 300))
    agent.append("b.log", ledger.lines(b, 40))
    agent.start(wrapper)
    until(agent, agent.said, 60)  # from here on it heeds SIGTERM
    until(agent, lambda: ledger.archived(context, store, a), 4)
    more = ledger.lines(a, 100)
    agent.append("a.log", more[:-30])
    pause(agent, 0.3)
    agent.append("a.log", more[-30:])
    if ledger.archived(context, store, a):
        agent.rotate("a.log")
    agent.append("a.log", ledger.lines(a, 50))
    until(agent, lambda: ledger.is_archived(context, store), 4)
    agent.append("b.log", ledger.lines(b, 10))
    return agent.end(signal.SIGTERM) if agent.is_running else agent.process.returncode


def last_line(path):
    with open(path) as file:
        lines = file.read().splitlines()
    return lines[-1] if lines else ""


def expect_tracing():
    if not tracer.is_possible():
        raise Skipped("tracing of system calls is for Linux on x86-64 and ARM")


def calls_of_a_run(context, store, *arguments, spool_only=False):
    """How many calls a run without any fault makes."""
    name = f"counting-{len(context.started)}"
    agent = Agent(context, store, name, **SMALL)
    log = context.path(name, "calls")
    status = small_run(agent, Ledger(context.seed), traced(agent, log, *arguments, folders=[agent.spool] if spool_only else None))
    expect(status == 0, f"exit status {status} of a run without any fault: {agent.said()}")
    return int(last_line(log).split()[0])
