"""Nobody is given another home's settings, and nobody is locked out of its own."""

from __future__ import annotations

from homes import Home
from running_acs import BOOTSTRAP

from acs.devices.record import Standing
from simulators.cpe import Identity, Ont
from simulators.cpe.blocking import Client


def stand_in(home: Home, *, oui: str = "", product_class: str = "Device2") -> tuple[Ont, Client]:
    """A unit fresh from the factory that says it is the one of ``home``, but for what is given."""
    own = home.mac.replace(":", "")[:6]
    identity = Identity(oui or own, product_class, home.serial, "00:31:92:00:00:01")
    ont = Ont(home.model, identity, username=BOOTSTRAP[0], password=BOOTSTRAP[1])
    return ont, Client(home.acs.url, ont, timeout=30)


def test_a_stranger_who_claims_a_known_serial_under_another_oui_is_given_nothing(
    home: Home,
) -> None:
    home.scan()
    home.settle_in()
    _ont, client = stand_in(home, oui="003192")
    report = client.session(["0 BOOTSTRAP"])
    assert report.complete
    assert report.written == {}
    stranger = home.acs.device(f"003192-Device2-{home.serial}")
    assert stranger.standing is Standing.QUARANTINED
    assert home.equipment in stranger.reason
    assert home.acs.device(home.equipment).standing is Standing.LIVE


def test_a_claimed_reset_does_not_lock_the_real_unit_out(home: Home) -> None:
    home.scan()
    home.settle_in()
    credentials = home.ont.credentials
    _thief, client = stand_in(home)
    client.session(["0 BOOTSTRAP"])
    assert home.call("2 PERIODIC").complete
    assert home.ont.credentials == credentials
    assert home.device.own_credentials
    assert any("earlier password" in text for text in home.acs.told(home.device, "credentials"))
    assert not client.session(["2 PERIODIC"]).complete, "what the thief was given is void"
    assert home.call("2 PERIODIC").complete


def test_a_unit_whose_firmware_changes_its_product_class_stays_one_device(home: Home) -> None:
    home.scan()
    home.settle_in()
    before = home.device
    state = home.ont.dump()
    own = home.mac.replace(":", "")[:6]
    home.ont = Ont(home.model, Identity(own, "XX230v", home.serial, home.mac))
    home.ont.load(state)
    home.client = Client(home.acs.url, home.ont, timeout=30)
    assert home.call("1 BOOT").complete
    after = home.device
    assert (after.id, after.product_class) == (before.id, "XX230v")
    assert after.standing is Standing.LIVE
    assert any("now calls itself" in text for text in home.acs.told(after, "identity"))
