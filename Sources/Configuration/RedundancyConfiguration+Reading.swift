extension Configuration.Redundancy {
    init(reading section: SectionReader, stores: [StoreConfiguration]) {
        var section = section
        let rule = Self.rule(&section, stores: stores.count)
        self.init(rule)
        if let given = section.scalar(
            "acknowledge", { (text) throws(InvalidValue) in try WholeNumber.parse(text, 1...64) })
        {
            acknowledge = given.value
            Self.check(given, rule, section)
        }
        sharesDomains = section.scalar("allow_shared_domain", default: false, Boolean.parse)
        if !sharesDomains { Self.checkDomains(stores, rule, section) }
        section.finish()
    }

    private static func rule(_ section: inout SectionReader, stores: Int) -> Rule {
        let copies = section.scalar("copies") { (text) throws(InvalidValue) in try WholeNumber.parse(text, 1...64) }
        let data = section.scalar("data") { (text) throws(InvalidValue) in try WholeNumber.parse(text, 1...63) }
        let parity = section.scalar("parity") { (text) throws(InvalidValue) in try WholeNumber.parse(text, 1...63) }
        guard section.mentions("data") || section.mentions("parity") else {
            let copies = copies ?? Located(value: max(1, stores), place: section.place)
            report(copies.value, "copies", key: "copies", at: copies, stores, section)
            return .copies(copies.value)
        }
        if let copies {
            section.report(
                "copies", InvalidValue("copies and shards exclude each other", hint: "keep one of them"),
                at: copies.place)
        }
        guard let data, let parity else {
            for key in ["data", "parity"] where !section.mentions(key) {
                section.report(nil, InvalidValue("\(key) is missing", hint: "write data: 4 and parity: 2, for example"))
            }
            return .copies(max(1, stores))
        }
        report(data.value + parity.value, "shards", key: "data", at: data, stores, section)
        return .erasure(data: data.value, parity: parity.value)
    }

    private static func report(
        _ parts: Int, _ what: String, key: String, at value: Located<Int>, _ stores: Int, _ section: SectionReader
    ) {
        guard parts > max(1, stores) else { return }
        section.report(
            key,
            InvalidValue(
                "\(parts) \(what) need as many stores; there are \(stores)", hint: "add stores or lower \(key)"),
            at: value.place)
    }

    private static func check(_ acknowledge: Located<Int>, _ rule: Rule, _ section: SectionReader) {
        let what: String
        var least = 1
        switch rule {
        case .copies(let copies): what = "the \(copies) copies"
        case .erasure(let data, let parity):
            what = "the \(data + parity) shards"
            least = data
        }
        if acknowledge.value > rule.parts {
            section.report(
                "acknowledge",
                InvalidValue(
                    "\(acknowledge.value) is more than \(what) there are", hint: "write at most \(rule.parts)"),
                at: acknowledge.place)
        } else if acknowledge.value < least {
            section.report(
                "acknowledge",
                InvalidValue(
                    "a chunk cannot be read from \(acknowledge.value) shards", hint: "write at least \(least)"),
                at: acknowledge.place)
        }
    }

    /// Parts of one chunk in one domain would be lost together.
    private static func checkDomains(_ stores: [StoreConfiguration], _ rule: Rule, _ section: SectionReader) {
        let named = Set(stores.compactMap(\.domain))
        let domains = named.count + stores.count { $0.domain == nil }
        guard !named.isEmpty, domains < rule.parts, stores.count >= rule.parts else { return }
        section.report(
            nil,
            InvalidValue(
                "\(rule.parts) stores of a chunk share \(domains) failure domains",
                hint: "add stores of other domains, or write allow_shared_domain: true"))
    }
}
