"""What an agent can do beside answering: tools that are called over HTTP."""

import json
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

SCHEMA: Final = 8_000
"""Characters of a tool's schema: every prompt carries it."""


class Rule(BaseModel):
    """What a schema says of one argument, as far as it is checked here."""

    type: str | list[str] = ""
    enum: list[Any] = []


class Schema(BaseModel):
    """The top level of a JSON schema of an object, as far as it is checked here."""

    type: Literal["object"]
    properties: dict[str, Rule] = {}
    required: list[str] = []


class Tool(BaseModel):
    """Something that the agent can do over HTTP: the arguments are posted to the address as JSON."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
    description: Annotated[str, Field(min_length=1, max_length=1000)]
    """What it does and when to use it, for the model and for the person who allows it."""
    parameters: dict[str, Any] = {"type": "object", "properties": {}}
    """A JSON schema of type `object`."""
    url: Annotated[str, Field(max_length=2000)]
    approve: bool = True
    """A person says yes to each call first."""
    timeout: Annotated[int, Field(ge=1, le=60)] = 10
    """Seconds."""

    @field_validator("url")
    @classmethod
    def _require_http(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            able = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            able = False
        if not able:
            raise ValueError("it must begin with http:// or https:// and name a host")
        return url

    @field_validator("parameters")
    @classmethod
    def _require_object(cls, schema: dict[str, Any]) -> dict[str, Any]:
        try:
            Schema.model_validate(schema)
        except ValidationError:
            example = '{"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}'
            raise ValueError(f"it must be a JSON schema such as {example}") from None
        if len(json.dumps(schema)) > SCHEMA:
            raise ValueError(f"it must be no longer than {SCHEMA:,} characters as JSON")
        return schema
