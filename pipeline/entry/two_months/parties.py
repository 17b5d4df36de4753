"""Who takes part in the two months: suppliers, recipients, validators, and what they agreed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class Speech(Enum):
    """How a partner says statuses, and hears of them."""

    N1 = "CPPStatut N1"
    N2 = "CPPStatut N2"
    CDAR = "CDAR"
    TABLE = "CSV, JSON"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One partner of the story.

    Attributes:
        name: Of its sheet, its account and in the table of the story.
        title: Its registered name, or that of the supplier a platform deposits for.
        siret: Fourteen digits.
        vat: VAT number of a supplier; empty for a recipient.
        speech: How it speaks of statuses.
        deposits: Interface that a supplier deposits under; empty with free names.
        works: Interface that it deposits under for works, where that is another one.
        says: Interface that it says statuses under; empty where it can say none, or says them
            in a table.
        application: Application code; empty with free names.
        matricule: Of a platform.
        frame: Of a supplier's invoices (BT-23), where the story says nothing else.
        sheet: What is particular to its sheet.
    """

    name: str
    title: str
    siret: str
    vat: str = ""
    speech: Speech
    deposits: str = ""
    works: str = ""
    says: str = ""
    application: str = ""
    matricule: str = ""
    frame: str = "B1"
    sheet: str

    @property
    def siren(self) -> str:
        """Return the first nine digits of its SIRET."""
        return self.siret[:9]


_TELL = "[statuses]\ntell = true\n"
_SENDS = 'role = "sender"\nscanner = "none"\n'
_TAKES = 'role = "receiver"\nscanner = "none"\nenvelope = "single"\n'


def _named(application: str, *interfaces: str) -> str:
    codes = ", ".join(f'"{one}"' for one in interfaces)
    return f'naming = "grammar"\napplication_code = "{application}"\ninterfaces = [{codes}]\n'


PARTIES: Mapping[str, Party] = MappingProxyType(
    {
        one.name: one
        for one in (
            Party(
                name="papeterie",
                title="Papeterie Durand SAS",
                siret="09100001800019",
                vat="FR65091000018",
                speech=Speech.N1,
                deposits="FSO1100A",
                application="PAP001",
                frame="A1",
                sheet=f"{_SENDS}{_named('PAP001', 'FSO1100A')}{_TELL}",
            ),
            Party(
                name="plateforme",
                title="Mobilier du Val SARL",
                siret="09100020800016",
                vat="FR53091000208",
                speech=Speech.CDAR,
                deposits="FSO1150A",
                says="FSO1304A",
                application="PLA001",
                matricule="0417",
                sheet=f'{_SENDS}{_named("PLA001", "FSO1150A")}matricule = "0417"\n{_TELL}',
            ),
            Party(
                name="regie",
                title="Régie des eaux d'Exemple",
                siret="25000654100016",
                vat="FR18250006541",
                speech=Speech.CDAR,
                deposits="FSO3110A",
                says="FSO3302A",
                application="REG001",
                sheet=f'{_SENDS}{_named("REG001", "FSO3110A")}siren = "250006541"\n{_TELL}',
            ),
            Party(
                name="traiteur",
                title="Beaufils Traiteur SARL",
                siret="09100002600012",
                vat="FR89091000026",
                speech=Speech.TABLE,
                sheet=f'{_SENDS}replies = ["csv", "json"]\n{_TELL}',
            ),
            Party(
                name="macon",
                title="Maçonnerie du Gué SARL",
                siret="09100021600019",
                vat="FR77091000216",
                speech=Speech.N2,
                deposits="FSO1100A",
                works="FSO1130A",
                application="MAC001",
                frame="A1",
                sheet=f"{_SENDS}{_named('MAC001', 'FSO1100A', 'FSO1130A')}"
                f'{_TELL}numbering = "N2"\n',
            ),
            Party(
                name="ville",
                title="Ville d'Exemple",
                siret="21000123600012",
                speech=Speech.N1,
                says="FSO1301A",
                application="VIL001",
                sheet=f'{_TAKES}{_named("VIL001", "FEN0036A")}format = "pivot"\n'
                f'{_TELL}numbering = "N1"\n',
            ),
            Party(
                name="hopital",
                title="Centre hospitalier d'Exemple",
                siret="26000456900018",
                speech=Speech.N2,
                says="FSO1301A",
                application="HOP001",
                sheet=f'{_TAKES}{_named("HOP001", "FEN0036A")}format = "pivot"\n'
                f'{_TELL}numbering = "N2"\n',
            ),
            Party(
                name="imprimerie",
                title="Imprimerie de l'Exemple SAS",
                siret="09100016600016",
                speech=Speech.CDAR,
                says="FSO3301A",
                application="IMP001",
                matricule="0529",
                sheet=f'{_TAKES}{_named("IMP001", "FEN3036A")}format = "ubl"\noriginal = "none"\n'
                f'matricule = "0529"\n{_TELL}',
            ),
            Party(
                name="musee",
                title="Musée de l'Exemple",
                siret="18000457400018",
                speech=Speech.TABLE,
                sheet=f'{_TAKES}replies = ["csv", "json"]\n{_TELL}',
            ),
            Party(
                name="batisseur",
                title="Bâtisseurs de l'Exemple SA",
                siret="09100022400013",
                speech=Speech.TABLE,
                sheet=f'{_TAKES}replies = ["csv", "json"]\nstructure = "09100022400013"\n{_TELL}',
            ),
            Party(
                name="mandataire",
                title="Grands Travaux SA",
                siret="09100032300013",
                speech=Speech.CDAR,
                deposits="FSO1150A",
                says="FSO1304A",
                application="MAN001",
                matricule="0631",
                sheet=f'{_SENDS}{_named("MAN001", "FSO1150A")}matricule = "0631"\n'
                f'structure = "09100032300013"\n{_TELL}',
            ),
            Party(
                name="architecte",
                title="Atelier de l'Exemple SARL",
                siret="09100023200016",
                speech=Speech.N2,
                says="FSO1301A",
                application="ARC001",
                sheet=f'{_TAKES}{_named("ARC001", "FEN0036A")}format = "pivot"\n'
                f'structure = "09100023200016"\n{_TELL}numbering = "N2"\n',
            ),
            Party(
                name="amenageur",
                title="Aménagement de l'Exemple SA",
                siret="09100024000019",
                speech=Speech.TABLE,
                sheet=f'{_TAKES}replies = ["csv", "json"]\nstructure = "09100024000019"\n{_TELL}',
            ),
        )
    }
)

#: Billed by mistake: in nobody's directory.
UNKNOWN = Party(
    name="inconnue",
    title="Ville de Nulle-Part",
    siret="21000999900017",
    speech=Speech.N1,
    sheet="",
)
