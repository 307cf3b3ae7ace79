"""What is kept of each kind of Notify, and how much of it."""

from __future__ import annotations

import pytest

from acs.devices.agents import StoredNotify
from acs.usp import messages
from acs.usp.announcement import DETAIL_LENGTH, MAX_DETAILS, TEXT_LENGTH, stored
from acs.usp.messages import Failure, Notify

BOOT = messages.Event("Device.", "Boot!", {"Cause": "LocalReboot", "CommandKey": "k"})
DONE = messages.OperationComplete("Device.", "Reboot()", "k", {"a": "b"}, None)
FAILED = messages.OperationComplete("Device.", "Reboot()", "k", {}, Failure(7022, "no"))


def keep(content: messages.Notification) -> StoredNotify:
    return stored("os::1", "m1", 5.0, Notify("acs-look-1", True, content))


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (BOOT, ("Event", "Device.Boot!", "k", dict(BOOT.params), True)),
        (
            messages.Event("Device.X_TP.", "Hot!", {"Degrees": "90"}),
            ("Event", "Device.X_TP.Hot!", "", {"Degrees": "90"}, False),
        ),
        (
            messages.ValueChange("Device.A.B", "1"),
            ("ValueChange", "Device.A.B", "", {"value": "1"}, True),
        ),
        (
            messages.ObjectCreation("Device.A.1.", {"Alias": "x"}),
            ("ObjectCreation", "Device.A.1.", "", {"Alias": "x"}, False),
        ),
        (
            messages.ObjectDeletion("Device.A.1."),
            ("ObjectDeletion", "Device.A.1.", "", {}, False),
        ),
        (DONE, ("OperationComplete", "Device.Reboot()", "k", {"a": "b"}, True)),
        (
            FAILED,
            (
                "OperationComplete",
                "Device.Reboot()",
                "k",
                {"FaultCode": "7022", "FaultString": "no"},
                True,
            ),
        ),
        (
            messages.OnBoardRequest("3460F9", "XX230v", "S1", ("1.2", "1.3")),
            (
                "OnBoardRequest",
                "",
                "",
                {
                    "ManufacturerOUI": "3460F9",
                    "ProductClass": "XX230v",
                    "SerialNumber": "S1",
                    "Versions": "1.2,1.3",
                },
                True,
            ),
        ),
    ],
)
def test_each_kind_is_kept_with_what_it_tells(
    content: messages.Notification, kept: tuple[object, ...]
) -> None:
    kind, path, key, detail, waiting = kept
    assert keep(content) == StoredNotify(
        "os::1", "m1", 5.0, str(kind), "acs-look-1", str(path), str(key), detail, bool(waiting)
    )


def test_long_texts_are_cut() -> None:
    told = {"name" * 2000: "v" * 5000, "short": "s"}
    kept = keep(messages.Event("Device.X.", "Long!" * 1000, told))
    assert len(kept.path) == TEXT_LENGTH
    assert kept.detail == {("name" * 1000): "v" * TEXT_LENGTH, "short": "s"}


def test_details_are_bounded_together() -> None:
    many = keep(messages.Event("Device.", "Scan!", {f"{n}": "" for n in range(3000)}))
    assert len(many.detail) == MAX_DETAILS
    large = keep(messages.Event("Device.", "Scan!", {f"{n}": "x" * 4000 for n in range(100)}))
    assert 0 < sum(map(len, large.detail.values())) <= DETAIL_LENGTH
    assert list(large.detail) == [f"{n}" for n in range(16)]
