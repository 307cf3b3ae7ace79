"""Who may speak to us: Digest, Basic, client certificates and the bootstrap secret.

Nothing of a device is loaded before it has proven itself; what is looked up for that is one
account by its user name (TR-069 3.4.4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from cryptography import x509
from cryptography.x509.oid import NameOID
from twisted.internet.defer import Deferred

from acs.cwmp import digest
from acs.http import Reply, Request
from acs.model import DeviceId, Secret
from acs.store.credentials import Account

MAX_FAILURES = 2
"""Wrong passwords on one connection before it is closed."""

Mode = Literal["digest", "basic", "any", "none"]
NO_PASSWORD = Secret("")


@dataclass(frozen=True, slots=True)
class Credential:
    """How a CPE proved itself, and as whom."""

    kind: Literal["none", "bootstrap", "own", "earlier", "certificate"]
    """``earlier``: its own password of before, while it may not have the new one."""
    names: tuple[str, ...] = ()
    """Device keys it may speak for; empty: any."""

    @property
    def account(self) -> str:
        """Key of the device whose own password was shown, or empty."""
        return self.names[0] if self.kind in ("own", "earlier") and self.names else ""

    def entitles(self, device: DeviceId) -> bool:
        """Tell whether the Inform of ``device`` may come with this credential.

        OUI and serial number decide: firmware may change the ProductClass of a unit, and a
        certificate may name none (TR-069 3.4.4).
        """
        if not self.names:
            return True
        unit = _unit(device.key)
        return any(_unit(name) == unit for name in self.names)


def _unit(key: str) -> tuple[str, str]:
    """OUI and serial number of a key, whose parts hold no dash."""
    parts = key.split("-")
    return parts[0], parts[-1]


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Which proofs are taken."""

    mode: Mode = "digest"
    realm: str = "gigafibre-acs"
    bootstrap_username: str = "bootstrap"
    bootstrap_password: Secret = NO_PASSWORD
    basic_on_http: bool = False


class Gate:
    """Decides on requests that belong to no session yet."""

    def __init__(
        self,
        settings: GateSettings,
        challenger: digest.Challenger,
        account: Callable[[str], Deferred[Account | None]],
        *,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        failed: Callable[[str, str], None],
    ) -> None:
        """Take the parts. ``failed`` is told the reason and the address of each failure."""
        self._settings = settings
        self._challenger = challenger
        self._account = account
        self._clock = clock
        self._random = random
        self._failed = failed
        self._bootstrap = {
            algorithm: digest.ha1(
                settings.bootstrap_username,
                settings.realm,
                settings.bootstrap_password.reveal(),
                algorithm,
            )
            for algorithm in ("MD5", "SHA-256")
        }

    def admit(self, request: Request) -> Credential | Reply | Deferred[Credential | Reply]:
        """Return the credential of ``request``, or the reply that asks for one."""
        certificate = request.connection.certificate
        if certificate is not None and (names := device_names(certificate)):
            return Credential("certificate", names)
        header = request.headers.get("authorization", "")
        if self._settings.mode == "none":
            # A client of libcurl with credentials sends an empty POST first, and its Inform only
            # once it is challenged.
            empty = not header and not request.body.strip()
            return self._challenge(request) if empty else Credential("none")
        given = digest.parse_authorization(header) if header else None
        if given is None or not self._taken(given, request):
            return self._challenge(request)
        if given.username == self._settings.bootstrap_username:
            return self._judged(given, request, "bootstrap", (), self._bootstrap)
        found = self._account(given.username)
        return found.addCallback(self._known, given, request)

    def _taken(self, given: digest.Digest | digest.Basic, request: Request) -> bool:
        """Tell whether this scheme is taken on this connection."""
        mode = self._settings.mode
        if isinstance(given, digest.Digest):
            return mode in ("digest", "any")
        return mode in ("basic", "any") and (
            request.connection.secure or self._settings.basic_on_http
        )

    def _known(
        self, account: Account | None, given: digest.Digest | digest.Basic, request: Request
    ) -> Credential | Reply:
        if account is None:
            # Judged all the same, so that time does not tell which names exist.
            return self._judged(given, request, "own", (), {})
        names = (account.device_key,)
        if account.earlier:
            match self._verdict(given, request, account.earlier):
                case digest.Verdict.OK:
                    return Credential("earlier", names)
                case digest.Verdict.STALE:
                    return self._challenge(request, stale=True)
                case _:
                    pass
        return self._judged(given, request, "own", names, account.ha1)

    def _verdict(
        self, given: digest.Digest | digest.Basic, request: Request, ha1: Mapping[str, str]
    ) -> digest.Verdict:
        if isinstance(given, digest.Basic):
            return self._challenger.verify_basic(given, ha1)
        return self._challenger.verify(
            given,
            method=request.method,
            target=request.target,
            body=request.body,
            ha1=ha1,
            now=self._clock(),
        )

    def _judged(
        self,
        given: digest.Digest | digest.Basic,
        request: Request,
        kind: Literal["bootstrap", "own"],
        names: tuple[str, ...],
        ha1: Mapping[str, str],
    ) -> Credential | Reply:
        match self._verdict(given, request, ha1):
            case digest.Verdict.OK:
                return Credential(kind, names)
            case digest.Verdict.STALE:
                return self._challenge(request, stale=True)
            case digest.Verdict.MALFORMED:
                return self._wrong(request, "malformed credentials")
            case digest.Verdict.WRONG:
                return self._wrong(request, "wrong user name or password")

    def _wrong(self, request: Request, reason: str) -> Reply:
        state = request.connection.state
        failures = state.get("auth_failures")
        count = (failures if isinstance(failures, int) else 0) + 1
        state["auth_failures"] = count
        self._failed(reason, request.connection.peer)
        return self._challenge(request, close=count >= MAX_FAILURES)

    def _challenge(self, request: Request, *, stale: bool = False, close: bool = False) -> Reply:
        mode = self._settings.mode
        basic = request.connection.secure or self._settings.basic_on_http
        challenges: list[str] = []
        if mode in ("digest", "any", "none"):
            challenges += self._challenger.challenge(self._clock(), self._random(16), stale=stale)
        if mode == "basic" and not basic:
            # Basic alone on plain HTTP would send the password in clear: TLS is the fix.
            return Reply(403, b"Use the HTTPS address\n", close=True)
        if mode in ("basic", "any") and basic:
            challenges.append(f'Basic realm="{self._settings.realm}"')
        headers = tuple(("WWW-Authenticate", text) for text in challenges)
        return Reply(401, headers=headers, close=close)


def device_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Names in a client certificate that have the form of a device key (TR-069 3.3, 3.4.4).

    A name without the parts of a key is a product's generic certificate: it proves no device.
    """
    names = [
        str(attribute.value)
        for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    ]
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names += extension.value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        pass
    return tuple(name for name in names if _is_key(name))


def _is_key(name: str) -> bool:
    oui, dash, rest = name.partition("-")
    return bool(dash and rest) and len(oui) == 6 and all(c in "0123456789ABCDEFabcdef" for c in oui)
