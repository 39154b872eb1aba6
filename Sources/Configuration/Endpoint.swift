/// The address of a server: scheme, host and port.
package enum Endpoint {
    /// `http://HOST[:PORT][/PATH]` or `https://...`, scheme and host in lower case, without a `/` at the end.
    package static func parse(_ text: String) throws(InvalidValue) -> String {
        try parse(text, schemes: ["http", "https"])
    }

    static func parse(_ text: String, schemes: [String]) throws(InvalidValue) -> String {
        guard !text.contains("@") else { throw StoreURL.credentialsInside() }
        guard let scheme = schemes.first(where: { text.lowercased().hasPrefix($0 + "://") }) else {
            throw InvalidValue("\(text.quoted) is not a server's URL", hint: "write \(schemes[0])://HOST:PORT")
        }
        let rest = text.dropFirst(scheme.utf8.count + 3)
        let authority = rest.prefix { $0 != "/" }
        var path = rest.dropFirst(authority.count)
        while path.last == "/" { path.removeLast() }
        guard path.utf8.allSatisfy({ PercentEncoding.isUnreserved($0) || $0 == UInt8(ascii: "/") }),
            !authority.contains("?"), !authority.contains("#")
        else {
            throw InvalidValue("\(text.quoted) has a query or an odd path", hint: "write scheme, host and port alone")
        }
        try check(authority, in: text)
        return "\(scheme)://\(authority.lowercased())\(path)"
    }

    /// `HOST:PORT` to listen on: a name or an address, IPv6 in brackets.
    package static func listener(_ text: String) throws(InvalidValue) -> String {
        try check(text[...], in: text)
        guard port(of: text[...]) != nil else {
            throw InvalidValue("\(text.quoted) has no port", hint: "write one like 127.0.0.1:9599")
        }
        return text
    }

    /// The host, without brackets, and the port of what `listener` accepts.
    package static func hostAndPort(_ text: String) throws(InvalidValue) -> (host: String, port: Int) {
        let whole = try listener(text)[...]
        guard let colon = portColon(of: whole), let port = port(of: whole) else {
            throw InvalidValue("\(text.quoted) has no port", hint: "write one like 127.0.0.1:9599")
        }
        let host = whole[..<colon]
        return (String(host.first == "[" ? host.dropFirst().dropLast() : host), port)
    }

    private static func check(_ authority: Substring, in text: String) throws(InvalidValue) {
        let colon = portColon(of: authority)
        let host = colon.map { authority[..<$0] } ?? authority
        let isBracketed = host.first == "[" && host.last == "]" && host.count > 2
        let name = isBracketed ? host.dropFirst().dropLast() : host
        let allowed = name.utf8.allSatisfy { byte in
            PercentEncoding.isUnreserved(byte) || (isBracketed && byte == UInt8(ascii: ":"))
        }
        guard !name.isEmpty, allowed else {
            throw InvalidValue(
                "\(text.quoted) has no valid host", hint: "write a name, an address, or IPv6 in [brackets]")
        }
        guard colon == nil || port(of: authority) != nil else {
            throw InvalidValue("\(text.quoted) has no valid port", hint: "ports are 1 to 65535")
        }
    }

    private static func portColon(of authority: Substring) -> Substring.Index? {
        guard let colon = authority.lastIndex(of: ":"), authority.last != "]" else { return nil }
        return colon
    }

    private static func port(of authority: Substring) -> Int? {
        guard let colon = portColon(of: authority) else { return nil }
        let digits = authority[authority.index(after: colon)...]
        guard digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let port = Int(digits), 1...65535 ~= port else {
            return nil
        }
        return port
    }
}
