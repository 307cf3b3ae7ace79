"""The running program and its neighbours, as fixtures; a conftest takes them in by name."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from certificates import Certificates
from forked import erpnext_sim
from homes import Home, new_home
from raw_cpe import RawCpe
from running_acs import RunningAcs

from simulators.erpnext.running import RunningSimulator, running_simulator

StartAcs = Callable[..., RunningAcs]
NewCpe = Callable[..., RawCpe]

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def start_acs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartAcs]:
    """Start servers with settings of their own; they end with the module."""
    running: list[RunningAcs] = []

    def start(**settings: str) -> RunningAcs:
        acs = RunningAcs(tmp_path_factory.mktemp("acs"), **settings)
        running.append(acs)
        return acs.start()

    yield start
    for acs in running:
        acs.close()


@pytest.fixture(scope="module")
def acs(start_acs: StartAcs) -> RunningAcs:
    """A server with its default settings, and no ERPNext: who calls is new and quarantined."""
    return start_acs()


@pytest.fixture(scope="module")
def erpnext() -> Iterator[RunningSimulator]:
    """The stand-in of ERPNext with its demonstration customers and sixty more."""
    with running_simulator("--customers", "60", start=erpnext_sim) as running:
        yield running


ERP_SETTINGS = {
    "ERP_API_KEY": "demo-key",
    "ERP_API_SECRET": "demo-secret",
    # A look-up is waited for on a busy machine too, and nothing is believed for long.
    "ERP_HOLD_SECONDS": "10",
    "ERP_BATCH_WAIT_MS": "1",
    "ERP_NEGATIVE_TTL": "0.001",
    "ERP_REFRESH_SECONDS": "0.001",
    # What is asked is what a test caused.
    "ERP_SWEEP_MINUTES": "0",
}


@pytest.fixture(scope="module")
def live_acs(start_acs: StartAcs, erpnext: RunningSimulator) -> RunningAcs:
    """A server that is connected to the ERPNext of ``erpnext``."""
    return start_acs(ERP_URL=erpnext.url, **ERP_SETTINGS)


@pytest.fixture
def home(live_acs: RunningAcs, erpnext: RunningSimulator) -> Home:
    """A home whose ONT has not called yet, and is not recorded yet."""
    return new_home(live_acs, erpnext.url)


NewHome = Callable[..., Home]


@pytest.fixture
def make_home(live_acs: RunningAcs, erpnext: RunningSimulator) -> NewHome:
    """Make homes of a certain kind."""
    return lambda **options: new_home(live_acs, erpnext.url, **options)


@pytest.fixture
def new_cpe(acs: RunningAcs) -> Iterator[NewCpe]:
    """Make CPEs that nobody has seen before; each is a `RawCpe` of the server ``acs``."""
    made: list[RawCpe] = []

    def make(**options: object) -> RawCpe:
        options = {"port": acs.port(), "serial": f"SN{next(_NUMBERS):06d}", **options}
        made.append(RawCpe(**options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for cpe in made:
        cpe.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, and what it signed."""
    return Certificates(tmp_path_factory.mktemp("certificates"))
