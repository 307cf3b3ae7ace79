"""Operate: commands that are done at once, and those that end with OperationComplete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from acs.usp.pb import usp_msg_pb2 as pb

from ..cpe.content import read_configuration, render_configuration
from ..cpe.nodes import Node
from . import certificates, diagnostics, firmware, software
from .capabilities import Command
from .errors import (
    CANCELED,
    COMMAND_ARGUMENTS,
    COMMAND_FAILED,
    INVALID_PATH,
    OPERATION,
    PERMISSION,
    RESOURCES,
    Refusal,
)
from .options import FirmwareOrder
from .outgoing import Fetch, Transfer, Transferred
from .paths import parse
from .reporting import Reporter
from .search import places
from .timers import Timer
from .unit import REQUESTS, Controller, Unit

Outcome = Mapping[str, str] | tuple[int, str]
"""Output arguments, or code and text of a failure."""
Restart = Callable[[str, str, float], None]
"""Restarts the unit: Cause, CommandKey, time."""
_MOST_REQUESTS = 32
_UPLOADS = ("Backup()", "Upload()")


@dataclass(slots=True)
class _Running:
    """An asynchronous command."""

    number: int
    """Of its Request row."""
    path: str
    command: Command
    key: str
    arguments: Mapping[str, str]
    controller: Controller
    started: float
    timer: Timer | None = None
    transfer: Transfer | None = None

    @property
    def full_path(self) -> str:
        return self.path + self.command.name


class Operations:
    """Commands of one unit."""

    __slots__ = (
        "_after_boot",
        "_reporter",
        "_restart",
        "_running",
        "_unit",
        "fetch",
        "reset_session",
    )

    def __init__(self, unit: Unit, reporter: Reporter, restart: Restart) -> None:
        self._unit = unit
        self._reporter = reporter
        self._restart = restart
        self._running: dict[int, _Running] = {}
        self._after_boot: list[_Running] = []
        self.fetch: Fetch | None = None
        """What carries files; None: the unit pretends."""
        self.reset_session: Callable[[], None] = lambda: None

    # --- Operate ----------------------------------------------------------------------------

    def operate(self, request: pb.Operate, controller: Controller, now: float) -> pb.OperateResp:
        """Answer Operate. Raises `Refusal` 7026 for an unknown command."""
        path = parse(request.command)
        rights = self._unit.rights(controller.row)
        found = places(self._unit.data, rights, path)
        response = pb.OperateResp()
        for at, thing in found:
            schema = thing.spec.path if isinstance(thing, Node) else ""
            command = self._unit.data.model.command(schema, path.leaf)
            if command is None or not rights.command_event(schema + command.name, "r"):
                raise Refusal(INVALID_PATH, request.command)
            result = response.operation_results.add(executed_command=at + command.name)
            try:
                if not rights.command_event(schema + command.name, "x"):
                    raise Refusal(PERMISSION, at + command.name)
                self._one(at, command, request, controller, now, result)
            except Refusal as refusal:
                result.cmd_failure.err_code = refusal.code
                result.cmd_failure.err_msg = refusal.text
        if not found and not self._is_command(path.leaf):
            raise Refusal(INVALID_PATH, request.command)
        return response

    def _is_command(self, leaf: str) -> bool:
        model = self._unit.data.model
        return any(each.name == leaf for found in model.commands.values() for each in found)

    def _one(
        self,
        at: str,
        command: Command,
        request: pb.Operate,
        controller: Controller,
        now: float,
        result: pb.OperateResp.OperationResult,
    ) -> None:
        given = dict(request.input_args)
        missing = [name for name in command.mandatory if not given.get(name)]
        if missing:
            raise Refusal(COMMAND_ARGUMENTS, ", ".join(missing))
        arguments = {**command.optional, **{n: t for n, t in given.items() if n in command.inputs}}
        if not command.asynchronous:
            self._at_once(at, command, request.command_key, arguments, controller, now)
            result.req_output_args.SetInParent()
            return
        if len(self._running) >= _MOST_REQUESTS:
            raise Refusal(RESOURCES)
        self._check(at, command, arguments)
        running = self._request(at, command, request.command_key, arguments, controller, now)
        self._begin(running, now)
        result.req_obj_path = f"{REQUESTS}{running.number}"

    def _at_once(
        self,
        at: str,
        command: Command,
        key: str,
        arguments: Mapping[str, str],
        controller: Controller,
        now: float,
    ) -> None:
        match command.name:
            case "AddCertificate()":
                certificates.add(self._unit, arguments["Certificate"], arguments["Alias"])
            case "AddMyCertificate()":
                pem, alias = arguments["Certificate"], arguments["Alias"]
                certificates.add_own(self._unit, at, controller, pem, alias)
            case "Delete()":
                certificates.delete(self._unit, at)
            case "Reboot()":
                self._restart("RemoteReboot", key, now)
            case "FactoryReset()":
                self._restart("RemoteFactoryReset", key, now)
            case "SendOnBoardRequest()":
                self._reporter.onboard(self._unit.controller(at), now)
            case "Cancel()":
                self._cancel(int(at[len(REQUESTS) : -1]), now)
            case _ if at.endswith("E2ESession."):
                self.reset_session()
            case _:  # Device.WiFi.Reset(): radios come back as they were.
                self._unit.counters["wifi resets"] += 1

    def _check(self, at: str, command: Command, arguments: Mapping[str, str]) -> None:
        """Raise `Refusal` for a command that cannot be begun."""
        unit = self._unit
        busy = any(each.full_path == at + command.name for each in self._running.values())
        match command.name:
            case "Download()":
                if firmware.is_active(unit, at):
                    raise Refusal(COMMAND_FAILED, "the active image cannot be replaced")
                if arguments["AutoActivate"] not in ("true", "false", "1", "0"):
                    raise Refusal(COMMAND_ARGUMENTS, "AutoActivate")
                if busy:
                    raise Refusal(RESOURCES, "a download to that image is under way")
            case "Activate()":
                if firmware.is_active(unit, at) or not unit.data.is_on(at + "Available"):
                    raise Refusal(COMMAND_FAILED, "the image is not available")
            case "ScheduleTimer()":
                if not arguments["DelaySeconds"].isdigit():
                    raise Refusal(COMMAND_ARGUMENTS, "DelaySeconds")

    def _request(
        self,
        at: str,
        command: Command,
        key: str,
        arguments: Mapping[str, str],
        controller: Controller,
        now: float,
    ) -> _Running:
        tree = self._unit.data.tree
        number = tree.overlay.table(REQUESTS).next_row
        row = tree.make_row(REQUESTS, number)
        for leaf, text in (
            ("Originator", controller.endpoint),
            ("Command", at + command.name),
            ("CommandKey", key),
            ("Status", "Active"),
        ):
            tree.put(row + leaf, text)
        running = _Running(number, at, command, key, arguments, controller, now)
        self._running[number] = running
        return running

    # --- running commands -------------------------------------------------------------------

    def _begin(self, running: _Running, now: float) -> None:
        match running.command.name:
            case "Download()":
                firmware.set_status(self._unit, running.path, "Downloading")
                self._carry(running, now)
            case "Restore()" | "Backup()" | "Upload()" | "InstallDU()" | "Update()":
                self._carry(running, now)
            case "Uninstall()":
                self._later(running, now + self._unit.options.flash_time, self._change_software)
            case "Activate()":
                self._later(running, now + _window(running.arguments), self._activate)
            case "ScheduleTimer()":
                seconds = int(running.arguments["DelaySeconds"])
                self._later(running, now + seconds, lambda each, at: self._end(each, {}, at))
            case _:
                self._later(running, now + self._unit.options.test_time, self._tested)

    def _later(
        self, running: _Running, moment: float, action: Callable[[_Running, float], None]
    ) -> None:
        def due(now: float) -> None:
            if running.number in self._running:
                with self._reporter.watch(now):
                    action(running, now)

        running.timer = self._unit.timers.at(moment, due)

    def _tested(self, running: _Running, now: float) -> None:
        unit = self._unit
        outputs = diagnostics.run(
            unit.identity, running.path, running.command, running.arguments, now
        )
        self._end(running, outputs, now)

    def _cancel(self, number: int, now: float) -> None:
        running = self._running.get(number)
        if running is None:
            raise Refusal(OPERATION, "it is over")
        if running.timer is not None:
            running.timer.cancel()
        if running.command.name == "Download()":
            firmware.set_status(self._unit, running.path, "DownloadFailed")

        def end(moment: float) -> None:
            if number in self._running:
                with self._reporter.watch(moment):
                    self._end(running, (CANCELED, "Command canceled"), moment)

        self._unit.data.tree.put(f"{REQUESTS}{number}.Status", "Canceling")
        running.transfer = None
        running.timer = self._unit.timers.at(now, end)

    def _end(self, running: _Running, outcome: Outcome, now: float) -> None:
        self._running.pop(running.number, None)
        self._unit.data.tree.drop_row(REQUESTS, running.number)
        self._tell(running, outcome, now)

    def _tell(self, running: _Running, outcome: Outcome, now: float) -> None:
        if running.command.name in (*_UPLOADS, "Download()", "Restore()"):
            self._tell_transfer(running, outcome, now)
        self._reporter.complete(running.path, running.command.name, running.key, outcome, now)

    def _tell_transfer(self, running: _Running, outcome: Outcome, now: float) -> None:
        code, text = outcome if isinstance(outcome, tuple) else (0, "")
        params = {
            "Command": running.full_path,
            "CommandKey": running.key,
            "Requestor": running.controller.endpoint,
            "TransferType": "Upload" if running.command.name in _UPLOADS else "Download",
            "Affected": running.path,
            "TransferURL": running.arguments.get("URL", ""),
            "StartTime": stamp(running.started),
            "CompleteTime": stamp(now),
            "FaultCode": str(code),
            "FaultString": text,
        }
        self._reporter.event("Device.LocalAgent.", "TransferComplete!", params, now)

    # --- files ------------------------------------------------------------------------------

    def _carry(self, running: _Running, now: float) -> None:
        given = running.arguments
        upload = None
        match running.command.name:
            case "Backup()":
                upload = render_configuration(self._unit.data.tree.settings())
            case "Upload()":
                upload = f"{stamp(now)} {running.full_path} asked for\n".encode()
        size = given.get("FileSize", "0")
        running.transfer = Transfer(
            request=running.number,
            url=software.url_of(self._unit, running.path, given),
            username=given["Username"],
            password=given["Password"],
            size=int(size) if size.isdigit() else 0,
            algorithm=given.get("CheckSumAlgorithm", ""),
            checksum=given.get("CheckSum", ""),
            upload=upload,
        )
        if self.fetch is None:
            moment = now + self._unit.options.transfer_time
            self._later(running, moment, lambda each, at: self._carried(each, None, at))
        else:
            self.fetch(running.transfer)

    def transferred(self, number: int, result: Transferred, now: float) -> None:
        """Take the end of a transfer; one that was cancelled meanwhile is nobody's."""
        running = self._running.get(number)
        if running is not None and running.transfer is not None:
            with self._reporter.watch(now):
                self._carried(running, result, now)

    def _carried(self, running: _Running, result: Transferred | None, now: float) -> None:
        """Use what came; ``result`` None: the transfer was only pretended."""
        transfer, running.transfer = running.transfer, None
        if transfer is None:
            return
        try:
            if result is not None and result.code:
                raise Refusal(result.code, result.text)
            match running.command.name:
                case "Download()":
                    self._downloaded(running, transfer, result, now)
                    return
                case "Restore()" if result is not None:
                    self._restore(transfer, result.content)
                case "InstallDU()" | "Update()":
                    self._change_software(running, now)
                    return
        except Refusal as refusal:
            if running.command.name == "Download()":
                firmware.set_status(self._unit, running.path, "DownloadFailed")
            elif running.command.name in software.OPERATIONS:
                self._change_software(running, now, refusal)
                return
            self._end(running, (refusal.code, refusal.text), now)
            return
        self._end(running, {}, now)

    def _change_software(self, running: _Running, now: float, fault: Refusal | None = None) -> None:
        """Install, update or uninstall, and tell of it; ``fault``: why it cannot be begun."""
        change = self._unit, running.command.name, running.path, running.arguments
        outcome: Outcome = {}
        try:
            if fault is not None:
                raise fault
            told = software.change(*change)
        except Refusal as refusal:
            told = software.failed(*change, refusal)
            outcome = refusal.code, refusal.text
        told |= {"StartTime": stamp(running.started), "CompleteTime": stamp(now)}
        self._reporter.event(software.SOFTWARE, software.EVENT, told, now)
        self._end(running, outcome, now)

    def _restore(self, transfer: Transfer, content: bytes) -> None:
        firmware.check(transfer, content)
        try:
            settings = list(read_configuration(content))
        except ValueError as error:
            raise Refusal(COMMAND_FAILED, f"no configuration file: {error}") from None
        for path, text in settings:
            self._unit.data.tree.restore(path, text)

    def _downloaded(
        self, running: _Running, transfer: Transfer, result: Transferred | None, now: float
    ) -> None:
        if result is not None:
            firmware.check(transfer, result.content)
        firmware.set_status(self._unit, running.path, "Validating")
        content = b"" if result is None else result.content
        # What the validation will find is known; when it is told takes its time.
        try:
            version = firmware.version_of(self._unit, transfer, content)
        except Refusal as refusal:
            outcome = refusal.code, refusal.text
            self._later(
                running,
                now + self._unit.options.flash_time,
                lambda each, at: self._invalid(each, outcome, at),
            )
            return
        self._later(
            running,
            now + self._unit.options.flash_time,
            lambda each, at: self._flashed(each, version, at),
        )

    def _invalid(self, running: _Running, outcome: tuple[int, str], now: float) -> None:
        firmware.set_status(self._unit, running.path, "ValidationFailed")
        self._end(running, outcome, now)

    def _flashed(self, running: _Running, version: str, now: float) -> None:
        firmware.set_status(self._unit, running.path, "Available")
        self._unit.data.tree.put(running.path + "Version", version)
        if running.arguments["AutoActivate"] in ("true", "1"):
            self._activate(running, now)
        else:
            self._end(running, {}, now)

    def _activate(self, running: _Running, now: float) -> None:
        """Restart with the image; the end of the command is told before or after it."""
        firmware.choose(self._unit, running.path)
        if self._unit.options.firmware_order is FirmwareOrder.BEFORE_REBOOT:
            self._end(running, {}, now)
        else:
            self._after_boot.append(running)
        self._restart("RemoteReboot", running.key, now)

    # --- restarts ---------------------------------------------------------------------------

    def restart(self) -> None:
        """Forget what runs, as a restart does; what waits for the restart is told after it."""
        for running in self._running.values():
            if running.timer is not None:
                running.timer.cancel()
        self._running.clear()
        tree = self._unit.data.tree
        for number in tree.rows(REQUESTS):
            tree.drop_row(REQUESTS, number)
        for image in self._unit.data.rows("Device.DeviceInfo.FirmwareImage."):
            if self._unit.data.value(image + "Status") in ("Downloading", "Validating"):
                firmware.set_status(self._unit, image, "DownloadFailed")

    def booted(self, now: float) -> None:
        """Tell of the commands that end with the restart."""
        waiting, self._after_boot = self._after_boot, []
        for running in waiting:
            self._tell(running, {}, now)


def stamp(now: float) -> str:
    """Write an epoch second as a dateTime."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _window(arguments: Mapping[str, str]) -> float:
    """Return the seconds until the first time window of Activate() opens."""
    starts = [arguments.get(f"TimeWindow.{number}.Start", "") for number in range(1, 6)]
    given = [int(start) for start in starts if start.isdigit()]
    return float(min(given, default=0))
