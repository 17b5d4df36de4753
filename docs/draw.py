"""Draws what documents tell of the code: step diagrams, reasons, causes, rules, the pivot's table.

Each drawn part stands between two markers, ``<!-- NAME:begin -->`` and
``<!-- NAME:end -->``. ``python docs/draw.py`` draws them anew; with ``--check`` nothing is
written, and the exit code is 1 if anything would change.
"""  # noqa: INP001  # a script beside the documents, not a package

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import TypeVar

from pipeline.adapters.configuration import read_interfaces
from pipeline.adapters.resources import data_folder
from pipeline.entry.two_months.parties import PARTIES
from pipeline.entry.two_months.story import BEGINS, STORY, Act
from pipeline.entry.two_months.story import Row as StoryRow
from pipeline.model.causes import CAUSES, Cause
from pipeline.model.controls import CONTROL, CONTROLS, Actor, Control
from pipeline.model.duties import DUTIES, Work
from pipeline.model.interface import Interface
from pipeline.model.invoice import Invoice
from pipeline.model.life import STATUS_WORDS, Circuit, Status
from pipeline.model.life_reasons import REASONS
from pipeline.model.life_table import ACTIVE, DOUBT_WORDS, MOVES, Move
from pipeline.model.proposal import PROPOSAL_FOLLOWS
from pipeline.model.rule import Rule
from pipeline.model.standing import SHEET_FOLLOWS, SHEET_WORDS
from pipeline.model.status import FOLLOWS, INTERCHANGE_FOLLOWS, OUTBOX_FOLLOWS
from pipeline.route.registration import REGISTERED
from pipeline.syntax.pivot_lost import LOSSES
from pipeline.syntax.pivot_table import TABLE, Row
from pipeline.validate.rules.sets import RULES, SETS

DOCS = Path(__file__).resolve().parent
CODE = DOCS.parent / "pipeline"

#: The module that lists the codes; a code named in no other is never given.
_TABLE = CODE / "model" / "controls.py"
_WHO = {Actor.SENDER: "you", Actor.OPERATOR: "the hub"}

#: Terms of one rule that its row names.
_MOST_TERMS = 8

E = TypeVar("E", bound=Enum)


def draw_steps() -> str:
    """Draw the step tables as Mermaid state diagrams, in the order of their enums."""
    return "\n\n".join(
        (
            _diagram("Documents", FOLLOWS),
            _diagram("Interchanges", INTERCHANGE_FOLLOWS),
            _diagram("Outbox rows", OUTBOX_FOLLOWS),
            _diagram("Connection sheets", SHEET_FOLLOWS),
            _diagram("Proposals", PROPOSAL_FOLLOWS),
        )
    )


def draw_reasons() -> str:
    """Draw the control table, and say which of its codes nothing in the code gives yet."""
    by_code: dict[str, list[Control]] = {}
    for control in CONTROLS:
        by_code.setdefault(control.code, []).append(control)
    lines = [
        "| step | code | what it means | what to do | who acts |",
        "|---|---|---|---|---|",
        *(_reason_row(controls) for controls in by_code.values()),
    ]
    named = "".join(
        path.read_text(encoding="utf-8") for path in CODE.rglob("*.py") if path != _TABLE
    )
    unused = ", ".join(f"`{code}`" for code in by_code if f'"{code}"' not in named)
    if unused:
        lines += ["", f"This version never gives: {unused}."]
    return "\n".join(lines)


def draw_causes() -> str:
    """Draw the catalogue of what keeps things waiting, ids in capitals."""
    lines = [
        "| code | cause | who acts | first | then |",
        "|---|---|---|---|---|",
        *(_cause_row(cause) for cause in CAUSES),
    ]
    return "\n".join(lines)


def draw_pivot() -> str:
    """Draw the table of CPPFacturePivot: what each element carries and asks for."""
    lines = ["| element | term | required | must be |", "|---|---|---|---|"]
    for entry in TABLE:
        if isinstance(entry, Row):
            lines.append(_pivot_row(entry, ""))
        else:
            lines += [_pivot_row(row, f"{entry.path}/") for row in entry.rows]
    return "\n".join(lines)


def draw_interfaces() -> str:
    """Draw the interface table: what each code is about, and why some are not served."""
    table = read_interfaces(data_folder("config") / "interfaces.toml")
    brought: dict[str, list[str]] = {}
    for row in table.values():
        for code in row.brings:
            brought.setdefault(code, []).append(row.code)
    lines = [
        "| code | what | way | written as | sent by | statuses | comes with | served |",
        "|---|---|---|---|---|---|---|---|",
        *(_interface_row(row, brought.get(row.code, [])) for row in table.values()),
    ]
    return "\n".join(lines)


def draw_losses() -> str:
    """Draw the closed list of terms that the pivot has no place for, by reason."""
    lines = ["| terms | what is told |", "|---|---|"]
    for why, prefix, rest in LOSSES:
        told = f"{why['fr']} / {why['en']}"
        lines.append(f"| {prefix}… {', '.join(_runs(rest.split()))} | {told} |")
    return "\n".join(lines)


def draw_rules() -> str:
    """Draw every rule of ours: where it runs, what it says, what it weighs, where it is from."""
    lines = [
        "| rule | terms | sets | weight | what is told | source |",
        "|---|---|---|---|---|---|",
        *(_rule_row(rule) for _, rule in sorted(RULES.items())),
    ]
    return "\n".join(lines)


def published() -> tuple[str, ...]:
    """Return the public sector's published rules, and Chorus Pro's checks as numbered here."""
    return (
        *(f"BR-FR-CPRO-{number:02}" for number in range(1, 45)),
        *(f"CP-S{number}" for number in range(1, 7)),
        *(f"CP-{number:02}" for number in range(1, 25)),
    )


#: Checks that are no rule: where they are decided all the same, or why they are not.
ELSEWHERE: Mapping[str, str] = {
    "BR-FR-CPRO-19": "step 8, `IRR_TAILLE_F`: a million lines are over the size of a file",
    "BR-FR-CPRO-25": "EN 16931 packs: `UBL-SR-05`, CII rules on SpecifiedTradePaymentTerms",
    "CP-S1": "steps 2, 8 and 9: `IRR_TAILLE`, `IRR_TAILLE_F`, `IRR_TAILLE_PJ`; the sheet's limits",
    "CP-S2": "step 8: `IRR_TYPE_F`",
    "CP-S3": "step 9: `IRR_EXT_DOC`; by the profile's `attachments`",
    "CP-S4": "step 9: `IRR_NOM_PJ`; by the profile's `attachments` (no list is public)",
    "CP-S5": "steps 2 and 9: `IRR_ANTIVIRUS`; by the sheet's scanner",
    "CP-S6": "step 10: `IRR_SYNTAX`; official XSD of the syntax, or of the claim",
    "CP-02": "step 14, `DEST_INC` and `ADR_ERR`: the directory's recipients and addresses",
    "CP-04": "step 16, `DOUBLON` and `REJ_UNI`: the business key",
    "CP-07": "`BR-FR-CPRO-02` to the public sector, `BR-FR-01` to companies",
    "CP-08": "`BR-FR-08` refuses such frames in AFNOR formats",
    "CP-10": "not asked: it says what an amount means",
    "CP-12": "step 14, `DEST_INC`: the directory's recipients and their services",
    "CP-15": "not asked: no source at hand says which frames go with which interface",
}


def draw_published() -> str:
    """Draw every published check with where it is decided.

    Raises:
        KeyError: Of one it is said nowhere.
    """
    lines = ["| check | decided |", "|---|---|"]
    lines += [f"| `{one}` | {_decided(one)} |" for one in published()]
    return "\n".join(lines)


def _decided(identifier: str) -> str:
    if identifier in RULES:
        sets = (f"`{each.name}`" for each in SETS if RULES[identifier] in each.rules)
        return f"rule of ours: {', '.join(sets)}"
    if identifier in REGISTERED:
        code, rule = REGISTERED[identifier]
        terms = ", ".join(rule.terms)
        return f"step {CONTROL[code].step}, `{code}`: {terms} beside the directory"
    return ELSEWHERE[identifier]


def draw_duties() -> str:
    """Draw what is done for a sheet in each state."""
    works = " | ".join(work.value for work in Work)
    lines = [f"| state | {works} |", "|---|---|---|---|---|"]
    for state, row in DUTIES.items():
        cells = " | ".join(row[work].value for work in Work)
        lines.append(f"| {SHEET_WORDS[state][1]} | {cells} |")
    return "\n".join(lines)


def draw_life() -> str:
    """Draw the life of an invoice: the diagram of what moves it, then the table."""
    arrows = dict.fromkeys(
        (_node(before), _node(move.after))
        for move in MOVES
        if move.after
        for before in _sources(move)
    )
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    {before} --> {after}" for before, after in arrows]
    lines += ["```", "", "| from | event | by | to | needs | warns of | circuits | source |"]
    lines += ["|---|---|---|---|---|---|---|---|", *(_move_row(move) for move in MOVES)]
    lines += ["", "*active* stands for:", "", *(f"- {one}" for one in _named(ACTIVE))]
    lines += ["", "| event | reasons it takes |", "|---|---|"]
    lines += [f"| {event.value} | {', '.join(sorted(REASONS[event]))} |" for event in REASONS]
    lines += ["", "| warning | what is told |", "|---|---|"]
    lines += [f"| `{one.value}` | {fr} / {en} |" for one, (fr, en) in DOUBT_WORDS.items()]
    return "\n".join(lines)


def _sources(move: Move) -> list[Status | str | None]:
    """Return where a row starts; the active statuses are one place."""
    if move.before >= ACTIVE:
        rest = [one for one in Status if one in move.before - ACTIVE]
        return ["active", *rest]
    return [one for one in [None, *Status] if one in move.before]


def _node(status: Status | str | None) -> str:
    if status is None:
        return "[*]"
    return status if isinstance(status, str) else status.value


def _named(statuses: Iterable[Status | None]) -> list[str]:
    found = set(statuses)
    return [f"`{one.value}` {STATUS_WORDS[one][1]}" for one in Status if one in found]


def _move_row(move: Move) -> str:
    places = "any" if move.before == frozenset(Status) else ""
    before = places or ", ".join(_node(one) for one in _sources(move)).replace(
        "active", "*active*"
    )
    event = f"{move.event.value}, reason {move.reason}" if move.reason else move.event.value
    needs = ", ".join(sorted(need.value for need in move.needs))
    doubts = ", ".join(sorted(doubt.value for doubt in move.doubts))
    circuits = ", ".join(one.value for one in Circuit if one in move.circuits) or "all"
    after = move.after.value if move.after else "stays"
    told = f"| {before} | {event} | {move.actor.value} | {after} | {needs} | {doubts} "
    return f"{told}| {circuits} | {move.source} |"


def draw_parties() -> str:
    """Draw who takes part in the two months of the demonstration, and how it speaks."""
    lines = ["| who | is | deposits under | speaks of statuses in |", "|---|---|---|---|"]
    for name, one in PARTIES.items():
        codes = [code for code in (one.deposits, one.works) if code]
        free = "free names" if one.vat else "–"
        under = ", ".join(f"`{code}`" for code in codes) or free
        lines.append(f"| {name} | {one.title} | {under} | {one.speech.value} |")
    return "\n".join(lines)


def draw_story() -> str:
    """Draw the table of the two months: a row an invoice."""
    lines = ["| invoice | from, to | frame, who validates | what happens, on which day | ends |"]
    lines += ["|---|---|---|---|---|", *(_story_row(row) for row in STORY)]
    return "\n".join(lines)


def _story_row(row: StoryRow) -> str:
    way = f"{row.way.frame}: {', then '.join(row.way.validators)}" if row.way else "–"
    flaw = f" ({row.flaw.value})" if row.flaw else ""
    named = f", in place of {row.replaces}" if row.replaces else ""
    acts = [f"{row.day} deposit{flaw}{named}", *(f"{act.day} {_said(act)}" for act in row.acts)]
    final = f"`{row.final.value}`" if row.final else f"refused, `{row.refused}`"
    who = f"{row.supplier} → {row.recipient}"
    return f"| {row.number} | {who} | {way} | {'; '.join(acts)} | {final} |"


def _said(act: Act) -> str:
    return " ".join((act.event.value, *act.words))


def draw_days() -> str:
    """Draw the two months day by day: who drops what, and what time itself does."""
    days: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in STORY:
        days[row.day][row.supplier].append(f"{row.number} deposit")
        for act in row.acts:
            days[act.day][row.whose(act) or "*the clock*"].append(f"{row.number} {_said(act)}")
    lines = ["| day | who | drops |", "|---|---|---|"]
    for day, whose in sorted(days.items()):
        on = (BEGINS + timedelta(days=day - 1)).date().isoformat()
        lines += [f"| {day}, {on} | {who} | {'; '.join(what)} |" for who, what in whose.items()]
    return "\n".join(lines)


#: What is drawn: file, marker, drawing.
PARTS: tuple[tuple[str, str, Callable[[], str]], ...] = (
    ("architecture.md", "steps", draw_steps),
    ("partners.md", "reasons", draw_reasons),
    ("operating.md", "causes", draw_causes),
    ("trials.md", "duties", draw_duties),
    ("interfaces.md", "interfaces", draw_interfaces),
    ("rules.md", "rules", draw_rules),
    ("rules.md", "published", draw_published),
    ("pivot.md", "pivot", draw_pivot),
    ("pivot.md", "losses", draw_losses),
    ("life-cycle.md", "life", draw_life),
    ("life-cycle-walk-through.md", "parties", draw_parties),
    ("life-cycle-walk-through.md", "story", draw_story),
    ("life-cycle-walk-through.md", "days", draw_days),
)


def stale() -> Iterator[tuple[Path, str]]:
    """Yield each document that differs from the code, with its text as it should be.

    Raises:
        ValueError: A document lost its markers.
    """
    wanted: dict[Path, str] = {}
    for name, marker, drawing in PARTS:
        path = DOCS / name
        text = wanted.get(path) or path.read_text(encoding="utf-8")
        begin, end = f"<!-- {marker}:begin -->", f"<!-- {marker}:end -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"{path}: {begin} and {end} must stand there once")
        before, _, rest = text.partition(begin)
        wanted[path] = f"{before}{begin}\n\n{drawing()}\n\n{end}{rest.partition(end)[2]}"
    for path, text in wanted.items():
        if text != path.read_text(encoding="utf-8"):
            yield path, text


def main(arguments: list[str]) -> int:
    """Draw what is stale, or with ``--check`` only name it."""
    check = arguments == ["--check"]
    if arguments and not check:
        sys.stderr.write("usage: python docs/draw.py [--check]\n")
        return 2
    found = list(stale())
    for path, text in found:
        sys.stdout.write(f"{'stale' if check else 'drawn'}: {path.relative_to(DOCS.parent)}\n")
        if not check:
            path.write_text(text, encoding="utf-8")
    return 1 if check and found else 0


def _diagram(title: str, follows: Mapping[E | None, frozenset[E]]) -> str:
    steps = list(type(next(iter(follows[None]))))
    arrows = [f"    [*] --> {step.value}" for step in steps if step in follows[None]]
    arrows += [
        f"    {before.value} --> {after.value}"
        for before in steps
        for after in steps
        if after in follows[before]
    ]
    arrows += [f"    {step.value} --> [*]" for step in steps if not follows[step]]
    return "\n".join((f"### {title}", "", "```mermaid", "stateDiagram-v2", *arrows, "```"))


def _reason_row(controls: list[Control]) -> str:
    """Write one code; one that stands at two steps names both."""
    first = controls[0]
    steps = ", ".join(str(control.step) for control in controls)
    label = f"{first.label['fr']} / {first.label['en']}"
    action = f"{first.action['fr']} / {first.action['en']}"
    return f"| {steps} | `{first.code}` | {label} | {action} | {_WHO[first.acts]} |"


def _cause_row(cause: Cause) -> str:
    names = {"id": "ID", "partner": "PARTNER", "connection": "CONNECTION"}
    says = cause.says["en"].format_map(names)
    command = cause.command.format_map(names)
    return f"| `{cause.code}` | {says} | {cause.acts.value} | {cause.first['en']} | `{command}` |"


def _interface_row(row: Interface, brought_by: list[str]) -> str:
    comes = ", ".join(f"`{code}`" for code in brought_by)
    served = f"no: {row.unserved}" if row.unserved else "yes"
    told = (row.title, row.direction.value, row.form, row.sent_by, " ".join(row.statuses), comes)
    return f"| `{row.code}` | {' | '.join(told)} | {served} |"


def _rule_row(rule: Rule[Invoice]) -> str:
    sets = ", ".join(f"`{each.name}`" for each in SETS if rule in each.rules)
    told = f"{rule.fr} / {rule.en}"
    terms = ", ".join(rule.terms[:_MOST_TERMS]) + (", …" if rule.terms[_MOST_TERMS:] else "")
    weight = rule.severity.value
    return f"| `{rule.identifier}` | {terms} | {sets} | {weight} | {told} | {rule.source} |"


def _pivot_row(row: Row, prefix: str) -> str:
    needed = "yes" if row.needed else ""
    rule = row.facet.rule[1] if row.facet is not None else ""
    terms = ", ".join(row.terms.split()) or "–"
    return f"| `{prefix}{row.path}` | {terms} | {needed} | {rule} |"


def _runs(names: list[str]) -> Iterator[str]:
    """Yield names, numbers that follow one another as ``first–last``."""
    run: list[str] = []
    for name in [*names, ""]:
        if run and name.isdecimal() and run[-1].isdecimal() and int(name) == int(run[-1]) + 1:
            run.append(name)
            continue
        yield from run if len(run) < 3 else [f"{run[0]}–{run[-1]}"]  # noqa: PLR2004  # two are no run
        run = [name]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
