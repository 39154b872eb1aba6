"""Logs as container runtimes write them, and what is left of them when the wrapping is off: an oracle of its own.

A line is written in records: of at most PIECE bytes, each with a time, those of stdout and stderr in any order. It belongs
to the time of its first record. A line that begins with a blank, a closing bracket or nothing goes on with the line before it on its
stream (a stack trace) where it came within a second of that, and then has that one's time.
"""

import datetime
import json
import random

PIECE = 16384
START = 1_767_225_600 * 10**9  # 2026-01-01
CONTINUATIONS = (b" ", b"\t", b"}", b")", b"]")
PAUSE, SPAN = 10**9, 60 * 10**9


def stamp(nanoseconds):
    """RFC 3339 as Go's RFC3339Nano has it: without zeros at the end of the fraction."""
    seconds, fraction = divmod(nanoseconds, 10**9)
    text = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f"{fraction:09d}".rstrip("0")
    return text + ("." + digits if digits else "") + "Z"


class Line:
    def __init__(self, stream, text):
        self.stream, self.text, self.time, self.order = stream, text, None, None


class Container:
    """Writes records of one container; remembers the lines that they make."""

    def __init__(self, kind, seed, long_lines=0.1, traces=0.1, piece=PIECE):
        self.kind, self.piece = kind, piece
        self.random = random.Random(f"{kind} {seed}")
        self.long_lines, self.traces = long_lines, traces
        self.time, self.count, self.lines = START, 0, []
        self.waiting = {"stdout": [], "stderr": []}
        self.started = {"stdout": None, "stderr": None}
        self.records = {"stdout": None, "stderr": None}

    def text(self, stream):
        rest = self.random
        if rest.random() < self.traces:
            return rest.choice([b"\tat a.b.C(D.java:1)", b"  indented", b"}", b"", b"] end"]) + b" %d" % rest.randrange(99)
        words = b"%s line %d needle%d %s" % (
            stream.encode(), len(self.lines), rest.randrange(50), rest.choice([b'"quoted" \\', "é€𝄞".encode(), b"plain"]))
        if rest.random() < self.long_lines:
            words += b"".join(b" needle%d" % rest.randrange(50) for _ in range(rest.randrange(1, self.piece // 2)))
        return words

    def record(self):
        """The next record, of either stream."""
        stream = self.random.choice(["stdout", "stdout", "stderr"])
        waiting = self.waiting[stream]
        self.time += self.random.choice([1, 1000, 1_000_000, 900_000_000])
        if not waiting:
            text = self.text(stream)
            pieces = [text[at:at + self.piece] for at in range(0, len(text), self.piece)] or [b""]
            line = Line(stream, text)
            waiting += [(line, piece, number == len(pieces) - 1) for number, piece in enumerate(pieces)]
        line, piece, is_last = waiting.pop(0)
        if line.time is None:
            self.begin(line)
        elif self.records[stream]:
            self.records[stream][1] = self.time
        self.count += 1
        return self.wrapped(stream, piece, is_last)

    def begin(self, line):
        line.time, line.order = self.time, self.count
        record = self.records[line.stream]
        continues = not line.text or line.text[:1] in CONTINUATIONS
        if continues and record and self.time - record[1] <= PAUSE and self.time - record[0] <= SPAN:
            line.time, record[1] = record[0], self.time
        else:
            self.records[line.stream] = [self.time, self.time]
        self.lines.append(line)

    def wrapped(self, stream, piece, is_last):
        if self.kind == "cri":
            return b"%s %s %s %s\n" % (stamp(self.time).encode(), stream.encode(), b"F" if is_last else b"P", piece)
        # Docker escapes what is no whole character, so pieces of other kinds than ASCII end where characters do.
        log = piece.decode("utf-8", "replace") + ("\n" if is_last else "")
        text = json.dumps({"log": log, "stream": stream, "time": stamp(self.time)}, ensure_ascii=False, separators=(",", ":"))
        return text.replace("<", "\\u003c").encode() + b"\n"

    def records_of(self, count):
        return b"".join(self.record() for _ in range(count))

    def complete(self):
        """Records until no line is in the middle."""
        out = b""
        while any(self.waiting.values()):
            out += self.record()
        return out

    def ordered(self):
        """The lines in the order of an answer."""
        return sorted(self.lines, key=lambda line: (line.time, line.order))


def raw(lines):
    return b"".join(line.text + b"\n" for line in lines)
