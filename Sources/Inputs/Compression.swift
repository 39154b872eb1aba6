/// How a file is compressed, told by its first bytes. The name decides only where a file ends before its magic does.
package enum Compression: Sendable, Hashable, CaseIterable {
    case none, gzip, zstd, xz, bzip2

    /// As many first bytes as `detect` looks at.
    static let magicBytes = 10

    package static func detect(first bytes: some Collection<UInt8>, name: String) -> Compression {
        let bytes = Array(bytes.prefix(magicBytes))
        for kind in allCases where kind != .none {
            if kind.matchesMagic(bytes) { return kind }
            if !bytes.isEmpty, name.hasSuffix(kind.ending), kind.mayBecomeMagic(bytes) { return kind }
        }
        return .none
    }

    package var ending: String {
        switch self {
        case .none: ""
        case .gzip: ".gz"
        case .zstd: ".zst"
        case .xz: ".xz"
        case .bzip2: ".bz2"
        }
    }

    /// What a file of this kind begins with, each place as the values that it may have.
    private var magics: [[ClosedRange<UInt8>]] {
        func exactly(_ bytes: UInt8...) -> [ClosedRange<UInt8>] { bytes.map { $0...$0 } }
        let bzip2 = exactly(0x42, 0x5A, 0x68) + [0x31...0x39]
        switch self {
        case .none: return []
        case .gzip: return [exactly(0x1F, 0x8B, 0x08)]  // RFC 1952, section 2.3.1
        case .zstd:  // RFC 8878, sections 3.1.1 and 3.1.2: a frame, or a skippable one
            return [exactly(0x28, 0xB5, 0x2F, 0xFD), [0x50...0x5F] + exactly(0x2A, 0x4D, 0x18)]
        case .xz: return [exactly(0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00)]  // The .xz File Format 1.1, section 2.1.1.1
        case .bzip2:  // `BZh` is text too: so with a block's magic, or that of an empty file
            return [
                bzip2 + exactly(0x31, 0x41, 0x59, 0x26, 0x53, 0x59),
                bzip2 + exactly(0x17, 0x72, 0x45, 0x38, 0x50, 0x90),
            ]
        }
    }

    private func matchesMagic(_ bytes: [UInt8]) -> Bool {
        magics.contains { $0.count <= bytes.count && zip($0, bytes).allSatisfy { $0.contains($1) } }
    }

    private func mayBecomeMagic(_ bytes: [UInt8]) -> Bool {
        magics.contains { bytes.count < $0.count && zip($0, bytes).allSatisfy { $0.contains($1) } }
    }
}
