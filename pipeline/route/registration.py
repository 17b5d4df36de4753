"""What the directory says of the two sides of an invoice: steps 12, 13, 15 and 17.

Rules of our own (`model.rule`) whose subject is a document's header beside the directory, on
the day the document was received. Each holds its sentences, source and weight; a breach
refuses under the code of the control table that its group stands for.

Source:
    XP Z12-012 (11/2025) §4.5.3, BR-FR-CPRO; DSE FE – Chorus Pro v1.0 §3.2.1.4, §3.2.3.3;
    Annexe 3, DT-4-13. The codes of the control table are deduced, not published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from pipeline.model.connection import AnswerFamily, Environment
from pipeline.model.decision import Decision
from pipeline.model.directory import Directory, Kind, Structure
from pipeline.model.document import Document
from pipeline.model.finding import Severity
from pipeline.model.report import RoutingHeader
from pipeline.model.rule import Breach, Rule
from pipeline.model.validation import COCONTRACTED, SUBCONTRACTED
from pipeline.route.refusing import decide_by

_CPRO = "XP Z12-012 (11/2025) §4.5.3, BR-FR-CPRO"
_B2G = frozenset({AnswerFamily.HISTORICAL, AnswerFamily.AFNOR})
#: Frames of sub-contracting and of co-contracting.
_BY_OTHERS = SUBCONTRACTED | COCONTRACTED
#: Frames of works invoices: payment requests, statements and accounts of a contract.
WORKS = frozenset(f"A{number}" for number in (4, 5, 6, 7, 8, 10, *range(13, 21), 22, 23, 24, 25))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """By what a flow's documents are held against the directory.

    Attributes:
        channel: Family of the flow's interface; None for free names.
        day: On which the flow was received.
        check_suppliers: Whether the directory holds every supplier.
        environment: That of the flow.
    """

    channel: AnswerFamily | None
    day: date
    check_suppliers: bool = False
    environment: Environment = Environment.PRODUCTION


@dataclass(frozen=True, slots=True)
class Registered:
    """A document's header beside the directory.

    Attributes:
        header: As it was read.
        directory: What is known.
        standing: Channel and day.
    """

    header: RoutingHeader
    directory: Directory
    standing: Standing

    @property
    def buyer(self) -> Structure | None:
        """Return the recipient, where the document gives its SIRET."""
        return self.directory.structures.get(self.header.buyer_siret or "")

    @property
    def buyer_is_private(self) -> bool:
        """Tell whether the directory says that the recipient is no public body."""
        found = self.buyer
        if found is not None:
            return found.kind is Kind.PRIVATE
        siren = self.header.buyer_siren or (self.header.buyer_endpoint or "")[:9]
        kinds = {one.kind for one in self.directory.of_siren(siren)}
        return kinds == {Kind.PRIVATE}


def seller_gives_siret(subject: Registered) -> Iterator[Breach]:
    """Yield a breach where an AFNOR invoice gives the seller's SIREN and no SIRET."""
    header, is_afnor = subject.header, subject.standing.channel is AnswerFamily.AFNOR
    if is_afnor and header.seller_siren and not header.seller_siret:
        yield Breach(term="BT-29", expected=f"{header.seller_siren}…")


def supplier_is_known(subject: Registered) -> Iterator[Breach]:
    """Yield a breach where the seller has a SIRET that is no active structure's."""
    siret = subject.header.seller_siret
    if not subject.standing.check_suppliers or siret is None:
        return
    found = subject.directory.structures.get(siret)
    if found is None or not found.is_active(subject.standing.day):
        yield Breach(term="BT-29", value=siret)


def agent_is_known(subject: Registered) -> Iterator[Breach]:
    """Yield a breach where sub- or co-contracting names who is no active structure."""
    header, siret = subject.header, subject.header.agent_siret
    is_asked = subject.standing.check_suppliers and header.frame in _BY_OTHERS
    if subject.standing.channel not in _B2G or not is_asked or siret is None:
        return
    found = subject.directory.structures.get(siret)
    if found is None or not found.is_active(subject.standing.day):
        yield Breach(term="EXT-FR-FE-69", value=siret)


def validator_is_named(subject: Registered) -> Iterator[Breach]:
    """Yield a breach where an invoice of a sub- or co-contractor names nobody to validate it.

    Asked of Chorus Pro's own flows; of AFNOR's, the profile asks for it (BR-FR-CPRO-21).
    """
    header = subject.header
    is_asked = subject.standing.channel is AnswerFamily.HISTORICAL and header.frame in _BY_OTHERS
    if is_asked and header.agent_siret is None:
        yield Breach(term="EXT-FR-FE-69", value=header.frame)


def recipient_is_public(subject: Registered) -> Iterator[Breach]:
    """Yield a breach where an invoice to the public sector is for a private recipient."""
    if subject.standing.channel in _B2G and subject.buyer_is_private:
        header = subject.header
        yield Breach(term="BT-46", value=header.buyer_siret or header.buyer_siren)


def sub_contracting_is_public(subject: Registered) -> Iterator[Breach]:
    """Yield a breach where frame S3 goes to a private recipient by an AFNOR flow."""
    frame, is_afnor = subject.header.frame, subject.standing.channel is AnswerFamily.AFNOR
    if is_afnor and frame == "S3" and subject.buyer_is_private:
        yield Breach(term="BT-23", value=frame)


def service_is_given(subject: Registered) -> Iterator[Breach]:
    """Yield a breach where the recipient asks for a service code, and gets none of its own."""
    buyer, code = subject.buyer, subject.header.buyer_service
    if buyer is None or not buyer.flags.service:
        return
    day = subject.standing.day
    if code is None or not buyer.has_service(code, day):
        known = [key for key in sorted(buyer.services) if buyer.has_service(key, day)]
        yield Breach(term="BT-46", value=code, expected=_some(known))


def engagement_is_given(subject: Registered) -> Iterator[Breach]:
    """Yield a breach where the recipient, or the service named, asks for an engagement number."""
    buyer = subject.buyer
    if buyer is None or subject.header.engagement:
        return
    service = buyer.services.get(subject.header.buyer_service or "")
    asked = service.engagement if service else None
    if buyer.flags.engagement or (asked and asked.covers(subject.standing.day)):
        yield Breach(term="BT-13")


def engagement_or_service_is_given(subject: Registered) -> Iterator[Breach]:
    """Yield a breach where the recipient asks for one of the two, and gets neither."""
    buyer = subject.buyer
    if buyer is None or not buyer.flags.engagement_or_service or subject.header.engagement:
        return
    code = subject.header.buyer_service
    if code is None or not buyer.has_service(code, subject.standing.day):
        yield Breach(term="BT-13", value=code)


def works_recipient_gets_works(subject: Registered) -> Iterator[Breach]:
    """Yield a breach where a recipient of works invoices alone gets another."""
    buyer, frame = subject.buyer, subject.header.frame
    if buyer is not None and buyer.flags.works_only and frame not in WORKS:
        yield Breach(term="BT-23", value=frame)


def platform_is_connected(subject: Registered) -> Iterator[Breach]:
    """Yield a breach where the platform of a company's address is not connected.

    Asked of invoices from public bodies to companies, where the directory holds platforms and
    the address; that an address is listed at all is for `plan.find_recipient` to say.
    """
    directory, day = subject.directory, subject.standing.day
    if subject.standing.channel is not AnswerFamily.G2B or not directory.platforms:
        return
    line = directory.address(subject.header.buyer_endpoint or "", day)
    if line is None:
        return
    platform = directory.platforms.get(line.platform or "")
    if platform is None or not platform.is_connected(day):
        yield Breach(term="BT-49", value=line.identifier, expected=line.platform or "?")


def _some(codes: Sequence[str]) -> str:
    return ", ".join(codes[:_SHOWN]) + (", …" if len(codes) > _SHOWN else "") or "–"


#: Service codes that a sentence offers.
_SHOWN = 10


def _rule(
    identifier: str,
    terms: tuple[str, ...],
    fr: str,
    en: str,
    source: str,
    check: Callable[[Registered], Iterator[Breach]],
) -> Rule[Registered]:
    return Rule(
        identifier=identifier,
        terms=terms,
        fr=fr,
        en=en,
        severity=Severity.FATAL,
        source=source,
        check=check,
    )


_SELLER = (
    (
        "REJ_CONT_B2G",
        _rule(
            "BR-FR-CPRO-09",
            ("BT-29", "BT-30"),
            "SIRET du vendeur absent (BT-29, schéma 0009) : {v} ; attendu : {n}",
            "seller's SIRET missing (BT-29, scheme 0009): {v}; expected: {n}",
            _CPRO,
            seller_gives_siret,
        ),
    ),
    (
        "REJ_COH",
        _rule(
            "CP-01",
            ("BT-29",),
            "SIRET du fournisseur inconnu ou inactif dans l'annuaire : {v}",
            "supplier's SIRET unknown or inactive in the directory: {v}",
            "DSE FE – Chorus Pro v1.0 §3.2.1.4",
            supplier_is_known,
        ),
    ),
    (
        "REJ_CONT_B2G",
        _rule(
            "BR-FR-CPRO-22",
            ("EXT-FR-FE-69",),
            "titulaire ou mandataire inconnu ou inactif dans l'annuaire : {v}",
            "main contractor or representative unknown or inactive in the directory: {v}",
            f"{_CPRO} (refusing is deduced)",
            agent_is_known,
        ),
    ),
    (
        "REJ_CONT_B2G",
        _rule(
            "CP-16",
            ("BT-23", "EXT-FR-FE-69"),
            "cadre {v} : SIRET du titulaire ou du mandataire absent (EXT-FR-FE-69), or c'est lui"
            " qui valide la facture",
            "frame {v}: SIRET of the main contractor or representative missing (EXT-FR-FE-69),"
            " and it is the one who validates the invoice",
            "DSE FE – Chorus Pro v1.0 §6.12 (refusing is deduced)",
            validator_is_named,
        ),
    ),
)

_BUYER = (
    (
        "REJ_CONT_B2G",
        _rule(
            "BR-FR-CPRO-11",
            ("BT-46",),
            "code service obligatoire pour ce destinataire : {v} ; attendu : {n}",
            "service code required by this recipient: {v}; expected: {n}",
            f"{_CPRO}; Annexe 3, DT-4-13-2",
            service_is_given,
        ),
    ),
    (
        "REJ_CONT_B2G",
        _rule(
            "BR-FR-CPRO-12",
            ("BT-13", "BT-12"),
            "numéro d'engagement (ou de marché) obligatoire pour ce destinataire : {v}",
            "engagement (or contract) number required by this recipient: {v}",
            f"{_CPRO}; Annexe 3, DT-4-13-1",
            engagement_is_given,
        ),
    ),
    (
        "REJ_CONT_B2G",
        _rule(
            "BR-FR-CPRO-13",
            ("BT-13", "BT-46"),
            "numéro d'engagement ou code service obligatoire pour ce destinataire : {v}",
            "engagement number or service code required by this recipient: {v}",
            f"{_CPRO}; Annexe 3, DT-4-13-3",
            engagement_or_service_is_given,
        ),
    ),
    (
        "REJ_CONT_B2G",
        _rule(
            "CP-11",
            ("BT-23",),
            "ce destinataire ne reçoit que des factures de travaux ; cadre trouvé : {v}",
            "this recipient takes works invoices only; frame found: {v}",
            "Annexe 3, DT-4-13-5 (refusing is deduced)",
            works_recipient_gets_works,
        ),
    ),
    (
        "REJ_CONT_B2G",
        _rule(
            "CP-03",
            ("BT-46",),
            "le destinataire n'est pas une entité publique : {v}",
            "the recipient is not a public body: {v}",
            "DSE FE – Chorus Pro v1.0 §3.2.1.4",
            recipient_is_public,
        ),
    ),
    (
        "REJ_CONT_B2G",
        _rule(
            "BR-FR-CPRO-23",
            ("BT-23",),
            "le cadre {v} est réservé aux acheteurs publics",
            "frame {v} is for public buyers only",
            _CPRO,
            sub_contracting_is_public,
        ),
    ),
    (
        "REJ_ADR",
        _rule(
            "CP-05",
            ("BT-49",),
            "la plateforme {n} de l'adresse {v} n'est pas raccordée",
            "platform {n} of address {v} is not connected",
            "DSE FE – Chorus Pro v1.0 §3.2.3.3",
            platform_is_connected,
        ),
    ),
)

#: Every rule with the code under which it refuses, by its identifier.
REGISTERED = {rule.identifier: (code, rule) for code, rule in (*_SELLER, *_BUYER)}
#: Every rule, by its identifier.
RULES = {identifier: rule for identifier, (_, rule) in REGISTERED.items()}


def check_supplier(document: Document, directory: Directory, standing: Standing) -> Decision:
    """Hold the seller of a document against the directory: steps 12 and 13.

    Returns:
        Accept, or reject with REJ_CONT_B2G or REJ_COH.
    """
    return decide_by(_SELLER, Registered(document.header, directory, standing), document.name)


def check_registration(document: Document, directory: Directory, standing: Standing) -> Decision:
    """Hold what a known recipient asks for against its invoice: steps 12, 15 and 17.

    Returns:
        Accept, or reject with REJ_CONT_B2G or REJ_ADR: every rule that is broken.
    """
    return decide_by(_BUYER, Registered(document.header, directory, standing), document.name)
