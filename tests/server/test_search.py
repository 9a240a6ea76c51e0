"""POST /search with a bound on the text."""

from tests.servers.runtime import Runtime


def test_a_search_with_a_bound_returns_parts_that_fit_into_it_and_stand_where_they_say(
    runtime: Runtime,
) -> None:
    query = {"query": "How many days of annual leave do full-time employees have?", "limit": 50}
    whole = {one["id"]: one for one in runtime.http.post("/search", json=query).json()["passages"]}
    parts = runtime.http.post("/search", json={**query, "characters": 300}).json()["passages"]

    assert "26 days" in parts[0]["text"]
    assert 0 < sum(one["end"] - one["start"] for one in parts) <= 310
    for one in parts:
        around = whole[one["id"]]
        offset = one["start"] - around["start"]
        assert around["text"][offset : offset + len(one["text"])] == one["text"]
        assert one["end"] - one["start"] == len(one["text"])
