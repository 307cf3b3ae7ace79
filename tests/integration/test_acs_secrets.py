"""No secret is to be found where the running program leaves its traces."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
import requests
from acs_fixtures import ERP_SETTINGS
from homes import KEY, SIP_PASSWORD, Home, new_home
from raw_cpe import RawCpe
from running_acs import BOOTSTRAP, RunningAcs

from acs.devices.record import JobKind, JobState, Standing
from simulators.cpe import Misbehaviour
from simulators.erpnext.running import RunningSimulator

ERP_SECRET = ERP_SETTINGS["ERP_API_SECRET"]


class Told:
    """A server that did all it can do, and its secrets."""

    def __init__(self, acs: RunningAcs, erpnext: RunningSimulator) -> None:
        self.acs = acs
        self.home = home = new_home(acs, erpnext.url)
        self.secrets = {
            "Wi-Fi key": home.key,
            "SIP password": home.sip_password,
            "bootstrap password": BOOTSTRAP[1],
            "ERP secret": ERP_SECRET,
            "key of a job": "Mot-de-passe-tache-77",
            "ERP header": f"demo-key:{ERP_SECRET}",
        }
        home.scan()
        home.settle_in()
        self.secrets["generated password"] = home.ont.credentials[1]
        self._go_on(home)

    def _go_on(self, home: Home) -> None:
        """Faults, lost sessions, jobs, a reset, wrong passwords, an ERPNext in trouble."""
        acs, key = self.acs, self.secrets["key of a job"]
        change = {"path": KEY.format(1), "value": key, "type": "string", "secret": True}
        self.job = acs.enqueue(home.device, JobKind.SET, changes=[change])
        self.read = acs.enqueue(home.device, JobKind.READ, paths=[KEY.format(1), SIP_PASSWORD])
        home.call("2 PERIODIC")
        home.ont.factory_reset()
        home.misbehave(Misbehaviour(refuse={"SetParameterValues": 9007}))
        home.call()
        home.misbehave(Misbehaviour(hang_up_after=8))
        home.call("1 BOOT", complete=False)
        home.misbehave(Misbehaviour(hostile="unclosed"))
        home.call("1 BOOT", complete=False)
        home.misbehave(Misbehaviour(wrong_password=True))
        home.call("1 BOOT", complete=False)
        home.misbehave()
        acs.enqueue(home.device, JobKind.PROVISION)
        home.call("1 BOOT")
        home.call("4 VALUE CHANGE")
        self.secrets["second password"] = home.ont.credentials[1]
        # A password in the wrong place, and in a body that cannot be read.
        cpe = RawCpe(acs.port(), "SNSECRET", account=("bootstrap", f"{BOOTSTRAP[1]}x"))
        cpe.open()
        cpe.connect()
        cpe.post(b"x", f"Authorization: Basic {self.basic}")
        cpe.account = BOOTSTRAP
        cpe.authorized(f"<a>{home.key}&{home.sip_password}".encode())
        cpe.authorized(cpe.inform(id=home.key).replace(b"</Event>", b""))
        cpe.close()

    @property
    def basic(self) -> str:
        return base64.b64encode(":".join(BOOTSTRAP).encode()).decode()

    def found_in(self, octets: bytes) -> list[str]:
        """Names of the secrets that stand in some octets."""
        forms = {**self.secrets, "bootstrap password in Base64": self.basic}
        return [name for name, text in forms.items() if text.encode() in octets]


@pytest.fixture(scope="module", params=["debug", "info"])
def told(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    erpnext: RunningSimulator,
) -> Iterator[Told]:
    """A server after a full life, at each level of its log."""
    acs = RunningAcs(
        tmp_path_factory.mktemp("acs"),
        ERP_URL=erpnext.url,
        LOG_LEVEL=request.param,
        PROVISIONING_BACKOFF_SECONDS="0.001",
        **ERP_SETTINGS,
    )
    acs.start()
    try:
        yield Told(acs, erpnext)
    finally:
        acs.close()


def test_all_of_it_was_done(told: Told) -> None:
    """What follows means something: the secrets were really there."""
    home = told.home
    assert home.is_served
    assert home.shows(SIP_PASSWORD) == home.sip_password
    assert home.device.standing is Standing.LIVE
    assert told.acs.job(told.job).state is JobState.DONE
    assert told.acs.job(told.read).state is JobState.DONE
    assert len(told.secrets["generated password"]) >= 20
    assert "event=session" in told.acs.log
    assert told.found_in(told.secrets["Wi-Fi key"].encode()) == ["Wi-Fi key"]


def test_no_secret_is_in_the_log(told: Told) -> None:
    files = list((told.acs.data_dir / "logs").iterdir())
    assert files
    for file in files:
        assert told.found_in(file.read_bytes()) == [], file.name


def test_no_secret_is_on_standard_output_or_error(told: Told) -> None:
    assert told.acs.stdout
    assert told.found_in("".join(told.acs.stdout).encode()) == []
    assert told.found_in(told.acs.stderr.encode()) == []


def test_no_secret_is_in_the_database_in_clear(told: Told) -> None:
    """The file and its write-ahead log, octet by octet."""
    files = list(told.acs.data_dir.glob("acs.db*"))
    assert {file.name for file in files} >= {"acs.db", "acs.db-wal"}
    together = b"".join(file.read_bytes() for file in files)
    assert told.home.serial.encode() in together, "it is this device's database"
    assert told.found_in(together) == []


def test_no_secret_is_on_the_timeline_in_proofs_or_faults(told: Told) -> None:
    acs, device = told.acs, told.home.device
    assert acs.timeline(device)
    assert told.found_in(repr(acs.timeline(device)).encode()) == []
    assert told.found_in(repr(acs.proof(device)).encode()) == []
    assert told.found_in(repr(acs.faults(device)).encode()) == []
    assert told.found_in(repr(acs.values(device)).encode()) == []
    assert told.found_in(repr(device).encode()) == []


def test_no_secret_is_in_results_of_jobs(told: Told) -> None:
    for job in (told.job, told.read):
        assert told.found_in(repr(told.acs.job(job).result).encode()) == []


def test_no_secret_is_on_the_admin_pages(told: Told) -> None:
    for page in ("health", "metrics"):
        answer = requests.get(f"{told.acs.admin_url}/{page}", timeout=30)
        assert told.found_in(answer.content) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("device", "list"),
        ("device", "list", "--json"),
        ("device", "show", "{serial}"),
        ("device", "show", "{serial}", "--json"),
        ("device", "timeline", "{serial}", "--json"),
        ("device", "proof", "{serial}", "--json"),
        ("device", "jobs", "{serial}", "--json"),
        ("device", "snapshot", "{serial}", "--json"),
        ("plan", "{serial}"),
        ("plan", "{serial}", "--json"),
        ("settings", "show"),
        ("doctor",),
    ],
    ids=" ".join,
)
def test_no_secret_is_shown_by_a_command(told: Told, arguments: tuple[str, ...]) -> None:
    ended = told.acs.command(*(a.format(serial=told.home.serial) for a in arguments))
    assert ended.returncode in (0, 1), ended
    assert ended.stdout.strip()
    assert told.found_in(ended.stdout.encode() + ended.stderr.encode()) == []
