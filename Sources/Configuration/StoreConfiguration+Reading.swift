extension StoreConfiguration {
    static func list(reading root: inout SectionReader) -> [StoreConfiguration] {
        let sections = root.sections("stores")
        let stores = sections.map { section in (section, StoreConfiguration(reading: section)) }
        reportTwins(stores)
        return stores.compactMap(\.1)
    }

    private init?(reading section: SectionReader) {
        var section = section
        let name = section.scalar("name", Names.plain)
        let url = section.scalar("url") { (text) throws(InvalidValue) in try StoreURL.parse(text, relativeTo: nil) }
        if url == nil, !section.mentions("url") {
            section.report(
                nil, InvalidValue("the store has no url", hint: "write url: file:///PATH or s3://BUCKET/PREFIX"))
        }
        let location = Self.completed(url?.value, from: &section)
        let domain = section.scalar("domain", Names.plain)
        let price = section.scalar("price", Self.price)
        section.finish()
        guard let location else { return nil }
        self.init(name: name?.value, location: location)
        self.domain = domain?.value
        self.price = price?.value
    }

    private static func price(_ text: String) throws(InvalidValue) -> Double {
        guard let price = Double(text), price.isFinite, price >= 0 else {
            throw InvalidValue("\(text.quoted) is no price", hint: "write a number, as in 0.09")
        }
        return price
    }

    /// The URL's location with the section's own keys.
    private static func completed(_ location: StoreLocation?, from section: inout SectionReader) -> StoreLocation? {
        let region = section.scalar("region", S3Names.region)
        let endpoint = section.scalar("endpoint") { (text) throws(InvalidValue) in try Endpoint.parse(text) }
        let pathStyle = section.scalar("path_style", Boolean.parse)
        let caFile = section.scalar("ca_file") { (text) throws(InvalidValue) in
            try DirectoryPath.normalized(text, relativeTo: nil)
        }
        let profile = section.scalar("profile", S3Names.profile)
        let verifiesTLS = section.scalar("verify_tls", Boolean.parse)
        guard case .s3(var s3)? = location else {
            if case .directory? = location { reportKeysOfS3(section) }
            return location
        }
        set(&s3.region, region, "region", section)
        set(&s3.endpoint, endpoint, "endpoint", section)
        set(&s3.pathStyle, pathStyle, "path_style", section)
        set(&s3.caFile, caFile, "ca_file", section)
        set(&s3.profile, profile, "profile", section)
        if let verifiesTLS { s3.verifiesTLS = verifiesTLS.value }
        return .s3(s3)
    }

    private static func set<Value: Equatable>(
        _ target: inout Value?, _ given: Located<Value>?, _ key: String, _ section: SectionReader
    ) {
        guard let given else { return }
        if let other = target, other != given.value {
            section.report(
                key, InvalidValue("the URL's query says otherwise", hint: "say it in one place"), at: given.place)
        }
        target = given.value
    }

    private static func reportKeysOfS3(_ section: SectionReader) {
        for key in ["region", "endpoint", "path_style", "ca_file", "profile", "verify_tls"] where section.mentions(key)
        {
            section.report(
                key, InvalidValue("it means nothing for a directory", hint: "remove it, or write an s3:// URL"))
        }
    }

    private static func reportTwins(_ stores: [(SectionReader, StoreConfiguration?)]) {
        for (index, (section, store)) in stores.enumerated() {
            guard let store else { continue }
            for (earlier, other) in stores[..<index] {
                guard let other else { continue }
                if other.location.place == store.location.place {
                    section.report(
                        "url", InvalidValue("this is the same place as \(earlier.path)", hint: "remove one of them"))
                } else if other.name == store.name {
                    section.report(
                        "name",
                        InvalidValue(
                            "\(earlier.path) has the name \(store.name.quoted) too",
                            hint: "give each store a name of its own"))
                }
            }
        }
    }
}
