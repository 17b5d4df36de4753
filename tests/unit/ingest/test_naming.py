"""The grammar of flow names, held against the reference's own examples."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ingest.naming import FlowName, read_flow_name


@pytest.mark.parametrize(
    ("name", "code", "application"),
    [
        ("FSO1100A_ABC123_ABC1231100000000000000001", "FSO1100A", "ABC123"),
        ("FSO1106A_ABC123_ABC1231106000000000000002", "FSO1106A", "ABC123"),
        ("FSO1110A_QZ0007_QZ00071110000000000000042", "FSO1110A", "QZ0007"),
        ("FSO1117A_QZ0007_QZ00071117202610050000001", "FSO1117A", "QZ0007"),
        ("FSO1130A_BTP001_BTP0011130000000000000009", "FSO1130A", "BTP001"),
        ("FSO1157A_PAX417_PAX4171157000000000000042", "FSO1157A", "PAX417"),
        ("FSO1301A_VIL750_VIL7501301000000000000310", "FSO1301A", "VIL750"),
        ("FSO3110A_XYZ999_XYZ9993110000000000000001", "FSO3110A", "XYZ999"),
        ("CEN1204A_PAX417_PAX4171204000000000000007", "CEN1204A", "PAX417"),
        ("CEI3036A_PAR012_PAR0123036000000000000100", "CEI3036A", "PAR012"),
    ],
)
def test_a_name_that_follows_the_grammar_is_taken_apart(
    name: str, code: str, application: str
) -> None:
    """The ten valid names of the reference."""
    assert read_flow_name(name) == FlowName(code, application, name.rpartition("_")[2])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("FSO1100A_ABC123_ABC123110000000000000001", id="sequence-of-14"),
        pytest.param("FSO1100A_ABC123_ABC1231106000000000000001", id="digits-of-another-code"),
        pytest.param("FSO1100A_ABC123_XYZ9991100000000000000001", id="another-application"),
        pytest.param("FSO1100A_ABC12_ABC121100000000000000001", id="application-of-5"),
        pytest.param("fso1100a_ABC123_ABC1231100000000000000001", id="lower-case"),
        pytest.param("FSO1100A-ABC123-ABC1231100000000000000001", id="wrong-separator"),
        pytest.param("FSO1100A_ABC123_ABC1231100000000000000001.xml", id="extension-kept"),
        pytest.param("FSO1100_ABC123_ABC1231100000000000000001", id="version-letter-missing"),
        pytest.param("FSO1100A_ABC123_ABC1231100ABCDE0000000001", id="letters-in-the-sequence"),
        pytest.param("FEN1200A_ABC123_ABC1231200000000000000001", id="outbound-code"),
        pytest.param("FSO1100A_ABC123_ABC1231100000000000000001\n", id="newline-after"),
        pytest.param("FSO1100A_ABC123_ABC12311000000000000000٠١", id="digits-of-another-script"),
        pytest.param("", id="empty"),
    ],
)
def test_a_name_that_does_not_follow_the_grammar_is_no_name(name: str) -> None:
    """The ten invalid names of the reference, and three that fool careless patterns."""
    assert read_flow_name(name) is None


@settings(max_examples=50)
@given(
    st.from_regex("(FSO|CEN|CEI|CSI)[0-9]{4}A", fullmatch=True),
    st.from_regex("[A-Z0-9]{6}", fullmatch=True),
    st.from_regex("[0-9]{15}", fullmatch=True),
    st.data(),
)
def test_a_name_with_one_character_less_is_no_name(
    code: str, application: str, sequence: str, data: st.DataObject
) -> None:
    """Forty-one characters, each of which is needed."""
    identifier = f"{application}{code[3:7]}{sequence}"
    name = f"{code}_{application}_{identifier}"
    hole = data.draw(st.integers(min_value=0, max_value=len(name) - 1))

    assert read_flow_name(name) == FlowName(code, application, identifier)
    assert read_flow_name(name[:hole] + name[hole + 1 :]) is None
