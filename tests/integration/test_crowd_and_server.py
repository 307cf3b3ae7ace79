"""A crowd calls the running server, and a good part of it means harm: the others are served."""

from __future__ import annotations

from typing import Any

from acs_fixtures import ERP_SETTINGS, StartAcs
from homes import Home, new_home
from running_acs import BOOTSTRAP
from twisted.internet.selectreactor import SelectReactor

from acs.devices.record import Standing
from simulators.cpe.addresses import sources
from simulators.cpe.arrivals import Storm
from simulators.cpe.crowd import Crowd
from simulators.cpe.device import Ont
from simulators.cpe.fleet import Unit
from simulators.cpe.hostile import DOCUMENTS
from simulators.cpe.http import Sessions
from simulators.cpe.life import Pace
from simulators.cpe.misbehaviour import GOOD
from simulators.cpe.report import Lost
from simulators.cpe.shares import deal, parse_share
from simulators.erpnext.running import RunningSimulator

COUNT = 64
GOOD_ONES = 12
HARM = (
    "silent", "hang-up=0", "half-body", "broken-xml", "wrong-password", "slow=0.3",
    "trickle=20000", "clock-skew=-99999999", "flood=10+wrong-password", "flood=10", "restless",
    "at-once=3", "huge-inform=2000", "huge-head=200000", "late-rows", "cut-transfers",
)  # fmt: skip
LIMIT = 60.0
"""Seconds in which all good ones must be served, on a busy machine too."""


def unit(home: Home) -> Unit:
    return Unit(
        "tplink-a-xx230v",
        home.serial,
        mac=home.mac,
        product_class=home.product_class,
        acs=home.acs.url,
        username=BOOTSTRAP[0],
        password=BOOTSTRAP[1],
    )


def test_good_units_are_served_among_hostile_ones(
    start_acs: StartAcs, erpnext: RunningSimulator
) -> None:
    # It may be slow beside other tests: its overload control is tried elsewhere.
    settings = {**ERP_SETTINGS, "CWMP_TARGET_DELAY": "20"}
    acs = start_acs(ERP_URL=erpnext.url, **settings)
    shares = [parse_share(f"{1 / COUNT}:{words}") for words in HARM]
    shares.append(parse_share(f"{(COUNT - GOOD_ONES - len(HARM)) / COUNT}:hostile"))
    wrongs = deal(shares, COUNT, seed=3)
    assert {wrong.hostile for wrong in wrongs.values()} > set(DOCUMENTS)
    homes = [new_home(acs, erpnext.url) for _ in range(COUNT)]
    good = [home for number, home in enumerate(homes) if number not in wrongs]
    assert len(good) == GOOD_ONES
    for home in good:
        home.scan()
    silent = {homes[number].serial for number, wrong in wrongs.items() if wrong.silent}
    talking = {home.serial for home in homes} - silent
    pid = acs.pid

    reactor: Any = SelectReactor()
    ended: list[tuple[Ont, dict[str, Any]]] = []
    served: set[str] = set()

    def observe(ont: Ont, kind: str, fields: dict[str, Any]) -> None:
        if kind != "session-end" or not reactor.running:
            return
        ended.append((ont, fields))
        done = {life.ont.identity.serial for life in crowd.lives if life.provisioned}
        served.update(done & {home.serial for home in good})
        heard = {each.identity.serial for each, _ in ended}
        if len(served) == len(good) and heard >= talking:
            reactor.stop()

    crowd = Crowd(
        [unit(home) for home in homes],
        sessions=Sessions(reactor, cnonce=lambda: "00c0ffee", timeout=10),
        reactor=reactor,
        pace=Pace(scale=0.05, periodic=20, apply=5, reboot=5),
        seed=3,
        observe=observe,
        arrivals=Storm(2),
        misbehaviours=wrongs,
        source=sources("127.1.0.0/16"),
    )

    reactor.callWhenRunning(crowd.run)
    reactor.callLater(LIMIT, reactor.stop)
    reactor.run(installSignalHandlers=False)

    # The good ones have what their customers were promised, and were at most told to wait.
    onts = {life.ont.identity.serial: life.ont for life in crowd.lives}
    for home in good:
        home.ont = onts[home.serial]
        assert home.is_served, home.serial
        assert acs.device(home.serial).standing is Standing.LIVE
    failures = [
        fields["kind"] for ont, fields in ended if ont.misbehaviour == GOOD and fields["kind"]
    ]
    assert set(failures) <= {"refused 503"}

    # The server refused the others in words of HTTP, and is the same as before.
    kinds = {fields["kind"] for ont, fields in ended if ont.misbehaviour != GOOD}
    assert kinds >= {"refused 400", "refused 413", "refused 431", Lost.UNPROVEN, Lost.OWN}
    assert not any(kind.startswith("refused 5") and kind != "refused 503" for kind in kinds)
    assert acs.pid == pid
    assert acs.health()["status"] == "ok"
    assert "Traceback" not in acs.log + acs.stderr
    assert "root:" not in acs.log

    # And whoever calls afterwards is served.
    late = new_home(acs, erpnext.url)
    late.scan()
    late.settle_in()
    assert late.device.standing is Standing.LIVE
