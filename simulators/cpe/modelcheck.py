"""Whether a unit can live by a model that somebody else wrote."""

from __future__ import annotations

from functools import cache

from .device import Ont
from .dialect import DIALECTS
from .effects import EFFECTS
from .model import Tree
from .modelfile import Identity, Model, ModelFileError, load_model

_ROOTS = ("Device", "InternetGatewayDevice")
_MANAGEMENT = (
    "URL",
    "Username",
    "Password",
    "ConnectionRequestURL",
    "ConnectionRequestUsername",
    "ConnectionRequestPassword",
    "PeriodicInformEnable",
    "PeriodicInformInterval",
)
_ANYBODY = Identity("001122", "Anything", "S1", "00:11:22:33:44:50")


@cache
def usable_model(name: str) -> Model:
    """Return a model, one out of a file (``….toml``) tried first. Raises `ModelFileError`."""
    model = load_model(name)
    if name.endswith(".toml"):
        check(model)
    return model


def check(model: Model) -> None:
    """Raise `ModelFileError` for what would break a unit of this model later."""
    try:
        _check(model)
    except KeyError as error:
        raise ModelFileError(f"model {model.name}: there is no {error.args[0]}") from error
    except RecursionError:
        raise ModelFileError(f"model {model.name}: it is nested too deeply") from None
    except ValueError as error:
        raise ModelFileError(f"model {model.name}: {error}") from error


def _check(model: Model) -> None:
    roots = sorted(model.root.children)
    if len(roots) != 1 or roots[0] not in _ROOTS:
        raise ValueError(f"schema has to be below one of {', '.join(_ROOTS)}, not {roots}")
    if model.dialect not in DIALECTS:
        raise ValueError(f"no dialect {model.dialect!r}; there are {', '.join(DIALECTS)}")
    if model.effects not in EFFECTS:
        raise ValueError(f"no effects {model.effects!r}; there are {', '.join(EFFECTS)}")
    tree = Tree(model, _ANYBODY, {})
    needed = [f"{model.top}ManagementServer.{leaf}" for leaf in _MANAGEMENT]
    named = [model.wan if name == "{wan}" else name for name in model.inform]
    if missing := [name for name in (*needed, *named) if name not in tree]:
        raise ValueError(f"a unit needs {', '.join(missing)}, or not to have it in inform")
    tree.read([""])
    interval = needed[-1]
    if not tree.get(interval).isdecimal():
        raise ValueError(f"{interval} must be a number of seconds")
    Ont(model, _ANYBODY).inform_parameters(0.0)
