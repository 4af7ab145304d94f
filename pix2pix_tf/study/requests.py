"""Typed request bodies of the study's server, bounded in size and time."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from pix2pix_tf.web.app import read_body

MAX_BODY_BYTES = 4096  # an answer has some 100
BODY_SECONDS = 10.0

Milliseconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Body = TypeVar("Body", bound=BaseModel)


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class StartBody(_Body):
    """The body of POST /session."""

    invite: Annotated[str, Field(max_length=200)] | None = None


class AnswerBody(_Body):
    """The body of POST /trials/N: which image was taken for the fake, and the times measured."""

    fake: Literal["first", "second"]
    first_ms: Milliseconds
    second_ms: Milliseconds
    response_ms: Milliseconds
    showings: Annotated[int, Field(ge=1, le=10**6)]


async def parse_body(request: Request, kind: type[Body]) -> Body:
    """Reads and validates the JSON body of a request.

    Args:
        request: The request.
        kind: The model of the body.

    Raises:
        HTTPException: 415 for another content type, 413 or 408 for a body that is too large or too
            slow, 400 for one that is invalid.
    """
    # Forms of other sites cannot send this type, so that they cannot answer in a visitor's name.
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "Expected application/json.")
    data = await read_body(request, MAX_BODY_BYTES, BODY_SECONDS)
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, problem["loc"])) or "body"
        raise HTTPException(400, f"{place}: {problem['msg']}.") from None


def trial_number(request: Request) -> int:
    """Returns the number of the trial in the request's path.

    Raises:
        HTTPException: 404 if it is not a number.
    """
    text = request.path_params["number"]
    if not (text.isascii() and text.isdecimal() and len(text) <= 6):
        raise HTTPException(404, "There is no such trial.")
    return int(text)
