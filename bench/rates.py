"""Sessions per CPU-second: the server and the echo by turns, round after round."""

from __future__ import annotations

import time

from bench.dialogue import Script, authorization
from bench.figures import Figure, Kind
from bench.fleet import Fleet
from bench.orders import Load, Login
from bench.players import Players, playing
from bench.processes import BenchError
from bench.report import Measured
from bench.servers import Server
from bench.size import Size
from bench.telling import Say
from bench.units import STRANGERS, Unit


def measure_rate(figure: Figure, size: Size, fleet: Fleet, echo: Server, say: Say) -> Measured:
    """Measure one figure on ``fleet``, which it changes. Raises `BenchError`."""
    if figure.values is not None:
        fleet.store_values(figure.values)
    scripts = fleet.scripts[figure.kind]
    strangers = figure.kind is Kind.FIRST_CONTACT
    measured = Measured(figure)
    began, sessions, busy, cost = time.time(), 0, 0.0, 0.0
    with (
        fleet.place.serve("digest" if figure.digest else "none") as server,
        playing(load_of(figure, size, fleet, echo, replay=True), fleet.place.folder, 1) as others,
        playing(load_of(figure, size, fleet, server), fleet.place.folder, size.processes) as cpes,
    ):
        server.settle()  # it has just started
        others.play(size.warm_up)
        cpes.play(size.warm_up)
        server.settle()
        for turn in range(size.rounds):
            rate, count, load_cpu, server_cpu = per_cpu_second(server, cpes, size.seconds)
            base, *_ = per_cpu_second(echo, others, size.seconds)
            sessions, busy, cost = sessions + count, busy + load_cpu, cost + server_cpu
            measured.add(rate, base)
            say(f"{figure.name} {turn + 1}/{size.rounds}: {rate:.0f}, echo {base:.0f}")
    measured.fields["load_cpu_by_server_cpu"] = share_of_load(figure.name, busy, cost, say)
    measured.fields["requests_per_session"] = _exchanges(scripts, digest=figure.digest)
    fleet.check(began, sessions, strangers=strangers, resting=len(scripts) == 1)
    return measured


def load_of(
    figure: Figure, size: Size, fleet: Fleet, server: Server, *, replay: bool = False
) -> Load:
    """The load of ``figure`` against ``server``; ``replay``: against the echo."""
    scripts = fleet.scripts[Kind.PERIODIC if figure.kind is Kind.OPEN else figure.kind]
    strangers = figure.kind is Kind.FIRST_CONTACT and not replay
    return Load(
        port=server.tls_port if figure.tls else server.port,
        scripts=scripts,
        first=STRANGERS if strangers else 0,
        units=0 if strangers else fleet.units,
        connections=size.connections,
        use=figure.use,
        login=Login.OWN if figure.digest and not replay else Login.NONE,
        certificate=str(fleet.place.certificate.certificate) if figure.tls else "",
        replay=[requests_of(script, digest=figure.digest) for script in scripts] if replay else [],
    )


def per_cpu_second(
    server: Server, players: Players, seconds: float
) -> tuple[float, int, float, float]:
    """Sessions per CPU-second, sessions, CPU-seconds of the load, CPU-seconds of the server."""
    before = server.cpu()
    tally = players.play(seconds)
    spent = server.settle() - before
    if not tally.sessions or spent <= 0:
        raise BenchError(f"{tally.sessions} sessions in {spent:.2f} CPU-seconds tell nothing")
    return tally.sessions / spent, tally.sessions, tally.cpu, spent


def share_of_load(name: str, load_cpu: float, server_cpu: float, say: Say) -> float:
    """What the load spent by what the server spent; a warning where it was the busier one."""
    share = load_cpu / server_cpu
    if share > 1:
        say(f"warning: {name}: the load was busier than the server; try --load-processes 2")
    return round(share, 2)


def requests_of(script: Script, *, digest: bool) -> list[bytes]:
    """What a session sends, for the echo, that of a challenged one included."""
    requests = script.requests()
    if digest:
        head = b'WWW-Authenticate: Digest realm="gigafibre-acs", nonce="%b"' % (b"0" * 48)
        unit = Unit(script.unit)
        proof = authorization(head, unit.device_id.key, unit.password)
        answered = script.inform.replace(b"\r\n\r\n", b"\r\n" + proof + b"\r\n\r\n", 1)
        requests.insert(1, answered)
    return requests


def _exchanges(scripts: list[Script], *, digest: bool) -> float:
    return sum(len(script.requests()) + digest for script in scripts) / len(scripts)
