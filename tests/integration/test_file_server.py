"""The file server over real sockets, from the command line to the device."""

from __future__ import annotations

import itertools
import json
import re
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
import requests
from acs_fixtures import StartAcs
from certificates import Certificates
from raw_cpe import Answer, RawCpe, read_answer
from requests.auth import HTTPBasicAuth, HTTPDigestAuth
from running_acs import RunningAcs, wait_for

from acs.devices.effects import SaveJob
from acs.devices.record import Device, Job, JobKind, JobState
from acs.store import jobs
from acs.store.tables import upload_slots

TIMEOUT = 30
MOST = 65_536
IMAGE = secrets.token_bytes(300_000)
NAME = "gateway_2.0.bin"
HARDWARE = "Gateway v1"
TOLD = {
    "InternetGatewayDevice.DeviceInfo.HardwareVersion": (HARDWARE, "string"),
    "InternetGatewayDevice.DeviceInfo.SoftwareVersion": ("1.0", "string"),
}
NEVER = "0001-01-01T00:00:00Z"
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def acs(start_acs: StartAcs, tmp_path_factory: pytest.TempPathFactory) -> RunningAcs:
    """A server with a file server, and one image in its catalogue."""
    acs = start_acs(FILES_LISTEN="127.0.0.1:0", FILES_MAX_UPLOAD_BYTES=str(MOST))
    add_image(acs, tmp_path_factory.mktemp("image") / NAME)
    return acs


def add_image(acs: RunningAcs, path: Path) -> None:
    path.write_bytes(IMAGE)
    ended = acs.command(
        "file", "add", str(path), "--type", "firmware", "--version", "2.0",
        "--fits", "hardware=Gateway v1*", "--json",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["sha256"] == sha256(IMAGE).hexdigest()


@pytest.fixture
def cpe(acs: RunningAcs) -> Iterator[RawCpe]:
    cpe = known(acs)
    yield cpe
    cpe.close()


def known(acs: RunningAcs, told: dict[str, tuple[str, str]] | None = None) -> RawCpe:
    """A CPE that has called once."""
    cpe = RawCpe(acs.port(), f"FILE{next(_NUMBERS):04d}")
    call(cpe, told or TOLD)
    return cpe


def call(
    cpe: RawCpe,
    told: dict[str, tuple[str, str]],
    respond: Callable[[Answer], bytes] | None = None,
) -> list[Answer]:
    """Let a CPE call; what it is asked."""
    assert cpe.open("2 PERIODIC", values=told).name == "InformResponse"
    return cpe.finish(cpe.post(), respond)


def asked(acs: RunningAcs, cpe: RawCpe, kind: JobKind, **payload: object) -> tuple[Job, Asked]:
    """Wish a transfer of a CPE, let it call, and return what it is asked."""
    job_id = acs.enqueue(acs.device(cpe.key), kind, **payload)
    found: list[Asked] = []

    def respond(answer: Answer) -> bytes:
        if answer.name not in ("Download", "Upload"):
            return cpe.respond(answer)
        leaves = ("URL", "Username", "Password", "FileSize", "FileType")
        found.append(Asked(*(answer.text(leaf) or "" for leaf in leaves)))
        told = (
            f"<Status>1</Status><StartTime>{NEVER}</StartTime><CompleteTime>{NEVER}</CompleteTime>"
        )
        return cpe.form.call(f"{answer.name}Response", told, answer.id)

    call(cpe, TOLD, respond)
    return acs.job(job_id), found[0] if found else Asked()


@dataclass(frozen=True)
class Asked:
    """What a Download or an Upload says; empty where nothing was asked."""

    url: str = ""
    username: str = ""
    password: str = ""
    size: str = ""
    file_type: str = ""

    @property
    def account(self) -> tuple[str, str]:
        return self.username, self.password

    @property
    def digest(self) -> HTTPDigestAuth:
        return HTTPDigestAuth(*self.account)


def download(acs: RunningAcs, cpe: RawCpe) -> str:
    _, told = asked(acs, cpe, JobKind.DOWNLOAD, file=NAME)
    assert told.url, "no Download came"
    return told.url


def upload(acs: RunningAcs, cpe: RawCpe) -> Asked:
    _, told = asked(acs, cpe, JobKind.UPLOAD, file_type="3 Vendor Configuration File 1")
    assert told.url, "no Upload came"
    return told


def fetch(url: str, **headers: str) -> requests.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(url, headers=sent, timeout=TIMEOUT)


# --- firmware out ---------------------------------------------------------------------------


def test_a_device_is_asked_to_download_and_gets_the_image(acs: RunningAcs, cpe: RawCpe) -> None:
    job, told = asked(acs, cpe, JobKind.DOWNLOAD, file=NAME)
    assert job.state is JobState.SENT
    assert told.file_type == "1 Firmware Upgrade Image"
    assert told.size == str(len(IMAGE))
    assert told.account == ("", "")
    assert told.url.startswith(f"http://127.0.0.1:{acs.port('files')}/")
    assert told.url.endswith(f"/{NAME}")
    answer = fetch(told.url)
    assert answer.status_code == 200
    assert answer.content == IMAGE
    assert answer.headers["Content-Length"] == str(len(IMAGE))
    assert "Transfer-Encoding" not in answer.headers
    assert answer.headers["ETag"] == f'"{sha256(IMAGE).hexdigest()}"'
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_a_transfer_is_one_line_of_the_log_and_its_address_none(
    acs: RunningAcs, cpe: RawCpe
) -> None:
    url = download(acs, cpe)
    assert fetch(url).status_code == 200
    device = acs.device(cpe.key)

    def lines() -> list[str]:
        return [
            line
            for line in acs.log.splitlines()
            if "result=sent" in line and f"device_id={device.id} " in line
        ]

    (line,) = wait_for("the line of the transfer", lines)
    assert f"file={NAME}" in line
    assert f"octets={len(IMAGE)}" in line
    signature = url.split("/")[-2]
    assert len(signature) == 32
    assert signature not in acs.log + acs.stderr


def test_a_download_that_was_cut_is_resumed(acs: RunningAcs, cpe: RawCpe) -> None:
    url = download(acs, cpe)
    etag = f'"{sha256(IMAGE).hexdigest()}"'
    rest = fetch(url, Range="bytes=299990-", If_Range=etag)
    assert rest.status_code == 206
    assert rest.content == IMAGE[299_990:]
    assert rest.headers["Content-Range"] == "bytes 299990-299999/300000"
    middle = fetch(url, Range="bytes=10-19")
    assert (middle.status_code, middle.content) == (206, IMAGE[10:20])
    other = fetch(url, Range="bytes=10-19", If_Range='"another image"')
    assert (other.status_code, other.content) == (200, IMAGE)


def test_a_range_past_the_end_is_named_so(acs: RunningAcs, cpe: RawCpe) -> None:
    answer = fetch(download(acs, cpe), Range="bytes=300000-")
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */300000"


def test_head_tells_the_length_and_sends_nothing(acs: RunningAcs, cpe: RawCpe) -> None:
    answer = requests.head(download(acs, cpe), timeout=TIMEOUT)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(IMAGE))
    assert answer.headers["ETag"] == f'"{sha256(IMAGE).hexdigest()}"'


def test_what_the_device_has_is_not_sent_again(acs: RunningAcs, cpe: RawCpe) -> None:
    url = download(acs, cpe)
    answer = fetch(url, If_None_Match=fetch(url).headers["ETag"])
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url[: -len(NAME) - 2] + ("B/" if url[-len(NAME) - 2] == "A" else "A/") + NAME,
        lambda url: url.replace("/get/", "/put/"),
        lambda url: re.sub(r"/get/\d+/", "/get/1/", url) + "x",
        lambda url: url.replace(NAME, "..%2f..%2facs.db"),
        lambda url: url.replace(NAME, "../../../acs.db"),
        lambda url: "/".join(url.split("/")[:3]) + "/catalogue/" + sha256(IMAGE).hexdigest(),
        lambda url: "/".join(url.split("/")[:3]) + "/",
    ],
    ids=["signature", "purpose", "name", "escaped path", "path", "folder", "root"],
)
def test_an_address_that_we_did_not_sign_is_refused_without_a_word(
    acs: RunningAcs, cpe: RawCpe, change: Callable[[str], str]
) -> None:
    changed = change(download(acs, cpe))
    prepared = requests.Request("GET", changed).prepare()
    prepared.url = changed
    with requests.Session() as session:
        answer = session.send(prepared, timeout=TIMEOUT)
    assert (answer.status_code, answer.content) == (403, b"")


def test_the_address_of_another_device_is_refused(acs: RunningAcs, cpe: RawCpe) -> None:
    url = download(acs, cpe)
    mine = acs.device(cpe.key).id
    assert fetch(url.replace(f"/get/{mine}/", f"/get/{mine + 1}/")).status_code == 403


def test_an_address_ends_with_its_job_and_its_device(acs: RunningAcs, cpe: RawCpe) -> None:
    job, told = asked(acs, cpe, JobKind.DOWNLOAD, file=NAME)
    assert fetch(told.url).status_code == 200
    set_state(acs, job, JobState.CANCELLED)
    assert fetch(told.url).status_code == 403
    set_state(acs, job, JobState.SENT)
    assert fetch(told.url).status_code == 200
    acs.forget(acs.device(cpe.key))
    assert fetch(told.url).status_code == 403


def set_state(acs: RunningAcs, job: Job, state: JobState) -> None:
    acs.database.run("test", jobs.save_thd, [SaveJob(job.id, state, 1.0, 1, {})])


def test_other_methods_are_refused(acs: RunningAcs, cpe: RawCpe) -> None:
    url = download(acs, cpe)
    assert requests.delete(url, timeout=TIMEOUT).status_code == 405
    assert requests.put(url, data=b"x", timeout=TIMEOUT).status_code == 403


# --- what is refused before anything is sent --------------------------------------------------


def test_an_image_for_other_hardware_is_refused_before_it_is_sent(acs: RunningAcs) -> None:
    other = known(acs, {"InternetGatewayDevice.DeviceInfo.HardwareVersion": ("Box v9", "string")})
    job_id = acs.enqueue(acs.device(other.key), JobKind.DOWNLOAD, file=NAME)
    asked_of_it = call(other, {})
    other.close()
    assert "Download" not in [answer.name for answer in asked_of_it]
    job = acs.job(job_id)
    assert job.state is JobState.FAILED
    assert "is for hardware Gateway v1*; the device has 'Box v9'" in str(job.result["error"])


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({"file": "nothing.bin"}, "has no file 'nothing.bin'"),
        ({"file": NAME, "file_type": "4 Tone File"}, "is of the type '1 Firmware Upgrade Image'"),
    ],
)
def test_what_cannot_be_sent_fails_with_the_reason(
    acs: RunningAcs, cpe: RawCpe, payload: dict[str, object], said: str
) -> None:
    job, told = asked(acs, cpe, JobKind.DOWNLOAD, **payload)
    assert told.url == ""
    assert job.state is JobState.FAILED
    assert said in str(job.result["error"])


def test_the_version_that_runs_is_sent_again_only_by_force(acs: RunningAcs) -> None:
    told = {**TOLD, "InternetGatewayDevice.DeviceInfo.SoftwareVersion": ("2.0", "string")}
    cpe = known(acs, told)
    device = acs.device(cpe.key)
    refused = acs.enqueue(device, JobKind.DOWNLOAD, file=NAME)
    call(cpe, told)
    assert "runs 2.0 already" in str(acs.job(refused).result["error"])
    forced = acs.enqueue(device, JobKind.DOWNLOAD, file=NAME, force=True)
    names = [answer.name for answer in call(cpe, told)]
    cpe.close()
    assert "Download" in names
    assert acs.job(forced).attempts >= 0


# --- files in -------------------------------------------------------------------------------


def uploads(acs: RunningAcs, device: Device) -> list[dict[str, object]]:
    ended = acs.command("file", "uploads", device.key, "--json")
    assert ended.returncode == 0, ended.stderr
    found: list[dict[str, object]] = json.loads(ended.stdout)["uploads"]
    return found


def folder_of_uploads(acs: RunningAcs) -> list[Path]:
    return sorted((acs.data_dir / "files" / "uploads").iterdir())


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_device_sends_its_configuration_once(
    acs: RunningAcs, cpe: RawCpe, tmp_path: Path, method: str
) -> None:
    told = upload(acs, cpe)
    content = b"pppoe password: erable-47\n" * 100
    answer = requests.request(method, told.url, data=content, auth=told.digest, timeout=TIMEOUT)
    assert answer.status_code == 200
    (row,) = uploads(acs, acs.device(cpe.key))
    assert row["size"] == len(content)
    assert row["sha256"] == sha256(content).hexdigest()
    assert row["file_type"] == "3 Vendor Configuration File 1"
    assert all(b"erable" not in path.read_bytes() for path in folder_of_uploads(acs))
    out = tmp_path / "config.bin"
    ended = acs.command("file", "get", str(row["id"]), "-o", str(out))
    assert ended.returncode == 0, ended.stderr
    assert out.read_bytes() == content
    again = acs.command("file", "get", str(row["id"]), "-o", str(out))
    assert again.returncode == 1
    second = requests.put(told.url, data=b"other", auth=told.digest, timeout=TIMEOUT)
    assert second.status_code == 410
    assert len(uploads(acs, acs.device(cpe.key))) == 1


def test_a_body_in_chunks_is_taken(acs: RunningAcs, cpe: RawCpe) -> None:
    told = upload(acs, cpe)
    # The challenge first: what is sent piece by piece cannot be sent again.
    auth = told.digest
    with requests.Session() as session:
        first = session.put(told.url, data=b"", timeout=TIMEOUT)
        assert first.status_code == 401
        auth.init_per_thread_state()
        challenge = first.headers["WWW-Authenticate"].removeprefix("Digest ")
        auth._thread_local.chal = requests.utils.parse_dict_header(challenge)
        header = auth.build_digest_header("PUT", told.url)
        pieces = iter([b"one", b"two", b"three"])
        answer = session.put(
            told.url, data=pieces, headers={"Authorization": str(header)}, timeout=TIMEOUT
        )
    assert answer.status_code == 200
    (row,) = uploads(acs, acs.device(cpe.key))
    assert row["size"] == len(b"onetwothree")


def test_a_wrong_password_is_challenged_and_keeps_nothing(acs: RunningAcs, cpe: RawCpe) -> None:
    told = upload(acs, cpe)
    user, password = told.account
    for account in ((user, "wrong"), ("nobody", password), ("é", password)):
        answer = requests.put(
            told.url, data=b"x" * 100, auth=HTTPDigestAuth(*account), timeout=TIMEOUT
        )
        assert answer.status_code == 401
    assert uploads(acs, acs.device(cpe.key)) == []


def test_basic_is_not_taken_without_tls(acs: RunningAcs, cpe: RawCpe) -> None:
    told = upload(acs, cpe)
    answer = requests.put(told.url, data=b"x", auth=HTTPBasicAuth(*told.account), timeout=TIMEOUT)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Digest ")
    assert "Basic" not in answer.headers["WWW-Authenticate"]


def test_the_account_of_another_device_is_no_use(acs: RunningAcs, cpe: RawCpe) -> None:
    other = known(acs)
    mine, its = upload(acs, cpe), upload(acs, other)
    other.close()
    answer = requests.put(mine.url, data=b"x", auth=its.digest, timeout=TIMEOUT)
    assert (answer.status_code, answer.content) == (403, b"")
    assert requests.put(mine.url, data=b"x", auth=mine.digest, timeout=TIMEOUT).ok


def test_what_is_too_large_is_refused(acs: RunningAcs, cpe: RawCpe) -> None:
    told = upload(acs, cpe)
    before = folder_of_uploads(acs)
    answer = requests.put(told.url, data=b"x" * (MOST + 1), auth=told.digest, timeout=TIMEOUT)
    assert answer.status_code == 413
    assert folder_of_uploads(acs) == before
    fits = requests.put(told.url, data=b"x" * MOST, auth=told.digest, timeout=TIMEOUT)
    assert fits.status_code == 200


def test_what_is_far_too_large_is_not_even_read(acs: RunningAcs, cpe: RawCpe) -> None:
    told = upload(acs, cpe)
    path = told.url.split("/", 3)[3]
    with socket.create_connection(("127.0.0.1", acs.port("files")), TIMEOUT) as connection:
        head = f"PUT /{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_an_upload_that_is_cut_leaves_nothing_and_may_be_tried_again(
    acs: RunningAcs, cpe: RawCpe
) -> None:
    told = upload(acs, cpe)
    before = folder_of_uploads(acs)
    path = told.url.split("/", 3)[3]
    with socket.create_connection(("127.0.0.1", acs.port("files")), TIMEOUT) as connection:
        head = (
            f"PUT /{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
            'Authorization: Digest username="x"\r\n\r\n'
        )
        connection.sendall(head.encode() + b"x" * 500)
        wait_for("the upload to begin", lambda: acs.metric("acs_file_transfers_open") == 1)
    wait_for("the upload to end", lambda: acs.metric("acs_file_transfers_open") == 0)
    assert folder_of_uploads(acs) == before
    assert uploads(acs, acs.device(cpe.key)) == []
    assert requests.put(told.url, data=b"whole", auth=told.digest, timeout=TIMEOUT).ok


def test_a_slot_of_a_job_that_was_cancelled_is_closed(acs: RunningAcs, cpe: RawCpe) -> None:
    job, told = asked(acs, cpe, JobKind.UPLOAD)
    set_state(acs, job, JobState.CANCELLED)
    answer = requests.put(told.url, data=b"x", auth=told.digest, timeout=TIMEOUT)
    assert answer.status_code == 401
    assert uploads(acs, acs.device(cpe.key)) == []


def test_passwords_of_slots_are_sealed_and_reach_no_log(acs: RunningAcs, cpe: RawCpe) -> None:
    told = upload(acs, cpe)
    user, password = told.account
    assert len(password) >= 20
    with acs.database.read() as conn:
        rows = {row.username: row.password for row in conn.execute(upload_slots.select())}
    assert password.encode() not in rows[user]
    assert password not in acs.log + acs.stderr


# --- bounds ---------------------------------------------------------------------------------


def test_transfers_are_bounded_in_number_and_speed(start_acs: StartAcs, tmp_path: Path) -> None:
    acs = start_acs(FILES_LISTEN="127.0.0.1:0", FILES_TRANSFERS="1", FILES_BYTES_PER_SECOND="1000")
    add_image(acs, tmp_path / NAME)
    cpe = known(acs)
    url = download(acs, cpe)
    slot = upload(acs, cpe)
    cpe.close()
    with requests.get(url, stream=True, timeout=TIMEOUT) as slow:
        # 300 KB at 1 KB a second: it is still under way whatever the machine does.
        assert next(slow.iter_content(1000))
        assert acs.metric("acs_file_transfers_open") == 1
        busy = fetch(url)
        assert busy.status_code == 503
        assert 30 <= int(busy.headers["Retry-After"]) <= 60
        sent = requests.put(slot.url, data=b"x", auth=slot.digest, timeout=TIMEOUT)
        assert sent.status_code == 503
        assert requests.head(url, timeout=TIMEOUT).status_code == 200
        received = len(slow.raw.read1(1_000_000))
        assert received < len(IMAGE) // 2
    wait_for("the cut transfer to end", lambda: acs.metric("acs_file_transfers_open") == 0)
    wait_for("its count", lambda: acs.metric('acs_file_transfers_total{result="cut"}') == 1)
    assert requests.put(slot.url, data=b"x", auth=slot.digest, timeout=TIMEOUT).ok


def test_no_device_takes_the_place_of_others(start_acs: StartAcs, tmp_path: Path) -> None:
    acs = start_acs(FILES_LISTEN="127.0.0.1:0", FILES_BYTES_PER_SECOND="1000")
    add_image(acs, tmp_path / NAME)
    greedy, other = known(acs), known(acs)
    url, its = download(acs, greedy), download(acs, other)
    greedy.close()
    other.close()
    with ExitStack() as stack:
        for _ in range(4):
            slow = stack.enter_context(requests.get(url, stream=True, timeout=TIMEOUT))
            assert slow.status_code == 200
        assert fetch(url).status_code == 503
        served = stack.enter_context(requests.get(its, stream=True, timeout=TIMEOUT))
        assert served.status_code == 200


def test_over_tls_and_with_an_address_of_its_own(
    start_acs: StartAcs, certificates: Certificates, tmp_path: Path
) -> None:
    acs = start_acs(
        FILES_TLS_LISTEN="127.0.0.1:0",
        FILES_URL="https://files.example.net:7549/acs",
        CWMP_TLS_CERTIFICATE=str(certificates.server),
        CWMP_TLS_KEY=str(certificates.server_key),
    )
    add_image(acs, tmp_path / NAME)
    cpe = known(acs)
    url = download(acs, cpe)
    slot = upload(acs, cpe)
    cpe.close()
    public = "https://files.example.net:7549/acs"
    assert url.startswith(f"{public}/get/")
    here = f"https://localhost:{acs.port('files_tls')}/acs"
    answer = requests.get(
        url.replace(public, here), verify=str(certificates.authority), timeout=TIMEOUT
    )
    assert answer.content == IMAGE
    put = requests.put(
        slot.url.replace(public, here),
        data=b"config",
        auth=HTTPBasicAuth(*slot.account),
        verify=str(certificates.authority),
        timeout=TIMEOUT,
    )
    assert put.status_code == 200


def test_without_an_address_the_job_says_which_setting_lacks(
    start_acs: StartAcs, tmp_path: Path
) -> None:
    acs = start_acs()
    add_image(acs, tmp_path / NAME)
    cpe = known(acs)
    job, told = asked(acs, cpe, JobKind.DOWNLOAD, file=NAME)
    cpe.close()
    assert told.url == ""
    assert "files.listen" in str(job.result["error"])
    assert "files.url" in str(job.result["error"])


def test_it_is_part_of_health(acs: RunningAcs) -> None:
    assert acs.health()["parts"]["files"]["state"] == "ok"


def test_a_connection_serves_one_request_after_another(acs: RunningAcs, cpe: RawCpe) -> None:
    path = download(acs, cpe).split("/", 3)[3]
    with socket.create_connection(("127.0.0.1", acs.port("files")), TIMEOUT) as connection:
        for _ in range(2):
            connection.sendall(f"GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert read_answer(connection).body == IMAGE


# --- the catalogue --------------------------------------------------------------------------


def test_a_file_that_open_jobs_send_is_not_removed(acs: RunningAcs, cpe: RawCpe) -> None:
    job, _ = asked(acs, cpe, JobKind.DOWNLOAD, file=NAME)
    refused = acs.command("file", "remove", NAME, "--yes")
    assert refused.returncode == 1
    assert "open jobs send" in refused.stderr
    assert str(job.id) in refused.stderr or "…" in refused.stderr


def test_a_changed_image_is_noticed_and_never_sent(start_acs: StartAcs, tmp_path: Path) -> None:
    acs = start_acs(FILES_LISTEN="127.0.0.1:0")
    add_image(acs, tmp_path / NAME)
    assert acs.command("file", "verify").returncode == 0
    cpe = known(acs)
    url = download(acs, cpe)
    cpe.close()
    stored = acs.data_dir / "files" / "catalogue" / sha256(IMAGE).hexdigest()
    stored.write_bytes(IMAGE[:1000])
    assert fetch(url).status_code == 503
    wait_for("the line that tells", lambda: "1000 octets on disk instead of 300000" in acs.log)
    verified = acs.command("file", "verify", "--json")
    assert verified.returncode == 1
    assert "has changed" in json.loads(verified.stdout)["files"][0]["problem"]
