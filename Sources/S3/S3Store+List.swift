import ArchiveTypes
import HTTPTransport
package import ObjectStore

extension S3Store {
    /// A page of 1000 keys of 1024 bytes, each percent-encoded, with what servers say beside the key.
    private static let pageLimit = 8 << 20
    /// From a server that ignores `start-after`, pages are read until the wanted one comes: to 10 million keys.
    private static let pagesLimit = 10_000

    /// On servers that sort folder by folder (SeaweedFS), `after` should be a key that was listed, or end in a slash: the
    /// name of a folder without it stands there for all that is in the folder.
    package func list(prefix: String, after: String?, limit: Int) async throws(StoreError) -> ListPage {
        if let fault = ObjectKey.fault(inPrefix: prefix) {
            throw connection.storeError(.rejected, S3Operation(method: .get, title: "LIST \(prefix)"), fault)
        }
        var query = ListQuery(connection.configuration.prefix, prefix: prefix, after: after, limit: limit)
        for _ in 0..<Self.pagesLimit {
            let operation = listOperation(prefix, query)
            let response = try await success(operation)
            let answer = try parse(response, operation)
            if let page = try page(answer, query, at: connection.time(of: response), operation) { return page }
            query.token = answer.continuationToken
        }
        throw connection.storeError(
            .rejected, listOperation(prefix, query), "the server ignores start-after and lists too many keys before it")
    }

    private func listOperation(_ prefix: String, _ query: ListQuery) -> S3Operation {
        S3Operation(
            method: .get, title: "LIST \(prefix)", query: query.items, responseLimit: Self.pageLimit)
    }

    private func success(_ operation: S3Operation) async throws(StoreError) -> HTTPResponse {
        switch try await connection.perform(operation) {
        case .success(let response):
            guard let refusal = S3Refusal(insideSuccess: response) else { return response }
            throw connection.storeError(refusal, operation)
        case .refused(let refusal) where refusal.kind == .notFound: throw missingBucket(refusal, operation)
        case .refused(let refusal): throw connection.storeError(refusal, operation)
        }
    }

    private func parse(_ response: HTTPResponse, _ operation: S3Operation) throws(StoreError) -> ListAnswer {
        do throws(ListAnswer.Malformed) {
            return try ListAnswer(parsing: response.body)
        } catch {
            throw connection.storeError(
                .transient, operation, "the answer is no list of objects: \(error)",
                hint: "is \(connection.address.endpoint) an S3 server?")
        }
    }

    /// Nil where nothing of the answer is wanted and another page follows.
    private func page(
        _ answer: ListAnswer, _ query: ListQuery, at time: Nanoseconds, _ operation: S3Operation
    ) throws(StoreError) -> ListPage? {
        var entries = query.wanted(answer.entries)
        let isSorted = zip(entries, entries.dropFirst()).allSatisfy { $0.key.isBefore($1.key) }
        if !isSorted {
            // Without order, the last key of a page does not tell where the next begins.
            guard !answer.isTruncated else {
                throw connection.storeError(.rejected, operation, "the server does not list keys in byte order")
            }
            entries.sort { $0.key.isBefore($1.key) }
        }
        if entries.isEmpty, answer.isTruncated {
            guard answer.continuationToken != nil else {
                throw connection.storeError(
                    .transient, operation, "a truncated list without keys or continuation token")
            }
            return nil
        }
        return ListPage(entries: entries, isTruncated: answer.isTruncated, storeTime: time)
    }
}

/// What a list asks for, and what of the answer belongs to it: servers have ignored `start-after` and `prefix`.
private struct ListQuery {
    private let root: String
    private let prefix: String
    private let after: String?
    private let limit: Int
    var token: String?

    init(_ root: String, prefix: String, after: String?, limit: Int) {
        precondition(1...1000 ~= limit, "S3 lists 1 to 1000 keys at once")
        self.root = root
        self.prefix = prefix
        self.after = after
        self.limit = limit
    }

    var items: [(name: String, value: String)] {
        var items = [("list-type", "2"), ("max-keys", String(limit)), ("encoding-type", "url")]
        if !(root + prefix).isEmpty { items.append(("prefix", root + prefix)) }
        if let token {
            items.append(("continuation-token", token))
        } else if let after {
            items.append(("start-after", root + after))
        }
        return items.map { (name: $0.0, value: $0.1) }
    }

    /// Those under the prefix and after `after`, without the store's own prefix. What consoles make to show a folder (the
    /// prefix itself, with a slash) is no object of the archive.
    func wanted(_ entries: [ListPage.Entry]) -> [ListPage.Entry] {
        entries.compactMap { entry in
            guard entry.key.utf8.starts(with: (root + prefix).utf8) else { return nil }
            let key = String(decoding: entry.key.utf8.dropFirst(root.utf8.count), as: UTF8.self)
            guard !key.isEmpty, after.map({ $0.isBefore(key) }) ?? true else { return nil }
            return ListPage.Entry(key: key, size: entry.size)
        }
    }
}
