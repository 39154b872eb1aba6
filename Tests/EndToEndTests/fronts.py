"""What stands between firn and an S3 server, and fails as told."""

import http.client
import http.server
import re
import socket
import threading
import urllib.parse

import servers

FAILURES = [
    "refused", "hanging", "403", "500", "503 SlowDown", "slow", "empty", "truncated bodies", "flipped bytes", "stale listings",
    "answers lost",
]

# Of these, a store gives nothing that it holds.
TOTAL = [failure for failure in FAILURES if failure not in ("slow", "stale listings", "answers lost")]

ERRORS = {"403": (403, "AccessDenied"), "500": (500, "InternalError"), "503 SlowDown": (503, "SlowDown"), "empty": (404, "NoSuchKey")}

# How late a slow store answers.
LATE = 0.3


class Front(servers.Endpoint):
    """Passes requests on to an endpoint, and answers as `failure` says: one of FAILURES, or None where all is well."""

    def __init__(self, name, base, seed):
        super().__init__(name, "")
        self.base = urllib.parse.urlsplit(base.endpoint).netloc
        self.flips = seed
        self.failure = None
        # Set when a failure is over: what hangs goes on to its end.
        self.is_over = threading.Event()
        self.lock = threading.Lock()
        self.connections = set()
        # Paths that were created before the failure, and since.
        self.before, self.since = set(), set()
        # Refuses to delete, and to put what is there; those that it refused, as (method, path).
        self.only_grows = False
        self.refused = []
        self.port = 0
        self.listen()
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def listen(self):
        self.server = Listener(("127.0.0.1", self.port), Handler)
        self.server.front = self
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def fail(self, failure):
        with self.lock:
            self.is_over = threading.Event()
            self.before, self.since = self.before | self.since, set()
            self.failure = failure
        if failure == "refused":
            self.close()
            self.hang_up()

    def mend(self):
        with self.lock:
            failure, self.failure = self.failure, None
        self.is_over.set()
        if failure == "refused":
            self.listen()

    def forget(self, path):
        """It is no longer there, by another's doing."""
        self.before.discard(path)
        self.since.discard(path)

    def hang_up(self):
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it was closed meanwhile

    def stop(self):
        self.mend()
        self.close()
        self.hang_up()


class Listener(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    # Threads of connections that stay open are not waited for.
    daemon_threads = True
    block_on_close = False

    def process_request(self, request, client_address):
        with self.front.lock:
            self.front.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        with self.front.lock:
            self.front.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        """A client that hangs up is none."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        """Nothing is logged."""

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        front = self.server.front
        failure, is_over = front.failure, front.is_over
        path = urllib.parse.unquote(self.path.split("?")[0])
        is_list = "list-type=2" in self.path
        if failure in ("hanging", "refused"):
            is_over.wait()
            return self.drop()
        if failure == "slow":
            is_over.wait(LATE)
        if failure in ERRORS and failure != "empty":
            return self.refuse(*ERRORS[failure])
        if failure == "empty" and not is_list and path in front.before:
            if self.command != "PUT":
                return self.refuse(*ERRORS["empty"])
            front.before.discard(path)
            return self.reply(200, [("ETag", '"0"')], b"")
        if front.only_grows and (self.command == "DELETE" or self.command == "PUT" and path in front.before | front.since):
            if self.command == "PUT" and self.headers.get("If-None-Match") == "*":
                return self.refuse(412, "PreconditionFailed")
            front.refused.append((self.command, path))
            return self.refuse(*ERRORS["403"])
        status, headers, data = self.forward(body)
        if self.command == "PUT" and status == 200:
            front.since.add(path)
        if failure == "answers lost" and self.command == "PUT":
            return self.drop()
        if is_list and status == 200:
            hidden = {"empty": front.before, "stale listings": front.since}.get(failure, set())
            data = without(data, path, hidden)
        elif self.command == "GET" and status in (200, 206):
            if failure == "truncated bodies":
                data = data[:-600]
            elif failure == "flipped bytes" and data:
                data = bytearray(data)
                front.flips = (front.flips * 6364136223846793005 + 1442695040888963407) % 2**64
                data[(front.flips >> 20) % len(data)] ^= 1 << (front.flips >> 60) % 8
        self.reply(status, headers, bytes(data))

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = answer

    def forward(self, body):
        """As it came: the signature is over the name of the host that was asked for."""
        base = http.client.HTTPConnection(self.server.front.base, timeout=60)
        try:
            base.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "expect"):
                    base.putheader(name, value)
            base.endheaders(body)
            answer = base.getresponse()
            data = answer.read()
            kept = [(name, value) for name, value in answer.getheaders()
                    if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server")]
            if self.command == "HEAD":
                kept.append(("Content-Length", answer.getheader("Content-Length", "0")))
            return answer.status, kept, data
        finally:
            base.close()

    def reply(self, status, headers, data):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def refuse(self, status, code):
        data = f"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
        self.reply(status, [("Content-Type", "application/xml")] + ([("Content-Length", "0")] if self.command == "HEAD" else []), data)

    def drop(self):
        self.close_connection = True


def without(listing, bucket_path, hidden):
    """A listing without these paths."""
    def keep(match):
        key = re.search(rb"<Key>(.*?)</Key>", match.group(0), re.S).group(1).decode()
        return b"" if f"{bucket_path.rstrip('/')}/{urllib.parse.unquote(key)}" in hidden else match.group(0)
    return re.sub(rb"<Contents>.*?</Contents>", keep, listing, flags=re.S)
