"""Change the directory by import: show what it would change and redirect, then apply it whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from pipeline.app.apply import Change, differences
from pipeline.app.hub import Hub
from pipeline.app.settle import direct, receivers_of, standing_of
from pipeline.ingest.admission import interface_of
from pipeline.model.directory_update import Update, merge
from pipeline.model.document import Document
from pipeline.model.event import Fact
from pipeline.model.interchange import Interchange
from pipeline.model.proposal import IMPORT, Proposal
from pipeline.model.settings import Approval
from pipeline.model.status import Step
from pipeline.ports.ledger import Query, Sheets
from pipeline.route.choice import Receivers
from pipeline.route.registration import Standing

#: Codes by which a document is refused for what the directory says.
_OURS = frozenset({"REJ_CONT_B2G", "REJ_COH", "DEST_INC", "ADR_ERR", "REJ_ADR"})
#: Steps at which a document had passed everything that comes before the directory.
_PASSED = frozenset({Step.ACCEPTED, Step.ROUTED, Step.DELIVERED, Step.ABANDONED, Step.TRIED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the directory makes of a document.

    Attributes:
        codes: Why it is refused or held; empty where it goes on.
        route: Connection it goes to; None where it is refused or held.
        platform: Matricule of the platform of its address, where the directory holds it.
    """

    codes: tuple[str, ...]
    route: str | None
    platform: str | None

    def __str__(self) -> str:
        said = ", ".join(self.codes) or f"→ {self.route}"
        return f"{said} ({self.platform})" if self.platform else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirected:
    """Documents like which a change would send elsewhere, or refuse, or take again.

    Attributes:
        buyer: SIRET, SIREN or address of the recipient, as the documents give it.
        service: Service code; empty where they give none.
        sender: Who sent them.
        before: What the directory in force makes of them.
        after: What the one proposed would.
        documents: How many.
        example: Id of the newest.
        why: The first reason of `after` in French and English; empty where it goes on.
    """

    buyer: str
    service: str
    sender: str
    before: Outcome
    after: Outcome
    documents: int
    example: str
    why: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an import would do.

    Attributes:
        sheets: The configuration that comes of it.
        expected: Version of the configuration that it was made from.
        changes: Every key that differs.
        redirected: What would become of documents like those of the last days.
        looked_at: How many documents were compared.
    """

    sheets: Sheets
    expected: int
    changes: tuple[Change, ...]
    redirected: tuple[Redirected, ...]
    looked_at: int

    def count(self) -> Mapping[str, int]:
        """Count what is new, different and gone: structures, platforms and addresses."""
        seen: dict[str, str] = {}
        for change in self.changes:
            new, gone = change.before is None, change.after is None
            what = "changed" if change.key else "added" if new else "closed" if gone else ""
            is_closing = change.key in {"active", "unit_active"} and change.after == "False"
            if is_closing or seen.get(change.subject) != "closed":
                seen[change.subject] = "closed" if is_closing else what
        totals = Counter(seen.values())
        return {what: totals[what] for what in ("added", "changed", "closed")}


def plan_import(hub: Hub, update: Update, *, days: int, on: date) -> Plan:
    """Work out what an update would change; nothing is written.

    Args:
        hub: The hub.
        update: What the file says.
        days: How many days of documents are compared.
        on: The day on which both directories are asked.
    """
    expected = hub.ledger.sheets_version()
    known = hub.ledger.sheets()
    before = replace(known, directory=known.directory.loaded())
    after = replace(before, directory=merge(before.directory, update))
    changes = differences(before, after)
    since = hub.clock.now() - timedelta(days=days)
    looked_at, redirected = _redirected(hub, before, after, since, on) if changes else (0, ())
    return Plan(
        sheets=after,
        expected=expected,
        changes=changes,
        redirected=redirected,
        looked_at=looked_at,
    )


def carry_out_import(hub: Hub, plan: Plan, name: str, update: Update) -> tuple[Proposal, ...]:
    """Put a plan in force, whole, with one event that tells which file it came from.

    Returns:
        Nothing; or what waits for a second person, where the hub asks for four eyes.

    Raises:
        LedgerConflict: The configuration changed since the plan was made; nothing is done.
    """
    now = hub.clock.now()
    told = Fact(
        at=now,
        subject="directory",
        what="directory.imported",
        by=hub.by,
        data={"file": name, "sha256": update.sha256, **plan.count()},
    )
    if hub.settings.approval is Approval.FOUR_EYES:
        made = hub.ledger.propose(plan.sheets, hub.by, now, directory=IMPORT, facts=[told])
        return tuple(made)
    hub.ledger.apply(plan.sheets, hub.by, now, expected=plan.expected, facts=[told])
    return ()


def _redirected(
    hub: Hub, before: Sheets, after: Sheets, since: datetime, on: date
) -> tuple[int, tuple[Redirected, ...]]:
    """Decide on documents received since a moment by either directory; group what differs."""
    flows = {
        one.id: one
        for one in hub.ledger.interchanges(Query(received_from=since, erased=False, limit=None))
    }
    documents = [
        one
        for one in hub.ledger.documents(Query(received_from=since, erased=False, limit=None))
        if one.interchange in flows and _reached_directory(one)
    ]
    groups: dict[tuple[str, ...], Redirected] = {}
    for one in documents:
        found = _compare(hub, before, after, flows[one.interchange], one, on)
        if found is not None:
            key = found.buyer, found.service, found.sender, str(found.before), str(found.after)
            known = groups.get(key)
            groups[key] = replace(known, documents=known.documents + 1) if known else found
    ordered = sorted(groups.items(), key=lambda item: (-item[1].documents, item[0]))
    return len(documents), tuple(one for _, one in ordered)


def _reached_directory(document: Document) -> bool:
    """Tell whether nothing but the directory stood between a document and its route."""
    codes = {one.code for one in document.reasons}
    if document.step in _PASSED:
        return True
    return bool(codes) and codes <= _OURS | {"NO_ROUTE", "NOT_LIVE"}


def _compare(
    hub: Hub, before: Sheets, after: Sheets, flow: Interchange, document: Document, on: date
) -> Redirected | None:
    """Return how two directories differ about a document; None where they do not."""
    sheet = before.connections.get(flow.connection)
    interface = interface_of(flow, sheet, hub.interfaces) if sheet else None
    standing = replace(standing_of(hub, flow, interface), day=on)
    was, _ = _outcome(before, document, flow.partner, standing)
    now, why = _outcome(after, document, flow.partner, standing)
    if was == now:
        return None
    header = document.header
    return Redirected(
        buyer=header.buyer_siret or header.buyer_siren or header.buyer_endpoint or "",
        service=header.buyer_service or "",
        sender=flow.partner,
        before=was,
        after=now,
        documents=1,
        example=document.id,
        why=why,
    )


def _receivers(sheets: Sheets, standing: Standing) -> Receivers:
    return receivers_of(sheets, standing.environment, standing.day)


def _outcome(
    sheets: Sheets, document: Document, sender: str, standing: Standing
) -> tuple[Outcome, Mapping[str, str]]:
    """Return what a directory makes of a document, and its first reason not to let it go on."""
    as_new, receivers = replace(document, route=None), _receivers(sheets, standing)
    directed, decision = direct(as_new, sender, sheets.directory, standing, receivers)
    line = sheets.directory.address(document.header.buyer_endpoint or "", standing.day)
    codes = tuple(dict.fromkeys(one.code for one in decision.reasons))
    outcome = Outcome(codes, directed.route, line.platform if line else None)
    return outcome, decision.reasons[0].message if decision.reasons else {}
