"""How long a text may be on its way to the public sector."""

from __future__ import annotations

from pipeline.model.finding import Severity
from pipeline.model.invoice import Invoice
from pipeline.model.rule import Rule
from pipeline.validate.rules.reading import at_most

_SOURCE = "XP Z12-012 (11/2025) §4.5.3, BR-FR-CPRO"


def _text(identifier: str, term: str, limit: int) -> Rule[Invoice]:
    """Return the rule that a text has at most so many characters."""
    return Rule(
        identifier=identifier,
        terms=(term,),
        fr=f"{{term}} : texte trop long (maximum {limit} caractères) : {{v}}.",
        en=f"{{term}}: text too long (at most {limit} characters): {{v}}.",
        severity=Severity.FATAL,
        source=_SOURCE,
        check=at_most(limit, term),
    )


_NUMBERS = ("BT-1", "BT-25", "EXT-FR-FE-136")

RULES: tuple[Rule[Invoice], ...] = (
    Rule(
        identifier="BR-FR-CPRO-02",
        terms=_NUMBERS,
        fr="Numéro de facture limité à 20 caractères vers le secteur public : {v}.",
        en="Invoice number limited to 20 characters for the public sector: {v}.",
        severity=Severity.FATAL,
        source=_SOURCE,
        check=at_most(20, *_NUMBERS),
    ),
    Rule(
        identifier="BR-FR-CPRO-14",
        terms=("BT-12",),
        fr="Référence de marché limitée à 50 caractères : {v}.",
        en="Contract reference limited to 50 characters: {v}.",
        severity=Severity.FATAL,
        source=_SOURCE,
        check=at_most(50, "BT-12"),
    ),
    Rule(
        identifier="BR-FR-CPRO-15",
        terms=("BT-13",),
        fr="Numéro d'engagement limité à 50 caractères : {v}.",
        en="Commitment number limited to 50 characters: {v}.",
        severity=Severity.FATAL,
        source=_SOURCE,
        check=at_most(50, "BT-13"),
    ),
    _text("BR-FR-CPRO-29", "BT-120", 1024),
    _text("BR-FR-CPRO-30", "BT-122", 50),
    _text("BR-FR-CPRO-31", "BT-154", 1024),
    _text("BR-FR-CPRO-32", "BT-35", 400),
    _text("BR-FR-CPRO-33", "BT-37", 400),
    _text("BR-FR-CPRO-34", "BT-45", 99),
    _text("BR-FR-CPRO-35", "BT-20", 1024),
    _text("BR-FR-CPRO-36", "BT-28", 99),
    _text("BR-FR-CPRO-37", "BT-59", 99),
    _text("BR-FR-CPRO-38", "BT-71", 20),
    _text("BR-FR-CPRO-39", "BT-84", 27),
    _text("BR-FR-CPRO-40", "EXT-FR-FE-146", 20),
    _text("BR-FR-CPRO-42", "BT-22", 1024),
    _text("BR-FR-CPRO-43", "BT-27", 99),
    _text("BR-FR-CPRO-44", "BT-44", 99),
    Rule(
        identifier="BR-FR-CPRO-41",
        terms=("BT-125-2",),
        fr="Nom de pièce jointe tronqué à 50 caractères : {v}.",
        en="Attachment name cut to 50 characters: {v}.",
        severity=Severity.WARNING,  # Chorus Pro cuts the name and takes the invoice
        source=f"{_SOURCE}; DSE v1.0 §5.4.1",
        check=at_most(50, "BT-125-2"),
    ),
)
