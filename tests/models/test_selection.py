"""Which model does what, and what it costs."""

import pytest

from contracts.agents import ModelChoice
from models.prices import Price, Prices
from models.selection import model_for

ALL = ModelChoice(primary="llama3:8b", fast="llama3.2:3b", analysis="mistral:7b", code="codellama:7b")


def test_each_task_has_its_model() -> None:
    assert {
        task: model_for(task, ALL) for task in ("answer", "smalltalk", "rewrite", "analysis", "code")
    } == {
        "answer": "llama3:8b",
        "smalltalk": "llama3.2:3b",
        "rewrite": "llama3.2:3b",
        "analysis": "mistral:7b",
        "code": "codellama:7b",
    }


def test_the_primary_stands_in_for_models_that_are_not_named() -> None:
    assert model_for("code", ModelChoice(primary="llama3:8b")) == "llama3:8b"
    assert model_for("answer", ModelChoice(fast="small")) == "small"
    assert model_for("analysis", ModelChoice()) == ""


def test_tokens_cost_what_the_table_says() -> None:
    prices = Prices({"llama3:8b": Price(prompt=0.5, completion=1.5)})
    assert prices.cost("llama3:8b", 2_000, 1_000) == pytest.approx(0.0025)


def test_a_model_without_a_price_costs_nothing() -> None:
    assert Prices().cost("llama3:8b", 1_000_000, 1_000_000) == 0.0
