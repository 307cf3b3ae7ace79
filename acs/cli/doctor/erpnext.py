"""ERPNext: configured, and everything `erp_bridge.check` asks of the site."""

from __future__ import annotations

from collections.abc import Iterator

from acs.server.bridge import load_mapping, make_client
from acs.settings import Settings
from erp_bridge.check import findings
from erp_bridge.mapping import MappingError
from erp_bridge.schema import Finding, Level


def check(settings: Settings) -> Iterator[Finding]:
    """Ask the site, which may take some seconds."""
    erp = settings.erp
    if not erp.url:
        yield Finding(
            Level.WARNING,
            "No ERPNext is configured: devices are listed and stay in quarantine",
            "Set erp.url, erp.api_key and erp.api_secret; docs/connect-erpnext.md has the steps",
        )
        return
    try:
        mapping = load_mapping(erp)
    except MappingError as error:
        yield Finding(Level.ERROR, str(error), "Correct the mapping file (erp.mapping)")
        return
    client = make_client(erp)
    try:
        yield from findings(client, mapping)
    finally:
        client.close()
