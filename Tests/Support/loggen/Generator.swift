/// Writes the records of one log.
struct Generator {
    /// Those at work at the same time; each is a client, a request, a transaction.
    private struct Session {
        var ip, user, agent, referrer: Int
        var trace: (UInt64, UInt64)
        var pid, port, thread: UInt64
        var block: UInt64
    }

    /// Places in the programs of a kind from which records come.
    private static let callSites = 160

    private let kind: Kind
    private let sites: [Template]
    private let pickSite: WeightedPick
    private let vocabulary: Vocabulary
    private let host: [UInt8]
    private var random: Random
    private var stamp: Stamp
    private var sessions: [Session] = []
    /// The session at work: one often writes several records on end.
    private var slot = 0
    private var sequence: UInt64

    init(kind: Kind, vocabulary: Vocabulary, host: String, seed: UInt64) {
        self.kind = kind
        self.vocabulary = vocabulary
        self.host = Array(host.utf8)
        (sites, pickSite) = Generator.sites(of: kind, vocabulary)
        random = Random(seed: seed ^ host.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
        stamp = Stamp(kind.style)
        sequence = random.next() >> 40
        for _ in 0..<24 { sessions.append(newSession()) }
    }

    /// The call sites of a kind, the same whatever the seed: hosts run the same programs. Within a template's share,
    /// some are frequent and most are rare.
    private static func sites(of kind: Kind, _ vocabulary: Vocabulary) -> ([Template], WeightedPick) {
        var random = Random(seed: 0x51DE)
        let total = kind.templates.reduce(0) { $0 + $1.weight }
        var sites: [Template] = []
        var weights: [Double] = []
        for template in kind.templates {
            let count = max(1, Int(Double(callSites) * template.weight / total))
            let harmonic = (1...count).reduce(0) { $0 + 1 / Double($1) }
            for rank in 1...count {
                sites.append(template.callSite(vocabulary, &random))
                weights.append(template.weight / harmonic / Double(rank))
            }
        }
        return (sites, WeightedPick(weights: weights))
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
        append(sites[pickSite(&random)], at: time, to: &output)
    }

    mutating func append(rare template: Template, at time: Int64, to output: inout Output) {
        append(template.callSite(vocabulary, &random), at: time, to: &output)
    }

    private mutating func append(_ template: Template, at time: Int64, to output: inout Output) {
        if random.chance(perThousand: 500) { slot = random.below(sessions.count) }
        if random.chance(perThousand: 160) { sessions[slot] = newSession() }
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
        case .fingerprint: vocabulary.fingerprints.append(session.user, to: &output)
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
        case .path, .service, .method, .table, .query, .module, .source, .topic, .trail:
            preconditionFailure("fixed at the call site")
        case .status: append(vocabulary.statuses, to: &output)
        case .node: append(vocabulary.nodes, to: &output)
        case .int: output.append(decimal: UInt64(random.below(argument)))
        case .size: output.append(decimal: random.heavyTailed(bits: argument))
        case .ms:
            let microseconds = random.heavyTailed(bits: argument)
            output.append(decimal: microseconds / 1000)
            output.append(UInt8(ascii: "."))
            output.append(decimal: microseconds % 1000, digits: 3)
        case .hex: output.append(hex: random.next(), digits: argument)
        case .sequence:
            sequence &+= 1 + random.heavyTailed(bits: 6)
            output.append(decimal: sequence)
        }
    }

    private mutating func append(_ words: Words, to output: inout Output) {
        words.append(words.index(&random), to: &output)
    }
}
