"""What the terms of an invoice are called, in a bookkeeper's words, French and English.

A name is short enough to stand beside a value; what a term means is for the norm to say.

Source:
    EN 16931-1:2017, table 2, for what each term is; XP Z12-012 annex A for the terms of the
    extension. The words are this project's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from pipeline.model.terms import TERMS, Term


class Language(Enum):
    """A language that people are shown invoices in."""

    FRENCH = "fr"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Name:
    """One name in both languages."""

    fr: str
    en: str

    def in_(self, language: Language) -> str:
        """Return the name in one language."""
        return self.fr if language is Language.FRENCH else self.en


_DOCUMENT = {
    "BT-1": Name("Numéro", "Number"),
    "BT-2": Name("Date d'émission", "Issue date"),
    "BT-3": Name("Type de document", "Document type"),
    "BT-5": Name("Devise", "Currency"),
    "BT-6": Name("Devise de comptabilisation de la TVA", "VAT accounting currency"),
    "BT-7": Name("Date d'exigibilité de la TVA", "VAT due on"),
    "BT-8": Name("Exigibilité de la TVA", "VAT due by"),
    "BT-9": Name("Date d'échéance", "Payment due date"),
    "BT-10": Name("Référence de l'acheteur", "Buyer's reference"),
    "BT-11": Name("Projet", "Project"),
    "BT-12": Name("Contrat ou marché", "Contract"),
    "BT-13": Name("Commande ou engagement", "Purchase order"),
    "BT-14": Name("Commande du vendeur", "Sales order"),
    "BT-15": Name("Avis de réception", "Receiving advice"),
    "BT-16": Name("Avis d'expédition", "Despatch advice"),
    "BT-17": Name("Appel d'offres ou lot", "Tender or lot"),
    "BT-18": Name("Objet facturé", "Invoiced object"),
    "BT-18-1": Name("Objet facturé : schéma", "Invoiced object: scheme"),
    "BT-18/further": Name("Autre objet facturé", "Further invoiced object"),
    "BT-18-1/further": Name("Autre objet facturé : schéma", "Further invoiced object: scheme"),
    "BT-19": Name("Imputation comptable de l'acheteur", "Buyer's accounting reference"),
    "BT-20": Name("Conditions de paiement", "Payment terms"),
    "BG-1": Name("Notes", "Notes"),
    "BT-21": Name("Note : sujet", "Note: subject"),
    "BT-22": Name("Note", "Note"),
    "BG-2": Name("Traitement", "Process"),
    "BT-23": Name("Cadre de facturation", "Business process"),
    "BT-24": Name("Spécification suivie", "Specification followed"),
    "BG-3": Name("Factures antérieures", "Preceding invoices"),
    "BT-25": Name("Facture antérieure", "Preceding invoice"),
    "BT-26": Name("Date de la facture antérieure", "Preceding invoice date"),
    "EXT-FR-FE-01": Name("Type de contrat", "Contract type"),
    "EXT-FR-FE-02": Name("Type de la facture antérieure", "Preceding invoice type"),
    "EXT-FR-FE-185": Name("Incoterm", "Incoterm"),
    "EXT-FR-FE-186": Name("Lieu de l'incoterm", "Incoterm place"),
    "EXT-FR-FE-197": Name("Date de la commande", "Purchase order date"),
    "EXT-FR-FE-198": Name("Date de l'avis d'expédition", "Despatch advice date"),
    "EXT-FR-FE-199": Name("Date du contrat", "Contract date"),
}

_SELLER = {
    "BG-4": Name("Vendeur", "Seller"),
    "BT-27": Name("Vendeur : raison sociale", "Seller's legal name"),
    "BT-28": Name("Vendeur : nom commercial", "Seller's trading name"),
    "BT-29": Name("Vendeur : identifiant", "Seller's identifier"),
    "BT-29-1": Name("Vendeur : schéma de l'identifiant", "Seller's identifier: scheme"),
    "BT-30": Name("Vendeur : immatriculation", "Seller's registration"),
    "BT-30-1": Name("Vendeur : schéma de l'immatriculation", "Seller's registration: scheme"),
    "BT-31": Name("Vendeur : n° de TVA", "Seller's VAT number"),
    "BT-32": Name("Vendeur : n° fiscal local", "Seller's local tax number"),
    "BT-33": Name("Vendeur : forme juridique", "Seller's legal form"),
    "BT-34": Name("Vendeur : adresse électronique", "Seller's electronic address"),
    "BT-34-1": Name(
        "Vendeur : schéma de l'adresse électronique", "Seller's electronic address: scheme"
    ),
    "BG-5": Name("Vendeur : adresse", "Seller's address"),
    "BT-35": Name("Vendeur : adresse, ligne 1", "Seller's address, line 1"),
    "BT-36": Name("Vendeur : adresse, ligne 2", "Seller's address, line 2"),
    "BT-162": Name("Vendeur : adresse, ligne 3", "Seller's address, line 3"),
    "BT-37": Name("Vendeur : ville", "Seller's city"),
    "BT-38": Name("Vendeur : code postal", "Seller's postcode"),
    "BT-39": Name("Vendeur : région", "Seller's region"),
    "BT-40": Name("Vendeur : pays", "Seller's country"),
    "BG-6": Name("Vendeur : contact", "Seller's contact"),
    "BT-41": Name("Vendeur : personne à contacter", "Seller's contact: name"),
    "BT-42": Name("Vendeur : téléphone", "Seller's contact: phone"),
    "BT-43": Name("Vendeur : courriel", "Seller's contact: email"),
}

_BUYER = {
    "BG-7": Name("Acheteur", "Buyer"),
    "BT-44": Name("Acheteur : raison sociale", "Buyer's legal name"),
    "BT-45": Name("Acheteur : nom commercial", "Buyer's trading name"),
    "BT-46": Name("Acheteur : identifiant", "Buyer's identifier"),
    "BT-46-1": Name("Acheteur : schéma de l'identifiant", "Buyer's identifier: scheme"),
    "BT-47": Name("Acheteur : immatriculation", "Buyer's registration"),
    "BT-47-1": Name("Acheteur : schéma de l'immatriculation", "Buyer's registration: scheme"),
    "BT-48": Name("Acheteur : n° de TVA", "Buyer's VAT number"),
    "BT-49": Name("Acheteur : adresse électronique", "Buyer's electronic address"),
    "BT-49-1": Name(
        "Acheteur : schéma de l'adresse électronique", "Buyer's electronic address: scheme"
    ),
    "BG-8": Name("Acheteur : adresse", "Buyer's address"),
    "BT-50": Name("Acheteur : adresse, ligne 1", "Buyer's address, line 1"),
    "BT-51": Name("Acheteur : adresse, ligne 2", "Buyer's address, line 2"),
    "BT-163": Name("Acheteur : adresse, ligne 3", "Buyer's address, line 3"),
    "BT-52": Name("Acheteur : ville", "Buyer's city"),
    "BT-53": Name("Acheteur : code postal", "Buyer's postcode"),
    "BT-54": Name("Acheteur : région", "Buyer's region"),
    "BT-55": Name("Acheteur : pays", "Buyer's country"),
    "BG-9": Name("Acheteur : contact", "Buyer's contact"),
    "BT-56": Name("Acheteur : personne à contacter", "Buyer's contact: name"),
    "BT-57": Name("Acheteur : téléphone", "Buyer's contact: phone"),
    "BT-58": Name("Acheteur : courriel", "Buyer's contact: email"),
}

_OTHERS = {
    "BG-10": Name("Bénéficiaire du paiement", "Payee"),
    "BT-59": Name("Bénéficiaire : nom", "Payee's name"),
    "BT-60": Name("Bénéficiaire : identifiant", "Payee's identifier"),
    "BT-60-1": Name("Bénéficiaire : schéma de l'identifiant", "Payee's identifier: scheme"),
    "BT-61": Name("Bénéficiaire : immatriculation", "Payee's registration"),
    "BT-61-1": Name("Bénéficiaire : schéma de l'immatriculation", "Payee's registration: scheme"),
    "BG-11": Name("Représentant fiscal du vendeur", "Seller's tax representative"),
    "BT-62": Name("Représentant fiscal : nom", "Tax representative's name"),
    "BT-63": Name("Représentant fiscal : n° de TVA", "Tax representative's VAT number"),
    "BG-12": Name("Représentant fiscal : adresse", "Tax representative's address"),
    "BT-64": Name("Représentant fiscal : adresse, ligne 1", "Tax representative, line 1"),
    "BT-65": Name("Représentant fiscal : adresse, ligne 2", "Tax representative, line 2"),
    "BT-164": Name("Représentant fiscal : adresse, ligne 3", "Tax representative, line 3"),
    "BT-66": Name("Représentant fiscal : ville", "Tax representative's city"),
    "BT-67": Name("Représentant fiscal : code postal", "Tax representative's postcode"),
    "BT-68": Name("Représentant fiscal : région", "Tax representative's region"),
    "BT-69": Name("Représentant fiscal : pays", "Tax representative's country"),
    "BG-13": Name("Livraison", "Delivery"),
    "BT-70": Name("Livré à : nom", "Delivered to: name"),
    "BT-71": Name("Livré à : identifiant du lieu", "Delivered to: identifier"),
    "BT-71-1": Name("Livré à : schéma de l'identifiant", "Delivered to: identifier scheme"),
    "BT-72": Name("Date de livraison", "Delivery date"),
    "BG-14": Name("Période facturée", "Invoicing period"),
    "BT-73": Name("Début de période", "Period start"),
    "BT-74": Name("Fin de période", "Period end"),
    "BG-15": Name("Adresse de livraison", "Delivery address"),
    "BT-75": Name("Livré à : adresse, ligne 1", "Delivered to: line 1"),
    "BT-76": Name("Livré à : adresse, ligne 2", "Delivered to: line 2"),
    "BT-165": Name("Livré à : adresse, ligne 3", "Delivered to: line 3"),
    "BT-77": Name("Livré à : ville", "Delivered to: city"),
    "BT-78": Name("Livré à : code postal", "Delivered to: postcode"),
    "BT-79": Name("Livré à : région", "Delivered to: region"),
    "BT-80": Name("Livré à : pays", "Delivered to: country"),
    "EXT-FR-FE-BG-01": Name("Agent de l'acheteur", "Buyer's agent"),
    "EXT-FR-FE-BG-02": Name("Payeur", "Payer"),
    "EXT-FR-FE-BG-03": Name("Agent du vendeur", "Seller's agent"),
    "EXT-FR-FE-BG-04": Name("Facture adressée à", "Invoiced to"),
    "EXT-FR-FE-BG-05": Name("Facture émise par", "Invoiced by"),
}

_PAYMENT = {
    "BG-16": Name("Paiement", "Payment"),
    "BT-81": Name("Moyen de paiement", "Payment means"),
    "BT-82": Name("Moyen de paiement, en clair", "Payment means, in words"),
    "BT-83": Name("Référence à rappeler", "Reference to quote"),
    "BG-17": Name("Virement", "Credit transfer"),
    "BT-84": Name("Compte à créditer", "Account to pay to"),
    "BT-85": Name("Titulaire du compte", "Account holder"),
    "BT-86": Name("Banque (BIC)", "Bank (BIC)"),
    "BG-18": Name("Carte de paiement", "Payment card"),
    "BT-87": Name("Numéro de carte", "Card number"),
    "BT-88": Name("Titulaire de la carte", "Card holder"),
    "BG-19": Name("Prélèvement", "Direct debit"),
    "BT-89": Name("Mandat de prélèvement", "Direct debit mandate"),
    "BT-90": Name("Identifiant du créancier", "Creditor identifier"),
    "BT-91": Name("Compte à débiter", "Account to debit"),
}

_AMOUNTS = {
    "BG-20": Name("Remises", "Allowances"),
    "BT-92": Name("Remise : montant HT", "Allowance: amount"),
    "BT-93": Name("Remise : assiette", "Allowance: base"),
    "BT-94": Name("Remise : pourcentage", "Allowance: percentage"),
    "BT-95": Name("Remise : catégorie de TVA", "Allowance: VAT category"),
    "BT-96": Name("Remise : taux de TVA", "Allowance: VAT rate"),
    "BT-97": Name("Remise : motif", "Allowance: reason"),
    "BT-98": Name("Remise : code du motif", "Allowance: reason code"),
    "EXT-FR-FE-187": Name("Remise : motif d'exonération", "Allowance: exemption reason"),
    "EXT-FR-FE-188": Name(
        "Remise : code du motif d'exonération", "Allowance: exemption reason code"
    ),
    "EXT-FR-FE-189": Name("Charge : motif d'exonération", "Charge: exemption reason"),
    "EXT-FR-FE-190": Name("Charge : code du motif d'exonération", "Charge: exemption reason code"),
    "BG-21": Name("Charges et frais", "Charges"),
    "BT-99": Name("Charge : montant HT", "Charge: amount"),
    "BT-100": Name("Charge : assiette", "Charge: base"),
    "BT-101": Name("Charge : pourcentage", "Charge: percentage"),
    "BT-102": Name("Charge : catégorie de TVA", "Charge: VAT category"),
    "BT-103": Name("Charge : taux de TVA", "Charge: VAT rate"),
    "BT-104": Name("Charge : motif", "Charge: reason"),
    "BT-105": Name("Charge : code du motif", "Charge: reason code"),
    "BG-22": Name("Totaux", "Totals"),
    "BT-106": Name("Total des lignes HT", "Sum of lines"),
    "BT-107": Name("Total des remises", "Sum of allowances"),
    "BT-108": Name("Total des charges", "Sum of charges"),
    "BT-109": Name("Total HT", "Total without VAT"),
    "BT-110": Name("Total TVA", "Total VAT"),
    "BT-111": Name("Total TVA en devise de comptabilisation", "Total VAT, accounting currency"),
    "BT-112": Name("Total TTC", "Total with VAT"),
    "BT-113": Name("Déjà payé", "Already paid"),
    "BT-114": Name("Arrondi", "Rounding"),
    "BT-115": Name("Net à payer", "Amount due"),
    "BG-23": Name("Ventilation de la TVA", "VAT breakdown"),
    "BT-116": Name("Base HT", "Taxable amount"),
    "BT-117": Name("Montant de TVA", "VAT amount"),
    "BT-118": Name("Catégorie de TVA", "VAT category"),
    "BT-119": Name("Taux de TVA", "VAT rate"),
    "BT-120": Name("Motif d'exonération", "Exemption reason"),
    "BT-121": Name("Code du motif d'exonération", "Exemption reason code"),
}

_SUPPORTS = {
    "BG-24": Name("Pièces jointes", "Supporting documents"),
    "BT-122": Name("Pièce : référence", "Document: reference"),
    "BT-123": Name("Pièce : nature", "Document: kind"),
    "BT-124": Name("Pièce : adresse externe", "Document: external location"),
    "BT-125": Name("Pièce : fichier", "Document: file"),
    "BT-125-1": Name("Pièce : type du fichier", "Document: file type"),
    "BT-125-2": Name("Pièce : nom du fichier", "Document: file name"),
}

_LINE = {
    "BG-25": Name("Lignes", "Lines"),
    "BT-126": Name("N° de ligne", "Line number"),
    "BT-127": Name("Note de ligne", "Line note"),
    "BT-128": Name("Objet facturé à la ligne", "Line's invoiced object"),
    "BT-128-1": Name("Objet facturé à la ligne : schéma", "Line's invoiced object: scheme"),
    "BT-128/further": Name("Autre objet facturé à la ligne", "Line's further invoiced object"),
    "BT-128-1/further": Name(
        "Autre objet facturé à la ligne : schéma", "Line's further invoiced object: scheme"
    ),
    "BT-129": Name("Quantité", "Quantity"),
    "BT-130": Name("Unité", "Unit"),
    "BT-131": Name("Montant net HT", "Net amount"),
    "BT-132": Name("Ligne de commande", "Order line"),
    "BT-133": Name("Imputation comptable de la ligne", "Line's accounting reference"),
    "BG-26": Name("Période de la ligne", "Line period"),
    "BT-134": Name("Début de période de la ligne", "Line period start"),
    "BT-135": Name("Fin de période de la ligne", "Line period end"),
    "BG-27": Name("Remises de ligne", "Line allowances"),
    "BT-136": Name("Remise de ligne : montant", "Line allowance: amount"),
    "BT-137": Name("Remise de ligne : assiette", "Line allowance: base"),
    "BT-138": Name("Remise de ligne : pourcentage", "Line allowance: percentage"),
    "BT-139": Name("Remise de ligne : motif", "Line allowance: reason"),
    "BT-140": Name("Remise de ligne : code du motif", "Line allowance: reason code"),
    "BG-28": Name("Charges de ligne", "Line charges"),
    "BT-141": Name("Charge de ligne : montant", "Line charge: amount"),
    "BT-142": Name("Charge de ligne : assiette", "Line charge: base"),
    "BT-143": Name("Charge de ligne : pourcentage", "Line charge: percentage"),
    "BT-144": Name("Charge de ligne : motif", "Line charge: reason"),
    "BT-145": Name("Charge de ligne : code du motif", "Line charge: reason code"),
    "BG-29": Name("Prix", "Price"),
    "BT-146": Name("Prix unitaire net", "Net unit price"),
    "BT-147": Name("Rabais sur le prix", "Price discount"),
    "BT-148": Name("Prix unitaire brut", "Gross unit price"),
    "BT-149": Name("Prix donné pour", "Price is for"),
    "BT-150": Name("Prix donné pour : unité", "Price is for: unit"),
    "BG-30": Name("TVA de la ligne", "Line VAT"),
    "BT-151": Name("Catégorie de TVA de la ligne", "Line VAT category"),
    "BT-152": Name("Taux de TVA de la ligne", "Line VAT rate"),
    "BG-31": Name("Article", "Item"),
    "BT-153": Name("Désignation", "Item"),
    "BT-154": Name("Description", "Description"),
    "BT-155": Name("Référence du vendeur", "Seller's item number"),
    "BT-156": Name("Référence de l'acheteur", "Buyer's item number"),
    "BT-157": Name("Code article normalisé", "Standard item number"),
    "BT-157-1": Name("Code article normalisé : schéma", "Standard item number: scheme"),
    "BT-158": Name("Classification", "Classification"),
    "BT-158-1": Name("Classification : schéma", "Classification: scheme"),
    "BT-158-2": Name("Classification : version", "Classification: version"),
    "BT-159": Name("Pays d'origine", "Country of origin"),
    "BG-32": Name("Caractéristiques", "Item attributes"),
    "BT-160": Name("Caractéristique", "Attribute"),
    "BT-161": Name("Caractéristique : valeur", "Attribute: value"),
    "BT-127-00": Name("Autres notes de ligne", "Further line notes"),
    "BT-18/further": Name("Autre objet facturé", "Further invoiced object"),
    "BT-18-1/further": Name("Autre objet facturé : schéma", "Further invoiced object: scheme"),
    "BT-127/further": Name("Autre note de ligne", "Further line note"),
    "EXT-FR-FE-183": Name("Note de ligne : sujet", "Line note: subject"),
    "EXT-FR-FE-183/further": Name("Autre note de ligne : sujet", "Further line note: subject"),
    "EXT-FR-FE-135": Name("Commande de la ligne", "Line's purchase order"),
    "EXT-FR-FE-BG-06": Name("Factures antérieures de la ligne", "Line's preceding invoices"),
    "EXT-FR-FE-136": Name("Facture antérieure de la ligne", "Line's preceding invoice"),
    "EXT-FR-FE-137": Name(
        "Type de la facture antérieure de la ligne", "Line's preceding invoice type"
    ),
    "EXT-FR-FE-138": Name(
        "Date de la facture antérieure de la ligne", "Line's preceding invoice date"
    ),
    "EXT-FR-FE-139": Name("Ligne de la facture antérieure", "Line of the preceding invoice"),
    "EXT-FR-FE-140": Name("Avis d'expédition de la ligne", "Line's despatch advice"),
    "EXT-FR-FE-141": Name("Ligne de l'avis d'expédition", "Despatch advice line"),
    "EXT-FR-FE-142": Name("Avis de réception de la ligne", "Line's receiving advice"),
    "EXT-FR-FE-143": Name("Ligne de l'avis de réception", "Receiving advice line"),
    "EXT-FR-FE-144": Name("Commande du vendeur de la ligne", "Line's sales order"),
    "EXT-FR-FE-145": Name("Ligne de la commande du vendeur", "Sales order line"),
    "EXT-FR-FE-BG-10": Name("Livraison de la ligne", "Line's delivery"),
    "EXT-FR-FE-150": Name("Adresse de livraison de la ligne", "Line's delivery address"),
    "EXT-FR-FE-158": Name("Date de livraison de la ligne", "Line's delivery date"),
    "EXT-FR-FE-BG-12": Name("Vendeur de la ligne", "Line's seller"),
    "EXT-FR-FE-159": Name("Caractéristique : code", "Attribute: code"),
    "EXT-FR-FE-160": Name("Caractéristique : mesure", "Attribute: measure"),
    "EXT-FR-FE-161": Name("Caractéristique : unité", "Attribute: unit"),
    "EXT-FR-FE-162": Name("Fait partie de la ligne", "Part of line"),
    "EXT-FR-FE-163": Name("Nature de la ligne", "Kind of line"),
    "EXT-FR-FE-178": Name("Motif d'exonération de la ligne", "Line's exemption reason"),
    "EXT-FR-FE-179": Name("Code du motif d'exonération de la ligne", "Line's exemption code"),
    "EXT-FR-FE-181": Name("TVA de la ligne", "Line's VAT"),
    "EXT-FR-FE-182": Name(
        "TVA de la ligne en devise de comptabilisation", "Line's VAT, accounting currency"
    ),
    "EXT-FR-FE-184": Name("Montant TTC de la ligne", "Line amount with VAT"),
    "EXT-FR-FE-193": Name("Incoterm de la ligne", "Line's incoterm"),
    "EXT-FR-FE-194": Name("Lieu de l'incoterm de la ligne", "Line's incoterm place"),
    "EXT-FR-FE-195": Name("Motif du rabais", "Price discount: reason"),
    "EXT-FR-FE-196": Name("Code du motif du rabais", "Price discount: reason code"),
    "EXT-FR-FE-200": Name("Date de la commande de la ligne", "Line's purchase order date"),
}

_NAMED = {
    **_DOCUMENT,
    **_SELLER,
    **_BUYER,
    **_OTHERS,
    **_PAYMENT,
    **_AMOUNTS,
    **_SUPPORTS,
    **_LINE,
}

#: What there is of any party, by its path: for the extension's, which all have the same.
_PARTY = {
    "name": Name("nom", "name"),
    "role": Name("rôle", "role"),
    "trading_name": Name("nom commercial", "trading name"),
    "identifiers.value": Name("identifiant", "identifier"),
    "identifiers.scheme": Name("schéma de l'identifiant", "identifier scheme"),
    "legal_id.value": Name("immatriculation", "registration"),
    "legal_id.scheme": Name("schéma de l'immatriculation", "registration scheme"),
    "vat_id": Name("n° de TVA", "VAT number"),
    "endpoint.value": Name("adresse électronique", "electronic address"),
    "endpoint.scheme": Name("schéma de l'adresse électronique", "electronic address scheme"),
    "address": Name("adresse", "address"),
    "address.line_1": Name("adresse, ligne 1", "address, line 1"),
    "address.line_2": Name("adresse, ligne 2", "address, line 2"),
    "address.line_3": Name("adresse, ligne 3", "address, line 3"),
    "address.city": Name("ville", "city"),
    "address.postcode": Name("code postal", "postcode"),
    "address.subdivision": Name("région", "region"),
    "address.country": Name("pays", "country"),
    "contacts": Name("contact", "contact"),
    "contacts.name": Name("personne à contacter", "contact name"),
    "contacts.department": Name("service à contacter", "contact department"),
    "contacts.phone": Name("téléphone", "phone"),
    "contacts.email": Name("courriel", "email"),
}
#: The parties that such a term may be of: where they stand, and how they are called.
_PARTIES = {
    "seller": _SELLER["BG-4"],
    "buyer": _BUYER["BG-7"],
    "payee": Name("Bénéficiaire", "Payee"),
    "buyer_agent": _OTHERS["EXT-FR-FE-BG-01"],
    "payer": _OTHERS["EXT-FR-FE-BG-02"],
    "seller_agent": _OTHERS["EXT-FR-FE-BG-03"],
    "invoicee": _OTHERS["EXT-FR-FE-BG-04"],
    "invoicer": _OTHERS["EXT-FR-FE-BG-05"],
    "lines.seller": _LINE["EXT-FR-FE-BG-12"],
    "lines.delivery.to": _LINE["EXT-FR-FE-BG-10"],
}


def _label(term: Term) -> Name:
    """Return the name of a term: its own, or that of a party with what it says of it.

    A term that nobody named is called as the norm calls it; a test lets none be.
    """
    own = _NAMED.get(term.name)
    if own is not None:
        return own
    for path, party in _PARTIES.items():
        part = _PARTY.get(term.path.removeprefix(f"{path}."))
        if part is not None and term.path.startswith(f"{path}."):
            return Name(f"{party.fr} : {part.fr}", f"{party.en}: {part.en}")
    return Name(term.name, term.name)


#: Every term and group of the model by its name.
LABELS: Mapping[str, Name] = MappingProxyType({name: _label(term) for name, term in TERMS.items()})
