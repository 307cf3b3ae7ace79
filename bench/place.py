"""A data directory with its database: what one server of a run serves."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from acs.server import open_database
from acs.settings import Settings
from acs.settings.first_start import complete
from acs.store import Database
from bench.certificate import Certificate
from bench.databases import Databases
from bench.servers import Server, acs, plain_environ

BOOTSTRAP = ("bootstrap", "the-same-for-all-1")
"""The account that new devices share."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server keeps its things, and how it is run."""

    folder: Path
    databases: Databases
    certificate: Certificate
    workers: int = 1
    more: Mapping[str, str] = field(default_factory=dict)
    """Further settings, as the environment names them."""

    def make(self) -> None:
        """Make it, empty."""
        self.folder.mkdir(parents=True)
        (self.folder / "acs.toml").write_text("", encoding="utf-8")
        self.database().dispose()

    def beside(self, name: str, more: Mapping[str, str] | None = None) -> Place:
        """Another one beside it, not made yet; ``more`` settings than this one's."""
        settings = {**self.more, **(more or {})}
        return replace(self, folder=self.folder.with_name(name), more=settings)

    def alone(self) -> Place:
        """The same place for a single process, which knows all that was learned so far."""
        return replace(self, workers=1)

    def copy(self, name: str) -> Place:
        """The same beside it."""
        new = self.beside(name)
        shutil.copytree(self.folder, new.folder)
        self.databases.copy(self.folder, new.folder)
        return new

    def size(self) -> int:
        """Octets of its database on disk."""
        return self.databases.size(self.folder)

    def database(self) -> Database:
        """Open its database, to look or to change while no server runs."""
        settings = Settings.load(self.folder / "acs.toml", self._environ("none"))
        return open_database(complete(settings, secrets.token_bytes))

    def serve(self, auth: str = "none") -> AbstractContextManager[Server]:
        """Run the server on it; ``auth`` as `auth.mode` says."""
        return acs(self.folder, self._environ(auth), self.databases.cpu, self.workers)

    def _environ(self, auth: str) -> dict[str, str]:
        return {
            **plain_environ(),
            "ACS_CONFIG": str(self.folder / "acs.toml"),
            "ACS_SERVER_DATA_DIR": str(self.folder),
            "ACS_DATABASE_URL": self.databases.url(self.folder),
            "ACS_CWMP_LISTEN": "127.0.0.1:0",
            "ACS_CWMP_TLS_LISTEN": "127.0.0.1:0",
            "ACS_CWMP_TLS_CERTIFICATE": str(self.certificate.certificate),
            "ACS_CWMP_TLS_KEY": str(self.certificate.key),
            # A few devices stand for a fleet.
            "ACS_CWMP_SESSIONS_PER_MINUTE": "1000000",
            "ACS_USP_NOTIFIES_PER_MINUTE": "1000000",
            "ACS_MQTT_BROKER": "off",
            "ACS_WEBSOCKET_LISTEN": "",
            "ACS_ADMIN_LISTEN": "",
            "ACS_API_LISTEN": "",
            "ACS_AUTH_MODE": auth,
            "ACS_AUTH_BOOTSTRAP_USERNAME": BOOTSTRAP[0],
            "ACS_AUTH_BOOTSTRAP_PASSWORD": BOOTSTRAP[1],
            **self.more,
        }
