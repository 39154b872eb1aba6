import Foundation
import Inputs
import TestSupport
import Testing

@Suite struct JournalExportTests {
    /// Entries that `bytes`, given in pieces of random lengths, complete.
    private func entries(_ bytes: [UInt8], seed: UInt64 = 0) -> [JournalExportParser.Entry] {
        var random = SeededGenerator(seed: seed)
        var parser = JournalExportParser()
        var found: [JournalExportParser.Entry] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(Int.random(in: 1...(seed % 2 == 0 ? 50 : 100_000), using: &random)))
            rest = rest.dropFirst(piece.count)
            piece.withUnsafeBytes { parser.take($0) { found.append($0) } }
        }
        return found
    }

    private func binary(_ name: String, _ value: [UInt8]) -> [UInt8] {
        Array("\(name)\n".utf8) + withUnsafeBytes(of: UInt64(value.count).littleEndian) { Array($0) } + value + [10]
    }

    @Test func anEntryBecomesALine() {
        let text = "__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1700000000123456\nMESSAGE=say \"hi\"\\ \t\u{1}é\n"
        let bytes =
            Array(text.utf8) + binary("MULTI", Array("a\nb".utf8)) + binary("RAW", [0xFF, 0])
            + Array("TAG=1\nTAG=2\n\n".utf8)
        let line =
            #"{"time":"2023-11-14T22:13:20.123456Z","__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1700000000123456","#
            + #""MESSAGE":"say \"hi\"\\ \t\u0001é","MULTI":"a\nb","RAW":[255,0],"TAG":["1","2"]}"# + "\n"
        for seed in 0..<50 as Range<UInt64> {
            let found = entries(bytes + bytes + Array("__CURSOR=cut\nMESSAGE=of".utf8), seed: seed)
            #expect(found.map { String(decoding: $0.line, as: UTF8.self) } == [line, line], "seed \(seed)")
            #expect(found.map(\.cursor) == [Array("s=1;i=2".utf8), Array("s=1;i=2".utf8)], "seed \(seed)")
        }
    }

    /// Foundation's JSON reader gets back what went in.
    @Test func randomEntriesAreReadBack() throws {
        for seed in 0..<100 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var bytes = Array("__CURSOR=c\n".utf8)
            var wanted: [String: [UInt8]] = ["__CURSOR": Array("c".utf8)]
            for index in 0..<Int.random(in: 1...20, using: &random) {
                let isText = Bool.random(using: &random)
                let value = (0..<Int.random(in: 0...200, using: &random)).map { _ in
                    UInt8.random(in: isText ? 0...127 : 0...255, using: &random)
                }
                wanted["F\(index)"] = value
                bytes +=
                    value.contains(10) || !isText ? binary("F\(index)", value) : Array("F\(index)=".utf8) + value + [10]
            }
            let found = entries(bytes + [10], seed: seed)
            let line = Data(try #require(found.first).line)
            let object = try #require(try JSONSerialization.jsonObject(with: line) as? [String: Any], "seed \(seed)")
            #expect(object.count == wanted.count && found.count == 1, "seed \(seed)")
            for (name, value) in wanted {
                let text = (object[name] as? String).map { Array($0.utf8) }
                let numbers = (object[name] as? [Int])?.map { UInt8(clamping: $0) }
                #expect((text ?? numbers) == value, "seed \(seed): \(name)")
            }
        }
    }

    @Test func whatIsTooLongIsNull() {
        let long = [UInt8](repeating: 65, count: JournalExportParser.fieldBytes + 1)
        let bytes =
            Array("__CURSOR=c\nA=".utf8) + long + [10] + binary("B", long) + Array("C=x\n\n__CURSOR=d\nC=y\n\n".utf8)
        for seed in 0..<10 as Range<UInt64> {
            let found = entries(bytes, seed: seed)
            #expect(
                found.map { String(decoding: $0.line, as: UTF8.self) } == [
                    #"{"__CURSOR":"c","A":null,"B":null,"C":"x"}"# + "\n", #"{"__CURSOR":"d","C":"y"}"# + "\n",
                ], "seed \(seed)")
        }
    }

    @Test func entriesAreBounded() throws {
        var bytes = Array("__CURSOR=c\n".utf8)
        let value = [UInt8](repeating: 65, count: 200_000)
        for index in 0..<50 { bytes += Array("F\(index)=".utf8) + value + [10] }
        let entry = try #require(entries(bytes + [10], seed: 1).first)
        #expect(entry.line.count < JournalExportParser.entryBytes + 10_000)
    }

    @Test func hostileBytesDoNoHarm() {
        for seed in 0..<200 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let alphabet = Array("__CURSOR=x\n\nA\0\u{1}".utf8) + [255]
            let found = entries((0..<2000).compactMap { _ in alphabet.randomElement(using: &random) }, seed: seed)
            #expect(found.allSatisfy { $0.line.last == 10 && !$0.line.dropLast().contains(10) }, "seed \(seed)")
        }
    }
}
