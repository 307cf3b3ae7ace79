"""Is a file made for a device?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from acs.devices.files import FIRMWARE, CatalogueFile
from acs.devices.record import Device
from acs.files.fit import misfit, read_fits, tells_a_model

RUNNING = "0.6.0 3.0.0 v6066.0 Build 220630 Rel.42342n"
DEVICE = Device(
    1,
    "1C61B4-Device2-22275A7000001",
    "1C61B4",
    "Device2",
    "22275A7000001",
    manufacturer="TP-Link",
    model="XX230v",
    hardware="XX230v v1.0 00000000",
    software=RUNNING,
    root="Device.",
)
IMAGE = CatalogueFile(
    "xx230v.bin", FIRMWARE, "0.8.0 3.0.0 v6066.0 Build 230911", 9, "ab", {"model": ("XX230v*",)}
)


def test_an_image_for_the_model_fits() -> None:
    assert misfit(IMAGE, DEVICE) == ""


def test_case_does_not_matter() -> None:
    assert misfit(IMAGE, replace(DEVICE, model="xx230V")) == ""


@pytest.mark.parametrize("force", [False, True])
def test_an_image_for_another_model_is_refused_even_by_force(force: bool) -> None:
    problem = misfit(IMAGE, replace(DEVICE, model="EX220"), force=force)
    assert problem == "xx230v.bin is for model XX230v*; the device has 'EX220'"


def test_every_field_must_fit_and_one_pattern_of_each_is_enough() -> None:
    both = replace(IMAGE, fits={"model": ("EX220", "XX230v"), "hardware": ("XX230v v1*",)})
    assert misfit(both, DEVICE) == ""
    assert "hardware" in misfit(both, replace(DEVICE, hardware="XX230v v2.0 00000000"))


def test_the_product_class_says_nothing() -> None:
    with pytest.raises(ValueError, match="manufacturer, oui, model, hardware, software"):
        read_fits(["product_class=Device2"])
    assert "does not know" in misfit(
        replace(IMAGE, fits={"model": ("*v",), "product_class": ("Device2",)}), DEVICE
    )


def test_a_model_that_is_not_told_yet_is_taken_from_the_hardware_where_it_stands_there() -> None:
    assert misfit(IMAGE, replace(DEVICE, model="")) == ""
    unknown = replace(DEVICE, model="", hardware="")
    assert misfit(IMAGE, unknown).endswith("the device has not told it yet")


def test_the_refusal_of_the_version_that_runs_names_the_option() -> None:
    assert misfit(replace(IMAGE, version=DEVICE.software), DEVICE).endswith(
        "already; --force sends the image again"
    )


def test_the_version_that_runs_already_is_refused_unless_forced() -> None:
    same = replace(IMAGE, version="0.6.0  3.0.0 v6066.0 build 220630 rel.42342n")
    assert "runs" in misfit(same, DEVICE)
    assert misfit(same, DEVICE, force=True) == ""


def test_a_file_without_a_version_is_sent_again_and_again() -> None:
    tones = CatalogueFile("t.bin", "4 Tone File", "", 1, "cd")
    assert misfit(tones, DEVICE) == ""
    assert misfit(replace(tones, version=RUNNING), DEVICE) == ""


def test_firmware_that_is_bound_to_nothing_is_refused() -> None:
    assert "--fits" in misfit(replace(IMAGE, fits={"manufacturer": ("TP-Link",)}), DEVICE)


def test_firmware_may_be_bound_to_what_runs_now() -> None:
    step = replace(IMAGE, fits={"model": ("XX230v",), "software": ("0.6.*",)})
    assert misfit(step, DEVICE) == ""
    assert "software" in misfit(step, replace(DEVICE, software="0.5.0"))


def test_patterns_are_read_by_field() -> None:
    read = read_fits(["model=XX230v*", "hardware = XX230v v1*", "model=EX220"])
    assert read == {"model": ("XX230v*", "EX220"), "hardware": ("XX230v v1*",)}
    assert tells_a_model(read)
    assert not tells_a_model(read_fits(["oui=1C61B4"]))


@pytest.mark.parametrize("text", ["model", "=x", "serial=1", "model=*", "model=", "model=?*"])
def test_a_pattern_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"FIELD=PATTERN|fits anything"):
        read_fits([text])


def test_what_is_not_told_yet_may_be_passed_over() -> None:
    unknown = replace(DEVICE, model="", product_class="", hardware="")
    assert misfit(IMAGE, unknown) != ""
    assert misfit(IMAGE, unknown, told_only=True) == ""
    assert "XX230v" in misfit(IMAGE, replace(DEVICE, model="EX220"), told_only=True)
