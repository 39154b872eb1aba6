"""The judge of the fault tests sees each kind of damage, and nothing where there is none."""

import checker
from harness import expect

COUNT = 400


def damaged(context):
    """{kind: (lines, how many of that kind)}, each from the same whole lines."""
    lines = checker.Writer("/a.log", context.seed).lines(COUNT).splitlines(keepends=True)
    other = checker.Writer("/b.log", context.seed).line()
    at = context.random.randrange(20, COUNT - 20)
    more = checker.Writer("/a.log", context.seed).lines(COUNT + 1).splitlines(keepends=True)
    flipped = bytearray(lines[at])
    flipped[context.random.randrange(len(flipped) - 20) + 19] ^= 1
    return {
        "lost": (lines[:at] + lines[at + 3:], 3),
        "lost at the end": (lines[:-2], 2),
        "doubled": (lines[:at] + lines[at - 5:], 5),
        "reordered": (lines[:at] + [lines[at + 1], lines[at]] + lines[at + 2:], 1),
        "corrupted": (lines[:at] + [bytes(flipped)] + lines[at + 1:], 1),
        "corrupted by a torn end": (lines[:-1] + [lines[-1][:-7]], 1),
        "phantom": (lines[:at] + [other] + lines[at:], 1),
        "phantom beyond the last": (more, 1),
    }


def test_every_kind_of_damage_is_seen(context):
    whole = checker.Writer("/a.log", context.seed).lines(COUNT)
    expect(checker.judge(whole, "/a.log", COUNT).is_whole, "whole lines are not judged whole")
    expect(checker.judge_merged(whole, {"/a.log": COUNT}).is_whole, "whole lines are not judged whole, merged")
    for name, (lines, count) in damaged(context).items():
        kind = name.split()[0]
        verdict = checker.judge(b"".join(lines), "/a.log", COUNT)
        expect(getattr(verdict, kind) == count, f"{name}: {count} {kind} expected: {verdict}")
        others = verdict.lost + verdict.doubled + verdict.reordered + verdict.corrupted + verdict.phantom - count
        missing = count if kind == "corrupted" else 0  # the line that it was
        expect(others == missing, f"{name}: also others: {verdict}")
        merged = checker.judge_merged(b"".join(lines), {"/a.log": COUNT})
        expect(not merged.is_whole, f"{name}: merged: {merged}")


def test_what_is_told_of_two_streams_is_told_apart(context):
    a, b = checker.Writer("/a.log", context.seed), checker.Writer("/b.log", context.seed)
    pairs = b"".join(a.line() + b.line() for _ in range(COUNT))
    written = {"/a.log": COUNT, "/b.log": COUNT}
    expect(checker.judge_merged(pairs, written).is_whole, "two streams in time order are not judged whole")
    streams = b"".join(checker.Writer(name, context.seed).lines(COUNT) for name in written)
    expect(checker.judge_merged(streams, written).reordered > 0, "time falls, and nobody says so")
