"""What firn needs to be allowed: with each role's policy alone, and where nobody may overwrite or delete."""

import json
import os
import sys
import urllib.request

import samples
import servers
from checker import Ledger
from fronts import Front
from harness import PACKAGE, Skipped, expect, expect_same_bytes
from servers import BUCKET
from test_redundancy import Agent
from test_repair import PREFIX, archive, expect_readable


# Its own check of signatures takes no listing's; what counts here are rights.
ENFORCING_MOTO = """
import moto.iam.access_control as access
access.IAMRequestBase.check_signature = lambda self: None
from moto.server import main
main()
"""


def enforcing_server(context):
    (port,) = servers.free_ports(1)
    command = [sys.executable, "-c", ENFORCING_MOTO, "-H", "127.0.0.1", "-p", str(port)]
    server = servers.Server("enforcing-moto", command, port, context.folder("server-enforcing"))
    context.started.append(server)
    return server.wait_ready()


def policies(context, server):
    """Users of a server with no rights but those of deploy/policies; their credentials by the role."""
    import boto3
    iam = boto3.client(
        "iam", endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    users = {}
    for role in ("writer", "reader", "indexer", "repairer"):
        with open(os.path.join(PACKAGE, "deploy", "policies", role + ".json")) as file:
            policy = file.read().replace("BUCKET", BUCKET).replace("PREFIX", PREFIX)
        iam.create_user(UserName=role)
        iam.put_user_policy(UserName=role, PolicyName=role, PolicyDocument=json.dumps(json.loads(policy)))
        key = iam.create_access_key(UserName=role)["AccessKey"]
        users[role] = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    # From now on the server refuses what no policy allows.
    urllib.request.urlopen(urllib.request.Request(server.endpoint + "/moto-api/reset-auth", data=b"0", method="POST",
        headers={"Content-Type": "text/plain"})).read()
    return users


def test_no_command_needs_more_than_its_policy(context):
    if servers.program("moto_server") is None:
        raise Skipped("moto_server is not installed")
    server = enforcing_server(context)
    url = server.url(PREFIX)
    users = policies(context, server)
    folder = "file://" + context.path("directory-store")
    stores = ["--store", url, "--store", folder]
    content = context.loggen("--kind", "json", "--bytes", 50_000, "--seed", context.seed)
    path = samples.write(context.path("a.log"), content)
    context.run("archive", *stores, "--host", "h", path, environment=users["writer"])
    context.run("index", *stores, environment=users["indexer"])
    read = ["cat", "--store", url, "--host", "h", "--source", path]
    expect_same_bytes(context.run(*read, environment=users["reader"]).out, content, "cat with the reader's rights")
    context.run("verify", *stores, "--deep", environment=users["reader"])
    # The writer can do nothing but that.
    expect(context.run(*read, environment=users["writer"], status={1, 3}).out == b"", "a writer can read")
    expect(b"nothing is known" in context.run("verify", *stores, environment=users["writer"], status=4).out, "a writer can list")
    # The folder is lost, and the bucket is damaged.
    repairer = users["repairer"]
    import boto3
    client = boto3.client(
        "s3", endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=repairer["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=repairer["AWS_SECRET_ACCESS_KEY"])
    keys = [item["Key"] for item in client.list_objects_v2(Bucket=BUCKET, Prefix=PREFIX + "/")["Contents"]]
    damaged = next(key for key in keys if "/chunks/" in key)
    client.put_object(Bucket=BUCKET, Key=damaged, Body=b"damaged")
    lost = next(key for key in keys if "/manifests/" in key)
    client.delete_object(Bucket=BUCKET, Key=lost)
    context.run("repair", *stores, environment=users["reader"], status=4)
    context.run("repair", *stores, "--deep", environment=repairer)
    context.run("verify", *stores, "--deep", environment=users["reader"])


COPIES = ["--acknowledge", "2"]


def test_a_store_that_only_grows_is_enough(context):
    """It refuses every DELETE, and every PUT of a key that is there."""
    server = context.server("rclone")
    context.environment.update(servers.credentials())
    fronts = [Front(name, server, context.seed) for name in ("one", "two")]
    context.started += fronts
    for front in fronts:
        front.only_grows = True
    places = {front.name: front.url(front.name) for front in fronts}
    agent = Agent(context, places, "{copies: 2, acknowledge: 2}")
    stores = agent.store
    wanted = {}
    for number in range(2):
        archive(context, stores, [], number, wanted)
    context.run("index", *stores)
    ledger = Ledger(context.seed)
    agent.start()
    for _ in range(3):
        agent.append("a.log", ledger.lines(agent.path("a.log"), 100))
        agent.wait_archived(ledger, "while it runs")
        agent.kill()
        agent.start()
    agent.kill()
    context.run("index", *stores)
    ledger.expect_whole(context, stores, "in stores that only grow")
    context.run("verify", *stores, "--deep")
    # What one of them lost, and another rule's shards: all of it by creating alone.
    client = server.client()
    lost = keys_of(client, "two/")[::2]
    for key in lost:
        client.delete_object(Bucket=BUCKET, Key=key)
        fronts[1].forget(f"/{BUCKET}/{key}")
    context.run("repair", *stores)
    context.run("verify", *stores, "--deep")
    with open(agent.configuration, "rb") as file:
        text = file.read().replace(b"{copies: 2, acknowledge: 2}", b"{data: 1, parity: 1, acknowledge: 2}")
    shards = samples.write(context.path("shards.yaml"), text)
    context.run("repair", "--config", shards, "--to-current-rule")
    context.run("verify", "--config", shards, "--deep")
    expect_readable(context, stores, [], wanted, "in both forms")
    expect(not [refused for front in fronts for refused in front.refused], f"more was asked for than to create: {fronts[0].refused}")
    # What is damaged stays, is said, and is read from elsewhere.
    damaged = next(key for key in keys_of(client, "one/") if "/chunks/" in key and not key.endswith(".zst"))
    client.put_object(Bucket=BUCKET, Key=damaged, Body=b"damaged")
    report = context.run("repair", "--config", shards, "--deep", status=4)
    expect(damaged.removeprefix("one/").encode() in report.out, f"repair does not name {damaged}: {report.out!r}")
    expect(fronts[0].refused, "nothing was refused: the store does more than grow")
    expect_readable(context, ["--config", shards], [], wanted, "with a damaged shard")


def keys_of(client, prefix):
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return sorted(item["Key"] for page in pages for item in page.get("Contents", []))


def test_a_bucket_with_object_lock_is_repaired_by_new_versions(context):
    server = context.server("moto")
    context.environment.update(servers.credentials())
    client = server.client()
    client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    client.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration={
        "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 30}}})
    stores = ["--store", server.url(PREFIX, "locked"), "--store", "file://" + context.path("directory-store")]
    wanted = {}
    for number in range(2):
        archive(context, stores, COPIES, number, wanted)
    context.run("index", *stores, *COPIES)
    context.run("verify", *stores, *COPIES, "--deep")

    def versions():
        found = client.list_object_versions(Bucket="locked", Prefix=PREFIX + "/").get("Versions", [])
        return {(item["Key"], item["VersionId"]) for item in found}

    before = versions()
    chunk = next(key for key, _ in sorted(before) if "/chunks/" in key)
    client.put_object(Bucket="locked", Key=chunk, Body=b"damaged")
    manifest = next(key for key, _ in sorted(before) if "/manifests/" in key)
    client.delete_object(Bucket="locked", Key=manifest)
    context.run("verify", *stores, *COPIES, "--deep", status=4)
    context.run("repair", *stores, *COPIES, "--deep")
    context.run("verify", *stores, *COPIES, "--deep")
    expect_readable(context, stores, COPIES, wanted, "repaired")
    expect(before < versions(), "a version is gone that was locked")
    key, version = next(iter(sorted(before)))
    try:
        client.delete_object(Bucket="locked", Key=key, VersionId=version)
    except client.exceptions.ClientError as error:
        expect("AccessDenied" in str(error), f"the lock is none: {error}")
    else:
        raise Skipped("this server deletes what is locked")
