"""What goes in comes out: every source's bytes, whole, once and in order, from every kind of store."""

import bz2
import gzip
import lzma
import subprocess

import samples
from harness import each, expect, expect_same_bytes

STORES = ["directory", "seaweedfs", "rclone", "moto"]


def archive(context, store, sources, *more):
    """One `firn archive` for each host."""
    for host in sorted({source.host for source in sources}):
        context.run("archive", "--store", store, "--host", host, *more, *[s.path for s in sources if s.host == host])


def expect_cat(context, store, sources):
    for source in sources:
        printed = context.run("cat", "--store", store, "--host", source.host, "--source", source.path).out
        expect_same_bytes(printed, source.content(), f"cat of {source.host} {source.path}")


def terminated(content):
    return content if not content or content.endswith(b"\n") else content + b"\n"


@each(*STORES)
def test_cat_gives_the_bytes_of_every_source(context, kind):
    store = context.store(kind)
    size = context.pick("200KiB", "1MiB", "8MiB")
    sources = samples.generated(context, ["web-01", "web-02"], size)
    sources += samples.awkward(context, "odd-01") + samples.real("real-01") + samples.real("real-02")
    archive(context, store, sources, "--label", "env=test")
    expect_cat(context, store, sources)
    context.run("index", "--store", store)
    archive(context, store, sources, "--label", "env=test")
    expect_cat(context, store, sources)
    context.run("index", "--store", store)
    expect_cat(context, store, sources)
    everything = context.run("get", "--store", store, "--format", "raw").out
    wanted = sorted(line for s in sources for line in terminated(s.content()).split(b"\n")[:-1])
    seen = sorted(everything.split(b"\n")[:-1])
    expect(len(seen) == len(wanted), f"get of everything: {len(seen)} lines instead of {len(wanted)}")
    expect(seen == wanted, "get of everything: other lines than the sources have")
    context.run("verify", "--store", store, "--deep")


def test_compressed_files_are_archived_as_their_content(context):
    store = context.store("directory")
    content = context.loggen("--kind", "json", "--bytes", "3MiB", "--seed", context.seed)
    half = len(content) // 2
    packed = {
        "a.log.gz": gzip.compress(content),
        "members.log.gz": gzip.compress(content[:half]) + gzip.compress(content[half:]),
        "a.log.xz": lzma.compress(content, preset=1),
        "a.log.bz2": bz2.compress(content),
        "streams.log.bz2": bz2.compress(content[:half]) + bz2.compress(content[half:]),
        "a.log.zst": subprocess.run(["zstd", "-q", "-c"], input=content, capture_output=True, check=True).stdout,
    }
    for number, (name, data) in enumerate(packed.items()):
        path = samples.write(context.path("packed", name), data)
        context.run("archive", "--store", store, "--host", f"h{number}", path)
        listed = context.run("sources", "--store", store, "--host", f"h{number}", "--format", "json").out
        expect(b"a.log" in listed or b"members.log" in listed or b"streams.log" in listed, f"{name} is not listed: {listed!r}")
        printed = context.run("get", "--store", store, "--host", f"h{number}", "--format", "raw").out
        expect_same_bytes(printed, content, f"get of {name}")


def test_damaged_compressed_files_are_refused(context):
    content = gzip.compress(context.loggen("--kind", "json", "--bytes", "1MiB"))
    store = context.store("directory")
    path = samples.write(context.path("cut.log.gz"), content[:len(content) // 2])
    result = context.run("archive", "--store", store, "--host", "h", path, status={1, 3})
    expect("cut.log.gz" in result.message, f"the message does not name the file: {result.message}")


def test_standard_input_is_a_stream_of_its_own(context):
    store = context.store("directory")
    content = context.loggen("--kind", "java", "--bytes", "2MiB", "--seed", context.seed)
    context.run("archive", "--store", store, "--host", "h", "--source", "app", "-", stdin=content)
    expect_same_bytes(context.run("cat", "--store", store, "--host", "h", "--source", "app").out, content, "cat")


def test_a_grown_file_is_archived_from_where_it_ended(context):
    store = context.store("directory")
    content = context.loggen("--kind", "nginx", "--bytes", "2MiB", "--seed", context.seed)
    path = samples.write(context.path("grow.log"), content[:900_001])
    context.run("archive", "--store", store, "--host", "h", path)
    with open(path, "ab") as file:
        file.write(content[900_001:])
    context.run("archive", "--store", store, "--host", "h", path)
    printed = context.run("cat", "--store", store, "--host", "h", "--source", path).out
    expect_same_bytes(printed, content, "cat of the grown file")
    lines = context.run("get", "--store", store, "--host", "h", "--format", "raw").out
    expect_same_bytes(lines, content, "get of the grown file")


def test_a_closed_pipe_ends_quietly(context):
    store = context.store("directory")
    content = context.loggen("--kind", "nginx", "--bytes", "4MiB", "--seed", context.seed)
    context.run("archive", "--store", store, "--host", "h", samples.write(context.path("a.log"), content))
    script = f'"{context.firn_binary}" get --store "{store}" | head -n 1'
    done = subprocess.run(
        ["bash", "-c", script + '; exit "${PIPESTATUS[0]}"'], capture_output=True, env=context.clean_environment())
    expect(done.stdout == content[:content.index(b"\n") + 1], f"head printed {done.stdout!r}")
    expect(done.returncode in (0, 141) and not done.stderr, f"status {done.returncode}, standard error {done.stderr!r}")
