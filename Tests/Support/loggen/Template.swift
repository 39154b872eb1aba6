/// What changes from one line to the next.
enum Field {
    case time, host
    /// Of the session (client, request, transaction) that the line belongs to.
    case ip, user, agent, referrer, trace, span, pid, thread, port
    /// One of a vocabulary, skewed.
    case path, service, method, status, table, query, module, source, block, node, topic, trail
    /// `{int:N}`: uniform below N. `{size:BITS}`, `{ms:BITS}`: heavy-tailed. `{hex:N}`, `{base64:N}`: N random characters.
    case int, size, ms, hex, base64
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

    private static func field(_ text: Substring) -> Piece? {
        let parts = text.split(separator: ":")
        guard let name = parts.first, let field = names[String(name)] else { return nil }
        return .field(field, argument: parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    }

    private static let names: [String: Field] = [
        "time": .time, "host": .host, "ip": .ip, "user": .user, "agent": .agent, "referrer": .referrer,
        "trace": .trace, "span": .span, "pid": .pid, "thread": .thread, "port": .port, "path": .path,
        "service": .service, "method": .method, "status": .status, "table": .table, "query": .query,
        "module": .module, "source": .source, "block": .block, "node": .node, "topic": .topic, "trail": .trail,
        "int": .int, "size": .size, "ms": .ms, "hex": .hex, "base64": .base64, "sequence": .sequence,
    ]
}
