"""The voices a server has, gathered from a folder of voice files and from a survey's peoples; read again on change.

A file that is wrong is reported and left out; what it said before goes on being served. Knows no HTTP.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from pluralign.core.collective import Collective
from pluralign.core.constitution import Constitution
from pluralign.core.documents import parse, validate
from pluralign.core.errors import DataError, PluralignError, UnknownNameError, UsageError
from pluralign.core.question import Question
from pluralign.core.survey import Survey
from pluralign.engines.live import Live
from pluralign.poll.faithfulness import Faithfulness, faithfulness
from pluralign.poll.scores import Scores
from pluralign.prompts.strategies import strategy
from pluralign.serve.names import read_mixture, slug
from pluralign.serve.voice_file import ENDINGS, Measured, SamplingDefaults, Source, VoiceFile, read_voice_file
from pluralign.surveys.files import read_text
from pluralign.voices.library import Library
from pluralign.voices.speaking import Speaker
from pluralign.voices.voice import Voice
from pluralign.voices.way import Way, of_strategy, way

OpenLive = Callable[[str], Live]
"""From the name of a base model to the engine that speaks for it; the same object for the same name."""


@dataclass(frozen=True)
class Run:
    """A finished poll on disk."""

    folder: Path
    scores: Scores


@dataclass(frozen=True)
class ServedVoice:
    """A voice that can be asked."""

    name: str
    """As requests name it: ``smollm2@kenya``, or ``smollm2`` for the model as it is."""
    id: str
    base: str
    """What stands before the ``@``."""
    title: str
    speaker: Speaker
    live: Live = field(repr=False)
    summary: str = ""
    sampling: SamplingDefaults = field(default_factory=SamplingDefaults)
    sources: tuple[Source, ...] = ()
    training: str = ""
    licence: str = ""
    contact: str = ""
    origin: str = ""
    """The voice file or the survey it comes from."""
    survey: Survey | None = field(default=None, repr=False)
    """Where its people's answers are."""
    library: Library | None = field(default=None, repr=False)
    profiles: tuple[Faithfulness, ...] = ()
    """How it was measured, the one to show first."""
    scores: tuple[Scores, ...] = field(default=(), repr=False)
    """The runs behind the profiles, in the same order."""

    @property
    def collective(self) -> Collective | None:
        """Whom it speaks for."""
        return self.speaker.collective

    @property
    def asks(self) -> Voice | None:
        """The same voice as a poll asks it; ``None`` where no poll could: told a charter, or nobody's people known."""
        told = self.speaker
        if told.charter is not None or self.library is None or told.identity_token:
            return None
        return Voice(told.way or of_strategy(strategy("plain")), told.collective, self.library)


@dataclass(frozen=True)
class Spoken:
    """What a request named: one voice, or several with weights."""

    name: str
    parts: tuple[tuple[ServedVoice, float], ...]

    @property
    def live(self) -> Live:
        """The engine that speaks."""
        return self.parts[0][0].live

    @property
    def voice(self) -> ServedVoice | None:
        """The voice, where there is one alone."""
        return self.parts[0][0] if len(self.parts) == 1 else None


@dataclass(frozen=True)
class Contents:
    """What is on the shelf at one moment."""

    voices: Mapping[str, ServedVoice]
    """By name, in the order shown."""
    default: str
    problems: Mapping[str, str]
    """File -> what is wrong with it."""
    aliases: Mapping[str, str]
    """Folded other names -> name."""

    def find(self, name: str) -> Spoken:
        """The voice or mixture of that name. Raises :class:`UnknownNameError` or :class:`UsageError`."""
        name = name.strip() or self.default
        mixture = read_mixture(name)
        if mixture is None:
            return Spoken(self._one(name).name, ((self._one(name), 1.0),))
        parts = tuple((self._one(f"{mixture.base}@{voice}"), weight) for voice, weight in mixture.parts)
        if len({id(voice) for voice, _ in parts}) < len(parts):
            raise UsageError(f"the mixture {name!r} names one voice under two names: add its weights up")
        if len({id(voice.live) for voice, _ in parts}) > 1:
            raise UsageError(f"the voices of {name!r} run on different models and cannot be mixed")
        return Spoken(mixture.name, parts)

    def _one(self, name: str) -> ServedVoice:
        found = self.voices.get(name) or self.voices.get(self.aliases.get(name.casefold(), ""))
        if found is None:
            raise UnknownNameError("voice", name[:200], self.voices)
        return found


class Shelf:
    """Gathers voices. Safe to use from several threads; what was given out stays as it was."""

    def __init__(
        self,
        open_live: OpenLive,
        *,
        model: str,
        base: str,
        folder: Path | None = None,
        survey: Survey | None = None,
        load_survey: Callable[[str], Survey] | None = None,
        way_text: str = "persona",
        runs: tuple[Path, ...] = (),
        default: str = "",
    ):
        """``model`` is the base model's name for ``open_live``, ``base`` its name in those of its voices.

        ``survey`` gives one voice for each of its peoples, who are asked in ``way_text``. ``runs`` are folders of
        finished polls, looked through for every voice.
        """
        self._open_live, self._model, self._base = open_live, model, base
        self._folder, self._survey, self._way_text, self._default = folder, survey, way_text, default
        self._load_survey = load_survey
        self._run_folders = runs
        self._lock = threading.Lock()
        self._good: dict[str, ServedVoice] = {}
        """What each voice file last gave, as long as it is there."""
        self._default_of: dict[str, bool] = {}
        self._surveys: dict[str, Survey] = {}
        self._runs: dict[Path, tuple[int, Run]] = {}
        self._libraries: dict[int, Library] = {}
        self.contents = self._gather()

    def reload(self) -> Contents:
        """Read everything again."""
        with self._lock:
            self.contents = self._gather()
            return self.contents

    # --- gathering ----------------------------------------------------------------------------------------------------

    def _gather(self) -> Contents:
        problems: dict[str, str] = {}
        own = self._from_folder(problems)
        runs = self._read_runs(self._run_folders, problems)
        voices: dict[str, ServedVoice] = {}
        bare = self._bare()
        for voice in (bare, *own, *self._from_survey(runs)):
            voices.setdefault(voice.name, voice)
        aliases: dict[str, str] = {}
        for voice in voices.values():
            aliases.setdefault(voice.name.casefold(), voice.name)
            if voice.collective is not None:
                for other in (voice.collective.id, slug(voice.collective.name)):
                    aliases.setdefault(f"{voice.base}@{other}".casefold(), voice.name)
        chosen = next((voice.name for voice in own if self._default_of.get(voice.origin)), bare.name)
        if self._default:
            wanted = self._default if "@" in self._default else f"{self._base}@{self._default}"
            found = aliases.get(wanted.casefold()) or aliases.get(self._default.casefold())
            if found is None:
                raise UnknownNameError("voice", self._default, voices)
            chosen = found
        return Contents(voices, chosen, problems, aliases)

    def _bare(self) -> ServedVoice:
        """The model as it is, told nothing."""
        return ServedVoice(
            name=self._base,
            id="",
            base=self._base,
            title=f"{self._base}, told nothing",
            summary="The model as it is. It was not asked to speak for anybody.",
            speaker=Speaker(),
            live=self._open_live(self._model),
            origin="the model itself",
            survey=self._survey,
            library=self._library(self._survey),
        )

    def _from_survey(self, runs: tuple[Run, ...]) -> tuple[ServedVoice, ...]:
        if self._survey is None:
            return ()
        spoken = way(self._way_text)
        live = self._open_live(self._model)
        found = []
        for collective in self._survey.collectives:
            try:
                speaker = Speaker(spoken, collective)
                spoken.start(collective)
            except UsageError:
                if spoken.groups is None:
                    raise
                continue  # the adapter has no token for this people
            profiles, scores = _profiles(runs, spoken.name, collective.id, self._base)
            found.append(
                ServedVoice(
                    name=f"{self._base}@{slug(collective.name)}",
                    id=slug(collective.name),
                    base=self._base,
                    title=collective.name,
                    summary=_sentence(spoken.summary),
                    speaker=speaker,
                    live=live,
                    sources=(Source(title=self._survey.citation or self._survey.title, licence=self._survey.licence),),
                    training="" if not spoken.adapter else f"adapter {spoken.label}",
                    origin=f"the survey {self._survey.name}",
                    survey=self._survey,
                    library=self._library(self._survey),
                    profiles=profiles,
                    scores=scores,
                )
            )
        return tuple(found)

    def _from_folder(self, problems: dict[str, str]) -> tuple[ServedVoice, ...]:
        if self._folder is None:
            return ()
        try:
            paths = sorted(path for path in self._folder.iterdir() if path.suffix in ENDINGS and path.is_file())
        except OSError as error:
            raise UsageError(f"the folder of voices {str(self._folder)!r} cannot be read ({error.strerror})") from None
        named: dict[str, str] = {}
        for path in paths:
            key = str(path)
            try:
                file = read_voice_file(path)
                voice = self._voice(file, path)
                if voice.name in named:
                    raise DataError(f"the voice {voice.name!r} is defined in {named[voice.name]} already", file=key)
                self._good[key], self._default_of[key] = voice, file.default
            except PluralignError as error:
                problems[key] = str(error)
            if key in self._good:
                named.setdefault(self._good[key].name, key)
        for gone in self._good.keys() - {str(path) for path in paths}:
            del self._good[gone]
        return tuple(self._good[str(path)] for path in paths if str(path) in self._good)

    def _voice(self, file: VoiceFile, path: Path) -> ServedVoice:
        beside = path.parent
        charter = None if not file.charter else _constitution(beside / file.charter)
        spoken = _way(file, beside)
        speaker = Speaker(spoken, file.collective, charter, file.identity_token)
        if spoken.groups is not None:
            spoken.start(file.collective)
        survey = self._survey if not file.survey else self._other_survey(file.survey)
        problems: dict[str, str] = {}
        given = [beside / one.run for one in file.measured]
        runs = self._read_runs(tuple(given), problems)
        if problems:
            raise UsageError(next(iter(problems.values())))
        profiles, scores = _given_profiles(runs, file.measured, spoken, file.collective)
        base = self._base if not file.model else base_name(file.model)
        return ServedVoice(
            name=f"{base}@{file.id}",
            id=file.id,
            base=base,
            title=file.title,
            summary=file.summary or _sentence(spoken.summary),
            speaker=speaker,
            live=self._open_live(file.model or self._model),
            sampling=file.sampling,
            sources=file.sources,
            training=file.training,
            licence=file.licence,
            contact=file.contact,
            origin=str(path),
            survey=survey,
            library=self._library(survey),
            profiles=profiles,
            scores=scores,
        )

    def _other_survey(self, name: str) -> Survey:
        if self._load_survey is None:
            raise UsageError(f"the survey {name!r} cannot be loaded here")
        if name not in self._surveys:
            self._surveys[name] = self._load_survey(name)
        return self._surveys[name]

    def _library(self, survey: Survey | None) -> Library | None:
        if survey is None:
            return None
        return self._libraries.setdefault(id(survey), Library(survey))

    def _read_runs(self, folders: tuple[Path, ...], problems: dict[str, str]) -> tuple[Run, ...]:
        found = []
        for folder in folders:
            file = folder / "scores.json" if folder.suffix != ".json" else folder
            try:
                stamp = file.stat().st_mtime_ns
                if file not in self._runs or self._runs[file][0] != stamp:
                    self._runs[file] = (stamp, Run(folder, Scores.model_validate_json(file.read_bytes())))
                found.append(self._runs[file][1])
            except FileNotFoundError:
                problems[str(file)] = f"there are no scores in {str(folder)!r}: name the folder of a finished poll"
            except OSError as error:
                problems[str(file)] = f"{file} cannot be read ({error.strerror})"
            except ValidationError as error:
                problems[str(file)] = f"{file} is no scores.json of this version: {error.errors()[0]['msg']}"
        return tuple(found)


def base_name(model: str) -> str:
    """What a model is called before the ``@``: the last part of its name, without what a name may not hold.

    >>> base_name("http:llama3@http://127.0.0.1:11434/v1"), base_name("HuggingFaceTB/SmolLM2-135M-Instruct")
    ('llama3', 'SmolLM2-135M-Instruct')
    """
    text = model.removeprefix("http:").partition("@http")[0] if model.startswith("http:") else model
    last = text.rstrip("/").rpartition("/")[2].removesuffix(".gguf")
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in last).strip("-") or "model"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def _way(file: VoiceFile, beside: Path) -> Way:
    asked = file.strategy or ("persona" if file.collective is not None else "plain")
    if not file.adapter:
        return of_strategy(strategy(asked))
    local = beside / file.adapter
    if not local.exists() and not file.identity_token and _names_server(file.model):
        return Way(
            f"adapter:{file.adapter}+{asked}", file.adapter, "an adapter behind a server", strategy(asked), file.adapter
        )
    text = f"adapter:{local if local.exists() else file.adapter}"
    return way(f"{text}+{asked}" if file.strategy else text)


def _names_server(model: str) -> bool:
    return model.startswith(("http:", "https:"))


def _constitution(path: Path) -> Constitution:
    return validate(Constitution, parse(read_text(path), str(path)))


def _profiles(
    runs: tuple[Run, ...], voice: str, collective: str, _base: str
) -> tuple[tuple[Faithfulness, ...], tuple[Scores, ...]]:
    both = [(found, run.scores) for run in runs if (found := faithfulness(run.scores, voice, collective)) is not None]
    return tuple(one for one, _ in both), tuple(scores for _, scores in both)


def _given_profiles(
    runs: tuple[Run, ...], measured: tuple[Measured, ...], spoken: Way, collective: Collective | None
) -> tuple[tuple[Faithfulness, ...], tuple[Scores, ...]]:
    found, scores = [], []
    for run, told in zip(runs, measured, strict=True):
        people = told.collective or ("" if collective is None else collective.id)
        one = faithfulness(run.scores, told.voice or spoken.name, people)
        if one is None:
            known = ", ".join(sorted({f"{cell.voice} for {cell.collective}" for cell in run.scores.cells})[:12])
            raise UsageError(
                f"the run in {str(run.folder)!r} did not measure the voice {told.voice or spoken.name!r} for "
                f"{people!r}: it measured {known}"
            )
        found.append(one)
        scores.append(run.scores)
    return tuple(found), tuple(scores)


def question_in(voice: ServedVoice, question_id: str) -> Question | None:
    """The question of that id in the voice's survey; ``None`` where there is none."""
    if voice.survey is None:
        return None
    return next((one for one in voice.survey.questions if one.id == question_id), None)
