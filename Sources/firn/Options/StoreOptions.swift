import ArgumentParser
import ChunkFormat
import Configuration
import Glibc

struct ConfigurationOptions: ParsableArguments {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp("The configuration file, instead of the first that exists.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var path: String?

    /// The configuration with everything that the environment says; warnings go to standard error.
    func load() throws(ConfigurationError) -> Configuration {
        let surroundings = Surroundings.ofThisProcess()
        let file = try ConfigurationFile.find(named: path, surroundings: surroundings)
        return try Self.parse(file, surroundings)
    }

    static func parse(
        _ file: ConfigurationFile?, _ surroundings: Surroundings
    ) throws(ConfigurationError) -> Configuration {
        let loaded = try Configuration.parse(
            file?.text ?? "", file: file?.path ?? "(no file)", surroundings: surroundings)
        for warning in loaded.warnings { StandardError.say("warning: \(warning)") }
        return loaded.configuration
    }
}

struct StoreOptions: ParsableArguments {
    @Option(
        name: .customLong("store"),
        help: ArgumentHelp(
            "Where the archive is, instead of a configuration file: file:///PATH, a path, or s3://BUCKET/PREFIX?endpoint=URL; repeatable.",
            valueName: "url"),
        completion: .directory)
    var urls: [String] = []

    @Option(help: ArgumentHelp("With several stores: how many hold a whole copy (default: all).", valueName: "n"))
    var copies: Int?

    @Option(
        help: ArgumentHelp(
            "With several stores: K data and M parity shards instead of copies, as in 4+2.", valueName: "k+m"))
    var erasure: String?

    @Option(
        help: ArgumentHelp(
            "How many stores must hold a chunk before it counts as archived (default: a majority of the copies, or one shard more than reading needs).",
            valueName: "n"))
    var acknowledge: Int?

    @OptionGroup var configuration: ConfigurationOptions

    func validate() throws {
        let stores = try stores()
        guard !stores.isEmpty else {
            guard copies == nil, erasure == nil, acknowledge == nil else {
                throw ValidationError("--copies, --erasure and --acknowledge go with --store")
            }
            return
        }
        _ = try redundancy(stores: stores.count)
    }

    /// The effective configuration and its stores.
    func load() throws -> LoadedStores {
        let stores = try stores()
        guard !stores.isEmpty else { return try fromConfiguration() }
        var effective =
            try configuration.path == nil
            ? ConfigurationOptions.parse(nil, .ofThisProcess()) : configuration.load()
        effective.stores = stores
        effective.redundancy = try redundancy(stores: stores.count)
        let isNamed = configuration.path != nil || getenv("FIRN_ARCHIVE") != nil
        return LoadedStores(configuration: effective, archiveName: isNamed ? effective.archive : nil)
    }

    private func fromConfiguration() throws -> LoadedStores {
        let effective = try configuration.load()
        guard !effective.stores.isEmpty else { throw Self.noStore }
        return LoadedStores(configuration: effective, archiveName: effective.archive)
    }

    /// Their names are their URLs without queries, or where two are then the same, with their endpoints.
    private func stores() throws -> [StoreConfiguration] {
        let locations = try urls.map { url in
            do { return try StoreURL.parse(url, relativeTo: try WorkingDirectory.path()) } catch let error
                as InvalidValue
            {
                throw ValidationError("--store: \(error)")
            }
        }
        let places = locations.map(\.place)
        for (index, place) in places.enumerated() where places[..<index].contains(place) {
            throw ValidationError("--store \(urls[index]): the same place is given twice")
        }
        let names = locations.map(\.shortURL)
        return locations.map { location in
            let isUnique = names.count { $0 == location.shortURL } == 1
            return StoreConfiguration(name: isUnique ? nil : location.place, location: location)
        }
    }

    private func redundancy(stores: Int) throws -> Configuration.Redundancy {
        guard copies == nil || erasure == nil else {
            throw ValidationError("--copies and --erasure exclude each other")
        }
        var rule = Configuration.Redundancy.Rule.copies(copies ?? stores)
        if let erasure {
            let parts = erasure.split(separator: "+", omittingEmptySubsequences: false).map { Int($0) }
            guard parts.count == 2, let data = parts[0], let parity = parts[1], 1...63 ~= data, 1...63 ~= parity else {
                throw ValidationError("--erasure \(erasure): write data and parity shards, as in 4+2")
            }
            rule = .erasure(data: data, parity: parity)
        }
        guard 1...stores ~= rule.parts else {
            throw ValidationError(
                erasure.map { "--erasure \($0) needs \(rule.parts) stores; there are \(stores)" }
                    ?? "--copies \(rule.parts) is out of range; there are \(stores) stores")
        }
        let result = Configuration.Redundancy(rule, acknowledge: acknowledge)
        var least = 1
        if case .erasure(let data, _) = rule { least = data }
        guard least...rule.parts ~= result.acknowledge else {
            throw ValidationError(
                "--acknowledge \(result.acknowledge) is out of range; write \(least) to \(rule.parts)")
        }
        return result
    }

    private static var noStore: CommandFailure {
        let places = Surroundings.ofThisProcess().searchPaths.joined(separator: ", ")
        return CommandFailure(
            sentence: "no store is given; write --store URL, or stores: into a configuration file (\(places))")
    }
}

/// What a command works with.
struct LoadedStores: Sendable {
    /// Names at least one store.
    var configuration: Configuration
    /// The archive that the stores must hold; nil where only the stores were named.
    var archiveName: String?

    var stores: [StoreConfiguration] { configuration.stores }

    /// What messages call them.
    var names: String { stores.map(\.name).joined(separator: ", ") }

    var rule: PlacementRule { PlacementRule(configuration.redundancy, stores) }
}
