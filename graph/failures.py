"""Third-party exceptions, known in this one file: what each means to a person, and whether it passes."""

import sqlite3
import sys

import httpx
import psycopg
import sqlalchemy.exc
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse
from redis.exceptions import RedisError

from contracts.errors import IndexUnavailable, Internal, ModelUnavailable, StoreUnavailable, SwitchboardError


def known(error: BaseException) -> SwitchboardError:
    """Return the failure as a person meets it; what is not known is a defect of ours."""
    match error:
        case SwitchboardError():
            return error
        case ApiException() | ResponseHandlingException() | UnexpectedResponse():
            return IndexUnavailable("The document index does not answer. Try again in a moment.")
        case _ if _is_ollamas(error):
            return ModelUnavailable("The model host does not answer. Try again in a moment.")
        case httpx.HTTPError() | ConnectionError():
            return ModelUnavailable("The model host does not answer. Try again in a moment.")
        case RedisError():
            return StoreUnavailable("The run log does not answer. Try again in a moment.")
        case (
            sqlalchemy.exc.OperationalError()
            | sqlalchemy.exc.InterfaceError()
            | sqlalchemy.exc.TimeoutError()
        ):
            return StoreUnavailable("The database does not answer. Try again in a moment.")
        case sqlite3.OperationalError() | psycopg.OperationalError():
            return StoreUnavailable("The database does not answer. Try again in a moment.")
        case _:
            return Internal("Something went wrong on our side; it has been noted. Ask again.")


def _is_ollamas(error: BaseException) -> bool:
    """Tell whether the client of model hosts raised it. Where none is set it is not loaded, and not here either."""
    library = sys.modules.get("ollama")
    return library is not None and isinstance(error, library.ResponseError)


def is_passing(error: Exception) -> bool:
    """Tell whether another try may work: an outage may, a wrong request and a defect do not."""
    return isinstance(known(error), IndexUnavailable | StoreUnavailable)
