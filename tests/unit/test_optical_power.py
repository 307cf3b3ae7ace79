"""Units of what a transceiver and a Wi-Fi client report, and the limits of the light."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.profiles.health.measured import BIAS, TEMPERATURE, VOLTAGE, count, flag, scaled
from acs.profiles.health.optical import Light, PowerUnit, Thresholds, power
from acs.profiles.health.station_signal import SignalUnit, signal


@pytest.mark.parametrize(
    ("text", "unit", "dbm"),
    [
        ("5624", "0.1uW", -2.5),
        ("14880", "0.1uW", 1.73),
        ("1585", "0.1uW", -8.0),
        ("20", "0.1uW", -26.99),
        ("-22.5", "0.1uW", -22.5),
        ("0", "0.1uW", None),
        ("", "0.1uW", None),
        ("-22500", "0.001dBm", -22.5),
        ("2500", "0.001dBm", 2.5),
        ("-225", "0.1dBm", -22.5),
        ("-22.5", "dBm", -22.5),
        ("-23 dBm", "dBm", -23.0),
        ("-23,5dBm", "0.1uW", -23.5),
        (" -23 ", "dBm", -23.0),
        ("5624", "auto", -2.5),
        ("-2500", "auto", -2.5),
        ("-2.5", "auto", -2.5),
        ("-2.5 dBm", "auto", -2.5),
        ("1.7", "auto", 1.7),
        ("0", "auto", None),
        ("n/a", "auto", None),
        ("nan", "dBm", None),
        ("1e3", "dBm", None),
    ],
)
def test_power_becomes_dbm(text: str, unit: str, dbm: float | None) -> None:
    figure = power(text, PowerUnit(unit))
    assert figure.value == dbm
    assert bool(figure.note) is (dbm is None)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("-50.01", "dBm"),
        ("10.01", "dBm"),
        ("-22500", "dBm"),
        ("-22500", "0.1uW"),
        ("200000", "0.1uW"),
        ("-65536", "0.001dBm"),
    ],
)
def test_power_that_cannot_be_is_refused_with_a_reason(text: str, unit: str) -> None:
    figure = power(text, PowerUnit(unit))
    assert figure.value is None
    assert figure.note.startswith("refused: ")


@pytest.mark.parametrize(("text", "dbm"), [("-50", -50.0), ("10", 10.0)])
def test_the_bounds_themselves_are_taken(text: str, dbm: float) -> None:
    assert power(text, PowerUnit.DBM).value == dbm


@given(st.text(max_size=20), st.sampled_from(PowerUnit))
def test_whatever_a_device_writes_is_plausible_or_unknown(text: str, unit: PowerUnit) -> None:
    value = power(text, unit).value
    assert value is None or (-50 <= value <= 10 and math.isfinite(value))


@pytest.mark.parametrize(
    ("dbm", "light"),
    [
        (None, Light.UNKNOWN),
        (-7.99, Light.TOO_STRONG),
        (-8.0, Light.GOOD),
        (-8.01, Light.GOOD),
        (-22.99, Light.GOOD),
        (-23.0, Light.GOOD),
        (-23.01, Light.WARNING),
        (-24.99, Light.WARNING),
        (-25.0, Light.WARNING),
        (-25.01, Light.BAD),
    ],
)
def test_limits_at_below_and_above(dbm: float | None, light: Light) -> None:
    assert Thresholds().judge(dbm) is light


def test_limits_can_be_others_but_must_fall() -> None:
    assert Thresholds(high=-3, warning=-20, low=-27).judge(-5) is Light.GOOD
    with pytest.raises(ValueError, match="must fall"):
        Thresholds(high=-23, warning=-8)


def test_figures_of_the_transceiver() -> None:
    assert scaled("12251", TEMPERATURE["C/256"]).value == 47.9
    assert scaled("48", TEMPERATURE["C"]).value == 48
    assert scaled("3298", VOLTAGE["mV"]).value == 3.298
    assert scaled("8302", BIAS["2uA"]).value == 16.6
    assert scaled("16604", BIAS["uA"]).value == 16.6


@pytest.mark.parametrize("text", ["0", "", "-274", "1000000000000000", "warm"])
def test_a_figure_that_cannot_be_is_unknown_with_a_reason(text: str) -> None:
    figure = scaled(text, TEMPERATURE["C"])
    assert figure.value is None
    assert figure.note


@pytest.mark.parametrize(
    ("text", "unit", "dbm"),
    [
        ("120", "auto", -50.0),
        ("-50", "auto", -50.0),
        ("220", "auto", 0.0),
        ("221", "auto", None),
        ("255", "auto", None),
        ("0", "auto", None),
        ("", "auto", None),
        ("-200", "dBm", -200.0),
        ("-201", "dBm", None),
        ("-61", "dBm", -61.0),
        ("74", "dBm", None),
    ],
)
def test_signal_of_either_scale_is_dbm(text: str, unit: str, dbm: float | None) -> None:
    figure = signal(text, SignalUnit(unit))
    assert figure.value == dbm
    assert dbm is not None or figure.note


def test_counts_and_switches() -> None:
    assert (count("86400"), count(""), count("-1"), count("9" * 30)) == (86400, None, None, None)
    assert (flag("1"), flag("Enabled"), flag("false"), flag("?")) == (True, True, False, None)
