"""What a query must answer, worked out from the raw lines alone: parsing of times that shares nothing with firn's."""

import calendar
import itertools
import re
from bisect import bisect_left
from dataclasses import dataclass

MONTHS = {name: number + 1 for number, name in enumerate(
    b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())}
YEAR = 2025

DASHED = rb"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)[T ](?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
PATTERNS = {
    "nginx": rb"\S+ \S+ \S+ \[(?P<day>\d\d)/(?P<name>\w{3})/(?P<year>\d{4}):(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d) \+0000\]",
    "json": rb'\{"time":"' + DASHED + rb"\.(?P<fraction>\d+)Z",
    "java": DASHED + rb",(?P<fraction>\d{3}) ",
    "python": DASHED + rb",(?P<fraction>\d{3}) ",
    "postgres": DASHED + rb"\.(?P<fraction>\d{3}) UTC ",
    "syslog": rb"(?P<name>[A-Z][a-z]{2}) (?P<day>[ \d]\d) (?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d) ",
    "klog": rb"[IWE](?P<month>\d\d)(?P<day>\d\d) (?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)\.(?P<fraction>\d{6}) ",
    "hdfs": rb"(?P<short>\d\d)(?P<month>\d\d)(?P<day>\d\d) (?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d) ",
}
KINDS = list(PATTERNS)
COMPILED = {kind: re.compile(pattern) for kind, pattern in PATTERNS.items()}


def event_time(kind, line):
    """Nanoseconds since 1970, or None where the line has no time of its own."""
    match = COMPILED[kind].match(line)
    if match is None:
        return None
    part = match.groupdict()
    year = int(part["year"]) if "year" in part else 2000 + int(part["short"]) if "short" in part else YEAR
    month = MONTHS[part["name"]] if "name" in part else int(part["month"])
    second = calendar.timegm((year, month, int(part["day"]), int(part["hour"]), int(part["minute"]), int(part["second"])))
    return second * 10**9 + int((part.get("fraction") or b"").ljust(9, b"0"))


def timed_lines(kind, content):
    """(time, record, line) of each line; a line without a time belongs to the record before and has its time."""
    time = None
    record = 0
    timed = []
    for line in split_lines(content):
        own = event_time(kind, line)
        if own is not None:
            time = own
            record += 1
        timed.append((time, record, line))
    return timed


def split_lines(content):
    lines = content.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


@dataclass(frozen=True)
class Row:
    time: int
    host: str
    source: str
    record: int
    line: bytes


class Archive:
    """All lines of some sources, in the order in which they are to be printed."""

    def __init__(self, sources):
        # Sorting is stable: lines of one time and source stay as the source has them.
        self.rows = sorted(
            (Row(time, source.host, source.path, record, line)
             for source in sources for time, record, line in timed_lines(source.kind, source.content())),
            key=lambda row: (row.time, row.host, row.source))
        self.times = [row.time for row in self.rows]

    def select(self, start, end, keep):
        """Rows from `start` on and before `end` (nanoseconds) that `keep(row)` keeps."""
        chosen = self.rows[bisect_left(self.times, start):bisect_left(self.times, end)]
        return [row for row in chosen if keep(row)]


def newest_first(rows):
    """Records turn round; the lines of one stay in order."""
    records = itertools.groupby(rows, key=lambda row: (row.host, row.source, row.record))
    return [row for lines in reversed([list(lines) for _, lines in records]) for row in lines]
