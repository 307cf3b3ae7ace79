"""Where a connection request may go, whatever a device says: the guard against forged requests."""

from __future__ import annotations

import pytest

from acs.cwmp.wakeup.target import Refused, Target, allowed, allowed_datagram

CALLER = "100.64.7.9"
NETWORKS = ("100.64.0.0/10", "2001:db8::/32")
EVERYWHERE = ("0.0.0.0/0", "::/0")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://100.64.7.9:7547/tr069", Target("100.64.7.9", 7547, "/tr069")),
        ("  HTTP://100.64.7.9:7547/a?b=c#d ", Target("100.64.7.9", 7547, "/a?b=c")),
        ("http://100.64.7.9", Target("100.64.7.9", 80, "/")),
        ("http://100.64.7.9:/x", Target("100.64.7.9", 80, "/x")),
        ("http://100.64.7.9?q", Target("100.64.7.9", 80, "/?q")),
        ("http://100.64.7.9:65535/", Target("100.64.7.9", 65535, "/")),
        ("http://[2001:db8::1]:7547/x", Target("2001:db8::1", 7547, "/x")),
        ("http://[::ffff:100.64.7.9]:7547/x", Target("100.64.7.9", 7547, "/x")),
    ],
)
def test_a_url_within_the_networks(url: str, target: Target) -> None:
    assert allowed(url, NETWORKS, CALLER) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "   ",
        "100.64.7.9:7547",
        "//100.64.7.9/",
        "https://100.64.7.9:7547/",
        "ftp://100.64.7.9/",
        "gopher://100.64.7.9:70/_x",
        "file:///etc/passwd",
        "http://",
        "http:///x",
        "http://:7547/",
        "http://localhost/",
        "http://ont.example.net:7547/",
        "http://admin@100.64.7.9/",
        "http://100.64.7.9@192.0.2.1/",
        "http://192.0.2.1@100.64.7.9/",
        "http://100.64.7.9:0/",
        "http://100.64.7.9:65536/",
        "http://100.64.7.9:80:80/",
        "http://100.64.7.9:+80/",
        "http://100.64.7.9:٨٠/",
        "http://0144.0100.7.9/",
        "http://1681917705/",
        "http://0x64.0x40.7.9/",
        "http://100.64.7/",
        "http://[100.64.7.9]/",
        "http://2001:db8::1/",
        "http://[2001:db8::1/",
        "http://[2001:db8::1%eth0]/",
        "http://100.64.7.9\\@192.0.2.1/",
        "http://100.64.7.9/ HTTP/1.1\r\nX: y",
        "http://100.64.7.9/\tx",
        "http://100.64.7.9/a b",
        "http://100.64.7.9/" + "a" * 1024,
        "http://192.0.2.1/",
        "http://10.0.0.1/",
        "http://127.0.0.1:7547/",
        "http://[::1]:7547/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:127.0.0.1]/",
        "http://[2001:db9::1]/",
    ],
)
def test_what_is_never_called(url: str) -> None:
    verdict = allowed(url, NETWORKS, CALLER)
    assert isinstance(verdict, Refused)
    assert verdict.reason
    assert "\r" not in verdict.reason


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "240.0.0.1",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[fe80::1]",
        "[ff02::1]",
    ],
)
def test_what_no_device_has_wants_to_be_named(host: str) -> None:
    url = f"http://{host}:7547/"
    assert isinstance(allowed(url, EVERYWHERE, CALLER), Refused)
    plain = host.strip("[]").removeprefix("::ffff:")
    plain = "169.254.169.254" if plain == "a9fe:a9fe" else plain
    assert isinstance(allowed(url, (*EVERYWHERE, plain), CALLER), Target)
    is_own = plain.startswith("127.") or plain == "::1"
    assert isinstance(allowed(url, EVERYWHERE, plain), Refused if is_own else Target)


@pytest.mark.parametrize(
    ("caller", "host", "fits"),
    [
        ("192.0.2.9", "192.0.2.9", True),
        ("192.0.2.9:51000", "192.0.2.9", True),
        ("127.0.0.1", "127.0.0.1", False),
        ("::1", "[::1]", False),
        ("127.0.0.1", "[::ffff:127.0.0.1]", False),
        ("::ffff:192.0.2.9", "192.0.2.9", True),
        ("192.0.2.9", "[::ffff:192.0.2.9]", True),
        ("2001:db8::9", "[2001:DB8:0::9]", True),
        ("[2001:db8::9]:51000", "[2001:db8::9]", True),
        ("192.0.2.9", "192.0.2.10", False),
        ("192.0.2.9", "100.64.7.9", False),
        ("", "192.0.2.9", False),
        ("ont", "192.0.2.9", False),
    ],
)
def test_without_networks_only_where_it_called_from(caller: str, host: str, fits: bool) -> None:
    assert isinstance(allowed(f"http://{host}:7547/x", (), caller), Target) is fits


def test_networks_bind_the_caller_too() -> None:
    assert isinstance(allowed("http://192.0.2.9/", NETWORKS, "192.0.2.9"), Refused)
    assert isinstance(allowed("http://127.0.0.1/", NETWORKS, "127.0.0.1"), Refused)


def test_a_network_that_is_none_is_told() -> None:
    with pytest.raises(ValueError, match="elsewhere"):
        allowed("http://192.0.2.9/", ("elsewhere",), "")


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("100.64.7.9:40001", Target("100.64.7.9", 40001)),
        (" 100.64.7.9:40001 ", Target("100.64.7.9", 40001)),
        ("100.64.7.9", Target("100.64.7.9", 80)),
        ("[2001:db8::1]:40001", Target("2001:db8::1", 40001)),
        ("", None),
        ("100.64.7.9:0", None),
        ("100.64.7.9:x", None),
        ("ont.example.net:40001", None),
        ("http://100.64.7.9:40001", None),
        ("192.0.2.1:40001", None),
        ("127.0.0.1:53", None),
    ],
)
def test_a_datagram_has_the_same_guard(address: str, target: Target | None) -> None:
    verdict = allowed_datagram(address, NETWORKS, CALLER)
    assert verdict == target if target else isinstance(verdict, Refused)


@pytest.mark.parametrize(
    ("target", "authority"),
    [
        (Target("192.0.2.9", 80), "192.0.2.9"),
        (Target("192.0.2.9", 7547), "192.0.2.9:7547"),
        (Target("2001:db8::9", 80), "[2001:db8::9]"),
        (Target("2001:db8::9", 7547), "[2001:db8::9]:7547"),
    ],
)
def test_the_authority_leaves_out_port_80_alone(target: Target, authority: str) -> None:
    assert target.authority == authority
