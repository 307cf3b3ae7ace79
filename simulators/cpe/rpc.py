"""The RPC methods of a CPE, performed on the unit and answered."""

from __future__ import annotations

from dataclasses import dataclass

from . import render
from .asking import UNKNOWN_TIME, stamp
from .calls import METHODS, Call
from .device import Ont
from .faults import CpeFaultError
from .files import knows_type
from .options import read_voucher
from .software import Change
from .transfers import FIRMWARE, Transfer


@dataclass(frozen=True, slots=True)
class Answer:
    """The response's inner XML, with the status and row number it holds."""

    body: str = ""
    status: int = 0
    instance: int = 0
    transfer: Transfer | None = None
    """To be carried before this request is answered, by `carried`."""


def perform(ont: Ont, call: Call, now: float) -> Answer:
    """Carry ``call`` out on ``ont`` at epoch second ``now``. Raises `CpeFaultError`."""
    tree, dialect = ont.tree, ont.dialect
    match call.method:
        case "GetRPCMethods":
            known = [method for method in METHODS if method not in dialect.lacks]
            return Answer(render.text_list(dialect, "MethodList", known))
        case "GetParameterValues":
            names = [n for n in call.names if not dialect.drops_unknown_names or tree.knows(n)]
            return Answer(render.value_list(dialect, tree.read(names)))
        case "GetParameterNames":
            return Answer(render.name_list(dialect, tree.names(call.names[0], call.next_level)))
        case "GetParameterAttributes":
            return Answer(render.attribute_list(dialect, tree.attributes(call.names)))
        case "SetParameterAttributes":
            tree.set_attributes(call.attributes)
            return Answer()
        case "SetParameterValues":
            status = int(tree.write(call.changes, later=dialect.late_status))
            ont.written(call.names)
            ont.keep_parameter_key(call.key)
            return Answer(f"<Status>{status}</Status>", status)
        case "AddObject":
            late = ont.misbehaviour.late_rows
            instance = tree.add(call.names[0], late=late)
            ont.keep_parameter_key(call.key)
            body = f"<InstanceNumber>{instance}</InstanceNumber><Status>{late:d}</Status>"
            return Answer(body, int(late), instance=instance)
        case "DeleteObject":
            tree.delete(call.names[0])
            ont.keep_parameter_key(call.key)
            return Answer("<Status>0</Status>")
        case "Reboot":
            ont.reboot_wanted(call.key)
            return Answer()
        case "FactoryReset":
            ont.factory_reset_wanted()
            return Answer()
        case "ScheduleInform":
            ont.schedule(call.delay, call.key)
            return Answer()
        case "Download" | "Upload" | "ScheduleDownload":
            assert call.transfer is not None
            return _transfer(ont, call.transfer)
        case "CancelTransfer":
            ont.transfers.cancel(call.key)
            return Answer()
        case "GetQueuedTransfers" | "GetAllQueuedTransfers":
            every = call.method == "GetAllQueuedTransfers"
            return Answer(render.transfer_list(dialect, ont.transfers.queue, every=every))
        case "ChangeDUState":
            ont.changes.append(Change(call.key, call.operations))
            return Answer()
        case "GetOptions":
            wanted = call.names[0]
            found = [o for o in ont.options.values() if wanted in ("", o.name)]
            if wanted and not found:
                raise CpeFaultError(9003)
            return Answer(render.option_list(dialect, found))
        case "SetVouchers":
            ont.options |= {o.name: o for o in [read_voucher(v) for v in call.vouchers]}
            return Answer()
        case _:
            raise CpeFaultError(9000)


def carried(ont: Ont, transfer: Transfer) -> Answer:
    """Answer a transfer that was carried within the session: Status 0 with its times.

    Raises `CpeFaultError` when it failed.
    """
    ont.transfers.drop(transfer)
    if transfer.fault:
        raise CpeFaultError(transfer.fault)
    return Answer(
        f"<Status>0</Status><StartTime>{stamp(transfer.start)}</StartTime>"
        f"<CompleteTime>{stamp(transfer.complete)}</CompleteTime>"
    )


def _transfer(ont: Ont, asked: Transfer) -> Answer:
    """Take a transfer up: Status 1, its end is told later by TransferComplete."""
    if not knows_type(ont, asked):
        raise CpeFaultError(9003)
    ont.transfers.ask(asked)
    if asked.method == "ScheduleDownload":
        return Answer()
    at_once = ont.dialect.in_session and asked.delay == 0 and asked.file_type != FIRMWARE
    if at_once:
        return Answer(transfer=asked)
    times = f"<StartTime>{UNKNOWN_TIME}</StartTime><CompleteTime>{UNKNOWN_TIME}</CompleteTime>"
    return Answer(f"<Status>1</Status>{times}", status=1)
