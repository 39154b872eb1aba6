import ArchiveTypes

/// A configuration, and what is doubtful about it.
package struct LoadedConfiguration: Sendable, Hashable {
    package var configuration: Configuration
    /// In the order of `ConfigurationProblem`.
    package var warnings: [ConfigurationProblem]
}

extension Configuration {
    /// Reads a configuration strictly: unknown keys, wrong types and impossible values are errors;
    /// all are reported together.
    ///
    /// - Parameters:
    ///   - text: YAML; empty for the defaults and the environment alone.
    ///   - file: what messages call it.
    package static func parse(
        _ text: String, file: String, surroundings: Surroundings
    ) throws(ConfigurationError) -> LoadedConfiguration {
        let reader = ConfigurationReader(file: file, surroundings: surroundings)
        do {
            let tree = try YAMLTree.parse(text)
            var root = SectionReader(tree, path: "", variable: "FIRN", place: YAMLTree.start, reader: reader)
            let configuration = Configuration(reading: &root)
            root.finish()
            reader.reportUnknownVariables()
            guard reader.problems.isEmpty else { throw ConfigurationError(reader.problems) }
            return LoadedConfiguration(configuration: configuration, warnings: reader.warnings.sorted())
        } catch let error as ConfigurationError {
            throw error
        } catch let fault as YAMLFault {
            reader.report(fault.problem, key: "", at: fault.place)
            throw ConfigurationError(reader.problems)
        } catch {
            reader.report(InvalidValue("\(error)"), key: "", at: YAMLTree.start)
            throw ConfigurationError(reader.problems)
        }
    }

    /// Problems go to the reader; a wrong value is replaced by its default so that reading goes on.
    private init(reading root: inout SectionReader) {
        archive = root.scalar("archive", default: "main", Names.plain)
        host = Self.host(&root)
        let roll = Roll(reading: root.section("roll"))
        self.roll = roll
        spool = Spool(reading: root.section("spool"), roll: roll)
        stores = StoreConfiguration.list(reading: &root)
        redundancy = Redundancy(reading: root.section("redundancy"), stores: stores)
        inputs = InputConfiguration.list(reading: &root)
        compression = Compression(reading: root.section("compression"))
        metrics = Metrics(reading: root.section("metrics"))
        LaterFeatures.forward(reading: &root)
    }

    private static func host(_ root: inout SectionReader) -> String {
        if let host = root.scalar("host", Names.host)?.value { return host }
        let name = root.reader.surroundings.hostName
        if root.mentions("host") { return name }
        do {
            return try Names.host(name)
        } catch {
            root.report("host", InvalidValue("this machine's name \(name.quoted) cannot serve", hint: "set host"))
            return name
        }
    }
}
