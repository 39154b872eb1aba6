"""Calls of the spool that fail: nothing is lost, and the agent says what happened, whether it goes on or ends."""

import concurrent.futures
import os
import platform
import shutil

from agents import Agent
from checker import Ledger, Verdict
from harness import Skipped, each, expect
from small_runs import SMALL, calls_of_a_run, expect_tracing, small_run, traced

SYNCS = "fsync,fdatasync"
WRITES = "write,pwrite64,writev,ftruncate,fallocate"
NAMES = "openat,rename,renameat,renameat2,link,linkat,mkdir"
CASES = {
    "EIO of a sync": ("EIO", SYNCS, 1),
    "EIO of every sync from one on": ("EIO", SYNCS, 10**6),
    "EIO of a write": ("EIO", WRITES, 1),
    "ENOSPC of a write": ("ENOSPC", WRITES, 1),
    "ENOSPC of every write from one on": ("ENOSPC", WRITES + "," + NAMES, 10**6),
    "EIO of a rename, link, unlink or open": ("EIO", NAMES + ",unlink,unlinkat", 1),
}
ENDS = (0, 1, 143)  # 143: it could not end well after SIGTERM
SAID = {"EIO": "input/output error", "ENOSPC": "no space left on device"}


def failed_files(log):
    with open(log) as file:
        return [line.split(" ", 2)[1:] for line in file.read().splitlines() if line.startswith("failed ")]


def must_be_said(error, call, path):
    """Not that the status file could not be written, a convenience, nor a read for an upload that is tried again, nor a want
    of room for the snapshot, which has some in reserve, nor that there is no reserve yet."""
    if error == "ENOSPC" and path.endswith("/snapshot.new") or path.endswith("/reserve") and call != "unlink":
        return False
    return "/.dat.nosync" not in path and "status" not in path and not (call == "openat" and "/sealed/" in path)


def failed_at(context, case, number):
    """A run in which the `number`-th call fails, then one without faults; the verdict, None where no call failed."""
    error, calls, times = CASES[case]
    name = f"error-{number}"
    agent = Agent(context, context.path(name, "archive"), name, **SMALL)
    ledger = Ledger(context.seed + number)
    log = context.path(name, "calls")
    arguments = ["--calls", calls, "--fail", error, "--at", str(number), "--times", str(times)]
    status = small_run(agent, ledger, traced(agent, log, *arguments, folders=[agent.spool]))
    failed = failed_files(log)
    matter = [f"{call} {os.path.basename(path)}" for call, path in failed if must_be_said(error, call, path)]
    what = f"{error} of {matter[0] if matter else 'nothing'} (call {number}, {len(failed)} failed)"
    told = SAID[error] in agent.said(whole=True).lower()
    expect(status in ENDS, f"{what}: exit status {status}: {agent.said()}")
    expect(told or not matter and status == 0, f"{what}: exit status {status}, and the agent does not say why: {agent.said()}")
    agent.append("b.log", ledger.lines(agent.path("b.log"), 20))
    verdict = agent.finish(ledger, what)
    context.started.remove(agent)
    shutil.rmtree(context.path(name), ignore_errors=True)
    return verdict if failed else None


@each(*CASES)
def test_a_failed_call_loses_nothing(context, case):
    expect_tracing()
    if platform.machine() != "x86_64":
        raise Skipped("calls are made to fail on x86-64 only")
    total = calls_of_a_run(context, context.path("archive"), "--calls", CASES[case][1], spool_only=True)
    every = list(range(1, total + 1))
    chosen = context.random.sample(every, min(total, context.pick(2, 10, total)))
    verdicts, problems = [], []
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for run in [pool.submit(failed_at, context, case, number) for number in chosen]:
            try:
                verdicts.append(run.result())
            except Exception as problem:
                problems.append(problem)
    met = [verdict for verdict in verdicts if verdict]
    print(f"{len(met)} of {total} calls failed: {sum(met, Verdict())}")
    expect(not problems, f"{len(problems)} of {len(chosen)} places: " + "\n".join(map(str, problems[:8])))
    expect(met, "no call failed")
