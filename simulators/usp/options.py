"""How one simulated agent is set up and how it behaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from .mischief import Mischief


class OnBoarding(StrEnum):
    """When an agent sends OnBoardRequest by itself (R-NOT.5)."""

    NEVER = "never"
    """Only when ``SendOnBoardRequest()`` is called."""
    ONCE = "once"
    """At its first start and after a factory reset."""
    UNTIL_COMPLETE = "until-complete"
    """At each start, and every OnBoardingRestartTime, until OnBoardingComplete is set."""


class FirmwareOrder(StrEnum):
    """When OperationComplete of a Download with AutoActivate, or of Activate, is sent."""

    BEFORE_REBOOT = "before-reboot"
    AFTER_REBOOT = "after-reboot"


class Role(StrEnum):
    """The role the controller has at the agent (TR-369, Special Roles)."""

    UNTRUSTED = "untrusted"
    """Sees what identifies the agent, and nothing more."""
    LIMITED = "limited"
    """Reads everything; writes and commands are for Wi-Fi alone."""
    FULL = "full"
    SECURED = "secured"
    """Full, and reads secured parameters in clear."""


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """What can be chosen. Durations are seconds."""

    endpoint: str = ""
    """Endpoint id; empty: ``ops::OUI-ProductClass-SerialNumber``."""
    controller: str = "self::gigafibre-acs"
    controller_topic: str = ""
    """What the agent has in its Controller row; sending there is the link's business."""
    versions: tuple[str, ...] = ("1.0", "1.1", "1.2", "1.3")
    """Protocol versions it speaks; the last one is in its records."""
    role: Role = Role.FULL
    onboarding: OnBoarding = OnBoarding.UNTIL_COMPLETE
    boot_subscription: bool = True
    """Whether it leaves the factory with a subscription to Boot!."""
    periodic: int = 300
    """Factory value of PeriodicNotifInterval."""
    poll: float = 0.0
    """How often changed values are looked for; 0: ValueChange is sent at once."""
    keep_cwmp: bool = False
    """Whether it also has ``Device.ManagementServer.``."""
    session_context: bool = False
    """Whether it speaks within a session context (SessionMode Require)."""
    max_record: int = 0
    """Largest record it sends within a session context; 0: no limit."""
    boot_time: float = 30.0
    """From the reboot until the link is opened again."""
    transfer_time: float = 10.0
    """A transfer that is only pretended takes this long."""
    flash_time: float = 5.0
    """Validating and writing a firmware image."""
    test_time: float = 5.0
    """A diagnostic takes this long."""
    firmware_order: FirmwareOrder = FirmwareOrder.BEFORE_REBOOT
    firmware: str = ""
    """SoftwareVersion after the next upgrade; empty: the model's next."""
    hardened: bool = False
    """Survives messages without a body, or of an unknown type; real agents crash."""
    values: tuple[tuple[str, str], ...] = ()
    """Factory values of this unit that are not its model's: (path, text)."""
    mischief: Mischief = field(default_factory=Mischief)
