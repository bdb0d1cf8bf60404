"""Errors as problem+json: what was expected, and what came. Source: RFC 9457."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from vision.errors import ConfigError, OutputError
from vision.serve.questions import QuestionError

LOG = logging.getLogger("vision.serve")
MEDIA_TYPE = "application/problem+json"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457: what went wrong.",
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string", "description": "the status in words"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what was expected, and what came"},
    },
    "required": ["type", "title", "status", "detail"],
}


def documented(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The errors of an operation, for its description."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {code: {"description": HTTPStatus(code).phrase, "content": content} for code in codes}


def problem(code: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error as an answer."""
    body = {"type": "about:blank", "title": HTTPStatus(code).phrase, "status": code, "detail": detail}
    return JSONResponse(body, code, {**(headers or {}), "cache-control": "no-store"}, MEDIA_TYPE)


def answer_errors(app: FastAPI) -> None:
    """Make every error of an app a problem."""

    @app.exception_handler(RequestValidationError)
    def unfit(_: Request, err: RequestValidationError) -> JSONResponse:
        return problem(422, "; ".join(sentence(one) for one in err.errors()))

    @app.exception_handler(QuestionError)
    @app.exception_handler(TimeoutError)
    def unanswerable(_: Request, err: Exception) -> JSONResponse:
        return problem(400, str(err))

    @app.exception_handler(HTTPException)
    def refused(request: Request, err: HTTPException) -> JSONResponse:
        texts = {404: f"path: expected one that /openapi.json names, got {request.url.path!r}"}
        said = err.detail != HTTPStatus(err.status_code).phrase
        detail = str(err.detail) if said else texts.get(err.status_code, f"method: not {request.method} here")
        return problem(err.status_code, detail, err.headers)

    @app.exception_handler(ConfigError)
    @app.exception_handler(OutputError)
    def broken(_: Request, err: Exception) -> JSONResponse:
        """The archive, the keys or the audit log cannot be used: the reason is for the log, it names paths."""
        LOG.error("%s", err)
        return problem(503, "the service cannot use its files just now; its log says why")

    @app.exception_handler(Exception)
    def failed(_: Request, err: Exception) -> JSONResponse:
        LOG.error("a mistake of the service", exc_info=err)
        return problem(500, "a mistake of the service; its log says more")


def sentence(error: Mapping[str, Any]) -> str:
    """One error of a question as `name: expected ..., got ...`."""
    place = ".".join(str(part) for part in error["loc"][1:]) or str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return f"{place}: unknown, expected one of those that the description names"
    if error["type"] == "missing":
        return f"{place}: expected a value, got none"
    said = re.sub(r"^Value error, ", "", error["msg"])
    said = re.sub(r"^(Input|String) should ", "expected to ", said).replace("expected to be ", "expected ")
    return f"{place}: {said}, got {str(error['input'])[:80]!r}"
