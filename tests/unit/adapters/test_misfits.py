"""What is wrong with a value of a configuration file is said in French first."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipeline.adapters.misfits import in_words


class Sheet(BaseModel):
    """Keys of every kind that a sheet has."""

    model_config = ConfigDict(extra="forbid")

    name: str = "a"
    day: date | None = None
    way: Literal["test", "report"] = "test"
    many: tuple[Annotated[int, Field(gt=0)], ...] = ()
    own: str = ""

    @field_validator("own")
    @classmethod
    def _refuse(cls, value: str) -> str:
        raise ValueError(f"{value}: à nous / ours")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": 12}, "un texte est attendu / Input should be a valid string"),
        ({"day": "hier"}, "une date est attendue, comme 2026-09-01 / Input should be"),
        ({"way": "x"}, "attendu 'test' ou 'report' / Input should be 'test' or 'report'"),
        ({"many": 5}, "une liste est attendue / Input should be a valid tuple"),
        ({"many": [0]}, "doit dépasser 0 / Input should be greater than 0"),
        ({"colour": 1}, "clé inconnue / Extra inputs are not permitted"),
        ({"own": "x"}, "x: à nous / ours"),
    ],
)
def test_each_fault_is_told_in_both_languages(given: dict[str, object], told: str) -> None:
    """Whoever writes sheets need not read the English of a library."""
    with pytest.raises(ValidationError) as refused:
        Sheet.model_validate(given)

    (fault,) = refused.value.errors()
    assert in_words(fault).startswith(told)
