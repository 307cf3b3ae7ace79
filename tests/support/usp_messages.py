"""Any USP message and record, for tests: hypothesis strategies that cover every field."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st

from acs.usp import messages as m
from acs.usp import records as r

texts = st.text(max_size=8)
codes = st.integers(0, 2**32 - 1)
flags = st.booleans()
maps = st.dictionaries(texts, texts, max_size=2)
names = st.text("AZaz09_", min_size=1, max_size=6)
objects = st.lists(names, min_size=1, max_size=3).map(lambda parts: ".".join(parts) + ".")


T = TypeVar("T")


def _some(each: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(each, max_size=2).map(tuple)


some_texts = _some(texts)
versions = _some(st.sampled_from(["1.0", "1.1", "1.2", "1.3", "1.4"]))
failures = st.builds(m.Failure, codes, texts)
param_errors = _some(st.builds(m.ParamError, texts, codes, texts))

_settings = _some(st.builds(m.Setting, texts, texts, flags))
_object_settings = _some(st.builds(m.ObjectSettings, texts, _settings))
_complete = st.builds(m.OperationComplete, texts, texts, texts, maps) | st.builds(
    m.OperationComplete, texts, texts, texts, failure=failures
)
notifications = st.one_of(
    st.builds(m.Event, texts, texts, maps),
    st.builds(m.ValueChange, texts, texts),
    st.builds(m.ObjectCreation, texts, maps),
    st.builds(m.ObjectDeletion, texts),
    _complete,
    st.builds(m.OnBoardRequest, texts, texts, texts, versions),
)
REQUESTS = {
    m.Get: st.builds(m.Get, some_texts, codes),
    m.Set: st.builds(m.Set, _object_settings, flags),
    m.Add: st.builds(m.Add, _object_settings, flags),
    m.Delete: st.builds(m.Delete, some_texts, flags),
    m.Operate: st.builds(m.Operate, texts, texts, maps, flags),
    m.GetInstances: st.builds(m.GetInstances, some_texts, flags),
    m.GetSupportedDM: st.builds(m.GetSupportedDM, some_texts, flags, flags, flags, flags, flags),
    m.GetSupportedProtocol: st.builds(m.GetSupportedProtocol, versions),
    m.Notify: st.builds(m.Notify, texts, flags, notifications),
    m.Register: st.builds(m.Register, some_texts, flags),
    m.Deregister: st.builds(m.Deregister, some_texts),
}

_resolved = _some(st.builds(m.ResolvedPath, texts, maps))
_updated = st.builds(m.Updated, _some(st.builds(m.UpdatedInstance, texts, maps, param_errors)))


@st.composite
def _set_failures(draw: st.DrawFn) -> m.Failure:
    """Parameters by whole paths; an object stands for itself with the code of the failure."""
    code, text = draw(codes), draw(texts)
    named = st.builds(m.ParamError, st.builds("{}{}".format, objects, names), codes, texts)
    alone = st.builds(m.ParamError, objects, st.just(code), st.just(text))
    errors = draw(st.lists(named | alone, max_size=3, unique_by=lambda each: each.path))
    whole = {each.path for each in errors if each.path.endswith(".")}
    kept = (each for each in errors if each.path in whole or not _below(each.path, whole))
    return m.Failure(code, text, tuple(kept))


def _below(path: str, objects: set[str]) -> bool:
    return path[: path.rindex(".") + 1] in objects


_param = st.builds(
    m.SupportedParam,
    texts,
    st.sampled_from(m.ParamAccess),
    st.sampled_from(m.ParamType),
    st.sampled_from(m.ReportsChange),
)
_command = st.builds(
    m.SupportedCommand, texts, some_texts, some_texts, st.sampled_from(m.CommandType)
)
_object = st.builds(
    m.SupportedObject,
    objects,
    st.sampled_from(m.ObjectAccess),
    flags,
    _some(_param),
    _some(_command),
    _some(st.builds(m.SupportedEvent, texts, some_texts)),
    _some(some_texts),
    some_texts,
)
RESPONSES = {
    m.GetResp: st.builds(
        m.GetResp, _some(st.builds(m.RequestedPath, texts, _resolved, codes, texts))
    ),
    m.SetResp: st.builds(
        m.SetResp, _some(st.builds(m.UpdatedObject, texts, _updated | _set_failures()))
    ),
    m.AddResp: st.builds(
        m.AddResp,
        _some(
            st.builds(
                m.CreatedObject,
                texts,
                st.builds(m.Created, texts, maps, param_errors) | failures,
            )
        ),
    ),
    m.DeleteResp: st.builds(
        m.DeleteResp,
        _some(
            st.builds(
                m.DeletedObject, texts, st.builds(m.Deleted, some_texts, param_errors) | failures
            )
        ),
    ),
    m.OperateResp: st.builds(
        m.OperateResp,
        _some(
            st.builds(
                m.CommandResult,
                texts,
                st.builds(m.Begun, texts) | st.builds(m.Finished, maps) | failures,
            )
        ),
    ),
    m.GetInstancesResp: st.builds(
        m.GetInstancesResp,
        _some(
            st.builds(m.InstancesOf, texts, _some(st.builds(m.Instance, texts, maps)), codes, texts)
        ),
    ),
    m.GetSupportedDMResp: st.builds(
        m.GetSupportedDMResp,
        _some(st.builds(m.SupportedPath, texts, _some(_object), texts, codes, texts)),
    ),
    m.GetSupportedProtocolResp: st.builds(m.GetSupportedProtocolResp, versions),
    m.NotifyResp: st.builds(m.NotifyResp, texts),
    m.RegisterResp: st.builds(
        m.RegisterResp, _some(st.builds(m.RegisteredPath, texts, st.tuples(texts) | failures))
    ),
    m.DeregisterResp: st.builds(
        m.DeregisterResp, _some(st.builds(m.RegisteredPath, texts, some_texts | failures))
    ),
}
BODIES = {**REQUESTS, **RESPONSES, m.Error: st.builds(m.Error, codes, texts, param_errors)}

ids = st.text(min_size=1, max_size=8)
messages = st.builds(m.Message, ids, st.one_of(*BODIES.values()))

_octets = st.binary(max_size=16)
_numbers = st.integers(1, 2**64 - 1)
segments = st.builds(
    r.Segment,
    st.integers(r.FIRST_SESSION, 2**64 - 1),
    _numbers,
    _numbers,
    st.integers(0, 2**64 - 1),
    st.sampled_from(r.Sar),
    st.sampled_from(r.Sar),
    _some(_octets),
)
_others = st.one_of(
    st.builds(r.NoSession, st.binary(min_size=1, max_size=16)),
    st.builds(r.Connect, st.just("mqtt"), st.sampled_from(["3.1.1", "5"]), ids),
    st.builds(r.Connect, st.just("stomp"), st.just("1.2"), ids),
    st.builds(r.Connect, st.sampled_from(["websocket", "uds"])),
    st.builds(r.Disconnect, codes, texts),
)
records = st.builds(r.Record, ids, ids, ids, segments, flags, _octets, _octets) | st.builds(
    r.Record, ids, ids, ids, _others, st.just(False), _octets, _octets
)
