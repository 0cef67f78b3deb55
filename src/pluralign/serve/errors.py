"""Errors as OpenAI's interface gives them. Knows no request."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

from pluralign.core.errors import BusyError, InterruptedRunError, PluralignError, UnknownNameError, UsageError


class ApiError(Exception):
    """A request that is answered with an error."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(message)
        self.status, self.message, self.kind, self.code, self.param = status, message, kind, code, param
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, Any]:
        """The body of the answer."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        """The answer."""
        return JSONResponse(self.body, self.status, headers=self.headers)


def unsupported(param: str, why: str) -> ApiError:
    """A wish that cannot be fulfilled, said instead of passed over."""
    return ApiError(400, why, code="unsupported_parameter", param=param)


def explained(error: Exception) -> ApiError:
    """What went wrong while a reply was asked for, as an answer. A defect of ours is a 500 that tells no details."""
    match error:
        case ApiError():
            return error
        case BusyError():
            return ApiError(
                503,
                f"The server is busy: {error}",
                kind="server_error",
                code="overloaded",
                headers={"Retry-After": "2"},
            )
        case InterruptedRunError():
            return ApiError(503, str(error), kind="server_error", code="unavailable", headers={"Retry-After": "5"})
        case UnknownNameError() if error.kind == "voice":
            return ApiError(404, str(error), code="model_not_found", param="model")
        case UsageError() if "leaves no room" in str(error) or "too long" in str(error):
            return ApiError(400, str(error), code="context_length_exceeded", param="messages")
        case UsageError():
            return ApiError(400, str(error), code="invalid_value")
        case PluralignError():
            return ApiError(500, str(error), kind="server_error")
        case _:
            return ApiError(500, "The server failed at this request.", kind="server_error", code="internal_error")
