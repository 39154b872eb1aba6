/// Sizes with units: `10GiB`, `64MiB`, `500MB`. Binary units are powers of 1024, decimal ones of 1000.
package enum ByteSize {
    private static let units = [
        Unit(name: "TiB", factor: 1 << 40), Unit(name: "GiB", factor: 1 << 30), Unit(name: "MiB", factor: 1 << 20),
        Unit(name: "KiB", factor: 1 << 10), Unit(name: "TB", factor: 1_000_000_000_000),
        Unit(name: "GB", factor: 1_000_000_000), Unit(name: "MB", factor: 1_000_000), Unit(name: "kB", factor: 1000),
        Unit(name: "KB", factor: 1000), Unit(name: "B", factor: 1),
    ]

    /// Bytes of a whole number and a unit, at most one space between them.
    package static func parse(_ text: String) throws(InvalidValue) -> Int {
        guard let (digits, attached, rest) = splitNumber(text[...]) else { throw notASize(text) }
        var name = attached
        if attached.isEmpty, rest.first == " " {
            name = rest.dropFirst()
        } else if !rest.isEmpty {
            throw notASize(text)
        }
        guard !name.isEmpty else {
            throw InvalidValue("\(text.quoted) has no unit", hint: "write \(digits)B, \(digits)KiB or \(digits)MiB")
        }
        guard let unit = units.first(where: { $0.name == name }) else { throw unknownUnit(name, after: digits) }
        guard let bytes = multiply(digits, by: unit.factor) else {
            throw InvalidValue("\(text.quoted) exceeds 63 bits of bytes")
        }
        return Int(bytes)
    }

    /// The shortest text that `parse` reads as exactly `bytes`, which is not negative.
    package static func text(_ bytes: Int) -> String {
        let fitting = units.filter { bytes > 0 && Int64(bytes) % $0.factor == 0 }
        guard let unit = fitting.max(by: { $0.factor < $1.factor }) else { return "0B" }
        return "\(Int64(bytes) / unit.factor)\(unit.name)"
    }

    private static func notASize(_ text: String) -> InvalidValue {
        InvalidValue("\(text.quoted) is not a size", hint: "write a whole number and a unit, as in 64MiB")
    }

    private static func unknownUnit(_ name: Substring, after digits: Substring) -> InvalidValue {
        let nearest = Nearest.match(String(name), among: units.map(\.name)) ?? "MiB"
        return InvalidValue("\(String(name).quoted) is not a unit of size", hint: "did you mean \(digits)\(nearest)?")
    }
}
