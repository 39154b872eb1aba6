import Glibc

/// Generates realistic logs, the same bytes for the same options: what tests and measurements run on.
@main
enum Loggen {
    static func main() {
        let options = Options(Array(CommandLine.arguments.dropFirst()))
        let dataset = Dataset(options: options)
        if let directory = options.directory, mkdir(directory, 0o755) != 0, errno != EEXIST {
            fail("cannot create \(directory): \(String(cString: strerror(errno)))")
        }
        switch (options.shape, options.kind, options.directory) {
        case (.mix, _, let directory?): dataset.writeMix(directory: directory)
        case (.fleet, _, let directory?): dataset.writeFleet(directory: directory)
        case (_, let kind?, _):
            dataset.write(
                kind, host: options.host, seed: options.seed, bytes: options.bytes, rate: options.rate ?? kind.rate,
                to: STDOUT_FILENO)
        default: fail(Options.usage)
        }
    }
}
