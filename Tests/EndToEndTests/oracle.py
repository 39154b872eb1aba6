"""What a query must answer, worked out from the raw lines alone: parsing of times that shares nothing with firn's."""

import calendar
import re
from bisect import bisect_left

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
    """(time, line) of each line; a line without a time takes the one before."""
    time = None
    timed = []
    for line in split_lines(content):
        time = event_time(kind, line) or time
        timed.append((time, line))
    return timed


def split_lines(content):
    lines = content.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


class Archive:
    """All lines of some sources, in the order in which they are to be printed."""

    def __init__(self, sources):
        rows = []
        for source in sources:
            for position, (time, line) in enumerate(timed_lines(source.kind, source.content())):
                rows.append((time, source.host, source.path, position, line))
        rows.sort(key=lambda row: row[:4])
        self.rows = rows
        self.times = [row[0] for row in rows]

    def select(self, start, end, keep):
        """Rows from `start` on and before `end` (nanoseconds) that `keep(host, source, line)` keeps."""
        chosen = self.rows[bisect_left(self.times, start):bisect_left(self.times, end)]
        return [row for row in chosen if keep(row[1], row[2], row[4])]
