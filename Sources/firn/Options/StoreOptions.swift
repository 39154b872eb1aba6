import ArgumentParser
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
            "Where the archive is, instead of a configuration file: file:///PATH, a path, or s3://BUCKET/PREFIX?endpoint=URL.",
            valueName: "url"),
        completion: .directory)
    var urls: [String] = []

    @OptionGroup var configuration: ConfigurationOptions

    func validate() throws {
        guard urls.count <= 1 else {
            throw ValidationError("more than one store is not supported by this version; give --store once")
        }
        _ = try location()
    }

    /// The effective configuration and its store.
    func load() throws -> LoadedStores {
        guard let location = try location() else { return try fromConfiguration() }
        var effective =
            try configuration.path == nil
            ? ConfigurationOptions.parse(nil, .ofThisProcess()) : configuration.load()
        let store = StoreConfiguration(location: location)
        effective.stores = [store]
        effective.redundancy = .single
        let isNamed = configuration.path != nil || getenv("FIRN_ARCHIVE") != nil
        return LoadedStores(configuration: effective, store: store, archiveName: isNamed ? effective.archive : nil)
    }

    private func fromConfiguration() throws -> LoadedStores {
        let effective = try configuration.load()
        guard let store = effective.stores.first else { throw Self.noStore }
        return LoadedStores(configuration: effective, store: store, archiveName: effective.archive)
    }

    private func location() throws -> StoreLocation? {
        guard let url = urls.first else { return nil }
        do {
            return try StoreURL.parse(url, relativeTo: try WorkingDirectory.path())
        } catch let error as InvalidValue {
            throw ValidationError("--store: \(error)")
        }
    }

    private static var noStore: CommandFailure {
        let places = Surroundings.ofThisProcess().searchPaths.joined(separator: ", ")
        return CommandFailure(
            sentence: "no store is given; write --store URL, or stores: into a configuration file (\(places))")
    }
}

/// What a command works with.
struct LoadedStores: Sendable {
    var configuration: Configuration
    var store: StoreConfiguration
    /// The archive that the store must hold; nil where only the store was named.
    var archiveName: String?
}
