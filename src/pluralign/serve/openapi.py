"""The description of the interface (OpenAPI 3.1), made from the very models that read the bodies."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from pluralign import __version__
from pluralign.serve.bodies import ChatBody, CompletionBody, PollBody, TopicBody

_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
_USAGE = {
    "type": "object",
    "required": ["prompt_tokens", "completion_tokens", "total_tokens"],
    "properties": {
        name: {"type": "integer", "minimum": 0} for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    },
}
_NUMBER = {"type": ["number", "null"]}
_SPEAKING = {
    "type": "object",
    "description": "Of a panel only: who of it speaks, why, and whose view each passage is.",
    "required": ["panel", "kind", "voices"],
    "properties": {
        "panel": {"type": "string"},
        "kind": {"enum": ["distributional", "steerable", "overton"]},
        "group": {"type": "string", "description": "For whom a steerable panel was asked to speak."},
        "chosen_by": {"enum": ["own", "region", "model"]},
        "voices": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "title", "weight"],
                "properties": {
                    "id": {"type": "string"},
                    "title": {"type": "string"},
                    "weight": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                },
            },
        },
        "parts": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "voices", "text"],
                "properties": {
                    "index": {"type": "integer", "description": "Which of the choices."},
                    "voices": {"type": "array", "items": {"type": "string"}},
                    "text": {"type": "string"},
                },
            },
        },
    },
}
_MODEL = {
    "type": "object",
    "required": ["id", "object", "created", "owned_by", "title", "profile"],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "model"},
        "created": {"type": "integer"},
        "owned_by": {"type": "string"},
        "title": {"type": "string"},
        "collective": {"type": ["object", "null"]},
        "panel": {
            "type": ["object", "null"],
            "description": "Kind and members, where several voices answer as one; null for a voice alone.",
        },
        "profile": {
            "type": ["object", "null"],
            "description": "How faithful the voice was measured to be; null where it was not measured.",
        },
    },
}
_SCHEMAS: dict[str, Any] = {
    "Error": _ERROR,
    "Model": _MODEL,
    "ModelList": {
        "type": "object",
        "required": ["object", "data"],
        "properties": {
            "object": {"const": "list"},
            "data": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}},
        },
    },
    "ChatCompletion": {
        "type": "object",
        "required": ["id", "object", "created", "model", "choices", "usage"],
        "properties": {
            "id": {"type": "string"},
            "object": {"const": "chat.completion"},
            "created": {"type": "integer"},
            "model": {"type": "string"},
            "choices": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["index", "message", "finish_reason"],
                    "properties": {
                        "index": {"type": "integer"},
                        "message": {
                            "type": "object",
                            "required": ["role", "content"],
                            "properties": {"role": {"const": "assistant"}, "content": {"type": "string"}},
                        },
                        "finish_reason": {"enum": ["stop", "length", "content_filter"]},
                        "logprobs": {"type": ["object", "null"]},
                    },
                },
            },
            "usage": _USAGE,
            "pluralign": _SPEAKING,
        },
    },
    "TextCompletion": {
        "type": "object",
        "required": ["id", "object", "created", "model", "choices", "usage"],
        "properties": {
            "object": {"const": "text_completion"},
            "choices": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["index", "text", "finish_reason"],
                    "properties": {
                        "index": {"type": "integer"},
                        "text": {"type": "string"},
                        "finish_reason": {"enum": ["stop", "length", "content_filter"]},
                        "logprobs": {"type": ["object", "null"]},
                    },
                },
            },
            "usage": _USAGE,
            "pluralign": _SPEAKING,
        },
    },
    "Card": {"type": "object", "required": ["id", "title", "sources", "profiles"]},
    "Topic": {"type": "object", "required": ["voices", "available"], "properties": {"voices": {"type": "object"}}},
    "Poll": {
        "type": "object",
        "required": ["model", "question", "people", "voice", "how", "distance", "uniform_distance", "distance_name"],
        "properties": {"distance": _NUMBER, "uniform_distance": _NUMBER, "how": {"enum": ["run", "now", "not asked"]}},
    },
    "Health": {"type": "object", "required": ["status", "voices", "active", "waiting"]},
}  # fmt: skip
_FAILURES = {
    400: "The request is wrong, too long for the model, or wishes for what cannot be done.",
    401: "No key, or one that is not known.",
    404: "No such voice or question.",
    408: "The body did not come in time.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    421: "The server does not answer to that host name.",
    429: "Too much was asked.",
    500: "A defect of the server.",
    503: "Too many replies are waiting, or the server is stopping.",
}


def description(*, keyed: bool) -> dict[str, Any]:
    """The whole description. ``keyed``: whether this server asks for keys."""
    bodies: list[type[BaseModel]] = [ChatBody, CompletionBody, TopicBody, PollBody]
    _, made = models_json_schema([(body, "validation") for body in bodies], ref_template="#/components/schemas/{model}")
    description: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "pluralign serve",
            "version": __version__,
            "description": "Voices over OpenAI's interface. A request names a voice as its model: MODEL@VOICE, a "
            "mixture MODEL@{VOICE:WEIGHT,VOICE:WEIGHT}, or nothing for the default voice.",
        },
        "paths": {
            "/v1/models": _get("List voices, with how faithful each was measured to be.", "ModelList"),
            "/v1/models/{name}": _get("One voice or mixture.", "Model", name=True),
            "/v1/chat/completions": _post("Let a voice reply to a conversation.", "ChatBody", "ChatCompletion", True),
            "/v1/completions": _post("Put a text to a voice as a message.", "CompletionBody", "TextCompletion", True),
            "/pluralign/voices/{name}": _get("A voice's card: whose view this is.", "Card", name=True),
            "/pluralign/topic": _post("How faithful voices are on what a text is about.", "TopicBody", "Topic"),
            "/pluralign/poll": _post("The people's and the voice's answers to one question.", "PollBody", "Poll"),
            "/health": _get("Whether the server is up.", "Health", open_to_all=True),
            "/metrics": _plain("Counters in Prometheus' format."),
        },
        "components": {"schemas": {**made["$defs"], **_SCHEMAS}},
    }
    if keyed:
        description["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        description["security"] = [{"key": []}]
    return description


def _get(summary: str, schema: str, *, name: bool = False, open_to_all: bool = False) -> dict[str, Any]:
    one: dict[str, Any] = {
        "summary": summary,
        "responses": {"200": _json(summary, schema), **_failures(400, 401, 404, 421, 500)},
    }
    if name:
        one["parameters"] = [
            {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        ]
    if open_to_all:
        one["security"] = []
    return {"get": one}


def _post(summary: str, body: str, schema: str, streams: bool = False) -> dict[str, Any]:
    answer = _json(summary, schema)
    if streams:
        # Events, not one text: what they carry is said in the summary; OpenAPI 3.1 has no schema for streams of events.
        answer["content"]["text/event-stream"] = {}
    return {
        "post": {
            "summary": summary,
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}},
            },
            "responses": {"200": answer, **_failures(*_FAILURES)},
        }
    }


def _plain(summary: str) -> dict[str, Any]:
    answer = {"description": summary, "content": {"text/plain": {"schema": {"type": "string"}}}}
    return {"get": {"summary": summary, "responses": {"200": answer, **_failures(401, 421, 500)}}}


def _json(summary: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": summary, "content": content}


def _failures(*statuses: int) -> dict[str, Any]:
    return {str(status): _json(_FAILURES[status], "Error") for status in statuses}
