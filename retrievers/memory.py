"""What stands already for one asker of one agent: approved answers first, then the ones given before."""

import asyncio
from collections.abc import Sequence

from contracts.state import Recalled, RunState
from retrievers.cache import AnswerCache
from retrievers.canonical import CanonicalAnswers, Readable


class AnswerMemory:
    """Serves contracts.context.Memory for one run, with tenant, agent and scope bound.

    `scope` names all else that an answer depends on: groups and knowledge sorted, persona, models.
    """

    def __init__(
        self,
        canonical: CanonicalAnswers,
        cache: AnswerCache,
        *,
        tenant: str,
        agent: str,
        scope: Sequence[str] = (),
        readable: Readable | None = None,
    ) -> None:
        if not tenant or not agent:
            raise ValueError("memory needs a tenant and an agent")
        self._canonical = canonical
        self._cache = cache
        self._tenant = tenant
        self._agent = agent
        self._scope = tuple(scope)
        self._readable = readable
        self._version: int | None = None

    async def recall(self, question: str) -> Recalled | None:
        """Return the approved answer that fits, else the one given to this very question before, else None."""
        approved, given = await asyncio.gather(
            self._canonical.find(self._tenant, self._agent, question, readable=self._readable),
            self._given(question),
        )
        return approved or given

    async def _given(self, question: str) -> Recalled | None:
        self._version, found = await self._cache.find(self._tenant, self._agent, self._scope, question)
        return found

    async def remember(self, question: str, state: RunState) -> None:
        """Keep a fully supported answer to a question that stands alone, until the index changes.

        It is kept under the index version that `recall` saw, before anything was retrieved; without a `recall`
        nothing is kept.
        """
        if self._version is None or not _worth_keeping(state):
            return
        answer = _to_recalled(state)
        await self._cache.keep(self._tenant, self._agent, self._scope, question, self._version, answer)


def _worth_keeping(state: RunState) -> bool:
    citations = state.get("citations", [])
    decision = state.get("decision")
    return (
        decision is not None
        and decision["path"] == "auto_answer"
        and state.get("status", "completed") == "completed"
        and not state.get("recalled")
        and not state.get("turns")
        and bool(state.get("text", "").strip())
        and bool(citations)
        and all(citation["supported"] for citation in citations)
    )


def _to_recalled(state: RunState) -> Recalled:
    return Recalled(
        kind="exact",
        text=state.get("text", ""),
        score=state["decision"]["confidence"] if "decision" in state else 0.0,
        approved_by="",
        approved_at="",
        passages=state.get("kept") or state.get("passages", []),
        citations=state.get("citations", []),
    )
