"""The control table from the file that is dropped to the answer, in every family of answers.

One hub and four senders (historical, AFNOR, G2B, free names). Each fault is a flow of its
own, beside a good invoice wherever its envelope has room for one; each interface has a
good flow. All are dropped at once and worked on in two passes, the second for what needs a
first one; then each test reads what its own flow was answered.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from lxml import etree

from pipeline.acknowledge.platform import messages_in
from pipeline.adapters.archive import FolderSpool
from pipeline.adapters.eicar import TEST_FILE
from pipeline.app.vet import Vetter
from pipeline.bootstrap import make_engine, message_worker, shelf, workspace
from pipeline.model.controls import CONTROL, CONTROLS
from pipeline.model.settings import Settings
from pipeline.syntax import cdar, cpp_status
from pipeline.syntax.parse import compile_schema

ROOT = Path(__file__).resolve().parents[2]
INTERFACES = {
    code: row
    for code, row in tomllib.loads((ROOT / "config/interfaces.toml").read_text("utf-8"))[
        "interface"
    ].items()
    if row.get("syntaxes")  # what is deposited
}
REASONS = tomllib.loads((ROOT / "config/reasons.toml").read_text("utf-8"))

HISTORICAL, AFNOR, G2B, FREE = "historical", "afnor", "g2b", "free"
FAMILIES = (HISTORICAL, AFNOR, G2B, FREE)
NAMED = (HISTORICAL, AFNOR, G2B)
#: Who sends in each family, and by which interface if nothing else is said.
SENDERS = {HISTORICAL: "supplier", AFNOR: "platform", G2B: "regie", FREE: "caterer"}
APPLICATIONS = {HISTORICAL: "SUP001", AFNOR: "PLA001", G2B: "REG001"}
USUAL = {HISTORICAL: "FSO1100A", AFNOR: "FSO1150A", G2B: "FSO3110A"}
#: Status of an invoice that was taken.
TAKEN = {HISTORICAL: 1, AFNOR: 202, G2B: 200}

#: Limits of every sender: above a good flow, and no more than a test can afford.
FLOW_BYTES, FILE_BYTES, ATTACHMENT_BYTES = 200_000, 60_000, 30_000
GOOD, BAD = "bonne.xml", "fautive.xml"


# -- what is dropped


@dataclass(frozen=True, slots=True)
class Bench:
    """Makes the invoices of one flow.

    Attributes:
        samples: Their makers.
        family: Whose flow it is.
        number: What the number of each invoice begins with.
    """

    samples: Any
    family: str
    number: str

    def model(self, place: int = 1, key: str = "ubl-380-fournitures") -> Any:
        """Return a sound invoice: to a company from a public body, else to the city."""
        buyer = self.samples.IMPRIMERIE if self.family == G2B else self.samples.VILLE
        number = f"{self.number}-{place}"
        made = self.samples.billed_to(self.samples.BY_KEY[key], buyer, number, times=place)
        return replace(made, frame="A1") if self.family == HISTORICAL else made

    def ubl(self, place: int = 1, **changes: Any) -> bytes:
        """Write it as UBL, with other values in some of its fields."""
        written: bytes = self.samples.to_ubl(replace(self.model(place), **changes))
        return written

    def attached(self, name: str, content: bytes) -> bytes:
        """Pack a good invoice, and one with an attachment."""
        (one,) = self.samples.BY_KEY["ubl-380-pdf-joint"].attachments
        attachment = replace(one, file_name=name, content=content)
        return self.beside(BAD, self.ubl(2, attachments=(attachment,)))

    def beside(self, name: str, payload: bytes) -> bytes:
        """Pack a good invoice, and then a file."""
        packed: bytes = self.samples.tar_gz({GOOD: self.ubl(), name: payload})
        return packed

    def announced(self) -> bytes:
        """Pack a good invoice with a manifest that tells of two."""
        packed: bytes = self.samples.tar_gz({"manifest.json": b'{"count": 2}', GOOD: self.ubl()})
        return packed

    def misaddressed(self) -> bytes:
        """Write an invoice whose address has the right SIREN, and a SIRET that nobody has."""
        buyer = self.model().buyer
        siret = buyer.siret[:9] + "99999"
        address = buyer.address_id._replace(value=f"{buyer.siret[:9]}_{siret}")
        return self.ubl(2, buyer=replace(buyer, endpoint=address))

    def of_nobody(self) -> bytes:
        """Pack a good invoice, and one of an establishment that the directory does not know."""
        seller = self.model().seller
        return self.beside(
            BAD, self.ubl(2, seller=replace(seller, siret=seller.siret[:9] + "99999"))
        )


def caterer(samples: Any) -> Any:
    """Return a company whose platform is not connected."""
    return samples.BY_KEY["ubl-380-une-ligne"].seller


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row of the control table, as a flow that fails it.

    Attributes:
        code: The row's.
        case: Tells several flows of one row apart.
        payload: Writes the flow.
        says: How what was found begins, in French.
        place: Where it was found: a file inside with its term, or None for the flow.
        name: Spoils the flow's name.
        families: Where it can occur.
        stops: Whether the whole flow falls where each invoice stands for itself.
        bad: Which of the two invoices is refused, by the end of its number.
    """

    code: str
    case: str = ""
    payload: Callable[[Bench], bytes]
    says: str
    place: str | None = None
    name: Callable[[str], str] = field(default=lambda name: name)
    families: tuple[str, ...] = FAMILIES
    stops: bool = False
    bad: int = 2

    @property
    def id(self) -> str:
        """Name the row in reports."""
        return f"{self.code}-{self.case}" if self.case else self.code

    def stops_in(self, family: str) -> bool:
        """Tell whether the whole flow falls: steps 1 to 7, and to 10 in an atomic one."""
        step = CONTROL[self.code].step
        return self.stops or step <= 7 or (step <= 10 and family != FREE)


def other_application(name: str) -> str:
    """Put another application's code into a flow name."""
    return re.sub("(SUP|PLA|REG)001", "ZZZ999", name)


def other_interface(code: str) -> Callable[[str], str]:
    """Put another interface code into a flow name."""
    return lambda name: f"{code}{name[8:22]}{code[3:7]}{name[26:]}"


def first_of(family: str) -> str:
    """Return what the numbers of a family's first flow begin with."""
    return f"FIRST-{family.upper()}"


FAULTS = (
    Fault(
        code="IRR_CODE_APP",
        payload=Bench.ubl,
        name=other_application,
        says="code application ZZZ999 ; attendu : ",
        families=NAMED,  # as those of the other names: free ones follow no grammar
    ),
    Fault(
        code="IRR_FORM",
        payload=Bench.ubl,
        name=lambda name: name.replace("A_", "_", 1),
        says="nom de flux « FSO",
        families=NAMED,
    ),
    Fault(
        code="IRR_CODE_INTER",
        case="unknown",
        payload=Bench.ubl,
        name=other_interface("FSO9999A"),
        says="code interface FSO9999A inconnu ou non souscrit ; souscrits : ",
        families=NAMED,
    ),
    Fault(
        code="IRR_CODE_INTER",
        case="unsubscribed",
        payload=Bench.ubl,
        name=other_interface("FSO1116A"),
        says="code interface FSO1116A inconnu ou non souscrit ; souscrits : ",
        families=(AFNOR, G2B),
    ),
    Fault(
        code="IRR_CODE_INTER",
        case="unsubscribed-afnor",
        payload=Bench.ubl,
        name=other_interface("FSO1150A"),
        says="code interface FSO1150A inconnu ou non souscrit ; souscrits : ",
        families=(HISTORICAL,),
    ),
    Fault(
        code="IRR_ANTIVIRUS",
        payload=lambda bench: bench.attached("a.pdf", TEST_FILE),
        says="l'antivirus signale « fautive.xml / a.pdf: EICAR-Test-File » dans ",
    ),
    Fault(code="IRR_VIDE", payload=lambda _: b"", says="fichier de 0 octet"),
    Fault(
        code="IRR_TAILLE",
        payload=lambda bench: bench.ubl() + b" " * FLOW_BYTES,
        says="flux de ",
    ),
    Fault(
        code="IRR_TYPE",
        payload=lambda _: b"\x89PNG\r\n\x1a\n" + bytes(100),
        says="contenu de type inconnu",
    ),
    Fault(
        code="IRR_UNICITE",
        case="name",
        payload=lambda bench: bench.ubl(2),
        says="nom de flux déjà reçu : « FSO",
        families=NAMED,
    ),
    Fault(
        code="IRR_UNICITE",
        case="content",
        payload=lambda bench: replace(bench, number=first_of(bench.family)).ubl(),
        says="contenu déjà reçu : « ",
    ),
    Fault(
        code="IRR_EXTRAC",
        payload=lambda bench: bench.beside(f"../../{BAD}", bench.ubl(2)),
        says="nom qui sort de l'archive",
        place="{flow} / ../../fautive.xml",
    ),
    Fault(
        code="IRR_VIDE_F",
        payload=lambda bench: bench.beside(BAD, b""),
        says="fichier de 0 octet",
        place=BAD,
    ),
    Fault(
        code="IRR_NOM_F",
        payload=lambda bench: bench.beside("saut\nde ligne.xml", bench.ubl(2)),
        says="nom vide, de plus de ",
        place="saut\\x0ade ligne.xml",
    ),
    Fault(
        code="IRR_TYPE_F",
        payload=lambda bench: bench.beside("fautive.exe", b"MZ"),
        says="extension « .exe » ; attendu : ",
        place="fautive.exe",
    ),
    Fault(
        code="IRR_TAILLE_F",
        payload=lambda bench: bench.beside(BAD, bench.ubl(2) + b" " * FILE_BYTES),
        says="fichier de ",
        place=BAD,
    ),
    Fault(
        code="IRR_VID_PJ",
        payload=lambda bench: bench.attached("a.pdf", b""),
        says="La pièce jointe a.pdf est vide.",
        place=f"{BAD} BT-125",
    ),
    Fault(
        code="IRR_NOM_PJ",
        payload=lambda bench: bench.attached("../a.pdf", b"x"),
        says="Nom de pièce jointe non admis : ",
        place=f"{BAD} BT-125",
    ),
    Fault(
        code="IRR_EXT_DOC",
        payload=lambda bench: bench.attached("plan.dwg", b"x"),
        says="Type de la pièce jointe ",
        place=f"{BAD} BT-125",
        families=(HISTORICAL,),  # AFNOR gives no list of types
    ),
    Fault(
        code="IRR_TAILLE_PJ",
        payload=lambda bench: bench.attached("a.pdf", b"x" * (ATTACHMENT_BYTES + 3)),
        says=f"Pièce jointe de plus de {ATTACHMENT_BYTES} octets.",
        place=BAD,
    ),
    Fault(
        code="IRR_SYNTAX",
        case="malformed",
        payload=lambda bench: bench.beside(BAD, bench.ubl(2)[:-20]),
        says="XML-",
        place=BAD,
    ),
    Fault(
        code="IRR_SYNTAX",
        case="schema",
        payload=lambda bench: bench.beside(BAD, bench.samples.without_issue_date(bench.ubl(2))),
        says="XSD-MISSING : ",
        place=BAD,
    ),
    Fault(
        code="MANIFEST",
        payload=Bench.announced,
        says="nombre de fichiers : annoncé 2, trouvé 1",
        place="manifest.json",
        stops=True,
    ),
    Fault(
        code="REJ_SEMAN",
        payload=lambda bench: bench.beside(BAD, bench.samples.with_wrong_total(bench.model(2))),
        says="BR-CO-15 : ",
        place=f"{BAD} BT-112",
        families=(AFNOR, G2B, FREE),  # historical: EN 16931 only warns
    ),
    Fault(
        code="REJ_SEMAN",
        case="historical",
        payload=lambda bench: bench.beside(BAD, bench.ubl(2, frame="S1")),
        says="CP-14 : Cadre de facturation inconnu : S1 ; admis : A1 à A25, sauf A11. ",
        place=f"{BAD} BT-23",
        families=(HISTORICAL,),
    ),
    Fault(
        code="REJ_CONT_B2G",
        payload=lambda bench: bench.beside(BAD, bench.ubl(2, contract="M" * 51)),
        says=f"BR-FR-CPRO-14 : Référence de marché limitée à 50 caractères : {'M' * 51}. ",
        place=f"{BAD} BT-12",
        families=(HISTORICAL, AFNOR),  # the others send to companies, or by no public profile
    ),
    Fault(
        code="REJ_CONT_B2G",
        case="private",
        payload=lambda bench: bench.beside(BAD, bench.ubl(2, buyer=bench.samples.IMPRIMERIE)),
        says="CP-03 : le destinataire n'est pas une entité publique : ",
        place=f"{BAD} BT-46",
        families=(HISTORICAL, AFNOR),
    ),
    Fault(
        code="REJ_CONT_B2G",
        case="service",
        payload=lambda bench: bench.beside(BAD, bench.ubl(2, buyer=bench.samples.SYNDICAT)),
        says="BR-FR-CPRO-11 : code service obligatoire pour ce destinataire : (absent) ; "
        "attendu : EAU",
        place=f"{BAD} BT-46",
        families=(HISTORICAL, AFNOR, FREE),
    ),
    Fault(
        code="REJ_CONT_B2G",
        case="engagement",
        payload=lambda bench: bench.beside(
            BAD, bench.ubl(2, buyer=bench.samples.HOPITAL, order=None)
        ),
        says="BR-FR-CPRO-12 : numéro d'engagement (ou de marché) obligatoire pour ce destinataire",
        place=f"{BAD} BT-13",
        families=(HISTORICAL, AFNOR, FREE),
    ),
    Fault(
        code="REJ_COH",
        payload=Bench.of_nobody,
        says="CP-01 : SIRET du fournisseur inconnu ou inactif dans l'annuaire : ",
        place=f"{BAD} BT-29",
    ),
    Fault(
        code="REJ_ADR",
        payload=lambda bench: bench.beside(BAD, bench.ubl(2, buyer=caterer(bench.samples))),
        says="CP-05 : la plateforme 0555 de l'adresse ",
        place=f"{BAD} BT-49",
        families=(G2B,),  # asked of what a public body sends to a company
    ),
    Fault(
        code="DEST_INC",
        payload=lambda bench: bench.beside(BAD, bench.ubl(2, buyer=bench.samples.INCONNUE)),
        says="SIRET du destinataire inconnu ou inactif dans l'annuaire : ",
        place=f"{BAD} BT-46",
    ),
    Fault(
        code="ADR_ERR",
        payload=lambda bench: bench.beside(BAD, bench.misaddressed()),
        says="adresse électronique du destinataire absente, inconnue de l'annuaire ou ",
        place=f"{BAD} BT-49",
    ),
    Fault(
        code="DOUBLON",
        payload=lambda bench: bench.beside(BAD, bench.ubl(2, number=bench.model(1).number)),
        says="facture ",
        place=f"{BAD} BT-1",
        bad=1,
    ),
)

#: Rows without a fault here, and why.
ELSEWHERE = {
    "REJ_UNI": "DOUBLON says it, and names the first",
    "FLOW_IRR": "no fault: test_a_sound_file_of_an_irrecevable_flow_has_nothing_to_correct",
    "NOT_TAKEN": "of this project: tests/integration/test_agreement_of_the_day.py",
    "NO_ROUTE": "no fault: test_what_waits_for_us_is_told_as_received",
    "OPERATOR": "no fault: test_what_an_operator_refuses_is_told_with_their_words",
    "OPERATOR_HOLD": "no fault, and no answer changes: contract/test_operators.py",
    "RETURN_CHANGED": "of returned invoices: integration/test_returned.py",
    "RETURN_REJECTED": "of returned invoices: integration/test_returned.py",
    "RETURN_LOST": "ours: integration/test_returned.py",
    "VALIDATOR_REFUSED": "said by a validator: integration/test_validation.py",
    "WITHDRAWN": "no fault, asked by the sender: contract/test_operators.py",
    "ACK_UNKNOWN": "of no deposit: contract/test_receipts.py",
    "ACK_EARLY": "of no deposit: contract/test_receipts.py",
    "ST_UNKNOWN": "of no deposit: integration/test_statuses.py",
    "ST_EARLY": "of no deposit: integration/test_statuses.py",
    "ST_FORBIDDEN": "of no deposit: integration/test_statuses.py",
    "ST_INCOMPLETE": "of no deposit: integration/test_statuses.py",
    "ST_UNREADABLE": "of no deposit: integration/test_statuses.py",
    "NOT_LIVE": "ours, told like NO_ROUTE: integration/test_standing_of_sheets.py",
    "TRIED_ONLY": "no fault, a trial: integration/test_qualification.py",
    "SCANNER_SILENT": "ours, told like NO_ROUTE: test_antivirus.py",
    "ARCHIVE_LOST": "ours, told like NO_ROUTE: test_antivirus.py",
    "ENGINE_CRASH": "ours, told like NO_ROUTE: integration/test_engine.py",
    "ENGINE_TIMEOUT": "ours, told like NO_ROUTE: integration/test_engine.py",
    "ENGINE_MEMORY": "ours, told like NO_ROUTE: integration/test_engine.py",
    "PACK_MISSING": "ours, told like NO_ROUTE: test_operating.py",
    "PACK_ERROR": "ours, told like NO_ROUTE: integration/test_engine.py",
}


def waiting(bench: Bench) -> bytes:
    """Pack a good invoice, and one for a recipient whom no route leads to."""
    return bench.beside(BAD, bench.ubl(2, buyer=bench.samples.COLLEGE))


def good(bench: Bench, code: str) -> dict[str, bytes]:
    """Write one invoice for each syntax that an interface takes."""
    makers = {
        "ubl-invoice": ("ubl-380-fournitures", "xml", bench.samples.to_ubl),
        "ubl-credit-note": ("ubl-381-avoir", "xml", bench.samples.to_ubl),
        "cii": ("cii-380-fournitures", "xml", bench.samples.to_cii),
        "factur-x": ("cii-380-fournitures", "pdf", bench.samples.to_facturx),
    }
    written = {}
    for place, syntax in enumerate(INTERFACES[code]["syntaxes"], 1):
        key, suffix, write = makers[syntax]
        written[f"{place}.{suffix}"] = write(bench.model(place, key))
    return written


# -- how it is played


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One file to be dropped.

    Attributes:
        family: Whose it is.
        name: Its name.
        number: What the numbers of its invoices begin with.
        payload: Its bytes.
    """

    family: str
    name: str
    number: str
    payload: bytes

    @property
    def identifier(self) -> str:
        """Return what CPPStatut calls it."""
        grammar = re.fullmatch("[A-Z]{3}[0-9]{4}A_[A-Z0-9]{6}_([A-Z0-9]{25})", self.name)
        return grammar[1] if grammar else self.name


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass left.

    Attributes:
        out: What each sender found, by name.
        delivered: What the recipients found.
    """

    out: dict[str, dict[str, bytes]]
    delivered: list[bytes]


@dataclass(frozen=True, slots=True)
class Played:
    """Everything that was dropped, and what came of it.

    Attributes:
        flows: Each flow, by the key it was asked for.
        passes: The first pass and the second one.
    """

    flows: dict[tuple[str, str], Flow]
    passes: tuple[Pass, Pass]


class Troupe:
    """Names flows, one number each."""

    def __init__(self, samples: Any) -> None:
        self._samples = samples
        self.flows: dict[tuple[str, str], Flow] = {}

    def flow(
        self,
        key: str,
        family: str,
        payload: Callable[[Bench], bytes],
        name: Callable[[str], str] = lambda name: name,
        code: str = "",
    ) -> Flow:
        """Make one flow of a family, under its usual interface if no `code` is given."""
        seq = len(self.flows) + 1
        number = first_of(family) if key == "first" else f"N{seq:03d}"
        made = f"lot-{seq:03d}"
        if family != FREE:
            code, application = code or USUAL[family], APPLICATIONS[family]
            made = f"{code}_{application}_{application}{code[3:7]}{seq:015d}"
        written = payload(Bench(self._samples, family, number))
        flow = Flow(family=family, name=name(made), number=number, payload=written)
        self.flows[key, family] = flow
        return flow


def sheet(family: str) -> str:
    """Write a sender's sheet."""
    text = 'role = "sender"\nscanner = "eicar"\n'
    if family == FREE:
        text += 'profile = "fr-b2b"\n'
    else:
        codes = [code for code, row in INTERFACES.items() if row["answers"] == family]
        text += f'naming = "grammar"\napplication_code = "{APPLICATIONS[family]}"\n'
        text += f'interfaces = {json.dumps(codes)}\nanswers = ["json"]\n'
    text += {AFNOR: 'matricule = "0417"\n', G2B: 'siren = "217500016"\n'}.get(family, "")
    return (
        f"{text}[limits]\nflow_bytes = {FLOW_BYTES}\nfile_bytes = {FILE_BYTES}\n"
        f"attachment_bytes = {ATTACHMENT_BYTES}\n"
    )


def write_directory(samples: Any, folder: Path) -> None:
    """Write what the directory says of everybody who sends or is billed here."""
    folder.mkdir()
    firms = {one.seller.siret: one.seller for one in samples.BY_KEY.values() if one.seller.siret}
    firms |= {samples.IMPRIMERIE.siret: samples.IMPRIMERIE}
    cities = (samples.VILLE, samples.HOPITAL, samples.COLLEGE, samples.SYNDICAT)
    rows = [f'{siret},"{one.name}",true,private,,' for siret, one in sorted(firms.items())]
    for one in cities:
        engages, serves = one is samples.HOPITAL, one is samples.SYNDICAT
        rows.append(f"{one.siret},{one.name},true,public,{engages},{serves}")
    head = "siret,name,active,kind,engagement,service"
    (folder / "structures.csv").write_text("\n".join([head, *rows]), "utf-8")
    services = f"siret,code,name,active\n{samples.SYNDICAT.siret},EAU,Eau,true\n"
    (folder / "services.csv").write_text(services, "utf-8")
    (folder / "platforms.csv").write_text("matricule,name,active\n0417,Une,true\n", "utf-8")
    lines = [
        f"{party.address_id.value},{platform}"
        for party, platform in ((samples.IMPRIMERIE, "0417"), (caterer(samples), "0555"))
    ]
    (folder / "addresses.csv").write_text("\n".join(["address,platform", *lines]), "utf-8")


RECIPIENTS = ("ville-exemple", "imprimerie-exemple")
SHEETS = {
    **{SENDERS[family]: sheet(family) for family in FAMILIES},
    **dict.fromkeys((*RECIPIENTS, "hopital-exemple"), 'role = "receiver"\n'),
}


@pytest.fixture(scope="module")
def played(
    set_up: Callable[..., AbstractContextManager[Any]],
    samples: ModuleType,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Played]:
    """Drop everything and work on it."""
    troupe = Troupe(samples)
    folder = tmp_path_factory.mktemp("controls")
    write_directory(samples, folder / "directory")
    with set_up(folder, SHEETS) as world:
        settings = world.home / "config" / "pipeline.toml"
        text = settings.read_text("utf-8")
        settings.write_text(text.replace("check_suppliers = false", "check_suppliers = true"))
        imported = world.edi("directory", "import", str(folder / "directory"), "--yes")
        assert imported.code == 0, imported.err
        _drop(world, _first_act(troupe))
        first = _work(world, Pass({}, []))
        _reject_what_waits(world)
        _drop(world, _second_act(troupe))
        second = _work(world, first)
        yield Played(troupe.flows, (first, second))


def _first_act(troupe: Troupe) -> Iterator[Flow]:
    for family in FAMILIES:
        yield troupe.flow("first", family, Bench.ubl)
        yield troupe.flow("waits", family, waiting)
    for fault in FAULTS:
        if fault.code != "IRR_UNICITE":
            for family in fault.families:
                yield troupe.flow(fault.id, family, fault.payload, fault.name)
    for code, row in INTERFACES.items():
        yield troupe.flow(
            code,
            row["answers"],
            lambda bench, code=code: bench.samples.tar_gz(good(bench, code)),  # type: ignore[misc]  # the default binds the loop variable
            code=code,
        )


def _second_act(troupe: Troupe) -> Iterator[Flow]:
    for fault in FAULTS:
        if fault.code == "IRR_UNICITE":
            for family in fault.families:
                first = troupe.flows["first", family].name
                same = (lambda _, first=first: first) if fault.case == "name" else fault.name
                yield troupe.flow(fault.id, family, fault.payload, same)


def _drop(world: Any, flows: Iterator[Flow]) -> None:
    for flow in flows:
        folder = world.folders[SENDERS[flow.family]] / "in"
        (folder / flow.name).write_bytes(flow.payload)


def _work(world: Any, before: Pass) -> Pass:
    """Do one pass; return what it left beside what was there."""
    ran = world.edi("run", "--once")
    assert "Traceback" not in ran.err, ran.err
    out = {
        name: {
            file: payload
            for file, payload in world.out(name).items()
            if file not in before.out.get(name, {})
        }
        for name in SENDERS.values()
    }
    found = [payload for name in RECIPIENTS for payload in world.out(name).values()]
    return Pass(out, [payload for payload in found if payload not in before.delivered])


def _reject_what_waits(world: Any) -> None:
    held = world.edi("documents", "--step", "held", "--limit", "99", "--json").json
    assert len(held) == len(FAMILIES), held
    for one in held:
        assert world.edi("reject", one["id"], "--reason", "Contrat résilié").code == 0


# -- how an answer is read


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that an answer says.

    Attributes:
        file: Interface code of the file that says it, or the ends of its name.
        status: Number, or the outcome in words.
        about: Number of an invoice, name of a file, or what the flow is called.
        reasons: Each with code, label, place and what was found.
    """

    file: str
    status: int | str
    about: str
    reasons: tuple[tuple[str, ...], ...] = ()


def read_historical(name: str, payload: bytes, flow: Flow) -> Iterator[Line]:
    """Yield what a CPPStatut says of `flow`."""
    message = cpp_status.read(etree.fromstring(payload))
    for status in message.flows:
        if status.flow_id == flow.identifier:
            reasons = (
                (one.nature, one.code, one.label, one.description or "") for one in status.errors
            )
            yield Line(name[:8], status.status, flow.identifier, tuple(reasons))
    for invoice in message.invoices:
        if invoice.number.startswith(flow.number):
            yield Line(name[:8], invoice.status, invoice.number)


def read_cdar(name: str, payload: bytes, flow: Flow) -> Iterator[Line]:
    """Yield what CDAR messages say of `flow`."""
    for text in messages_in(payload):
        message = cdar.read(etree.fromstring(text))
        if flow.name in {message.reference, message.flow}:
            reasons = (
                (one.reason or "", one.text or "", one.subject or "", _with_rule(one))
                for one in message.details
            )
            yield Line(name[:8], message.status, message.reference, tuple(reasons))


def _with_rule(detail: cdar.Detail) -> str:
    """Return what was found as the other families tell it: the rule first."""
    return f"{detail.rule} : {detail.note}" if detail.rule else detail.note or ""


def read_json(name: str, payload: bytes, flow: Flow) -> Iterator[Line]:
    """Yield what a JSON answer says: of `flow`, then of each of its documents."""
    answer = json.loads(payload)
    if answer["interchange"]["name"] == flow.name:
        end = ".".join(name.rsplit(".", 2)[1:])
        yield Line(end, answer["outcome"], flow.name, _of_json(answer))
        for one in answer["documents"]:
            yield Line(end, one["outcome"], one["name"], _of_json(one))


def _of_json(answer: Any) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (one["code"], one["label"]["fr"], one["place"], one["message"]["fr"])
        for one in answer["reasons"]
    )


def answers(played: Played, key: str, family: str, act: int = 1) -> list[Line]:
    """Return what the family's own files say of a flow; of free names the JSON."""
    flow, out = played.flows[key, family], played.passes[act - 1].out[SENDERS[family]]
    read = {HISTORICAL: read_historical, FREE: read_json}.get(family, read_cdar)
    return [
        line
        for name, payload in sorted(out.items())
        if name.endswith(".json") is (family == FREE) and not name.endswith(".html")
        for line in read(name, payload, flow)
    ]


def in_json(played: Played, key: str, family: str, act: int = 1) -> list[Line]:
    """Return what the JSON beside the family's files says of a flow."""
    flow, out = played.flows[key, family], played.passes[act - 1].out[SENDERS[family]]
    return [
        line
        for name, payload in sorted(out.items())
        if name.endswith(".json")
        for line in read_json(name, payload, flow)
    ]


def delivered(played: Played, flow: Flow) -> list[bytes]:
    """Return what the recipients got of a flow."""
    found = (*played.passes[0].delivered, *played.passes[1].delivered)
    return [payload for payload in found if f">{flow.number}-".encode() in payload]


# -- what is held against it

#: The line of a place; which one it is depends on how samples are laid out.
LINE = re.compile(" ligne [0-9]+")


def act_of(fault: Fault) -> int:
    """Tell at which pass a fault is met."""
    return 2 if fault.code == "IRR_UNICITE" else 1


def told(fault: Fault) -> re.Pattern[str]:
    """Return what the French text of a reason has to look like: found, then what to do."""
    action = CONTROL[fault.code].action["fr"]
    return re.compile(f"{re.escape(fault.says)}.*{re.escape(action)}", re.DOTALL)


CASES = [
    pytest.param(fault, family, id=f"{fault.id}-{family}")
    for fault in FAULTS
    for family in fault.families
]


@pytest.mark.parametrize(("fault", "family"), CASES)
def test_a_fault_is_answered_by_its_row(
    played: Played, samples: ModuleType, fault: Fault, family: str
) -> None:
    """Which file, which status, which code and words; and what became of the good invoice."""
    flow = played.flows[fault.id, family]
    place = (fault.place or "{flow}").format(flow=flow.name)

    lines = answers(played, fault.id, family, act_of(fault))

    assert [(one.file, one.status, one.about) for one in lines] == wanted(played, fault, family)
    first, *others = next(one for one in lines if one.reasons).reasons
    assert others == [] or fault.code == "REJ_SEMAN"
    *head, text = (LINE.sub("", each) for each in first)
    assert head == heads(fault, family, flow, place)
    if family == HISTORICAL:
        assert text.startswith(f"{place} : ")
        text = text.removeprefix(f"{place} : ")
    assert told(fault).fullmatch(text), text
    sound = Bench(samples, family, flow.number).ubl()
    assert delivered(played, flow) == ([] if fault.stops_in(family) else [sound])


def wanted(played: Played, fault: Fault, family: str) -> list[tuple[str, int | str, str]]:
    """Return file, status and object of everything that the answer has to say."""
    flow = played.flows[fault.id, family]
    bad, fine = f"{flow.number}-{fault.bad}", f"{flow.number}-1"
    stops = fault.stops_in(family)
    if family == FREE:
        return wanted_of_json(fault, flow, played.flows["first", FREE].name)
    interface = INTERFACES.get(flow.name[:8], INTERFACES[USUAL[family]])
    if interface["answers"] != family:  # not theirs to use: answered under their first one
        interface = INTERFACES[USUAL[family]]
    refused_by, taken_by = interface["refused_by"], interface["taken_by"]
    if family == HISTORICAL:
        if stops:
            return [(refused_by, 93, flow.identifier)]
        return [(taken_by, 96, flow.identifier), (taken_by, 1, fine)]
    if stops:
        return [(refused_by, 501, flow.name)]
    recevable = [(refused_by, 500, flow.name)] if family == AFNOR else []
    return [*recevable, (taken_by, TAKEN[family], fine), (taken_by, 213, bad)]


def wanted_of_json(fault: Fault, flow: Flow, first: str) -> list[tuple[str, int | str, str]]:
    """Return the same for free names: of the flow, then of every document.

    A copy is told by the documents of the `first`.
    """
    name = "ack.json"
    if fault.code == "IRR_UNICITE":
        return [(name, "duplicate", flow.name), (name, "duplicate", first)]
    if fault.code == "MANIFEST":
        return [(name, "rejected", flow.name), (name, "rejected", GOOD)]
    if fault.stops_in(FREE):
        return [(name, "rejected", flow.name)]
    assert fault.place is not None
    bad = fault.place.partition(" BT-")[0]
    return [
        (name, "partly accepted", flow.name),
        (name, "accepted", GOOD),
        (name, "rejected", bad),
    ]


def heads(fault: Fault, family: str, flow: Flow, place: str) -> list[str]:
    """Return what stands before the text of the reason: nature or published code, words, place."""
    control, label = CONTROL[fault.code], CONTROL[fault.code].label["fr"]
    stops = fault.stops_in(family)
    if family == FREE:
        return [fault.code, label, place]
    if family == HISTORICAL:
        nature = control.nature.value if stops else f"Facture {flow.number}-{fault.bad}"
        return [nature, fault.code, label]
    published = REASONS["flow" if stops else "invoice"].get(fault.code, fault.code)
    return [published, f"{fault.code} : {label}", place]


@pytest.mark.parametrize("family", NAMED)
def test_a_sound_file_of_an_irrecevable_flow_has_nothing_to_correct(
    played: Played, family: str
) -> None:
    """The family's file has no word for it; the JSON beside it has."""
    flow, documents = in_json(played, "IRR_VIDE_F", family), {}
    for one in flow[1:]:
        documents[one.about] = [code for code, *_ in one.reasons]

    assert flow[0].status == "rejected"
    assert documents == {GOOD: ["FLOW_IRR"], BAD: ["IRR_VIDE_F"]}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_waits_for_us_is_told_as_received(
    played: Played, samples: ModuleType, family: str
) -> None:
    """No route to a known recipient: ours to mend, so an interim notice; the rest goes on."""
    flow = played.flows["waits", family]
    said = [(one.file, one.status) for one in answers(played, "waits", family)]

    assert (
        said
        == {
            HISTORICAL: [("FEN1200A", 90)],
            AFNOR: [("CSO1150A", 500)],
            G2B: [],
            FREE: [("held.json", "held"), ("held.json", "accepted"), ("held.json", "held")],
        }[family]
    )
    held = in_json(played, "waits", family)
    assert [code for one in held[:1] for code, *_ in one.reasons] == ["NO_ROUTE"]
    assert {one.file for one in held} == {"held.json"}
    assert delivered(played, flow) == [Bench(samples, family, flow.number).ubl()]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_an_operator_refuses_is_told_with_their_words(played: Played, family: str) -> None:
    """The final answer to what waited: the invoice that went on, and the one that did not."""
    flow = played.flows["waits", family]

    lines = answers(played, "waits", family, act=2)

    fine, bad = f"{flow.number}-1", f"{flow.number}-2"
    assert [(one.file, one.status, one.about) for one in lines] == {
        HISTORICAL: [("FEN1200A", 96, flow.identifier), ("FEN1200A", 1, fine)],
        AFNOR: [("FEN1214A", 202, fine), ("FEN1214A", 213, bad)],
        G2B: [("CSO3110A", 200, fine), ("CSO3110A", 213, bad)],
        FREE: [
            ("ack.json", "partly accepted", flow.name),
            ("ack.json", "accepted", GOOD),
            ("ack.json", "rejected", BAD),
        ],
    }[family]
    ((reason,),) = (one.reasons for one in lines if one.reasons)
    assert any(text.startswith("OPERATOR") for text in reason)
    assert "Contrat résilié." in reason[-1]


@pytest.mark.parametrize("code", INTERFACES)
def test_a_good_flow_of_every_interface_is_taken_and_delivered(
    played: Played, samples: ModuleType, code: str
) -> None:
    """In every syntax that the interface takes, byte for byte."""
    row = INTERFACES[code]
    family = row["answers"]
    flow = played.flows[code, family]
    files = good(Bench(samples, family, flow.number), code)

    said = [(one.file, one.status, one.about) for one in answers(played, code, family)]

    recevable = [(row["refused_by"], 500, flow.name)] if family == AFNOR else []
    numbers = [f"{flow.number}-{place}" for place in range(1, len(files) + 1)]
    taken = [(row["taken_by"], TAKEN[family], number) for number in numbers]
    assert said == [*recevable, *taken]
    ours = [one for one in played.passes[0].delivered if one in files.values()]
    assert sorted(ours) == sorted(files.values())


@pytest.mark.parametrize(
    ("family", "reader"),
    [
        (AFNOR, cdar.Party("WK", "0417", "0238", "platform")),
        (G2B, cdar.Party("SE", "217500016", "0002", "regie", "217500016")),
    ],
)
def test_every_message_names_its_reader(played: Played, family: str, reader: cdar.Party) -> None:
    """A platform by its matricule, a public sender by its SIREN, as their sheets say."""
    messages = [
        cdar.read(etree.fromstring(text))
        for name, payload in everything(played)
        if f"_{APPLICATIONS[family]}_" in name
        for text in messages_in(payload)
    ]

    assert {one.recipients for one in messages} == {(reader,)}


def test_every_answer_is_valid(played: Played, tmp_path: Path) -> None:
    """CPPStatut by our schema; CDAR by the official one, and by the BR-FR-CDV rules."""
    place = workspace()
    statut = compile_schema(str(ROOT / "schemas/CPPStatut-V1_19.xsd"))
    official = compile_schema(str(shelf(place).path("cdar-d22b-xsd")))
    engine = make_engine(place, Settings(workers=1), entry=message_worker, readable=[tmp_path])
    vetter = Vetter(engine, FolderSpool(tmp_path))
    for name, payload in everything(played):
        messages = messages_in(payload)
        if f"_{APPLICATIONS[HISTORICAL]}_" in name:
            statut.assertValid(etree.fromstring(payload))
            assert messages == ()
            continue
        assert messages
        for message in messages:
            official.assertValid(etree.fromstring(message))
        vetter.vet(payload)
    engine.close()


def test_answers_are_numbered_without_a_hole(played: Played) -> None:
    """Named after the sender, numbered by the hub: a number that is missing is a lost answer."""
    series: dict[tuple[str, str], list[int]] = {}
    for name, _ in everything(played):
        code, application, identifier = name.split("_")
        assert identifier[:10] == f"CPP001{code[3:7]}"
        series.setdefault((code, application), []).append(int(identifier[10:]))

    assert {application for _, application in series} == set(APPLICATIONS.values())
    assert all(sorted(found) == list(range(1, len(found) + 1)) for found in series.values())


def everything(played: Played) -> list[tuple[str, bytes]]:
    """Return every file of the families that name their answers by the grammar."""
    return [
        (name, payload)
        for one in played.passes
        for out in one.out.values()
        for name, payload in sorted(out.items())
        if "." not in name
    ]


def test_every_row_of_the_control_table_is_answered_here_or_says_where() -> None:
    """A control that is added without being seen in an answer fails here."""
    faults = {fault.code for fault in FAULTS}

    assert faults | set(ELSEWHERE) == {control.code for control in CONTROLS}
    assert faults.isdisjoint(ELSEWHERE)
