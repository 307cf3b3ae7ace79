"""The baseline: the HTTP edge with a handler that does nothing.

Run as ``python -m bench.echo CERTIFICATE KEY``.  Whatever it is asked, over HTTP or HTTPS, it
answers with one fixed InformResponse, and 204 to an empty POST.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from acs.http import HttpFactory, Reply, Request, listen, tls_context_factory
from acs.reactor import install

_BODY = b"""<?xml version="1.0" encoding="UTF-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" \
xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/" \
xmlns:xsd="http://www.w3.org/2001/XMLSchema" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xmlns:cwmp="urn:dslforum-org:cwmp-1-0"><soap:Header>\
<cwmp:ID soap:mustUnderstand="1">1000</cwmp:ID></soap:Header><soap:Body>\
<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>\
</soap:Body></soap:Envelope>"""
_INFORMED = Reply(
    200,
    _BODY,
    (
        ("Content-Type", "text/xml; charset=utf-8"),
        ("Set-Cookie", "acs=AAAAAAAAAAAAAAAAAAAAAA; Path=/; HttpOnly"),
    ),
)
_DONE = Reply(204)


def answer(request: Request) -> Reply:
    """The fixed answer."""
    return _INFORMED if request.body else _DONE


def main() -> None:
    """Serve until stopped."""
    install()
    from twisted.internet import reactor as installed

    reactor: Any = installed
    factory = HttpFactory(answer, reactor=reactor)
    tls: Any = tls_context_factory(*sys.argv[1:])
    ports: dict[str, Any] = {
        "http": listen(reactor, "127.0.0.1:0", factory),
        "https": listen(reactor, "127.0.0.1:0", factory, tls),
    }
    where = {name: f"127.0.0.1:{port.getHost().port}" for name, port in ports.items()}
    print(json.dumps({"event": "ready", **where}), flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
