"""``edi verify``: prove that the record was not touched."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.evidence_file import check_evidence, open_evidence
from pipeline.app.seal import SealsHeld, check_seals
from pipeline.app.verify import Verified
from pipeline.app.verify import verify as verify_all
from pipeline.entry.cli.output import AsJson, complain, say, say_json
from pipeline.evidence.check import Checked
from pipeline.model.errors import ConfigError, EvidenceFault


def verify(
    file: Annotated[
        Path | None,
        typer.Argument(help="Dossier de preuve, vérifié seul et hors ligne / evidence file."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="Clé publique à croire (PEM) / public key to be believed."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Vérifier événements, originaux et lignes, ou un dossier de preuve / verify the record."""
    if file is not None:
        _verify_file(file, key, as_json=as_json)
        return
    if key is not None:
        raise ConfigError("--key : avec un dossier de preuve / with an evidence file")
    place = bootstrap.workspace()
    with bootstrap.reading(place) as ledger:
        found = verify_all(ledger, bootstrap.archive(place))
        # of an edited chain nothing more is to be learned
        today = bootstrap.now().date()
        seals = SealsHeld() if found.breaks else check_seals(ledger, bootstrap.seals(place), today)
    sound = found.sound and seals.sound
    if as_json:
        say_json({"sound": sound, **asdict(found), "seals": asdict(seals)})
    else:
        _show(found)
        _show_seals(seals)
    if not sound:
        raise typer.Exit(1)
    if not as_json:
        say("La chaîne tient / the chain holds.")


def _verify_file(file: Path, key: Path | None, *, as_json: bool) -> None:
    """Check an evidence file, whoever wrote it: no workspace is needed."""
    for path in (file, key):
        if path is not None and not path.is_file():
            raise ConfigError(f"{path}: aucun fichier de ce nom / no such file")
    try:
        with file.open("rb") as stream:
            bundle = open_evidence(stream)
        public = key.read_bytes() if key else None
        found, fingerprint = check_evidence(bundle, bootstrap.trusted_by, public)
    except EvidenceFault as fault:
        found, fingerprint = Checked(faults=((fault.fr, fault.en),)), ""
    if as_json:
        told = {**asdict(found), "key": fingerprint or None, "trusted": key is not None}
        say_json({"sound": found.sound, **told})
    else:
        _show_checked(found, fingerprint, trusted=key is not None)
    if not found.sound:
        raise typer.Exit(1)


def _show_checked(found: Checked, fingerprint: str, *, trusted: bool) -> None:
    for fr, en in found.faults:
        complain(f"{fr} / {en}")
    if not found.sound:
        complain("Le dossier ne tient pas / the evidence does not hold.")
        return
    day = found.sealed_until
    say(f"{found.sealed} événements scellés / sealed events ({day or '–'})")
    if found.unsealed:
        say(
            f"{found.unsealed} événements pas encore scellés : « edi seal », puis « edi evidence »"
            " / events not sealed yet"
        )
    if found.erased:
        say(f"{found.erased} lignes effacées : nommées, non prouvées / erased lines, not proven")
    if fingerprint and not trusted:
        say(
            f"clé prise dans le dossier, à comparer à celle du hub : {fingerprint}"
            " / key out of the file itself: compare it with the hub's, or give --key"
        )
    say(f"Facture / invoice {found.number}: le dossier tient / the evidence holds.")


def _show_seals(seals: SealsHeld) -> None:
    if seals.count:
        say(f"{seals.count} sceau(x) tenu(s) / seal(s) hold")
    if seals.due:
        say("hier n'est pas encore scellé / yesterday is not sealed yet: edi seal")
    for name, trouble in seals.broken:
        complain(f"sceau / seal {name}: {trouble}")
    for day in seals.missing:
        complain(f"sceau / seal {day.isoformat()}: absent / missing")


def _show(found: Verified) -> None:
    orphans = f", {len(found.orphans)} orphelin(s) / orphan(s)" if found.orphans else ""
    gone = f", {found.erased} effacé(s) / erased" if found.erased else ""
    counted = f"{found.blobs} originaux / originals{gone}{orphans}"
    say(f"{found.events} événements / events, {counted}")
    for each in found.breaks:
        complain(f"événement / event {each.seq}: {each.what}")
    for digest in found.lost:
        complain(f"original {digest}: absent ou modifié / missing or changed")
    for line in found.differences:
        complain(line)
    for digest in found.remains:
        complain(
            f"original {digest}: effacé, mais encore là : « edi retention --apply » achève"
            " / erased, but still there: 'edi retention --apply' finishes"
        )
    for digest in found.orphans:
        complain(f"original {digest}: orphelin, dans aucun flux / orphan, in no interchange")
    if found.emptied:
        complain("des originaux, mais aucun événement : registre vidé ou autre registre")
        complain("originals, but no event: the ledger was emptied, or is another one")
