// The remedies that several rules share: what to write into which product's configuration.

enum Recipe {
    /// F-WS: forward WebSocket and nothing else.
    static let webSocket = """
        Forward WebSocket and nothing else.
        nginx (http): map $http_upgrade $up_proto { default ""; "~*^websocket$" websocket; }
        nginx (http): map $up_proto $up_conn { "" ""; default upgrade; }
        nginx (location): proxy_http_version 1.1; proxy_set_header Upgrade $up_proto; \
        proxy_set_header Connection $up_conn; proxy_set_header HTTP2-Settings "";
        HAProxy: acl ws_only req.fhdr(Upgrade) -i websocket
        HAProxy: http-request set-header Connection close if { req.hdr(Upgrade) -m found } !ws_only
        HAProxy: http-request del-header Upgrade unless ws_only
        HAProxy: http-request del-header HTTP2-Settings
        HAProxy: timeout tunnel 1h
        Apache 2.4.47 or later: ProxyPass "/ws/" "http://127.0.0.1:8080/ws/" upgrade=websocket
        Apache, against lists: RewriteCond %{HTTP:Upgrade} , and RewriteRule ^ - [F]
        Envoy: upgrade_configs: [{ upgrade_type: websocket }]
        """

    /// F-H2C: no h2c by Upgrade at the edge.
    static let noH2C = """
        Block the h2c upgrade at the edge and turn it off at the backend; prior knowledge may stay.
        nginx (http): map $http_upgrade $up_proto { default ""; "~*^websocket$" websocket; }
        nginx (location): proxy_set_header Upgrade $up_proto; proxy_set_header HTTP2-Settings "";
        HAProxy: acl ws_only req.fhdr(Upgrade) -i websocket
        HAProxy: http-request del-header Upgrade unless ws_only
        HAProxy: http-request del-header HTTP2-Settings
        Apache: Protocols h2 http/1.1 (no h2c) and H2Upgrade off
        Envoy: no upgrade_type: h2c
        """

    /// F-ORIGIN: only pages of one's own site may open a WebSocket.
    static let origin = """
        Compare Origin before the handshake is passed on, and use SameSite cookies or a ticket.
        nginx (location): if ($http_origin !~* "^https://(www\\.)?example\\.com$") { return 403; }
        HAProxy: http-request deny deny_status 403 if { req.hdr(Upgrade) -i websocket } \
        !{ req.hdr(Origin) -i https://www.example.com }
        Apache: RewriteCond %{HTTP:Upgrade} websocket [NC]
        Apache: RewriteCond %{HTTP:Origin} !^https://www\\.example\\.com$ [NC]
        Apache: RewriteRule ^ - [F]
        Envoy (route match): headers: [{ name: origin, string_match: { exact: "https://www.example.com" } }]
        """

    /// F-IDLE: timeouts longer than the session's silences.
    static let idle = """
        Let the application ping every 20 to 30 seconds, and make the proxy wait longer than that.
        nginx: proxy_read_timeout 3600s; proxy_send_timeout 3600s;
        HAProxy: timeout tunnel 1h and timeout client-fin 30s
        Apache: timeout=3600 on ProxyPass
        Envoy: stream_idle_timeout: 3600s and idle_timeout: 3600s on the route
        """

    /// F-TLS: everything over TLS.
    static let tls = """
        Use wss:// and https://, and send clear-text requests there.
        nginx: return 308 https://$host$request_uri;
        HAProxy: http-request redirect scheme https code 308 unless { ssl_fc }
        Apache: Redirect 308 / https://www.example.com/
        Envoy (virtual host): require_tls: ALL
        On https: Strict-Transport-Security: max-age=31536000
        """

    /// F-STRICT: refuse what two readers could frame differently.
    static let strict = """
        Refuse such requests in front, or at the backend.
        nginx: answers 400 by itself
        HAProxy: drops the Content-Length before its rules run, so refuse at the backend; \
        never set option accept-invalid-http-request
        Apache: HttpProtocolOptions Strict, and refuse at the backend
        Envoy: keep allow_chunked_length: false
        """

    /// F-CONNECT: CONNECT only where it is wanted.
    static let connect = """
        Allow CONNECT only where it is wanted, to the ports that are wanted.
        HAProxy and other reverse proxies: http-request deny if METH_CONNECT
        Apache: ProxyRequests Off, or AllowCONNECT 443
        Squid: http_access deny CONNECT !SSL_ports
        Envoy: a route with connect_matcher: {} only where wanted
        """
}
