"""The log of one run as a story: a sentence a line, and what it came to in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipeline.app.why import Why, why
from pipeline.model.run import JobRun
from pipeline.model.status import WORDS
from pipeline.ports.ledger import Ledger

#: The fields of one log line.
Line = Mapping[str, Any]
#: What a line says, French and English.
_Said = tuple[str, str]

#: Subjects named with their command at the end of a story; more are only counted.
LISTED = 20

_COUNTS: Mapping[str, _Said] = {
    "accepted": ("accepté(s)", "accepted"),
    "rejected": ("refusé(s)", "rejected"),
    "duplicate": ("déjà reçu(s)", "duplicate"),
    "held": ("suspendu(s)", "held"),
}
_DOCUMENT_STEPS: Mapping[str, _Said] = {
    **_COUNTS,
    "received": ("pas encore jugé(s)", "not judged yet"),
    "routed": ("accepté(s) et acheminé(s)", "accepted and routed"),
    "delivered": ("remis", "delivered"),
}
_SENT: Mapping[str, _Said] = {
    "D": ("remise", "delivery"),
    "A": ("réponse", "answer"),
    "N": ("avis", "notice"),
    "C": ("copie d'essai", "trial copy"),
    "L": ("courrier", "letter"),
    "S": ("statuts", "statuses"),
}
_STATES: Mapping[str, _Said] = {
    "started": ("commence", "begins"),
    "skipped": ("sauté", "skipped"),
}


class _Fields(dict[str, object]):
    """The fields of a line, for a template; one that is missing is told as such."""

    def __missing__(self, key: str) -> str:
        return "?"


def _words(key: str, value: object) -> object:
    if key == "steps":
        return value
    match value:
        case None:
            return "–"
        case list():
            return ", ".join(map(str, value)) or "–"
        case dict():
            return "; ".join(f"{name} ({one})" for name, one in value.items()) or "–"
        case _:
            return value


def _template(fr: str, en: str) -> Callable[[_Fields], _Said]:
    return lambda fields: (fr.format_map(fields), en.format_map(fields))


def _settled(fields: _Fields) -> _Said:
    """Say what a file was decided on, and its documents."""
    fr, en = WORDS.get(str(fields["step"]), ("?", "?"))
    why = "" if fields["reason"] == "–" else f" ({fields['reason']})"
    steps = fields.get("steps")
    found = steps if isinstance(steps, dict) else {}
    counts = [(found[key], *said) for key, said in _DOCUMENT_STEPS.items() if found.get(key)]
    parts_fr = ", ".join(f"{count} {word}" for count, word, _ in counts)
    parts_en = ", ".join(f"{count} {word}" for count, _, word in counts)
    head = f"{fields['file']} [{fields['interchange']}]"
    number = fields["documents"]
    return (
        f"{head} : {fr}{why}, {number} document(s){parts_fr and ' : ' + parts_fr}",
        f"{en}, {number} document(s){parts_en and ': ' + parts_en}",
    )


def _sent(fields: _Fields) -> _Said:
    fr, en = _SENT.get(str(fields["row"])[:1], ("envoi", "file"))
    there = not fields["sent"]
    return (
        f"{fr} {fields['file']} → {fields['connection']}{' : y était déjà' if there else ''}",
        f"{en} {'stood there already' if there else 'put'}",
    )


def _failed_to_send(fields: _Fields) -> _Said:
    given_up = fields["abandoned"] is True
    after = ("abandonné", "given up") if given_up else ("nouvel essai plus tard", "tried again")
    why = f"{fields['code']} : {fields['error']}"
    return (
        f"{fields['file']} → {fields['connection']} : échec ({why}), {after[0]}",
        f"failed, {after[1]}",
    )


def _pickup_failed(fields: _Fields) -> _Said:
    """Name the receiver, or the transfer log, of which nothing could be learnt."""
    where = fields.get("connection", fields.get("log", "?"))
    return (
        f"{where} : enlèvements non relevés ({fields['code']} : {fields['error']})",
        "pick-ups could not be looked at",
    )


def _job(fields: _Fields) -> _Said:
    fr, en = _STATES.get(str(fields["state"]), ("?", "?"))
    reason_fr, _, reason_en = str(fields["reason"]).partition(" / ")
    return (
        f"{fields['job']}, créneau {fields['slot']} : {fr} ({reason_fr})",
        f"{en}{reason_en and f' ({reason_en})'}",
    )


def _ended(fields: _Fields) -> _Said:
    failed = fields["failed"]
    trouble = ("", "") if failed == "–" else (f" ; en échec : {failed}", "; failed as named")
    counts = f"{fields['settled']} flux traité(s), {fields['tried']} envoi(s) tenté(s)"
    return (
        f"fin du passage : {counts}{trouble[0]}",
        f"end of the run: flows settled, files tried{trouble[1]}",
    )


#: What each event says; a test holds the table against the code.
SENTENCES: Mapping[str, Callable[[_Fields], _Said]] = {
    "pull.listed": _template(
        "{connection} : {ready} fichier(s) à prendre, {waiting} en attente",
        "files ready and waiting",
    ),
    "pull.left": _template(
        "{connection} : {file} reste en place ({code} : {error})", "the file stays where it is"
    ),
    "pull.links": _template(
        "{connection} : {count} lien(s) symbolique(s) non suivi(s), signalé(s) : {files}",
        "links are not followed, reported",
    ),
    "pull.partial": _template(
        "{connection} : {file} ne paraît pas entier, on attend", "does not look whole, we wait"
    ),
    "pull.not_removed": _template(
        "{interchange} enregistré, mais son fichier n'a pu être déplacé ({error})",
        "recorded, but its file could not be moved away",
    ),
    "pull.replaced": _template(
        "{interchange} : un autre fichier porte maintenant le nom {file}",
        "another file has its name now",
    ),
    "pull.failed": _template(
        "{connection} : relève impossible ({code} : {error})", "could not be pulled"
    ),
    "host.failed": _template(
        "serveur {host} en échec ({code} : {error}) ; touche {connections} ; prochain essai"
        " {next_try}",
        "server failed",
    ),
    "host.still_failed": _template(
        "serveur {host} toujours en échec, {failures} fois ({code} : {error}) ; prochain essai"
        " {next_try}",
        "server still failing",
    ),
    "host.back": _template(
        "serveur {host} rétabli, en échec depuis {since}, {failures} essai(s)", "server is back"
    ),
    "interchange.received": _template(
        "{file} reçu de {connection}, {size} octets [{interchange}]", "received"
    ),
    "interchange.settled": _settled,
    "receipts.taken": _template(
        "{interchange} : {new} acquittement(s) nouveau(x)", "acknowledgements taken in"
    ),
    "receipt.foreign": _template(
        "{interchange}, {place} : parle de ce qui a été remis à un autre ({rows})",
        "speaks of what another partner got",
    ),
    "scan.silent": _template(
        "{interchange} : l'antivirus {scanner} ne rend pas de verdict ({error})",
        "the malware scanner gives no verdict",
    ),
    "scan.infected": _template(
        "{interchange} : l'antivirus {scanner} a trouvé {found}", "malware found"
    ),
    "work.no_sheet": _template(
        "{interchange} attend : la fiche de son raccordement n'est plus en vigueur",
        "waits: its connection sheet is no longer in force",
    ),
    "work.taken_over": _template(
        "{subject} repris, {taken_from} l'avait laissé", "taken over from a worker that left it"
    ),
    "work.fenced": _template(
        "{subjects} : un autre s'en est chargé entre-temps, rien n'est écrit",
        "another worker did it meanwhile, nothing is written",
    ),
    "lease.not_renewed": _template(
        "bail non prolongé ({code} : {error})", "a lease could not be renewed"
    ),
    "reconcile.found": _template(
        "{count} écart(s) « {kind} » : {subjects} ; voyez « edi reconcile »",
        "differences found: see 'edi reconcile'",
    ),
    "reconcile.done": _template("écart « {kind} » réglé : {subject}", "difference put right"),
    "reconcile.failed": _template(
        "écart « {kind} » non réglé : {subject} ({code} : {error})", "could not be put right"
    ),
    "care.failed": _template(
        "surveillance impossible cette fois ({error})", "the hub could not look after itself"
    ),
    "care.crashed": _template(
        "défaut du logiciel dans la surveillance, détail dans le journal (--json)",
        "a defect of ours where the hub looks after itself, details in the log (--json)",
    ),
    "run.voided": _template(
        "{claims} prise(s) d'un processus disparu annulée(s)", "claims of a dead process ended"
    ),
    "run.unseated": _template(
        "un autre hub travaille sur cette base ({error})", "another hub works on this database"
    ),
    "work.failed": _template(
        "défaut du logiciel sur {interchanges}, détail dans le journal (--json)",
        "a defect of ours, details in the log (--json)",
    ),
    "work.put_off": _template(
        "{interchange} remis à plus tard ({code} : {error})", "put off, tried again later"
    ),
    "clock.set": _template(
        "l'horloge de la machine a été réglée de {seconds} s ; ce qui attend suit",
        "the machine's clock was set; what waits follows",
    ),
    "ledger.conflict": _template(
        "concurrence sur le registre, essai {attempt} repris ({error})",
        "lost a race for the ledger, done again",
    ),
    "status.applied": _template(
        "flux {flow} : {applied} statut(s) appliqué(s), {repeated} déjà connu(s), {refused}"
        " refusé(s)",
        "statuses applied, known already and refused",
    ),
    "comeback.original_gone": _template(
        "{document} : une facture revient, {bearer} n'est plus lisible ({code}) ; retenue",
        "an invoice comes back, and what it is to be held against cannot be read: held",
    ),
    "status.foreign": _template(
        "{connection} parle de factures qui ne sont pas les siennes ({documents}) ; refusé",
        "a partner speaks of invoices that are not its own: refused",
    ),
    "status.not_taken": _template(
        "flux {flow} : le partenaire refuse notre statut {message} ; le statut reste",
        "a partner does not take a status of ours, which stays",
    ),
    "deliver.done": _sent,
    "deliver.failed": _failed_to_send,
    "deliver.closed_door": _template(
        "{connection} : envois impossibles ({code} : {error})", "nothing could be sent"
    ),
    "deliver.held": _template(
        "{file} : conversion impossible ({code} : {error}) ; le document est retenu pour un"
        " opérateur, son groupe part sans lui",
        "it could not be converted: held for an operator, its group leaves without it",
    ),
    "carry.failed": _template(
        "{document} : la conversion a échoué sur un défaut du hub",
        "its conversion failed on a defect of the hub",
    ),
    "pickup.failed": _pickup_failed,
    "delivery.picked_up": _template(
        "{file} enlevé par {connection} (su par : {known})", "picked up by its receiver"
    ),
    "delivery.announced": _template(
        "{connection} : retrait de {files} fichier(s) non enlevé(s) annoncé dans {notice}",
        "removal of files that nobody picked up announced",
    ),
    "delivery.changed": _template(
        "{connection} : {file} a été remplacé par d'autres octets, il reste en place",
        "other bytes stand in its place, it is left",
    ),
    "delivery.purged": _template(
        "{connection} : {file} retiré, jamais enlevé ; « edi resend » le remet",
        "removed, never picked up: 'edi resend' puts it again",
    ),
    "group.closed": _template(
        "{connection} : le groupe {file} est complet, il part", "the group is complete and leaves"
    ),
    "day.summed_up": _template(
        "{connection} : récapitulatif du {day} préparé", "the day was summed up"
    ),
    "gap.found": _template(
        "{connection} : numéros manquants {series} {first}–{last}, signalés",
        "missing numbers, reported",
    ),
    "gap.closed": _template(
        "{connection} : numéros {series} {first}–{last} arrivés", "missing numbers arrived"
    ),
    "credential.expiring": _template(
        "{place} ({kind}) prend fin le {ends}, {days} jour(s) ; fiches {connections}",
        "ends soon, or has ended: see 'edi certificates list'",
    ),
    "credential.switched": _template(
        "{connection} : relève faite, {parts}", "the next ones are in use"
    ),
    "credential.not_switched": _template(
        "{connection} : relève non faite, {part} ({code} : {error})",
        "the next one does not work yet, nothing is changed",
    ),
    "job.noted": _job,
    "job.taken": _template(
        "{job}, créneau {slot} : déjà pris par un autre", "slot already taken by another"
    ),
    "sheet.moved": _template(
        "{connection} : fiche {before} → {after} ({cause} : {reason})", "connection sheet moved"
    ),
    "proposal.approved": _template("{of} : proposition {proposal} approuvée", "approved"),
    "proposal.refused": _template("{of} : proposition {proposal} refusée", "refused"),
    "proposal.stale": _template("{of} : proposition {proposal} périmée", "stale"),
    "partner.paused": _template("{partner} : mis en pause", "paused"),
    "partner.resumed": _template("{partner} : repris", "resumed"),
    "operator.hold": _template("{subject} : retenu par un opérateur", "held back"),
    "operator.original": _template(
        "{subject} : original sorti de l'archive", "original taken out"
    ),
    "operator.put_back": _template("{subject} : original remis", "original put back"),
    "flow.erased": _template("{interchange} : effacé", "erased"),
    "seal.made": _template("{days} jour(s) scellé(s)", "days sealed"),
    "seal.failed": _template("sceau impossible ({code} : {error})", "no seal could be made"),
    "validation.lapsed": _template(
        "{invoices} facture(s) sans réponse de leur valideur à l'échéance : elles continuent",
        "not validated in time: they go on",
    ),
    "validation.waits": _template(
        "{invoices} facture(s) attendent {validator} jusqu'au {deadline} : rappel envoyé",
        "wait for their validator: reminded",
    ),
    "operator.evidence": _template(
        "{subject} : dossier de preuve écrit, {events} événements", "evidence written"
    ),
    "evidence.not_made_again": _template(
        "{row} : fichier envoyé, ne peut être refait pour la preuve ({code} : {error})",
        "a file that was sent cannot be made again for evidence",
    ),
    "operator.release": _template("{subject} : libéré par un opérateur", "released"),
    "operator.reject": _template("{subject} : refusé par un opérateur", "rejected"),
    "operator.withdraw": _template("{subject} : retiré pour son émetteur", "withdrawn"),
    "invoice.corrected": _template(
        "{invoice} : corrigée pour son fournisseur, déposée comme {flow}",
        "a corrected document is deposited for its supplier",
    ),
    "operator.redeliver": _template("{subject} : remise redemandée", "redelivery asked for"),
    "operator.resend": _template("{files} fichier(s) remis sous le même nom", "sent again"),
    "operator.replay": _template("{subject} : rejoué depuis l'archive", "judged again"),
    "bulk.executed": _template("liste {list} ({verb}) exécutée : {counts}", "list carried out"),
    "run.done": _ended,
    "run.failed": _template("passage impossible ({code} : {error})", "no run could be made"),
    "run.crashed": _template(
        "défaut du logiciel : « edi run » s'arrête, détail dans le journal (--json)",
        "a defect of ours: 'edi run' ends, details in the log (--json)",
    ),
    "run.interrupted": _template("interrompu par l'opérateur", "interrupted"),
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line of the story.

    Attributes:
        at: When (aware, UTC).
        level: ``info``, ``warning`` or ``error``.
        fr: What happened.
        en: The same, shorter where names and figures stand in the French.
    """

    at: datetime
    level: str
    fr: str
    en: str


def tell(line: Line) -> Sentence:
    """Return what one line says; an event of another version is told by its bare fields.

    Raises:
        ValueError: Its moment cannot be read.
    """
    fields = _Fields({key: _words(key, value) for key, value in line.items()})
    teller = SENTENCES.get(str(line["event"]))
    if teller is None:
        bare = ", ".join(f"{key}={fields[key]}" for key in line if key not in _COMMON)
        said = (f"{line['event']} {bare}".rstrip(), str(line["event"]))
    else:
        said = teller(fields)
    return Sentence(datetime.fromisoformat(str(line["timestamp"])), str(line["level"]), *said)


_COMMON = frozenset({"event", "level", "timestamp", "by"})


def did_something(line: Line) -> bool:
    """Tell whether a line is more than the trace of a run that found nothing to do."""
    match line["event"]:
        case "pull.listed":
            return bool(line.get("ready"))
        case "run.done":
            return any(line.get(key) for key in ("settled", "tried", "failed"))
        case "job.noted" | "job.taken" | "host.still_failed":
            return False
        case _:
            return True


@dataclass(slots=True)
class Tally:
    """What the lines of a run add up to; lines are added as they are told.

    Attributes:
        sent: Files put, by what they are: ``D``, ``A`` or ``N`` for another notice.
        levels: Lines by level.
        failed: Why a connection could not be used, by connection.
        ended: Whether the run has told its end.
    """

    sent: Counter[str] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    ended: bool = False

    def add(self, line: Line) -> None:
        """Count one line."""
        self.levels[str(line["level"])] += 1
        match line["event"]:
            case "deliver.done":
                self.sent[str(line.get("row"))[:1]] += 1
            case "run.done":
                self.ended = True
                self.failed.update(line.get("failed") or {})
            case "run.failed":
                self.ended = True
                self.failed["run"] = f"{line.get('code')}: {line.get('error')}"
            case "run.crashed":
                self.ended = True
            case _:
                pass


def opening(run: str, passes: Sequence[JobRun]) -> Iterator[str]:
    """Yield the head of a story: which run, since when, and which jobs it served.

    Args:
        run: Its name.
        passes: The slots it served or skipped.
    """
    yield f"Passage / run {run.removeprefix('run:')}"
    for one in sorted(passes, key=lambda one: (one.started_at, one.job)):
        counts = ", ".join(f"{name} {count}" for name, count in one.summary.items())
        told = " ; ".join(part for part in (one.state.value, counts, one.reason) if part)
        yield f"  {one.job}, créneau / slot {one.slot:%Y-%m-%d %H:%M:%S} UTC : {told}"


def closing(ledger: Ledger, run: str, tally: Tally) -> Iterator[str]:
    """Yield the end of a story: totals of what the run did, and who must act now.

    Args:
        ledger: Its events name what each run did.
        run: Its name.
        tally: Of its lines.
    """
    did = ledger.count_acts(run)
    if not tally.ended:
        yield "Sans fin : tué, ou encore en cours / no end: killed, or still at work"
    yield (
        f"Fichiers / files : {did.get('interchange.received', 0)} reçu(s) / received,"
        f" {did.get('interchange.refused', 0)} refusé(s) / refused,"
        f" {did.get('interchange.duplicate', 0)} déjà reçu(s) / duplicate,"
        f" {did.get('interchange.held', 0)} suspendu(s) / held"
    )
    documents = ", ".join(
        f"{did.get(f'document.{key}', 0)} {fr} / {en}" for key, (fr, en) in _COUNTS.items()
    )
    yield f"Documents : {did.get('document.received', 0)} ; {documents}"
    sent = ", ".join(f"{tally.sent[key]} {fr} / {en}" for key, (fr, en) in _SENT.items())
    yield f"Envois / sent : {sent} ; {did.get('outbox.abandoned', 0)} abandonné(s) / given up"
    yield (
        f"Incidents : {tally.levels['error']} erreur(s) / errors,"
        f" {tally.levels['warning']} avertissement(s) / warnings"
    )
    for name, error in tally.failed.items():
        yield f"! {name} : {error}"
    yield from _who_acts(ledger, run)


def _who_acts(ledger: Ledger, run: str) -> Iterator[str]:
    """Yield the command for each thing that stopped in this run and still waits for a person."""
    stopped = ledger.acted_on(run, _STOPPED, LISTED + 1)
    told = list(dict.fromkeys(_orders(ledger, stopped[:LISTED])))
    if not told:
        yield "Personne n'a rien à faire / nobody has to act"
        return
    yield "À faire / to do :"
    for one in told:
        yield f"  {one.command}   ({one.subject} : {one.cause})"
    if len(stopped) > LISTED:
        yield "  … edi status"


#: What leaves something to a person.
_STOPPED = ("document.held", "interchange.held", "document.abandoned")


def _orders(ledger: Ledger, subjects: Iterable[str]) -> Iterator[Why]:
    for subject in subjects:
        for one in why(ledger, subject):
            if one.who == "operator" and one.command:
                yield one
