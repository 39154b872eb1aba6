import ObjectStore

extension S3Refusal {
    /// What the refusal means for who made the request. Codes come first: servers agree on them better than on
    /// statuses.
    var kind: StoreError.Kind {
        Self.kinds[code] ?? Self.kind(ofStatus: status)
    }

    private static let kinds: [String: StoreError.Kind] = {
        let codes: [(StoreError.Kind, [String])] = [
            (.notFound, ["NoSuchKey", "NoSuchVersion", "NotFound"]),
            (.rangeNotSatisfiable, ["InvalidRange"]),
            (
                .transient,
                [
                    "SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "InternalError",
                    "RequestTimeout",
                    "RequestLimitExceeded", "TooManyRequests", "Throttling", "ThrottlingException", "OperationAborted",
                    "ConditionalRequestConflict", "IncompleteBody", "ServerNotInitialized",
                    "XMinioServerNotInitialized",
                ]
            ),
            (.corrupt, ["BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "InvalidDigest"]),
            (
                .configuration,
                [
                    "NoSuchBucket", "InvalidBucketName", "SignatureDoesNotMatch", "InvalidAccessKeyId", "AccessDenied",
                    "AllAccessDisabled", "AccountProblem", "NotSignedUp", "InvalidSecurity",
                    "MissingAuthenticationToken",
                    "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidObjectState",
                    "RequestTimeTooSkewed",
                    "PermanentRedirect", "TemporaryRedirect", "Redirect", "AuthorizationHeaderMalformed",
                    "IllegalLocationConstraintException", "AuthorizationQueryParametersError",
                ]
            ),
            (
                .full,
                [
                    "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage",
                    "InsufficientCapacity", "ServiceQuotaExceededException", "StorageFull",
                ]
            ),
            (.rejected, ["NotImplemented"]),
        ]
        return Dictionary(uniqueKeysWithValues: codes.flatMap { kind, names in names.map { ($0, kind) } })
    }()

    private static func kind(ofStatus status: Int) -> StoreError.Kind {
        switch status {
        case 404, 410: .notFound
        case 416: .rangeNotSatisfiable
        case 401, 403, 300..<400, 407: .configuration
        case 507: .full
        case 501, 505: .rejected
        case 408, 425, 429, 500..<600: .transient
        // An error document inside a success, of a code unknown here.
        case 200..<300: .transient
        default: .rejected
        }
    }

    /// What to do about it, for the codes that a person can act upon.
    func hint(bucket: String, address: S3Address) -> String? {
        switch code {
        case "NoSuchBucket": return "create the bucket \(bucket) or mend its name in the configuration"
        case "InvalidBucketName": return "mend the bucket's name in the configuration"
        case "InvalidAccessKeyId": return "check the access key id: \(address.endpoint) does not know it"
        case "SignatureDoesNotMatch":
            return "check the secret access key, and that the region \(address.region) is that of \(address.endpoint)"
        case "ExpiredToken", "TokenRefreshRequired", "InvalidToken": return "renew the session's credentials"
        case "RequestTimeTooSkewed": return "set this machine's clock right"
        default: return hintByStatus(bucket: bucket, address: address)
        }
    }

    private func hintByStatus(bucket: String, address: S3Address) -> String? {
        if let region, region != address.region { return "set the region to \(region)" }
        switch (kind, status) {
        case (.configuration, 300..<400), (.configuration, 400):
            return "check the region and the endpoint \(address.endpoint)"
        case (.configuration, _): return "check the rights of this access key on the bucket \(bucket)"
        case (.full, _): return "make room at \(address.endpoint), or raise its quota"
        default: return nil
        }
    }
}
