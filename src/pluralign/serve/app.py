"""The server: routes, who may ask, how much. The list of routes below is the site's map.

``create_app(shelf, options)`` needs no network and no environment, so that tests use it as it is.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from pluralign.core.chat import Message
from pluralign.core.collective import Collective
from pluralign.core.errors import PluralignError
from pluralign.engines.live import Load, Part, Utterance
from pluralign.serve import cards, openapi, panelling
from pluralign.serve.answers import Head, Kind
from pluralign.serve.bodies import ChatBody, CompletionBody, PollBody, TopicBody, read_body
from pluralign.serve.chat_page import ChatPage
from pluralign.serve.counting import Counts
from pluralign.serve.errors import ApiError, explained, unsupported
from pluralign.serve.guards import AllowedHosts, Who, client_of, read_limited
from pluralign.serve.hearing import Begun, Hearing, hearing
from pluralign.serve.keys import Keyring
from pluralign.serve.limits import Allowance, Limiter
from pluralign.serve.overton import Window, window
from pluralign.serve.polling import Poller
from pluralign.serve.replying import Order, Reply
from pluralign.serve.served import ServedVoice, Spoken
from pluralign.serve.settings import Options
from pluralign.serve.shelf import Shelf
from pluralign.serve.topics import Topics
from pluralign.voices.panel import picked
from pluralign.voices.speaking import Sampling

_log = logging.getLogger("pluralign.serve")

MOST_AT_ONCE = 32
"""Members' replies that one request to an Overton panel may ask for."""

Watch = Callable[[], AsyncIterator[object]]
"""Yields whenever the folder of voices may have changed."""


class Server:
    """Everything the routes share."""

    def __init__(self, shelf: Shelf, options: Options, keyring: Keyring | None, topics: Topics):
        self.shelf, self.options, self.keyring = shelf, options, keyring
        self.counts = Counts()
        self.limiter = Limiter()
        self.topics = topics
        self.poller = Poller()
        self.picks: dict[tuple[str, str], int | None] = {}
        """Panel and group -> the member that its model picked; ``None`` where that could not be read."""
        self.page = ChatPage(options.title, keyed=keyring is not None)
        self.created = int(time.time())
        self.counts.watch_load(lambda: self.load().active, lambda: self.load().waiting)
        self.refresh_counts()

    def load(self) -> Load:
        """What all engines have to do together."""
        engines = {id(voice.live): voice.live for voice in self.shelf.contents.voices.values()}.values()
        loads = [live.load() for live in engines]
        return Load(sum(one.active for one in loads), sum(one.waiting for one in loads))

    def refresh_counts(self) -> None:
        """Count voices and problems anew, and forget what voices of other files answered."""
        self.poller, self.picks = Poller(), {}
        self.counts.voices.set(len(self.shelf.contents.voices))
        self.counts.problems.set(len(self.shelf.contents.problems))

    # --- who asks, and how much -----------------------------------------------------------------------------------

    def admit(self, request: Request, *, counted: bool = True) -> Who:
        """Who asks. Raises :class:`ApiError` for a wrong key and for one who has asked too much."""
        key = None
        if self.keyring is not None:
            scheme, _, secret = request.headers.get("authorization", "").partition(" ")
            key = self.keyring.find(secret.strip()) if scheme.lower() == "bearer" else None
            if key is None:
                raise ApiError(
                    401,
                    "This server needs an API key: send it as 'Authorization: Bearer KEY'."
                    if not secret
                    else "This API key is not known here.",
                    code="invalid_api_key",
                    headers={"WWW-Authenticate": "Bearer"},
                )
        allowance = Allowance(
            (key and key.requests_per_minute) or self.options.requests_per_minute,
            (key and key.tokens_per_minute) or self.options.tokens_per_minute,
        )
        client = client_of(request) if key is None else f"key:{key.name}"
        headers = self.limiter.admit(client, allowance) if counted else {}
        return Who(client, allowance, headers)

    # --- replies --------------------------------------------------------------------------------------------------

    async def chat(self, request: Request) -> Response:
        """``POST /v1/chat/completions``."""
        who = self.admit(request)
        body = read_body(ChatBody, await read_limited(request, self.options))
        body.refuse_unsupported()
        spoken = await self.spoken(body.model, body.group)
        top = (body.top_logprobs or 0) if body.logprobs else None
        wished = body.max_completion_tokens or body.max_tokens
        return self._reply("chat", spoken, (body.conversation(),), body, who, wished, top)

    async def complete(self, request: Request) -> Response:
        """``POST /v1/completions``."""
        who = self.admit(request)
        body = read_body(CompletionBody, await read_limited(request, self.options))
        body.refuse_unsupported()
        spoken = await self.spoken(body.model, body.group)
        asked = tuple((Message("user", prompt),) for prompt in body.prompts)
        return self._reply("text", spoken, asked, body, who, body.max_tokens, body.logprobs)

    async def spoken(self, name: str, group: str = "") -> Spoken:
        """Who was named, a steerable panel having chosen. Raises :class:`PluralignError` and :class:`ApiError`."""
        spoken = self.shelf.contents.find(name)
        if not spoken.undecided:
            return spoken
        assert spoken.panel is not None
        asked = panelling.stated(spoken, spoken.panel.survey, spoken.group or group)
        assert spoken.panel.panel is not None
        if spoken.panel.panel.pick == "declared":
            return panelling.declared(spoken, asked)
        return panelling.with_pick(spoken, asked, await self._picked(spoken, asked))

    async def _picked(self, spoken: Spoken, group: Collective) -> int:
        """Which member the model picks for a group; asked once, until voices are read again."""
        picks = self.picks
        key = (spoken.panel_name, group.id)
        if key not in picks:
            assert spoken.panel is not None
            live, asks = spoken.panel.live, panelling.picking(spoken, group)
            [scores] = await asyncio.wrap_future(live.do(lambda: live.engine.score([asks])))
            picks[key] = picked(scores)
            self.counts.picks.labels(spoken.panel_name, "unread" if picks[key] is None else "picked").inc()
        found = picks[key]
        if found is None:
            titles = ", ".join(member.title for member in spoken.members)
            raise ApiError(
                400,
                f"The model did not say clearly which voice of {spoken.panel_name!r} suits {group.name!r}: ask for the "
                f"group of one of them ({titles}), or name a voice.",
                code="pick_unreadable",
                param="metadata",
            )
        return found

    def _reply(
        self,
        kind: Kind,
        spoken: Spoken,
        asked: tuple[tuple[Message, ...], ...],
        body: ChatBody | CompletionBody,
        who: Who,
        wished: int | None,
        top: int | None,
    ) -> Reply:
        scored = top is not None
        if scored and spoken.kind == "overton":
            raise unsupported("logprobs", "The reply of an Overton panel is put together from several: it has none.")
        if scored and not spoken.live.logprobs:
            raise unsupported("logprobs", f"The engine of {spoken.name!r} gives no log-probabilities of its replies.")
        if scored and spoken.mixes and spoken.live.mixes == "replies":
            raise unsupported("logprobs", "Here each reply of a mixture is one voice's own: ask the voices alone.")
        own = (spoken.panel or spoken.parts[0][0]).sampling
        limit = min(wished or own.max_tokens or self.options.default_tokens, self.options.max_tokens)
        sampling = Sampling(
            max_tokens=limit,
            temperature=own.temperature if body.temperature is None else body.temperature,
            top_p=own.top_p if body.top_p is None else body.top_p,
            stop=body.stops,
        )
        each = [(messages, one) for messages in asked for one in _seeded(sampling, body.seed, body.n or 1)]
        if spoken.kind == "overton":
            hearing = _window(spoken, each, who, wished is not None)
        else:
            hearing = _alone(spoken, each, who, top)
        order = Order(
            head=Head(kind, spoken.name, panel=panelling.told(spoken)),
            hearing=hearing,
            replies=len(each),
            voice=spoken.panel_name or (spoken.voice.name if spoken.voice else "mixture"),
            stream=bool(body.stream),
            scored=scored,
            include_usage=bool(body.stream_options and body.stream_options.include_usage),
            headers=who.headers,
            stall_timeout=self.options.stall_timeout,
            patience=self.options.patience,
            spend=lambda tokens: self.limiter.spend(who.client, who.allowance, tokens),
        )
        return Reply(order, self.counts)

    # --- voices ---------------------------------------------------------------------------------------------------

    async def models(self, request: Request) -> Response:
        """``GET /v1/models``."""
        self.admit(request, counted=False)
        contents = self.shelf.contents
        listed = [cards.model(voice, self.created, contents.default) for voice in contents.voices.values()]
        return JSONResponse({"object": "list", "data": listed})

    async def model(self, request: Request) -> Response:
        """``GET /v1/models/{name}``."""
        self.admit(request, counted=False)
        contents = self.shelf.contents
        spoken = contents.find(request.path_params["name"])
        one = spoken.panel or spoken.voice
        if one is None:
            return JSONResponse(cards.mixture(spoken, self.created))
        return JSONResponse(cards.model(one, self.created, contents.default))

    async def card(self, request: Request) -> Response:
        """``GET /pluralign/voices/{name}``: whose view this is."""
        self.admit(request, counted=False)
        return JSONResponse(cards.card(self._single(request.path_params["name"])))

    async def topic(self, request: Request) -> Response:
        """``POST /pluralign/topic``: how faithful voices are on what a text is about."""
        self.admit(request)
        body = read_body(TopicBody, await read_limited(request, self.options))
        spoken = {name: await self.spoken(name) for name in body.models}
        found = await asyncio.to_thread(self.topics.about, body.text, spoken)
        return JSONResponse(found)

    async def poll(self, request: Request) -> Response:
        """``POST /pluralign/poll``: one question of the survey, as the people answered it and as the voice does."""
        self.admit(request)
        body = read_body(PollBody, await read_limited(request, self.options))
        spoken = await self.spoken(body.model)
        return JSONResponse(await asyncio.to_thread(self.poller.poll, spoken, body.question))

    def _single(self, name: str) -> ServedVoice:
        spoken = self.shelf.contents.find(name)
        found = spoken.panel or spoken.voice
        if found is None:
            raise ApiError(400, "A mixture has no card of its own: ask for its voices.", param="name")
        return found

    # --- the server itself ----------------------------------------------------------------------------------------

    async def health(self, _request: Request) -> Response:
        """``GET /health``: open to all, and says nothing about voices but their number."""
        load, contents = self.load(), self.shelf.contents
        return JSONResponse(
            {
                "status": "ok",
                "voices": len(contents.voices),
                "voice_file_problems": len(contents.problems),
                "active": load.active,
                "waiting": load.waiting,
            }
        )

    async def metrics(self, request: Request) -> Response:
        """``GET /metrics``."""
        self.admit(request, counted=False)
        return Response(self.counts.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def description(self, _request: Request) -> Response:
        """``GET /openapi.json``."""
        return JSONResponse(openapi.description(keyed=self.keyring is not None))

    async def chat_page(self, _request: Request) -> Response:
        """``GET /``."""
        return HTMLResponse(self.page.html, headers=self.page.headers)


def create_app(
    shelf: Shelf,
    options: Options,
    *,
    keyring: Keyring | None = None,
    topics: Topics | None = None,
    watch: Watch | None = None,
    on_reload: Callable[[Shelf], None] = lambda _: None,
) -> Starlette:
    """The application. ``watch`` yields when voices should be read again; ``on_reload`` is told when they were."""
    server = Server(shelf, options, keyring, topics or Topics(None))

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            if watch is not None:
                group.start_soon(_keep_up, server, watch, on_reload)
            group.start_soon(_warm_up, server)
            yield
            group.cancel_scope.cancel()

    def route(path: str, endpoint: Callable[[Request], Awaitable[Response]], method: str = "GET") -> Route:
        return Route(path, _answering(endpoint, path, server.counts), methods=[method])

    return Starlette(
        routes=[
            route("/", server.chat_page),
            route("/v1/models", server.models),
            route("/v1/models/{name:path}", server.model),
            route("/v1/chat/completions", server.chat, "POST"),
            route("/v1/completions", server.complete, "POST"),
            route("/pluralign/voices/{name:path}", server.card),
            route("/pluralign/topic", server.topic, "POST"),
            route("/pluralign/poll", server.poll, "POST"),
            route("/health", server.health),
            route("/metrics", server.metrics),
            route("/openapi.json", server.description),
        ],
        middleware=[
            Middleware(AllowedHosts, hosts=options.hosts),
            Middleware(
                CORSMiddleware,
                allow_origins=list(options.cors),
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type"],
            ),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _defect},
        lifespan=lifespan,
    )


async def _keep_up(server: Server, watch: Watch, on_reload: Callable[[Shelf], None]) -> None:
    async for _ in watch():
        # What is wrong with one file never gets here; what is wrong with the folder leaves the shelf as it was.
        with contextlib.suppress(PluralignError):
            await asyncio.to_thread(server.shelf.reload)
            server.refresh_counts()
            on_reload(server.shelf)


async def _warm_up(server: Server) -> None:
    """Embed the survey's questions before the first is asked."""
    await asyncio.to_thread(server.topics.prepare, list(server.shelf.contents.voices.values()))


def _answering(
    endpoint: Callable[[Request], Awaitable[Response]], path: str, counts: Counts
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            response = await endpoint(request)
        except Exception as error:
            failed = explained(error)
            counts.requests.labels(path, str(failed.status)).inc()
            if failed.status == 500:
                _log.error("%s failed", path, exc_info=error)
            return failed.response()
        counts.requests.labels(path, str(response.status_code)).inc()
        return response

    return answer


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = {404: "There is nothing at this address.", 405: "This address takes another method."}.get(
        error.status_code, str(error.detail)
    )
    return ApiError(error.status_code, message, headers=error.headers).response()


async def _defect(_request: Request, error: Exception) -> Response:
    return explained(error).response()


def _seeded(sampling: Sampling, seed: int | None, count: int) -> list[Sampling]:
    """As many ways of drawing as there are replies, each with a seed of its own."""
    first = secrets.randbelow(2**31) if seed is None else seed
    return [
        Sampling(sampling.max_tokens, sampling.temperature, sampling.top_p, (first + at) % 2**63, sampling.stop)
        for at in range(count)
    ]


def _alone(spoken: Spoken, each: Sequence[tuple[tuple[Message, ...], Sampling]], who: Who, top: int | None) -> Hearing:
    """Replies of one voice, or of several that speak each together."""
    replies = [
        Begun(
            spoken.live,
            Utterance(
                tuple(Part(voice.speaker.request(messages, one), weight) for voice, weight in spoken.parts),
                client=who.client,
                top_logprobs=top,
            ),
        )
        for messages, one in each
    ]
    return partial(hearing, replies)


def _window(spoken: Spoken, each: Sequence[tuple[tuple[Message, ...], Sampling]], who: Who, shared: bool) -> Hearing:
    """Replies of an Overton panel. ``shared``: whether members share the tokens, as a client wished so many at most."""
    assert spoken.panel is not None
    assert spoken.panel.panel is not None
    panel = spoken.panel.panel
    if len(panel.members) * len(each) > MOST_AT_ONCE:
        raise ApiError(
            400,
            f"A panel of {len(panel.members)} voices gives at most {max(1, MOST_AT_ONCE // len(panel.members))} "
            "replies at once.",
            code="invalid_value",
            param="n",
        )
    asked = []
    for messages, one in each:
        tokens = max(1, one.max_tokens // len(panel.members)) if shared else one.max_tokens
        asked.append(
            Window(
                panel.members,
                messages,
                replace(one, max_tokens=tokens),
                who.client,
                spoken.panel.live if panel.reply == "written" else None,
                one.max_tokens,
            )
        )
    return partial(window, asked)
