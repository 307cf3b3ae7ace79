"""A simulated ERPNext behind a client, without sockets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from acs.model import Secret
from erp_bridge.client import ErpClient
from simulators.erpnext.adapter import SimulatorAdapter
from simulators.erpnext.faults import Fault, FaultKind
from simulators.erpnext.schema import DocTypes, standard_doctypes
from simulators.erpnext.scripts import SCRIPTS
from simulators.erpnext.seeding import bulk_documents
from simulators.erpnext.simulator import Simulator
from simulators.erpnext.site import Site
from simulators.erpnext.users import DEMO_USERS

DOCTYPE = "Service Equipment"


def keyed(text: bytes) -> str:
    """Stand for the server's keyed hash of wishes."""
    return hashlib.sha256(b"key" + text).hexdigest()


class Erp:
    """A site with ``customers`` generated customers and the given equipment."""

    def __init__(
        self,
        equipment: Iterable[Mapping[str, Any]] = (),
        *,
        customers: int = 0,
        doctypes: DocTypes | None = None,
        scripts: Mapping[str, Any] = SCRIPTS,
        hosts: Iterable[str] = (),
    ) -> None:
        kinds = doctypes or standard_doctypes()
        self.time = datetime(2026, 11, 22, 12, tzinfo=UTC)

        def build() -> Site:
            site = Site(kinds, self.now, scripts=scripts, hosts=hosts)
            site.seed(bulk_documents(customers, 1))
            site.seed({"doctype": DOCTYPE, "equipment_type": "ONT", **row} for row in equipment)
            return site

        self.simulator = Simulator(build, self.now)

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time

    def client(self, user: str = "acs.bridge", **options: Any) -> ErpClient:
        found = next(one for one in DEMO_USERS if one.name.startswith(user))
        options.setdefault("sleep", lambda seconds: None)
        client = ErpClient(
            "http://127.0.0.1:8069", found.api_key, Secret(found.api_secret), **options
        )
        client.mount(SimulatorAdapter(self.simulator))
        return client

    def change(self, name: str, **values: Any) -> None:
        """Change a document as a person would."""
        self.client("acs.setup").call(
            "frappe.client.set_value", doctype=DOCTYPE, name=name, fieldname=values
        )

    def order(self, kind: str, **fault: Any) -> None:
        """Put a fault in force."""
        self.simulator.order(Fault(kind=FaultKind(kind), **fault))

    @property
    def routes(self) -> dict[str, int]:
        """What was asked, how often."""
        routes: dict[str, int] = self.simulator.statistics.shown()["routes"]
        return routes

    @property
    def queries(self) -> int:
        """Lists of equipment and calls of the secrets script so far."""
        return sum(
            count
            for route, count in self.routes.items()
            if route.endswith(DOCTYPE)
            and route.split()[0] in ("list", "frappe.client.get_list", "acs_equipment_secrets")
        )
