"""What happens in the two months: one table, a row an invoice. Add a row, and it is played.

A row says who bills whom on which day, what happens then, and where that has to end. What
happens is written as people say it, parted by semicolons, each with its day::

    8 service-done; 15 suspend JUSTIF_ABS; 22 complete; 29 pay; 36 cash 208.80@20

An act is an event of the life cycle (`model.life.Event`); whose it is, the table of moves
says. After it stand reason codes, amounts received with their VAT rates, or a partner: the
recipient to which an invoice goes instead (``resend``), who validates or refuses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from pipeline.entry.two_months.parties import PARTIES
from pipeline.model.life import Actor, Event, Status
from pipeline.model.life_table import MOVES

#: Days that are told, the first of them day 1.
DAYS = 61


class Flaw(Enum):
    """What is wrong with an invoice as it is deposited."""

    NO_DATE = "no-date"  #: the XSD asks for one
    WRONG_TOTAL = "wrong-total"  #: BR-CO-15
    NOBODY = "nobody"  #: its buyer is in nobody's directory


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a partner does with an invoice.

    Attributes:
        day: On which, from 1.
        event: What.
        words: What goes along: reasons, amounts, or a partner's name.
    """

    day: int
    event: Event
    words: tuple[str, ...] = ()

    @property
    def partner(self) -> str:
        """Return the partner that its words name; empty if none."""
        return next((word for word in self.words if word in PARTIES), "")

    @property
    def actor(self) -> Actor:
        """Return whose act it is."""
        said = (move.actor for move in MOVES if move.event is self.event)
        return next(one for one in said if one is not Actor.HUB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One invoice of the story.

    Attributes:
        number: BT-1.
        supplier: Who bills, by name.
        recipient: Who is billed, by name.
        day: On which it is deposited, from 1.
        acts: What happens then, in order.
        final: Where it ends; None where it is refused at the door.
        frame: BT-23, where it is not that of its supplier.
        agent: Who stands between seller and buyer, by name; empty for nobody.
        follows: Number of the rejected invoice that it stands for (BT-25); empty for none.
        flaw: What is wrong with it.
        refused: Code that its supplier reads; empty where it is taken.
    """

    number: str
    supplier: str
    recipient: str
    day: int
    acts: tuple[Act, ...] = ()
    final: Status | None = None
    frame: str = ""
    agent: str = ""
    follows: str = ""
    flaw: Flaw | None = None
    refused: str = ""


def _read_acts(text: str) -> Iterator[Act]:
    for one in filter(None, (part.split() for part in text.split(";"))):
        day, event, *words = one
        yield Act(int(day), Event(event), tuple(words))


def _taken(
    number: str,
    supplier: str,
    recipient: str,
    day: int,
    acts: str,
    final: str,
    *,
    frame: str = "",
    agent: str = "",
    follows: str = "",
) -> Row:
    return Row(
        number=number,
        supplier=supplier,
        recipient=recipient,
        day=day,
        acts=tuple(_read_acts(acts)),
        final=Status(final),
        frame=frame,
        agent=agent,
        follows=follows,
    )


def _refused(
    number: str, supplier: str, recipient: str, day: int, code: str, flaw: Flaw | None = None
) -> Row:
    """Return a row that is refused: for its flaw, or since its number was there before."""
    return Row(
        number=number, supplier=supplier, recipient=recipient, day=day, refused=code, flaw=flaw
    )


# fmt: off
_DIRECT = (
    # A supplier of Chorus Pro's historical formats, and public recipients by CPPStatut.
    _taken("PAP-01", "papeterie", "ville", 1,
           "3 service-done; 8 mandate; 15 give-to-accountant; 22 book; 36 pay",
           "MISE_EN_PAIEMENT"),
    _taken("PAP-02", "papeterie", "ville", 1,
           "8 service-done; 15 mandate; 43 pay", "MISE_EN_PAIEMENT"),
    _taken("PAP-03", "papeterie", "ville", 1, "8 service-done", "SERVICE_FAIT"),
    _taken("PAP-04", "papeterie", "hopital", 1, "8 service-done; 15 mandate", "MANDATEE"),
    _taken("PAP-05", "papeterie", "hopital", 1,
           "8 service-done; 15 mandate; 22 give-to-accountant", "MISE_A_DISPOSITION_COMPTABLE"),
    _taken("PAP-06", "papeterie", "hopital", 1, "15 mandate; 29 book", "COMPTABILISEE"),
    _taken("PAP-07", "papeterie", "ville", 3, "10 reject TX_TVA_ERR", "REJETEE"),
    _taken("PAP-08", "papeterie", "hopital", 3, "10 suspend CMD_ERR", "SUSPENDUE"),
    _taken("PAP-09", "papeterie", "ville", 3, "10 reject JUSTIF_ABS", "SUSPENDUE"),
    _taken("PAP-10", "papeterie", "hopital", 3, "", "MISE_A_DISPOSITION"),
    _taken("PAP-11", "papeterie", "ville", 8, "15 return ROUTAGE_ERR", "A_RECYCLER"),
    _taken("PAP-12", "papeterie", "musee", 8, "15 service-done; 36 pay", "MISE_EN_PAIEMENT"),

    # A platform that deposits for its suppliers: it says and hears CDAR.
    _taken("PLA-01", "plateforme", "ville", 1,
           "8 service-done; 22 mandate; 36 pay; 43 cash 208.80@20", "MISE_EN_PAIEMENT"),
    _taken("PLA-02", "plateforme", "hopital", 1,
           "8 mandate; 22 pay; 29 cash 100.00@20; 43 cash 108.80@20", "MISE_EN_PAIEMENT"),
    _taken("PLA-03", "plateforme", "hopital", 1,
           "10 suspend COORD_BANC_ERR; 22 reject COORD_BANC_ERR", "REJETEE"),
    _taken("PLA-04", "plateforme", "ville", 3, "10 reject MONTANTTOTAL_ERR", "REJETEE"),
    _taken("PLA-05", "plateforme", "ville", 3, "15 book", "COMPTABILISEE"),
    _taken("PLA-06", "plateforme", "hopital", 3, "", "MISE_A_DISPOSITION"),
    _taken("PLA-07", "plateforme", "musee", 8, "15 approve", "APPROUVEE"),
    _taken("PLA-08", "plateforme", "musee", 8,
           "15 approve-partly QTE_ERR", "APPROUVEE_PARTIELLEMENT"),
    _taken("PLA-09", "plateforme", "musee", 8, "15 take-in-charge", "PRISE_EN_CHARGE"),

    # A public body that bills a company: CDAR on both sides.
    _taken("EAU-01", "regie", "imprimerie", 1,
           "8 take-in-charge; 22 pay; 36 cash 208.80@20", "MISE_EN_PAIEMENT"),
    _taken("EAU-02", "regie", "imprimerie", 1,
           "8 approve-partly QTE_ERR", "APPROUVEE_PARTIELLEMENT"),
    _taken("EAU-03", "regie", "imprimerie", 1, "8 dispute PU_ERR", "EN_LITIGE"),
    _taken("EAU-04", "regie", "imprimerie", 1,
           "8 suspend JUSTIF_ABS; 15 complete; 22 take-in-charge; 36 pay", "MISE_EN_PAIEMENT"),
    _taken("EAU-05", "regie", "imprimerie", 3, "10 suspend JUSTIF_ABS; 15 complete", "COMPLETEE"),
    _taken("EAU-06", "regie", "imprimerie", 3, "10 cancel", "ANNULEE"),
    _taken("EAU-07", "regie", "imprimerie", 3, "10 dispute CALCUL_ERR; 22 cancel", "ANNULEE"),
    _taken("EAU-08", "regie", "imprimerie", 8, "15 reject CALCUL_ERR", "REJETEE"),
    _taken("EAU-09", "regie", "imprimerie", 8, "", "MISE_A_DISPOSITION"),

    # A caterer with free names, which reads JSON; the museum answers it by tables.
    _taken("TRA-01", "traiteur", "musee", 1, "8 approve; 22 pay", "MISE_EN_PAIEMENT"),
    _taken("TRA-02", "traiteur", "musee", 1, "8 approve", "APPROUVEE"),
    _taken("TRA-03", "traiteur", "musee", 3, "10 dispute PU_ERR", "EN_LITIGE"),
    _taken("TRA-04", "traiteur", "ville", 3,
           "10 service-done; 22 mandate; 43 pay", "MISE_EN_PAIEMENT"),
    _taken("TRA-05", "traiteur", "hopital", 3, "15 mandate", "MANDATEE"),
    _taken("TRA-06", "traiteur", "musee", 8, "15 suspend REF_ERR", "SUSPENDUE"),
    _taken("TRA-07", "traiteur", "imprimerie", 8, "15 take-in-charge", "PRISE_EN_CHARGE"),
)

#: Sent back: to another recipient, with the paper that was missing, under a new number.
_RETURNED = (
    _taken("PAP-21", "papeterie", "ville", 1,
           "8 return ROUTAGE_ERR; 10 resend hopital; 22 mandate; 43 pay", "MISE_EN_PAIEMENT"),
    _taken("PAP-22", "papeterie", "ville", 1,
           "8 suspend JUSTIF_ABS; 15 complete; 29 mandate; 43 pay", "MISE_EN_PAIEMENT"),
    _taken("PAP-23", "papeterie", "hopital", 3, "10 suspend JUSTIF_ABS; 22 complete", "COMPLETEE"),
    _taken("PAP-24", "papeterie", "ville", 15, "22 service-done; 43 pay", "MISE_EN_PAIEMENT",
           follows="PAP-07"),
    _taken("TRA-21", "traiteur", "musee", 3,
           "8 return DEST_ERR; 15 resend ville; 22 book", "COMPTABILISEE"),
)

#: Validated before their recipients get them: of sub-contractors (A9, S3), of co-contractors
#: (A12, S6), of a co-contractor's sub-contractor, and of works.
_VALIDATED = (
    _taken("TRA-31", "traiteur", "ville", 1, "8 validate titulaire; 15 mandate; 36 pay",
           "MISE_EN_PAIEMENT", frame="A9", agent="titulaire"),
    _taken("TRA-32", "traiteur", "ville", 1, "8 refuse titulaire DEST_ERR; 15 service-done",
           "SERVICE_FAIT", frame="A9", agent="titulaire"),
    _taken("TRA-33", "traiteur", "hopital", 1, "29 mandate; 43 pay",
           "MISE_EN_PAIEMENT", frame="A9", agent="titulaire"),
    _taken("PLA-31", "plateforme", "ville", 3, "8 validate titulaire; 22 mandate",
           "MANDATEE", frame="S3", agent="titulaire"),
    _taken("PLA-32", "plateforme", "hopital", 3, "29 service-done",
           "SERVICE_FAIT", frame="S3", agent="titulaire"),
    _taken("PLA-33", "plateforme", "ville", 3, "10 validate mandataire; 22 book",
           "COMPTABILISEE", frame="S6", agent="mandataire"),
    _taken("PLA-34", "plateforme", "ville", 3, "10 refuse mandataire DEST_ERR",
           "REFUSEE_1", frame="S6", agent="mandataire"),
    _taken("TRA-34", "traiteur", "ville", 8, "", "A_VALIDER_1", frame="A12", agent="mandataire"),
    _taken("TRA-35", "traiteur", "ville", 1,
           "8 validate cotraitant; 15 validate mandataire; 22 mandate",
           "MANDATEE", frame="A9", agent="cotraitant"),
    _taken("PAP-31", "papeterie", "ville", 1,
           "3 validate moe; 8 validate moa; 15 mandate; 36 pay", "MISE_EN_PAIEMENT", frame="A4"),
    _taken("PAP-32", "papeterie", "ville", 1, "3 refuse moe PU_ERR",
           "REFUSEE_MOE", frame="A4"),
    _taken("PAP-33", "papeterie", "ville", 1, "15 validate moa; 22 service-done",
           "SERVICE_FAIT", frame="A7"),
)

#: Refused at the door.
_AT_THE_DOOR = (
    _refused("PAP-90", "papeterie", "ville", 3, "IRR_SYNTAX", Flaw.NO_DATE),
    _refused("PLA-90", "plateforme", "ville", 3, "REJ_SEMAN", Flaw.WRONG_TOTAL),
    _refused("TRA-90", "traiteur", "inconnue", 3, "DEST_INC", Flaw.NOBODY),
    _refused("PAP-01", "papeterie", "ville", 8, "DOUBLON"),
    _refused("EAU-01", "regie", "imprimerie", 8, "DOUBLON"),
)
# fmt: on

STORY: tuple[Row, ...] = (*_DIRECT, *_RETURNED, *_VALIDATED, *_AT_THE_DOOR)


def check(rows: Sequence[Row]) -> None:
    """Hold the table against what can be played.

    Raises:
        ValueError: Names the row, and what is wrong with it.
    """
    for row in rows:
        days = [row.day, *(act.day for act in row.acts)]
        known = {row.supplier, row.recipient} <= {*PARTIES, "inconnue"}
        if not known or days != sorted(set(days)) or not 1 <= days[-1] <= DAYS:
            raise ValueError(f"{row.number}: unknown partner, or days out of order: {days}")
        if (row.final is None) is not bool(row.refused):
            raise ValueError(f"{row.number}: it ends somewhere, or is refused")
