"""The fixed texts of a readable invoice, French and English."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.model.labels import Language, Name

WORDS: Mapping[str, Name] = MappingProxyType(
    {
        "document": Name("Document", "Document"),
        "notice": Name(
            "Représentation lisible : l'original fait foi.",
            "Readable rendering: the original prevails.",
        ),
        "duplicate": Name("duplicata", "duplicate"),
        "original": Name("Original", "Original"),
        "sha256": Name("Empreinte SHA-256 de l'original", "SHA-256 of the original"),
        "file": Name("Fichier", "File"),
        "syntax": Name("Format", "Format"),
        "size": Name("Taille", "Size"),
        "references": Name("Références", "References"),
        "process": Name("Cadre et TVA", "Process and VAT"),
        "name": Name("Nom", "Name"),
        "trading_name": Name("Nom commercial", "Trading name"),
        "identifier": Name("Identifiant", "Identifier"),
        "registration": Name("Immatriculation", "Registration"),
        "vat_id": Name("N° de TVA", "VAT number"),
        "tax_id": Name("N° fiscal", "Tax number"),
        "endpoint": Name("Adresse électronique", "Electronic address"),
        "address": Name("Adresse", "Address"),
        "contact": Name("Contact", "Contact"),
        "role": Name("Rôle", "Role"),
        "reason": Name("Motif", "Reason"),
        "base": Name("Assiette", "Base"),
        "percent": Name("Taux", "Rate"),
        "vat": Name("TVA", "VAT"),
        "amount": Name("Montant HT", "Amount"),
        "stated": Name("Déclaré", "As stated"),
        "computed": Name("Recalculé", "Recomputed"),
        "computed_note": Name(
            "Les montants déclarés sont ceux de l'original ; les montants recalculés le sont"
            " ici, à partir de ceux-ci.",
            "Stated amounts are those of the original; recomputed ones are worked out here"
            " from them.",
        ),
        "same": Name("concorde", "agrees"),
        "differs": Name("écart", "difference"),
        "missing": Name("absent", "missing"),
        "legal": Name("Mentions légales de paiement", "Legal payment statements"),
        "terms": Name("Conditions", "Terms"),
        "kind": Name("Nature", "Kind"),
        "reference": Name("Référence", "Reference"),
        "unnamed": Name("sans nom", "unnamed"),
        "outside": Name("adresse externe, non suivie :", "external location, not followed:"),
        "findings": Name("Constats du contrôle", "Findings of the checks"),
        "fatal": Name("bloquant", "fatal"),
        "warning": Name("avertissement", "warning"),
        "unlisted": Name("autres constats, non listés ici", "more findings, not listed here"),
        "beyond": Name("Aussi dans l'original", "Also in the original"),
        "beyond_note": Name(
            "Données de l'original que cette page ne montre pas ailleurs.",
            "Data of the original that this page does not show elsewhere.",
        ),
        "checks": Name("Contrôles effectués", "Checks that were run"),
        "valid": Name("Contrôlé : aucune anomalie bloquante.", "Checked: no fatal finding."),
        "invalid": Name("Contrôlé : anomalies bloquantes.", "Checked: fatal findings."),
        "unclear": Name(
            "Le contrôle n'a pas abouti : rien n'est affirmé.",
            "The checks did not come to an end: nothing is claimed.",
        ),
        "colon": Name("\u00a0:", ":"),
        "group": Name("regroupement", "group"),
        "information": Name("information", "information"),
        "detail": Name("détail", "detail"),
        "of": Name("de", "of"),
        "from": Name("du", "from"),
        "to": Name("au", "to"),
    }
)


def words(language: Language) -> dict[str, str]:
    """Return every fixed text in one language."""
    return {key: name.in_(language) for key, name in WORDS.items()}
