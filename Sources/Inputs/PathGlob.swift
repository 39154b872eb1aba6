/// A pattern of paths. `/` separates names; within a name `*`, `?` and `[...]` as in `NamePattern`; the name `**`
/// stands for any number of folders, none too; `{a,b}` for either. A name that begins with a dot is matched only
/// where the pattern has the dot, and `**` enters no such folder. A pattern without a slash is one of names in any
/// folder.
package struct PathGlob: Sendable, Hashable, CustomStringConvertible {
    enum Segment: Sendable, Hashable {
        case folders
        case name(NamePattern)
    }

    package let description: String
    /// What `{a,b}` stands for, each as the names of a path.
    let alternatives: [[Segment]]
    let isAbsolute: Bool

    /// More than anybody writes, and few enough to try one after another.
    private static let mostAlternatives = 1024
    private static let mostBytes = 4096
    /// Of all texts on the way to the alternatives: braces around one part cost time too.
    private static let mostExpandedBytes = 1 << 20

    /// Throws where the pattern is empty, too long, or holds brackets or braces without their end.
    package init(_ pattern: String) throws(InputError) {
        description = pattern
        isAbsolute = pattern.utf8.first == .slash
        do throws(PatternFailure) {
            guard 1...Self.mostBytes ~= pattern.utf8.count, !pattern.utf8.contains(0) else {
                throw PatternFailure("is empty, too long, or holds a NUL")
            }
            var expanded: [[UInt8]] = []
            var budget = Self.mostExpandedBytes
            try Self.expandBraces(Array(pattern.utf8), into: &expanded, &budget)
            let isPath = pattern.utf8.contains(.slash)
            alternatives = try expanded.map { (text) throws(PatternFailure) in
                try Self.segments(of: text, isPath: isPath)
            }
        } catch {
            throw InputError(.pattern, path: pattern, "this pattern \(error.reason)")
        }
    }

    /// `hidden`: whether names that begin with a dot match like others, as they should where something is excluded.
    package func matches(_ path: RawPath, hidden: Bool = false) -> Bool {
        let names = path.bytes.split(separator: .slash)
        return alternatives.contains { Self.match($0[...], names[...], hidden: hidden) }
    }

    /// Whether something in or below `folder` can match.
    func reaches(_ folder: RawPath) -> Bool {
        let names = folder.bytes.split(separator: .slash)
        return alternatives.contains { segments in
            segments.indices.contains { Self.match(segments[..<$0], names[...], hidden: false) }
        }
    }

    /// Whether everything below `folder` matches: the pattern ends in `**` there or above.
    func matchesAllBelow(_ folder: RawPath) -> Bool {
        let names = folder.bytes.split(separator: .slash)
        return alternatives.contains { segments in
            guard case .name(let last)? = segments.last, last.literal == nil, last.isAnyName,
                case .folders? = segments.dropLast().last
            else { return false }
            return Self.match(segments.dropLast(), names[...], hidden: true)
        }
    }

    /// Goes through the segments once, with all places in the path that those before can have led to: time is at most
    /// segments times names, however many `**` there are.
    private static func match(
        _ segments: ArraySlice<Segment>, _ names: ArraySlice<ArraySlice<UInt8>>, hidden: Bool
    ) -> Bool {
        let names = Array(names)
        var places = [true] + [Bool](repeating: false, count: names.count)
        for segment in segments {
            switch segment {
            case .folders:
                for (index, name) in names.enumerated() where places[index] {
                    if hidden || name.first != UInt8(ascii: ".") { places[index + 1] = true }
                }
            case .name(let pattern):
                for (index, name) in names.enumerated().reversed() {
                    places[index + 1] = places[index] && pattern.matches(name, hidden: hidden)
                }
                places[0] = false
            }
            guard places.contains(true) else { return false }
        }
        return places[names.count]
    }

    private static func segments(of text: [UInt8], isPath: Bool) throws(PatternFailure) -> [Segment] {
        let folders = Array("**".utf8)[...]
        var segments: [Segment] = isPath ? [] : [.folders]
        for name in text.split(separator: .slash) where name != Array(".".utf8)[...] {
            if name == folders {
                // One after another they mean no more than one, and would take time without bound.
                if segments.last != .folders { segments.append(.folders) }
            } else {
                segments.append(.name(try NamePattern(name)))
            }
        }
        // All below: any file in any of the folders.
        if segments.last == .folders { segments.append(.name(try NamePattern(Array("*".utf8)[...]))) }
        return segments
    }

    /// Writes the text with its first braces replaced by each of their parts, and so on until there are none.
    /// `budget`: bytes that these texts may still have.
    private static func expandBraces(
        _ text: [UInt8], into expanded: inout [[UInt8]], _ budget: inout Int
    ) throws(PatternFailure) {
        budget -= text.count
        guard budget >= 0, expanded.count < mostAlternatives else {
            throw PatternFailure("stands for more than \(mostAlternatives) alternatives")
        }
        guard let (parts, end) = try firstBraces(text) else { return expanded.append(text) }
        let before = text[..<(parts[0].startIndex - 1)]
        for part in parts { try expandBraces(Array([before, part, text[end...]].joined()), into: &expanded, &budget) }
    }

    /// The parts between the first `{` and its `}`, and where the text goes on after it.
    private static func firstBraces(_ text: [UInt8]) throws(PatternFailure) -> (parts: [ArraySlice<UInt8>], end: Int)? {
        var parts: [ArraySlice<UInt8>] = []
        var start = 0
        var depth = 0
        var index = 0
        while index < text.count {
            defer { index += 1 }
            switch text[index] {
            case UInt8(ascii: "\\"): index += 1
            case UInt8(ascii: "{"):
                depth += 1
                if depth == 1 { start = index + 1 }
            case UInt8(ascii: ",") where depth == 1:
                parts.append(text[start..<index])
                start = index + 1
            case UInt8(ascii: "}") where depth > 0:
                depth -= 1
                if depth == 0 { return (parts + [text[start..<index]], index + 1) }
            default: break
            }
        }
        guard depth == 0 else { throw PatternFailure("has a { without its }") }
        return nil
    }
}
