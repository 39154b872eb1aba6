import Glibc

/// What is generated: one log, or a directory of them.
struct Dataset {
    let options: Options
    let vocabulary = Vocabulary()
    let gaps = ExponentialGaps()

    /// Events of a Poisson process at `rate` a second, until `bytes` are written.
    func write(_ kind: Kind, host: String, seed: UInt64, bytes: Int, rate: Double, to descriptor: Int32) {
        var output = Output(descriptor: descriptor)
        var generator = Generator(kind: kind, vocabulary: vocabulary, host: host, seed: seed)
        var random = Random(seed: seed &+ 1)
        let unit = 1_000_000_000 / rate / 1024
        var time = options.start
        while output.written < bytes {
            time += Int64(Double(gaps(&random)) * unit)
            generator.append(at: time, to: &output)
            output.flushIfLarge()
        }
        output.flush()
    }

    /// The same over one day: the rate follows from what is left of the day and of the bytes. With `rare`, one record
    /// of a kind of its own stands in the middle.
    func writeDay(_ kind: Kind, host: String, seed: UInt64, bytes: Int, rare: Template?, to descriptor: Int32) {
        var output = Output(descriptor: descriptor)
        var generator = Generator(kind: kind, vocabulary: vocabulary, host: host, seed: seed)
        var random = Random(seed: seed &+ 1)
        let end = options.start + 86_400_000_000_000
        var time = options.start
        var length = 300
        var rare = rare
        while output.written < bytes {
            let share = Double(length) / Double(max(bytes - output.written, length))
            let gap = Double(end - time) * share * Double(gaps(&random)) / 1024
            time = min(time + Int64(gap), end - 1)
            let before = output.written
            if let template = rare, output.written > bytes / 2 {
                generator.append(rare: template, at: time, to: &output)
                rare = nil
            }
            generator.append(at: time, to: &output)
            length = output.written - before
            output.flushIfLarge()
        }
        output.flush()
    }

    func writeMix(directory: String) {
        for kind in Kind.all {
            withFile("\(directory)/\(kind.name).log") { descriptor in
                write(
                    kind, host: options.host, seed: options.seed, bytes: options.bytes / 100 * kind.share,
                    rate: options.rate ?? kind.rate, to: descriptor)
            }
        }
    }

    func writeFleet(directory: String) {
        for number in 1...options.hosts {
            let host = number < 10 ? "web-0\(number)" : "web-\(number)"
            withFile("\(directory)/\(host).log") { descriptor in
                writeDay(
                    .json, host: host, seed: options.seed, bytes: options.bytes / options.hosts,
                    rare: number % 12 == 7 ? Kind.rareJSON : nil, to: descriptor)
            }
        }
    }

    private func withFile(_ path: String, _ body: (Int32) -> Void) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { fail("cannot create \(path): \(String(cString: strerror(errno)))") }
        body(descriptor)
        guard close(descriptor) == 0 else { fail("cannot write \(path): \(String(cString: strerror(errno)))") }
    }
}
