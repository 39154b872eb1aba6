"""Lines that tell what became of them, and the verdict on what an archive gives back.

    TIME SOURCE COUNTER HASH PAYLOAD

TIME rises by a millisecond a line, so that `firn get` has one right order. COUNTER counts the lines of SOURCE from 0 on.
HASH is that of the other three. Everything but the payload's words follows from seed, source and counter, so a line that
was never written, or was altered, is told from one that was.
"""

import datetime
import hashlib
import io
import random
from dataclasses import dataclass, field

import harness

START = datetime.datetime(2025, 3, 14)
WORDS = b"accepted answer cache closed connection error from host info opened path peer queue refused retry timeout user".split()


def hash_of(source, counter, payload):
    return hashlib.blake2b(b"%s %d %s" % (source, counter, payload), digest_size=8).hexdigest().encode()


class Writer:
    """The lines of one source, in order; the same ones for the same seed."""

    def __init__(self, source, seed):
        self.source = source.encode()
        self.written = 0
        words = random.Random(f"{seed} {source}")
        self.pool = b" ".join(words.choice(WORDS) + b"=%d" % words.randrange(1000) for _ in range(2000))
        self.random = words

    def line(self):
        counter = self.written
        self.written += 1
        at, length = self.random.randrange(len(self.pool) - 400), self.random.choice((0, 9, 40, 90, 90, 140, 400))
        payload = self.pool[at:at + length]
        time = (START + datetime.timedelta(milliseconds=counter)).isoformat(timespec="milliseconds").encode()
        return b"%sZ %s %d %s %s\n" % (time, self.source, counter, hash_of(self.source, counter, payload), payload)

    def lines(self, count):
        return b"".join(self.line() for _ in range(count))


@dataclass
class Verdict:
    """What became of one stream's lines. All zero: nothing was lost, doubled, reordered, corrupted or made up."""

    written: int = 0
    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    corrupted: int = 0
    phantom: int = 0
    examples: list = field(default_factory=list)
    # What `firn cat` said where it did not end with 0: the archive holds that something is missing.
    complaints: list = field(default_factory=list)

    @property
    def is_whole(self):
        return not (self.lost or self.doubled or self.reordered or self.corrupted or self.phantom)

    def add(self, kind, example):
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.examples) < 6:
            self.examples.append(f"{kind}: {example}")

    def __add__(self, other):
        kinds = ("written", "lost", "doubled", "reordered", "corrupted", "phantom")
        sums = {kind: getattr(self, kind) + getattr(other, kind) for kind in kinds}
        return Verdict(
            **sums, examples=(self.examples + other.examples)[:6], complaints=self.complaints + other.complaints)

    def __str__(self):
        return (f"{self.lost} lost, {self.doubled} doubled, {self.reordered} reordered, {self.corrupted} corrupted, "
                f"{self.phantom} phantom of {self.written} lines"
                + "".join(f"\n    {text}" for text in self.examples + self.complaints[:3]))


class Stream:
    """Judges the lines of one source as they come."""

    def __init__(self, source, written):
        self.source = source.encode()
        self.verdict = Verdict(written=written)
        self.seen = bytearray(written)
        self.highest = -1

    def take(self, line):
        fields = line.split(b" ", 4)
        if len(fields) != 5 or not line.endswith(b"\n") or not fields[2].isdigit():
            return self.verdict.add("corrupted", repr(line[:120]))
        source, counter, payload = fields[1], int(fields[2]), fields[4][:-1]
        if hash_of(source, counter, payload) != fields[3]:
            self.verdict.add("corrupted", repr(line[:120]))
        elif source != self.source or counter >= len(self.seen):
            self.verdict.add("phantom", repr(line[:120]))
        elif self.seen[counter]:
            self.verdict.add("doubled", f"line {counter}")
        else:
            self.seen[counter] = 1
            if counter < self.highest:
                self.verdict.add("reordered", f"line {counter} after line {self.highest}")
            self.highest = max(self.highest, counter)

    def finish(self):
        missing = self.seen.find(0)
        while missing >= 0:
            after = self.seen.find(1, missing)
            after = len(self.seen) if after < 0 else after
            self.verdict.add("lost", f"lines {missing} to {after - 1}")
            self.verdict.lost += after - missing - 1
            missing = self.seen.find(0, after)
        return self.verdict


def lines_of(output):
    """Its lines with their newlines; a last one without is given as it is."""
    return io.BytesIO(output)


def judge(output, source, written):
    """The verdict on `firn cat` of one source of which `written` lines were written."""
    stream = Stream(source, written)
    for line in lines_of(output):
        stream.take(line)
    return stream.finish()


def judge_merged(output, written):
    """The verdict on `firn get` of several sources, {name: lines written}: each stream's, and that time never falls."""
    streams = {name.encode(): Stream(name, count) for name, count in written.items()}
    strange = Verdict()
    last = b""
    for line in lines_of(output):
        fields = line.split(b" ", 2)
        stream = streams.get(fields[1]) if len(fields) == 3 else None
        if stream is None:
            strange.add("phantom", repr(line[:120]))
            continue
        stream.take(line)
        if fields[0] < last:
            strange.add("reordered", f"{fields[0]!r} after {last!r}")
        last = fields[0]
    for stream in streams.values():
        strange += stream.finish()
    return strange


def place(store):
    """The arguments that name an archive: a store's URL, or the arguments themselves."""
    return ["--store", store] if isinstance(store, str) else list(store)


class Ledger:
    """What was written to which source, and whether an archive has it."""

    def __init__(self, seed):
        self.seed = seed
        self.writers = {}
        self.bytes = {}

    def lines(self, path, count):
        """The next `count` lines of this source, noted as written."""
        writer = self.writers.setdefault(path, Writer(path, self.seed))
        content = writer.lines(count)
        self.bytes[path] = self.bytes.get(path, 0) + len(content)
        return content

    @property
    def written(self):
        return {path: writer.written for path, writer in self.writers.items()}

    def cat(self, context, store, host="h"):
        """(source, Result) of `firn cat` of every source."""
        for path in self.writers:
            yield path, context.run("cat", *place(store), "--host", host, "--source", path, status=None)

    def archived(self, context, store, path, host="h"):
        """How many bytes of a source the archive gives."""
        return len(context.run("cat", *place(store), "--host", host, "--source", path, status=None).out)

    def is_archived(self, context, store):
        """Whether as many bytes as were written are there: cheap, to wait for; `expect_whole` judges them."""
        return all(len(result.out) >= self.bytes[path] for path, result in self.cat(context, store))

    def judge(self, context, store):
        """The verdict on `cat` of every source together, and on `get` of all."""
        total = Verdict()
        for path, result in self.cat(context, store):
            verdict = judge(result.out, path, self.written[path])
            if result.status != 0:
                verdict.complaints.append(f"cat of {path}: exit status {result.status}: {result.message[-400:]}")
            total += verdict
        merged = context.run("get", *place(store), "--host", "h", "--format", "raw", status=None)
        return total, judge_merged(merged.out, self.written)

    def expect_whole(self, context, store, what, may_complain=False):
        """Every line once and in order, and no word of a loss, but where a rotation leaves that open."""
        cat, get = self.judge(context, store)
        harness.expect(cat.is_whole, f"{what}: firn cat: {cat}")
        harness.expect(get.is_whole, f"{what}: firn get: {get}")
        harness.expect(may_complain or not cat.complaints, f"{what}: nothing is lost, yet firn cat says so: {cat}")
        return cat
