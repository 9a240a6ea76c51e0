"""Whether a text adds the kind of answer that is asked for."""

import pytest

from retrievers.kinds import adds


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        ("How many people work in Ghent?", "96 people work there.", 1.0),
        ("How many people work in Ghent?", "Many people work there.", -1.0),
        ("Who approves EUR 4,000?", "EUR 4,000 has to be approved.", -1.0),
        ("How much over EUR 4,000?", "Up to EUR 4,000 it is free.", -1.0),
        ("When is salary paid?", "On the 25th of each month.", 1.0),
        ("When is salary paid?", "By bank transfer.", -1.0),
        ("Where do I report it?", "Write to help@example.org.", 1.0),
        ("Who is asked?", "You are.", -1.0),
        ("May I bring a dog?", "Yes.", 0.0),
        ("what does a bench cost", "It seats 4 people.", -1.0),
        ("what does a bench cost", "It is sold for EUR 40.", 1.0),
        ("how much is a bench", "Benches are free.", 1.0),
        ("how many weeks of leave are there", "There are 20 weeks.", 1.0),
        ("how many weeks of leave are there", "There are 20 kinds.", -1.0),
        ("when does the shop open", "It opens on 3 May.", -1.0),
        ("when does the shop open", "It opens at 07:30.", 1.0),
        ("whos in charge", "Ada Lovelace.", 1.0),
    ],
)
def test_a_number_time_or_name_counts_only_where_the_question_lacks_it(
    question: str, text: str, expected: float
) -> None:
    assert adds(question, text) == expected


def test_a_header_may_name_the_unit() -> None:
    assert adds("How many days do I get?", "| 5 or more | 28 |", "| Years | Days of leave |") == 1.0
    assert adds("How many hours do I get?", "| 5 or more | 28 |", "| Years | Days of leave |") == -1.0
