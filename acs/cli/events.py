"""`acs events`: which systems are told what happens to devices."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any

import click

from acs.cli import render
from acs.cli.ages import iso
from acs.cli.confirming import confirm
from acs.cli.database import opened
from acs.cli.failures import DIFFERENT, Amiss, leave
from acs.cli.job_request import asked_by
from acs.cli.lazy import Lazy, LazyGroup
from acs.cli.main import Context, pass_context
from acs.devices.news import NewsKind
from acs.events import message, signing
from acs.events.choosing import SubscriptionError, check_kinds, check_url, wants
from acs.events.retrying import Answer
from acs.store import Database, events, subscribers
from acs.store.events import DeliveryState
from acs.store.subscribers import Subscriber

COMMANDS = {
    "subscribe": Lazy("acs.cli.events:subscribe", "Have a system told of news."),
    "list": Lazy("acs.cli.events:list_all", "List the systems that are told."),
    "test": Lazy("acs.cli.events:test", "Send a signed event now, and show the answer."),
    "pause": Lazy("acs.cli.events:pause", "Tell a system nothing for now; keep what happens."),
    "resume": Lazy("acs.cli.events:resume", "Go on telling a system, with what was kept."),
    "unsubscribe": Lazy("acs.cli.events:unsubscribe", "Tell a system nothing any more."),
    "log": Lazy("acs.cli.event_deliveries:log", "Show the last deliveries."),
    "dead": Lazy("acs.cli.event_deliveries:dead", "List deliveries that were given up."),
    "retry": Lazy("acs.cli.event_deliveries:retry", "Try deliveries again."),
}
_who = click.argument("who", metavar="ID|URL")


@click.group("events", cls=LazyGroup, lazy=COMMANDS)
def events_group() -> None:
    """Tell other systems what happens to devices, by signed webhooks (docs/events.md).

    \b
    Examples:
      acs events subscribe https://hub.example.net/acs --kind 'device.*'
      acs events test 1
      acs events log
    """


@click.command()
@click.argument("url")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="PATTERN",
    help="Kinds to tell, like 'device.*'; may be given again. Default: all.",
)
@click.option(
    "--secret-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Sign with the secret in this file; else one is made and shown once.",
)
@click.option("--allow-http", is_flag=True, help="Send unencrypted outside private networks too.")
@render.json_option
@pass_context
def subscribe(
    context: Context,
    url: str,
    kinds: tuple[str, ...],
    secret_file: Path | None,
    allow_http: bool,
    as_json: bool,
) -> None:
    """Have the system at URL told of news from now on.

    The secret that signs is shown once: it belongs into the receiver.

    \b
    Examples:
      acs events subscribe https://hub.example.net/acs --kind 'device.*'
      acs events subscribe http://10.0.0.5:5678/webhook/acs --kind device.faulted
      acs events subscribe https://hub.example.net/acs --secret-file hub.secret
    """
    secret = _read_secret(secret_file) if secret_file else signing.new_secret(secrets.token_bytes)
    try:
        url = check_url(url, allow_http=allow_http)
        patterns = check_kinds(kinds or ("*",))
    except SubscriptionError as error:
        raise click.UsageError(str(error)) from None
    new = Subscriber(
        url,
        secret,
        patterns,
        allow_http=allow_http,
        created_at=time.time(),
        created_by=asked_by(),
    )
    with opened(context) as database:
        made = database.run("subscribe", subscribers.subscribe_thd, new)
    if made is None:
        raise Amiss(f"{url} is subscribed already; to change it: acs events unsubscribe")
    shown = None if secret_file else secret
    if as_json:
        render.emit({**_document(made), "secret": shown})
    else:
        render.print_facts([("Subscriber", made.id), ("Secret", shown)])
        if shown:
            render.say("The secret is not shown again. Try it: acs events test " + str(made.id))
    for pattern in patterns:
        # Further kinds, such as those of orders, may come from elsewhere.
        if pattern.startswith("device") and not any(wants((pattern,), kind) for kind in NewsKind):
            known = ", ".join(NewsKind)
            click.echo(f"acs: nothing is told as {pattern!r}; there are {known}", err=True)


@click.command("list")
@render.json_option
@pass_context
def list_all(context: Context, as_json: bool) -> None:
    """List the systems that are told, and how many events wait for each.

    \b
    Example:
      acs events list
    """
    with opened(context) as database, database.read() as conn:
        found = subscribers.list_thd(conn)
        counts = events.counts_thd(conn)
    standing = {each.id: counts.get(each.id, {}) for each in found}
    if as_json:
        document = [
            {**_document(each), **{state.value: many for state, many in standing[each.id].items()}}
            for each in found
        ]
        render.emit({"subscribers": document})
        return
    rows = [
        (
            each.id,
            each.url,
            " ".join(each.kinds),
            "on" if each.enabled else f"paused: {each.reason}",
            *(
                standing[each.id].get(state, 0)
                for state in (DeliveryState.WAITING, DeliveryState.FAILING, DeliveryState.DEAD)
            ),
        )
        for each in found
    ]
    empty = "No system is told of news: acs events subscribe URL"
    headings = ("Id", "URL", "Kinds", "State", "Waiting", "Failing", "Dead")
    render.print_table(headings, rows, empty)


@click.command()
@_who
@render.json_option
@pass_context
def test(context: Context, who: str, as_json: bool) -> None:
    """Send a signed event now, and show the answer. It is of no device and never tried again.

    Ends with 1 when the system did not take it.

    \b
    Examples:
      acs events test 1
      acs events test https://hub.example.net/acs
    """
    with opened(context) as database:
        subscriber = _find(database, who)
    now = time.time()
    text = "A test of the way from the ACS to you."
    body = message.body(message.TEST_KIND, now, text=text)
    message_id = message.message_id(0, now)
    headers = signing.headers(subscriber.secret, message_id, now, body)
    answer = _post(subscriber, headers, body, context.settings.events.timeout)
    if as_json:
        said = {"status": answer.status, "error": answer.error, "text": answer.text}
        render.emit({"delivered": answer.is_good, "id": message_id, **said})
    else:
        render.say(f"{'Taken' if answer.is_good else 'Not taken'}: {answer.told}")
    leave(0 if answer.is_good else DIFFERENT)


@click.command()
@_who
@pass_context
def pause(context: Context, who: str) -> None:
    """Tell a system nothing for now. What happens is kept for it (events.keep_days).

    \b
    Example:
      acs events pause 1
    """
    with opened(context) as database:
        found = _find(database, who)
        reason = f"by {asked_by()}"
        database.run("pause", subscribers.enable_thd, found.id, enabled=False, reason=reason)
    render.say(f"Paused: {found.url}")


@click.command()
@_who
@pass_context
def resume(context: Context, who: str) -> None:
    """Go on telling a system, beginning with what was kept and what failed.

    \b
    Example:
      acs events resume 1
    """
    with opened(context) as database:
        found = _find(database, who)
        database.run("resume", subscribers.enable_thd, found.id, enabled=True)
        database.run("resume", events.hasten_thd, found.id, time.time())
    render.say(f"Told again: {found.url}")


@click.command()
@_who
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_context
def unsubscribe(context: Context, who: str, yes: bool) -> None:
    """Tell a system nothing any more, and forget its deliveries, dead letters too.

    \b
    Example:
      acs events unsubscribe 1
    """
    with opened(context) as database:
        found = _find(database, who)
        if not yes:
            confirm(f"Forget {found.url} and what waits for it?")
        database.run("unsubscribe", subscribers.unsubscribe_thd, found.id)
    render.say(f"Forgotten: {found.url}")


def _find(database: Database, who: str) -> Subscriber:
    with database.read() as conn:
        if who.isascii() and who.isdigit() and len(who) < 19:
            found = subscribers.get_thd(conn, int(who))
        else:
            found = subscribers.find_thd(conn, who)
    if found is None:
        raise Amiss(f"no subscriber is {who}; there are those of: acs events list")
    return found


def _read_secret(file: Path) -> str:
    secret = file.read_text(encoding="ascii", errors="replace").strip()
    try:
        signing.key_of(secret)
    except signing.SecretError as error:
        raise click.UsageError(f"{file}: {error}") from None
    return secret


def _document(subscriber: Subscriber) -> dict[str, Any]:
    return {
        "id": subscriber.id,
        "url": subscriber.url,
        "kinds": list(subscriber.kinds),
        "enabled": subscriber.enabled,
        "reason": subscriber.reason,
        "allow_http": subscriber.allow_http,
        "created": iso(subscriber.created_at),
        "created_by": subscriber.created_by,
    }


def _post(subscriber: Subscriber, headers: dict[str, str], body: bytes, timeout: float) -> Answer:
    """Send as the server does, and wait for the answer."""
    from twisted.internet import reactor as installed
    from twisted.internet.defer import Deferred

    from acs.events.sender import Sender

    reactor: Any = installed
    answers: list[Answer] = []

    def send() -> None:
        sending = Sender(reactor, timeout).post(
            subscriber.url, headers, body, allow_http=subscriber.allow_http
        )
        Deferred.fromCoroutine(sending).addCallback(answers.append).addBoth(
            lambda _: reactor.stop()
        )

    reactor.callWhenRunning(send)
    reactor.run()
    return answers[0] if answers else Answer(error="broken off")
