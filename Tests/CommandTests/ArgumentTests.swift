import ArgumentParser
import Testing

@testable import firn

@Suite struct ArgumentTests {
    @Test(arguments: [
        (["get", "--from", "-2h", "--to", "now"], ["get", "--from=-2h", "--to", "now"]),
        (["get", "--match", "--store", "x"], ["get", "--match=--store", "x"]),
        (["get", "--from=-2h"], ["get", "--from=-2h"]),
        (["get", "--reverse", "-h"], ["get", "--reverse", "-h"]),
        (["archive", "--", "--from", "-2h"], ["archive", "--", "--from", "-2h"]),
        (["get", "--from"], ["get", "--from"]),
    ])
    func valuesMayBeginWithADash(arguments: [String], expected: [String]) {
        #expect(DashedValues.joined(arguments) == expected)
    }

    @Test(arguments: [
        ["get", "--store", "a", "--store", "./a"], ["get", "--store", "a", "--copies", "2"],
        ["get", "--store", "a", "--store", "b", "--erasure", "2+1"], ["get", "--copies", "1"],
        ["get", "--last", "2h", "--from", "-3h"], ["get", "--last", "2"],
        ["get", "--from", "-2h", "--to", "-3h"], ["get", "--regex", "("], ["get", "--label", "novalue"],
        ["get", "--count", "--output", "f"], ["get", "--store", "ftp://x"], ["get", "--format", "xml"],
        ["archive"], ["archive", "-", "-"], ["archive", "--source", "s", "a", "b"], ["archive", "--host", "a b", "f"],
        ["archive", "--workers", "0", "f"], ["archive", "--timezone", "Nowhere/None", "f"],
        ["archive", "--label", "a=1", "--label", "a=2", "f"], ["cat", "--host", "h"],
        ["cat", "--host", "h", "--source", "s", "--generation", "A B"], ["index", "--watch", "--rebuild"],
        ["index", "--watch", "--every", "1ms"], ["histogram", "--width", "0s"], ["nothing"],
        ["agent", "--log-level", "loud"],
    ])
    func wrongUsageHasItsOwnStatus(arguments: [String]) {
        #expect {
            _ = try Firn.parseAsRoot(DashedValues.joined(arguments))
        } throws: { error in
            Firn.exitCode(for: error).rawValue == ExitStatus.wrongUsage
        }
    }

    @Test(
        arguments: [
            (["archve", "x"], "there is no command 'archve'; did you mean archive?"),
            (["config", "shw"], "there is no command 'shw'; did you mean show?"),
            (["config", "frobnicate"], "there is no command 'frobnicate'; write one of check, show"),
            (["get", "extra"], nil), (["--version"], nil), (["help", "nothing"], nil), ([], nil),
        ] as [([String], String?)])
    func anUnknownCommandIsNamed(arguments: [String], expected: String?) {
        #expect(UnknownCommand.sentence(arguments) == expected)
    }

    @Test func everyCommandExplainsItselfWithExamples() {
        func check(_ command: any ParsableCommand.Type) {
            let configuration = command.configuration
            #expect(!configuration.abstract.isEmpty, "\(command)")
            #expect(configuration.discussion.hasPrefix("Examples:\n  "), "\(command)")
            let examples = configuration.discussion.split(separator: "\n").filter { $0.hasPrefix("  ") }
            #expect(examples.count == 2 && examples.allSatisfy { $0.contains("firn ") }, "\(command)")
            #expect(examples.allSatisfy { $0.count <= 80 }, "\(command): an example does not fit a terminal's line")
            configuration.subcommands.forEach(check)
        }
        check(Firn.self)
    }
}
