import ArchiveTypes
import Checksums

/// `firn.json`: what a store says of itself. The same bytes whoever writes it.
package struct ArchiveDescription: Sendable, Hashable {
    package static let version = 1
    /// The archive's name, `[a-z0-9-]`.
    package var archive: String

    package init(archive: String) { self.archive = archive }

    /// One line of JSON; `sha256` is that of the line without that member.
    package func encoded() -> [UInt8] {
        let content = #""archive":"\#(archive)","format":\#(Self.version)"#
        let digest = hex(sha256(Array("{\(content)}".utf8)))
        return Array("{\(content),\"sha256\":\"\(digest)\"}\n".utf8)
    }

    /// Reads exactly what `encoded` writes.
    package static func decode(_ bytes: [UInt8]) throws(FormatError) -> ArchiveDescription {
        let text = String(decoding: bytes, as: UTF8.self)
        let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
        guard parts.count > 6, parts[1] == "archive", parts[3].utf8.allSatisfy({ $0.isKeyCharacter }) else {
            throw FormatError(.damaged, at: 0, "firn.json does not name its archive")
        }
        guard parts[5] == "format", parts[6].hasPrefix(":\(version),") else {
            throw FormatError(.unsupported, at: 0, "firn.json is of another format than \(version); update firn")
        }
        let description = ArchiveDescription(archive: String(parts[3]))
        guard description.encoded() == bytes else {
            throw FormatError(.damaged, at: 0, "firn.json is damaged: its digest does not match")
        }
        return description
    }
}
