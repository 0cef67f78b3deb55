"""A way of speaking: what a word such as ``persona`` or ``adapter:out/kenya`` after ``--voice`` means.

::

    STRATEGY               a way of asking: plain, persona, persona-last …
    adapter:DIR            an adapter, asked as it was taught to be: by its identity tokens, or by the strategy it says
    adapter:DIR+STRATEGY   an adapter, asked in this way and without its tokens
    charter:FILE           the model, told what a community agreed on

This is the one place where these words are read. Knows no question.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from pluralign.core.adapter import AdapterManifest, Groups, Lessons
from pluralign.core.collective import Collective
from pluralign.core.constitution import Constitution
from pluralign.core.documents import parse, validate
from pluralign.core.errors import UnknownNameError, UsageError
from pluralign.engines.checkpoints import digest_of, find_adapter
from pluralign.engines.manifest import read_groups, read_manifest
from pluralign.prompts.strategies import CHARTERED, STRATEGIES, Strategy, strategy
from pluralign.surveys.files import read_text

ADAPTER = "adapter:"
CHARTER = "charter:"
DEFAULT_ASKED = "persona"
"""How an adapter is asked that does not say how it was taught to be."""


@dataclass(frozen=True)
class Way:
    """A way of speaking, not yet for anybody."""

    name: str
    """As it is written after ``--voice`` and in every table of answers."""
    label: str = field(compare=False)
    """A few words for readers."""
    summary: str = field(compare=False)
    """One plain sentence for readers."""
    strategy: Strategy
    adapter: str = ""
    """Folder or hub name of the adapter it wears."""
    groups: Groups | None = field(default=None, compare=False)
    """Whom the adapter has tokens for, where it is asked by them."""
    token: str = ""
    """Stands where the adapter's token for the collective would; empty: the adapter's own."""
    digest: str = field(default="", compare=False)
    """Content hash of the adapter."""
    lessons: Lessons = field(default=Lessons(), compare=False)
    """Whose answers to what the adapter was trained on."""
    charter: Constitution | None = field(default=None, compare=False)
    """What it is told that its community agreed on."""

    @property
    def steered(self) -> bool:
        """Whether answers depend on the collective. If not, one poll serves all of them."""
        return self.strategy.steered or (self.groups is not None and not self.token)

    def hashes(self, found: dict[str, str]) -> dict[str, str]:
        """Content hashes of the texts it is asked with, its charter's among them."""
        return found if self.charter is None else {**found, self.name: self.charter.hash}

    @property
    def by_token(self) -> bool:
        """Whether an identity token says whom it speaks for."""
        return self.groups is not None or bool(self.token)

    def start(self, collective: Collective | None) -> str:
        """What the reply is made to begin with: the collective's identity token, or nothing.

        Raises :class:`UsageError` for a collective that the adapter has no token for.
        """
        return "" if self._early else self.token_for(collective)

    def opening(self, collective: Collective | None) -> str:
        """What the first message is made to begin with: an identity token that was trained there, or nothing. Raises
        as :meth:`start`.
        """
        return self.token_for(collective) if self._early else ""

    @property
    def _early(self) -> bool:
        return self.groups is not None and self.groups.placement == "early"

    def token_for(self, collective: Collective | None) -> str:
        """The identity token that stands for the collective, wherever it stands; empty for a way without tokens.
        Raises as :meth:`start`.
        """
        if self.token or self.groups is None:
            return self.token
        try:
            return self.groups.token(collective)
        except UnknownNameError as error:
            raise UsageError(
                f"the adapter {self.adapter!r} has no token for {error.name!r} (it has: {', '.join(error.known)}); "
                f"ask by name instead: --voice {ADAPTER}{self.adapter}+persona-last"
            ) from None


def way(text: str, *, offline: bool = False) -> Way:
    """The way of speaking of that name.

    Raises :class:`UnknownNameError` for a name that is none, :class:`pluralign.core.errors.ModelError` for a folder
    that is no adapter, :class:`pluralign.core.errors.DataError` for a file that is no charter.
    """
    stripped = text.strip()
    if stripped.casefold().startswith(CHARTER):
        file = stripped[len(CHARTER) :]
        if not file:
            raise UsageError(f"the voice {text!r} names no charter: write {CHARTER}FILE")
        return chartered(of_strategy(strategy("plain")), read_charter(Path(file)), f"{CHARTER}{file}")
    if not stripped.casefold().startswith(ADAPTER):
        return of_strategy(strategy(stripped))
    folder, asked = _split(stripped[len(ADAPTER) :])
    if not folder:
        raise UsageError(f"the voice {text!r} names no adapter: write {ADAPTER}DIR")
    manifest, groups = read_manifest(folder, offline=offline), read_groups(folder, offline=offline)
    chosen = asked or strategy((manifest.asked if manifest else "") or DEFAULT_ASKED)
    tokens = groups if asked is None else None
    title = manifest.name if manifest else Path(folder).name
    return Way(
        name=f"{ADAPTER}{folder}" if asked is None else f"{ADAPTER}{folder}+{asked.name}",
        label=title if asked is None else f"{title} + {asked.name}",
        summary=_summary(manifest, chosen, tokens),
        strategy=chosen,
        adapter=folder,
        groups=tokens,
        digest=digest_of(find_adapter(folder, offline=offline)),
        lessons=manifest.lessons if manifest else Lessons(),
    )


def ways(texts: Iterable[str], *, offline: bool = False) -> tuple[Way, ...]:
    """Ways of speaking in their order, each once. Raises :class:`UsageError` where two would look the same."""
    found = tuple(dict.fromkeys(way(text, offline=offline) for text in texts))
    labels = [one.label for one in found]
    for one in found:
        if labels.count(one.label) > 1:
            same = " and ".join(repr(other.name) for other in found if other.label == one.label)
            raise UsageError(
                f"{same} are both called {one.label!r}: rename a file, or an adapter in its pluralign.json"
            )
    return found


def of_strategy(chosen: Strategy) -> Way:
    """A strategy as a way of speaking: the model as it is, asked so."""
    return Way(chosen.name, chosen.name, chosen.summary, chosen)


def read_charter(file: Path) -> Constitution:
    """The charter in a file, such as ``pluralign graph charter`` writes. Raises :class:`DataError`."""
    return validate(Constitution, parse(read_text(file), str(file)))


def chartered(spoken: Way, charter: Constitution, name: str) -> Way:
    """The same way of speaking, told a charter in place of what else it would be told of whom it speaks for."""
    summary = f"told what its community agreed on: {charter.title}"
    return replace(spoken, name=name, label=label_of(name), summary=summary, strategy=CHARTERED, charter=charter)


def label_of(name: str) -> str:
    """A few words for a way's name as it stands in a table of answers, without looking at any folder."""
    if name.startswith(CHARTER):
        return Path(name[len(CHARTER) :]).stem or name
    if not name.startswith(ADAPTER):
        return name
    folder, asked = _split(name[len(ADAPTER) :])
    title = Path(folder).name or folder
    return title if asked is None else f"{title} + {asked.name}"


def summary_of(name: str) -> str:
    """One sentence for a way's name as it stands in a table of answers; empty for a name that says nothing."""
    try:
        return way(name, offline=True).summary
    except UsageError:
        return ""


def _split(text: str) -> tuple[str, Strategy | None]:
    """Folder, and the strategy behind the first "+" that is followed by the name of one."""
    for at, character in enumerate(text):
        if character == "+" and text[at + 1 :] in STRATEGIES:
            return text[:at], STRATEGIES[text[at + 1 :]]
    return text, None


def _summary(manifest: AdapterManifest | None, asked: Strategy, groups: Groups | None) -> str:
    what = manifest.summary if manifest and manifest.summary else "an adapter"
    how = "asked by its identity token" if groups is not None else asked.summary
    return f"{what}; {how}"
