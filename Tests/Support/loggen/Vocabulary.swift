/// Words of which some are common and most are rare.
struct Words {
    private let words: [[UInt8]]
    private let pick: WeightedPick

    subscript(index: Int) -> [UInt8] { words[index] }

    init(_ words: [String]) {
        self.words = words.map { Array($0.utf8) }
        pick = WeightedPick(zipf: words.count)
    }

    func index(_ random: inout Random) -> Int { pick(&random) }

    func append(_ index: Int, to output: inout Output) {
        words[index].withUnsafeBufferPointer { if let base = $0.baseAddress { output.append(base, $0.count) } }
    }
}

/// The world that the logs tell of: the same whatever the seed, as hosts of one site share their clients and programs.
struct Vocabulary {
    let ips: Words
    let users: Words
    /// One for each of `users`.
    let fingerprints: Words
    let agents: Words
    let referrers: Words
    let paths: Words
    let services = Words([
        "checkout", "catalog", "gateway", "payments", "accounts", "search", "inventory", "notify", "pricing", "media",
    ])
    let methods = Words(["GET", "GET", "POST", "GET", "PUT", "DELETE", "PATCH", "HEAD"])
    let statuses = Words([
        "200", "304", "404", "301", "201", "204", "302", "403", "500", "499", "502", "400", "401", "429",
    ])
    let tables = Words([
        "orders", "order_items", "users", "sessions", "products", "payments", "audit_log", "inventory", "prices",
        "coupons",
    ])
    let queries: Words
    let modules: Words
    let sources: Words
    let nodes: Words
    let topics = Words(["orders.created", "orders.paid", "stock.changed", "mail.outbox", "users.updated", "audit"])
    let trails: Words

    init() {
        var random = Random(seed: 0x10C5)
        ips = Words((0..<4000).map { _ in Vocabulary.ip(&random) })
        users = Words((0..<2000).map { _ in Vocabulary.user(&random) })
        fingerprints = Words((0..<2000).map { _ in Vocabulary.fingerprint(&random) })
        agents = Words((0..<240).map { _ in Vocabulary.agent(&random) })
        paths = Words((0..<1500).map { _ in Vocabulary.path(&random) })
        referrers = Words((0..<400).map { $0 == 0 ? "-" : "https://www.example.com" + Vocabulary.path(&random) })
        queries = Words((0..<120).map { _ in Vocabulary.query(&random) })
        modules = Words((0..<60).map { _ in Vocabulary.module(&random) })
        sources = Words((0..<80).map { _ in Vocabulary.source(&random) })
        nodes = Words((0..<200).map { _ in "10.251.\(random.below(256)).\(random.below(256))" })
        trails = Words((0..<40).map { _ in Vocabulary.trail(&random) })
    }

    /// The vocabulary of a field that is fixed at a call site.
    func fixedWords(_ field: Field) -> Words? {
        switch field {
        case .path: paths
        case .service: services
        case .method: methods
        case .table: tables
        case .query: queries
        case .module: modules
        case .source: sources
        case .topic: topics
        case .trail: trails
        default: nil
        }
    }

    private static let words = [
        "order", "cart", "item", "user", "session", "stock", "price", "media", "image", "search", "index", "cache",
        "queue",
        "worker", "batch", "report", "export", "login", "token", "profile", "address", "invoice", "refund", "coupon",
        "review", "rating", "shop", "brand", "category", "filter", "page", "feed", "event", "hook", "job", "task",
        "store",
    ]

    private static func word(_ random: inout Random) -> String { words[random.below(words.count)] }

    private static func ip(_ random: inout Random) -> String {
        "\(11 + random.below(210)).\(random.below(256)).\(random.below(256)).\(1 + random.below(254))"
    }

    private static func user(_ random: inout Random) -> String {
        "\(["anna", "ben", "carla", "dmitri", "eve", "femi", "grace", "hana", "ivan", "jose"][random.below(10)])\(random.below(900))"
    }

    private static func fingerprint(_ random: inout Random) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        return String((0..<43).map { _ in digits[random.below(64)] })
    }

    private static func agent(_ random: inout Random) -> String {
        let systems = [
            "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64",
            "iPhone; CPU iPhone OS 17_\(random.below(7)) like Mac OS X",
            "Linux; Android 1\(random.below(5)); SM-G9\(10 + random.below(89))B",
        ]
        let system = systems[random.below(systems.count)]
        return switch random.below(8) {
        case 0: "Mozilla/5.0 (\(system); rv:1\(random.below(40)).0) Gecko/20100101 Firefox/1\(random.below(40)).0"
        case 1: "curl/7.\(random.below(90)).\(random.below(3))"
        case 2: "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
        case 3: "python-requests/2.\(random.below(33)).0"
        default:
            "Mozilla/5.0 (\(system)) AppleWebKit/537.36 (KHTML, like Gecko) "
                + "Chrome/1\(random.below(40)).0.\(random.below(7000)).\(random.below(200)) Safari/537.36"
        }
    }

    private static func path(_ random: inout Random) -> String {
        switch random.below(4) {
        case 0:
            "/static/\(word(&random))-\(String(random.next() >> 32, radix: 16)).\(["js", "css", "png", "woff2"][random.below(4)])"
        case 1: "/api/v\(1 + random.below(3))/\(word(&random))s"
        case 2: "/\(word(&random))s/\(word(&random))-\(word(&random))-\(random.below(100_000))"
        default: "/\(word(&random))/\(word(&random)).html"
        }
    }

    private static func query(_ random: inout Random) -> String {
        let table = word(&random) + "s"
        return switch random.below(4) {
        case 0: "SELECT \(word(&random))_id, \(word(&random)), created_at FROM \(table) WHERE \(word(&random))_id = $1"
        case 1:
            "INSERT INTO \(table) (\(word(&random))_id, \(word(&random)), \(word(&random))) VALUES ($1, $2, $3) RETURNING id"
        case 2: "UPDATE \(table) SET \(word(&random)) = $1, updated_at = now() WHERE id = $2"
        default:
            "SELECT count(*) FROM \(table) JOIN \(word(&random))s USING (\(word(&random))_id) WHERE created_at > $1 GROUP BY \(word(&random))"
        }
    }

    private static func module(_ random: inout Random) -> String { "\(word(&random))s.\(word(&random))" }

    private static func source(_ random: inout Random) -> String {
        "\(word(&random))_\(word(&random)).go:\(10 + random.below(900))"
    }

    /// A Java stack trace, without its first line's time.
    private static func trail(_ random: inout Random) -> String {
        let exceptions = [
            "java.net.SocketTimeoutException: Read timed out", "java.lang.NullPointerException",
            "java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 30000ms.",
            "java.lang.IllegalStateException: Session is closed", "java.io.IOException: Broken pipe",
            "com.fasterxml.jackson.core.JsonParseException: Unexpected character ('<' (code 60))",
        ]
        var text = exceptions[random.below(exceptions.count)]
        for _ in 0..<(6 + random.below(30)) { text += "\n\tat \(frame(&random))" }
        if random.below(3) == 0 {
            text += "\nCaused by: \(exceptions[random.below(exceptions.count)])"
            for _ in 0..<(2 + random.below(6)) { text += "\n\tat \(frame(&random))" }
            text += "\n\t... \(10 + random.below(60)) more"
        }
        return text
    }

    private static func frame(_ random: inout Random) -> String {
        let (first, second) = (word(&random), word(&random))
        let type =
            first.prefix(1).uppercased() + first.dropFirst()
            + ["Service", "Repository", "Controller", "Filter"][random.below(4)]
        let package = ["com.example", "org.springframework", "io.netty.handler", "org.apache.catalina"][random.below(4)]
        return "\(package).\(second).\(type).\(word(&random))(\(type).java:\(20 + random.below(700)))"
    }
}
