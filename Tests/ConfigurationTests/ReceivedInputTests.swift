import ArchiveTypes
import Configuration
import Testing

@Suite struct ReceivedInputTests {
    static let addresses: [(text: String, address: SyslogAddress)] = [
        ("tcp://127.0.0.1:5514", .tcp(host: "127.0.0.1", port: 5514)),
        ("udp://[::]:514", .udp(host: "::", port: 514)),
        ("tls://logs.example.com:6514", .tls(host: "logs.example.com", port: 6514)),
        ("unix:///dev/log", .unix(path: "/dev/log")),
        ("unix-stream:///run/firn.sock", .unixStream(path: "/run/firn.sock")),
    ]

    @Test(arguments: addresses)
    func addressesAreReadAndWritten(text: String, address: SyslogAddress) throws {
        #expect(try SyslogAddress.parse(text) == address)
        #expect(address.description == text)
    }

    @Test(arguments: [
        "127.0.0.1:514", "tcp://127.0.0.1", "tcp://:514", "tcp://a:0", "unix://log", "http://a:1", "",
        "unix:///" + String(repeating: "a", count: 200),
    ])
    func wrongAddressesAreRefused(text: String) {
        #expect(throws: InvalidValue.self) { try SyslogAddress.parse(text) }
    }
}
