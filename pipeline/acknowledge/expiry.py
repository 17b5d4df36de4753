"""Letters that tell people what ends soon: a certificate, a key, an agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.model.letter import Letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What ends, as its letters tell it.

    Attributes:
        what: French and English: ``certificat``, ``certificate``.
        place: Its file, or the key of the sheet that holds it.
        subject: Whom it names; may be empty.
        fingerprint: Its fingerprint; empty for an agreement.
        ends: When (aware, UTC).
        days: Whole days left.
        over: Whether it has ended.
        successor: Whether something is named to take its place.
    """

    what: tuple[str, str]
    place: str
    subject: str
    fingerprint: str
    ends: datetime
    days: int
    over: bool
    successor: bool


#: What to do, French and English, by who reads it and what ends.
_PARTNER = (
    (
        "Faites-en établir un autre et envoyez sa partie publique, jamais la clé privée, à"
        " l'exploitant du hub. Les deux valent ensemble pendant le changement."
    ),
    (
        "Have another one issued and send its public part, never the private key, to the operator"
        " of the hub. Both are valid while one takes over from the other."
    ),
)
_PARTNERS_AGREEMENT = (
    "Si les échanges doivent continuer, convenez d'une autre date avec l'exploitant du hub.",
    "If the exchange is to go on, agree on another date with the operator of the hub.",
)
_READY = (
    (
        "Le suivant est inscrit dans la fiche. Essayez-le par « edi certificates try FICHE » ;"
        " « edi certificates switch FICHE » le met en service."
    ),
    (
        "The next one stands in the sheet. Try it with 'edi certificates try SHEET'; 'edi"
        " certificates switch SHEET' puts it to use."
    ),
)
_TO_RENEW = (
    (
        "Inscrivez le suivant sous [next] dans la fiche, puis « edi apply », « edi certificates"
        " try FICHE » et « edi certificates switch FICHE ». Une fiche suspendue repart par « edi"
        " connections resume FICHE »."
    ),
    (
        "Put the next one under [next] in the sheet, then 'edi apply', 'edi certificates try"
        " SHEET' and 'edi certificates switch SHEET'. A suspended sheet goes on after"
        " 'edi connections resume SHEET'."
    ),
)
_AGREEMENT = (
    (
        "Si les échanges doivent continuer, changez end_date dans la fiche, puis « edi apply »."
        " Une fiche suspendue repart par « edi connections resume FICHE »."
    ),
    (
        "If the exchange is to go on, change end_date in the sheet, then 'edi apply'. A suspended"
        " sheet goes on after 'edi connections resume SHEET'."
    ),
)
_STOPS = (
    "Ces fiches de raccordement {} : plus rien n'est relevé ni remis par elles, rien n'est perdu.",
    (
        "These connection sheets {}: nothing is pulled or delivered through them any more, nothing"
        " is lost."
    ),
)
_LABELS = (
    ("Fichier ou clé", "Titulaire", "Empreinte", "Fiches"),
    ("File or key", "Holder", "Fingerprint", "Sheets"),
)


def expiry_letter(to: str, ending: Ending, sheets: Sequence[str], *, partner: bool) -> Letter:
    """Write one letter, in French, then in English.

    Args:
        to: Address.
        ending: What ends.
        sheets: Names of the sheets that stop with it, only those of whom is written to.
        partner: Whether it goes to the partner; else to an operator of the hub.
    """
    over, days = ending.over, ending.days
    named = ", ".join(sheets)
    fr, en = ending.what
    when = (
        ("a pris fin", "has ended")
        if over
        else (f"prend fin dans {days} jour(s)", f"ends in {days} day(s)")
    )
    states = (
        ("sont suspendues", "are suspended")
        if over
        else ("seront suspendues à cette date", "will be suspended then")
    )
    dates = (f"le {ending.ends:%d/%m/%Y à %H:%M} UTC", f"on {ending.ends:%Y-%m-%d at %H:%M} UTC")
    heads = (
        f"Bonjour,\n\n{fr.capitalize()} : {when[0]}, {dates[0]}.",
        f"Hello,\n\n{en.capitalize()}: {when[1]}, {dates[1]}.",
    )
    acts = _act(ending, partner=partner)
    told = [
        "\n\n".join(
            (heads[place], _facts(ending, place, named), _STOPS[place].format(states[place]), act)
        )
        for place, act in enumerate(acts)
    ]
    subject = f"EDI {named} : {fr}, {when[0]} / {en}, {when[1]}"
    return Letter(to, subject, "\n\n-- \n\n".join(told) + "\n")


def _facts(ending: Ending, language: int, named: str) -> str:
    values = (ending.place, ending.subject, ending.fingerprint, named)
    labels = zip(_LABELS[language], values, strict=True)
    return "\n".join(f"  {label} : {value}" for label, value in labels if value)


def _act(ending: Ending, *, partner: bool) -> tuple[str, str]:
    """Return what the reader can do."""
    agreement = not ending.fingerprint
    if partner:
        return _PARTNERS_AGREEMENT if agreement else _PARTNER
    if agreement:
        return _AGREEMENT
    return _READY if ending.successor and not ending.over else _TO_RENEW
