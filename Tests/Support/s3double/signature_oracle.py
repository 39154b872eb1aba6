"""Signs requests with botocore, for comparison: one JSON object a line in, one Authorization value a line out.

Each has: method, url (scheme and host), path and query (not encoded), headers, payload_hash, region, id, secret, token,
timestamp (YYYYMMDDTHHMMSSZ).
"""

import json
import sys
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class Signer(S3SigV4Auth):
    """botocore's own, with the digest of the body given instead of computed."""

    def __init__(self, payload_hash, *arguments):
        super().__init__(*arguments)
        self.payload_hash = payload_hash

    def payload(self, request):
        return self.payload_hash


def authorization(line):
    given = json.loads(line)
    request = AWSRequest(
        method=given["method"],
        url=given["url"] + quote(given["path"], safe="/~"),
        params=[tuple(pair) for pair in given["query"]],
    )
    for name, value in given["headers"]:
        request.headers.add_header(name, value)
    signer = Signer(
        given["payload_hash"],
        Credentials(given["id"], given["secret"], given["token"]),
        "s3", given["region"],
    )
    request.context["timestamp"] = given["timestamp"]
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    signer._inject_signature_to_request(request, signature)
    return request.headers["Authorization"]


for text in sys.stdin:
    print(authorization(text), flush=True)
