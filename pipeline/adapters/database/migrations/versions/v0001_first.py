"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.adapters.database.columns import UtcDateTime, Words
from pipeline.model.event import GENESIS

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table, and the head of an empty chain."""
    _configuration()
    _intake()
    _documents()
    _lives()
    _outbox()
    _record()
    _operation()
    _bulk()
    head = sa.table("chain_head", sa.column("id"), sa.column("seq"), sa.column("hash"))
    op.bulk_insert(head, [{"id": 1, "seq": 0, "hash": GENESIS}])


def _configuration() -> None:
    """Connection sheets and the directory, by version."""
    op.create_table(
        "sheet",
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("applied_at", UtcDateTime(), nullable=False),
        sa.Column("applied_by", sa.Text(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
    )
    op.create_table(
        "standing",
        sa.Column("connection", sa.Text(), primary_key=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("resumes", sa.Text()),
    )
    op.create_table(
        "expiry_warning",
        sa.Column("subject", sa.Text(), primary_key=True),
        sa.Column("days", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", UtcDateTime(), nullable=False),
    )
    _proposals()


def _proposals() -> None:
    """Changes of the configuration that wait for a second person."""
    op.create_table(
        "proposal",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("settled_at", UtcDateTime()),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Index("proposal_state", "state"),
    )
    op.create_table(
        "proposal_item",
        sa.Column("proposal", sa.Text(), sa.ForeignKey("proposal.id"), primary_key=True),
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("body", sa.Text()),
        sa.Column("base", sa.Integer(), nullable=False),
    )


def _intake() -> None:
    """What partners left."""
    op.create_table(
        "listing_seen",
        sa.Column("connection", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime", sa.BigInteger(), nullable=False),
        sa.Column("first_seen", UtcDateTime(), nullable=False),
        sa.Column("stable_since", UtcDateTime(), nullable=False),
        sa.Column("note", Words(), nullable=False),
    )
    op.create_table(
        "interchange",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("detail", Words(), nullable=False),
        sa.Column("first", sa.Text(), sa.ForeignKey("interchange.id")),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("erased", sa.Boolean(), nullable=False),
        sa.Column("legal_hold", sa.Boolean(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("lease_token", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", UtcDateTime()),
        sa.Index("interchange_step", "step", "connection", "received_at", "name"),
        sa.Index("interchange_name", "connection", "name"),
        sa.Index("interchange_sha256", "sha256"),
        sa.Index("interchange_removed", "connection", "removed"),
        sa.Index("interchange_received", "received_at"),
    )


def _documents() -> None:
    """What lay inside, and what was found in it."""
    op.create_table(
        "document",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("interchange", sa.Text(), sa.ForeignKey("interchange.id"), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("syntax", sa.Text()),
        sa.Column("header", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("codes", sa.Text(), nullable=False),
        sa.Column("route", sa.Text()),
        sa.Column("first", sa.Text(), sa.ForeignKey("document.id")),
        sa.Column("agreement", sa.Text()),
        sa.Column("number", sa.Text()),
        sa.Column("seller", sa.Text()),
        sa.Column("buyer_siret", sa.Text()),
        sa.UniqueConstraint("interchange", "seq", name="document_place"),
        sa.Index("document_step", "step"),
        sa.Index("document_number", "number", "seller"),
        sa.Index("document_seller", "seller"),
        sa.Index("document_buyer", "buyer_siret"),
    )
    op.create_table(
        "report",
        sa.Column("document", sa.Text(), sa.ForeignKey("document.id"), primary_key=True),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_table(
        "finding",
        sa.Column("document", sa.Text(), sa.ForeignKey("document.id"), primary_key=True),
        sa.Column("place", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("term", sa.Text()),
        sa.Column("xpath", Words(), nullable=False),
        sa.Column("line", sa.Integer()),
        sa.Column("value", Words()),
        sa.Column("expected", sa.Text()),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Index("finding_rule", "rule"),
    )
    op.create_table(
        "business_key",
        sa.Column("environment", sa.Text(), primary_key=True),
        sa.Column("seller", sa.Text(), primary_key=True),
        sa.Column("number", sa.Text(), primary_key=True),
        sa.Column("year", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("document", sa.Text(), sa.ForeignKey("document.id"), nullable=False),
        sa.Index("business_key_document", "document"),
    )


def _lives() -> None:
    """What becomes of invoices that were taken."""
    op.create_table(
        "life",
        sa.Column("document", sa.Text(), sa.ForeignKey("document.id"), primary_key=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("said_at", UtcDateTime(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("bearer", sa.Text(), sa.ForeignKey("document.id"), nullable=False),
        sa.Column("circuit", sa.Text()),
        sa.Column("validators", sa.Text()),
        sa.Column("following", sa.Text()),
        sa.Column("deadline", UtcDateTime()),
        sa.Index("life_status", "status", "since"),
        sa.Index("life_deadline", "status", "deadline"),
        sa.Index("life_bearer", "bearer"),
    )
    op.create_table(
        "life_entry",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("document", sa.Text(), sa.ForeignKey("document.id"), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("said_at", UtcDateTime(), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.Text(), sa.ForeignKey("interchange.id")),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("comment", Words(), nullable=False),
        sa.Column("cash", sa.Text(), nullable=False),
        sa.Column("warnings", sa.Text(), nullable=False),
        sa.Column("bearer", sa.Text(), sa.ForeignKey("document.id")),
        sa.Column("circuit", sa.Text()),
        sa.Column("validators", sa.Text()),
        sa.Column("following", sa.Text()),
        sa.Column("deadline", UtcDateTime()),
        sa.UniqueConstraint("document", "place", name="life_entry_place"),
        sa.Index("life_entry_source", "source"),
    )


def _outbox() -> None:
    """What is to leave, and each try."""
    op.create_table(
        "outbox",
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("interchange", sa.Text(), sa.ForeignKey("interchange.id")),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("due", UtcDateTime(), nullable=False),
        sa.Column("payload", sa.LargeBinary()),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.Column("recipe", sa.Text()),
        sa.Column("planned_at", UtcDateTime()),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", Words(), nullable=False),
        sa.Column("begun", sa.BigInteger()),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("lease_token", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", UtcDateTime()),
        sa.Index("outbox_due", "state", "connection", "due"),
        sa.Index("outbox_interchange", "interchange"),
        sa.Index("outbox_name", "name"),
        sa.Index(
            "outbox_held",
            "connection",
            sqlite_where=sa.text("lease_owner IS NOT NULL"),
            postgresql_where=sa.text("lease_owner IS NOT NULL"),
        ),
    )
    op.create_table(
        "outbox_document",
        sa.Column("key", sa.Text(), sa.ForeignKey("outbox.key"), primary_key=True),
        sa.Column("place", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("document", sa.Text(), sa.ForeignKey("document.id"), nullable=False),
        sa.Index("outbox_document_document", "document"),
    )
    op.create_table(
        "conversion",
        sa.Column("key", sa.Text(), sa.ForeignKey("outbox.key"), primary_key=True),
        sa.Column("document", sa.Text(), sa.ForeignKey("document.id"), primary_key=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Index("conversion_document", "document"),
    )
    op.create_table(
        "pickup",
        sa.Column("key", sa.Text(), sa.ForeignKey("outbox.key"), primary_key=True),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("known", sa.Text()),
    )
    op.create_index("pickup_state", "pickup", ["state", "connection", "since"])
    op.create_table(
        "transfer_log",
        sa.Column("log", sa.Text(), primary_key=True),
        sa.Column("place", sa.Text(), nullable=False),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("key", sa.Text(), sa.ForeignKey("outbox.key"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("error", Words(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Index("attempt_key", "key"),
    )
    op.create_table(
        "receipt",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("row", sa.Text(), sa.ForeignKey("outbox.key"), nullable=False),
        sa.Column("document", sa.Text(), sa.ForeignKey("document.id")),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("text", Words(), nullable=False),
        sa.Column("said_at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("interchange", sa.Text(), sa.ForeignKey("interchange.id"), nullable=False),
        sa.Column("early", sa.Boolean(), nullable=False),
        sa.Index("receipt_row", "row"),
        sa.Index("receipt_document", "document"),
        sa.Index("receipt_interchange", "interchange"),
    )


def _record() -> None:
    """Events, the head of their chain, counters."""
    op.create_table(
        "event",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Index("event_subject", "subject", "seq"),
        sa.Index("event_what", "what", "seq"),
    )
    op.create_table(
        "chain_head",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
    )
    op.create_table(
        "counter",
        sa.Column("series", sa.Text(), primary_key=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
    )


def _operation() -> None:
    """What ran when, and who is paused."""
    op.create_table(
        "job_run",
        sa.Column("job", sa.Text(), primary_key=True),
        sa.Column("slot", UtcDateTime(), primary_key=True),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Index("job_run_run", "run"),
        sa.Index("job_run_started", "started_at"),
    )
    op.create_table(
        "pause",
        sa.Column("partner", sa.Text(), primary_key=True),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", Words(), nullable=False),
    )
    op.create_table(
        "pulse",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
    )


def _bulk() -> None:
    """Frozen lists that operators' verbs act on."""
    op.create_table(
        "bulk",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Index("bulk_made", "made_at"),
    )
    op.create_table(
        "bulk_item",
        sa.Column("bulk", sa.Text(), sa.ForeignKey("bulk.id"), primary_key=True),
        sa.Column("place", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("interchange", sa.Text(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.Column("event", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text()),
        sa.Column("amount", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("note", Words(), nullable=False),
        sa.Column("at", UtcDateTime()),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.UniqueConstraint("bulk", "subject", name="bulk_subject"),
    )
