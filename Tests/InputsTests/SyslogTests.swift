import Foundation
import Inputs
import TestSupport
import Testing

@Suite struct SyslogMessageTests {
    @Test(arguments: [
        ("<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - 'su root' failed", "mymachine.example.com"),
        ("<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time", "192.0.2.1"),
        ("<165>1 2003-08-24T05:14:15.000003-07:00 2001:db8::1 myproc 8710 - - x", "2001:db8::1"),
        ("<34>1 - - su - - -", nil),
        ("<34>Oct 11 22:14:15 mymachine su: 'su root' failed", "mymachine"),
        ("<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!", "10.0.0.99"),
        ("<13>Feb  5 17:32:18 sshd[22]: no host", nil),
        ("<13>Feb  5 17:32:18 sshd: no host", nil),
        ("<13>Feb 5 2020 17:32:18 router %SYS-5: x", "router"),
        ("<13>Feb  5 17:32:18.123 router x: y", "router"),
        ("<13>2026-11-22T18:00:00.5+01:00 web-1 app[1]: x", "web-1"),
        ("Feb  5 17:32:18 web-1 app: without a priority", "web-1"),
        ("<13>just text without anything", nil),
        ("<13>", nil), ("", nil), ("<", nil), ("<999999>Feb  5 17:32:18 web-1 x: y", nil),
        ("<34>1 2003-10-11T22:14:15.003Z ../../etc/passwd su - - - x", nil),
        ("<34>1 2003-10-11T22:14:15.003Z host", nil),
        ("<34>1 2003-10-11T22:14:15.003Z \u{1B}[31mred su - - - x", nil),
    ])
    func theHostIsTheMessagesOwn(message: String, host: String?) {
        #expect(Array(message.utf8).withUnsafeBytes { SyslogMessage.host(of: $0) } == host, "\(message)")
    }

    @Test func hostileBytesAreReadWithoutHarm() {
        for seed in 0..<200 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var bytes = Array("<34>1 2003-10-11T22:14:15.003Z host su - - - x".utf8)
            for _ in 0..<Int.random(in: 1...10, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
            let host = bytes.withUnsafeBytes { SyslogMessage.host(of: $0) }
            #expect(host.map { !$0.isEmpty && $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } } ?? true, "seed \(seed)")
        }
    }
}

@Suite struct SyslogFramerTests {
    /// Messages of `stream`, given to the framer in pieces of random lengths.
    private func messages(_ stream: [UInt8], limit: Int = 1000, _ random: inout SeededGenerator) -> ([[UInt8]], UInt64)
    {
        var framer = SyslogFramer(limit: limit)
        var found: [[UInt8]] = []
        var rest = stream[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(Int.random(in: 1...max(1, stream.count / 3), using: &random)))
            rest = rest.dropFirst(piece.count)
            piece.withUnsafeBytes { framer.take($0) { message, _ in found.append(Array(message)) } }
        }
        framer.finish { message, _ in found.append(Array(message)) }
        return (found, framer.splits)
    }

    @Test func framesOfBothKindsAreToldApartWhereverTheyAreCut() {
        for seed in 0..<500 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var (stream, wanted) = ([UInt8](), [[UInt8]]())
            for index in 0..<Int.random(in: 1...12, using: &random) {
                var message = Array("<13>message \(index) of \(seed) ".utf8)
                let isCounted = Bool.random(using: &random)
                for _ in 0..<Int.random(in: 0...60, using: &random) {
                    let byte = UInt8.random(in: 0...255, using: &random)
                    message.append(!isCounted && byte == 10 ? 11 : byte)
                }
                wanted.append(message)
                stream += isCounted ? Array("\(message.count) ".utf8) + message : message + [10]
            }
            let (found, splits) = messages(stream, &random)
            #expect(found == wanted && splits == 0, "seed \(seed)")
        }
    }

    @Test(arguments: [
        ("plain text\nmore\n", ["plain text", "more"]),
        ("12 monkeys\n2024 was a year\n7\n", ["12 monkeys", "2024 was a year", "7"]),
        ("0123456789 <x\n", ["0123456789 <x"]), ("1234567890 <x\n", ["1234567890 <x"]),
        ("5 <13>x5 <14>y", ["<13>x", "<14>y"]), ("\n\n<13>x\n\n", ["<13>x"]),
        ("6 <13>x\n<13>y\n", ["<13>x\n", "<13>y"]), ("<13>cut", ["<13>cut"]), ("9 <13>cut", ["<13>cut"]),
        ("12", ["12"]),
    ])
    func oddStreams(stream: String, wanted: [String]) {
        for seed in 0..<20 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let (found, _) = messages(Array(stream.utf8), &random)
            #expect(found.map { String(decoding: $0, as: UTF8.self) } == wanted, "seed \(seed)")
        }
    }

    @Test(arguments: [100, 101, 250, 1000])
    func aLongMessageIsSplitAndCounted(length: Int) {
        let message = Array("<13>".utf8) + [UInt8](repeating: 65, count: length - 4)
        for seed in 0..<20 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            for stream in [message + [10], Array("\(length) ".utf8) + message] {
                let (found, splits) = messages(stream + Array("<13>next\n".utf8), limit: 100, &random)
                #expect(found.dropLast().joined().elementsEqual(message), "seed \(seed)")
                #expect(found.last == Array("<13>next".utf8) && found.allSatisfy { $0.count <= 100 }, "seed \(seed)")
                #expect(splits == UInt64((length - 1) / 100), "seed \(seed)")
            }
        }
    }

    @Test func anyBytesAreSomeMessages() {
        for seed in 0..<300 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let alphabet = Array("0123456789 <\n>a".utf8)
            let stream = (0..<400).compactMap { _ in alphabet.randomElement(using: &random) }
            let (found, _) = messages(stream, limit: 16, &random)
            #expect(found.allSatisfy { 1...16 ~= $0.count }, "seed \(seed)")
        }
    }
}
