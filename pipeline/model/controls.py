"""The control table: every reason a flow or an invoice may be stopped for, in order.

One value a check: at which step it stands, on what it bears, its public code, what it is
called and what the reader has to do. Decisions name a code, answers and screens take
their words from here, so that one reason is told in one way everywhere.

Source:
    DSE FE – Chorus Pro v1.0 §3.2.1.4, §5.4.1, §5.4.2.2.1; DG FE v3.1 §3.4; Annexe 7
    v1.8, G7.18. Order inside a step and the codes of steps 11 to 17 are deduced, not
    published. The codes of `OURS` are this project's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType

from pipeline.model.decision import Reason


class ControlLevel(Enum):
    """What a control looks at, and so what falls when it fails."""

    FLOW = "flow"
    FILE = "file"
    ATTACHMENT = "attachment"
    INVOICE = "invoice"


class Nature(Enum):
    """Kind of anomaly, in the word that answers carry."""

    TECHNIQUE = "TECHNIQUE"
    APPLICATIVE = "APPLICATIVE"
    FONCTIONNELLE = "FONCTIONNELLE"


class Actor(Enum):
    """Who has to do something about it."""

    SENDER = "sender"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One check of the table.

    Attributes:
        step: 1 to 17 as published; 18 for what a person decided.
        level: What it looks at.
        code: What answers and screens show.
        nature: Kind of anomaly.
        label: What it is called: ``fr`` and ``en``, no full stop.
        action: What has to be done: ``fr`` and ``en``, one or two whole sentences.
        acts: Who has to do it.
    """

    step: int
    level: ControlLevel
    code: str
    nature: Nature
    label: Mapping[str, str]
    action: Mapping[str, str]
    acts: Actor = Actor.SENDER


def _texts(fr: str, en: str) -> Mapping[str, str]:
    return MappingProxyType({"fr": fr, "en": en})


_FLOW, _FILE = ControlLevel.FLOW, ControlLevel.FILE
_ATTACHMENT, _INVOICE = ControlLevel.ATTACHMENT, ControlLevel.INVOICE
_TECHNICAL, _FUNCTIONAL = Nature.TECHNIQUE, Nature.FONCTIONNELLE

_RENAME = _texts(
    "Renommez le flux, avec un numéro de séquence jamais utilisé, et déposez-le à nouveau.",
    "Rename the flow, with a sequence number never used before, and send it again.",
)
_NEW_FLOW = _texts(
    "Corrigez ce fichier et renvoyez-le dans un nouveau flux, avec tous les autres si le flux "
    "entier est refusé.",
    "Correct this file and send it again in a new flow, with all the others if the whole flow "
    "is refused.",
)
_NEW_INVOICE = _texts(
    "Corrigez la facture et renvoyez-la ; elle peut garder son numéro.",
    "Correct the invoice and send it again; it may keep its number.",
)
_RECIPIENT = _texts(
    "Vérifiez l'identifiant du destinataire auprès de lui, corrigez et renvoyez la facture.",
    "Check the recipient's identifier with them, correct the invoice and send it again.",
)
_RELEASE = _texts(
    "Ne renvoyez rien : un opérateur du hub reprend le contrôle ou tranche.",
    "Do not send it again: an operator of the hub runs the check again or decides.",
)
_WAIT = _texts(
    "Ne renvoyez rien : un opérateur du hub a retenu le flux et le laissera repartir, ou "
    "tranchera.",
    "Do not send it again: an operator of the hub holds the flow back and will let it go, or "
    "decide.",
)
_INSTALL = _texts(
    "Ne renvoyez rien : un opérateur du hub doit installer les règles (edi packs install), "
    "puis libérer le document.",
    "Do not send it again: an operator of the hub has to install the rules "
    "(edi packs install), then release the document.",
)

_B2G = Control(
    step=12,
    level=_INVOICE,
    code="REJ_CONT_B2G",
    nature=_FUNCTIONAL,
    label=_texts(
        "Règle propre aux destinataires publics non respectée",
        "Rule for public recipients not met",
    ),
    action=_NEW_INVOICE,
)

#: Steps 1 to 10: one failure makes the whole flow irrecevable where it is atomic.
_FLOW_STEPS = (
    Control(
        step=1,
        level=_FLOW,
        code="IRR_CODE_APP",
        nature=_TECHNICAL,
        label=_texts("Code application inconnu", "Unknown application code"),
        action=_RENAME,
    ),
    Control(
        step=2,
        level=_FLOW,
        code="IRR_FORM",
        nature=_TECHNICAL,
        label=_texts("Nom de flux non conforme", "Flow name does not follow the grammar"),
        action=_RENAME,
    ),
    Control(
        step=3,
        level=_FLOW,
        code="IRR_CODE_INTER",
        nature=_TECHNICAL,
        label=_texts(
            "Code interface inconnu ou non souscrit", "Interface code unknown or not subscribed"
        ),
        action=_texts(
            "Prenez un code interface souscrit, ou demandez au hub d'ouvrir celui-ci.",
            "Use an interface code you subscribed to, or ask the hub to open this one.",
        ),
    ),
    Control(
        step=4,
        level=_FLOW,
        code="IRR_ANTIVIRUS",
        nature=_TECHNICAL,
        label=_texts("Flux refusé par l'antivirus", "Flow refused by the antivirus"),
        action=_texts(
            "Contrôlez votre poste d'émission, puis déposez un nouveau flux sain.",
            "Check the system that sent it, then send a new, clean flow.",
        ),
    ),
    Control(
        step=5,
        level=_FLOW,
        code="IRR_VIDE",
        nature=_TECHNICAL,
        label=_texts("Flux vide", "Empty flow"),
        action=_texts(
            "Produisez le fichier à nouveau, puis déposez-le entier.",
            "Produce the file again, then send it whole.",
        ),
    ),
    Control(
        step=5,
        level=_FLOW,
        code="IRR_TAILLE",
        nature=_TECHNICAL,
        label=_texts("Flux trop volumineux", "Flow too large"),
        action=_texts(
            "Répartissez les factures sur plusieurs flux.",
            "Spread the invoices over several flows.",
        ),
    ),
    Control(
        step=5,
        level=_FLOW,
        code="IRR_TYPE",
        nature=_TECHNICAL,
        label=_texts("Type de flux non admis", "Flow type not allowed"),
        action=_texts(
            "Déposez une facture XML ou PDF (Factur-X), seule, ou une archive tar.gz ou zip.",
            "Send one XML or PDF (Factur-X) invoice, or a tar.gz or zip archive.",
        ),
    ),
    Control(
        step=6,
        level=_FLOW,
        code="IRR_UNICITE",
        nature=_TECHNICAL,
        label=_texts("Flux déjà reçu", "Flow already received"),
        action=_texts(
            "Si c'est le même envoi, ne faites rien ; sinon, déposez le nouveau contenu sous "
            "un nom jamais utilisé.",
            "If it is the same flow, do nothing; else send the new content under a name never "
            "used before.",
        ),
    ),
    Control(
        step=7,
        level=_FLOW,
        code="IRR_EXTRAC",
        nature=_TECHNICAL,
        label=_texts("Archive impossible à ouvrir", "Archive cannot be opened"),
        action=_texts(
            "Refaites l'archive (fichiers ordinaires seulement) ou l'enveloppe signée, puis "
            "déposez un nouveau flux.",
            "Make the archive (plain files only) or the signed envelope again, and send a new "
            "flow.",
        ),
    ),
    Control(
        step=8,
        level=_FILE,
        code="IRR_VIDE_F",
        nature=_TECHNICAL,
        label=_texts("Fichier vide dans le flux", "Empty file in the flow"),
        action=_NEW_FLOW,
    ),
    Control(
        step=8,
        level=_FILE,
        code="IRR_NOM_F",
        nature=_TECHNICAL,
        label=_texts("Nom de fichier non admis dans le flux", "File name not allowed in the flow"),
        action=_NEW_FLOW,
    ),
    Control(
        step=8,
        level=_FILE,
        code="IRR_TYPE_F",
        nature=_TECHNICAL,
        label=_texts(
            "Type de fichier non admis dans le flux", "File type not allowed in the flow"
        ),
        action=_NEW_FLOW,
    ),
    Control(
        step=8,
        level=_FILE,
        code="IRR_TAILLE_F",
        nature=_TECHNICAL,
        label=_texts("Fichier trop volumineux dans le flux", "File too large in the flow"),
        action=_NEW_FLOW,
    ),
    Control(
        step=9,
        level=_ATTACHMENT,
        code="IRR_VID_PJ",
        nature=_TECHNICAL,
        label=_texts("Pièce jointe vide", "Empty attachment"),
        action=_NEW_FLOW,
    ),
    Control(
        step=9,
        level=_ATTACHMENT,
        code="IRR_NOM_PJ",
        nature=_TECHNICAL,
        label=_texts("Nom de pièce jointe non admis", "Attachment name not allowed"),
        action=_NEW_FLOW,
    ),
    Control(
        step=9,
        level=_ATTACHMENT,
        code="IRR_EXT_DOC",
        nature=_TECHNICAL,
        label=_texts("Type de pièce jointe non admis", "Attachment type not allowed"),
        action=_NEW_FLOW,
    ),
    Control(
        step=9,
        level=_ATTACHMENT,
        code="IRR_TAILLE_PJ",
        nature=_TECHNICAL,
        label=_texts("Pièce jointe trop volumineuse", "Attachment too large"),
        action=_NEW_FLOW,
    ),
    Control(
        step=10,
        level=_FILE,
        code="IRR_SYNTAX",
        nature=Nature.APPLICATIVE,
        label=_texts(
            "Fichier mal formé ou non conforme au schéma",
            "File not well-formed or not valid against the schema",
        ),
        action=_NEW_FLOW,
    ),
)

#: Steps 11 to 17: a failure refuses this invoice, the others go on.
_INVOICE_STEPS = (
    Control(
        step=11,
        level=_INVOICE,
        code="REJ_SEMAN",
        nature=_FUNCTIONAL,
        label=_texts("Règle de gestion non respectée", "Business rule not met"),
        action=_NEW_INVOICE,
    ),
    _B2G,
    Control(
        step=13,
        level=_INVOICE,
        code="REJ_COH",
        nature=_FUNCTIONAL,
        label=_texts(
            "Fournisseur inconnu, inactif ou étranger à votre fiche",
            "Supplier unknown, inactive or not on your sheet",
        ),
        action=_texts(
            "Vérifiez le SIREN et le SIRET du vendeur ; s'ils sont justes, demandez à "
            "l'exploitant du hub de les inscrire, puis renvoyez la facture.",
            "Check the seller's SIREN and SIRET; if they are right, ask the hub's operator to "
            "register them, then send the invoice again.",
        ),
    ),
    Control(
        step=14,
        level=_INVOICE,
        code="DEST_INC",
        nature=_FUNCTIONAL,
        label=_texts("Destinataire inconnu ou inactif", "Recipient unknown or inactive"),
        action=_RECIPIENT,
    ),
    Control(
        step=14,
        level=_INVOICE,
        code="ADR_ERR",
        nature=_FUNCTIONAL,
        label=_texts(
            "Adresse électronique du destinataire absente ou fausse",
            "Recipient's electronic address missing or wrong",
        ),
        action=_RECIPIENT,
    ),
    replace(_B2G, step=15),  # the recipient must be a public body: same code, later check
    Control(
        step=16,
        level=_INVOICE,
        code="DOUBLON",
        nature=_FUNCTIONAL,
        label=_texts("Facture déjà reçue", "Invoice already received"),
        action=_texts(
            "Si c'est la même facture, ne faites rien ; sinon, donnez-lui un autre numéro.",
            "If it is the same invoice, do nothing; else give it another number.",
        ),
    ),
    Control(
        step=16,
        level=_INVOICE,
        code="REJ_UNI",
        nature=_FUNCTIONAL,
        label=_texts(
            "Numéro de facture déjà pris cette année-là", "Invoice number already used that year"
        ),
        action=_texts(
            "Donnez à la facture un numéro jamais utilisé et renvoyez-la.",
            "Give the invoice a number never used before and send it again.",
        ),
    ),
    Control(
        step=17,
        level=_INVOICE,
        code="REJ_ADR",
        nature=_FUNCTIONAL,
        label=_texts(
            "Plateforme du destinataire non raccordée", "Recipient's platform not connected"
        ),
        action=_RECIPIENT,
    ),
)

#: This project's own codes: a sound file lost with its flow, what a check of ours could
#: not say (the document waits, a person acts), and what a person decided.
OURS = (
    Control(
        step=10,
        level=_FILE,
        code="FLOW_IRR",
        nature=Nature.APPLICATIVE,
        label=_texts(
            "Fichier sain d'un flux irrecevable", "Sound file of a flow refused as a whole"
        ),
        action=_texts(
            "Rien à corriger ici : renvoyez ce fichier dans le nouveau flux.",
            "Nothing to correct here: send this file again in the new flow.",
        ),
    ),
    Control(
        step=11,
        level=_INVOICE,
        code="ENGINE_CRASH",
        nature=_TECHNICAL,
        label=_texts("Contrôle interrompu", "Check broke off"),
        action=_RELEASE,
        acts=Actor.OPERATOR,
    ),
    Control(
        step=11,
        level=_INVOICE,
        code="ENGINE_TIMEOUT",
        nature=_TECHNICAL,
        label=_texts("Contrôle trop long", "Check took too long"),
        action=_RELEASE,
        acts=Actor.OPERATOR,
    ),
    Control(
        step=11,
        level=_INVOICE,
        code="ENGINE_MEMORY",
        nature=_TECHNICAL,
        label=_texts("Contrôle trop gourmand en mémoire", "Check needed too much memory"),
        action=_RELEASE,
        acts=Actor.OPERATOR,
    ),
    Control(
        step=11,
        level=_INVOICE,
        code="PACK_MISSING",
        nature=_TECHNICAL,
        label=_texts("Règles officielles absentes du hub", "Official rules missing at the hub"),
        action=_INSTALL,
        acts=Actor.OPERATOR,
    ),
    Control(
        step=11,
        level=_INVOICE,
        code="PACK_ERROR",
        nature=_TECHNICAL,
        label=_texts("Règles officielles en erreur", "Official rules failed to run"),
        action=_RELEASE,
        acts=Actor.OPERATOR,
    ),
    Control(
        step=4,
        level=_FLOW,
        code="SCANNER_SILENT",
        nature=_TECHNICAL,
        label=_texts("Antivirus muet", "Malware scanner silent"),
        action=_RELEASE,
        acts=Actor.OPERATOR,
    ),
    Control(
        step=7,
        level=_FLOW,
        code="ARCHIVE_LOST",
        nature=_TECHNICAL,
        label=_texts("Original introuvable au hub", "Original lost at the hub"),
        action=_texts(
            "Ne renvoyez rien : un opérateur du hub doit rétablir l'original depuis une "
            "sauvegarde, puis libérer le flux.",
            "Do not send it again: an operator of the hub has to restore the original from a "
            "backup, then release the flow.",
        ),
        acts=Actor.OPERATOR,
    ),
    Control(
        step=10,
        level=_FLOW,
        code="MANIFEST",
        nature=_FUNCTIONAL,
        label=_texts("Bordereau non conforme au flux", "Manifest does not match the flow"),
        action=_texts(
            "Corrigez le bordereau ou complétez le flux, puis déposez le tout à nouveau sous un "
            "autre nom.",
            "Correct the manifest or complete the flow, then send everything again under "
            "another name.",
        ),
    ),
    Control(
        step=14,
        level=_INVOICE,
        code="NO_ROUTE",
        nature=_TECHNICAL,
        label=_texts("Destinataire connu, sans route", "Known recipient without a route"),
        action=_texts(
            "Ne renvoyez rien : un opérateur du hub doit ajouter la route, puis libérer le "
            "document.",
            "Do not send it again: an operator of the hub has to add the route, then release "
            "the document.",
        ),
        acts=Actor.OPERATOR,
    ),
    Control(
        step=14,
        level=_INVOICE,
        code="NOT_LIVE",
        nature=_TECHNICAL,
        label=_texts(
            "Destinataire connu, pas encore ou plus en production",
            "Known recipient, not in production yet or any more",
        ),
        action=_texts(
            "Ne renvoyez rien : un opérateur du hub met la fiche du destinataire en production "
            "ou change la route, puis libère le document.",
            "Do not send it again: an operator of the hub takes the recipient's sheet into "
            "production or changes the route, then releases the document.",
        ),
        acts=Actor.OPERATOR,
    ),
    Control(
        step=14,
        level=_INVOICE,
        code="TRIED_ONLY",
        nature=_TECHNICAL,
        label=_texts("Essai jugé, remis à personne", "Trial judged, delivered to nobody"),
        action=_texts(
            "Ne renvoyez rien : pour que les essais suivants soient aussi remis, un opérateur du "
            "hub ajoute une fiche de qualification du destinataire.",
            "Do not send it again: to have further trials delivered too, an operator of the hub "
            "adds a qualification sheet of the recipient.",
        ),
        acts=Actor.OPERATOR,
    ),
    Control(
        step=14,
        level=_FLOW,
        code="ACK_UNKNOWN",
        nature=_FUNCTIONAL,
        label=_texts(
            "Acquittement de ce qui ne vous a pas été remis",
            "Acknowledgement of what was not delivered to you",
        ),
        action=_texts(
            "Vérifiez le nom du flux, ou le numéro, l'année et le SIREN du vendeur, puis "
            "renvoyez tout l'acquittement sous un autre nom.",
            "Check the flow's name, or the number, the year and the seller's SIREN, then send "
            "the whole acknowledgement again under another name.",
        ),
    ),
    Control(
        step=14,
        level=_FLOW,
        code="ACK_EARLY",
        nature=_FUNCTIONAL,
        label=_texts(
            "Acquittement de ce qui n'est pas encore parti",
            "Acknowledgement of what has not left yet",
        ),
        action=_texts(
            "Attendez la remise, puis renvoyez tout l'acquittement sous un autre nom.",
            "Wait for the delivery, then send the whole acknowledgement again under another name.",
        ),
    ),
    Control(
        step=14,
        level=_FLOW,
        code="ST_UNKNOWN",
        nature=_FUNCTIONAL,
        label=_texts(
            "Statut d'une facture qui n'a pas été échangée avec vous",
            "Status of an invoice that was not exchanged with you",
        ),
        action=_texts(
            "Vérifiez le numéro, l'année et l'identifiant du vendeur, puis renvoyez ce statut.",
            "Check the number, the year and the seller's identifier, then send this status again.",
        ),
    ),
    Control(
        step=14,
        level=_FLOW,
        code="ST_EARLY",
        nature=_FUNCTIONAL,
        label=_texts(
            "Statut d'une facture qui n'est pas encore remise",
            "Status of an invoice that is not delivered yet",
        ),
        action=_texts(
            "Attendez la mise à disposition de la facture, puis renvoyez ce statut.",
            "Wait until the invoice is made available, then send this status again.",
        ),
    ),
    Control(
        step=14,
        level=_FLOW,
        code="ST_FORBIDDEN",
        nature=_FUNCTIONAL,
        label=_texts("Statut que vous ne pouvez pas poser", "Status that is not yours to set"),
        action=_texts(
            "Ne renvoyez pas ce statut ; le cycle de vie de la facture dit ce qui peut l'être.",
            "Do not send this status again; the invoice's life cycle says what may be set.",
        ),
    ),
    Control(
        step=14,
        level=_FLOW,
        code="ST_INCOMPLETE",
        nature=_FUNCTIONAL,
        label=_texts("Statut incomplet", "Incomplete status"),
        action=_texts(
            "Complétez ce statut (motif, commentaire, montants ou pièces) et renvoyez-le.",
            "Complete this status (reason, comment, amounts or attachments) and send it again.",
        ),
    ),
    Control(
        step=14,
        level=_FLOW,
        code="ST_UNREADABLE",
        nature=_FUNCTIONAL,
        label=_texts("Code de statut ou de motif inconnu", "Unknown code of a status or reason"),
        action=_texts(
            "Vérifiez le code et la numérotation convenue, puis renvoyez ce statut.",
            "Check the code and the numbering agreed upon, then send this status again.",
        ),
    ),
    Control(
        step=15,
        level=_INVOICE,
        code="NOT_TAKEN",
        nature=_FUNCTIONAL,
        label=_texts("Hors de ce que ce destinataire prend", "Not what this recipient takes"),
        action=_texts(
            "Corrigez la facture selon ce que ce destinataire prend et renvoyez-la ; elle peut "
            "garder son numéro.",
            "Correct the invoice as this recipient takes it and send it again; it may keep its "
            "number.",
        ),
    ),
    Control(
        step=16,
        level=_INVOICE,
        code="RETURN_CHANGED",
        nature=_FUNCTIONAL,
        label=_texts(
            "Facture retournée, renvoyée avec autre chose de changé",
            "Returned invoice, sent again with something else changed",
        ),
        action=_texts(
            "À recycler : ne changez que le SIRET et le service du destinataire, ou l'engagement. "
            "Suspendue : n'ajoutez que des pièces jointes. Le numéro reste le même.",
            "To be sent to another recipient: change the recipient's SIRET and service, or the "
            "engagement, nothing else. Suspended: only add attachments. The number stays.",
        ),
    ),
    Control(
        step=16,
        level=_INVOICE,
        code="RETURN_REJECTED",
        nature=_FUNCTIONAL,
        label=_texts(
            "Numéro d'une facture que son destinataire a rejetée",
            "Number of an invoice that its recipient rejected",
        ),
        action=_texts(
            "Établissez une facture sous un nouveau numéro, qui nomme la rejetée en BT-25.",
            "Issue an invoice under a new number, which names the rejected one in BT-25.",
        ),
    ),
    Control(
        step=16,
        level=_INVOICE,
        code="RETURN_LOST",
        nature=_TECHNICAL,
        label=_texts(
            "Facture retournée, dont le document d'avant n'est plus lisible au hub",
            "Returned invoice, whose document before cannot be read at the hub any more",
        ),
        action=_texts(
            "Ne renvoyez rien : un opérateur du hub doit rétablir l'original depuis une "
            "sauvegarde, puis libérer le document, ou le refuser.",
            "Do not send it again: an operator of the hub has to restore the original from a "
            "backup, then release the document, or reject it.",
        ),
        acts=Actor.OPERATOR,
    ),
    Control(
        step=18,
        level=_INVOICE,
        code="OPERATOR",
        nature=_FUNCTIONAL,
        label=_texts("Refusé par un opérateur du hub", "Refused by an operator of the hub"),
        action=_texts(
            "Corrigez selon le motif donné, ou appelez le hub ; le même numéro peut resservir.",
            "Correct it as the reason says, or call the hub; the same number may be used again.",
        ),
    ),
    Control(
        step=18,
        level=_FLOW,
        code="OPERATOR_HOLD",
        nature=_TECHNICAL,
        label=_texts("Retenu par un opérateur du hub", "Held back by an operator of the hub"),
        action=_WAIT,
        acts=Actor.OPERATOR,
    ),
    Control(
        step=18,
        level=_INVOICE,
        code="WITHDRAWN",
        nature=_FUNCTIONAL,
        label=_texts("Retiré à votre demande", "Withdrawn at your request"),
        action=_texts(
            "Rien n'a été remis au destinataire ; le même numéro peut resservir.",
            "Nothing was handed to the recipient; the same number may be used again.",
        ),
    ),
    Control(
        step=18,
        level=_INVOICE,
        code="VALIDATOR_REFUSED",
        nature=_FUNCTIONAL,
        label=_texts(
            "Refusée par son valideur : elle ne va pas au destinataire",
            "Refused by its validator: it does not go to the recipient",
        ),
        action=_texts(
            "Corrigez selon le motif du valideur et envoyez la facture sous un nouveau numéro.",
            "Correct it as the validator's reason says, and send the invoice under a new number.",
        ),
    ),
)

#: The whole table in order; REJ_CONT_B2G stands there twice, at steps 12 and 15.
CONTROLS: tuple[Control, ...] = tuple(
    sorted((*_FLOW_STEPS, *_INVOICE_STEPS, *OURS), key=lambda control: control.step)
)

#: The first control of each code.
CONTROL: Mapping[str, Control] = MappingProxyType(
    {control.code: control for control in reversed(CONTROLS)}
)


def reason(code: str, place: str, fr: str, en: str) -> Reason:
    """Build a reason that ends by saying what to do.

    Args:
        code: Of the control table.
        place: Where: file, line, term; may be empty.
        fr: What was found and what was expected, in French.
        en: The same in English.

    Raises:
        KeyError: The code is not in the table: our bug.

    >>> reason("IRR_VIDE", "a.xml", "fichier de 0 octet", "file of 0 bytes").message["fr"]
    'fichier de 0 octet. Produisez le fichier à nouveau, puis déposez-le entier.'
    """
    action = CONTROL[code].action
    texts = {"fr": fr, "en": en}
    return Reason(
        code=code,
        place=place,
        message={key: f"{_sentence(text)}{action[key]}" for key, text in texts.items()},
    )


def found(told: Reason) -> Mapping[str, str]:
    """Return a reason's message without its closing action: what was found and expected.

    >>> found(reason("IRR_VIDE", "a.xml", "fichier de 0 octet", "file of 0 bytes"))["en"]
    'file of 0 bytes.'
    """
    action = CONTROL[told.code].action
    return {key: text.removesuffix(action[key]).rstrip() for key, text in told.message.items()}


def first_by_step(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Order reasons by step of the control table, then by place, numbers by their value.

    Reasons of one step and place keep their order.

    Raises:
        KeyError: A code is not in the table: our bug.
    """
    return tuple(sorted(reasons, key=lambda one: (CONTROL[one.code].step, _natural(one.place))))


def _natural(place: str) -> tuple[tuple[int, str], ...]:
    """Make line 9 sort before line 10; digits of any length, so never read as an int."""
    parts = re.split("([0-9]+)", place)
    numbers = {index: part.lstrip("0") for index, part in enumerate(parts) if index % 2}
    return tuple(
        (len(numbers[index]), numbers[index]) if index in numbers else (0, part)
        for index, part in enumerate(parts)
    )


def _sentence(text: str) -> str:
    """End `text` as a sentence, with the space that parts it from the next; empty stays empty."""
    text = text.rstrip()
    if not text:
        return ""
    return f"{text} " if text.endswith((".", "!", "?", "…")) else f"{text}. "
