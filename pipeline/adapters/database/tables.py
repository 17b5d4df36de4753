"""The tables, as the newest migration leaves them (a test holds the two together)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from pipeline.adapters.database.columns import UtcDateTime, Words

#: The newest migration.
REVISION = "0001"

metadata = MetaData()

#: Connections, structures and the list of routes, each version of each kept for ever.
sheet = Table(
    "sheet",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("applied_at", UtcDateTime, nullable=False),
    Column("applied_by", Text, nullable=False),
    # null while this version is in force
    Column("ended_at", UtcDateTime),
)

#: Where connections stand, in force or not; never removed.
standing = Table(
    "standing",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("reason", Words, nullable=False),
    # what a suspended one goes back to
    Column("resumes", Text),
)

#: Changes of sheets that wait for a second person, and what became of them.
proposal = Table(
    "proposal",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("author", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("settled_at", UtcDateTime),
    Column("actor", Text, nullable=False),
    Column("reason", Words, nullable=False),
    # what to tell once it is in force
    Column("facts", Text, nullable=False),
    Index("proposal_state", "state"),
)

proposal_item = Table(
    "proposal_item",
    metadata,
    Column("proposal", Text, ForeignKey("proposal.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    # null where the sheet is to be withdrawn
    Column("body", Text),
    # how often the sheet had been changed or ended when this was proposed
    Column("base", Integer, nullable=False),
)

#: Warnings that something ends, by how many days were left: each is given once.
expiry_warning = Table(
    "expiry_warning",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("days", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
)

listing_seen = Table(
    "listing_seen",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime", BigInteger, nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("stable_since", UtcDateTime, nullable=False),
    Column("note", Words, nullable=False),
)

interchange = Table(
    "interchange",
    metadata,
    Column("id", Text, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("partner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("step", Text, nullable=False),
    Column("removed", Boolean, nullable=False),
    Column("reason", Text),
    Column("detail", Words, nullable=False),
    Column("first", Text, ForeignKey("interchange.id")),
    Column("documents", Integer, nullable=False),
    Column("erased", Boolean, nullable=False),
    Column("legal_hold", Boolean, nullable=False),
    Column("environment", Text, nullable=False),
    Column("lease_owner", Text),
    Column("lease_token", BigInteger, nullable=False),
    Column("lease_until", UtcDateTime),
    Index("interchange_step", "step", "connection", "received_at", "name"),
    Index("interchange_name", "connection", "name"),
    Index("interchange_sha256", "sha256"),
    Index("interchange_removed", "connection", "removed"),
    Index("interchange_received", "received_at"),
)

document = Table(
    "document",
    metadata,
    Column("id", Text, primary_key=True),
    Column("interchange", Text, ForeignKey("interchange.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("syntax", Text),
    Column("header", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    # the codes of the reasons, parted by spaces, to be searched
    Column("codes", Text, nullable=False),
    Column("route", Text),
    Column("first", Text, ForeignKey("document.id")),
    Column("agreement", Text),
    # three terms of the header, to be searched
    Column("number", Text),
    Column("seller", Text),
    Column("buyer_siret", Text),
    UniqueConstraint("interchange", "seq", name="document_place"),
    Index("document_step", "step"),
    # a seller may have sent nearly all there is: one index, so that nobody looks through those
    Index("document_number", "number", "seller"),
    Index("document_seller", "seller"),
    Index("document_buyer", "buyer_siret"),
)

#: A validation report without its findings, which have rows of their own.
report = Table(
    "report",
    metadata,
    Column("document", Text, ForeignKey("document.id"), primary_key=True),
    Column("body", Text, nullable=False),
)

finding = Table(
    "finding",
    metadata,
    Column("document", Text, ForeignKey("document.id"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("layer", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("term", Text),
    Column("xpath", Words, nullable=False),
    Column("line", Integer),
    Column("value", Words),
    Column("expected", Text),
    Column("message", Text, nullable=False),
    Index("finding_rule", "rule"),
)

business_key = Table(
    "business_key",
    metadata,
    Column("environment", Text, primary_key=True),
    Column("seller", Text, primary_key=True),
    Column("number", Text, primary_key=True),
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("document", Text, ForeignKey("document.id"), nullable=False),
    Index("business_key_document", "document"),
)

#: Where each invoice that was taken stands in its business life.
life = Table(
    "life",
    metadata,
    Column("document", Text, ForeignKey("document.id"), primary_key=True),
    Column("status", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("said_at", UtcDateTime, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("entries", Integer, nullable=False),
    # the document whose bytes and route are the invoice now
    Column("bearer", Text, ForeignKey("document.id"), nullable=False),
    # who is asked to validate it, and until when
    Column("circuit", Text),
    Column("validators", Text),
    Column("following", Text),
    Column("deadline", UtcDateTime),
    Index("life_status", "status", "since"),
    Index("life_deadline", "status", "deadline"),
    Index("life_bearer", "bearer"),
)

#: How it got there, line by line; written once, never edited.
life_entry = Table(
    "life_entry",
    metadata,
    Column("id", Text, primary_key=True),
    Column("document", Text, ForeignKey("document.id"), nullable=False),
    Column("place", Integer, nullable=False),
    Column("event", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("before", Text),
    Column("after", Text, nullable=False),
    Column("said_at", UtcDateTime, nullable=False),
    Column("taken_at", UtcDateTime, nullable=False),
    # the flow that said it
    Column("source", Text, ForeignKey("interchange.id")),
    # codes, parted by spaces
    Column("reasons", Text, nullable=False),
    Column("comment", Words, nullable=False),
    Column("cash", Text, nullable=False),
    Column("warnings", Text, nullable=False),
    # the document that bears the invoice since, where this line changes it
    Column("bearer", Text, ForeignKey("document.id")),
    # who is asked to validate, where this line is about it
    Column("circuit", Text),
    Column("validators", Text),
    Column("following", Text),
    Column("deadline", UtcDateTime),
    UniqueConstraint("document", "place", name="life_entry_place"),
    Index("life_entry_source", "source"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("interchange", Text, ForeignKey("interchange.id")),
    Column("connection", Text, nullable=False),
    Column("name", Text, nullable=False),
    # where it lies at the partner's; empty for the sheet's `out`
    Column("folder", Text, nullable=False),
    Column("due", UtcDateTime, nullable=False),
    Column("payload", LargeBinary),
    Column("envelope", Text, nullable=False),
    # how its documents are written anew; null as received
    Column("recipe", Text),
    Column("planned_at", UtcDateTime),
    Column("generation", Integer, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Words, nullable=False),
    # token of the first claim since whose end nobody knows whether the file was put
    Column("begun", BigInteger),
    Column("lease_owner", Text),
    Column("lease_token", BigInteger, nullable=False),
    Column("lease_until", UtcDateTime),
    Index("outbox_due", "state", "connection", "due"),
    Index("outbox_interchange", "interchange"),
    # what partners acknowledge, they name
    Index("outbox_name", "name"),
    # few at a time: who serves which connection
    Index(
        "outbox_held",
        "connection",
        sqlite_where=text("lease_owner IS NOT NULL"),
        postgresql_where=text("lease_owner IS NOT NULL"),
    ),
)

outbox_document = Table(
    "outbox_document",
    metadata,
    Column("key", Text, ForeignKey("outbox.key"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("document", Text, ForeignKey("document.id"), nullable=False),
    Index("outbox_document_document", "document"),
)

#: What became of documents that a file carries in another form than they came in.
conversion = Table(
    "conversion",
    metadata,
    Column("key", Text, ForeignKey("outbox.key"), primary_key=True),
    Column("document", Text, ForeignKey("document.id"), primary_key=True),
    Column("body", Text, nullable=False),
    Index("conversion_document", "document"),
)

#: Files that lie for receivers whose sheet asks to watch them, and what became of each.
pickup = Table(
    "pickup",
    metadata,
    Column("key", Text, ForeignKey("outbox.key"), primary_key=True),
    Column("connection", Text, nullable=False),
    Column("folder", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("known", Text),
    Index("pickup_state", "state", "connection", "since"),
)

#: How far the transfer log of a server was read.
transfer_log = Table(
    "transfer_log",
    metadata,
    Column("log", Text, primary_key=True),
    Column("place", Text, nullable=False),
)

attempt = Table(
    "attempt",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, ForeignKey("outbox.key"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("error", Words, nullable=False),
    Column("sha256", Text, nullable=False),
    Index("attempt_key", "key"),
)

#: What partners say of what was delivered to them; the same thing is said once.
receipt = Table(
    "receipt",
    metadata,
    Column("id", Text, primary_key=True),
    Column("row", Text, ForeignKey("outbox.key"), nullable=False),
    # null for the file as a whole
    Column("document", Text, ForeignKey("document.id")),
    Column("said", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("text", Words, nullable=False),
    Column("said_at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("interchange", Text, ForeignKey("interchange.id"), nullable=False),
    Column("early", Boolean, nullable=False),
    Index("receipt_row", "row"),
    Index("receipt_document", "document"),
    Index("receipt_interchange", "interchange"),
)

event = Table(
    "event",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("subject", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("event_subject", "subject", "seq"),
    Index("event_what", "what", "seq"),
)

#: One row: how many events there are, and the hash of the last.
chain_head = Table(
    "chain_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)

counter = Table(
    "counter",
    metadata,
    Column("series", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

#: One row a slot of a job: written before the job starts, so that no slot runs twice.
job_run = Table(
    "job_run",
    metadata,
    Column("job", Text, primary_key=True),
    Column("slot", UtcDateTime, primary_key=True),
    Column("run", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("reason", Words, nullable=False),
    Column("summary", Text, nullable=False),
    Index("job_run_run", "run"),
    Index("job_run_started", "started_at"),
)

#: Partners whose work an operator has stopped; ``*`` stands for all of them.
pause = Table(
    "pause",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("since", UtcDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Words, nullable=False),
)

#: Signs of life: when something that happens again and again last did, and what came of it.
pulse = Table(
    "pulse",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("data", Text, nullable=False),
)

#: Lists of what an operator wants one verb to act on, as they were frozen.
bulk = Table(
    "bulk",
    metadata,
    Column("id", Text, primary_key=True),
    Column("verb", Text, nullable=False),
    Column("reason", Words, nullable=False),
    Column("options", Text, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Index("bulk_made", "made_at"),
)

bulk_item = Table(
    "bulk_item",
    metadata,
    Column("bulk", Text, ForeignKey("bulk.id"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("subject", Text, nullable=False),
    Column("interchange", Text, nullable=False),
    Column("seen", Text, nullable=False),
    Column("event", BigInteger, nullable=False),
    Column("currency", Text),
    Column("amount", Text),
    Column("state", Text, nullable=False),
    Column("note", Words, nullable=False),
    Column("at", UtcDateTime),
    Column("actor", Text, nullable=False),
    UniqueConstraint("bulk", "subject", name="bulk_subject"),
)
