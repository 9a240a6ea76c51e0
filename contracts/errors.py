"""Every failure a person can meet, with its stable code and HTTP status.

    SwitchboardError
    |-- BadRequest 400            BadCursor 400
    |-- Unauthorized 401          Forbidden 403
    |-- Unknown 404               unknown_conversation, unknown_run, unknown_agent, ...
    |-- ConversationBusy 409      NotOpen 409
    |-- TooLong 413               TooLarge 413
    |-- UnreadableDocument 422
    |-- RateLimited 429           BudgetExhausted 429
    |-- Internal 500              GivenUp 500
    |-- ModelUnavailable 503      IndexUnavailable 503      StoreUnavailable 503
    `-- SetupError                FolderInUse, EmbeddingMismatch, DamagedWeights: before serving, shown on the terminal

`message` says what happened, with which value and limit, and what to do. It is shown to people and
never carries a stack, a path of the server, a prompt or a secret.
"""

from typing import ClassVar


class SwitchboardError(Exception):
    """A failure with a stable code, an HTTP status and one sentence for the person who meets it."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after
        """Seconds after which another try makes sense; sent as `Retry-After`."""

    def body(self) -> dict[str, str | bool]:
        """Return the HTTP body, which is the `error` event's data as well."""
        return {"code": self.code, "message": self.message, "retryable": self.retryable}


class BadRequest(SwitchboardError):
    """The request cannot be understood; sending it again changes nothing."""

    code, status = "bad_request", 400


class BadCursor(BadRequest):
    """A cursor that this server did not give out, or that belongs to another list."""


class Unauthorized(SwitchboardError):
    """No key, or one that does not hold."""

    code, status = "unauthorized", 401


class Forbidden(SwitchboardError):
    """The key is good, but not for this."""

    code, status = "forbidden", 403


class Unknown(SwitchboardError):
    """Nothing of that id exists for this tenant."""

    status = 404

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"There is no {kind} {id[:80]!r} here. Check the id, or list what exists.")
        self.kind = kind

    def body(self) -> dict[str, str | bool]:
        return {**super().body(), "code": f"unknown_{self.kind}"}


class ConversationBusy(SwitchboardError):
    """A run is already answering in this conversation."""

    code, status, retryable = "conversation_busy", 409, True


class NotOpen(SwitchboardError):
    """The thing exists, but it has already been ended."""

    code, status = "not_open", 409


class TooLong(SwitchboardError):
    """A text over its limit."""

    code, status = "too_long", 413


class TooLarge(TooLong):
    """A file over its limit."""


class UnreadableDocument(SwitchboardError):
    """A file that cannot be turned into text: damaged, locked, empty or of an unknown kind."""

    code, status = "unreadable_document", 422


class RateLimited(SwitchboardError):
    """Too many requests in the period."""

    code, status, retryable = "rate_limited", 429, True


class BudgetExhausted(SwitchboardError):
    """The money or tokens of the period are spent."""

    code, status, retryable = "budget_exhausted", 429, True


class Internal(SwitchboardError):
    """A defect of ours; the log has the details under the run's id."""

    retryable = True


class GivenUp(SwitchboardError):
    """A run that the server died in again and again: the same question would end the same way."""

    code = "given_up"


class ModelUnavailable(SwitchboardError):
    """No host answers for the model, or its answer broke off."""

    code, status, retryable = "model_unavailable", 503, True


class IndexUnavailable(SwitchboardError):
    """The vector index does not answer."""

    code, status, retryable = "index_unavailable", 503, True


class StoreUnavailable(SwitchboardError):
    """The database or the run log does not answer."""

    code, status, retryable = "store_unavailable", 503, True


class SetupError(SwitchboardError):
    """Something on this machine keeps Switchboard from starting; the message names the way out."""

    code = "setup"


class FolderInUse(SetupError):
    """Another process owns the data folder."""

    code = "folder_in_use"


class EmbeddingMismatch(SetupError):
    """The index was built with another embedding model than the one configured."""

    code = "embedding_mismatch"


class DamagedWeights(SetupError):
    """A model file's sha256 is not the pinned one."""

    code = "damaged_weights"
