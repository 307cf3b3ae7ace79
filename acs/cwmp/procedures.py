"""The rarer procedures as CWMP methods: one request, one answer each (TR-069 annex A)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Generator
from datetime import datetime

from acs.cwmp import messages, structures
from acs.cwmp.datetimes import INFINITE_TIME, UNKNOWN_TIME, format_time
from acs.cwmp.messages import Message
from acs.model import (
    Attribute,
    AttributeChange,
    Attributes,
    CancelTransfer,
    ChangeSoftware,
    Download,
    Install,
    ListMethods,
    ListOptions,
    ListTransfers,
    Methods,
    Operate,
    Option,
    Options,
    Procedure,
    ProcedureOutcome,
    QueuedTransfer,
    ReadAttributes,
    ScheduleDownload,
    ScheduleInform,
    Secret,
    SendMessage,
    SetAttributes,
    SetVouchers,
    Started,
    Transfers,
    TransferStarted,
    Uninstall,
    Update,
    Upload,
    Written,
)

NO_SUCH_METHOD = 9000
"""Method not supported (TR-069 A.5.1)."""


def carry_out(procedure: Procedure) -> Generator[Message, Message, ProcedureOutcome | Message]:
    """Ask, and return the outcome; an answer that does not belong to the question as it is."""
    request = request_of(procedure)
    if request is None:
        return messages.SoapFault(
            NO_SUCH_METHOD, "only a device that speaks USP can be asked for it"
        )
    answer = yield request
    return outcome_of(procedure, answer) or answer


def request_of(procedure: Procedure) -> Message | None:
    """The method that carries out ``procedure``; None: CWMP has none."""
    match procedure:
        case ReadAttributes(paths):
            return messages.GetParameterAttributes(paths)
        case SetAttributes(changes):
            return messages.SetParameterAttributes(tuple(map(_attribute_change, changes)))
        case ScheduleInform(delay, key):
            return messages.ScheduleInform(delay, key)
        case Download():
            return messages.Download(
                command_key=procedure.key,
                file_type=procedure.file_type,
                url=procedure.url,
                username=procedure.username,
                password=procedure.password,
                file_size=procedure.size,
                target_file_name=procedure.target,
                delay_seconds=procedure.delay,
            )
        case Upload():
            return messages.Upload(
                command_key=procedure.key,
                file_type=procedure.file_type,
                url=procedure.url,
                username=procedure.username,
                password=procedure.password,
                delay_seconds=procedure.delay,
            )
        case ScheduleDownload():
            return messages.ScheduleDownload(
                command_key=procedure.key,
                file_type=procedure.file_type,
                url=procedure.url,
                username=procedure.username,
                password=procedure.password,
                file_size=procedure.size,
                target_file_name=procedure.target,
                time_window_list=tuple(
                    structures.TimeWindowStruct(w.start, w.end, w.mode, w.message, w.max_retries)
                    for w in procedure.windows
                ),
            )
        case CancelTransfer(key):
            return messages.CancelTransfer(key)
        case ListTransfers(all=True):
            return messages.GetAllQueuedTransfers()
        case ListTransfers():
            return messages.GetQueuedTransfers()
        case ListMethods():
            return messages.GetRPCMethods()
        case ListOptions(name):
            return messages.GetOptions(name)
        case SetVouchers(vouchers):
            return messages.SetVouchers(tuple(b64encode(each).decode() for each in vouchers))
        case ChangeSoftware(operations, key):
            return messages.ChangeDUState(tuple(map(_operation, operations)), key)
        case Operate() | SendMessage():
            return None


def outcome_of(procedure: Procedure, answer: Message) -> ProcedureOutcome | None:
    """What ``answer`` says of ``procedure``; None when it answers something else, or refuses."""
    match procedure, answer:
        case ReadAttributes(), messages.GetParameterAttributesResponse(parameter_list=told):
            return Attributes(tuple(Attribute(t.name, t.notification, t.access_list) for t in told))
        case SetAttributes(), messages.SetParameterAttributesResponse():
            return Written()
        case Download(), messages.DownloadResponse():
            return _started(answer)
        case Upload(), messages.UploadResponse():
            return _started(answer)
        case ListTransfers(all=True), messages.GetAllQueuedTransfersResponse(transfer_list=queued):
            return Transfers(
                tuple(
                    QueuedTransfer(
                        each.command_key,
                        each.state,
                        each.is_download,
                        each.file_type,
                        each.file_size,
                        each.target_file_name,
                    )
                    for each in queued
                )
            )
        case ListTransfers(all=False), messages.GetQueuedTransfersResponse(transfer_list=waiting):
            return Transfers(tuple(QueuedTransfer(w.command_key, w.state) for w in waiting))
        case ListMethods(), messages.GetRPCMethodsResponse(method_list=names):
            return Methods(names)
        case ListOptions(), messages.GetOptionsResponse(option_list=options):
            return Options(tuple(map(_option, options)))
        case (
            (ScheduleInform(), messages.ScheduleInformResponse())
            | (ScheduleDownload(), messages.ScheduleDownloadResponse())
            | (CancelTransfer(), messages.CancelTransferResponse())
            | (SetVouchers(), messages.SetVouchersResponse())
            | (ChangeSoftware(), messages.ChangeDUStateResponse())
        ):
            return Started()
        case _:
            return None


def _attribute_change(change: AttributeChange) -> structures.SetParameterAttributesStruct:
    return structures.SetParameterAttributesStruct(
        change.path,
        change.notification is not None,
        change.notification or 0,
        change.access_list is not None,
        change.access_list or (),
    )


def _operation(operation: Install | Update | Uninstall) -> structures.OperationStruct:
    match operation:
        case Install():
            return structures.InstallOpStruct(
                operation.url,
                operation.uuid or None,
                operation.username or None,
                _given(operation.password),
                operation.environment or None,
            )
        case Update():
            return structures.UpdateOpStruct(
                operation.uuid or None,
                operation.version or None,
                operation.url or None,
                operation.username or None,
                _given(operation.password),
            )
        case Uninstall():
            return structures.UninstallOpStruct(
                operation.uuid, operation.version or None, operation.environment or None
            )


def _given(secret: Secret) -> Secret | None:
    return secret if secret.reveal() else None


def _started(answer: messages.DownloadResponse | messages.UploadResponse) -> TransferStarted:
    return TransferStarted(
        answer.status == 0, time_told(answer.start_time), time_told(answer.complete_time)
    )


def _option(told: structures.OptionStruct) -> Option:
    return Option(
        told.option_name,
        told.voucher_sn,
        told.state,
        told.mode,
        time_told(told.start_date),
        time_told(told.expiration_date) if told.expiration_date else "",
        bool(told.is_transferable),
    )


def time_told(moment: datetime) -> str:
    """A time of the device's clock as ISO 8601; empty where it says that it does not know."""
    return "" if moment in (UNKNOWN_TIME, INFINITE_TIME) else format_time(moment)
