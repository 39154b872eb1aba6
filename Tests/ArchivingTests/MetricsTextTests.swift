import Archiving
import Inputs
import Testing

@Suite struct MetricsTextTests {
    @Test func withoutFiguresThePageSaysSo() {
        #expect(
            MetricsText.page(nil) == "# HELP firn_up Whether the agent has figures.\n# TYPE firn_up gauge\nfirn_up 0\n")
    }

    @Test(arguments: [
        ("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/metrics", true),
        ("HEAD /metrics?x=1 HTTP/1.0\n\n", "HEAD", "/metrics", true), ("GET metrics HTTP/1.1\r\n\r\n", "", "", false),
        ("GET  /metrics HTTP/1.1\r\n\r\n", "", "", false), ("\u{16}\u{3}\u{1}\r\n\r\n", "", "", false),
    ])
    func requestsAreRead(text: String, method: String, path: String, isWellFormed: Bool) throws {
        let head = try #require(RequestHead(Array(text.utf8)))
        #expect(head.method == method && head.path == path && head.isWellFormed == isWellFormed)
    }

    @Test func aRequestIsReadWhenItsHeadIsWhole() {
        let text = Array("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        for count in 0..<text.count { #expect(RequestHead(Array(text[..<count])) == nil || count == text.count) }
    }
}
