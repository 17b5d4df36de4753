"""CPPFacturePivot: our schema says what the format says, facet by facet."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from pipeline.syntax.parse import compile_schema

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = compile_schema(str(ROOT / "schemas" / "CPPFacturePivot-V2_02.xsd"))
SAMPLES = ROOT / "samples" / "pivot"
#: Has every element and attribute of the format.
EVERYTHING = SAMPLES / "pass-tout.xml"

#: What no facet bounds: any text, or nothing.
FREE: list[str | None] = ["", "x" * 5_000, None]
AMOUNT: list[str | None] = ["0", "-0.50", "+1", "1234567890123456789.123456"]
NO_AMOUNT: list[str | None] = ["1,50", "1e3", "1 000.00", "", None]
DAY: list[str | None] = ["2026-11-06", "2026-11-06+01:00"]
NO_DAY: list[str | None] = ["2026-02-30", "06/11/2026", "2026-11-06T00:00:00", ""]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("pass-*.xml")), ids=lambda path: path.stem)
def test_what_keeps_the_format_passes(path: Path) -> None:
    """The smallest of usual flows, and one that has everything the format knows."""
    SCHEMA.assertValid(etree.parse(path))


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("fail-*.xml")), ids=lambda path: path.stem)
def test_what_breaks_the_format_does_not(path: Path) -> None:
    """Each sample breaks one thing, which its name says; else it is ``pass-facture.xml``."""
    assert SCHEMA.validate(etree.parse(SAMPLES / "pass-facture.xml"))
    assert not SCHEMA.validate(etree.parse(path))


def test_one_sample_has_every_element_of_the_format() -> None:
    """Facets are tried on it; what it lacked would not be tried."""
    schemas = [
        etree.parse(ROOT / "schemas" / name)
        for name in ("CPPFacturePivot-V2_02.xsd", "CPP-Common.xsd")
    ]
    named = {
        kind: {
            str(found.get("name"))
            for schema in schemas
            for found in schema.iter(f"{{http://www.w3.org/2001/XMLSchema}}{kind}")
        }
        for kind in ("element", "attribute")
    }
    sample = etree.parse(EVERYTHING).getroot()

    elements = {str(element.tag) for element in sample.iter()}
    attributes = {str(name) for element in sample.iter() for name in element.attrib}

    assert named["element"] == elements
    assert named["attribute"] == attributes


def valid(path: str, value: str | None) -> bool:
    """Put `value` at the last such `path` of the sample and ask the schema; None removes it."""
    root = etree.parse(EVERYTHING).getroot()
    owner, _, attribute = path.partition("/@")
    found = root.findall(f".//{owner}") if owner else [root]
    element = found[-1]
    if attribute and value is None:
        del element.attrib[attribute]
    elif attribute:
        element.set(attribute, value or "")
    elif value is None:
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)
    else:
        element.text = value
    return SCHEMA.validate(root)


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("/@Version", ["", "V9", None], []),
        ("Enveloppe", [], [None]),
        ("EnveloppeUnitaire", [], [None]),
        ("ParametreIndiv/Code", ["DtPrd"], ["DtPr", "DtPrd1", None]),
        ("ParametreIndiv/@NumOrdre", ["0009", None], ["9", "00001"]),
        ("Recepteur/Id", ["ABC", "x" * 8], ["AB", "x" * 9, None]),
        ("Emetteur/Id", ["ABC", "x" * 8], ["AB", "x" * 9, None]),
        ("CPPFactures", [], [None]),
        ("CPPFactures/@Compteur", ["0", "7", None], ["-1", "x", "1.0"]),
        ("CPPFacturePivotUnitaire/@NumOrdre", ["0", None], ["-1", "x"]),
    ],
)
def test_each_facet_around_the_invoices(
    path: str, good: list[str | None], bad: list[str | None]
) -> None:
    """Values at the edge pass, values over it do not; None takes the place away."""
    assert [value for value in good if not valid(path, value)] == []
    assert [value for value in bad if valid(path, value)] == []


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("Fournisseur", [], [None]),
        ("Fournisseur/TypeIdentifiant", ["1", "7", "07"], ["0", "8", "", "x", None]),
        ("Fournisseur/Identifiant", ["", "x" * 200], [None]),
        ("Fournisseur/RaisonSociale", ["", "x" * 200], [None]),
        ("Fournisseur/CodePays", ["FR"], ["F", "FRA", "", None]),
        ("ReferenceBancaire", [None], []),
        ("ReferenceBancaire/@Type", ["IBAN", "RIB", None], ["iban", "BIC", ""]),
        ("ReferenceBancaire/Compte", FREE, []),
        ("ReferenceBancaire/Etablissement", FREE, []),
        ("ReferenceBancaire/RaisonSocialeEncaisseur", FREE, []),
        (
            "ModeEmission",
            ["flux", "numérisation", "saisie", "PDF"],
            ["Flux", "numerisation", "pdf", "", None],
        ),
        ("Debiteur", [], [None]),
        ("Debiteur/TypeIdentifiant", ["1", "01"], ["0", "2", None]),
        ("Debiteur/Identifiant", ["x" * 14], ["x" * 13, "x" * 15, None]),
        ("Debiteur/Nom", FREE, []),
        ("Debiteur/CodeService", ["", "x" * 100, None], ["x" * 101]),
        ("Debiteur/NomService", FREE, []),
    ],
)
def test_each_facet_of_the_parties(
    path: str, good: list[str | None], bad: list[str | None]
) -> None:
    """Values at the edge pass, values over it do not; None takes the place away."""
    assert [value for value in good if not valid(path, value)] == []
    assert [value for value in bad if valid(path, value)] == []


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("DonneesFacture", [], [None]),
        ("DonneesFacture/Id", ["", "x" * 20], ["x" * 21, None]),
        ("DonneesFacture/IdCPRO", ["0", "-1", "12345678901234567890", None], ["1.5", "x", ""]),
        ("Renvoi", ["Non", "Complétée", "Recyclée", None], ["Oui", "Completee", ""]),
        ("IdFactureOrigine", ["", "x" * 20, None], ["x" * 21]),
        ("DonneesFacture/Type", ["380", "381"], ["384", "0380", "", None]),
        (
            "Cadre",
            [f"A{number}" for number in range(1, 26) if number != 11],
            ["A0", "A11", "A26", "A01", "a1", "S1", "A", "", None],
        ),
        ("DateEmissionFacture", DAY, [*NO_DAY, None]),
        ("DateLivraison", [*DAY, None], NO_DAY),
        ("ModePaiement", [], [None]),
        (
            "ModePaiement/Code",
            ["10", "20", "30", "31", "42", "48", "49", "97", "030"],
            ["1", "54", "58", "98", "", "x", None],
        ),
        ("ModePaiement/Libelle", FREE, []),
        ("DateReception", DAY, [*NO_DAY, None]),
        ("DateMiseADispositionMOE", [*DAY, None], NO_DAY),
        ("Devise", ["EUR", "XXX"], ["eur", "EU", "EURO", "E1R", "", None]),
        ("Montants", [], [None]),
        ("Montants/MontantHT", AMOUNT, NO_AMOUNT),
        ("MontantTTC", AMOUNT, NO_AMOUNT),
        ("MontantNetAPayer", AMOUNT, NO_AMOUNT),
        ("TVAs", [None], []),
        ("TVAs/TVA", [None], []),
        ("TVA/Taux", AMOUNT, NO_AMOUNT),
        ("TVA/BaseHt", AMOUNT, NO_AMOUNT),
        ("TVA/MontantTVA", AMOUNT, NO_AMOUNT),
        ("Engagement", [None], []),
        ("NumeroMarche", ["", "x" * 50, None], ["x" * 51]),
        ("NumeroEngagement", ["", "x" * 50, None], ["x" * 51]),
        ("Lignes", [None], []),
        ("Lignes/Ligne", [None], []),
        ("Ligne/@NumOrdre", ["0", "12"], ["-1", "x", None]),
        ("PrixUnitaire", AMOUNT, NO_AMOUNT),
        ("Quantite", AMOUNT, NO_AMOUNT),
        ("Ligne/MontantHT", AMOUNT, NO_AMOUNT),
    ],
)
def test_each_facet_of_the_invoice(
    path: str, good: list[str | None], bad: list[str | None]
) -> None:
    """Values at the edge pass, values over it do not; None takes the place away."""
    assert [value for value in good if not valid(path, value)] == []
    assert [value for value in bad if valid(path, value)] == []


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("PJ/@NumOrdre", ["0", None], ["-1", "x"]),
        ("PJ/IdUnique", FREE, []),
        ("PJ/IdOriginal", FREE, []),
        ("PJ/Contenu", FREE, []),
        ("PJ/NomPJ", ["", "x" * 50], ["x" * 51, None]),
        ("PJ/NomPJOrigine", ["", "x" * 50, None], ["x" * 51]),
        ("PJ/CategoriePJ", ["", "x" * 50, None], ["x" * 51]),
        ("PJ/TypePJ", ["01", "02"], ["1", "03", "", None]),
        ("PJ/MimeTypePJ", ["", "application/pdf"], [None]),
        ("CycleDeValidation", [None], []),
        ("ValidationUnitaire", [], [None]),
        ("DateStatut", DAY, [*NO_DAY, None]),
        ("CodeStatut", ["0", "99999"], ["-1", "x", "", None]),
        ("ValidationUnitaire/ComplementStatut", FREE, []),
        ("ValidationUnitaire/Commentaire", FREE, []),
        ("ProducteurStatut", [], [None]),
        ("ProducteurStatut/TypeIdentifiant", ["1", "6"], ["0", "7", None]),
        ("ProducteurStatut/Id", [""], [None]),
        ("ProducteurStatut/RaisonSociale", [""], [None]),
        ("ProducteurStatut/CodePays", ["FR"], ["FRA", None]),
        ("ProducteurStatut/Note", FREE, []),
    ],
)
def test_each_facet_of_files_and_validations(
    path: str, good: list[str | None], bad: list[str | None]
) -> None:
    """Values at the edge pass, values over it do not; None takes the place away."""
    assert [value for value in good if not valid(path, value)] == []
    assert [value for value in bad if valid(path, value)] == []


def test_what_a_line_may_go_without() -> None:
    """Reference and rate of a line are optional; the sample has them in its first line only."""
    root = etree.parse(EVERYTHING).getroot()
    for name in ("ReferenceProduit", "TauxTVA"):
        element = root.find(f".//{name}")
        assert element is not None
        element.text = "5.5"
        assert SCHEMA.validate(root)
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)

    assert SCHEMA.validate(root)


def test_the_order_is_fixed_everywhere() -> None:
    """Every model is a sequence: any two neighbours that change places are refused."""
    sample = etree.parse(EVERYTHING).getroot()
    passed = []
    for element in list(sample.iter()):
        after = element.getnext()
        if after is None or after.tag == element.tag:
            continue
        element.addprevious(after)
        if SCHEMA.validate(sample):
            passed.append(f"{after.tag!s} before {element.tag!s}")
        element.addnext(after)
        element.tail = after.tail
    assert passed == []
    assert SCHEMA.validate(sample)


def test_no_fragment_is_a_flow() -> None:
    """Only CPPFacturePivot may be the root, and nothing of another name stands anywhere."""
    sample = etree.parse(EVERYTHING).getroot()
    fragments = [etree.fromstring(etree.tostring(element)) for element in sample.iter()][1:]

    assert [str(one.tag) for one in fragments if SCHEMA.validate(one)] == []

    for element in list(sample.iter()):
        stray = etree.SubElement(element, "Autre")
        assert not SCHEMA.validate(sample)
        element.remove(stray)
        element.set("autre", "x")
        assert not SCHEMA.validate(sample)
        del element.attrib["autre"]
