"""The lean HTTP/1.1 server edge.

One Twisted protocol over the llhttp parser, with the leniency that CPEs need and a bound on
everything a peer can make us hold or wait for. It knows nothing of CWMP: a handler takes a
`Request` and gives a `Reply` (or a Deferred of one).

- `bounds`       every limit, with its default
- `message`      Request, Reply, Connection, and Refusal: how this edge says no
- `compression`  gzip and deflate bodies, without bombs
- `reader`       bytes in, requests out; no I/O
- `writer`       replies to bytes; no I/O
- `gate`         how many connections there may be
- `factory`      what all connections share: handler, hooks, counts of connections
- `protocol`     one connection: turn taking, deadlines, closing
- `clock`        what is asked of a reactor, as types
- `tls`          server contexts that follow their files
- `listen`       one call from address to listening port
"""

from acs.http.bounds import Bounds
from acs.http.clock import Clock
from acs.http.factory import Admission, Handler, HttpFactory
from acs.http.listen import listen, split_address
from acs.http.message import Connection, Refusal, Reply, Request
from acs.http.tls import FileTls, TlsError, tls_context_factory

__all__ = [
    "Admission",
    "Bounds",
    "Clock",
    "Connection",
    "FileTls",
    "Handler",
    "HttpFactory",
    "Refusal",
    "Reply",
    "Request",
    "TlsError",
    "listen",
    "split_address",
    "tls_context_factory",
]
