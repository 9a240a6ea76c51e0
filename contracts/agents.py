"""How one agent behaves: kept in the database, edited over the API."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from contracts.tools import Tool


class EscalationLimit(BaseModel):
    """At most `limit` tickets a user in each period of `per` seconds."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=0, le=1000)] = 5
    per: Annotated[int, Field(ge=60, le=31_536_000)] = 86_400
    """Seconds."""


class ModelChoice(BaseModel):
    """Which model does what. An empty name means the embedded default."""

    model_config = ConfigDict(extra="forbid")

    primary: Annotated[str, Field(max_length=200)] = ""
    fast: Annotated[str, Field(max_length=200)] = ""
    analysis: Annotated[str, Field(max_length=200)] = ""
    code: Annotated[str, Field(max_length=200)] = ""


class AgentConfig(BaseModel):
    """The configuration of one agent."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)] = "Switchboard"
    confidence_threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Least probability at which the agent answers by itself; 0 always answers."""
    multitask_strategy: Literal["reject", "enqueue", "interrupt"] = "reject"
    """What becomes of a message while another is answered in its conversation, where the message does not say."""
    approve_below: Annotated[float, Field(ge=0, le=1)] = 0
    """Answers less probable than this are shown to a person first; 0 never, 1 always."""
    approval_expires: Annotated[int, Field(ge=60, le=2_592_000)] = 86_400
    """Seconds that a person has to say yes; then the run goes on without."""
    blocked_topics: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=200)
    ] = []
    escalation: EscalationLimit = EscalationLimit()
    persona: Annotated[dict[str, Annotated[str, Field(max_length=4000)]], Field(max_length=50)] = {}
    """How to speak, by the asker's role; the key `default` serves the roles not named."""
    knowledge: Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=200)] = []
    """Source prefixes that this agent may read; empty reads all of the tenant's documents."""
    models: ModelChoice = ModelChoice()
    tools: Annotated[list[Tool], Field(max_length=20)] = []
    """What models of an Ollama host may call while they answer."""
    examples: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=10)] = []
    """Questions that the page offers to a newcomer."""

    @field_validator("tools")
    @classmethod
    def _require_names(cls, tools: list[Tool]) -> list[Tool]:
        if len({tool.name for tool in tools}) < len(tools):
            raise ValueError("each tool must have a name of its own")
        return tools
