"""Messages, times, versions and faults as values."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from acs.cwmp import messages as m
from acs.cwmp import structures
from acs.cwmp.datetimes import INFINITE_TIME, UNKNOWN_TIME, format_time, parse_time
from acs.cwmp.versions import choose_version
from acs.model import Value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0001-01-01T00:00:00Z", UNKNOWN_TIME),
        ("9999-12-31T23:59:59Z", INFINITE_TIME),
        ("2024-05-06T07:08:09", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        (" 2024-05-06T07:08:09Z\n", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("2024-05-06T07:08:09.5-04:00", datetime(2024, 5, 6, 11, 8, 9, 500000, tzinfo=UTC)),
        ("2024-05-06T07:08:09+0200", datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)),
        ("0001-01-01T00:00:00+05:00", None),
        ("0000-00-00T00:00:00", None),
        ("Sun Nov 22 10:00:00 2020", None),
        ("", None),
        ("now", None),
    ],
)
def test_times_are_read_tolerantly(text: str, expected: datetime | None) -> None:
    moment = parse_time(text)
    assert moment == expected
    assert moment is None or moment.tzinfo is UTC


def test_times_are_written_strictly() -> None:
    assert format_time(UNKNOWN_TIME) == "0001-01-01T00:00:00Z"
    assert format_time(INFINITE_TIME) == "9999-12-31T23:59:59Z"
    with pytest.raises(ValueError, match="time zone"):
        format_time(datetime(2024, 1, 1))


@pytest.mark.parametrize(
    ("supported", "chosen"),
    [
        (("1.0", "1.1", "1.2", "1.3", "1.4"), "1.4"),
        (("1.4", "1.5", "2.0"), "1.4"),
        ((" 1.2", "1.0 "), "1.2"),
        (("1.10",), None),
        (("9.9", ""), None),
        ((), None),
    ],
)
def test_the_highest_common_version_is_chosen(
    supported: tuple[str, ...], chosen: str | None
) -> None:
    assert choose_version(supported) == chosen


@pytest.mark.parametrize(
    ("field", "element"),
    [
        ("command_key", "CommandKey"),
        ("oui", "OUI"),
        ("next_url", "NextURL"),
        ("voucher_sn", "VoucherSN"),
        ("uuid", "UUID"),
    ],
)
def test_a_field_gives_its_element_name(field: str, element: str) -> None:
    assert structures.element_name(field) == element


def test_a_parameter_prints_without_its_value() -> None:
    secret = structures.ParameterValue("Device.WiFi.KeyPassphrase", Value("hunter2"))
    shown = repr(m.SetParameterValues((secret,)))
    assert "KeyPassphrase" in shown and "hunter2" not in shown


def test_messages_are_values() -> None:
    assert m.GetParameterValues(("A",)) == m.GetParameterValues(("A",))
    assert m.Reboot("k") != m.CancelTransfer("k")
    with pytest.raises(AttributeError):
        m.Reboot("k").command_key = "other"  # type: ignore[misc]
