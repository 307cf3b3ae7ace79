"""How the interface says no: problem documents (RFC 9457), in the language of whoever asks."""

# ruff: noqa: N818 - a problem is an answer, not a defect of ours
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import msgspec

from acs.api.words import Language, Words

CONTENT_TYPE = "application/problem+json"

TITLES = {
    400: Words("The request cannot be read", "La requête est illisible"),
    401: Words("Authentication is needed", "Authentification requise"),
    403: Words("This is not allowed", "Ce n'est pas permis"),
    404: Words("There is no such thing here", "Il n'y a rien de tel ici"),
    405: Words("This method is not possible here", "Cette méthode n'est pas possible ici"),
    409: Words("This does not fit how things stand", "Cela ne correspond pas à l'état actuel"),
    413: Words("The body is too large", "Le corps est trop grand"),
    415: Words("The body is of the wrong type", "Le corps n'est pas du bon type"),
    422: Words("A field is not as it should be", "Un champ n'est pas comme il devrait"),
    429: Words("Too many requests", "Trop de requêtes"),
    500: Words("Something went wrong on our side", "Une erreur est survenue de notre côté"),
    503: Words("Try again later", "Réessayez plus tard"),
}
"""What each status means; also the type of the problem, as ``urn:gigafibre-acs:404``."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: its path (``reason``, ``lines.0.item``), and why."""

    field: str
    detail: Words


class Problem(Exception):
    """Ends a request with a status of `TITLES`; ``detail`` says what is wrong, or how to mend it.

    ``headers`` are added to the answer. Nothing in it may be secret.
    """

    def __init__(
        self,
        status: int,
        detail: Words,
        *,
        errors: Sequence[FieldError] = (),
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(detail.english)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = tuple(headers)

    def document(self, language: Language, request_id: str) -> ProblemDocument:
        """What is sent."""
        return ProblemDocument(
            type=f"urn:gigafibre-acs:{self.status}",
            title=TITLES[self.status].said(language),
            status=self.status,
            detail=self.detail.said(language),
            request_id=request_id,
            errors=[FieldDetail(error.field, error.detail.said(language)) for error in self.errors],
        )


class FieldDetail(msgspec.Struct, frozen=True):
    """What is wrong with one field."""

    field: str
    """Its path, parts joined by dots; empty: the whole body."""
    detail: str


class ProblemDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    """X-Request-Id of the request, to find it in the log."""
    errors: list[FieldDetail] = []


def wrong_field(field: str, english: str, french: str) -> Problem:
    """One field is not as it should be."""
    words = Words(english, french)
    return Problem(422, words, errors=[FieldError(field, words)])


def try_later(seconds: float, english: str, french: str, status: int = 503) -> Problem:
    """Not now; ``seconds`` go into Retry-After, rounded up."""
    after = str(max(1, ceil(seconds)))
    return Problem(status, Words(english, french), headers=[("Retry-After", after)])
