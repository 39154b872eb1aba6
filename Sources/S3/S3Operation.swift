import HTTPTransport

/// One request to a store before it is addressed and signed.
struct S3Operation {
    /// Of an empty body.
    static let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    var method: HTTPRequest.Method
    /// `PUT chunks/...`: for messages.
    var title: String
    /// The key with the store's prefix; nil for the bucket itself.
    var key: String?
    var query: [(name: String, value: String)] = []
    var headers: HTTPHeaders = []
    var body = HTTPRequest.Body.none
    /// Lower-case hexadecimal SHA-256 of the body.
    var payloadHash = S3Operation.emptyHash
    /// What the answer's body may bring: error documents have a bound of their own.
    var responseLimit = 64 << 10
}

enum S3Answer {
    case success(HTTPResponse)
    case refused(S3Refusal)
}
