"""The job that sends one request of the protocol as it is, for experiments: message (USP).

``request``: one member, named as in the schema (``get``, ``operate``, …), that holds its fields.
Result: ``answer``, in the same form.  It is done when the device answered with no Error.
"""

from __future__ import annotations

from collections.abc import Mapping

from acs.devices.jobs.commands import ONLY_USP
from acs.devices.jobs.kind import NO_SUCH_METHOD, USP, Kind, Result, Unsound, hidden, refused, sent
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobState
from acs.model import Answer, DataModel, Fault, SendMessage
from acs.profiles.message_secrets import secrets_of
from acs.profiles.secrets import Masks


async def _send(ledger: Ledger, line: DataModel, job: Job) -> Result:
    request = _request(job.payload)
    secrets = secrets_of(request, Masks.of(ledger.blueprint()).hides)
    await sent(ledger, job)
    answer = await line.ask(SendMessage(request))
    match answer:
        case Answer(message):
            return _answered(message, secrets)
        case Fault(code=code) if code == NO_SUCH_METHOD and ledger.contact.protocol != USP:
            return JobState.FAILED, {"error": ONLY_USP}
        case _:
            state, detail = refused(answer, *secrets)
            # What an experiment is refused is no fault of the device.
            return state, {name: told for name, told in detail.items() if name != "code"}


def _request(payload: Mapping[str, object]) -> Mapping[str, object]:
    request = payload.get("request")
    if not isinstance(request, Mapping) or len(request) != 1:
        raise Unsound("request is no table with one member, such as get or operate")
    if not all(isinstance(fields, Mapping) for fields in request.values()):
        raise Unsound("the fields of the request are no table")
    return request


def _answered(message: Mapping[str, object], secrets: tuple[str, ...]) -> Result:
    name = next(iter(message), "nothing")
    answer = dict(message)
    error = message.get("error")
    if isinstance(error, Mapping):
        told = f"error {error.get('err_code', '')} ({error.get('err_msg', '')})"
        why = hidden(f"the device answered with {told}", secrets)
        return JobState.FAILED, {"answer": answer, "error": why}
    return JobState.DONE, {"answer": answer, "text": f"answered with {name}"}


MESSAGE = Kind(_send, check=_request)
