"""What a server makes for itself at its first start: an encryption key, a bootstrap password.

They are kept in ``DATA_DIR/secrets.toml``, readable by its owner only, in the form of the
settings file; `Settings.load` reads it as the layer below that file.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from acs.model import Secret
from acs.settings.load import GENERATED_FILE, Settings, SettingsError

_KEY_ID = "first"
_HEAD = """\
# Made by Gigafibre ACS at its first start. Without the key, the secrets in the database
# cannot be read again: keep a copy of this file apart from the copies of the database.
"""


def complete(settings: Settings, random_bytes: Callable[[int], bytes]) -> Settings:
    """Fill in the key and the password nobody gave, and keep them.

    ``random_bytes`` is `secrets.token_bytes`.  Does nothing when nothing is missing.  Raises
    `SettingsError` when the data directory cannot be written, or when ``secrets.toml`` is
    there but lacks one of the two: an existing file is never changed.
    """
    auth, secrets = settings.auth, settings.secrets
    sources = dict(settings.sources)
    lines = [_HEAD]
    if not auth.bootstrap_password:
        password = base64.b32encode(random_bytes(15)).decode().lower()
        auth = msgspec.structs.replace(auth, bootstrap_password=Secret(password))
        sources["auth.bootstrap_password"] = "generated"  # noqa: S105 - where it came from
        lines += ["[auth]", f'bootstrap_password = "{password}"', ""]
    if not secrets.keys:
        key = base64.b64encode(random_bytes(32)).decode()
        secrets = msgspec.structs.replace(secrets, keys={_KEY_ID: Secret(key)}, current=_KEY_ID)
        sources["secrets.keys"] = sources["secrets.current"] = "generated"
        lines += [
            "[secrets]",
            f'current = "{_KEY_ID}"',
            "",
            "[secrets.keys]",
            f'{_KEY_ID} = "{key}"',
        ]
    elif not secrets.current:
        secrets = msgspec.structs.replace(secrets, current=next(iter(secrets.keys)))
    if len(lines) > 1:
        _keep(settings.data_dir, "\n".join(lines) + "\n")
    return replace(settings, auth=auth, secrets=secrets, sources=sources)


def _keep(data_dir: Path, text: str) -> None:
    path = data_dir / GENERATED_FILE
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written aside and linked into place: a crash leaves the whole file or none, and a
        # file that is there already is never replaced.
        aside = path.with_suffix(f".{os.getpid()}.new")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, path)
        finally:
            aside.unlink()
    except FileExistsError:
        raise SettingsError(
            (
                f"{path}: is there but lacks a key or the bootstrap password; add it, or give it "
                "in the settings file",
            )
        ) from None
    except OSError as error:
        raise SettingsError(
            (f"{data_dir}: cannot be written ({error.strerror}); set server.data_dir",)
        ) from None
