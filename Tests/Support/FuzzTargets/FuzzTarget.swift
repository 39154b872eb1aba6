/// One parser of bytes that nobody vouches for, and what must hold of it for any bytes.
package struct FuzzTarget: Sendable {
    package let name: String
    /// Mutated inputs that the seeded test runs: fewer where one takes long.
    package let rounds: Int
    /// Inputs that the project's own encoders make: where mutation begins.
    package let seeds: @Sendable () throws -> [[UInt8]]
    /// Throws where a property does not hold, or where a parser throws what is not an error of its own kind.
    package let body: @Sendable (UnsafeRawBufferPointer) throws -> Void

    init(
        _ name: String, rounds: Int = 1500, seeds: @escaping @Sendable () throws -> [[UInt8]],
        _ body: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) {
        self.name = name
        self.rounds = rounds
        self.seeds = seeds
        self.body = body
    }

    /// A parser of text: bytes that are not UTF-8 are replaced first, as they are for whoever calls it.
    init(
        text name: String, rounds: Int = 1500, seeds: [String], _ body: @escaping @Sendable (String) throws -> Void
    ) {
        self.init(name, rounds: rounds, seeds: { seeds.map { Array($0.utf8) } }) {
            try body(String(decoding: $0, as: UTF8.self))
        }
    }

    package static let all: [FuzzTarget] =
        archiveTypes + chunks + indexes + eventTime + inputs + spool + s3 + configuration + retrieval + wrapping
}

/// A property that does not hold.
package struct PropertyViolation: Error, CustomStringConvertible {
    package var description: String
}

func require(_ holds: Bool, _ what: @autoclosure () -> String) throws {
    if !holds { throw PropertyViolation(description: what()) }
}

/// What `body` gives; nil where it refuses with an error of the kind that it promises. Others pass through.
func unlessRefused<Value, Refusal: Error>(_: Refusal.Type, _ body: () throws -> Value) throws -> Value? {
    do { return try body() } catch is Refusal { return nil }
}

extension [UInt8] {
    func parsed<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
        try withUnsafeBytes { try body($0) }
    }
}
