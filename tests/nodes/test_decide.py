"""What a bare topic may mean."""

from contracts.state import Passage
from nodes.decide import MOST, rivals


def passage(title: str, heading: str = "", score: float = 0.8, text: str = "All about leave.") -> Passage:
    return {
        "id": title + heading, "source": f"{title}.md", "title": title, "headings": [heading] if heading else [],
        "page": None, "start": 0, "end": len(text), "score": score, "text": text, "signals": {},
    }  # fmt: skip


FOUND = [passage("Annual leave", "Asking"), passage("Parental leave"), passage("Study leave", score=0.5)]


def test_a_bare_topic_has_the_places_that_name_it_best_first():
    assert rivals("leave?", FOUND) == ["Asking (Annual leave)", "Parental leave", "Study leave"]


def test_a_question_in_words_with_two_of_content_has_none():
    assert rivals("When is leave refused?", FOUND) == []
    assert rivals("opening hours of the office", FOUND) == []


def test_a_place_far_behind_or_about_something_else_is_no_rival():
    far = passage("Sick leave", score=0.3)
    other = passage("Kitchen", text="Please wash up.")
    assert rivals("leave?", [FOUND[0], far, other]) == []


def test_plain_text_is_named_by_its_own_heading():
    plain = passage("office", text="5. PARKING\n\nNo cars.\n\n6. OPENING HOURS\n\nFrom 8 on.")
    assert rivals("opening hours", [plain, passage("Opening hours of the hotline")]) == [
        "Opening hours (office)",
        "Opening hours of the hotline",
    ]


def test_each_document_is_named_before_one_is_named_twice():
    twice = [passage("Leave", str(n)) for n in range(9)]
    options = rivals("leave?", [*twice, passage("Parental leave")])
    assert options[:2] == ["0 (Leave)", "Parental leave"]
    assert len(options) == MOST


def test_what_is_asked_to_be_explained_has_no_rival_in_its_own_entry():
    found = [passage("Glossary", "Leave"), passage("Parental leave")]
    assert rivals("what is leave?", found) == []
    assert rivals("where is leave?", found) == rivals("leave?", found) != []
