"""The implementation guide of one partner: what its sheet says, in words, with files to try.

Everything in it is read from what is in force: the sheet, the table of interfaces, the control
table. Nothing is told of other partners, and no secret: a host key's fingerprint, no key.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256

from pipeline.app.handover import sum_line
from pipeline.model.carriage import Grouping
from pipeline.model.connection import (
    Connection,
    Envelope,
    Environment,
    Naming,
    Protocol,
    Role,
    Scanning,
)
from pipeline.model.controls import CONTROLS, Actor, Control
from pipeline.model.conversion import Form
from pipeline.model.guide import Guide, GuideTable, SampleFile
from pipeline.model.interface import Interface, subscribed
from pipeline.model.labels import Name
from pipeline.model.report import Syntax
from pipeline.route.plan import DIFFUSION

#: Controls that only names of the flow grammar can fail.
_OF_NAMES = frozenset({"IRR_FORM", "IRR_CODE_APP", "IRR_CODE_INTER", "IRR_UNICITE"})
#: What an acknowledgement of a receiver may be refused for.
_OF_REPLIES = frozenset({"ACK_UNKNOWN", "ACK_EARLY", "IRR_SYNTAX", "IRR_VIDE", "IRR_TAILLE"})
_FORMS: Mapping[Form, Name] = {
    Form.AS_RECEIVED: Name("tels que reçus (UBL, CII ou Factur-X)", "as received"),
    Form.UBL: Name("UBL 2.1", "UBL 2.1"),
    Form.CII: Name("CII D22B", "CII D22B"),
    Form.FACTURX: Name("Factur-X (PDF/A-3b)", "Factur-X (PDF/A-3b)"),
    Form.PIVOT: Name("CPPFacturePivot V2_02", "CPPFacturePivot V2_02"),
}
_ENVIRONMENTS: Mapping[Environment, Name] = {
    Environment.PRODUCTION: Name("production", "production"),
    Environment.QUALIFICATION: Name("qualification", "qualification, a rehearsal"),
}
_ENVELOPES: Mapping[Envelope, Name] = {
    Envelope.SINGLE: Name("un fichier seul", "one file alone"),
    Envelope.TAR_GZ: Name("archive tar.gz", "tar.gz archive"),
}
_GROUPS: Mapping[Grouping, Name] = {
    Grouping.INVOICE: Name("une facture", "one invoice"),
    Grouping.FLOW: Name("celles d'un flux reçu", "those of one flow"),
    Grouping.RUN: Name("celles d'un passage", "those of one run"),
    Grouping.DAY: Name("celles d'une journée", "those of one day"),
}
_NONE = Name("aucun", "none")
#: Which of our samples a partner tries, by syntax.
_SAMPLES: Mapping[str, str] = {
    Syntax.UBL_INVOICE.value: "ubl-380-fournitures.xml",
    Syntax.CII.value: "cii-380-fournitures.xml",
}
#: In which syntax a receiver finds what is written anew for it; else as it was sent.
_RECEIVED: Mapping[Form, tuple[str, ...]] = {
    Form.UBL: (Syntax.UBL_INVOICE.value,),
    Form.CII: (Syntax.CII.value,),
    Form.FACTURX: (),
    Form.PIVOT: (),
}
#: Numbers of the flows to try follow this one: far from those that a partner begins with.
_TRIED = 999_000_000_000_000
_MB = 1_000_000


def guide_for(
    sheet: Connection,
    interfaces: Mapping[str, Interface],
    hub_code: str,
    sample: Callable[[str], bytes],
) -> Guide:
    """Return the guide of one sheet.

    Args:
        sheet: As it is in force.
        interfaces: The table of interfaces.
        hub_code: Our own application code.
        sample: Reads an invoice of ours, by the name of its file.
    """
    sends = sheet.role is Role.SENDER
    tables = [_access(sheet), _folders(sheet), _naming(sheet, interfaces, hub_code)]
    tables += [_limits(sheet)] if sheet.drops_files else []
    tables += [_delivery(sheet, hub_code)] if not sends else []
    tables += [_times(sheet), _errors(sheet)]
    return Guide(
        sheet=sheet.name,
        partner=sheet.partner,
        subtitle=Name("Vous déposez des factures", "You send invoices")
        if sends
        else Name("Vous recevez des factures", "You receive invoices"),
        tables=tuple(table for table in tables if table.rows),
        samples=tuple(_to_try(sheet, interfaces, sample)),
    )


def host_fingerprint(line: str) -> str:
    """Return a host key's fingerprint as OpenSSH shows it; empty where the line is none.

    >>> host_fingerprint("ssh-ed25519 AAAA")
    'SHA256:cJ6AyISHokEeHuTfufIqhhSS0gxHZRUMDHlKvXD4FHw'
    """
    parts = line.split()
    try:
        blob = b64decode(parts[1], validate=True)
    except (IndexError, ValueError):
        return ""
    return f"SHA256:{b64encode(sha256(blob).digest()).decode().rstrip('=')}"


def _access(sheet: Connection) -> GuideTable:
    door = sheet.door
    rows: list[tuple[Name | str, ...]] = []
    if door.protocol is Protocol.LOCAL:
        rows.append((Name("Accès", "Access"), Name("dossiers locaux", "local folders")))
    else:
        rows += [
            (Name("Serveur SFTP", "SFTP server"), f"{door.host}:{door.port}"),
            (Name("Compte du concentrateur", "The hub's account"), door.user),
            (Name("Empreinte de la clé d'hôte", "Host key fingerprint"), _key_of(sheet)),
        ]
    rows += [
        (Name("Environnement", "Environment"), _ENVIRONMENTS[sheet.environment]),
        (Name("Structure (SIRET)", "Structure (SIRET)"), sheet.structure or "–"),
        (Name("Code application", "Application code"), sheet.application_code or "–"),
        (Name("Contact de votre côté", "Contact on your side"), sheet.contact or "–"),
        (Name("Début, fin", "Start, end"), f"{sheet.start_date or '–'} → {sheet.end_date or '–'}"),
    ]
    note = Name(
        "Prévenez le concentrateur avant de changer une clé : une clé d'hôte inconnue l'arrête.",
        "Tell the hub before you change a key: an unknown host key stops it.",
    )
    return GuideTable(Name("Accès", "Access"), (), tuple(rows), note)


def _key_of(sheet: Connection) -> str:
    kind = sheet.door.host_key.partition(" ")[0]
    return f"{kind} {host_fingerprint(sheet.door.host_key)}"


def _folders(sheet: Connection) -> GuideTable:
    columns = (Name("Dossier", "Folder"), Name("Qui écrit", "Who writes"), Name("Quoi", "What"))
    you, hub = Name("vous", "you"), Name("le concentrateur", "the hub")
    rows: list[tuple[Name | str, ...]] = []
    if sheet.drops_files:
        what = Name("vos factures", "your invoices")
        if sheet.role is Role.RECEIVER:
            what = Name("vos acquittements", "your acknowledgements")
        rows.append((sheet.inbox, you, what))
        rows.append((sheet.archive, hub, Name("ce qu'il a relevé", "what it has taken")))
    out = Name("les réponses", "the answers")
    if sheet.role is Role.RECEIVER:
        out = Name("les factures", "the invoices")
    rows.append((sheet.out, hub, out))
    for one in sheet.handover.filters:
        asked = [f"service {one.service}"] if one.service else []
        asked += [f"BT-13 {one.order_prefix}…"] if one.order_prefix else []
        rows.append((one.folder, hub, ", ".join(asked)))
    return GuideTable(Name("Dossiers", "Folders"), columns, tuple(rows))


def _naming(sheet: Connection, interfaces: Mapping[str, Interface], hub_code: str) -> GuideTable:
    """Return the flows that go either way, each with the form of its name."""
    columns = (
        Name("Code", "Code"),
        Name("Sens", "Direction"),
        Name("Contenu", "Content"),
        Name("Nom du flux", "Flow name"),
    )
    rows = tuple(
        (one.code, _way(one), one.title, _flow_form(sheet, one, hub_code))
        for one in subscribed(sheet, interfaces)
        if not one.unserved
    )
    note = Name("Noms libres : tout nom convient.", "Free names: any name will do.")
    if sheet.naming is Naming.GRAMMAR:
        note = Name(
            "Les 15 derniers chiffres ne servent qu'une fois ; aucun suffixe.",
            "The last 15 digits are used once only; no suffix.",
        )
    return GuideTable(Name("Interfaces et noms", "Interfaces and names"), columns, rows, note)


def _way(one: Interface) -> Name:
    if one.direction.value == "in":
        return Name("vers le concentrateur", "to the hub")
    return Name("vers vous", "to you")


def _flow_form(sheet: Connection, one: Interface, hub_code: str) -> str:
    code = sheet.application_code or "??????"
    if one.direction.value == "in":
        return f"{one.code}_{code}_{code}{one.digits}nnnnnnnnnnnnnnn"
    return f"{one.code}_{code}_{hub_code}{one.digits}nnnnnnnnnnnnnnn"


def _limits(sheet: Connection) -> GuideTable:
    limits, wait = sheet.limits, sheet.completeness
    whole = Name(
        f"taille stable {wait.stable_for.total_seconds():g} s et fin de fichier présente",
        f"size unchanged for {wait.stable_for.total_seconds():g} s, and its end is there",
    )
    if wait.marker:
        whole = Name(f"un fichier NOM{wait.marker} à côté", f"a file NAME{wait.marker} beside it")
    rows: tuple[tuple[Name | str, ...], ...] = (
        (Name("Un fichier est entier quand", "A file is whole when"), whole),
        (Name("Flux tel que déposé", "Flow as sent"), f"{limits.flow_bytes / _MB:g} MB"),
        (
            Name("Un fichier, décompressé", "One file, unzipped"),
            f"{limits.file_bytes / _MB:g} MB",
        ),
        (
            Name("Une pièce jointe, décodée", "One attachment, decoded"),
            f"{limits.attachment_bytes / _MB:g} MB",
        ),
        (Name("Documents d'un flux", "Documents of a flow"), f"{limits.documents}"),
        (Name("Antivirus", "Antivirus"), _scanner(sheet.scanner)),
    )
    return GuideTable(Name("Dépôt et limites", "Deposit and limits"), (), rows)


def _scanner(scanner: Scanning) -> Name | str:
    return _NONE if scanner is Scanning.NONE else scanner.value


def _delivery(sheet: Connection, hub_code: str) -> GuideTable:
    handover, carriage = sheet.handover, sheet.carriage
    rows: list[tuple[Name | str, ...]] = [
        (Name("Forme des factures", "Form of the invoices"), _FORMS[carriage.form]),
        (Name("Nom des fichiers", "Name of the files"), _delivered_name(sheet, hub_code)),
        (Name("Enveloppe", "Envelope"), _ENVELOPES[sheet.envelope]),
        (Name("Par fichier", "In one file"), _GROUPS[sheet.grouping]),
        (Name("Marqueur de fin", "Marker"), f"NAME{handover.done}" if handover.done else _NONE),
        (Name("Empreinte", "Sum"), f"NAME{handover.sums}" if handover.sums else _NONE),
    ]
    watch = handover.pickup
    if watch is not None and watch.purge_after is not None:
        rows += [
            (Name("Retrait si non relevé", "Removed if not picked up"), _days(watch.purge_after)),
            (Name("Annoncé", "Announced"), _days(watch.notice)),
        ]
    if sheet.replies:
        told = ", ".join(one.value for one in sheet.replies)
        rows.append((Name("Acquittement", "Acknowledgement"), told))
    note = Name(
        "Un nom ordinaire désigne un fichier entier ; .NOM.part est en cours d'écriture.",
        "A plain name is a whole file; .NAME.part is being written.",
    )
    return GuideTable(Name("Remise", "Delivery"), (), tuple(rows), note)


def _delivered_name(sheet: Connection, hub_code: str) -> Name | str:
    """Say what a delivery is called; `n` stands for a digit that counts up."""
    code = DIFFUSION.get(sheet.carriage.form)
    if code is not None and sheet.application_code is not None:
        return f"{code}_{sheet.application_code}_{hub_code}{code[3:7]}{'n' * 15}"
    if sheet.envelope is Envelope.TAR_GZ:
        return Name("se termine par .tar.gz", "ends in .tar.gz")
    return Name("commence par le numéro de la facture", "begins with the invoice's number")


def _days(span: timedelta) -> Name:
    days = f"{span.total_seconds() / 86_400:g}"
    return Name(f"{days} jour(s)", f"{days} day(s)")


def _times(sheet: Connection) -> GuideTable:
    schedule = sheet.schedule
    rows: list[tuple[Name | str, ...]] = []
    if schedule.at:
        when = ", ".join(f"{one:%H:%M}" for one in schedule.at)
        rows.append((Name("Passages", "Passes"), f"{when} ({schedule.timezone})"))
    elif schedule.every:
        seconds = f"{schedule.every.total_seconds():g}"
        rows.append(
            (Name("Passages", "Passes"), Name(f"toutes les {seconds} s", f"each {seconds} s"))
        )
    else:
        rows.append((Name("Passages", "Passes"), Name("en continu", "all the time")))
    if schedule.workdays:
        free = Name("week-ends et jours fériés", "weekends and public holidays")
        rows.append((Name("Sauf", "Except"), free))
    if schedule.cutoff:
        cutoff = f"{schedule.cutoff:%H:%M} ({schedule.timezone})"
        rows.append((Name("Heure limite", "Cut-off"), cutoff))
    for label, span in (
        (Name("Réponse finale sous", "Final answer within"), sheet.answer_within),
        (Name("Votre acquittement sous", "Your acknowledgement within"), sheet.acknowledge_within),
    ):
        if span is not None:
            rows.append((label, f"{span.total_seconds() / 3600:g} h"))
    return GuideTable(Name("Horaires et délais", "Times"), (), tuple(rows))


def _errors(sheet: Connection) -> GuideTable:
    columns = (Name("Code", "Code"), Name("Ce que c'est", "What it is"), Name("À faire", "To do"))
    rows = tuple((one.code, _named(one.label), _named(one.action)) for one in _met(sheet))
    return GuideTable(Name("Erreurs", "Errors"), columns, rows)


def _met(sheet: Connection) -> Iterator[Control]:
    """Yield the controls that something of this partner's can fail."""
    for one in CONTROLS:
        if one.acts is not Actor.SENDER:
            continue
        if sheet.role is Role.RECEIVER:
            if sheet.drops_files and one.code in _OF_REPLIES:
                yield one
            continue
        free = sheet.naming is Naming.FREE and one.code in _OF_NAMES
        if not free and not one.code.startswith("ACK_"):
            yield one


def _named(text: Mapping[str, str]) -> Name:
    return Name(text["fr"], text["en"])


# -- files to try
def _to_try(
    sheet: Connection, interfaces: Mapping[str, Interface], sample: Callable[[str], bytes]
) -> Iterator[SampleFile]:
    """Yield files in the syntax that the partner sends or finds; none where ours are not."""
    deposits = [interfaces[one] for one in sheet.interfaces if one in interfaces]
    if sheet.role is Role.RECEIVER:
        taken = _RECEIVED.get(sheet.carriage.form)
    else:
        taken = deposits[0].syntaxes if deposits else None
    for syntax, name in _SAMPLES.items():
        if taken is None or syntax in taken:
            good = sample(name)
            sends = sheet.role is Role.SENDER
            yield from _deposits(sheet, good) if sends else _received(sheet, good)
            return


def _deposits(sheet: Connection, good: bytes) -> Iterator[SampleFile]:
    def name(number: int) -> str:
        if sheet.naming is Naming.FREE or not sheet.interfaces:
            return f"essai-{number}.xml"
        code, own = sheet.interfaces[0], sheet.application_code
        return f"{code}_{own}_{own}{code[3:7]}{_TRIED + number:015d}"

    bad = _with_wrong_total(good)
    yield SampleFile(name(1), good, passes=True, why=Name("une facture juste", "a sound invoice"))
    why = Name("un total faux (BR-CO-15)", "a wrong total (BR-CO-15)")
    yield SampleFile(name(2), bad, passes=False, why=why)
    why = Name("coupée en route (IRR_SYNTAX)", "cut on its way (IRR_SYNTAX)")
    yield SampleFile(name(3), good[: len(good) // 2], passes=False, why=why)
    if sheet.naming is Naming.GRAMMAR:
        why = Name("un nom hors grammaire (IRR_FORM)", "a name out of the grammar (IRR_FORM)")
        yield SampleFile("facture.xml", good, passes=False, why=why)


def _with_wrong_total(good: bytes) -> bytes:
    """Add a euro to the total with VAT (BT-112) of an invoice of ours."""
    tag = b"TaxInclusiveAmount" if b"TaxInclusiveAmount" in good else b"GrandTotalAmount"
    start = good.index(b">", good.index(tag)) + 1
    end = good.index(b"<", start)
    wrong = Decimal(good[start:end].decode()) + 1
    return good[:start] + str(wrong).encode() + good[end:]


def _received(sheet: Connection, good: bytes) -> Iterator[SampleFile]:
    """Yield files as they lie for the receiver: one to take, one to refuse by its sum."""
    sums, done = sheet.handover.sums, sheet.handover.done
    for name, told, why in (
        ("essai-1.xml", good, Name("une facture", "an invoice")),
        ("essai-2.xml", good + b"\n", Name("empreinte fausse, à refuser", "wrong sum, refuse it")),
    ):
        passes = told is good
        if not passes and not sums:
            continue
        yield SampleFile(name, good, passes=passes, why=why)
        if sums:
            line = sum_line(sha256(told).hexdigest(), name)
            beside = Name("l'empreinte qui va avec", "the sum that goes with it")
            yield SampleFile(name + sums, line, passes=passes, why=beside)
        if done:
            marker = Name("le marqueur, posé en dernier", "the marker, put last")
            yield SampleFile(name + done, b"", passes=passes, why=marker)
