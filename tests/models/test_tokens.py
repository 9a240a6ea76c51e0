"""Counting tokens without the model's tokenizer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage, SystemMessage

from models.tokens import PER_PROMPT, estimate, most
from tests.servers.llama import small_model

TEXTS = [
    "The handbook says that employees may work from abroad for up to thirty days in a calendar year.",
    "Der Betriebsrat muss vor jeder Kündigung angehört werden; Überstunden werden ausgeglichen.",
    "Сотрудники могут работать удалённо до тридцати дней в году.",
    "员工每年最多可以在国外工作三十天。",
    "يمكن للموظفين العمل من الخارج لمدة ثلاثين يوما في السنة.",
    "def total(rows: list[int]) -> int:\n    return sum(row for row in rows if row > 0x1F)\n" * 3,
    "| Name | Price |\n|------|------:|\n| Widget XL-200 | 1,299.00 EUR |\n" * 3,
    "https://intranet.example.com/hr/policies/2024-05-17/leave?id=83921&lang=en",
    "ANNUAL LEAVE REQUEST FORM HR-17B",
]


@pytest.mark.parametrize("text", TEXTS)
def test_an_estimate_is_never_below_the_models_count(text: str) -> None:
    prompt = [HumanMessage(text * 20)]  # so that the margin for the template hides nothing
    assert small_model().count_tokens(prompt) <= estimate(prompt) <= most(prompt)


def test_english_prose_is_estimated_at_most_at_twice_its_tokens() -> None:
    prompt = [SystemMessage(""), HumanMessage(TEXTS[0] * 10)]
    assert estimate(prompt) - PER_PROMPT <= 2 * small_model().count_tokens(prompt)


@given(st.lists(st.text(max_size=100), max_size=5))
def test_more_messages_are_never_fewer_tokens(texts: list[str]) -> None:
    prompt = [HumanMessage(text) for text in texts]
    assert estimate(prompt) < estimate([*prompt, HumanMessage("")])
    assert most(prompt) < most([*prompt, HumanMessage("")])


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_no_text_has_more_tokens_than_the_upper_bound(text: str) -> None:
    prompt = [SystemMessage(""), HumanMessage(text)]
    assert small_model().count_tokens(prompt) <= most(prompt)
