"""Which reasons may be given with which status, and what older names of them mean.

Source:
    BR-FR-CDV 1.4, CL-09; A7 v1.8, reasons of statuses. What stands for the older names is
    deduced from what both lists say, not published.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.model.life import Event


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PARTLY = _codes(
    "AUTRE CMD_ERR SIRET_ERR CODE_ROUTAGE_ERR REF_CT_ABSENT REF_ERR PU_ERR REM_ERR QTE_ERR ART_ERR"
    " MODPAI_ERR QUALITE_ERR LIVR_INCOMP"
)
_DISPUTED = _PARTLY | _codes(
    "COORD_BANC_ERR TX_TVA_ERR MONTANTTOTAL_ERR CALCUL_ERR NON_CONFORME DOUBLON DEST_INC DEST_ERR"
    " TRANSAC_INC EMMET_INC CONTRAT_TERM DOUBLE_FACT ADR_ERR"
)
_SUSPENDED = _codes(
    "JUSTIF_ABS COORD_BANC_ERR CMD_ERR SIRET_ERR CODE_ROUTAGE_ERR REF_CT_ABSENT REF_ERR"
)
#: What any buyer may reject for, and what a public one may besides.
_REJECTED = _codes(
    "TX_TVA_ERR MONTANTTOTAL_ERR CALCUL_ERR NON_CONFORME DOUBLON DEST_ERR TRANSAC_INC EMMET_INC"
    " CONTRAT_TERM DOUBLE_FACT CMD_ERR ADR_ERR REF_CT_ABSENT"
)
_REJECTED_PUBLICLY = _codes(
    "RETRAIT_MAN_SERV ST_CT_NON_DECLAR SUPPR_COMP_AVOIR TRANSF_PMNT_REGIE AUTRE COORD_BANC_ERR"
    " LIVR_INCOMP"
)
#: What a mandataire may refuse a co-contractor's invoice for.
VALIDATOR_REASONS = _codes(
    "DEST_ERR ROUTAGE_ERR CODE_ROUTAGE_ERR ERR_VALIDEUR AUT_MOTIF_ERR_VALIDEUR"
)

#: The reason that turns a reject into a suspension (A7).
MISSING_ATTACHMENT = "JUSTIF_ABS"

#: Reasons that an event takes; it needs one of them. Absent: it takes none.
REASONS: Mapping[Event, frozenset[str]] = MappingProxyType(
    {
        Event.APPROVE_PARTLY: _PARTLY,
        Event.DISPUTE: _DISPUTED,
        Event.SUSPEND: _SUSPENDED,
        Event.REJECT: _REJECTED | _REJECTED_PUBLICLY | {MISSING_ATTACHMENT},
        # of a sub-contractor's, and of works; a mandataire has a list of its own
        Event.REFUSE: _PARTLY | VALIDATOR_REASONS,
        Event.RETURN: _codes("ROUTAGE_ERR CODE_ROUTAGE_ERR CMD_ERR SIRET_ERR DEST_ERR ADR_ERR"),
    }
)

#: What a reason that only a public recipient may give becomes for another reader.
PUBLIC_ONLY = _REJECTED_PUBLICLY

#: What stands for a reason that was given in words alone, where a code has to be told.
UNCODED: Mapping[Event, str] = MappingProxyType(
    {
        Event.APPROVE_PARTLY: "AUTRE",
        Event.DISPUTE: "AUTRE",
        Event.SUSPEND: "REF_ERR",
        Event.REJECT: "NON_CONFORME",
        Event.REFUSE: "AUTRE",
        Event.RETURN: "ROUTAGE_ERR",
    }
)

#: What is told in place of a validator's own reason, where the rules list no such reason.
NEAREST: Mapping[str, str] = MappingProxyType(
    {
        "ROUTAGE_ERR": "DEST_ERR",
        "CODE_ROUTAGE_ERR": "DEST_ERR",
        "ERR_VALIDEUR": "NON_CONFORME",
        "AUT_MOTIF_ERR_VALIDEUR": "NON_CONFORME",
    }
)

#: Names that Chorus Pro used before, and what they are called since.
FORMER: Mapping[str, str] = MappingProxyType(
    {
        "CMD_EJ_ERR": "CMD_ERR",
        "FACT_NON_CONFORME": "NON_CONFORME",
        "MARCHE_TERM": "CONTRAT_TERM",
        "MONTANT_ERR": "MONTANTTOTAL_ERR",
        "CREANCIER_ERR": "EMMET_INC",
        "SE_ERR": "CODE_ROUTAGE_ERR",
    }
)
#: `SE_ERR` means another thing with a reject.
FORMER_REJECT: Mapping[str, str] = MappingProxyType({**FORMER, "SE_ERR": "DEST_ERR"})

#: Every reason known, by any name.
KNOWN = frozenset().union(*REASONS.values(), VALIDATOR_REASONS, FORMER)


def present_name(code: str, event: Event) -> str:
    """Return what a reason is called today.

    >>> present_name("SE_ERR", Event.REJECT), present_name("CMD_ERR", Event.SUSPEND)
    ('DEST_ERR', 'CMD_ERR')
    """
    former = FORMER_REJECT if event is Event.REJECT else FORMER
    return former.get(code, code)
