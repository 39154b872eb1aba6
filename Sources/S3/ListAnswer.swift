package import ObjectStore

/// The answer of ListObjectsV2
/// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html). `KeyCount` and `ETag`, in which servers
/// differ, are not looked at.
package struct ListAnswer: Sendable, Hashable {
    package private(set) var entries: [ListPage.Entry] = []
    package private(set) var isTruncated = false
    package private(set) var continuationToken: String?

    package struct Malformed: Error, CustomStringConvertible {
        package var description: String
    }

    private var areKeysEncoded = false

    package init(parsing body: [UInt8]) throws(Malformed) {
        var reader = XMLReader(body)
        var path: [String] = []
        var text = ""
        var fields: [String: String] = [:]
        do throws(XMLReader.Malformed) {
            while let event = try reader.read() {
                switch event {
                case .start(let name):
                    path.append(name)
                    text = ""
                case .text(let more): text += more
                case .end:
                    try take(path, text, &fields)
                    path.removeLast()
                    text = ""
                }
            }
        } catch {
            throw Malformed(description: error.description)
        }
        try decodeKeys()
    }

    private mutating func take(_ path: [String], _ text: String, _ fields: inout [String: String]) throws(XMLReader
        .Malformed)
    {
        guard path[0] == "ListBucketResult" else {
            throw XMLReader.Malformed(what: "<\(path[0])> instead of a list", offset: 0)
        }
        switch path.dropFirst() {
        case ["IsTruncated"]: isTruncated = text == "true"
        case ["NextContinuationToken"]: continuationToken = text
        case ["EncodingType"]: areKeysEncoded = text == "url"
        case ["Contents", "Key"], ["Contents", "Size"]: fields[path[2]] = text
        case ["Contents"]:
            guard let key = fields["Key"], let size = fields["Size"].flatMap({ UInt64($0) }) else {
                throw XMLReader.Malformed(what: "an entry without key or size", offset: 0)
            }
            entries.append(ListPage.Entry(key: key, size: size))
            fields = [:]
        default: break
        }
    }

    /// `EncodingType` may stand behind the keys that it speaks of.
    private mutating func decodeKeys() throws(Malformed) {
        guard areKeysEncoded else { return }
        for index in entries.indices {
            guard let key = PercentEncoding.decode(entries[index].key, plusIsSpace: true) else {
                throw Malformed(description: "a key that is not percent-encoded as said")
            }
            entries[index].key = key
        }
    }
}
