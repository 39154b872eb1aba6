import ArchiveTypes

/// Reads one section of the configuration. Every key that is asked for is known; `finish` reports the others.
///
/// A scalar's environment variable, where it is set, takes the place of what the file says.
struct SectionReader {
    let reader: ConfigurationReader
    /// The section's path, as in `stores[0]`; empty for the root.
    let path: String
    /// The prefix of its variables, as in `FIRN_STORES_0`.
    let variable: String
    let place: Place
    private var entries: [YAMLTree.Entry]
    private var known: [String] = []

    init(_ tree: YAMLTree?, path: String, variable: String, place: Place, reader: ConfigurationReader) {
        (self.reader, self.path, self.variable) = (reader, path, variable)
        self.place = tree?.place ?? place
        switch tree {
        case .section(let entries, _): self.entries = entries
        case nil, .nothing: entries = []
        case .scalar, .list:
            entries = []
            reader.report(
                InvalidValue("\(tree?.kind ?? "") stands where a section of keys belongs"), key: path, at: self.place)
        }
    }

    /// Whether the file or the environment says anything about a key.
    func mentions(_ key: String) -> Bool {
        entries.contains { $0.key == key } || reader.hasVariables(in: variableName(key))
    }

    func placeOfKey(_ key: String) -> Place { entries.first { $0.key == key }?.place ?? place }

    var keysInFile: [String] { entries.map(\.key) }

    /// Nil where the key is absent or its value wrong (which is reported).
    mutating func scalar<Value>(
        _ key: String, _ parse: (String) throws(InvalidValue) -> Value
    ) -> Located<Value>? {
        known.append(key)
        return Self.scalar(
            entries.first { $0.key == key }?.value, path: pathOfKey(key), variable: variableName(key), reader: reader,
            parse)
    }

    /// The value, or `fallback` where it is absent or wrong.
    mutating func scalar<Value>(
        _ key: String, default fallback: Value, _ parse: (String) throws(InvalidValue) -> Value
    ) -> Value {
        scalar(key, parse)?.value ?? fallback
    }

    mutating func section(_ key: String) -> SectionReader {
        known.append(key)
        return SectionReader(
            entries.first { $0.key == key }?.value, path: pathOfKey(key), variable: variableName(key),
            place: placeOfKey(key), reader: reader)
    }

    /// Sections of a list; variables with the next index add one.
    mutating func sections(_ key: String) -> [SectionReader] {
        elements(key).map { element in
            SectionReader(element.tree, path: element.path, variable: element.variable, place: place, reader: reader)
        }
    }

    mutating func scalars<Value>(
        _ key: String, _ parse: (String) throws(InvalidValue) -> Value
    ) -> [Located<Value>] {
        elements(key).compactMap { element in
            Self.scalar(element.tree, path: element.path, variable: element.variable, reader: reader, parse)
        }
    }

    /// Free keys with text values. A variable names the file's key that equals it in upper case, else a lower-case one.
    mutating func texts(_ key: String) -> [(key: String, value: String, place: Place)] {
        var inner = section(key)
        let inFile = inner.keysInFile
        let added = reader.variables(in: inner.variable)
            .filter { name in !inFile.contains { $0.variablePart == name } }.map { $0.lowercased() }
        return (inFile + added).compactMap { name in
            inner.scalar(name) { (text) throws(InvalidValue) in text }.map { (name, $0.value, $0.place) }
        }
    }

    /// Reports keys that nobody asked for and that are not `alsoKnown`.
    func finish(alsoKnown: [String] = []) {
        let known = self.known + alsoKnown.filter { !self.known.contains($0) }
        for entry in entries where !known.contains(entry.key) {
            let nearest = Nearest.match(entry.key, among: known)
            let all = known.isEmpty ? "it takes no keys" : "known keys: " + known.joined(separator: ", ")
            reader.report(
                InvalidValue("unknown key \(entry.key.quoted)", hint: nearest.map { "did you mean \($0)?" } ?? all),
                key: path, at: entry.place)
        }
    }

    func report(_ key: String? = nil, _ problem: InvalidValue, at place: Place? = nil) {
        let keyPlace = key.map(placeOfKey) ?? self.place
        reader.report(problem, key: key.map(pathOfKey) ?? path, at: place ?? keyPlace)
    }

    private func pathOfKey(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    private func variableName(_ key: String) -> String { "\(variable)_\(key.variablePart)" }

    private mutating func elements(_ key: String) -> [(tree: YAMLTree?, path: String, variable: String)] {
        known.append(key)
        var trees: [YAMLTree?] = []
        switch entries.first(where: { $0.key == key })?.value {
        case .list(let elements, _): trees = elements
        case nil, .nothing: break
        case let other?:
            report(
                key, InvalidValue("\(other.kind) stands where a list belongs", hint: "begin each element with a dash"))
        }
        while reader.hasVariables(in: "\(variableName(key))_\(trees.count)") { trees.append(nil) }
        return trees.enumerated().map { index, tree in
            (tree, "\(pathOfKey(key))[\(index)]", "\(variableName(key))_\(index)")
        }
    }

    private static func scalar<Value>(
        _ tree: YAMLTree?, path: String, variable: String, reader: ConfigurationReader,
        _ parse: (String) throws(InvalidValue) -> Value
    ) -> Located<Value>? {
        guard let (text, place) = text(tree, path: path, variable: variable, reader: reader) else { return nil }
        do {
            return Located(value: try parse(text), place: place)
        } catch {
            reader.report(error, key: path, at: place)
            return nil
        }
    }

    private static func text(
        _ tree: YAMLTree?, path: String, variable: String, reader: ConfigurationReader
    ) -> (String, Place)? {
        if let text = reader.variable(variable) { return (text, .variable(variable)) }
        switch tree {
        case nil: return nil
        case .scalar(let text, let place): return (text, place)
        case let other?:
            reader.report(InvalidValue("\(other.kind) stands where a value belongs"), key: path, at: other.place)
            return nil
        }
    }
}

extension String {
    /// As part of an environment variable's name: upper-case, and `_` for what is not a letter or digit.
    fileprivate var variablePart: String {
        String(uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    }
}
