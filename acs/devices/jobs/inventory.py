"""Jobs that ask what a device can do: methods, options; and vouchers for options.

`methods`: nothing.  `options`: ``name``, or nothing for all.  `vouchers`: ``vouchers``, a list of
signed vouchers in Base64.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping

from acs.devices.jobs.kind import Kind, Result, Unsound, counted, refused, sent, text, texts
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobState
from acs.model import (
    DataModel,
    ListMethods,
    ListOptions,
    Methods,
    Options,
    SetVouchers,
    Started,
)


async def _methods(_ledger: Ledger, line: DataModel, _job: Job) -> Result:
    answer = await line.ask(ListMethods())
    if not isinstance(answer, Methods):
        return refused(answer)
    names = list(answer.names)
    return JobState.DONE, {"methods": names, "text": f"knows {len(names)} methods"}


async def _options(_ledger: Ledger, line: DataModel, job: Job) -> Result:
    answer = await line.ask(ListOptions(text(job.payload, "name")))
    if not isinstance(answer, Options):
        return refused(answer)
    options = [each._asdict() for each in answer.entries]
    return JobState.DONE, {"options": options, "text": counted(len(options), "option")}


async def _vouchers(ledger: Ledger, line: DataModel, job: Job) -> Result:
    vouchers = _signed(job.payload)
    await sent(ledger, job)
    answer = await line.ask(SetVouchers(vouchers))
    if not isinstance(answer, Started):
        return refused(answer, *texts(job.payload, "vouchers"))
    return JobState.DONE, {"text": f"handed in {len(vouchers)} vouchers"}


def _signed(payload: Mapping[str, object]) -> tuple[bytes, ...]:
    told = texts(payload, "vouchers")
    if not told:
        raise Unsound("vouchers are missing")
    try:
        return tuple(b64decode(each, validate=True) for each in told)
    except ValueError:
        raise Unsound("a voucher is not in Base64") from None


METHODS = Kind(_methods)
OPTIONS = Kind(_options)
VOUCHERS = Kind(_vouchers, check=_signed)
