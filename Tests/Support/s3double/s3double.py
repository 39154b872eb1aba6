"""A strict S3 server for tests, in memory: it refuses whatever is unsigned, signed wrongly or not as S3 has it, and goes
wrong on demand.

    s3double.py --port P --key ID --secret SECRET [--token TOKEN] [--region R] [--certificate PEM]

Checked are signature V4 (its own implementation), the clock, the payload's SHA-256, Content-MD5, x-amz-checksum-sha256 and
If-None-Match. Known are PUT and HEAD of a bucket, PUT, GET, HEAD and DELETE of an object, and ListObjectsV2.

Beside S3 there are, unsigned, and each bucket for itself, so that tests at the same time do not meet:
    PUT  /_double/BUCKET/faults   a JSON list of rules, see Fault; replaces the former ones and their counts
    PUT  /_double/BUCKET/clock    seconds by which this server's clock is wrong
    GET  /_double/BUCKET/log      a line for each request: operation, key, status, connection, If-None-Match
    GET  /_double/BUCKET/wait/WHAT/N   answers when WHAT (stalled, abandoned) has happened N times
    GET  /_double/health
"""

import argparse
import base64
import email.utils
import hashlib
import hmac
import http.server
import json
import select
import socket
import ssl
import struct
import threading
import time
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

MAXIMUM_SKEW = 15 * 60


class Refusal(Exception):
    def __init__(self, status, code, message="", headers=()):
        super().__init__(code)
        self.status, self.code, self.message, self.headers = status, code, message, dict(headers)


class Answer:
    def __init__(self, status=200, body=b"", headers=(), length=None):
        self.status, self.body, self.headers = status, body, dict(headers)
        # HEAD tells a length without a body.
        self.length = len(body) if length is None else length


class Fault:
    """{"operation": "GET", "nth": 1, "times": 1, "kind": ..., ...}: befalls the nth matching request and those after it,
    `times` in all (0: for ever). "operation" may be "*"; "key" is the key's beginning.

    Before anything is done: status (with status, code, message, retry_after, region), reset, stall.
    After it was done: done_but_status (likewise), done_but_reset.
    In the answer: truncate, stall_body, reset_body, corrupt, duplicate, error_in_200.
    In what the server can do: no_conditions (501), ignore_conditions, ignore_range, range_as_200, shifted_range,
    stale_list, ignore_start_after, ignore_prefix, bare_list.
    """

    def __init__(self, rule):
        self.rule = rule
        self.kind = rule["kind"]
        self.seen = 0

    def befalls(self, operation, key):
        if self.rule.get("operation", "*") not in ("*", operation) or not key.startswith(self.rule.get("key", "")):
            return False
        self.seen += 1
        first, times = self.rule.get("nth", 1), self.rule.get("times", 1)
        return self.seen >= first and (times == 0 or self.seen < first + times)

    def refusal(self):
        headers = {}
        if "retry_after" in self.rule:
            headers["Retry-After"] = self.rule["retry_after"]
        if "region" in self.rule:
            headers["x-amz-bucket-region"] = self.rule["region"]
        return Refusal(self.rule["status"], self.rule.get("code", ""), self.rule.get("message", ""), headers)


class Bucket:
    """A bucket, or one that could be made, with what goes wrong in it."""

    def __init__(self):
        self.exists = False
        self.objects = {}
        self.condition = threading.Condition()
        self.faults = []
        self.log = []
        self.counts = {"stalled": 0, "abandoned": 0}
        self.skew = 0.0
        # Keys in the order of their PUTs.
        self.recent = []

    def now(self):
        return time.time() + self.skew

    def kinds(self, operation, key):
        with self.condition:
            return {fault.kind: fault for fault in self.faults if fault.befalls(operation, key)}

    def count(self, what):
        with self.condition:
            self.counts[what] += 1
            self.condition.notify_all()

    def wait(self, what, number):
        with self.condition:
            return self.condition.wait_for(lambda: self.counts[what] >= number, timeout=30)


class State:
    def __init__(self, arguments):
        self.arguments = arguments
        self.lock = threading.Lock()
        self.buckets = {}

    def bucket(self, name):
        with self.lock:
            return self.buckets.setdefault(name, Bucket())


def xml_error(refusal, resource):
    region = refusal.headers.get("x-amz-bucket-region")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error>'
        f"<Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message>"
        + (f"<Region>{escape(region)}</Region>" if region else "")
        + f"<Resource>{escape(resource)}</Resource><RequestId>1</RequestId></Error>"
    ).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    state = None

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(self.bucket.now(), usegmt=True)

    def handle_any(self):
        self.body = b""
        self.bucket = Bucket()
        path, _, self.query_text = self.path.partition("?")
        if path.startswith("/_double/"):
            self.read_body()
            self.control(path.split("/")[2:])
            return
        self.operation, self.key, self.kinds = self.command, "", {}
        try:
            answer = self.answer(path)
        except Refusal as refusal:
            headers = {"Content-Type": "application/xml", **refusal.headers}
            body = xml_error(refusal, path) if refusal.code else b""
            answer = Answer(refusal.status, body, headers)
        if answer:
            self.send(answer)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_any

    # Control

    def control(self, words):
        status, text = 200, ""
        if words[0] != "health":
            self.bucket = self.state.bucket(words[0])
            status, text = self.control_bucket(words[1:])
        self.send(Answer(status, text.encode()), is_logged=False)

    def control_bucket(self, words):
        bucket = self.bucket
        if words[0] == "wait":
            return (200 if bucket.wait(words[1], int(words[2])) else 504), ""
        with bucket.condition:
            if words[0] == "faults":
                bucket.faults = [Fault(rule) for rule in json.loads(self.body)]
                bucket.log.clear()
            elif words[0] == "clock":
                bucket.skew = float(self.body)
            elif words[0] == "log":
                return 200, "".join("\t".join(line) + "\n" for line in bucket.log)
            else:
                return 404, ""
        return 200, ""

    # Sending

    def send(self, answer, is_logged=True):
        body, kinds = answer.body, self.kinds if is_logged else {}
        if is_logged:
            self.record(answer.status)
        if "corrupt" in kinds and body:
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1:]
        head = f"HTTP/1.1 {answer.status} Whatever\r\nDate: {self.date_time_string()}\r\n"
        head += f"Content-Length: {answer.length}\r\nx-amz-request-id: 1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items()) + "\r\n"
        payload = b"" if self.command == "HEAD" else body
        half = head.encode() + payload[: len(payload) // 2]
        if "truncate" in kinds:
            self.wfile.write(half)
            self.close_connection = True
        elif "reset_body" in kinds:
            self.wfile.write(half)
            self.reset()
        elif "stall_body" in kinds:
            self.wfile.write(half)
            self.stall()
        else:
            # In one piece: the second answer is there before the first has been taken.
            self.wfile.write((head.encode() + payload) * (2 if "duplicate" in kinds else 1))

    def record(self, status):
        words = (
            self.operation, self.key, str(status), str(self.client_address[1]), self.headers.get("If-None-Match", "-"),
        )
        with self.bucket.condition:
            self.bucket.log.append(words)

    def reset(self):
        """RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def stall(self):
        """Nothing more, until the other side gives up."""
        self.bucket.count("stalled")
        while True:
            readable, _, _ = select.select([self.connection], [], [], 60)
            try:
                if not readable or not self.connection.recv(1 << 16):
                    break
            except OSError:
                break
        self.bucket.count("abandoned")
        self.close_connection = True

    # Receiving

    def read_body(self):
        if self.headers.get("Transfer-Encoding"):
            raise Refusal(501, "NotImplemented", "Transfer-Encoding")
        length = self.headers.get("Content-Length")
        if length is None:
            if self.command == "PUT":
                raise Refusal(411, "MissingContentLength")
            return
        self.body = self.rfile.read(int(length))

    def answer(self, path):
        self.read_body()
        for name in set(self.headers.keys()):
            if len(self.headers.get_all(name)) != 1:
                raise Refusal(400, "InvalidRequest", f"{name} stands twice")
        if self.headers.get("Expect"):
            raise Refusal(417, "ExpectationFailed")
        host = self.headers.get("Host", "").split(":")[0]
        if host.endswith(".localhost"):
            name, key = host.removesuffix(".localhost"), path[1:]
        else:
            name, _, key = path[1:].partition("/")
        self.name, self.key = unquote(name), unquote(key)
        self.bucket = self.state.bucket(self.name)
        query = self.parsed_query()
        if self.command == "GET" and not key:
            self.operation = "LIST"
        self.kinds = self.bucket.kinds(self.operation, self.key or dict(query).get("prefix", ""))
        if "reset" in self.kinds:
            self.record(0)
            return self.reset()
        if "stall" in self.kinds:
            self.record(0)
            return self.stall()
        self.authenticate(path, query)
        if "status" in self.kinds:
            raise self.kinds["status"].refusal()
        try:
            done = self.perform(dict(query))
        except Refusal as refusal:
            done = refusal
        if "done_but_status" in self.kinds:
            raise self.kinds["done_but_status"].refusal()
        if "done_but_reset" in self.kinds:
            self.record(0)
            return self.reset()
        if "error_in_200" in self.kinds:
            raise Refusal(200, "InternalError", "we encountered an internal error, please try again")
        if isinstance(done, Refusal):
            raise done
        return done

    def parsed_query(self):
        pairs = []
        for text in filter(None, self.query_text.split("&")):
            name, equals, value = text.partition("=")
            if not equals:
                raise Refusal(400, "InvalidArgument", "a query key without =")
            pairs.append((unquote(name), unquote(value)))
        return pairs

    # Signature V4, from its description

    def authenticate(self, path, query):
        arguments, headers = self.state.arguments, self.headers
        authorization = headers.get("Authorization", "")
        scheme, _, rest = authorization.partition(" ")
        if scheme != "AWS4-HMAC-SHA256":
            raise Refusal(403, "AccessDenied", "the request is not signed")
        fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
        if set(fields) != {"Credential", "SignedHeaders", "Signature"}:
            raise Refusal(400, "AuthorizationHeaderMalformed")
        scope = fields["Credential"].split("/")
        timestamp = headers.get("x-amz-date", "")
        if scope[0] != arguments.key:
            raise Refusal(403, "InvalidAccessKeyId", "the access key id you provided does not exist in our records")
        if scope[1:] != [timestamp[:8], arguments.region, "s3", "aws4_request"]:
            raise Refusal(
                400, "AuthorizationHeaderMalformed", f"the region is wrong; expecting '{arguments.region}'",
                {"x-amz-bucket-region": arguments.region})
        if (headers.get("x-amz-security-token") or "") != arguments.token:
            raise Refusal(403, "InvalidToken", "the provided token is malformed or otherwise invalid")
        self.check_clock(timestamp)
        expected = self.signature(path, query, timestamp, scope, fields["SignedHeaders"])
        if not hmac.compare_digest(expected, fields["Signature"]):
            raise Refusal(403, "SignatureDoesNotMatch", "the request signature we calculated does not match")
        self.check_payload()

    def check_clock(self, timestamp):
        try:
            signed = time.mktime(time.strptime(timestamp, "%Y%m%dT%H%M%SZ")) - time.timezone
        except ValueError:
            raise Refusal(403, "AccessDenied", "x-amz-date is malformed") from None
        if abs(signed - self.bucket.now()) > MAXIMUM_SKEW:
            raise Refusal(403, "RequestTimeTooSkewed", "the difference between the times is too large")

    def signature(self, path, query, timestamp, scope, signed_headers):
        names = signed_headers.split(";")
        required = {"host"} | {
            name.lower() for name in self.headers.keys() if name.lower().startswith("x-amz-") or name.lower() == "content-md5"
        }
        if names != sorted(set(names)) or not required <= set(names):
            raise Refusal(403, "AccessDenied", "there were headers present which were not signed")
        if quote(unquote(path), safe="/~") != path:
            raise Refusal(400, "InvalidURI", "the path is not encoded as it is signed")
        pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in query)
        lines = "".join(f"{name}:{' '.join((self.headers.get(name) or '').split())}\n" for name in names)
        canonical = "\n".join([
            self.command, path, "&".join(f"{name}={value}" for name, value in pairs), lines, signed_headers,
            self.headers.get("x-amz-content-sha256", ""),
        ])
        key = ("AWS4" + self.state.arguments.secret).encode()
        for part in scope[1:]:
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        text = "\n".join([
            "AWS4-HMAC-SHA256", timestamp, "/".join(scope[1:]), hashlib.sha256(canonical.encode()).hexdigest(),
        ])
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def check_payload(self):
        if self.headers.get("x-amz-content-sha256") != hashlib.sha256(self.body).hexdigest():
            raise Refusal(400, "XAmzContentSHA256Mismatch", "the x-amz-content-sha256 is not that of what was received")
        if self.command != "PUT" or not self.key:
            return
        for name, algorithm in (("Content-MD5", hashlib.md5), ("x-amz-checksum-sha256", hashlib.sha256)):
            given = self.headers.get(name)
            if given is None:
                raise Refusal(400, "InvalidRequest", f"{name} is missing")
            if given != base64.b64encode(algorithm(self.body).digest()).decode():
                raise Refusal(400, "BadDigest", f"{name} is not that of what was received")

    # Operations

    def perform(self, query):
        bucket = self.bucket
        with bucket.condition:
            if self.command == "PUT" and not self.key:
                bucket.exists = True
                return Answer()
            if not bucket.exists:
                raise Refusal(404, "NoSuchBucket", "the specified bucket does not exist")
            if self.operation == "LIST":
                return self.list(bucket.objects, query)
            if query:
                raise Refusal(501, "NotImplemented", "a query on an object")
            if self.command == "PUT":
                return self.put(bucket.objects)
            if self.command == "DELETE":
                bucket.objects.pop(self.key, None)
                return Answer(204)
            return self.get(bucket.objects)

    def put(self, objects):
        condition = self.headers.get("If-None-Match")
        if condition is not None and "no_conditions" in self.kinds:
            raise Refusal(501, "NotImplemented", "a header you provided implies functionality that is not implemented")
        if condition not in (None, "*"):
            raise Refusal(501, "NotImplemented", "If-None-Match")
        if condition and self.key in objects and "ignore_conditions" not in self.kinds:
            raise Refusal(412, "PreconditionFailed", "at least one of the pre-conditions you specified did not hold")
        objects[self.key] = self.body
        self.bucket.recent.append(self.key)
        return Answer(headers={"ETag": f'"{hashlib.md5(self.body).hexdigest()}"'})

    def get(self, objects):
        if self.key not in objects:
            raise Refusal(404, "NoSuchKey" if self.command == "GET" else "", "the specified key does not exist")
        data = objects[self.key]
        headers = {"ETag": f'"{hashlib.md5(data).hexdigest()}"', "Accept-Ranges": "bytes"}
        if self.command == "HEAD":
            return Answer(200, b"", headers, length=len(data))
        field = self.headers.get("Range")
        if field is None or "ignore_range" in self.kinds:
            if self.headers.get("x-amz-checksum-mode") == "ENABLED":
                headers["x-amz-checksum-sha256"] = base64.b64encode(hashlib.sha256(data).digest()).decode()
            return Answer(200, data, headers)
        first, end = self.bounds(field, len(data))
        if "shifted_range" in self.kinds:
            first, end = first + 1, min(end + 1, len(data))
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(data)}"
        return Answer(200 if "range_as_200" in self.kinds else 206, data[first:end], headers)

    @staticmethod
    def bounds(field, size):
        first, _, last = field.removeprefix("bytes=").partition("-")
        if not field.startswith("bytes=") or "," in field or not (first or last):
            raise Refusal(400, "InvalidArgument", "Range")
        if not first:
            first, end = max(0, size - int(last)), size
        else:
            first, end = int(first), min(int(last) + 1 if last else size, size)
        if first >= size:
            raise Refusal(416, "InvalidRange", "the requested range is not satisfiable", {"Content-Range": f"bytes */{size}"})
        return first, end

    def list(self, objects, query):
        unknown = set(query) - {"list-type", "max-keys", "encoding-type", "prefix", "start-after", "continuation-token"}
        if unknown or query.get("list-type") != "2" or query.get("encoding-type") not in (None, "url"):
            raise Refusal(501, "NotImplemented", f"a list with {sorted(unknown)}")
        prefix = "" if "ignore_prefix" in self.kinds else query.get("prefix", "")
        after = "" if "ignore_start_after" in self.kinds else query.get("start-after", "")
        if "continuation-token" in query:
            after = base64.b64decode(query["continuation-token"]).decode()
        hidden = self.bucket.recent[-self.kinds["stale_list"].rule.get("lacking", 1):] if "stale_list" in self.kinds else []
        keys = sorted(key for key in objects if key.startswith(prefix) and key > after and key not in hidden)
        limit = min(int(query.get("max-keys", 1000)), 1000)
        return Answer(200, self.list_document(objects, keys, limit, query), {"Content-Type": "application/xml"})

    def list_document(self, objects, keys, limit, query):
        is_bare = "bare_list" in self.kinds
        page = keys[:limit]
        text = '<?xml version="1.0" encoding="UTF-8"?>\n'
        text += '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        text += f"<Name>{escape(self.name)}</Name><MaxKeys>{limit}</MaxKeys>"
        text += "" if is_bare else f"<KeyCount>{len(page)}</KeyCount>"
        text += f"<IsTruncated>{'true' if len(keys) > limit else 'false'}</IsTruncated>"
        for key in page:
            shown = quote(key) if query.get("encoding-type") else escape(key)
            tag = hashlib.md5(objects[key]).hexdigest()
            tag = tag if is_bare else f"&quot;{tag}&quot;"
            text += f"<Contents><Key>{shown}</Key><ETag>{tag}</ETag><Size>{len(objects[key])}</Size></Contents>"
        if len(keys) > limit:
            token = base64.b64encode(page[-1].encode()).decode()
            text += f"<NextContinuationToken>{token}</NextContinuationToken>"
        if query.get("encoding-type"):
            text += "<EncodingType>url</EncodingType>"
        return (text + "</ListBucketResult>").encode()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        # Connections that are reset or abandoned are what this server is for.
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--token", default="")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--certificate")
    parser.add_argument("--control-port", type=int, help="plain HTTP beside TLS, for the control")
    arguments = parser.parse_args()
    Handler.state = State(arguments)
    server = Server(("127.0.0.1", arguments.port), Handler)
    if arguments.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        control = Server(("127.0.0.1", arguments.control_port), Handler)
        threading.Thread(target=control.serve_forever, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
