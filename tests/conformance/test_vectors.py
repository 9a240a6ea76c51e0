"""The same cases on the embedded index and on qdrant_client's own in-memory one."""

import random
import warnings
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from ports.edge import EdgeClient
from ports.edge_filter import UnsupportedByEdge

Client = EdgeClient | AsyncQdrantClient
NAME = "things"
SIZE = 8
rng = np.random.default_rng(7)
DENSE = rng.normal(size=(40, SIZE)).astype(np.float32)
draw = random.Random(7)
TERMS = [sorted(draw.sample(range(30), 6)) for _ in range(40)]


def sparse(number: int) -> models.SparseVector:
    return models.SparseVector(indices=TERMS[number], values=[1.0 + index % 3 for index in TERMS[number]])


def point(number: int, **payload: object) -> models.PointStruct:
    return models.PointStruct(
        id=str(UUID(int=number + 1)),
        vector={"dense": DENSE[number].tolist(), "bm25": sparse(number)},
        payload={"tenant": f"t{number % 2}", "n": number, "tags": ["a", f"g{number % 4}"], **payload},
    )


def where(key: str, match: object) -> models.Filter:
    return models.Filter(must=[models.FieldCondition(key=key, match=match)])  # type: ignore[arg-type]


def tenant(name: str) -> models.Filter:
    return where("tenant", models.MatchValue(value=name))


@pytest.fixture(params=["edge", "memory"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Client]:
    made = EdgeClient(tmp_path) if request.param == "edge" else AsyncQdrantClient(":memory:")
    with warnings.catch_warnings():
        # in memory, payload indexes do nothing and search parameters but `idf` are ignored: it says so
        warnings.simplefilter("ignore", UserWarning)
        await made.create_collection(
            NAME,
            vectors_config={"dense": models.VectorParams(size=SIZE, distance=models.Distance.COSINE)},
            sparse_vectors_config={"bm25": models.SparseVectorParams(modifier=models.Modifier.IDF)},
            hnsw_config=models.HnswConfigDiff(m=16),
            metadata={"embedding": "test", "dimension": SIZE},
        )
        await made.create_payload_index(
            NAME,
            "tenant",
            field_schema=models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
        )
        await made.create_payload_index(NAME, "tags", field_schema=models.PayloadSchemaType.KEYWORD)
    yield made
    await made.close()


@pytest.fixture
async def filled(client: Client) -> Client:
    await client.upsert(NAME, [point(number) for number in range(40)])
    return client


async def numbers(client: Client, given: models.Filter) -> set[int]:
    records, _ = await client.scroll(NAME, scroll_filter=given, limit=100, with_payload=["n"])
    return {record.payload["n"] for record in records if record.payload is not None}


async def test_a_collection_tells_its_points_vectors_and_metadata(filled: Client) -> None:
    info = await filled.get_collection(NAME)

    assert info.points_count == 40
    assert info.config.metadata == {"embedding": "test", "dimension": SIZE}
    assert info.config.params.vectors == {
        "dense": models.VectorParams(size=SIZE, distance=models.Distance.COSINE)
    }
    assert info.config.params.sparse_vectors == {
        "bm25": models.SparseVectorParams(modifier=models.Modifier.IDF)
    }


async def test_collections_are_listed_and_deleted(client: Client) -> None:
    assert [one.name for one in (await client.get_collections()).collections] == [NAME]
    assert await client.collection_exists(NAME) is True

    assert await client.delete_collection(NAME) is True

    assert (await client.get_collections()).collections == []
    assert await client.collection_exists(NAME) is False


async def test_dense_scores_are_cosines(filled: Client) -> None:
    found = await filled.query_points(NAME, query=DENSE[3].tolist(), using="dense", limit=40)

    unit = DENSE / np.linalg.norm(DENSE, axis=1, keepdims=True)
    cosines = sorted((unit @ unit[3]).tolist(), reverse=True)
    assert [hit.score for hit in found.points] == pytest.approx(cosines, abs=1e-5)
    assert found.points[0].id == str(UUID(int=4))


async def test_a_query_gives_ten_points_with_payload_and_without_vectors(filled: Client) -> None:
    found = await filled.query_points(NAME, query=DENSE[0].tolist(), using="dense")

    assert len(found.points) == 10
    assert found.points[0].payload == {"tenant": "t0", "n": 0, "tags": ["a", "g0"]}
    assert found.points[0].vector is None


async def test_sparse_scores_are_weights_times_idf_over_the_collection(filled: Client) -> None:
    term = TERMS[0][0]
    holders = [number for number in range(40) if term in TERMS[number]]
    idf = np.log((40 - len(holders) + 0.5) / (len(holders) + 0.5) + 1)

    query = models.SparseVector(indices=[term], values=[1.0])
    found = await filled.query_points(NAME, query=query, using="bm25", limit=40)

    assert {hit.payload["n"] for hit in found.points if hit.payload} == set(holders)
    assert [hit.score for hit in found.points] == pytest.approx([(1.0 + term % 3) * idf] * len(holders))


async def test_idf_can_be_counted_over_one_tenant_alone(filled: Client) -> None:
    term = TERMS[0][0]
    mine = [number for number in range(0, 40, 2) if term in TERMS[number]]
    idf = np.log((20 - len(mine) + 0.5) / (len(mine) + 0.5) + 1)

    found = await filled.query_points(
        NAME,
        query=models.SparseVector(indices=[term], values=[1.0]),
        using="bm25",
        query_filter=tenant("t0"),
        search_params=models.SearchParams(idf=models.IdfCorpusParams(corpus=tenant("t0"))),
        limit=40,
    )

    assert [hit.score for hit in found.points] == pytest.approx([(1.0 + term % 3) * idf] * len(mine))


async def test_prefetches_are_fused_by_reciprocal_rank(filled: Client) -> None:
    prefetch = [
        models.Prefetch(query=DENSE[5].tolist(), using="dense", limit=5),
        models.Prefetch(query=sparse(5), using="bm25", limit=5),
    ]
    fused = await filled.query_points(
        NAME, prefetch=prefetch, query=models.FusionQuery(fusion=models.Fusion.RRF), limit=3
    )
    weighted = await filled.query_points(
        NAME, prefetch=prefetch, query=models.RrfQuery(rrf=models.Rrf(k=60)), limit=1
    )

    assert fused.points[0].id == str(UUID(int=6))
    assert fused.points[0].score == pytest.approx(2 / 2)
    assert weighted.points[0].score == pytest.approx(2 / 60)


async def test_a_batch_answers_each_request_in_order(filled: Client) -> None:
    found = await filled.query_batch_points(
        NAME,
        [
            models.QueryRequest(query=DENSE[7].tolist(), using="dense", limit=1, with_payload=["n"]),
            models.QueryRequest(query=sparse(9), using="bm25", limit=1, with_payload=["n"]),
            models.QueryRequest(query=DENSE[7].tolist(), using="dense", limit=2, offset=1),
        ],
    )

    assert [one.points[0].payload for one in found[:2]] == [{"n": 7}, {"n": 9}]
    assert len(found[2].points) == 2
    assert found[2].points[0].payload in (None, {})


async def test_a_score_threshold_cuts_off(filled: Client) -> None:
    found = await filled.query_points(NAME, query=DENSE[0].tolist(), using="dense", score_threshold=0.99)

    assert [hit.id for hit in found.points] == [str(UUID(int=1))]


async def test_no_query_crosses_its_tenant_filter(filled: Client) -> None:
    for number in range(40):
        found = await filled.query_batch_points(
            NAME,
            [
                models.QueryRequest(
                    query=query, using=using, filter=tenant("t1"), limit=40, with_payload=True
                )
                for query, using in ((DENSE[number].tolist(), "dense"), (sparse(number), "bm25"))
            ],
        )
        assert {hit.payload["tenant"] for one in found for hit in one.points if hit.payload} == {"t1"}


FILTERS: list[tuple[models.Filter, Callable[[int], bool]]] = [
    (tenant("t1"), lambda n: n % 2 == 1),
    (where("tags", models.MatchAny(any=["g1", "g2"])), lambda n: n % 4 in (1, 2)),
    (where("tenant", models.MatchExcept(**{"except": ["t1"]})), lambda n: n % 2 == 0),
    (models.Filter(must_not=[models.FieldCondition(key="n", range=models.Range(gte=5))]), lambda n: n < 5),
    (
        models.Filter(
            must=[models.FieldCondition(key="n", range=models.Range(lt=10, gt=3))],
            should=[
                models.FieldCondition(key="n", match=models.MatchValue(value=4)),
                models.FieldCondition(key="n", match=models.MatchValue(value=30)),
            ],
        ),
        lambda n: n == 4,
    ),
    (models.Filter(must=[models.HasIdCondition(has_id=[str(UUID(int=3))])]), lambda n: n == 2),
    (models.Filter(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="no"))]), lambda n: True),
    (models.Filter(must=[models.Filter(must_not=[tenant("t0")])]), lambda n: n % 2 == 1),
    (
        models.Filter(
            min_should=models.MinShould(
                conditions=[
                    models.FieldCondition(key="n", match=models.MatchValue(value=1)),
                    tenant("t1"),
                    models.FieldCondition(key="tags", match=models.MatchValue(value="g1")),
                ],
                min_count=3,
            )
        ),
        lambda n: n == 1,
    ),
    (models.Filter(must=models.FieldCondition(key="n", match=models.MatchValue(value=9))), lambda n: n == 9),
    (models.Filter(must=[]), lambda n: True),
]


@pytest.mark.parametrize(("given", "holds"), FILTERS)
async def test_filters_select_the_same_points(
    filled: Client, given: models.Filter, holds: Callable[[int], bool]
) -> None:
    expected = {number for number in range(40) if holds(number)}

    assert await numbers(filled, given) == expected
    assert (await filled.count(NAME, count_filter=given)).count == len(expected)


async def test_scroll_pages_through_everything_once(filled: Client) -> None:
    seen: list[str] = []
    offset = None
    while True:
        records, offset = await filled.scroll(NAME, limit=7, offset=offset, with_payload=False)
        seen += [str(record.id) for record in records]
        if offset is None:
            break

    assert sorted(seen) == sorted({str(UUID(int=number + 1)) for number in range(40)})


async def test_retrieve_gives_the_points_that_exist(filled: Client) -> None:
    ids = [str(UUID(int=number)) for number in (2, 999, 5)]

    found = await filled.retrieve(NAME, ids, with_payload=["n"], with_vectors=["bm25"])

    assert {record.id: record.payload for record in found} == {ids[0]: {"n": 1}, ids[2]: {"n": 4}}
    vectors = {record.id: record.vector for record in found}
    assert vectors[ids[0]] == {"bm25": sparse(1)}


async def test_upserting_again_replaces(filled: Client) -> None:
    await filled.upsert(NAME, [point(3, n=300)])

    assert (await filled.count(NAME)).count == 40
    assert (await filled.retrieve(NAME, [str(UUID(int=4))]))[0].payload == {
        "tenant": "t1", "n": 300, "tags": ["a", "g3"],
    }  # fmt: skip


async def test_payload_is_set_by_id_and_by_filter(filled: Client) -> None:
    await filled.set_payload(NAME, {"seen": "yes"}, points=[str(UUID(int=1))])
    await filled.set_payload(NAME, {"odd": "yes"}, points=tenant("t1"))

    assert await numbers(filled, where("seen", models.MatchValue(value="yes"))) == {0}
    assert await numbers(filled, where("odd", models.MatchValue(value="yes"))) == set(range(1, 40, 2))


async def test_points_are_deleted_by_id_and_by_filter(filled: Client) -> None:
    await filled.delete(NAME, points_selector=[str(UUID(int=1))])
    await filled.delete(NAME, points_selector=models.FilterSelector(filter=tenant("t1")))
    await filled.delete(NAME, points_selector=models.PointIdsList(points=[str(UUID(int=3))]))

    assert await numbers(filled, models.Filter()) == set(range(4, 40, 2))


async def test_a_vector_of_another_size_is_refused_whole(client: Client) -> None:
    wrong = models.PointStruct(id=1, vector={"dense": [1.0, 2.0]}, payload={})

    with pytest.raises((UnexpectedResponse, ValueError)):
        await client.upsert(NAME, [point(0), wrong])

    if isinstance(client, EdgeClient):  # in memory, what stands before the wrong point is kept
        assert (await client.count(NAME)).count == 0


async def test_an_unknown_collection_is_named(client: Client) -> None:
    # in memory it is a ValueError; the embedded index raises the 404 of a server
    with pytest.raises((UnexpectedResponse, ValueError), match="nowhere"):
        await client.count("nowhere")


async def test_an_unknown_vector_name_is_refused(filled: Client) -> None:
    with pytest.raises((UnexpectedResponse, ValueError), match="other"):
        await filled.query_points(NAME, query=DENSE[0].tolist(), using="other")


async def test_the_embedded_index_refuses_what_it_would_have_to_ignore(filled: Client) -> None:
    if not isinstance(filled, EdgeClient):
        pytest.skip("the server's client takes all of its own arguments")
    circle = models.GeoRadius(center=models.GeoPoint(lon=0, lat=0), radius=1)
    near = models.Filter(must=[models.FieldCondition(key="at", geo_radius=circle)])

    with pytest.raises(UnsupportedByEdge, match="geo"):
        await filled.count(NAME, count_filter=near)
    with pytest.raises(UnsupportedByEdge, match="true or false"):
        await filled.count(NAME, count_filter=where("n", models.MatchValue(value=True)))
    with pytest.raises(UnsupportedByEdge, match="consistency"):
        await filled.query_points(NAME, query=DENSE[0].tolist(), using="dense", consistency=2)
    with pytest.raises(UnsupportedByEdge, match="type int"):
        await filled.query_points(NAME, query=3, using="dense")
    with pytest.raises(UnsupportedByEdge, match="multivector"):
        await filled.create_collection(
            "many",
            vectors_config=models.VectorParams(
                size=2,
                distance=models.Distance.DOT,
                multivector_config=models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM),
            ),
        )
