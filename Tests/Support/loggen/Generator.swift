/// Writes the records of one log.
struct Generator {
    /// Those at work at the same time; each is a client, a request, a transaction.
    private struct Session {
        var ip, user, agent, referrer: Int
        var trace: (UInt64, UInt64)
        var pid, port, thread: UInt64
        var block: UInt64
    }

    private let kind: Kind
    private let vocabulary: Vocabulary
    private let host: [UInt8]
    private let pickTemplate: WeightedPick
    private var random: Random
    private var stamp: Stamp
    private var sessions: [Session] = []
    private var sequence: UInt64

    init(kind: Kind, vocabulary: Vocabulary, host: String, seed: UInt64) {
        self.kind = kind
        self.vocabulary = vocabulary
        self.host = Array(host.utf8)
        pickTemplate = WeightedPick(weights: kind.templates.map(\.weight))
        random = Random(seed: seed ^ host.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
        stamp = Stamp(kind.style)
        sequence = random.next() >> 40
        for _ in 0..<24 { sessions.append(newSession()) }
    }

    private mutating func newSession() -> Session {
        Session(
            ip: vocabulary.ips.index(&random), user: vocabulary.users.index(&random),
            agent: vocabulary.agents.index(&random), referrer: vocabulary.referrers.index(&random),
            trace: (random.next(), random.next()), pid: 300 + random.next() % 32_000,
            port: 1024 + random.next() % 64_000,
            thread: random.next() % 64, block: random.next() >> 1)
    }

    /// One record at `time`, in nanoseconds since 1970.
    mutating func append(at time: Int64, to output: inout Output) {
        append(kind.templates[pickTemplate(&random)], at: time, to: &output)
    }

    mutating func append(_ template: Template, at time: Int64, to output: inout Output) {
        let slot = random.below(sessions.count)
        if random.chance(perThousand: 200) { sessions[slot] = newSession() }
        let late = random.chance(perThousand: kind.latePerThousand)
        let shown = late ? time - Int64(random.below(8_000_000)) : time
        for piece in template.pieces {
            switch piece {
            case .literal(let bytes):
                bytes.withUnsafeBufferPointer { if let base = $0.baseAddress { output.append(base, $0.count) } }
            case .field(let field, let argument): append(field, argument, sessions[slot], shown, to: &output)
            }
        }
    }

    private mutating func append(
        _ field: Field, _ argument: Int, _ session: Session, _ time: Int64, to output: inout Output
    ) {
        switch field {
        case .time: stamp.append(time, to: &output)
        case .host: host.withUnsafeBufferPointer { if let base = $0.baseAddress { output.append(base, $0.count) } }
        case .ip: vocabulary.ips.append(session.ip, to: &output)
        case .user: vocabulary.users.append(session.user, to: &output)
        case .agent: vocabulary.agents.append(session.agent, to: &output)
        case .referrer: vocabulary.referrers.append(session.referrer, to: &output)
        case .trace:
            output.append(hex: session.trace.0, digits: 16)
            output.append(hex: session.trace.1, digits: 16)
        case .span: output.append(hex: random.next(), digits: 16)
        case .pid: output.append(decimal: session.pid)
        case .port: output.append(decimal: session.port)
        case .thread:
            for byte in "exec-".utf8 { output.append(byte) }
            output.append(decimal: session.thread)
        case .block: output.append(decimal: session.block)
        case .path: append(vocabulary.paths, to: &output)
        case .service: append(vocabulary.services, to: &output)
        case .method: append(vocabulary.methods, to: &output)
        case .status: append(vocabulary.statuses, to: &output)
        case .table: append(vocabulary.tables, to: &output)
        case .query: append(vocabulary.queries, to: &output)
        case .module: append(vocabulary.modules, to: &output)
        case .source: append(vocabulary.sources, to: &output)
        case .node: append(vocabulary.nodes, to: &output)
        case .topic: append(vocabulary.topics, to: &output)
        case .trail: append(vocabulary.trails, to: &output)
        case .int: output.append(decimal: UInt64(random.below(argument)))
        case .size: output.append(decimal: random.heavyTailed(bits: argument))
        case .ms:
            let microseconds = random.heavyTailed(bits: argument)
            output.append(decimal: microseconds / 1000)
            output.append(UInt8(ascii: "."))
            output.append(decimal: microseconds % 1000, digits: 3)
        case .hex: output.append(hex: random.next(), digits: argument)
        case .base64: appendBase64(argument, to: &output)
        case .sequence:
            sequence &+= 1 + random.heavyTailed(bits: 6)
            output.append(decimal: sequence)
        }
    }

    private mutating func append(_ words: Words, to output: inout Output) {
        words.append(words.index(&random), to: &output)
    }

    private mutating func appendBase64(_ count: Int, to output: inout Output) {
        for _ in 0..<count {
            let digit = UInt8(random.below(64))
            switch digit {
            case 0..<26: output.append(0x41 + digit)
            case 26..<52: output.append(0x61 + digit - 26)
            case 52..<62: output.append(0x30 + digit - 52)
            case 62: output.append(UInt8(ascii: "+"))
            default: output.append(UInt8(ascii: "/"))
            }
        }
    }
}
