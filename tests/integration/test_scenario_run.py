"""`cpe-sim scenario run`: a town really lives, and the verdict is its exit code."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

FIRST_BOOT = """\
name = "First boot"
about = "Some units are plugged in, two of which speak USP; then ERPNext has news of each sort."

[server]
settings = { "provisioning.settle_seconds" = 1, "erp.hold_seconds" = 10 }

[erpnext]
webhooks = true

[pace]
periodic = 1
apply = 0.2

[[units]]
model = "tplink-a-xx230v"
count = 1
profile = "telephone"

[[units]]
model = "generic-tr098"
count = 1

[[units]]
model = "tplink-a-ex220"
protocol = "usp"
mtps = { mqtt5 = 0.5, websocket = 0.5 }
count = 2

[[units]]
model = "tplink-a-ex220"
count = 1
profile = "unknown"

[[units]]
model = "generic-tr181"
count = 1
joins = "news"
recorded = "news"
listen = true

[[phase]]
name = "plugged in"
seconds = 60
until = "served"

[[phase]]
name = "asked"
seconds = 60
until = "quiet"
do = [{ command = ["device", "provision", "{serial}"], share = 0.5 }]

[[phase]]
name = "news"
seconds = 60
until = "served"
do = [{ wish = "wifi", share = 0.5 }]
expect = { p95_seconds_to_follow = "< 60" }

[expect]
provisioned_share = 1
wrong_states = 0
lost_jobs = 0
done_jobs = 2
failed_sessions = 0
lost_links = 0
notifies = ">= 4"
server_restarts = 0
erpnext_queries = "> 0"
rss_mib_max = "> 10"
"""

NEVER_MET = """\
name = "Too much"
about = "Nobody calls so often."

[[units]]
model = "generic-tr098"
count = 1

[[phase]]
name = "one call"
seconds = 0.5

[expect]
sessions = ">= 1000"
wrong_states = 0
"""


def run(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    file = folder / "town.toml"
    file.write_text(text, encoding="utf-8")
    command = str(Path(sys.executable).with_name("cpe-sim"))
    return subprocess.run(
        [command, "scenario", "run", str(file), *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder,
    )


def test_a_town_boots_and_is_served(tmp_path: Path) -> None:
    ran = run(tmp_path, FIRST_BOOT, "--json", "report.json", "--html", "report.html")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["passed"]
    assert told["good_units"] == 5
    assert {each["outcome"] for each in told["expectations"]} == {"passed"}
    assert told["measures"]["sessions"] >= 5
    assert told["measures"]["p95_seconds_to_serve"] < 60
    assert told["measures"]["cpu_seconds"] > 0
    html = (tmp_path / "report.html").read_text()
    assert "<title>First boot: passed</title>" in html
    assert "phase: plugged in" in ran.stderr
    assert "1 units are recorded in ERPNext" in ran.stderr
    # Nothing is left behind: all ran in a directory of its own.
    assert {path.name for path in tmp_path.iterdir()} == {
        "town.toml",
        "report.json",
        "report.html",
    }


def test_an_expectation_that_is_not_met_ends_with_1(tmp_path: Path) -> None:
    """Tried on a server elsewhere, where nobody listens."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        acs = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        ran = run(tmp_path, NEVER_MET, "--acs", acs, "--json", "-")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    told = json.loads(ran.stdout)
    assert not told["passed"]
    assert [each["outcome"] for each in told["expectations"]] == ["failed", "not measured"]
    assert told["failures"] == {"connection refused": 1}
