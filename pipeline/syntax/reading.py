"""Reads a document into the model by its format's table: one walk over its elements.

Meant for documents that have passed the structure layer; any other is read as far as it goes.
What the model does not hold, or what is none of what its term asks for, is stated as lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from lxml import etree

from pipeline.model.conversion import Reading
from pipeline.model.invoice import Invoice
from pipeline.model.terms import fields_of
from pipeline.syntax.losses import MOST_VALUE, Losses, shortened
from pipeline.syntax.paths import Element, shown_step, shown_tag
from pipeline.syntax.table import Fixed, Of, Row, Table
from pipeline.syntax.tree import Node, Slot, Text, tree

#: Text without comments, as the rule packs read it.
_STRING = etree.XPath("string()", smart_strings=False)
_WHITE = " \t\r\n"
#: Key under which an item keeps what its format states once and the model in every part of it.
_SHARED = ""

_UNKNOWN = {
    "fr": "Aucun terme de la norme ni de l'extension française ne porte cette donnée.",
    "en": "No term of the norm or of the French extension holds this.",
}
_SECOND = {
    "fr": "Ce terme a déjà une autre valeur : une seule est admise ici.",
    "en": "This term has another value already: only one is admitted here.",
}
_SECOND_GROUP = {
    "fr": "Un seul élément de ce nom est admis ici.",
    "en": "Only one element of this name is admitted here.",
}
_INCOMPLETE = {
    "fr": "Sans son terme principal, cette donnée n'est rattachée à rien.",
    "en": "Without its main term, this belongs to nothing.",
}
_OTHER = {
    "fr": "Attendu ici : {expected}. Aucun terme ne porte cette autre valeur.",
    "en": "Expected here: {expected}. No term holds this other value.",
}
_FOREIGN = {
    "fr": "Ce montant est en {found}, la facture en {expected} : il n'est pas repris.",
    "en": "This amount is in {found}, its invoice in {expected}: it is not carried.",
}
_LEFT = {
    "fr": "« {left} » n'est pas repris : un jour de facture n'a pas de fuseau horaire.",
    "en": "'{left}' is not carried: a day of an invoice has no time zone.",
}
_Made = TypeVar("_Made")

_NONE = {"fr": "Ce n'est pas {fr}.", "en": "This is not {en}."}


def read(table: Table, root: Element, settle: Callable[[dict[str, Any]], None]) -> Reading:
    """Read one document.

    Args:
        table: Of its format.
        root: Its root element.
        settle: Puts the fields as they were read, by name, groups as lists, in the form that the
            model asks for.

    Returns:
        The invoice, and what it does not hold in document order; the last entry says how many
        more there are, where there are very many.

    Raises:
        ValueError: The root is none of the format: our bug.
    """
    reader = _Reader(table, root)
    draft = reader.item(root, tree(table, table.grammar.roots.index(str(root.tag))))
    settle(draft)
    return Reading(_build(Invoice, draft), reader.losses.all())


def _build(kind: type[_Made], draft: Mapping[str, Any]) -> _Made:
    """Make a value of the model of its fields."""
    fields = fields_of(kind)
    made: dict[str, Any] = {}
    for name, value in draft.items():
        if value.__class__ is dict:
            made[name] = _build(fields[name].kind, value)
        elif value.__class__ is list:
            inner = fields[name].kind
            made[name] = tuple([_build(inner, each) for each in value])
        else:
            made[name] = value
    return kind(**made)


class _Reader:
    """Reads one document."""

    def __init__(self, table: Table, root: Element) -> None:
        self._table = table
        self._root = root
        self._known: dict[str, str] = {}
        self._top: dict[str, Any] = {}
        self._firsts: dict[Node, tuple[Element, str]] = {}
        self.losses = Losses()
        self._paths: dict[Element, Mapping[Element, str]] = {}

    def item(self, element: Element, node: Node) -> dict[str, Any]:
        """Read what stands in an element that is one item of the model."""
        draft: dict[str, Any] = {}
        if element is self._root:
            self._top = draft
        if node.kids:
            self._kids(element, node, draft)
        else:
            self._leaf(element, node, draft)
        shared = draft.pop(_SHARED, None)
        if shared:
            for one in shared:
                self._share(draft, *one)
        return draft

    def _kids(self, element: Element, node: Node, draft: dict[str, Any]) -> None:
        """Read every child of an element."""
        by_tag = node.by_tag
        seen: list[Node] = []
        for child in element:
            found = by_tag.get(child.tag)
            if found is None:
                self._stranger(child)
                continue
            kid = found if isinstance(found, Node) else self._told(child, found)
            if kid is None:
                self._lose(child, None, _UNKNOWN)
            elif kid.group is not None:
                self._group(child, kid, kid.group, draft)
            elif not kid.kids:
                self._leaf(child, kid, draft)
            elif kid not in seen:
                seen.append(kid)
                if kid.part is None or not kid.part.first or self._is_first(child, kid):
                    self._kids(child, kid, draft)
            elif kid.part is not None and kid.part.mixes:
                self._kids(child, kid, draft)
            else:
                self._lose(child, None, _SECOND_GROUP)

    def _is_first(self, child: Element, kid: Node) -> bool:
        """Tell whether an element that speaks of the whole invoice is the first that does."""
        text = _shown(child)
        first, said = self._firsts.setdefault(kid, (child, text))
        if said != text:
            self._lose(child, None, _SECOND_GROUP)
        return first is child

    def _group(self, element: Element, node: Node, group: Slot, draft: dict[str, Any]) -> None:
        """Read one occurrence of a group."""
        inner = self.item(element, node)
        if inner and not node.needs <= inner.keys():
            self._lose(element, None, _INCOMPLETE)
        elif inner:
            holder = _holder(self._top if group.up else draft, group)
            holder.setdefault(group.name, []).append(inner)

    def _leaf(self, element: Element, node: Node, draft: dict[str, Any]) -> None:
        """Read an element that holds text, and its attributes."""
        raw = element.text if not len(element) else self._inside(element)
        written = raw.strip(_WHITE) if raw else ""
        text = node.text
        if text is not None and written and node.bound and self._is_foreign(element, node, text):
            return
        if text is None:
            read = True
        elif text.plain and written and text.name not in draft:
            value = text.read(written)
            if read := value is not None:
                draft[text.name] = value
                if text.form.left is not None:
                    self._leave(element, text, written)
            else:
                self._text(element, text, written, draft)  # says why
        else:
            read = self._text(element, text, written, draft)
        for name, value in element.items():
            found = node.attributes.get(str(name))
            if found is None:
                self._lose(element, None, _UNKNOWN, str(name))
            elif read or found.fixed is not None:
                self._attribute(element, found, str(name), str(value).strip(_WHITE), draft)
            elif written == "":
                self._lose(element, None, _UNKNOWN, str(name))

    def _is_foreign(self, element: Element, node: Node, text: Text) -> bool:
        """Tell whether an amount is in another currency than its invoice; state it as lost.

        Read as it is, it would be written again as so much of the invoice's currency.
        """
        for name, fixed in node.bound:
            expected, currency = self._expected(fixed), element.get(name, "").strip(_WHITE)
            if expected and currency and currency not in (expected, *fixed.also):
                told = {"found": shortened(currency), "expected": shortened(expected)}
                why = {lang: each.format(**told) for lang, each in _FOREIGN.items()}
                self._lose(element, text.row.term or None, why)
                return True
        return False

    def _inside(self, element: Element) -> str:
        for child in element.iterchildren("*"):
            self._lose(child, None, _UNKNOWN)
        return str(_STRING(element))

    def _text(self, element: Element, text: Text, written: str, draft: dict[str, Any]) -> bool:
        """Read the text of an element; tell whether there was a value."""
        if text.fixed is not None:
            self._fixed(element, text.fixed, written, None)
            return False
        row, form = text.row, text.form
        if not (written or form.empty):
            return False
        if written == row.stand_in and written and self._stands_in(element, row):
            return False
        value = form.read(written)
        if value is None:
            self._lose(
                element,
                row.term,
                {lang: why.format(fr=form.fr, en=form.en) for lang, why in _NONE.items()},
            )
            return False
        if form.left is not None:
            self._leave(element, text, written)
        return self._put(element, text, value, draft, None)

    def _leave(self, element: Element, text: Text, written: str) -> None:
        """State what of a text is no part of its value as lost."""
        left = text.form.left(written) if text.form.left is not None else ""
        if left:
            why = {lang: each.format(left=left) for lang, each in _LEFT.items()}
            self._lose(element, text.row.term, why)

    def _stands_in(self, element: Element, row: Row) -> bool:
        around = element.getparent()
        alone = around is None or len(around) == 1
        if row.keeps or around is None or alone:
            return False
        if not row.beside:
            return True
        name = row.beside.rpartition(":")[2]
        return any(str(each.tag).endswith("}" + name) for each in around)

    def _attribute(
        self, element: Element, text: Text, name: str, written: str, draft: dict[str, Any]
    ) -> None:
        if text.fixed is not None:
            self._fixed(element, text.fixed, written, name)
        elif written:
            value = text.form.read(written)
            if value is None:
                self._lose(element, text.row.term, _UNKNOWN, name)
            else:
                self._put(element, text, value, draft, name)

    def _put(
        self, element: Element, text: Text, value: object, draft: dict[str, Any], name: str | None
    ) -> bool:
        """Keep a value; tell whether there was room for it."""
        slot = text.slot
        if slot.inner:
            holder = self._top if slot.up else draft
            holder.setdefault(_SHARED, []).append((element, name, text, value))
            return True
        holder = self._top if slot.up else draft
        if slot.trail:
            holder = _holder(holder, slot)
        if text.many:
            holder.setdefault(slot.name, []).append(value)
        elif slot.name not in holder:
            holder[slot.name] = value
        elif holder[slot.name] != value:
            self._lose(element, text.row.term, _SECOND, name)
            return False
        return True

    def _share(
        self,
        draft: dict[str, Any],
        element: Element,
        name: str | None,
        text: Text,
        value: object,
    ) -> None:
        """Give what a format states once to every item that it is for."""
        slot, row = text.slot, text.row
        items = _holder(draft, slot).setdefault(slot.name, [])
        if not items:
            items.append({})
        meant = [item for item in items if row.among is not None and row.among(item)] or items
        kept = True
        for item in meant:
            holder = item
            for step in slot.inner[:-1]:
                holder = holder.setdefault(step, {})
            kept &= holder.setdefault(slot.inner[-1], value) == value
        if not kept:
            self._lose(element, row.term, _SECOND, name)

    def _told(self, child: Element, among: tuple[Node, ...]) -> Node | None:
        """Return which of several entries an element is; None if it is none of them."""
        for node in among:
            if all(self._holds(child, path, fixed) for path, fixed in node.tests):
                return node
        return None

    def _holds(self, element: Element, path: tuple[str, ...], fixed: Fixed) -> bool:
        found: str | None = None
        at: Element | None = element
        for step in path:
            if at is None:
                break
            if step.startswith("@"):
                found = at.get(step[1:])
                at = None
            else:
                at = at.find(step)
        if at is not None:
            found = str(_STRING(at))
        if found is None:
            return None in fixed.also
        found = found.strip(_WHITE)
        return found == self._expected(fixed) or found in fixed.also

    def _expected(self, fixed: Fixed) -> str:
        if not isinstance(fixed.value, Of):
            return fixed.value
        term = fixed.value.term
        if term not in self._known:
            self._known[term] = self._table.text_at(self._root, term)
        return self._known[term]

    def _fixed(self, element: Element, fixed: Fixed, written: str, name: str | None) -> None:
        if not written or fixed.any:
            return
        expected = self._expected(fixed)
        if written not in (expected, *fixed.also) and (expected or fixed.also != (None,)):
            shown = shortened(expected or ", ".join(str(each) for each in fixed.also))
            why = {lang: text.format(expected=shown) for lang, text in _OTHER.items()}
            self._lose(element, None, why, name)

    def _stranger(self, child: Element) -> None:
        """Pass over what is no element; state any other as lost."""
        if not callable(child.tag) and child.tag not in self._table.grammar.ignored:
            self._lose(child, None, _UNKNOWN)

    def _lose(
        self, element: Element, term: str | None, why: Mapping[str, str], name: str | None = None
    ) -> None:
        if name is not None and name in self._table.grammar.ignored:
            return
        if self.losses.full:
            self.losses.add(term, "", "", why)
            return
        value = _shown(element) if name is None else str(element.get(name))
        place = self._place(element) + (f"/@{shown_tag(name)}" if name else "")
        line: int | None = element.sourceline  # type: ignore[assignment]  # the stubs are vague
        self.losses.add(term, place, value, why, line)

    def _place(self, element: Element) -> str:
        """Return the path of an element, counting the children of each parent once."""
        around = element.getparent()
        if around is None:
            return "/" + shown_step(str(element.tag))
        if around not in self._paths:
            self._paths[around] = _numbered(around)
        return f"{self._place(around)}/{self._paths[around][element]}"


def _numbered(around: Element) -> Mapping[Element, str]:
    """Return the step that leads to each child of an element."""
    children = list(around.iterchildren("*"))
    every = Counter(str(child.tag) for child in children)
    so_far: Counter[str] = Counter()
    steps: dict[Element, str] = {}
    for child in children:
        tag = str(child.tag)
        so_far[tag] += 1
        steps[child] = shown_step(tag) + (f"[{so_far[tag]}]" if every[tag] > 1 else "")
    return steps


def _shown(element: Element) -> str:
    """Return the beginning of the text of an element and of all in it."""
    words: list[str] = []
    length = 0
    for text in element.itertext():
        piece = shortened(str(text))
        if piece:
            words.append(piece)
            length += len(piece)
        if length > MOST_VALUE:
            break
    return " ".join(words)


def _holder(draft: dict[str, Any], slot: Slot) -> dict[str, Any]:
    """Return the value that holds a slot, made where it is not there yet."""
    for step in slot.trail:
        draft = draft.setdefault(step, {})
    return draft
