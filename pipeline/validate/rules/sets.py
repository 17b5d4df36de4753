"""The sets of rules that a profile can name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.model.invoice import Invoice
from pipeline.model.rule import Rule, RuleSet
from pipeline.validate.rules import counts, frames, identifiers, lengths, money


def _set(name: str, fr: str, en: str, *groups: tuple[Rule[Invoice], ...]) -> RuleSet[Invoice]:
    """Put rules together, in the order of their identifiers."""
    rules = sorted((rule for group in groups for rule in group), key=lambda rule: rule.identifier)
    return RuleSet(name=name, title={"fr": fr, "en": en}, rules=tuple(rules))


#: Lengths that also bind the historical channel.
_ALSO_HISTORICAL = tuple(
    rule
    for rule in lengths.RULES
    if rule.identifier in {"BR-FR-CPRO-02", "BR-FR-CPRO-14", "BR-FR-CPRO-15"}
)
#: Those that look at what is there, and ask for nothing that a cover sheet lacks.
_MINIMAL = (_ALSO_HISTORICAL, frames.HISTORICAL, money.VALUES, identifiers.KEYS)

SETS: tuple[RuleSet[Invoice], ...] = (
    _set(
        "cpro",
        "Factures AFNOR vers le secteur public",
        "AFNOR invoices to the public sector",
        lengths.RULES,
        identifiers.CPRO,
        identifiers.KEYS,
        frames.CPRO,
        counts.RULES,
    ),
    _set(
        "chorus-historical",
        "Canal historique de Chorus Pro, syntaxes complètes",
        "Chorus Pro's historical channel, full syntaxes",
        *_MINIMAL,
        money.MEANS,
    ),
    _set(
        "chorus-minimal",
        "Canal historique de Chorus Pro, syntaxes Minimal",
        "Chorus Pro's historical channel, Minimal syntaxes",
        *_MINIMAL,
    ),
    _set(
        "g2b",
        "Factures d'un organisme public vers une entreprise",
        "Invoices from a public body to a company",
        frames.G2B,
        identifiers.KEYS,
    ),
    _set(
        "cpro-advice",
        "Recommandations de Chorus Pro, jamais bloquantes",
        "What Chorus Pro recommends, never a refusal",
        frames.ADVICE,
    ),
)

#: Every set by its name.
RULE_SETS: Mapping[str, RuleSet[Invoice]] = MappingProxyType({each.name: each for each in SETS})

#: Every rule once, by its identifier.
RULES: Mapping[str, Rule[Invoice]] = MappingProxyType(
    {rule.identifier: rule for each in SETS for rule in each.rules}
)
