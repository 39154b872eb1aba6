/// What changes from one line to the next.
enum Field {
    case time, host
    /// Of the session (client, request, transaction) that the line belongs to.
    case ip, user, fingerprint, agent, referrer, trace, span, pid, thread, port
    /// Fixed where the program writes its record: the same at each call site.
    case path, service, method, table, query, module, source, topic, trail
    /// Of the session too, or one of a vocabulary, skewed.
    case block, node, status
    /// `{int:N}`: uniform below N. `{size:BITS}`, `{ms:BITS}`: heavy-tailed. `{hex:N}`: N random digits.
    case int, size, ms, hex
    /// A number that grows from line to line.
    case sequence
}

/// A record's text, split into what stays and what changes.
struct Template {
    enum Piece {
        case literal([UInt8])
        case field(Field, argument: Int)
    }

    let pieces: [Piece]
    let weight: Double

    /// `text` holds fields in braces (`{ip}`, `{int:100}`); a brace that names no field stands for itself.
    init(_ weight: Double, _ text: String) {
        self.weight = weight
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        var rest = text[...]
        while let character = rest.first {
            if character == "{", let end = rest.firstIndex(of: "}"),
                let field = Template.field(rest[rest.index(after: rest.startIndex)..<end])
            {
                if !literal.isEmpty { pieces.append(.literal(literal)) }
                literal = []
                pieces.append(field)
                rest = rest[rest.index(after: end)...]
            } else {
                literal += Array(String(character).utf8)
                rest = rest.dropFirst()
            }
        }
        literal.append(0x0A)
        pieces.append(.literal(literal))
        self.pieces = pieces
    }

    /// The record as one place in a program writes it: what is fixed there is drawn now.
    func callSite(_ vocabulary: Vocabulary, _ random: inout Random) -> Template {
        var fixed: [Piece] = []
        var literal: [UInt8] = []
        for piece in pieces {
            switch piece {
            case .literal(let bytes): literal += bytes
            case .field(let field, _):
                if let words = vocabulary.fixedWords(field) {
                    literal += words[words.index(&random)]
                } else {
                    fixed += [.literal(literal), piece]
                    literal = []
                }
            }
        }
        return Template(pieces: fixed + [.literal(literal)], weight: weight)
    }

    private init(pieces: [Piece], weight: Double) {
        self.pieces = pieces
        self.weight = weight
    }

    private static func field(_ text: Substring) -> Piece? {
        let parts = text.split(separator: ":")
        guard let name = parts.first, let field = names[String(name)] else { return nil }
        return .field(field, argument: parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    }

    private static let names: [String: Field] = [
        "time": .time, "host": .host, "ip": .ip, "user": .user, "fingerprint": .fingerprint, "agent": .agent,
        "referrer": .referrer,
        "trace": .trace, "span": .span, "pid": .pid, "thread": .thread, "port": .port, "path": .path,
        "service": .service, "method": .method, "status": .status, "table": .table, "query": .query,
        "module": .module, "source": .source, "block": .block, "node": .node, "topic": .topic, "trail": .trail,
        "int": .int, "size": .size, "ms": .ms, "hex": .hex, "sequence": .sequence,
    ]
}
