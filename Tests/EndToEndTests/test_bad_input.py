"""What goes wrong is said in one clear sentence, with the right exit status, and nothing is lost."""

import os
import shutil
import subprocess

import samples
import servers
from harness import Skipped, expect, expect_same_bytes, plain_text


def log(context, name="a.log", size="300KiB"):
    return samples.write(context.path(name), context.loggen("--kind", "json", "--bytes", size, "--seed", context.seed))


def expect_clear(result, *words):
    """A message a person can act on: not long, no inner names, and these words in it."""
    text = plain_text(result.message)
    expect(text, "nothing on standard error")
    expect(not result.out or result.status == 3, f"standard output: {result.out[:200]!r}")
    for word in words:
        options = word if isinstance(word, tuple) else (word,)
        expect(any(option.lower() in text.lower() for option in options), f"none of {options} in: {text}")
    for inner in ("Fatal error", "StoreError(", "Optional(", "NSError", "Domain=", "Swift."):
        expect(inner not in text, f"{inner!r} in: {text}")
    expect(len(text) < 2000, f"{len(text)} characters: {text[:300]}")


def test_a_missing_file(context):
    store = context.store("directory")
    there = log(context)
    result = context.run("archive", "--store", store, "--host", "h", there, context.path("absent.log"), status={1, 3})
    expect_clear(result, "absent.log", ("no such file", "does not exist", "not found", "missing"))
    printed = context.run("cat", "--store", store, "--host", "h", "--source", there, status=None).out
    expect(printed in (b"", open(there, "rb").read()), "the file beside it is archived in part")


def test_a_directory_instead_of_a_file(context):
    result = context.run(
        "archive", "--store", context.store("directory"), "--host", "h", context.folder("folder"), status={1, 3, 64})
    expect_clear(result, "folder", "directory")


def test_an_unreadable_file(context):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise Skipped("needs root and setpriv")
    path = log(context)
    os.chmod(path, 0)
    os.chmod(context.directory, 0o777)
    os.chmod(context.folder("home"), 0o777)
    binary = shutil.copy(context.firn_binary, context.path("bin", "firn"))
    os.chmod(binary, 0o755)
    context.firn_binary = binary
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    result = context.run("archive", "--store", context.path("archive"), "--host", "h", path, status={1, 3}, wrapper=nobody)
    expect_clear(result, "a.log", ("permission denied", "not permitted", "cannot be read", "not readable", "may not", "not allowed"))


def test_a_bucket_that_does_not_exist(context):
    context.store("seaweedfs")
    url = context.server("seaweedfs").url("archive", bucket="absent-bucket")
    result = context.run("archive", "--store", url, "--host", "h", log(context), status=1)
    expect_clear(result, "absent-bucket", ("bucket",))
    expect_clear(context.run("get", "--store", url, status={1, 3}), "absent-bucket")


def test_a_wrong_secret(context):
    store = context.store("seaweedfs")
    wrong = servers.credentials("not-the-secret")
    result = context.run("archive", "--store", store, "--host", "h", log(context), status=1, environment=wrong)
    expect_clear(result, ("secret", "credential", "signature", "access"))
    expect("not-the-secret" not in result.message, f"the secret is printed: {result.message}")
    context.run("archive", "--store", store, "--host", "h", log(context))
    expect_clear(context.run("get", "--store", store, status={1, 3}, environment=wrong), ("secret", "credential", "signature", "access"))


def test_no_credentials(context):
    store = context.store("seaweedfs")
    context.environment.clear()
    result = context.run("archive", "--store", store, "--host", "h", log(context), status=1,
                         environment={"AWS_EC2_METADATA_DISABLED": "true"})
    expect_clear(result, ("credential",))


def test_an_unreachable_endpoint(context):
    (port,) = servers.free_ports(1)
    context.environment.update(servers.credentials())
    url = f"s3://logs/archive?endpoint=http://127.0.0.1:{port}&region=us-east-1&path-style=true"
    result = context.run("archive", "--store", url, "--host", "h", log(context), status=1, timeout=240)
    expect_clear(result, str(port), ("refused", "reach", "connect"))
    expect_clear(context.run("get", "--store", url, status={1, 3}, timeout=240), str(port))


def test_a_host_name_that_does_not_resolve(context):
    context.environment.update(servers.credentials())
    url = "s3://logs/archive?endpoint=http://absent.invalid:9000&path-style=true"
    result = context.run("archive", "--store", url, "--host", "h", log(context), status=1, timeout=240)
    expect_clear(result, "absent.invalid")


def test_a_full_disk_loses_nothing(context):
    if os.geteuid() != 0:
        raise Skipped("needs root, to mount a small file system")
    small = context.folder("small")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small], capture_output=True).returncode != 0:
        raise Skipped("a small file system cannot be mounted here")
    try:
        kept = log(context, "kept.log", "2MiB")
        store = os.path.join(small, "archive")
        context.run("archive", "--store", store, "--host", "h", kept)
        large = log(context, "large.log", "64MiB")
        result = context.run("archive", "--store", store, "--host", "h", large, status=1)
        expect_clear(result, ("no space left", "full"))
        printed = context.run("cat", "--store", store, "--host", "h", "--source", kept).out
        expect_same_bytes(printed, open(kept, "rb").read(), "what was archived before the disk was full")
        seen = context.run("cat", "--store", store, "--host", "h", "--source", large, status=None).out
        expect(open(large, "rb").read().startswith(seen), "what stands of the large file is not its beginning")
        subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
        context.run("archive", "--store", store, "--host", "h", large)
        printed = context.run("cat", "--store", store, "--host", "h", "--source", large).out
        expect_same_bytes(printed, open(large, "rb").read(), "the large file, once there was room")
        context.run("verify", "--store", store, "--deep")
    finally:
        subprocess.run(["umount", "-l", small], check=False)


def test_reading_does_not_create_a_store(context):
    missing = context.path("absent")
    for command in (["get"], ["hosts"], ["verify"], ["cat", "--host", "h", "--source", "s"]):
        result = context.run(*command, "--store", missing, status={1, 3, 4})
        expect_clear(result, "absent")
        expect(not os.path.exists(missing), f"firn {command[0]} created the store")


def test_a_directory_that_is_no_archive(context):
    other = os.path.dirname(samples.write(context.path("other", "letter.txt"), b"hello"))
    expect_clear(context.run("get", "--store", other, status={1, 3}), "other", ("firn.json", "archive"))


def test_corrupt_configurations(context):
    cases = {
        "unknown key": (b"archive: prod\nstoers: []\n", ["stores", "2"]),
        "unknown nested key": (b"stores:\n  - {name: a, urll: \"file:///tmp/a\"}\n", ["url", "2"]),
        "no YAML": (b"stores: [unclosed\n", ["firn.yaml"]),
        "wrong type": (b"roll: {block_bytes: lots}\nstores: [{name: a, url: /tmp/a}]\n", ["block_bytes", "1"]),
        "binary": (bytes(range(128, 256)) * 4, ["firn.yaml"]),
    }
    for name, (content, words) in cases.items():
        path = samples.write(context.path("conf", "firn.yaml"), content)
        for command in (["config", "check"], ["get"]):
            result = context.run(*command, "--config", path, status={1, 64})
            text = result.message + result.out.decode("utf-8", "replace")
            expect("firn.yaml" in text, f"{name}: the file is not named: {text}")
            for word in words:
                expect(word in text, f"{name}: {word!r} is not in: {text}")


def test_wrong_usage(context):
    store = context.store("directory")
    context.run("archive", "--store", store, "--host", "h", log(context))
    for arguments in (
        ["nonsense"], ["get", "--store", store, "--from", "when the cows come home"], ["get", "--store", store, "--last", "2 moons"],
        ["get", "--store", store, "--regex", "(unclosed"], ["cat", "--store", store], ["get", "--store", "ftp://x/y"],
        ["get", "--store", store, "--format", "xml"], ["archive", "--store", store],
    ):
        result = context.run(*arguments, status=64)
        expect_clear(result)
