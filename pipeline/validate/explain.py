"""Says in words what the XSD does not accept: what was found, what was expected.

xmlschema is asked only about documents that lxml, the validator of record, has
already found invalid: it is slower by two orders of magnitude, but knows why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from types import MappingProxyType

import xmlschema
from lxml import etree
from xmlschema import validators as xsd

from pipeline.model.finding import Finding
from pipeline.validate.place import (
    Place,
    cut,
    line_of,
    path_of,
    place_of,
    shown_tag,
    structure_finding,
)

#: How many allowed names or values one sentence lists.
MOST_LISTED = 8

_ATTRIBUTE = re.compile(r"attribute (?P<name>[^=]+)=")
_NAMED = re.compile(r"'(?P<name>[^']+)'")

#: What a value of a built-in type looks like.
_TYPES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "date": ("une date AAAA-MM-JJ", "a date YYYY-MM-DD"),
        "time": ("une heure hh:mm:ss", "a time hh:mm:ss"),
        "dateTime": ("une date et heure AAAA-MM-JJThh:mm:ss", "a moment YYYY-MM-DDThh:mm:ss"),
        "decimal": (
            "un nombre décimal, avec un point et sans espace",
            "a decimal number, with a point and no space",
        ),
        "integer": ("un nombre entier", "a whole number"),
        "boolean": ("true ou false", "true or false"),
        "base64Binary": ("des octets en base 64", "bytes in base 64"),
    }
)

#: What a facet asks for; ``{}`` is its value.
_FACETS: Mapping[type, tuple[str, str]] = MappingProxyType(
    {
        xsd.XsdLengthFacet: ("exactement {} caractères", "exactly {} characters"),
        xsd.XsdMinLengthFacet: ("au moins {} caractères", "at least {} characters"),
        xsd.XsdMaxLengthFacet: ("au plus {} caractères", "at most {} characters"),
        xsd.XsdMinInclusiveFacet: ("une valeur d'au moins {}", "a value of at least {}"),
        xsd.XsdMinExclusiveFacet: ("une valeur supérieure à {}", "a value above {}"),
        xsd.XsdMaxInclusiveFacet: ("une valeur d'au plus {}", "a value of at most {}"),
        xsd.XsdMaxExclusiveFacet: ("une valeur inférieure à {}", "a value below {}"),
        xsd.XsdTotalDigitsFacet: ("au plus {} chiffres", "at most {} digits"),
        xsd.XsdFractionDigitsFacet: ("au plus {} décimales", "at most {} decimals"),
    }
)


def explain(root: etree._Element, schema: xmlschema.XMLSchema) -> Iterator[Finding]:
    """Yield what `schema` does not accept in `root`, as it is met.

    Args:
        root: A document from our own parser. Nothing it names is fetched: location
            hints are not used.
        schema: Built with ``allow='local', defuse='always'``.
    """
    for error in schema.iter_errors(_without_comments(root), use_location_hints=False):
        if isinstance(error.elem, etree._Element):  # noqa: SLF001  # lxml's only name for it
            yield _explained(error, error.elem)


def _without_comments(root: etree._Element) -> etree._Element:
    """Return `root`, or where a comment cuts values in two for xmlschema, a copy without."""
    if next(root.iter(etree.Comment, etree.PI), None) is None:
        return root
    copy = deepcopy(root)
    etree.strip_tags(copy, etree.Comment, etree.PI)
    return copy


def _explained(error: xmlschema.XMLSchemaValidationError, element: etree._Element) -> Finding:
    if isinstance(error, xmlschema.XMLSchemaChildrenValidationError):
        return _about_children(error, element)
    if isinstance(error.validator, xsd.XsdAttributeGroup):
        return _about_attributes(error, element)
    expected = _expected(error.validator)
    if expected is None:
        return _about_content(error, element)
    return _about_value(error, element, expected)


def _about_children(
    error: xmlschema.XMLSchemaChildrenValidationError, parent: etree._Element
) -> Finding:
    """Explain a child that is missing, unknown, or at the wrong place."""
    expected = [name for name in map(_name, error.expected or ()) if name]
    present = {str(child.tag) for child in parent}
    absent = _listed([shown_tag(name) for name in expected if name not in present])
    if error.invalid_tag is None:
        return _missing(absent, parent, line_of(parent))
    child = parent[error.index]
    known = error.invalid_tag in _known_children(error.validator)
    if known and absent:
        return _missing(absent, parent, line_of(child))
    here = _listed([shown_tag(name) for name in expected])
    if known:
        return _misplaced(
            "XSD-ORDER",
            child,
            "n'est pas à sa place, ou figure trop souvent,",
            "is out of order, or occurs too often,",
            here,
        )
    return _misplaced("XSD-UNEXPECTED", child, "n'est pas prévu", "is not allowed", here)


def _missing(absent: str, parent: etree._Element, line: int | None) -> Finding:
    owner = shown_tag(str(parent.tag))
    return structure_finding(
        "XSD-MISSING",
        Place(path_of(parent), line, None),
        f"Il manque {absent or 'un élément'} dans {owner}.",
        f"{absent or 'An element'} is missing in {owner}.",
    )


def _misplaced(rule: str, child: etree._Element, fr: str, en: str, here: str) -> Finding:
    parent = child.getparent()
    owner = "" if parent is None else shown_tag(str(parent.tag))
    name = shown_tag(str(child.tag))
    return structure_finding(
        rule,
        place_of(child),
        f"{name} {fr} dans {owner}." + (f" Attendu ici : {here}." if here else ""),
        f"{name} {en} in {owner}." + (f" Expected here: {here}." if here else ""),
    )


def _about_attributes(
    error: xmlschema.XMLSchemaValidationError, element: etree._Element
) -> Finding:
    """Explain an attribute that is missing or unknown."""
    named = _NAMED.search(error.reason or "")
    name = named["name"] if named else "?"
    tag = shown_tag(str(element.tag))
    if (error.reason or "").startswith("missing required"):
        return structure_finding(
            "XSD-ATTRIBUTE",
            place_of(element),
            f"L'attribut {name} manque sur {tag}.",
            f"The attribute {name} is missing on {tag}.",
        )
    return structure_finding(
        "XSD-ATTRIBUTE",
        place_of(element),
        f"L'attribut {name} n'est pas prévu sur {tag}.",
        f"The attribute {name} is not allowed on {tag}.",
    )


def _about_value(
    error: xmlschema.XMLSchemaValidationError, element: etree._Element, expected: tuple[str, str]
) -> Finding:
    """Explain a value that its type or one of its facets refuses."""
    found = _ATTRIBUTE.match(error.reason or "")
    attribute = found["name"] if found else None
    place = place_of(element, attribute)
    fr = en = shown_tag(str(element.tag))
    if attribute is not None:
        fr, en = f"@{attribute} de {fr}", f"@{attribute} of {en}"
    shown_fr, shown_en = "vide", "(empty)"
    if place.value:
        shown_fr, shown_en = f"« {place.value} »", f'"{place.value}"'
    return structure_finding(
        "XSD-VALUE",
        place,
        f"La valeur {shown_fr} de {fr} n'est pas acceptée ; attendu : {expected[0]}.",
        f"The value {shown_en} of {en} is not accepted; expected: {expected[1]}.",
    )


def _about_content(error: xmlschema.XMLSchemaValidationError, element: etree._Element) -> Finding:
    """Explain text among elements, elements inside a value, and whatever is left."""
    reason = error.reason or ""
    tag = shown_tag(str(element.tag))
    place = place_of(element)
    if reason.startswith("character data"):
        words = [element.text or "", *(child.tail or "" for child in element)]
        text = cut(" ".join(" ".join(words).split()))
        return structure_finding(
            "XSD-CONTENT",
            Place(place.xpath, place.line, text),
            f"{tag} ne peut contenir que des éléments, pas le texte « {text} ».",
            f'{tag} may hold elements only, not the text "{text}".',
        )
    if "can't have child" in reason:
        return structure_finding(
            "XSD-CONTENT",
            place,
            f"{tag} ne peut contenir qu'une valeur, pas d'éléments.",
            f"{tag} may hold a value only, no elements.",
        )
    return structure_finding(
        "XSD-INVALID",
        place,
        f"{tag} n'est pas conforme au schéma : {reason}.",
        f"{tag} does not conform to the schema: {reason}.",
    )


def _expected(validator: object) -> tuple[str, str] | None:
    """Say what a type or facet asks for; None where `validator` is neither."""
    if isinstance(validator, xsd.XsdEnumerationFacets):
        values = _listed([str(value) for value in validator.enumeration])
        return f"une valeur parmi {values}", f"one of {values}"
    if isinstance(validator, xsd.XsdPatternFacets):
        patterns = _listed([str(each) for each in validator.regexps])
        return f"le modèle {patterns}", f"the pattern {patterns}"
    facet = _FACETS.get(type(validator))
    if facet is not None:
        value = getattr(validator, "value", "")
        return facet[0].format(value), facet[1].format(value)
    if isinstance(validator, xsd.XsdAtomicBuiltin):
        name = validator.local_name or ""
        return _TYPES.get(name, (f"le type {name}", f"the type {name}"))
    if isinstance(validator, xsd.XsdSimpleType):
        return "une valeur d'un des types permis", "a value of one of the allowed types"
    return None


def _known_children(validator: object) -> frozenset[str]:
    """Return the Clark names of every element that a content model has a place for."""
    if not isinstance(validator, xsd.XsdGroup):
        return frozenset()
    return frozenset(name for name in map(_name, validator.iter_elements()) if name)


def _name(particle: object) -> str | None:
    return particle.name if isinstance(particle, xsd.XsdElement) else None


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f", … (+{more})" if more > 0 else "")
