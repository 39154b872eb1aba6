"""Three stores, two of them S3 servers and one a directory: emptied, damaged and killed in turn, and repaired."""

import os
import shutil
import signal
import subprocess

import samples
import servers
from checker import Ledger
from harness import each, expect, expect_same_bytes, objects
from servers import BUCKET
from test_redundancy import Agent

PREFIX = "archive"
RULES = {"copies": ["--acknowledge", "2"], "erasure": ["--erasure", "2+1"]}


def open_stores(context):
    """URLs of the stores, and handles that damage them."""
    names = ["rclone", "moto"]
    found = [BucketHandle(context, name) for name in names] + [FolderHandle(context)]
    return [argument for store in found for argument in ("--store", store.url)], found


class BucketHandle:
    def __init__(self, context, name):
        self.name = name
        self.url = context.store(name, PREFIX)
        self.server = context.server(name)
        self.client = self.server.client()

    def keys(self):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=PREFIX + "/")
        return sorted(item["Key"][len(PREFIX) + 1:] for page in pages for item in page.get("Contents", []))

    def read(self, key):
        return self.client.get_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}")["Body"].read()

    def write(self, key, data):
        self.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}", Body=data)

    def remove(self, key):
        self.client.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}")

    def empty(self):
        for key in self.keys():
            self.remove(key)


class FolderHandle:
    name = "directory"

    def __init__(self, context):
        self.path = context.path("directory-store")
        self.url = "file://" + self.path

    def keys(self):
        return [key for key in objects(self.path) if not key.startswith(".")]

    def read(self, key):
        with open(os.path.join(self.path, key), "rb") as file:
            return file.read()

    def write(self, key, data):
        path = os.path.join(self.path, key)
        with open(path + ".new", "wb") as file:
            file.write(data)
        os.rename(path + ".new", path)

    def remove(self, key):
        os.unlink(os.path.join(self.path, key))

    def empty(self):
        shutil.rmtree(self.path)
        os.makedirs(self.path)


def contents(store):
    return {key: store.read(key) for key in store.keys()}


def archive(context, stores, rule, number, wanted):
    content = context.loggen("--kind", "json", "--bytes", 300_000, "--seed", context.seed + number)
    path = samples.write(context.path(f"{number}.log"), content)
    context.run("archive", *stores, *rule, "--host", f"h{number}", path)
    wanted[f"h{number}", path] = content


def expect_readable(context, stores, rule, wanted, what):
    for (host, source), content in wanted.items():
        printed = context.run("cat", *stores, *rule, "--host", host, "--source", source)
        expect_same_bytes(printed.out, content, f"{what}: cat of {host}")


@each("copies", "erasure")
def test_stores_are_emptied_and_damaged_in_turn(context, kind):
    stores, handles = open_stores(context)
    rule, wanted = RULES[kind], {}
    for number in range(3):
        archive(context, stores, rule, number, wanted)
    context.run("index", *stores, *rule)
    context.run("verify", *stores, *rule, "--deep")
    for number, victim in enumerate(context.random.sample(handles, context.pick(1, 2, 3))):
        truth = {handle.name: contents(handle) for handle in handles}
        # Emptied: the archive is whole without it, and whole with it again afterwards.
        victim.empty()
        found = context.run("verify", *stores, *rule, status=4)
        expect(victim.url.split("?")[0].encode() in found.out, f"verify does not name {victim.name}: {found.out[:300]}")
        expect_readable(context, stores, rule, wanted, f"{victim.name} emptied")
        context.run("repair", *stores, *rule)
        for handle in handles:
            expect(contents(handle) == truth[handle.name], f"{victim.name} emptied: {handle.name} is not as it was")
        context.run("verify", *stores, *rule, "--deep")
        # Damaged: every object of it in some way.
        for key in victim.keys():
            data = bytearray(victim.read(key))
            match context.random.randrange(3):
                case 0: victim.remove(key)
                case 1: victim.write(key, bytes(data[:-1]))
                case _ if key != "firn.json":
                    data[context.random.randrange(len(data))] ^= 1 << context.random.randrange(8)
                    victim.write(key, bytes(data))
        context.run("verify", *stores, *rule, "--deep", status=4)
        expect_readable(context, stores, rule, wanted, f"{victim.name} damaged")
        context.run("repair", *stores, *rule, "--deep")
        for handle in handles:
            expect(contents(handle) == truth[handle.name], f"{victim.name} damaged: {handle.name} is not as it was")
        archive(context, stores, rule, 10 + number, wanted)
    final = context.run("verify", *stores, *rule, "--deep")
    expect(not [x for x in final.out.splitlines() if not x.startswith(b"note")], f"verify found {final.out[:500]}")
    expect_readable(context, stores, rule, wanted, "at the end")


class Watch:
    """`firn repair --watch`."""

    name = "firn repair"

    def __init__(self, context, stores):
        self.log = context.path("repair.log")
        command = ["repair", *stores, "--watch", "--every", "1s", "--bandwidth", "100MiB"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [context.firn_binary, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=context.directory,
                env=context.clean_environment())
        context.started.append(self)

    def said(self):
        with open(self.log) as log:
            return log.read()[-1500:]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(240)


@each("copies", "erasure")
def test_repair_watches_beside_an_agent(context, kind):
    """Stores are killed and emptied in turn while an agent archives: each time all is soon as it should be again."""
    _, handles = open_stores(context)
    context.environment.update(servers.credentials())
    rule = {"copies": "{copies: 3, acknowledge: 2}", "erasure": "{data: 2, parity: 1, acknowledge: 2}"}[kind]
    agent = Agent(context, {handle.name: handle.url for handle in handles}, rule)
    ledger = Ledger(context.seed)

    def write(count=200):
        for name in ("a.log", "b.log"):
            agent.append(name, ledger.lines(agent.path(name), count))

    def is_whole(deep=()):
        return context.run("verify", *agent.store, *deep, status=None).status == 0

    agent.start()
    write()
    agent.wait_archived(ledger, "at first", 60)
    watch = Watch(context, agent.store)
    for victim in context.random.sample(handles, 3) * context.pick(1, 1, 10):
        server = getattr(victim, "server", None)
        if server:
            server.kill()
            write()
            agent.wait_archived(ledger, f"{victim.name} killed", 60)
            server.start_again()
        victim.empty()
        write()
        agent.wait_archived(ledger, f"{victim.name} emptied", 60)
        agent.wait(is_whole, 240, f"{victim.name} is never whole again; firn repair said: {watch.said()}")
        ledger.expect_whole(context, agent.store, f"{victim.name} repaired")
        expect(watch.process.poll() is None, f"firn repair ended by itself: {watch.said()}")
    status = agent.end(signal.SIGTERM)
    expect(status == 0, f"exit status {status} after SIGTERM: {agent.said()}")
    watch.stop()
    context.run("repair", *agent.store)
    context.run("verify", *agent.store, "--deep")
    ledger.expect_whole(context, agent.store, "at the end")


def test_a_store_that_is_down_is_said_and_the_others_are_repaired(context):
    stores, handles = open_stores(context)
    wanted = {}
    archive(context, stores, RULES["copies"], 0, wanted)
    truth = contents(handles[2])
    handles[2].empty()
    handles[0].server.kill()
    try:
        report = context.run("repair", *stores, *RULES["copies"], status=4)
        expect(b"nothing is known of what it holds" in report.out, f"repair does not tell of it: {report.out!r}")
        expect(contents(handles[2]) == truth, "the directory is not as it was")
    finally:
        handles[0].server.start_again()
    context.run("repair", *stores, *RULES["copies"])
    context.run("verify", *stores, *RULES["copies"], "--deep")
    expect_readable(context, stores, RULES["copies"], wanted, "at the end")


def test_another_rule(context):
    stores, handles = open_stores(context)
    wanted = {}
    for number in range(2):
        archive(context, stores, RULES["copies"], number, wanted)
    context.run("repair", *stores, *RULES["erasure"], "--to-current-rule")
    context.run("verify", *stores, *RULES["erasure"], "--deep")
    expect_readable(context, stores, RULES["erasure"], wanted, "in both forms")
    # The old form is not needed any more.
    for handle in handles:
        for key in handle.keys():
            if key.startswith("chunks/") and key.endswith(".zst"):
                handle.remove(key)
    context.run("verify", *stores, *RULES["erasure"], "--deep")
    expect_readable(context, stores, RULES["erasure"], wanted, "in the new form")
    handles[1].empty()
    context.run("repair", *stores, *RULES["erasure"])
    context.run("verify", *stores, *RULES["erasure"], "--deep")
