"""Flow names: the grammar of DSE §5.4.3.1, read and written.

``code_interface(8) _ code_application(6) _ identifiant(25)``, where the identifier is
the application code, the interface's four digits and a sequence of fifteen digits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(
    r"(?P<code>(?:FSO|CEN|CEI|CSI)(?P<digits>[0-9]{4})A)_(?P<application>[A-Z0-9]{6})"
    r"_(?P<identifier>(?P=application)(?P=digits)[0-9]{15})"
)


@dataclass(frozen=True, slots=True)
class FlowName:
    """One inbound flow name, taken apart.

    Attributes:
        code: Interface code, eight characters.
        application: The sender's application code, six characters.
        identifier: The flow's identifier, twenty-five characters.
    """

    code: str
    application: str
    identifier: str


def read_flow_name(name: str) -> FlowName | None:
    """Take an inbound flow name apart; None if it does not follow the grammar.

    >>> read_flow_name("FSO1100A_ABC123_ABC1231100000000000000001").identifier
    'ABC1231100000000000000001'
    >>> read_flow_name("FSO1100A_ABC123_ABC1231106000000000000001") is None
    True
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    return FlowName(match["code"], match["application"], match["identifier"])
