"""What is measured, and what is aimed at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from bench.calls import Connections

SESSIONS = "sessions/CPU-second"


class Kind(Enum):
    """The session a figure is about."""

    PERIODIC = auto()
    """A live device says ``2 PERIODIC``; nothing is to be done."""
    BOOT = auto()
    """Eleven values are read and five are set on a live device.

    Its wish is a telephone line.  It comes back with ``1 BOOT`` and the factory values of five
    parameters: the glance at what was proven (GetParameterValues of eleven) differs, the server
    looks at the whole of it and sets the five.  As its firmware applies them after the session,
    ``2 PERIODIC`` follows, in which the server sees that all is in order.  The two are played by
    turns and both are counted."""
    BOOT_UNCHANGED = auto()
    """A live device says ``1 BOOT``; what was proven is read in one request, and all as it was."""
    FIRST_CONTACT = auto()
    """A device nobody knows says ``0 BOOTSTRAP``; its identity is read, it is quarantined."""
    OPEN = auto()
    """A live device's periodic Inform was answered; the session stays open."""
    STORM = auto()
    """ERPNext knows the device, the server has never seen it; it says ``0 BOOTSTRAP``, ``1 BOOT``.

    It answers the challenge with the shared account, is looked up, gets its customer's Wi-Fi
    and telephone, a mark and a password of its own."""
    DISK = auto()
    """What the database has of each device after a storm."""
    NOTIFY = auto()
    """A live agent tells of a vendor's event over MQTT, QoS 1: it is durably kept and answered."""
    GET = auto()
    """Each of many live agents is asked for one parameter, by a job."""
    AGENT = auto()
    """A live agent is connected."""
    USP_STORM = auto()
    """ERPNext knows the agent, the server has never seen it; it boots, is onboarded, gets its
    customer's settings, and they are seen to be as wanted."""
    COLD_STORM = auto()
    """As `STORM`, and the mirror of ERPNext is empty and not swept: ERPNext is asked for each."""
    WARM_STORM = auto()
    """As `STORM`; here what ERPNext is asked counts, whatever it is asked about."""
    PROOF_CWMP = auto()
    """Somebody changes a customer's Wi-Fi password in ERPNext; it is proven on the live device."""
    PROOF_USP = auto()
    """The same with a device that is a USP agent."""
    SWEEP = auto()
    """The mirror is filled from a whole ERPNext, and then kept up to date."""


class Wish(Enum):
    """What a prepared fleet should have."""

    WHOLE = auto()
    """Wi-Fi in two bands and a telephone line."""
    TELEPHONE = auto()


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure, or another ``field`` told with it, should be at least or at most."""

    limit: float
    at_least: bool = True
    field: str = "value"
    of: str = ""
    """Then the limit is a share of that figure of the same run."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; by default sessions per CPU-second of the server's processes."""

    name: str
    kind: Kind = Kind.PERIODIC
    unit: str = SESSIONS
    values: int | None = None
    """Stored values of each device; None: those that provisioning has read."""
    use: Connections = Connections.SESSION
    digest: bool = False
    """Each session is challenged, and answers with the device's own password."""
    tls: bool = False
    """Each session makes a whole TLS handshake, ECDSA P-256; so does the echo's."""
    aims: tuple[Aim, ...] = ()

    @property
    def wish(self) -> Wish:
        """The fleet it needs."""
        return Wish.TELEPHONE if self.kind is Kind.BOOT else Wish.WHOLE


STORM_UNITS = 20_000
AGENTS = 5_000
_ALL = Aim(1.0, field="share_provisioned")
_IN_SECONDS = Aim(5.0, at_least=False, field="p95_seconds")
_PERIODIC = Aim(3000)
_EVEN = Aim(0.9, of="cwmp.periodic.7")

SUITES: dict[str, tuple[Figure, ...]] = {
    "cwmp": (
        Figure("cwmp.periodic.7", values=7, aims=(_PERIODIC,)),
        Figure("cwmp.periodic.800", values=800, aims=(_PERIODIC, _EVEN)),
        Figure("cwmp.periodic.5000", values=5000, aims=(_PERIODIC, _EVEN)),
        Figure("cwmp.periodic.digest", values=800, digest=True, aims=(Aim(2000),)),
        Figure("cwmp.periodic.kept", values=800, use=Connections.KEPT),
        Figure(
            "cwmp.periodic.newconn",
            values=800,
            use=Connections.REQUEST,
            aims=(Aim(0.5, of="cwmp.periodic.kept"),),
        ),
        Figure("cwmp.periodic.tls", values=800, tls=True, aims=(Aim(600),)),
        Figure("cwmp.boot", Kind.BOOT, aims=(Aim(1500),)),
        Figure("cwmp.boot.unchanged", Kind.BOOT_UNCHANGED),
        Figure("cwmp.first_contact", Kind.FIRST_CONTACT),
        Figure(
            "cwmp.open_session_kib",
            Kind.OPEN,
            unit="KiB/session",
            aims=(Aim(30, at_least=False),),
        ),
        Figure(
            f"cwmp.storm.{STORM_UNITS}",
            Kind.STORM,
            aims=(
                Aim(1, at_least=False, field="median_session_seconds"),
                Aim(1 / 200, at_least=False, field="erpnext_queries_per_device"),
            ),
        ),
        Figure("cwmp.disk_kib_per_device", Kind.DISK, unit="KiB/device"),
    ),
    "usp": (
        Figure("usp.notify", Kind.NOTIFY, unit="Notifies/CPU-second", aims=(Aim(4000),)),
        Figure(f"usp.get.{AGENTS}", Kind.GET, unit="Gets/CPU-second"),
        Figure("usp.agent_kib", Kind.AGENT, unit="KiB/agent"),
        Figure(
            f"usp.storm.{AGENTS}",
            Kind.USP_STORM,
            unit="agents/CPU-second",
            aims=(Aim(1.0, field="share_proven"),),
        ),
    ),
    "erp": (
        Figure("erp.storm.cold", Kind.COLD_STORM, aims=(_ALL,)),
        Figure(
            "erp.storm.warm",
            Kind.WARM_STORM,
            aims=(_ALL, Aim(1 / 200, at_least=False, field="erpnext_reads_per_device")),
        ),
        Figure("erp.webhook_to_proof.cwmp", Kind.PROOF_CWMP, unit="ms", aims=(_IN_SECONDS,)),
        Figure("erp.webhook_to_proof.usp", Kind.PROOF_USP, unit="ms", aims=(_IN_SECONDS,)),
        Figure("erp.sweep", Kind.SWEEP, unit="rows/s"),
    ),
}
