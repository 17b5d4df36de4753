"""Named places at which a test may let something happen; in production nothing does.

Every step of every room that acts has one. A test arms a hook: it ends the process there,
or raises what a full disk or a lost database would raise. That nothing is lost and nothing
is done twice is then shown at each of them, one after the other, and not at a few moments
that chance picked.

Nothing armed, a failpoint costs one look-up of a global.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

#: Told the name of each failpoint that is reached; it may return, raise, or end the process.
Hook = Callable[[str], None]

#: What has just happened at each failpoint, in the order in which a file meets them.
POINTS: Mapping[str, str] = {
    "run.swept": "what killed processes left was removed",
    "run.started": "claims of dead runs were ended, scratch space is empty",
    "pull.listed": "the sender's folder was listed",
    "pull.blob.opened": "an empty file stands under incoming/",
    "pull.blob.half": "a part of the file was written under incoming/",
    "pull.blob.written": "all of it was written under incoming/, not synced",
    "pull.blob.synced": "the received files of a group are synced, under incoming/",
    "pull.blob.renamed": "one of them got its name under blobs/",
    "pull.blob.kept": "all have their names, and the folders are synced",
    "pull.discarded": "a file that does not look whole was dropped again",
    "pull.remove.marker": "the marker of a taken file was moved to the sender's archive",
    "pull.remove.file": "a taken file was moved to the sender's archive, or was gone",
    "aside.before": "a taken file is about to be renamed into the sender's archive",
    "aside.moved": "it was renamed",
    "pull.ended": "one pass over a sender's folder is over",
    "work.claimed": "a group of flows is claimed",
    "work.gathered": "what the ledger knows of their like was read",
    "work.scanned": "the scanner was asked about each of them",
    "spool.half": "a part of a document was written to scratch space",
    "spool.written": "all of it was written, under a temporary name",
    "work.opened": "a flow was taken apart",
    "work.judged": "one document was judged",
    "work.answered": "an answer was composed, in the deciding transaction",
    "status.told": "a file that tells of statuses was written, in the deciding transaction",
    "validation.routed": "what was validated is on its way, in the transaction that says so",
    "status.refused": "an answer to refused statuses was written, in the deciding transaction",
    "deliver.claimed": "a group of files to send is claimed",
    "group.planned": "one file of a group is planned, in the closing transaction",
    "carry.written": "deliveries in another form are composed in scratch space",
    "carry.judged": "what was written was held against the target's rules",
    "deliver.vetted": "the answers among them were held against the official rules",
    "deliver.composed": "the bytes of one file are made",
    "deliver.summed": "the file that tells the sum of one to come stands at the partner's",
    "put.opened": "an empty .part file stands at the partner's",
    "put.half": "a part of it was written at the partner's",
    "put.written": "all of it was written at the partner's, under its temporary name",
    "put.renamed": "it has its final name at the partner's",
    "put.synced": "the folder of a local door is synced",
    "deliver.unmarked": "one file stands at the partner's, and its marker does not yet",
    "deliver.put": "one file stands at the partner's, nothing is marked",
    "pickup.noted": "what a transfer log says was picked up is on record, its place is not",
    "purge.recorded": "the removal of files that nobody picked up is on record",
    "purge.removed": "one of them is removed, its sum and that it is gone are not",
    "letter.sent": "the mail server took a letter, nothing is marked",
    "seal.written": "a day's seal is written and synced, under a temporary name",
    "seal.kept": "it has its name",
    "run.done": "nothing is left to do",
    "erase.key": "the key of an erased flow's bytes is destroyed",
    "erase.blob": "and so are the bytes",
    "keys.beside": "keys wrapped anew stand beside the file that they replace, not synced",
    "keys.replaced": "that file is replaced by them",
}

#: Changes of the ledger. Each has three failpoints: `PHASES`.
CHANGES: Mapping[str, str] = {
    "ledger.change": "any change through a transaction: inside, everything is written",
    "ledger.apply": "sheets are put in force",
    "ledger.move_sheet": "a connection sheet moves: tested, promoted, suspended, closed",
    "ledger.propose": "a change of sheets is proposed, in place of what was before",
    "ledger.settle_proposal": "a proposal is approved and put in force, or refused",
    "ledger.sightings": "what a folder holds is noted",
    "ledger.claim_flows": "flows are claimed",
    "ledger.claim_files": "files to send are claimed",
    "ledger.renew": "the end of claims is put off",
    "ledger.release_flows": "claims on flows that were not decided on are ended",
    "ledger.begin_files": "files that were written in another form are put from now on",
    "ledger.release_files": "claims on files that were not tried are ended",
    "ledger.hasten": "answers become due at once",
    "ledger.void_claims": "claims of dead runs are ended",
    "ledger.follow_clock": "what waits is moved by as much as the clock was set",
    "ledger.begin_runs": "passes begin",
    "ledger.end_runs": "passes end",
    "ledger.break_off_runs": "passes of dead runs are marked as failed",
    "ledger.forget_runs": "old passes are removed",
    "ledger.pause": "a partner is paused",
    "ledger.resume": "a partner is worked for again",
    "pull.record": "received files get their rows",
    "pull.mark_removed": "files that are gone from the sender's folder are marked",
    "work.gather": "like flows are looked up; nothing is written",
    "work.settle": "a group of flows is decided",
    "work.hold": "a flow that could not be worked on is held",
    "work.fenced": "that a claim was lost is noted",
    "group.close": "documents that waited for each other get one file to leave in",
    "deliver.mark": "how a group of attempts ended is written down",
    "notice.day": "a day that was summed up is put into the outbox",
    "notice.gaps": "missing numbers are put into the outbox",
    "notice.links": "that links are in a sender's folder is put into the outbox",
    "pickup.note": "files that were picked up are noted",
    "pickup.announce": "that files will be removed is noted, and put into the outbox",
    "pickup.purge": "files that are about to be removed are noted",
    "pickup.changed": "that another file stands in the place of one to be removed is noted",
    "pickup.purged": "that a file is removed is noted",
    "validation.lapse": "what waited long enough for its validator goes on",
    "validation.remind": "a reminder to validators is noted, and its letters enqueued",
    "credential.warn": "a warning that something ends is noted, and its letters enqueued",
    "operator.decide": "an operator lets held things be decided again",
    "operator.refuse": "an operator refuses held things",
    "operator.redeliver": "an operator has abandoned documents delivered again",
    "operator.resend": "an operator has files sent again under their own names",
    "operator.find": "what an operator names is looked up; nothing is written",
    "operator.hold": "an operator stops what was accepted, or was not judged yet",
    "operator.release": "an operator lets go what an operator stopped",
    "operator.withdraw": "an operator takes back what was accepted and not sent",
    "operator.declare": "an operator says a status in a partner's name",
    "invoice.correct": "a corrected document is deposited in its supplier's name",
    "operator.compare": "what would be decided now is computed; nothing is written",
    "operator.replay": "what judging again found is noted",
    "operator.note": "that an operator had nothing left to do is noted",
    "bulk.freeze": "a list for an operator's verb is frozen",
    "bulk.settle": "what became of items of a list is written down",
    "bulk.executed": "who carried a list out is noted",
    "erase.find": "what keeps a flow from being erased is looked up; nothing is written",
    "erase.flow": "what rows say of a flow is blanked",
    "erase.keep_by_law": "a flow is kept by law, or not any more",
    "original.note": "that an original was taken out or put back is noted",
    "reconcile.close": "a flow that is finished is closed",
    "reconcile.note": "what is about to be put right outside of the ledger is noted",
    "ledger.pickups": "how far a transfer log was read is noted",
    "ledger.upkeep": "a claim, a counter or a sign of life is put right",
    "change": "a change that has no name of its own",
}

#: Before a change begins; when its acts are done and nothing is committed; once it is.
PHASES = ("before", "inside", "after")

_hook: Hook | None = None


def failpoint(name: str, phase: str = "") -> None:
    """Let whatever is armed happen here; by default nothing.

    Args:
        name: One of `POINTS`, or of `CHANGES` with a phase.
        phase: One of `PHASES`, or empty.
    """
    if _hook is not None:
        _hook(f"{name}.{phase}" if phase else name)


def arm(hook: Hook) -> None:
    """Have every failpoint call `hook` from now on, in whatever thread it is reached."""
    global _hook  # noqa: PLW0603  one switch for the whole process, read at every failpoint
    _hook = hook


def disarm() -> None:
    """Let failpoints do nothing again."""
    global _hook  # noqa: PLW0603  as above
    _hook = None


def names() -> frozenset[str]:
    """Return the name of every failpoint as a hook is told it."""
    return frozenset({*POINTS, *(f"{change}.{phase}" for change in CHANGES for phase in PHASES)})
