"""The table of all settings, from which docs/settings.md is made.

``make docs`` writes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import msgspec

from acs.model import Secret
from acs.settings.load import SECTIONS, fields_of
from acs.settings.wants import extra, meaning, want

_HEAD = """\
# Settings

<!-- Made by `make docs` from acs/settings/sections/: change the descriptions there. -->

Every setting has a default that runs, so a file is needed only for what you want otherwise.
One TOML file is read: the one of `--config FILE`, else the one `$ACS_CONFIG` names, else
`./acs.toml`, else `/etc/gigafibre-acs/acs.toml`. A variable wins over the file. What the server
generated at its first start lies in `DATA_DIR/secrets.toml` and gives way to both; the keys of
`[secrets.keys]` add up instead.

```toml
# /etc/gigafibre-acs/acs.toml
[cwmp]
listen = "0.0.0.0:7547"

[erp]
url = "https://erp.example.net"
api_key = "0123456789abcde"
# the secret comes from the environment: ACS_ERP_API_SECRET
```

A name that does not exist, a value of the wrong kind or out of its range, or two settings that
contradict each other stop the server at its start, with the file, the line and what is
expected. Variables that begin with `ACS_` are ours: a misspelt one is an error too. `acs doctor`
shows each value and where it came from. What a bound holds for with several workers is told in
[operations.md](operations.md#several-workers).
"""


@dataclass(frozen=True, slots=True)
class Described:
    """One setting, for people."""

    key: str
    variable: str
    default: str
    want: str
    meaning: str


def describe() -> tuple[Described, ...]:
    """Describe every setting, in the order of the sections."""
    return tuple(
        Described(
            key=f"{section}.{name}",
            variable=f"ACS_{section}_{name}".upper(),
            default=_default(info),
            want=want(info),
            meaning=meaning(info),
        )
        for section in SECTIONS
        for name, info in fields_of(section).items()
    )


def document() -> str:
    """docs/settings.md."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    everything = describe()
    for section, cls in SECTIONS.items():
        yield f"## [{section}]\n"
        yield f"{cls.__doc__}\n"
        yield "| Setting, variable | Default | Expects | Meaning |"
        yield "|---|---|---|---|"
        for each in everything:
            if each.key.startswith(f"{section}."):
                name = each.key.partition(".")[2]
                yield (
                    f"| `{name}`<br>`{each.variable}` | {each.default} "
                    f"| {_cell(each.want)} | {_cell(each.meaning)} |"
                )
        yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _default(info: msgspec.structs.FieldInfo) -> str:
    if shown := extra(info).get("shown"):
        return str(shown)
    match info.default:
        case bool() as flag:
            return "`true`" if flag else "`false`"
        case Enum() as member:
            return f'`"{member.value}"`'
        case Secret():
            return "empty"
        case str() as text:
            return f'`"{text}"`' if text else "empty"
        case tuple() as several:
            return f"`{list(several)}`" if several else "none"
        case number:
            return f"`{number:g}`" if isinstance(number, float) else f"`{number}`"
