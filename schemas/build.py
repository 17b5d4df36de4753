"""Write the XSDs of ``schemas/profiles``: `python schemas/build.py`, or `--check` to compare only.

A profile's XSD is stricter than the official one in two ways. It knows only the elements in which
the hub reads something (the tables of `pipeline.syntax.ubl` and `cii`): whatever else a document
holds would be lost on the way to a receiver who asked for another form. And it bounds how often
some of them stand, and what may stand in them: `PROFILES` below, from the rules named there. The
order of elements is that of those tables; types are for the official XSD to hold.

One folder a profile and root, one file a namespace, since an XSD declares elements of its own
namespace alone: what stands in an element of another is a group there, named after its place.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from pipeline.syntax import cii, ubl
from pipeline.syntax.table import Entry, Part, Table

HERE = Path(__file__).resolve().parent / "profiles"
#: For each root: the table it is read by, and which of the paths parted by ``|`` is its own.
ROOTS: Mapping[str, tuple[Table, int]] = {
    "ubl-invoice": (ubl.TABLE, 0),
    "ubl-credit-note": (ubl.TABLE, 1),
    "cii": (cii.TABLE, 0),
}
_MANY = 10**9


@dataclass(frozen=True, slots=True)
class Bound:
    """What a profile asks of one element.

    Attributes:
        least: How often it has to stand, at least.
        most: At most.
        longest: Characters of its text.
        needs: Attributes that must be given.
    """

    least: int = 0
    most: int = _MANY
    longest: int = 0
    needs: tuple[str, ...] = ()


_ONCE = Bound(least=1, most=1)
_ALONE = Bound(most=1)
_SCHEMED = Bound(least=1, most=1, needs=("schemeID",))

_UBL_SUPPLIER = "cac:AccountingSupplierParty/cac:Party"
_UBL_CUSTOMER = "cac:AccountingCustomerParty/cac:Party"
_UBL_FILE = "cac:AdditionalDocumentReference/cac:Attachment/cbc:EmbeddedDocumentBinaryObject"
_CII_DEAL = "rsm:SupplyChainTradeTransaction"
_CII_AGREEMENT = f"{_CII_DEAL}/ram:ApplicableHeaderTradeAgreement"
_CII_SETTLEMENT = f"{_CII_DEAL}/ram:ApplicableHeaderTradeSettlement"

#: BR-FR-01, BR-FR-08, BR-FR-12, BR-FR-13; an attachment has a type and a name (BR-CL-24,
#: BT-125-1 and 2).
_SENDER_UBL = {
    "cbc:CustomizationID": _ONCE,
    "cbc:ProfileID": _ONCE,
    "cbc:ID": Bound(least=1, most=1, longest=35),
    "cbc:IssueDate": _ONCE,
    _UBL_FILE: Bound(most=1, needs=("mimeCode", "filename")),
    f"{_UBL_SUPPLIER}/cbc:EndpointID": _SCHEMED,
    f"{_UBL_CUSTOMER}/cbc:EndpointID": _SCHEMED,
}
_SENDER_CII = {
    "rsm:ExchangedDocumentContext/ram:BusinessProcessSpecifiedDocumentContextParameter": _ONCE,
    "rsm:ExchangedDocumentContext/ram:GuidelineSpecifiedDocumentContextParameter": _ONCE,
    "rsm:ExchangedDocument/ram:ID": Bound(least=1, most=1, longest=35),
    f"{_CII_AGREEMENT}/ram:AdditionalReferencedDocument/ram:AttachmentBinaryObject": Bound(
        most=1, needs=("mimeCode", "filename")
    ),
    f"{_CII_AGREEMENT}/ram:SellerTradeParty/ram:URIUniversalCommunication/ram:URIID": _SCHEMED,
    f"{_CII_AGREEMENT}/ram:SellerTradeParty/ram:URIUniversalCommunication": _ONCE,
    f"{_CII_AGREEMENT}/ram:BuyerTradeParty/ram:URIUniversalCommunication/ram:URIID": _SCHEMED,
    f"{_CII_AGREEMENT}/ram:BuyerTradeParty/ram:URIUniversalCommunication": _ONCE,
}
#: BR-FR-CPRO-02, 10, 14, 15, 20, 25 to 29, 34, 36, 43, 44.
_PUBLIC_UBL = {
    "cbc:ID": Bound(least=1, most=1, longest=20),
    "cac:OrderReference/cbc:ID": Bound(most=1, longest=50),
    "cac:ContractDocumentReference/cbc:ID": Bound(most=1, longest=50),
    "cac:BillingReference": _ALONE,
    "cac:PaymentTerms": _ALONE,
    f"{_UBL_SUPPLIER}/cac:Contact": _ALONE,
    f"{_UBL_CUSTOMER}/cac:Contact": _ALONE,
    f"{_UBL_CUSTOMER}/cac:PartyIdentification": Bound(least=1),
    f"{_UBL_SUPPLIER}/cac:PartyName/cbc:Name": Bound(most=1, longest=99),
    f"{_UBL_SUPPLIER}/cac:PartyLegalEntity/cbc:RegistrationName": Bound(most=1, longest=99),
    f"{_UBL_CUSTOMER}/cac:PartyName/cbc:Name": Bound(most=1, longest=99),
    f"{_UBL_CUSTOMER}/cac:PartyLegalEntity/cbc:RegistrationName": Bound(most=1, longest=99),
}
_PUBLIC_CII = {
    "rsm:ExchangedDocument/ram:ID": Bound(least=1, most=1, longest=20),
    f"{_CII_AGREEMENT}/ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID": Bound(
        most=1, longest=50
    ),
    f"{_CII_AGREEMENT}/ram:ContractReferencedDocument/ram:IssuerAssignedID": Bound(
        most=1, longest=50
    ),
    f"{_CII_SETTLEMENT}/ram:InvoiceReferencedDocument": _ALONE,
    f"{_CII_SETTLEMENT}/ram:SpecifiedTradePaymentTerms": _ALONE,
    f"{_CII_AGREEMENT}/ram:SellerTradeParty/ram:DefinedTradeContact": _ALONE,
    f"{_CII_AGREEMENT}/ram:BuyerTradeParty/ram:DefinedTradeContact": _ALONE,
    f"{_CII_AGREEMENT}/ram:BuyerTradeParty/ram:GlobalID": Bound(least=1, needs=("schemeID",)),
    f"{_CII_AGREEMENT}/ram:SellerTradeParty/ram:Name": Bound(most=1, longest=99),
    f"{_CII_AGREEMENT}/ram:BuyerTradeParty/ram:Name": Bound(most=1, longest=99),
}
#: What each profile asks, by root; paths lead from the root element.
PROFILES: Mapping[str, Mapping[str, Mapping[str, Bound]]] = {
    "sender": {
        "ubl-invoice": _SENDER_UBL,
        "ubl-credit-note": _SENDER_UBL,
        "cii": _SENDER_CII,
    },
    "receiver-public": {
        "ubl-invoice": _PUBLIC_UBL,
        "ubl-credit-note": _PUBLIC_UBL,
        "cii": _PUBLIC_CII,
    },
}


@dataclass(slots=True)
class Node:
    """One element, with what stands in it in order."""

    name: str
    children: dict[str, Node] = field(default_factory=dict)
    bound: Bound = Bound()

    def at(self, path: str) -> Node:
        """Return the element at a path, made where it is not there yet."""
        here = self
        for step in path.split("/"):
            if step not in {"", "."} and not step.startswith("@"):
                here = here.children.setdefault(step, Node(step))
        return here


def tree_of(root: str) -> Node:
    """Return all elements that a root's table reads."""
    table, which = ROOTS[root]
    top = Node(table.grammar.roots[which])
    _fill(top, table.entries, which)
    for name in sorted(table.grammar.ignored):
        space, _, local = name[1:].rpartition("}")
        prefix = {uri: key for key, uri in table.grammar.namespaces.items()}.get(space)
        if prefix:
            top.children = {f"{prefix}:{local}": Node(f"{prefix}:{local}"), **top.children}
    for group, moved, before in table.grammar.moved.get(top.name, ()):
        place = top if not group else next(n for k, n in top.children.items() if "Line" in k)
        _move(place, moved, before)
    return top


def _fill(node: Node, entries: tuple[Entry, ...], which: int) -> None:
    for entry in entries:
        paths = entry.path.split("|")
        path = paths[min(which, len(paths) - 1)]
        if not path:
            continue
        place = node.at(path)
        if isinstance(entry, Part):
            _fill(place, entry.of, which)


def _move(node: Node, moved: str, before: str) -> None:
    taken = node.children.pop(moved, None)
    if taken is None:
        return
    order: dict[str, Node] = {}
    for name, child in node.children.items():
        if name == before:
            order[moved] = taken
        order[name] = child
    node.children = order


class Writer:
    """Writes the XSDs of one profile and root, a file a namespace."""

    def __init__(self, profile: str, root: str) -> None:
        """Begin with everything that the root's table reads, and what the profile asks."""
        self._table, which = ROOTS[root]
        self._top = tree_of(root)
        self._title = f"{profile}, {root}"
        for path, bound in PROFILES[profile][root].items():
            node = self._find(path)
            node.bound = bound
        space, _, self._local = self._table.grammar.roots[which][1:].rpartition("}")
        self._spaces = {**self._table.grammar.namespaces}
        known = {uri: prefix for prefix, uri in self._spaces.items()}
        self._main = known.get(space, "main")
        self._spaces[self._main] = space
        self._groups: dict[str, list[str]] = {prefix: [] for prefix in self._spaces}
        self._names: set[str] = set()

    def _find(self, path: str) -> Node:
        node = self._top
        for step in path.split("/"):
            node = node.children[step]
        return node

    def files(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the text of each file; the first is the one to open."""
        body = self._content(self._top, self._main, self._local, "  ")
        element = f'  <xs:element name="{self._local}">\n{body}  </xs:element>\n'
        yield "main.xsd", self._schema(self._main, element)
        for prefix, groups in self._groups.items():
            if prefix != self._main and groups:
                yield f"{prefix}.xsd", self._schema(prefix, "".join(groups))

    def _schema(self, prefix: str, body: str) -> str:
        used = sorted(key for key, groups in self._groups.items() if groups or key == self._main)
        spaces = "".join(f'\n    xmlns:{key}="{self._spaces[key]}"' for key in used)
        imports = "".join(
            f'  <xs:import namespace="{self._spaces[key]}" schemaLocation="{key}.xsd"/>\n'
            for key in used
            if key not in {prefix, self._main} and f"{key}:" in body
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<!-- {self._title}: made by schemas/build.py, see schemas/README.md -->\n"
            '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"'
            f'{spaces}\n    targetNamespace="{self._spaces[prefix]}"'
            ' elementFormDefault="qualified">\n'
            f"{imports}{body}</xs:schema>\n"
        )

    def _content(self, node: Node, here: str, place: str, indent: str) -> str:
        """Return the type of an element that is declared in the file of a namespace."""
        inner = f"{indent}      "
        runs = "".join(self._runs(node, here, place, inner))
        attributes = f"{indent}    " + '<xs:anyAttribute processContents="lax"/>\n'
        return (
            f"{indent}  <xs:complexType>\n{indent}    <xs:sequence>\n{runs}"
            f"{indent}    </xs:sequence>\n{attributes}{indent}  </xs:complexType>\n"
        )

    def _runs(self, node: Node, here: str, place: str, indent: str) -> Iterator[str]:
        """Yield what stands in an element: its own namespace in place, others as groups."""
        run: list[Node] = []
        for child in [*node.children.values(), None]:
            prefix = child.name.partition(":")[0] if child else ""
            if run and run[0].name.partition(":")[0] != prefix:
                yield self._run(run, here, place, indent)
                run = []
            if child:
                run.append(child)

    def _run(self, run: list[Node], here: str, place: str, indent: str) -> str:
        prefix = run[0].name.partition(":")[0]
        if prefix == here:
            return "".join(self._element(one, here, place, indent) for one in run)
        name = self._name(place)
        inside = "".join(self._element(one, prefix, place, "      ") for one in run)
        self._groups[prefix].append(
            f'  <xs:group name="{name}">\n    <xs:sequence>\n{inside}'
            "    </xs:sequence>\n  </xs:group>\n"
        )
        return f'{indent}<xs:group ref="{prefix}:{name}"/>\n'

    def _name(self, place: str) -> str:
        """Return a name for a group, after the place of the element it stands in."""
        name, number = place, 1
        while name in self._names:
            number += 1
            name = f"{place}-{number}"
        self._names.add(name)
        return name

    def _element(self, node: Node, here: str, place: str, indent: str) -> str:
        local = node.name.partition(":")[2]
        most = "unbounded" if node.bound.most == _MANY else node.bound.most
        occurs = f'minOccurs="{node.bound.least}" maxOccurs="{most}"'
        if not node.children:
            kind = self._text(node.bound, here)
            return f'{indent}<xs:element name="{local}" type="{kind}" {occurs}/>\n'
        body = self._content(node, here, f"{place}.{local}", indent)
        return f'{indent}<xs:element name="{local}" {occurs}>\n{body}{indent}</xs:element>\n'

    def _text(self, bound: Bound, here: str) -> str:
        """Return the name of a type for text: how long at most, which attributes it needs."""
        base = f"Text{bound.longest or ''}"
        if bound.longest:
            self._declare(
                here,
                f'  <xs:simpleType name="{base}.only">\n    <xs:restriction base="xs:string">\n'
                f'      <xs:maxLength value="{bound.longest}"/>\n'
                "    </xs:restriction>\n  </xs:simpleType>\n",
            )
        extended = f"{here}:{base}.only" if bound.longest else "xs:string"
        name = ".".join((base, *bound.needs))
        needed = "".join(
            f'        <xs:attribute name="{one}" use="required"/>\n' for one in bound.needs
        )
        self._declare(
            here,
            f'  <xs:complexType name="{name}">\n    <xs:simpleContent>\n'
            f'      <xs:extension base="{extended}">\n{needed}'
            '        <xs:anyAttribute processContents="lax"/>\n'
            "      </xs:extension>\n    </xs:simpleContent>\n  </xs:complexType>\n",
        )
        return f"{here}:{name}"

    def _declare(self, prefix: str, text: str) -> None:
        if text not in self._groups[prefix]:
            self._groups[prefix].append(text)


def made() -> Mapping[str, str]:
    """Return every file by its path below `HERE`."""
    return {
        f"{profile}-{root}/{name}": text
        for profile, roots in PROFILES.items()
        for root in roots
        for name, text in Writer(profile, root).files()
    }


def pin(folder: str) -> str:
    """Return what the catalogue pins of a folder: the hash of what ``sha256sum`` prints."""
    files = sorted((HERE / folder).glob("*.xsd"))
    lines = (f"{sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    return sha256("".join(lines).encode()).hexdigest()


def main(arguments: list[str]) -> int:
    """Write what differs, or only name it; return 1 if anything does and nothing was written."""
    wanted = made()
    found = {
        path.relative_to(HERE).as_posix(): path.read_text(encoding="utf-8")
        for path in HERE.rglob("*.xsd")
    }
    differ = sorted(name for name in wanted.keys() | found if wanted.get(name) != found.get(name))
    for name in differ:
        print(name)
        if "--check" in arguments:
            continue
        target = HERE / name
        if name not in wanted:
            target.unlink()
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(wanted[name], encoding="utf-8")
    if differ and "--check" not in arguments:
        for folder in sorted({name.partition("/")[0] for name in wanted}):
            print(f"config/packs.toml: {folder}: sha256 = {pin(folder)}")
    return 1 if differ and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
