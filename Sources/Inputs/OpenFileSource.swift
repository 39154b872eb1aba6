/// The bytes of an open file from its beginning, as a source to decompress.
final class OpenFileSource<File: OpenFile>: ByteSource {
    let name: String
    private let file: File
    private var offset: UInt64 = 0

    init(_ file: File, name: String) {
        self.file = file
        self.name = name
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
        let count = try file.read(at: offset, into: buffer)
        offset += UInt64(count)
        return count
    }
}

extension OpenFile {
    /// The bytes from `offset` on, fewer than `count` only where the file ends.
    func bytes(at offset: UInt64, count: Int) throws(InputError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = try bytes.withUnsafeMutableBufferPointer { (buffer) throws(InputError) -> Int in
            try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
        }
        bytes.removeLast(count - got)
        return bytes
    }

    /// How the file is compressed, by its first bytes; a name without a compressed file's ending makes it plain.
    func compression(named path: RawPath) throws(InputError) -> Compression {
        guard Compression.endingLength(of: path.name) > 0 else { return .none }
        return Compression.detect(first: try bytes(at: 0, count: Compression.magicBytes), name: path.description)
    }

    /// Whether what is here is what the marks say, as far as they reach no further than `end`.
    func holds(_ marks: [ContentMark], upTo end: UInt64) throws(InputError) -> Bool {
        for mark in marks where mark.end <= end {
            guard let found = ContentMark(try bytes(at: mark.first, count: mark.count), endingAt: mark.end),
                found == mark
            else { return false }
        }
        return true
    }
}
