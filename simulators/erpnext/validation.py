"""The checks a document passes before it is stored, in Frappe's order and words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from simulators.erpnext.database import Database
from simulators.erpnext.errors import FRAPPE, Message, Refusal, thrown
from simulators.erpnext.sanitize import sanitize
from simulators.erpnext.schema import NUMERIC, DocType, Field, FieldType, Value

Draft = dict[str, Value]
"""The values of a document on its way to the table."""


def set_defaults(doctype: DocType, draft: Draft, user: str, now: str) -> None:
    """Fill what a new document leaves out: defaults, first options, zeros.

    ``user`` and ``now`` (the site's time) stand for the defaults ``__user`` and ``Today``.
    """
    special: dict[str | int | None, str] = {"__user": user, "Today": now[:10]}
    for name, field in doctype.columns.items():
        if draft.get(name) is None:
            draft[name] = special.get(field.default) or _default(field)


def _default(field: Field) -> Value:
    """Return what a column holds where nothing was given."""
    if field.default is not None:
        return field.default
    if field.type is FieldType.SELECT and field.options:
        return field.options[0] or None
    return 0 if field.type in NUMERIC else None


def cast(field: Field, value: object) -> Value:
    """Return a value of a request as the column holds it.

    Raises a 417 or 500 refusal for what the database would not take.
    """
    match field.type:
        case FieldType.CHECK | FieldType.INT:
            return _number(value, int)
        case FieldType.FLOAT | FieldType.CURRENCY | FieldType.PERCENT:
            return _number(value, float)
        case FieldType.TABLE:
            return value if isinstance(value, list) else []
        case FieldType.DATE:
            return _moment(field, value, _date_text)
        case FieldType.DATETIME:
            return _moment(field, value, _datetime_text)
        case _ if value is None:
            return None
    text = value if isinstance(value, str) else str(value)
    return None if field.unique and not text.strip() else text


def _date_text(text: str) -> str:
    return date.fromisoformat(text[:10]).isoformat()


def _datetime_text(text: str) -> str:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=None).isoformat(" ")


def _moment(field: Field, value: object, read: Callable[[str], str]) -> Value:
    if value in (None, ""):
        return None
    try:
        return read(str(value))
    except ValueError:
        detail = f'(1292, "Incorrect {field.type.lower()} value: {value!r}")'
        raise Refusal("pymysql.err.OperationalError", detail) from None


def _number(value: object, kind: type[int] | type[float]) -> int | float:
    try:
        return kind(float(str(value or 0)))
    except (ValueError, OverflowError):
        return 0


def check_links(doctype: DocType, draft: Draft, db: Database) -> None:
    """Replace each link by the target's own spelling; refuse a missing target."""
    lost: list[str] = []
    for field in doctype.links:
        wanted = draft.get(field.name)
        if not wanted or field.target is None:
            continue
        target = db.table(field.target).get(str(wanted))
        if target is None:
            lost.append(f"{field.label}: {wanted}")
        else:
            draft[field.name] = target.name
    if lost:
        raise thrown("LinkValidationError", f"Could not find {', '.join(lost)}")


def check_mandatory(doctype: DocType, draft: Draft) -> None:
    """Refuse a document with an empty mandatory field."""
    empty = [field for field in doctype.mandatory if draft.get(field.name) in (None, "", [])]
    if empty:
        raise Refusal(
            FRAPPE + "MandatoryError",
            f"[{doctype.name}, {draft['name']}]: {', '.join(field.name for field in empty)}",
            messages=[
                Message(f"Error: Value missing for {doctype.name}: {field.label}")
                for field in empty
            ],
        )


def check_options(doctype: DocType, draft: Draft) -> None:
    """Refuse a Select value that is not among the options, to the letter."""
    for field in doctype.selects:
        if not draft.get(field.name):
            continue
        value = draft[field.name] = str(draft[field.name]).strip()
        if value not in field.options:
            allowed = '", "'.join(field.options)
            raise thrown(
                "ValidationError",
                f' {field.label} cannot be "{value}". It should be one of "{allowed}"',
            )


def check_lengths(doctype: DocType, draft: Draft) -> None:
    """Refuse text that the column would cut."""
    for name, limit in doctype.lengths.items():
        value = draft.get(name)
        if isinstance(value, str) and len(value) > limit:
            label = doctype.columns[name].label
            raise thrown(
                "CharacterLengthExceededError",
                f"{doctype.name} {draft['name']}: '<strong>{label}</strong>' ({value})"
                f" will get truncated, as max characters allowed is {limit}",
                "Value too big",
            )


def clean(doctype: DocType, draft: Draft) -> None:
    """Run the XSS filter over every text field that does not opt out."""
    for field in doctype.fields:
        value = draft.get(field.name)
        if not isinstance(value, str) or "<" not in value:
            continue
        if not field.ignore_xss_filter and field.type is not FieldType.CODE:
            draft[field.name] = sanitize(value)


def check_unique(doctype: DocType, draft: Draft, db: Database) -> None:
    """Refuse a value that another document holds in a unique field."""
    table = db.table(doctype.name)
    own = table.get(str(draft["name"]))
    for field in doctype.unique:
        value = draft.get(field.name)
        if value in (None, ""):
            continue
        if any(row is not own for row in table.find(field.name, [str(value)])):
            raise Refusal(
                FRAPPE + "UniqueValidationError",
                integrity(doctype.name, str(draft["name"]), str(value), field.name),
                messages=[Message(f"{field.label} must be unique")],
            )


def integrity(doctype: str, name: str, value: str, key: str) -> str:
    """Return the text of a broken index, as the database driver puts it."""
    cause = f"Duplicate entry '{value}' for key '{key}'"
    return f"({doctype!r}, {name!r}, IntegrityError(1062, {_double_quoted(cause)}))"


def _double_quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
