"""Disks that fill up and disks whose power is cut: nothing acknowledged is lost, and all resumes by itself."""

import time

import disks
from agents import Agent
from checker import Ledger
from harness import each, expect
from small_runs import pause

DISKS = {"tmpfs": lambda context: disks.memory(context, "disk", "6m"), "ext4": lambda context: disks.Ext4(context, "disk", 24)}


@each(*DISKS)
def test_a_full_disk_holds_reading_up_until_there_is_room(context, kind):
    disk = DISKS[kind](context)
    agent = Agent(
        context, context.path("archive"), spool=f"{disk.path}/spool", block_age="100ms", chunk_age="400ms", block_bytes="64KiB",
        chunk_bytes="1MiB")
    ledger = Ledger(context.seed)
    agent.append("a.log", ledger.lines(agent.path("a.log"), 100))
    agent.start()
    agent.wait_archived(ledger, "before the disk is full")
    cycles = context.pick(2, 5, 20)
    for cycle in range(cycles):
        what = f"full disk {cycle + 1} of {cycles}"
        pieces = context.random.randrange(1, 6)
        filled_after = context.random.randrange(pieces + 1)
        for piece in range(pieces):
            if piece == filled_after:
                disk.fill()
            for name in ("a.log", "b.log"):
                agent.append(name, ledger.lines(agent.path(name), 400))
            pause(agent, context.random.random() * 0.4)
        if filled_after == pieces:
            disk.fill()
        pause(agent, context.random.random())
        expect(agent.is_running, f"{what}: the agent ended: {agent.said()}")
        if context.random.random() < 0.3:
            agent.kill()
        disk.empty()
        if not agent.is_running:
            agent.start()
        agent.wait_archived(ledger, what)
    expect("no space left" in agent.said(whole=True).lower(), f"the agent never said that the disk was full: {agent.said()}")
    print(f"{cycles} cycles: {agent.finish(ledger, 'after all cycles')}")


@each("store elsewhere", "store on the same disk")
def test_power_cuts_lose_nothing(context, where):
    disk = disks.Ext4(context, "disk", 48)
    store = f"{disk.path}/archive" if where == "store on the same disk" else context.path("archive")
    agent = Agent(
        context, store, spool=f"{disk.path}/spool", block_age="100ms", chunk_age="300ms", block_bytes="32KiB")
    ledger = Ledger(context.seed)
    cuts = context.pick(3, 8, 50)
    for cut in range(cuts):
        what = f"power cut {cut + 1} of {cuts}"
        agent.start()
        for _ in range(context.random.randrange(1, 8)):
            for name in ("a.log", "b.log"):
                agent.append(name, ledger.lines(agent.path(name), context.random.choice((1, 30, 200))))
            # A new file has the snapshot written, with blocks of the others still unsynced.
            if context.random.random() < 0.3:
                new = f"c{cut}.log"
                agent.append(new, ledger.lines(agent.path(new), 20))
            pause(agent, context.random.random() * 0.25)
        expect(agent.is_running, f"{what}: the agent ended before it: {agent.said()}")
        disk.cut_power()
        agent.kill()
        disk.remount()
        if context.random.random() < 0.5:
            agent.start()
            agent.wait_archived(ledger, what)
            agent.kill()
    verdict = agent.finish(ledger, f"{cuts} power cuts")
    print(f"{cuts} cuts: {verdict}")
