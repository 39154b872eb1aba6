import Inputs
import TestSupport
import Testing

/// Gives bytes in reads of random length, then fails or ends.
private final class ScriptedSource: ByteSource {
    let name = "scripted"
    private var rest: ArraySlice<UInt8>
    private let failure: InputError?
    private var generator: SeededGenerator
    private(set) var given = 0

    init(_ bytes: [UInt8], failure: InputError? = nil, seed: UInt64) {
        rest = bytes[...]
        self.failure = failure
        generator = SeededGenerator(seed: seed)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
        precondition(!buffer.isEmpty)
        if rest.isEmpty, let failure { throw failure }
        let count = min(rest.count, Int.random(in: 1...buffer.count, using: &generator))
        buffer.copyBytes(from: rest.prefix(count))
        rest = rest.dropFirst(count)
        given += count
        return count
    }
}

@Suite struct LineChunkerTests {
    /// What must hold of any pieces of `bytes`, told from the bytes alone.
    private func check(_ pieces: [(Piece, [UInt8])], of bytes: [UInt8], most: Int, seed: UInt64) {
        var position = 0
        for (index, (piece, content)) in pieces.enumerated() {
            let end = position + content.count
            let context: Comment = "seed \(seed), piece \(index) of \(pieces.count), most \(most)"
            #expect(piece.first == UInt64(position) && piece.count == content.count, context)
            #expect(content.count > 0 && content.count <= most, context)
            #expect(content[...] == bytes[position..<min(end, bytes.count)], context)
            #expect(piece.startsInsideLine == (position > 0 && bytes[position - 1] != 10), context)
            #expect(piece.endsInsideLine == (end < bytes.count && bytes[end - 1] != 10), context)
            #expect(piece.isLast == (end == bytes.count), context)
            // A line is cut only where a whole piece has room for nothing else.
            if piece.endsInsideLine { #expect(content.count == most && !content.contains(10), context) }
            // As long as fits: the next line would not have.
            if !piece.endsInsideLine, end < bytes.count {
                let newline = bytes[end...].firstIndex(of: 10)
                // A last line without newline that just fits is not known to be the last.
                #expect((newline ?? bytes.count) - position >= most, context)
            }
            position = end
        }
        #expect(position == bytes.count, "seed \(seed)")
    }

    private func cut(_ source: any ByteSource, most: Int) -> (pieces: [(Piece, [UInt8])], error: InputError?) {
        var chunker = LineChunker(source, pieceBytes: most)
        var pieces: [(Piece, [UInt8])] = []
        var buffer: [UInt8] = []
        do throws(InputError) {
            while let piece = try chunker.next(into: &buffer) { pieces.append((piece, buffer)) }
            #expect(buffer.isEmpty)
            return (pieces, nil)
        } catch {
            return (pieces, error)
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>) func cutsAnything(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let longest = [0, 1, 3, 20, 300].randomElement(using: &generator)!
        var bytes = randomLines(Int.random(in: 0...40, using: &generator), longest: longest, using: &generator)
        bytes.removeLast(min(bytes.count, Int.random(in: 0...2, using: &generator)))
        let most = Int.random(in: 1...64, using: &generator)
        let source = ScriptedSource(bytes, seed: seed)
        let (pieces, error) = cut(source, most: most)
        check(pieces, of: bytes, most: most, seed: seed)
        #expect(error == nil)
        #expect(source.given == bytes.count, "every byte is read once")
    }

    @Test(arguments: 0..<50 as Range<UInt64>) func deliversAllBeforeAnError(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let bytes = Array(randomLines(20, longest: 30, using: &generator).dropLast(Int(seed % 4)))
        let failure = InputError(.failed, path: "scripted", offset: 7, "broken")
        let (pieces, error) = cut(ScriptedSource(bytes, failure: failure, seed: seed), most: 50)
        check(pieces, of: bytes, most: 50, seed: seed)
        #expect(error == failure)
    }

    @Test func passesALineOfManyPiecesThroughWhole() {
        let line = [UInt8](repeating: 0, count: 500_000)
        let bytes = Array("first\n".utf8) + line + Array("\nlast".utf8)
        let source = ScriptedSource(bytes, seed: 1)
        let (pieces, _) = cut(source, most: 1 << 13)
        check(pieces, of: bytes, most: 1 << 13, seed: 1)
        #expect(source.given == bytes.count)
    }
}
