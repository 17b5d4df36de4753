"""What the codes in an invoice mean, as far as people who read invoices need it.

A code that has no name here is shown as it is: no name is ever guessed.

Source:
    UNCL 1001, 4451, 4461, 5189, 5305, 7161 and UN/ECE Recommendation 20 and 21, as EN 16931
    restricts them; VATEX of the EAS/CEF code lists; XP Z12-012 for the French frames, notes
    and identifier schemes. The words are this project's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from pipeline.model.labels import Name

#: BT-3, UNCL 1001.
TYPES: Mapping[str, Name] = MappingProxyType(
    {
        "261": Name("Avoir en autofacturation", "Self-billed credit note"),
        "262": Name("Avoir de remise globale", "Global rebate credit note"),
        "325": Name("Facture pro forma", "Pro forma invoice"),
        "326": Name("Facture partielle", "Partial invoice"),
        "380": Name("Facture", "Invoice"),
        "381": Name("Avoir", "Credit note"),
        "383": Name("Note de débit", "Debit note"),
        "384": Name("Facture rectificative", "Corrected invoice"),
        "385": Name("Facture récapitulative", "Consolidated invoice"),
        "386": Name("Facture d'acompte", "Prepayment invoice"),
        "389": Name("Facture en autofacturation", "Self-billed invoice"),
        "393": Name("Facture affacturée", "Factored invoice"),
        "396": Name("Avoir affacturé", "Factored credit note"),
        "471": Name("Rectificative en autofacturation", "Self-billed corrected invoice"),
        "472": Name("Rectificative affacturée", "Factored corrected invoice"),
        "473": Name(
            "Rectificative affacturée en autofacturation",
            "Self-billed factored corrected invoice",
        ),
        "500": Name("Facture d'acompte en autofacturation", "Self-billed prepayment invoice"),
        "501": Name("Facture affacturée en autofacturation", "Self-billed factored invoice"),
        "502": Name("Avoir affacturé en autofacturation", "Self-billed factored credit note"),
        "503": Name("Avoir d'acompte", "Prepayment credit note"),
    }
)

#: BT-8, UNCL 2005.
VAT_POINTS: Mapping[str, Name] = MappingProxyType(
    {
        "3": Name("à l'émission (débits)", "on issue of the invoice"),
        "35": Name("à la livraison", "on delivery"),
        "432": Name("à l'encaissement", "on payment"),
    }
)

#: VAT categories, UNCL 5305.
VAT_CATEGORIES: Mapping[str, Name] = MappingProxyType(
    {
        "S": Name("Taux normal ou réduit", "Standard or reduced rate"),
        "Z": Name("Taux zéro", "Zero rate"),
        "E": Name("Exonéré", "Exempt"),
        "AE": Name("Autoliquidation", "Reverse charge"),
        "K": Name("Livraison intracommunautaire", "Intra-Community supply"),
        "G": Name("Exportation hors UE", "Export outside the EU"),
        "O": Name("Hors champ de la TVA", "Outside the scope of VAT"),
        "L": Name("IGIC (Canaries)", "IGIC (Canary Islands)"),
        "M": Name("IPSI (Ceuta et Melilla)", "IPSI (Ceuta and Melilla)"),
    }
)

#: BT-81, UNCL 4461.
PAYMENT_MEANS: Mapping[str, Name] = MappingProxyType(
    {
        "1": Name("Non précisé", "Not specified"),
        "10": Name("Espèces", "Cash"),
        "20": Name("Chèque", "Cheque"),
        "23": Name("Chèque de banque", "Banker's cheque"),
        "24": Name("Effet à accepter", "Bill of exchange awaiting acceptance"),
        "30": Name("Virement", "Credit transfer"),
        "31": Name("Virement au débit", "Debit transfer"),
        "42": Name("Versement sur un compte bancaire", "Payment to bank account"),
        "48": Name("Carte bancaire", "Bank card"),
        "49": Name("Prélèvement", "Direct debit"),
        "50": Name("Versement par service postal", "Payment by postgiro"),
        "54": Name("Carte de crédit", "Credit card"),
        "55": Name("Carte de débit", "Debit card"),
        "57": Name("Accord permanent", "Standing agreement"),
        "58": Name("Virement SEPA", "SEPA credit transfer"),
        "59": Name("Prélèvement SEPA", "SEPA direct debit"),
        "60": Name("Billet à ordre", "Promissory note"),
        "68": Name("Service de paiement en ligne", "Online payment service"),
        "70": Name("Lettre de change", "Bill of exchange"),
        "97": Name("Compensation", "Clearing between partners"),
        "ZZZ": Name("Convenu entre les parties", "Mutually defined"),
    }
)

#: BT-21, UNCL 4451, as French notes use it.
NOTE_SUBJECTS: Mapping[str, Name] = MappingProxyType(
    {
        "AAB": Name("Escompte", "Discount for early payment"),
        "AAI": Name("Information générale", "General information"),
        "ABL": Name("Mentions légales du vendeur", "Seller's legal statements"),
        "ACC": Name("Subrogation, affacturage", "Subrogation, factoring"),
        "ADN": Name("Marque B2G", "B2G mark"),
        "BAR": Name("Traitement demandé", "Processing asked for"),
        "BLU": Name("Éco-contribution", "Eco-contribution"),
        "CUS": Name("Douane", "Customs"),
        "DCL": Name("Déclaration", "Declaration"),
        "PMD": Name("Pénalités de retard", "Late payment penalties"),
        "PMT": Name("Indemnité forfaitaire de recouvrement", "Fixed recovery fee"),
        "REG": Name("Réglementation", "Regulation"),
        "SUR": Name("Remarques du vendeur", "Seller's remarks"),
        "TXD": Name("Mention de TVA", "VAT statement"),
    }
)
#: Notes that French law asks for on every invoice (C. com. art. L441-9), in that order.
LEGAL_NOTES = ("PMT", "PMD", "AAB")

#: BT-130, BT-150: UN/ECE Recommendations 20 and 21.
UNITS: Mapping[str, Name] = MappingProxyType(
    {
        "ANN": Name("an", "year"),
        "BX": Name("boîte", "box"),
        "C62": Name("unité", "unit"),
        "CMK": Name("cm²", "cm²"),
        "CMT": Name("cm", "cm"),
        "DAY": Name("jour", "day"),
        "DZN": Name("douzaine", "dozen"),
        "E48": Name("prestation", "service unit"),
        "EA": Name("pièce", "each"),
        "GRM": Name("g", "g"),
        "H87": Name("pièce", "piece"),
        "HUR": Name("heure", "hour"),
        "KGM": Name("kg", "kg"),
        "KMT": Name("km", "km"),
        "KWH": Name("kWh", "kWh"),
        "LS": Name("forfait", "lump sum"),
        "LTR": Name("litre", "litre"),
        "MIN": Name("minute", "minute"),
        "MLT": Name("ml", "ml"),
        "MMT": Name("mm", "mm"),
        "MON": Name("mois", "month"),
        "MTK": Name("m²", "m²"),
        "MTQ": Name("m³", "m³"),
        "MTR": Name("m", "m"),
        "MWH": Name("MWh", "MWh"),
        "NAR": Name("article", "article"),
        "P1": Name("%", "%"),
        "PR": Name("paire", "pair"),
        "QAN": Name("trimestre", "quarter"),
        "SET": Name("lot", "set"),
        "TNE": Name("tonne", "tonne"),
        "WEE": Name("semaine", "week"),
        "XBX": Name("boîte", "box"),
        "XCT": Name("carton", "carton"),
        "XPK": Name("colis", "package"),
        "XPP": Name("pièce", "piece"),
        "XPX": Name("palette", "pallet"),
    }
)

#: BT-98, BT-140: UNCL 5189; BT-105, BT-145: UNCL 7161. No code is in both.
REASONS: Mapping[str, Name] = MappingProxyType(
    {
        "41": Name("Prime d'avance", "Bonus for works ahead of schedule"),
        "42": Name("Autre prime", "Other bonus"),
        "60": Name("Remise du fabricant", "Manufacturer's discount"),
        "63": Name("Accident du travail", "Due to work accident"),
        "64": Name("Accord particulier", "Special agreement"),
        "65": Name("Défaut de fabrication", "Production error"),
        "66": Name("Nouveau point de vente", "New outlet"),
        "67": Name("Échantillon", "Sample"),
        "68": Name("Fin de série", "End of range"),
        "70": Name("Incoterm", "Incoterm"),
        "71": Name("Seuil de vente", "Point of sales threshold"),
        "88": Name("Supplément ou retenue de matière", "Material surcharge or deduction"),
        "95": Name("Remise", "Discount"),
        "100": Name("Ristourne", "Special rebate"),
        "102": Name("Durée fixe", "Fixed long term"),
        "103": Name("Temporaire", "Temporary"),
        "104": Name("Habituelle", "Standard"),
        "105": Name("Chiffre d'affaires annuel", "Yearly turnover"),
        "AA": Name("Publicité", "Advertising"),
        "AAA": Name("Télécommunications", "Telecommunication"),
        "ABK": Name("Divers", "Miscellaneous"),
        "ABL": Name("Emballage supplémentaire", "Additional packaging"),
        "ADR": Name("Autres services", "Other services"),
        "ADT": Name("Enlèvement", "Pick-up"),
        "FC": Name("Port", "Freight"),
        "FI": Name("Frais financiers", "Financing"),
        "LA": Name("Étiquetage", "Labelling"),
        "PC": Name("Emballage", "Packing"),
        "SH": Name("Manutention particulière", "Special handling"),
    }
)

#: Schemes of identifiers and electronic addresses (ISO 6523, EAS, UNCL 1153) met in France.
SCHEMES: Mapping[str, Name] = MappingProxyType(
    {
        "0002": Name("SIREN", "SIREN"),
        "0009": Name("SIRET", "SIRET"),
        "0060": Name("DUNS", "DUNS"),
        "0088": Name("GLN", "GLN"),
        "0160": Name("GTIN", "GTIN"),
        "0223": Name("N° de TVA UE", "EU VAT number"),
        "0224": Name("Code service", "Service code"),
        "0225": Name("Adresse de facturation", "French e-invoicing address"),
        "0226": Name("Particulier", "Individual"),
        "0227": Name("Hors UE", "Outside the EU"),
        "0228": Name("RIDET", "RIDET"),
        "0229": Name("TAHITI", "TAHITI"),
        "0231": Name("Assujetti unique", "VAT group"),
        "AFL": Name("N° de facture", "Invoice number"),
        "AVV": Name("Cadre", "Frame"),
        "EM": Name("Courriel", "Email"),
    }
)

_SUBJECTS = {
    "B": Name("biens", "goods"),
    "S": Name("services", "services"),
    "M": Name("biens et services", "goods and services"),
}
_FRAMES = {
    "1": Name("facture", "invoice"),
    "2": Name("facture déjà payée", "invoice already paid"),
    "3": Name("demande de paiement direct", "request for direct payment"),
    "4": Name("facture définitive après acompte", "final invoice after prepayment"),
    "5": Name("facture d'un sous-traitant", "subcontractor's invoice"),
    "6": Name("facture d'un cotraitant", "co-contractor's invoice"),
    "7": Name("facture dont la TVA est déjà déclarée", "invoice with VAT already reported"),
    "8": Name("facture de plusieurs vendeurs", "invoice of several sellers"),
    "9": Name("facture dans les deux sens", "two-way invoice"),
}

#: VATEX codes that say it in a word; the others name an article of law.
_EXEMPTIONS = {
    "VATEX-FR-FRANCHISE": Name(
        "Franchise en base (CGI art. 293 B)", "Small business exemption (CGI art. 293 B)"
    ),
    "VATEX-FR-CNWVAT": Name("Avoir sans TVA", "Credit note without VAT"),
    "VATEX-FR-AE": Name("Autoliquidation (CGI art. 283)", "Reverse charge (CGI art. 283)"),
    "VATEX-FR-298SEXDECIESA": Name("CGI art. 298 sexdecies A", "CGI art. 298 sexdecies A"),
    "VATEX-EU-AE": Name("Autoliquidation", "Reverse charge"),
    "VATEX-EU-D": Name("Moyens de transport d'occasion", "Second-hand means of transport"),
    "VATEX-EU-F": Name("Biens d'occasion", "Second-hand goods"),
    "VATEX-EU-G": Name("Exportation hors UE", "Export outside the EU"),
    "VATEX-EU-I": Name("Objets d'art", "Works of art"),
    "VATEX-EU-IC": Name("Livraison intracommunautaire", "Intra-Community supply"),
    "VATEX-EU-J": Name("Objets de collection, antiquités", "Collectors' items, antiques"),
    "VATEX-EU-O": Name("Hors champ de la TVA", "Outside the scope of VAT"),
}
_CGI = re.compile(r"VATEX-FR-CGI(?P<article>[0-9]+)(?P<letter>[A-Z]?)(?:-(?P<rest>[0-9A-Z]+))?")
_DIRECTIVE = re.compile(r"VATEX-EU-(?P<article>[0-9]+)(?:-(?P<rest>[0-9A-Z]+))?")


def exemption(code: str) -> Name | None:
    """Return what a VATEX code (BT-121) stands for.

    >>> exemption("VATEX-FR-CGI261C-1").fr, exemption("VATEX-EU-132-1I").en
    ('CGI art. 261 C, 1', 'Directive 2006/112/EC art. 132, 1I')
    """
    if code in _EXEMPTIONS:
        return _EXEMPTIONS[code]
    for pattern, fr, en in (
        (_CGI, "CGI art.", "CGI art."),
        (_DIRECTIVE, "Directive 2006/112/CE art.", "Directive 2006/112/EC art."),
    ):
        found = pattern.fullmatch(code)
        if found:
            parts = found.groupdict()
            article = " ".join(each for each in (parts["article"], parts.get("letter")) if each)
            where = ", ".join(each for each in (article, parts["rest"]) if each)
            return Name(f"{fr} {where}", f"{en} {where}")
    return None


def frame(code: str) -> Name | None:
    """Return what a French frame (BT-23) stands for; None for those of other lists.

    >>> frame("S2").fr, frame("A1")
    ('Services : facture déjà payée', None)
    """
    if len(code) != len("B1") or code[0] not in _SUBJECTS or code[1] not in _FRAMES:
        return None
    subject, kind = _SUBJECTS[code[0]], _FRAMES[code[1]]
    return Name(f"{subject.fr.capitalize()} : {kind.fr}", f"{subject.en.capitalize()}: {kind.en}")
