"""What a text is found by: words, identifiers whole and in parts, runs of characters."""

import pytest

from retrievers.words import terms_of, words_of


def terms(text: str) -> list[str]:
    return [term for word in words_of(text) for term in terms_of(word, "english")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Running cats ran", ["run", "cat", "ran"]),
        ("ERR_42", ["err_42", "err", "42"]),
        ("v1.2.3", ["v1.2.3", "1.2.3", "v1", "2", "3"]),
        ("the kv-store.", ["kv-store", "kv", "store"]),
        ("C++ or C#", ["c++", "c#"]),
        ("What is it?", []),
        ("no refunds", ["no", "refund"]),
        ("asyncio.TaskGroup", ["asyncio.taskgroup", "asyncio", "taskgroup", "task", "group"]),
        ("TaskGroup", ["taskgroup", "task", "group"]),
        ("max_wal_size", ["max_wal_size", "max", "wal", "size"]),
        ("OAPEC", ["oapec"]),
        ("2024-03-01", ["2024-03-01", "2024", "03", "01"]),
        ("§ 12", ["§12", "12"]),
        ("1,200.50 and 1,200", ["1200.50", "1200", "1200"]),
        ("1.200", ["1.200", "1200"]),
        ("python3", ["python3", "python", "3"]),
        ("a.b@example.com", ["a.b@example.com", "example.com", "exampl", "com"]),
        ("ERR_CONN-4711", ["err_conn-4711", "err", "conn", "4711"]),
        ("東京都", ["東京", "京都"]),
        ("水", ["水"]),
        ("iPhone手机", ["iphon", "phone", "手机"]),
        ("한국어를", ["한국", "국어", "어를"]),
        ("ภาษาไทย", ["ภาษ", "าษา", "ษาไ", "าไท", "ไทย"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
    ],
)
def test_terms_are_stems_and_identifiers_whole_and_in_parts(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("TaskGroup", "asyncio.TaskGroup.create_task()"),
        ("create_task", "asyncio.TaskGroup.create_task()"),
        ("TaskGroup.create_task", "asyncio.TaskGroup.create_task()"),
        ("postgresql.conf", "/etc/postgresql/15/main/postgresql.conf"),
        ("4711", "ERR_CONN-4711"),
        ("example.com", "someone@example.com"),
        ("http server", "HTTPServer"),
    ],
)
def test_every_part_of_an_identifier_finds_it(asked: str, written: str) -> None:
    assert set(terms(asked)) <= set(terms(written))
