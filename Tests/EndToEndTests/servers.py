"""S3 servers on loopback, started from the programs of a Python environment and ended with the process that asked."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

ACCESS_KEY = "firntestkey"
SECRET_KEY = "firntestsecret"
BUCKET = "logs"


def free_ports(count):
    """Ports that are free now, with the port 10000 above free too: SeaweedFS puts its RPC there."""
    found = []
    held = []
    while len(found) < count:
        probe = socket.socket()
        probe.bind(("127.0.0.1", 0))
        held.append(probe)
        port = probe.getsockname()[1]
        above = socket.socket()
        try:
            above.bind(("127.0.0.1", port + 10000))
        except (OSError, OverflowError):
            continue
        finally:
            above.close()
        found.append(port)
    for probe in held:
        probe.close()
    return found


def program(name):
    """A program of this Python's environment, else of the PATH; None where there is none."""
    beside = os.path.join(os.path.dirname(sys.executable), name)
    return beside if os.access(beside, os.X_OK) else shutil.which(name)


class Endpoint:
    """An S3 endpoint on loopback, with a bucket named `logs` once it is ready."""

    def __init__(self, name, endpoint):
        self.name = name
        self.endpoint = endpoint

    def url(self, prefix, bucket=BUCKET):
        return f"s3://{bucket}/{prefix}?endpoint={self.endpoint}&region=us-east-1&path-style=true"

    def client(self):
        import boto3
        from botocore.config import Config
        return boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, connect_timeout=2, read_timeout=20))

    def wait_ready(self, seconds=90):
        """Until a bucket can be made and an object kept in it."""
        deadline = time.monotonic() + seconds
        problem = None
        while time.monotonic() < deadline:
            self.expect_alive()
            try:
                client = self.client()
                if BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
                    client.create_bucket(Bucket=BUCKET)
                client.put_object(Bucket=BUCKET, Key="ready", Body=b"ready")
                client.delete_object(Bucket=BUCKET, Key="ready")
                return self
            except Exception as error:  # the server's own start-up errors are many; the deadline decides
                problem = error
                time.sleep(0.2)
        raise RuntimeError(f"{self.name} was not ready within {seconds} s: {problem}")

    def expect_alive(self):
        """Raises where it is known that waiting is of no use."""


class Server(Endpoint):
    """A server process that listens at `port`."""

    def __init__(self, name, command, port, directory):
        super().__init__(name, f"http://127.0.0.1:{port}")
        self.log_path = os.path.join(directory, f"{name}.log")
        self.command = command
        self.launch()

    def launch(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)

    def kill(self):
        """As a crash does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def start_again(self):
        """With what it had stored, at the same port."""
        self.launch()
        self.wait_ready()

    def expect_alive(self):
        if self.process.poll() is not None:
            with open(self.log_path, "rb") as log:
                said = log.read().decode("utf-8", "replace")[-1000:]
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}: {said}")

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def start_seaweedfs(directory):
    data = os.path.join(directory, "seaweedfs")
    os.makedirs(data)
    config = os.path.join(directory, "seaweedfs.json")
    with open(config, "w") as file:
        json.dump({"identities": [{
            "name": "firn", "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}], "actions": ["Admin"],
        }]}, file)
    s3, master, volume, filer = free_ports(4)
    command = [
        program("weed"), "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-master.port={master}",
        f"-volume.port={volume}", f"-filer.port={filer}", "-s3", f"-s3.port={s3}", f"-s3.config={config}",
        "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false", "-master.volumeSizeLimitMB=256", "-volume.max=100",
        "-volume.minFreeSpace=1", "-master.telemetry=false"]
    return Server("seaweedfs", command, s3, directory)


def start_rclone(directory):
    data = os.path.join(directory, "rclone")
    os.makedirs(os.path.join(data, BUCKET))
    (port,) = free_ports(1)
    command = [
        program("rclone"), "serve", "s3", data, "--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}",
        "--config", os.path.join(directory, "rclone.conf"), "--vfs-cache-mode", "off"]
    return Server("rclone", command, port, directory)


def start_moto(directory):
    (port,) = free_ports(1)
    return Server("moto", [program("moto_server"), "-H", "127.0.0.1", "-p", str(port)], port, directory)


STARTERS = {
    "seaweedfs": ("weed", start_seaweedfs),
    "rclone": ("rclone", start_rclone),
    "moto": ("moto_server", start_moto),
}


def start(name, directory):
    """A started server, not yet ready; None where its program is not installed."""
    needs, starter = STARTERS[name]
    return starter(directory) if program(needs) else None


def start_ready(name, directory, tries=3):
    """A server that answers; None where its program is not installed. Started again where another program took its port."""
    for left in reversed(range(tries)):
        attempt = os.path.join(directory, str(left))
        os.makedirs(attempt)
        server = start(name, attempt)
        if server is None:
            return None
        try:
            return server.wait_ready()
        except RuntimeError:
            server.stop()
            if left == 0:
                raise


def credentials(secret=SECRET_KEY):
    return {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": secret}
