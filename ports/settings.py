"""Every setting, read once from `SWITCHBOARD_…` environment variables; nothing else reads the environment."""

import sys
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SecretStr, ValidationInfo, ValidatorFunctionWrapHandler, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Network = IPv4Network | IPv6Network

EVERYWHERE: Final[tuple[Network, ...]] = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))

LAYOUT: Final = (
    "shard_number",
    "replication_factor",
    "write_consistency_factor",
    "on_disk_payload",
    "hnsw_config",
    "optimizers_config",
    "wal_config",
    "quantization_config",
)
"""What of Qdrant's `create_collection` an operator may say; what is in a collection is the program's."""

SCHEMES: Final = {
    "redis_url": ("redis", "rediss", "unix"),
    "database_url": ("postgresql", "postgres", "sqlite"),
    "qdrant_url": ("http", "https"),
    "ollama_urls": ("http", "https"),
}
"""What each URL may begin with."""


class Settings(BaseSettings):
    """What an operator can choose. The defaults run everything embedded, on loopback."""

    model_config = SettingsConfigDict(env_prefix="SWITCHBOARD_", frozen=True, extra="ignore")

    data_dir: Path = Path("data")
    """Where everything lives that must survive: index, database, log, made models. One process owns it."""
    models_dir: Path = Path(sys.prefix) / "share" / "switchboard"
    """Where the embedder made at set-up is kept; it is made anew where it is missing."""
    host: str = "127.0.0.1"
    """Address to serve on. Any other than loopback needs a key or a JWT secret first."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000

    redis_url: SecretStr | None = None
    """A Redis or Valkey server; unset starts the embedded one in the data folder."""
    qdrant_url: str | None = None
    """A Qdrant server; unset runs Qdrant Edge in process."""
    qdrant_api_key: SecretStr | None = None
    qdrant_layout: dict[str, Any] | None = None
    """How a Qdrant server makes collections, as JSON: `{"shard_number": 12, "replication_factor": 2, "on_disk_payload":
    true, "vectors_on_disk": true, "quantization_config": {"scalar": {"type": "int8", "always_ram": true}}}`."""
    collection: str = "passages"
    """The index's name in Qdrant."""
    database_url: SecretStr | None = None
    """`postgresql://…`; unset keeps SQLite in the data folder."""

    ollama_urls: Annotated[tuple[str, ...], NoDecode] = ()
    """Ollama hosts, separated by commas; unset answers from the documents' own sentences."""
    model_primary: str = "llama3:8b"
    model_fast: str = "llama3.2:3b-instruct-q4_K_M"
    model_analysis: str = "mistral:7b-instruct-v0.2-q4_K_M"
    model_code: str = "codellama:7b-instruct-q4_K_M"
    model_embedding: str = ""
    """An embedding model on the Ollama hosts, such as `nomic-embed-text:latest`, or `use-multilingual-3`, which comes
    with the extra `multilingual`; empty uses the embedded MiniLM."""
    num_ctx: Annotated[int, Field(ge=512, le=1_048_576)] = 8192
    """Context in tokens, the same for every request of a model: a change makes Ollama load it anew."""
    gguf: Path | None = None
    """A GGUF file for the in-process chat model; unset uses the packaged SmolLM2-135M."""
    gguf_sha256: str = ""
    """Checked before the file above is loaded; empty skips the check."""
    gguf_answers: bool = False
    """Let the in-process chat model write the answers rather than the documents' own sentences."""

    jwt_secret: SecretStr | None = None
    """Accept HS256 tokens signed with this, with claims `tenant` and `sub`; optional `department`, `role`."""

    tool_networks: Annotated[tuple[Network, ...] | None, NoDecode] = None
    """Networks that are not public in which agents' tools may be called, separated by commas: `10.1.0.0/16,127.0.0.1`.
    Unset: any where the server listens on loopback, else none. Who configures an agent chooses a tool's address."""

    answers: Literal["here", "workers"] = "here"
    """Who writes the answers: the server that took the message, or `switchboard worker` processes beside it."""
    max_running: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Answers written at the same time; more wait in the queue."""
    max_message: Annotated[int, Field(ge=1, le=1_000_000)] = 16_000
    """Characters in one message."""
    max_upload: Annotated[int, Field(ge=1_000)] = 50_000_000
    """Bytes in one uploaded document."""
    read_timeout: timedelta = timedelta(seconds=60)
    """The longest that reading one document may take."""
    read_memory: Annotated[int, Field(ge=500_000_000)] = 3_000_000_000
    """Bytes of address space for the process that reads a document; beyond that the document is refused."""
    web_networks: Annotated[tuple[Network, ...], NoDecode] = ()
    """Networks that are not public from which pages may be ingested, separated by commas, as for an intranet."""
    web_timeout: timedelta = timedelta(seconds=60)
    """The longest that fetching one page may take, redirects included."""
    web_delay: timedelta = timedelta(seconds=0.2)
    """Between two requests to the same host; its robots.txt may ask for more."""
    web_pages: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Pages that are taken from one sitemap."""
    log_ttl: timedelta = timedelta(hours=24)
    """How long a finished run's events can be replayed; afterwards the stored answer is sent."""
    cache_ttl: timedelta = timedelta(hours=24)
    """How long a supported answer is given again for the same question, while the index stays the same."""
    model_timeout: timedelta = timedelta(seconds=120)
    """Longest wait for the model's next token."""
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    """Threads for the embedder; 0 takes one for each core."""

    @field_validator("ollama_urls", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(url.strip().rstrip("/") for url in value.split(",") if url.strip())
        return value

    @field_validator("tool_networks", "web_networks", mode="before")
    @classmethod
    def _to_networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return tuple(ip_network(one.strip()) for one in value.split(",") if one.strip())
        except ValueError as error:
            raise ValueError(f"{error}; it must be networks such as 10.1.0.0/16,127.0.0.1") from error

    @field_validator(
        "log_ttl", "cache_ttl", "model_timeout", "read_timeout", "web_timeout", "web_delay", mode="wrap"
    )
    @classmethod
    def _to_time(cls, value: object, handler: ValidatorFunctionWrapHandler) -> object:
        """Read seconds too, which are text in the environment."""
        plain = isinstance(value, str) and value.strip().replace(".", "", 1).isdecimal()
        try:
            return handler(float(str(value)) if plain else value)
        except ValueError as error:
            raise ValueError("it must be seconds such as 3600, or ISO 8601 such as PT1H") from error

    @field_validator("redis_url", "database_url", "qdrant_url", "ollama_urls")
    @classmethod
    def _require_scheme(cls, value: Any, info: ValidationInfo) -> Any:
        """Raise ValueError for a URL of another kind, before a client of it says so in its own words."""
        able = SCHEMES[str(info.field_name)]
        for one in value if isinstance(value, tuple) else [value] if value else []:
            url = one.get_secret_value() if isinstance(one, SecretStr) else str(one)
            if url.partition("://")[0].partition("+")[0] not in able or not url.partition("://")[2]:
                raise ValueError(f"it must begin with {' or '.join(f'{scheme}://' for scheme in able)}")
        return value

    @field_validator("qdrant_layout")
    @classmethod
    def _require_layout(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        """Raise ValueError for what Qdrant's `create_collection` does not take, or what is not an operator's to say."""
        if value is None:
            return None
        from qdrant_client.models import CreateCollection  # only who sets it waits for it

        for name in value:
            if name != "vectors_on_disk" and name not in LAYOUT:
                raise ValueError(f"{name!r} is none of vectors_on_disk, {', '.join(LAYOUT)}")
        CreateCollection.model_validate(
            {name: one for name, one in value.items() if name != "vectors_on_disk"}
        )
        if not isinstance(value.get("vectors_on_disk", False), bool):
            raise ValueError("vectors_on_disk must be true or false")
        return value

    @property
    def inside(self) -> tuple[Network, ...]:
        """Return the networks that are not public in which tools may be called."""
        if self.tool_networks is not None:
            return self.tool_networks
        return EVERYWHERE if self.on_loopback else ()

    @property
    def on_loopback(self) -> bool:
        """Tell whether only this machine can reach the server."""
        return self.host in {"127.0.0.1", "localhost", "::1"}
