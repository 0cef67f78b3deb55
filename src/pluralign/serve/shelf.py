"""The voices a server has, gathered from a folder of voice files and from a survey's peoples; read again on change.

A file that is wrong is reported and left out; what it said before goes on being served. Knows no HTTP.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from pluralign.core.adapter import Groups, identity_token, mixed
from pluralign.core.collective import Collective
from pluralign.core.errors import DataError, PluralignError, UnknownNameError, UsageError
from pluralign.core.survey import Survey
from pluralign.engines.live import Live
from pluralign.engines.manifest import read_groups
from pluralign.poll.faithfulness import Faithfulness, faithfulness
from pluralign.poll.scores import Scores
from pluralign.prompts.strategies import strategy
from pluralign.serve.names import slug
from pluralign.serve.panelling import of_file, of_voices
from pluralign.serve.served import Contents, Run, ServedVoice
from pluralign.serve.voice_file import ENDINGS, Measured, Source, VoiceFile, read_voice_file
from pluralign.voices.library import Library
from pluralign.voices.panel import Panel, panel, summed_up
from pluralign.voices.speaking import Speaker
from pluralign.voices.way import Way, of_strategy, read_charter, way

OpenLive = Callable[[str], Live]
"""From the name of a base model to the engine that speaks for it; the same object for the same name."""


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
        self._order: tuple[str, ...] = ()
        """Voice files as they are shown."""
        self.folders: frozenset[Path] = frozenset()
        """Where files lie that voices are made from: a change there is a reason to read again."""
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
        files = self._files(problems)
        runs = self._read_runs(self._run_folders, problems)
        bare, of_survey = self._bare(), self._from_survey(runs)
        # Voices first, so that panels of them find them, whatever their files are called.
        self._read_in({path: file for path, file in files.items() if file.panel is None}, {}, problems)
        alone = [voice for voice in self._good.values() if voice.panel is None]
        known = _with_aliases(_by_name((bare, *alone, *of_survey)).values())
        self._read_in({path: file for path, file in files.items() if file.panel is not None}, known, problems)
        own = tuple(self._good[key] for key in self._order if key in self._good)
        voices = _by_name((bare, *own, *of_survey))
        aliases = {folded: voice.name for folded, voice in _with_aliases(voices.values()).items()}
        chosen = next((voice.name for voice in own if self._default_of.get(voice.origin)), bare.name)
        if self._default:
            wanted = self._default if "@" in self._default else f"{self._base}@{self._default}"
            found = aliases.get(wanted.casefold()) or aliases.get(self._default.casefold())
            if found is None:
                raise UnknownNameError("voice", self._default, voices)
            chosen = found
        self.folders = frozenset(
            {folder for folder in (self._folder, *self._run_folders) if folder is not None and folder.is_dir()}
            | {folder for path, file in files.items() for folder in _beside(path, file)}
        )
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
                spoken.token_for(collective)
            except UsageError:
                if spoken.groups is None:
                    raise
                continue  # the adapter has no token for this people
            profiles, scores = _profiles(runs, spoken.name, collective.id)
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

    def _files(self, problems: dict[str, str]) -> dict[Path, VoiceFile]:
        """What can be read of the folder. Forgets files that are gone."""
        if self._folder is None:
            return {}
        try:
            paths = sorted(path for path in self._folder.iterdir() if path.suffix in ENDINGS and path.is_file())
        except OSError as error:
            raise UsageError(f"the folder of voices {str(self._folder)!r} cannot be read ({error.strerror})") from None
        self._order = tuple(str(path) for path in paths)
        for gone in self._good.keys() - set(self._order):
            del self._good[gone]
        found = {}
        for path in paths:
            try:
                found[path] = read_voice_file(path)
            except PluralignError as error:
                problems[str(path)] = str(error)
        return found

    def _read_in(
        self, files: Mapping[Path, VoiceFile], known: Mapping[str, ServedVoice], problems: dict[str, str]
    ) -> None:
        """Make voices of files. One that is wrong is reported, and the voice that it was before is kept."""
        for path, file in files.items():
            key = str(path)
            try:
                voice = self._voice(file, path) if file.panel is None else self._panel(file, path, known)
                taken = next(
                    (other for other, one in self._good.items() if one.name == voice.name and other != key), None
                )
                if taken is not None and (taken < key or taken not in map(str, files)):
                    raise DataError(f"the voice {voice.name!r} is defined in {taken} already", file=key)
                self._good[key], self._default_of[key] = voice, file.default
            except PluralignError as error:
                problems[key] = str(error)

    def _panel(self, file: VoiceFile, path: Path, known: Mapping[str, ServedVoice]) -> ServedVoice:
        assert file.panel is not None
        voice = self._common(file, path, Speaker(), "panel")
        if not file.panel.file:
            made = of_voices(file.panel, voice.base, known)
        else:
            survey = voice.survey or (None if self._load_survey is None else self._load_survey("world-mini"))
            if survey is None:
                raise UsageError("a panel's file names peoples: start the server with a survey that has them")
            written = panel(path.parent / file.panel.file, survey)
            runs = self._read_runs(self._run_folders, {})

            def speak(name: str, of: Panel, at: int) -> ServedVoice:
                member = of.members[at]
                collective = (member.collective or file.collective) if member.way.steered else None
                speaker = Speaker(member.way, collective)
                member.way.token_for(collective)
                profiles, scores = _profiles(runs, member.way.name, "" if collective is None else collective.id)
                return replace(
                    voice,
                    name=name,
                    id=name.partition("@")[2],
                    title=member.title,
                    summary=_sentence(member.way.summary),
                    speaker=speaker,
                    speaks_for=None,
                    training="" if not member.way.adapter else f"adapter {member.way.label}",
                    profiles=profiles,
                    scores=scores,
                )

            made = of_file(written, voice.name, speak, file.collective)
        live = made.members[0].voice.live if made.kind == "distributional" else voice.live
        summary = file.summary or _sentence(summed_up(made.kind, [member.title for member in made.members]))
        return replace(voice, panel=made, summary=summary, live=live, speaks_for=file.collective)

    def _voice(self, file: VoiceFile, path: Path) -> ServedVoice:
        beside = path.parent
        charter = None if not file.charter else read_charter(beside / file.charter)
        spoken = _way(file, beside, file.model or self._model)
        speaker = Speaker(spoken, file.collective, charter)
        spoken.token_for(file.collective)
        return self._common(file, path, speaker, spoken.name, _sentence(spoken.summary))

    def _common(self, file: VoiceFile, path: Path, speaker: Speaker, asked_as: str, summary: str = "") -> ServedVoice:
        """What voices and panels have in common; ``asked_as``: what a run calls it where the file does not say."""
        survey = self._survey if not file.survey else self._other_survey(file.survey)
        problems: dict[str, str] = {}
        given = [path.parent / one.run for one in file.measured]
        runs = self._read_runs(tuple(given), problems)
        if problems:
            raise UsageError(next(iter(problems.values())))
        profiles, scores = _given_profiles(runs, file.measured, asked_as, file.collective)
        base = self._base if not file.model else base_name(file.model)
        return ServedVoice(
            name=f"{base}@{file.id}",
            id=file.id,
            base=base,
            title=file.title,
            summary=file.summary or summary,
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


def _by_name(voices: Iterable[ServedVoice]) -> dict[str, ServedVoice]:
    """Voices by name; the first of a name counts."""
    found: dict[str, ServedVoice] = {}
    for voice in voices:
        found.setdefault(voice.name, voice)
    return found


def _with_aliases(voices: Iterable[ServedVoice]) -> dict[str, ServedVoice]:
    """Voices by all their names, folded: their own, and their people's code and name where no other has it."""
    everything = tuple(voices)
    found = {voice.name.casefold(): voice for voice in reversed(everything)}
    for voice in everything:
        if voice.collective is not None:
            for other in (voice.collective.id, slug(voice.collective.name)):
                found.setdefault(f"{voice.base}@{other}".casefold(), voice)
    return found


def _beside(path: Path, file: VoiceFile) -> set[Path]:
    """Folders of the files that a voice file names."""
    named = [file.charter, "" if file.panel is None else file.panel.file]
    found = {(path.parent / one).parent for one in named if one} | {path.parent / one.run for one in file.measured}
    return {folder for folder in found if folder.is_dir()}


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


def _way(file: VoiceFile, beside: Path, model: str) -> Way:
    """How the voice of a file speaks through ``model``. Raises :class:`UsageError`."""
    asked = file.strategy or ("persona" if file.collective is not None else "plain")
    if not file.adapter:
        return of_strategy(strategy(asked))
    local = beside / file.adapter
    if not local.exists() and _names_server(model):
        name = f"adapter:{file.adapter}+{asked}"
        summary = "an adapter behind a server"
        return Way(name, file.adapter, summary, strategy(asked), file.adapter, token=file.identity_token)
    text = f"adapter:{local if local.exists() else file.adapter}"
    spoken = way(f"{text}+{asked}" if file.strategy else text)
    if not file.identity_token:
        return spoken
    groups = read_groups(spoken.adapter)
    _check_token(file.identity_token, groups)
    return replace(spoken, token=file.identity_token, groups=groups)


def _check_token(token: str, groups: Groups | None) -> None:
    """Raise :class:`UsageError` for a token that an adapter, if it says which it has, does not have."""
    if groups is None:
        return
    known = {group.token for group in groups.groups}
    parts = mixed(token)
    if parts is not None and groups.placement == "early":
        raise UsageError(f"mixtures of tokens are for adapters whose tokens begin the reply: {token!r}")
    if not {token} <= known and (parts is None or not {identity_token(slug) for slug in parts} <= known):
        raise UnknownNameError("identity token of this adapter", token, known)


def _names_server(model: str) -> bool:
    return model.startswith(("http:", "https:"))


def _profiles(
    runs: tuple[Run, ...], voice: str, collective: str
) -> tuple[tuple[Faithfulness, ...], tuple[Scores, ...]]:
    both = [(found, run.scores) for run in runs if (found := faithfulness(run.scores, voice, collective)) is not None]
    return tuple(one for one, _ in both), tuple(scores for _, scores in both)


def _given_profiles(
    runs: tuple[Run, ...], measured: tuple[Measured, ...], asked_as: str, collective: Collective | None
) -> tuple[tuple[Faithfulness, ...], tuple[Scores, ...]]:
    found, scores = [], []
    for run, told in zip(runs, measured, strict=True):
        people = told.collective or ("" if collective is None else collective.id)
        one = faithfulness(run.scores, told.voice or asked_as, people)
        if one is None:
            known = ", ".join(sorted({f"{cell.voice} for {cell.collective}" for cell in run.scores.cells})[:12])
            raise UsageError(
                f"the run in {str(run.folder)!r} did not measure the voice {told.voice or asked_as!r} for "
                f"{people!r}: it measured {known}"
            )
        found.append(one)
        scores.append(run.scores)
    return tuple(found), tuple(scores)
