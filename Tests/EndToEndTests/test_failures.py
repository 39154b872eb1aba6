"""An agent over stores that fail in every way, for both kinds of rules: what it acknowledged is read back, or its loss is told."""

import itertools
import re
import signal

import servers
from checker import Ledger
from fronts import FAILURES, TOTAL, Front
from harness import each, expect, expect_same_bytes
from test_redundancy import Agent

# By the rule: stores, how many of them are needed to read, and how many may fail while chunks are acknowledged.
RULES = {
    "{copies: 3, acknowledge: 2}": (3, 1, 1),
    "{data: 4, parity: 2, acknowledge: 5}": (6, 4, 1),
}
NAMES = ("a.log", "b.log")


class Archive:
    """Stores of one S3 server, a front before each, and an agent that archives into them."""

    def __init__(self, context, rule):
        server = context.server("rclone")
        context.environment.update(servers.credentials())
        count, self.needed, self.spare = RULES[rule]
        self.context = context
        self.fronts = [Front(f"store{number}", server, context.seed + number) for number in range(count)]
        context.started += self.fronts
        self.agent = Agent(context, {front.name: front.url(front.name) for front in self.fronts}, rule)
        self.ledger = Ledger(context.seed)
        self.agent.start()

    def write(self, count):
        for name in NAMES:
            self.agent.append(name, self.ledger.lines(self.agent.path(name), count))

    def fail(self, failure, failing):
        for front in failing:
            front.fail(failure)

    def mend(self):
        for front in self.fronts:
            if front.failure:
                front.mend()

    def expect_all(self, what):
        """All that was written is soon acknowledged and read back, by `cat` and by `get`."""
        self.agent.wait_archived(self.ledger, what, 60)
        self.ledger.expect_whole(self.context, self.agent.store, what)

    def settle(self, what):
        """Until all stores hold what they should."""
        self.expect_all(what)
        self.agent.wait(lambda: not self.agent.owed(), 240, f"{what}: debts are not paid: {self.agent.owed()}")

    def content(self, name):
        with open(self.agent.path(name), "rb") as file:
            return file.read()

    def cat(self, name):
        return self.context.run(
            "cat", *self.agent.store, "--host", "h", "--source", self.agent.path(name), status=None)


def drawn(context, failures, sets, hanging=None):
    """Each failure with some of the sets of stores, in the long run with all of them; `hanging` says with how many where
    those that hang are waited for."""
    count = context.pick(1, 1, len(sets))
    pairs = [
        (failure, failing) for failure in failures for failing in
        context.random.sample(sets, count if failure != "hanging" or hanging is None else hanging)]
    context.random.shuffle(pairs)
    return pairs[:context.pick(3, len(pairs), len(pairs))]


def missing(message):
    """The ranges of bytes that `firn cat` says are missing."""
    return [(int(first), int(end)) for first, end in re.findall(r"missing: .*?, positions (\d+) to (\d+): ", message)]


def outside(ranges, content):
    """The content without these ranges, at least one."""
    expect(ranges, "no range is said to be missing")
    kept, position = [], 0
    for first, end in sorted(ranges):
        kept.append(content[position:first])
        position = end
    return b"".join([*kept, content[position:]])


@each(*RULES)
def test_what_is_acknowledged_is_read_back_whatever_fails(context, rule):
    archive = Archive(context, rule)
    agent, ledger = archive.agent, archive.ledger
    archive.write(100)
    archive.settle("at first")
    # While it archives.
    turns = drawn(context, FAILURES, list(itertools.combinations(archive.fronts, archive.spare)))
    for failure, failing in turns:
        what = f"{failure} at {', '.join(front.name for front in failing)}"
        archive.fail(failure, failing)
        archive.write(context.random.choice((1, 40, 400)))
        archive.expect_all(what)
        archive.mend()
    archive.settle("all mended")
    # While it cannot archive: as many may fail as there are copies but one, or parity shards.
    waited_for = context.pick(0, 0, 1)
    least = {name: archive.content(name) for name in NAMES}
    most = len(archive.fronts) - archive.needed
    later = drawn(context, FAILURES, list(itertools.combinations(archive.fronts, most)), waited_for)
    for failure, failing in later:
        what = f"{failure} at {', '.join(front.name for front in failing)}"
        archive.fail(failure, failing)
        archive.write(20)
        for name in NAMES:
            seen = archive.cat(name).out
            expect(len(seen) >= len(least[name]), f"{what}: {len(seen)} bytes of {name}, {len(least[name])} were acknowledged")
            expect_same_bytes(seen, archive.content(name)[:len(seen)], what)
        archive.mend()
        archive.settle(f"after {what}")
        least = {name: archive.content(name) for name in NAMES}
    # One failure more is told, and what is given is right.
    beyond = drawn(context, TOTAL, list(itertools.combinations(archive.fronts, most + 1)), waited_for)
    for failure, failing in beyond:
        what = f"{failure} at {', '.join(front.name for front in failing)}"
        archive.fail(failure, failing)
        for name in NAMES:
            answer = archive.cat(name)
            expect(answer.status in (1, 3), f"{what}: exit status {answer.status} of cat: {answer.message}")
            if len(failing) == len(archive.fronts):
                expect(answer.out == b"" and answer.message, f"{what}: {len(answer.out)} bytes: {answer.message}")
            else:
                # The others hold all manifests: what is lacking is known to the byte.
                expect_same_bytes(answer.out, outside(missing(answer.message), archive.content(name)), what)
        archive.mend()
    archive.settle("at the end")
    status = agent.end(signal.SIGTERM)
    expect(status == 0, f"exit status {status} after SIGTERM: {agent.said()}")
    verdict = ledger.expect_whole(context, agent.store, "at the end")
    context.run("verify", *agent.store, "--deep")
    print(f"{len(turns)} failures while archiving, {len(later)} while reading, {len(beyond)} too many: {verdict}")
