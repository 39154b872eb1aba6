"""The bucket is the only state: indexes and manifests come back from what they were made of."""

import os
import shutil

import oracle
import samples
from harness import expect, expect_same_bytes, objects
from test_queries import Query

HOSTS = ["web-01", "web-02", "db-01"]


def answers(context, store, queries, sources):
    printed = [context.run("get", "--store", store, "--format", "raw", *query.arguments).out for query in queries]
    printed += [context.run("cat", "--store", store, "--host", s.host, "--source", s.path).out for s in sources]
    printed += [context.run(command, "--store", store, "--format", "json").out for command in ("hosts", "sources")]
    return printed


def expect_same(seen, wanted, when):
    for number, (one, other) in enumerate(zip(seen, wanted)):
        expect_same_bytes(one, other, f"answer {number} {when}")


def test_indexes_and_manifests_are_rebuilt(context):
    directory = context.path("archive")
    sources = samples.generated(context, HOSTS, context.pick("100KiB", "500KiB", "4MiB"))
    for source in sources:
        context.run("archive", "--store", directory, "--host", source.host, source.path)
    archive = oracle.Archive(sources)
    queries = [Query(context.random, archive) for _ in range(context.pick(10, 30, 200))]
    before = answers(context, directory, queries, sources)
    for query, printed in zip(queries, before):
        expect_same_bytes(printed, b"".join(row[4] for row in query.rows), f"firn get {' '.join(query.arguments)}")
    context.run("index", "--store", directory)
    kept = objects(directory)
    expect(any(key.startswith("index/") for key in kept), "no index objects after firn index")
    expect_same(answers(context, directory, queries, sources), before, "with indexes")

    shutil.rmtree(os.path.join(directory, "index"))
    context.run("index", "--store", directory, "--rebuild")
    expect(any(key.startswith("index/") for key in objects(directory)), "no index objects after --rebuild")
    expect_same(answers(context, directory, queries, sources), before, "after the indexes were lost")

    shutil.rmtree(os.path.join(directory, "index"))
    shutil.rmtree(os.path.join(directory, "manifests"))
    context.run("index", "--store", directory, "--rebuild")
    manifests = [key for key in objects(directory) if key.startswith("manifests/")]
    chunks = [key for key in objects(directory) if key.startswith("chunks/")]
    expect(len(manifests) == len(chunks), f"{len(manifests)} manifests of {len(chunks)} chunks after --rebuild")
    expect_same(answers(context, directory, queries, sources), before, "after the manifests were lost too")
    context.run("verify", "--store", directory, "--deep")


def test_without_an_index_queries_read_manifests(context):
    directory = context.path("archive")
    sources = samples.generated(context, HOSTS[:1], "300KiB")
    context.run("archive", "--store", directory, "--host", HOSTS[0], *[s.path for s in sources])
    expect(not any(key.startswith("index/") for key in objects(directory)), "archive made index objects")
    archive = oracle.Archive(sources)
    printed = context.run("get", "--store", directory, "--format", "raw").out
    expect_same_bytes(printed, b"".join(row[4] for row in archive.rows), "get of everything")
