/// HTTP/1.1 over libcurl's multi interface, on one thread of its own: callbacks, file reads and TLS never block the
/// cooperative pool. Connections are kept and used again.
///
/// Any number of tasks may send at once; `maximumTransfers` of them are under way, the others wait in order (their
/// timeouts start when they do). Cancelling the task ends its transfer and closes its connection.
package final class HTTPClient: Sendable {
    /// The most bytes of an answer that is not a success: error documents are small.
    package static let errorBodyLimit = 256 << 10

    private let loop: TransferLoop

    /// - Parameter maximumTransfers: also the most connections that are open, idle ones counted.
    package init(maximumTransfers: Int = 32) throws(HTTPFailure) {
        loop = try TransferLoop(maximumTransfers: maximumTransfers)
        try loop.start()
    }

    deinit { loop.stop() }

    /// The whole answer, whatever its status.
    package func send(_ request: HTTPRequest) async throws(HTTPFailure) -> HTTPResponse {
        try request.validate()
        let transfer = Transfer(request)
        let loop = loop
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                transfer.continuation = continuation
                loop.submit(transfer)
            }
        } onCancel: {
            loop.cancel(transfer)
        }
        return try result.get()
    }

    /// Ends what is under way (its callers get `.cancelled`) and joins the thread. Later calls of `send` fail likewise.
    package func shutdown() { loop.stop() }
}
