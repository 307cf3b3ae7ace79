"""Measuring what ERPNext and its webhooks have to do with: each figure on a place of its own."""

from __future__ import annotations

from bench.erp.homes import AT_ONCE, LATER, agents_of, onts_of
from bench.erp.proof import measure_later, measure_proofs
from bench.erp.storm import measure_storm
from bench.erp.sweep import measure_sweep
from bench.figures import Figure, Kind
from bench.place import Place
from bench.processes import BenchError
from bench.report import Measured
from bench.servers import Server
from bench.size import Size
from bench.telling import Say
from bench.usp.broker import mosquitto


class ErpRun:
    """One run; ``echo`` is the bare HTTP edge that storms are told beside."""

    def __init__(self, place: Place, size: Size, echo: Server, say: Say) -> None:
        self._place = place
        self._size = size
        self._echo = echo
        self._say = say

    def measure(self, figure: Figure) -> Measured:
        """Measure one figure. Raises `BenchError`."""
        size, say = self._size, self._say
        place = self._place.beside(figure.name.replace(".", "_"))
        match figure.kind:
            case Kind.COLD_STORM | Kind.WARM_STORM:
                return measure_storm(figure, place, size, self._echo, say)
            case Kind.PROOF_CWMP:
                measured = measure_proofs(figure, place, onts_of(AT_ONCE), size, say)
                if size.later:
                    measured.fields |= self._later(place)
                return measured
            case Kind.PROOF_USP:
                with mosquitto(place.folder.with_name("erp_mosquitto")) as broker:
                    reached = place.beside(place.folder.name, broker.settings)
                    return measure_proofs(figure, reached, agents_of(broker), size, say)
            case Kind.SWEEP:
                return measure_sweep(figure, place, size, say)
            case _:
                raise BenchError(f"{figure.name} is no figure of ERPNext")

    def _later(self, place: Place) -> dict[str, float | str]:
        """Beside the figure, which stands without it."""
        apart = place.beside(f"{place.folder.name}_later")
        try:
            return measure_later(apart, onts_of(LATER), self._size.later, self._say)
        except BenchError as error:
            self._say(f"nothing of devices that apply later: {error}")
            return {}
