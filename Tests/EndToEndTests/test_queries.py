"""Any time range of any host: what `firn get` prints equals a selection over the raw lines."""

import datetime
import fnmatch
import json

import oracle
import samples
from harness import expect, expect_same_bytes

HOSTS = ["web-01", "web-02", "db-01"]


def moment(random, nanoseconds):
    """A way to write a time, and the nanoseconds it stands for."""
    second, fraction = divmod(nanoseconds, 10**9)
    stamp = datetime.datetime.fromtimestamp(second, datetime.timezone.utc)
    form = random.randrange(5)
    if form == 0:
        return stamp.strftime("%Y-%m-%dT%H:%M:%S") + f".{fraction:09d}Z", nanoseconds
    if form == 1:
        return stamp.strftime("%Y-%m-%d %H:%M:%S"), second * 10**9
    if form == 2:
        return str(second), second * 10**9
    if form == 3:
        moved = stamp + datetime.timedelta(hours=2)
        return moved.strftime("%Y-%m-%dT%H:%M:%S") + f".{fraction // 1000000:03d}+02:00", nanoseconds // 10**6 * 10**6
    return stamp.strftime("%Y-%m-%d %H:%M"), second // 60 * 60 * 10**9


def narrow(random, archive):
    """Start and end of a range around some line: a nanosecond, milliseconds, or hours."""
    first = random.choice(archive.times) + random.choice([0, 0, -1, 1, random.randrange(-10**10, 10**10)])
    return first, first + random.choice([1, 10**6, 10**8, 10**9, 10**10, 60 * 10**9, 3600 * 10**9])


class Query:
    """Arguments of `firn get`, and the rows that it must print."""

    def __init__(self, random, archive):
        self.arguments = []
        self.tests = []
        first = last = 0
        while first >= last:
            first, last = narrow(random, archive)
            (start, first), (end, last) = moment(random, first), moment(random, last)
        self.arguments += ["--from", start, "--to", end]
        if random.random() < 0.8:
            self.globbed("--host", random.sample(HOSTS + ["web-*", "*-01", "we?-02", "absent"], random.choice([1, 1, 2])), 0)
        if random.random() < 0.3:
            self.globbed("--source", random.sample(["*/nginx.log", "*json*", "*/[jk]*.log", "*/hdfs.log"], 1), 1)
        if random.random() < 0.2:
            self.text(random)
        self.rows = archive.select(first, last, lambda *row: all(test(*row) for test in self.tests))
        if random.random() < 0.1:
            self.arguments.append("--reverse")
            self.rows.reverse()
        if random.random() < 0.1:
            limit = random.choice([1, 7, 100])
            self.arguments += ["--limit", str(limit)]
            self.rows = self.rows[:limit]

    def globbed(self, option, patterns, field):
        for pattern in patterns:
            self.arguments += [option, pattern]
        self.tests.append(lambda *row: any(fnmatch.fnmatchcase(row[field], pattern) for pattern in patterns))

    def text(self, random):
        word = random.choice([b"GET", b"error", b"checkout", b"\"status\":404", b"Exception", b"anna"])
        option = random.choice(["--match", "--exclude"])
        self.arguments += [option, word.decode()]
        self.tests.append(lambda host, source, line: (word in line) == (option == "--match"))


def prepared(context):
    store = context.store("directory")
    sources = samples.generated(context, HOSTS, context.pick("100KiB", "400KiB", "2MiB"))
    for host in HOSTS:
        context.run("archive", "--store", store, "--host", host, *[s.path for s in sources if s.host == host])
    return store, oracle.Archive(sources)


def test_random_queries_equal_a_brute_force_selection(context):
    store, archive = prepared(context)
    count = context.pick(100, 1000, 10_000)
    lines = 0
    for number in range(count):
        if number == count // 4:
            context.run("index", "--store", store)
        query = Query(context.random, archive)
        printed = context.run("get", "--store", store, "--format", "raw", *query.arguments).out
        wanted = b"".join(row[4] for row in query.rows)
        expect_same_bytes(printed, wanted, f"query {number}: firn get {' '.join(query.arguments)}")
        lines += len(query.rows)
    expect(lines > count, f"{count} queries asked for {lines} lines only: the test asks for too little")
    print(f"{count} queries, {lines} lines, seed {context.seed}")


def test_counts_and_json_agree_with_the_lines(context):
    store, archive = prepared(context)
    for number in range(context.pick(10, 40, 200)):
        query = Query(context.random, archive)
        counted = context.run("get", "--store", store, "--count", *query.arguments).out
        expect(int(counted) == len(query.rows), f"query {number}: {counted!r} instead of {len(query.rows)}: {query.arguments}")
        printed = context.run("get", "--store", store, "--format", "json", *query.arguments).out
        seen = [json.loads(line) for line in printed.splitlines()]
        wanted = [(row[1], row[2], row[4].decode().rstrip("\n")) for row in query.rows]
        expect(
            [(row["host"], row["source"], row["line"].rstrip("\n")) for row in seen] == wanted,
            f"query {number}: JSON lines differ: {query.arguments}")
        times = [nanoseconds(row["time"]) for row in seen]
        expect(times == [row[0] for row in query.rows], f"query {number}: times differ: {query.arguments}")


def nanoseconds(text):
    whole, fraction = text.rstrip("Z").split(".")
    stamp = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return int(stamp.timestamp()) * 10**9 + int(fraction.ljust(9, "0"))
