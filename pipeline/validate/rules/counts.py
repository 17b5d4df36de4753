"""What may stand only once in an invoice to the public sector."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.model.finding import Severity
from pipeline.model.invoice import Contact, Invoice, Party
from pipeline.model.rule import Breach, Rule
from pipeline.validate.rules.reading import Check

_SOURCE = "XP Z12-012 (11/2025) §4.5.3, BR-FR-CPRO"


def one_preceding(invoice: Invoice) -> Iterator[Breach]:
    """Yield a breach at the second preceding invoice."""
    if len(invoice.preceding) > 1:
        yield Breach(term="BG-3", value=invoice.preceding[1].number, at=(1,))


def _one_contact(party: str, term: str) -> Check:
    """Return a check that a party has one contact at most."""

    def check(invoice: Invoice) -> Iterator[Breach]:
        found: Party | None = getattr(invoice, party)
        if found is not None and len(found.contacts) > 1:
            yield Breach(term=term, value=_shown(found.contacts[1]), at=(1,))

    return check


def _shown(contact: Contact) -> str | None:
    return contact.name or contact.department or contact.email or contact.phone


def _once(identifier: str, term: str, check: Check) -> Rule[Invoice]:
    return Rule(
        identifier=identifier,
        terms=(term,),
        fr="{term} : une seule occurrence est admise, la deuxième est {v}.",
        en="{term}: only one occurrence is allowed, the second is {v}.",
        severity=Severity.FATAL,
        source=_SOURCE,
        check=check,
    )


RULES: tuple[Rule[Invoice], ...] = (
    _once("BR-FR-CPRO-20", "BG-3", one_preceding),
    _once("BR-FR-CPRO-26", "BG-6", _one_contact("seller", "BG-6")),
    _once("BR-FR-CPRO-27", "BG-9", _one_contact("buyer", "BG-9")),
    _once("BR-FR-CPRO-28", "EXT-FR-FE-85", _one_contact("seller_agent", "EXT-FR-FE-85")),
)
