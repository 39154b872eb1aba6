"""Plain files for ever: everything in an archive is read without Firn."""

import hashlib
import io
import os
import random
import subprocess

import samples
from harness import PACKAGE, Skipped, expect, expect_same_bytes, objects


def test_every_object_is_read_with_zstd_and_jq(context):
    directory = context.path("archive")
    sources = samples.generated(context, ["web-01", "web-02"], context.pick("200KiB", "2MiB", "8MiB"))
    sources += samples.awkward(context, "odd-01")
    for host in ["web-01", "web-02", "odd-01"]:
        context.run("archive", "--store", directory, "--host", host, *[s.path for s in sources if s.host == host])
    context.run("index", "--store", directory)
    output = context.folder("plain")
    script = os.path.join(PACKAGE, "Tests", "EndToEndTests", "read-with-plain-tools")
    done = subprocess.run([script, directory, output], capture_output=True, env=context.clean_environment())
    expect(done.returncode == 0, f"{done.stderr.decode()}{done.stdout.decode()}")
    print(done.stdout.decode().strip())
    rebuilt = sorted(open(os.path.join(output, name), "rb").read() for name in os.listdir(output))
    wanted = sorted(s.content() for s in sources if s.content())
    expect(len(rebuilt) == len(wanted), f"{len(rebuilt)} streams instead of {len(wanted)}")
    for seen, source in zip(rebuilt, wanted):
        expect_same_bytes(seen, source, f"the stream of SHA-256 {hashlib.sha256(source).hexdigest()}")


def chunk_of(context, size):
    directory = context.path("archive")
    content = context.loggen("--kind", "json", "--bytes", size, "--seed", context.seed)
    context.run("archive", "--store", directory, "--host", "h", samples.write(context.path("a.log"), content))
    chunks = [key for key in objects(directory) if key.startswith("chunks/")]
    expect(len(chunks) == 1, f"{len(chunks)} chunks instead of 1")
    return os.path.join(directory, chunks[0]), content


def test_other_readers_of_the_seekable_format_find_any_offset(context):
    try:
        import indexed_zstd
        import pyzstd
    except ImportError as missing:
        raise Skipped(f"{missing.name} is not installed")
    path, content = chunk_of(context, "12MiB")
    picks = random.Random(context.seed)
    with pyzstd.SeekableZstdFile(io.BytesIO(open(path, "rb").read()), "r") as seekable, \
            indexed_zstd.IndexedZstdFile(path) as indexed:
        for _ in range(200):
            offset = picks.randrange(len(content))
            length = picks.choice([1, 100, 70_000])
            for reader in (seekable, indexed):
                reader.seek(offset)
                seen = read_exactly(reader, min(length, len(content) - offset))
                expect_same_bytes(seen, content[offset:offset + length], f"{type(reader).__name__} at {offset}")


def read_exactly(reader, length):
    """Readers may give less than asked for at a frame's end."""
    parts = []
    while length > 0:
        part = reader.read(length)
        if not part:
            break
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
