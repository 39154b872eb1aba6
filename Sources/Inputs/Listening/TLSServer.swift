private import CTLS
import Glibc

/// The server's side of TLS 1.2 and later for syslog (RFC 5425), by OpenSSL.
final class TLSServer: @unchecked Sendable {
    // An SSL_CTX counts its references atomically and is not changed after init.
    fileprivate let context: OpaquePointer

    init(_ certificate: TLSCertificate?) throws(InputError) {
        guard let certificate else {
            throw InputError(.failed, path: "tls", "there is no certificate", hint: "configure certificate and key")
        }
        // OpenSSL writes to sockets whose peer may be gone.
        signal(SIGPIPE, SIG_IGN)
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw Self.failure("tls", "cannot be used") }
        self.context = context
        _ = firn_tls_require_1_2(context)
        // Senders read nothing. A ticket that lies unread when one closes its socket makes its kernel reset the
        // connection, and what it sent last would be lost.
        _ = SSL_CTX_set_num_tickets(context, 0)
        guard SSL_CTX_use_certificate_chain_file(context, certificate.chainPath) == 1 else {
            throw Self.failure(certificate.chainPath, "holds no certificate that can be used")
        }
        guard SSL_CTX_use_PrivateKey_file(context, certificate.keyPath, SSL_FILETYPE_PEM) == 1,
            SSL_CTX_check_private_key(context) == 1
        else { throw Self.failure(certificate.keyPath, "holds no key of the certificate") }
        guard let authorities = certificate.clientAuthoritiesPath else { return }
        guard SSL_CTX_load_verify_locations(context, authorities, nil) == 1 else {
            throw Self.failure(authorities, "holds no certificates that can be used")
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    }

    deinit { SSL_CTX_free(context) }

    private static func failure(_ path: String, _ reason: String) -> InputError {
        ERR_clear_error()
        return InputError(.failed, path: path, reason, hint: "write PEM files that this user may read")
    }
}

/// TLS on one socket. For one thread.
final class TLSConnection {
    private let connection: OpaquePointer
    private let server: TLSServer

    init?(_ server: TLSServer, _ descriptor: Int32) {
        guard let connection = SSL_new(server.context) else { return nil }
        guard SSL_set_fd(connection, descriptor) == 1 else {
            SSL_free(connection)
            return nil
        }
        SSL_set_accept_state(connection)
        self.connection = connection
        self.server = server
    }

    deinit { SSL_free(connection) }

    var isEstablished: Bool { SSL_is_init_finished(connection) == 1 }

    /// As `SyslogConnection.read`; the handshake goes on inside. It writes little, which the socket's buffer takes.
    ///
    /// Reads until nothing is left inside OpenSSL: what it holds would not make the socket readable.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        var filled = 0
        while filled < buffer.count {
            ERR_clear_error()
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = SSL_read(connection, room.baseAddress, Int32(clamping: room.count))
            guard count > 0 else {
                switch SSL_get_error(connection, count) {
                case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return filled
                default: return filled > 0 ? filled : nil
                }
            }
            filled += Int(count)
            if SSL_pending(connection) == 0 { break }
        }
        return filled
    }
}
