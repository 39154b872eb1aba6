import ArchiveTypes
import Glibc

extension IndexObject {
    /// Checks every byte of a whole object: what `IndexFooter.decode` checks, every frame's checksum, that each row is
    /// well formed, in its order and in its section, and that fences say of the rows what is so.
    /// - Returns: the footer and, in the order of the object, all rows.
    package static func verify(
        _ object: UnsafeRawBufferPointer, key: IndexObjectKey
    ) throws(FormatError) -> (footer: IndexFooter, rows: [IndexRow]) {
        let footer = try IndexFooter.decode(object, size: UInt64(object.count), key: key)
        var verifier = Verifier(key.kind)
        do throws(FormatError) {
            for fence in footer.frames { try verifier.add(object, fence) }
        } catch {
            throw error.within(key.description)
        }
        return (footer, verifier.rows)
    }

    private struct Verifier {
        let kind: IndexKind
        let decompressor = ZstdDecompressor()
        var reader: IndexRowReader
        var text: [UInt8] = []
        var rows: [IndexRow] = []
        var last: [UInt8] = []
        var isLong = false

        init(_ kind: IndexKind) {
            self.kind = kind
            reader = IndexRowReader(kind, BlockQuery.everything)
        }

        mutating func add(_ object: UnsafeRawBufferPointer, _ fence: IndexFence) throws(FormatError) {
            let range = Int(fence.offset)..<(Int(fence.offset) + Int(fence.length))
            try decode(UnsafeRawBufferPointer(rebasing: object[range]), fence, decompressor, into: &text)
            do throws(FormatError) {
                try checkRows(fence)
            } catch {
                throw FormatError(error.kind, at: fence.offset, error.reason)
            }
        }

        private mutating func checkRows(_ fence: IndexFence) throws(FormatError) {
            guard fence.isLong || !isLong else { throw FormatError(.damaged, at: 0, "sections are out of order") }
            if fence.isLong != isLong { last = [] }
            isLong = fence.isLong
            let before = rows.count
            let lines = text
            try lines.withRawBytes { bytes throws(FormatError) in
                try reader.read(bytes, into: &rows)
                try checkOrder(bytes, fence)
            }
            let added = rows[before...]
            guard added.count == Int(fence.rows), added.map(\.block.leastTime).min() == fence.least,
                added.map(\.block.greatestTime).max() == fence.greatest,
                kind == .host ? !fence.isLong : added.allSatisfy({ $0.isLong == fence.isLong })
            else { throw FormatError(.damaged, at: 0, "fence disagrees with its rows") }
        }

        private mutating func checkOrder(_ lines: UnsafeRawBufferPointer, _ fence: IndexFence) throws(FormatError) {
            var start = 0
            while start < lines.count {
                let end = try IndexRowReader.lineEnd(lines, from: start)
                let row = UnsafeRawBufferPointer(rebasing: lines[start...end])
                let key = row[..<(try RowColumns(row, kind).keyLength)]
                guard last.isEmpty || last.lexicographicallyPrecedes(row),
                    start > 0 || key.elementsEqual(fence.firstKey),
                    end + 1 < lines.count || key.elementsEqual(fence.lastKey)
                else { throw FormatError(.damaged, at: 0, "rows of the index are out of order") }
                last = Array(row)
                start = end + 1
            }
        }
    }
}
