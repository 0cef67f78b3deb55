"""What every recipe's YAML can say: which model, for whom, under which terms, how much, and what is screened out.

A recipe adds its own keys in a subclass. Knows no model and runs nothing.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from pluralign.core.collective import Slug
from pluralign.core.documents import parse, validate
from pluralign.core.errors import UsageError
from pluralign.core.question import NonEmpty
from pluralign.poll.study import QuestionChoice
from pluralign.surveys.files import read_text

Share = Annotated[float, Field(gt=0, le=1)]
Amount = Annotated[float, Field(ge=0)]


class Keys(BaseModel):
    """A group of keys; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Sampling(Keys):
    """How replies are drawn."""

    temperature: Annotated[float, Field(ge=0)] = 1.0
    """0 always takes the likeliest token; a reply that cannot be read is then not asked for again."""
    top_p: Share = 1.0
    max_tokens: Annotated[int, Field(ge=1)] = 400
    """Longest reply."""


class Caps(Keys):
    """Where to stop. What was answered is kept; with a higher cap the same command goes on."""

    calls: Annotated[int, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    """Prompt and reply together."""
    cost: Amount | None = None
    """In the unit of ``prices``."""


class Price(Keys):
    """What a model costs per million tokens."""

    input: Amount = 0.0
    output: Amount = 0.0


class Measured(Keys):
    """A survey that will measure the trained model, or a part of it."""

    survey: NonEmpty
    """As for ``pluralign poll``."""
    questions: QuestionChoice = QuestionChoice()
    """Which of its questions will be asked."""


class Screening(Keys):
    """What is thrown away whoever wrote it."""

    surveys: tuple[NonEmpty | Measured, ...] = ()
    """Surveys that will measure the trained model: a record that contains one of their questions is dropped."""
    leak: Share = 0.8
    """A record contains a question from this share of the question's own word triples on (see ``curate/leaks.py``)."""
    near_duplicates: Share | None = 0.8
    """Two records of one collective are near-duplicates from this Jaccard similarity of their word triples on: the
    later is dropped. ``null`` keeps all."""


class Recipe(Keys):
    """Keys of every recipe."""

    FILES: ClassVar[tuple[str, ...]] = ()
    """The keys that hold paths, such as ``constitution`` or ``mix.*.file``: in a YAML file they are relative to that
    file's folder."""

    name: Slug
    """Short name; the run's folder is named after it."""
    model: NonEmpty
    """The model that speaks: ``smollm2``, a hub name, a folder, ``http:MODEL@URL``, ``scripted:RULE``."""
    collective: str = ""
    """Id of the collective the records speak for."""
    licence: NonEmpty
    """Terms of the records, with those of the model that wrote them, as in "CC-BY-4.0; replies by SmolLM2,
    Apache-2.0"."""
    source: str = ""
    """Where the words come from, where the recipe does not know better."""
    seed: int = 0
    """Seeds every draw, together with what the draw is for."""
    batch: Annotated[int, Field(ge=1)] = 16
    """How many requests are put to the model and stored together: what an interruption costs."""
    retries: Annotated[int, Field(ge=0)] = 3
    """How often a reply that cannot be read is asked for again, with another seed, before it is given up."""
    caps: Caps = Caps()
    prices: dict[str, Price] = {}
    """Engine name -> price; engines without one cost nothing."""
    screen: Screening = Screening()
    device: str = "auto"
    dtype: str = "auto"

    def engines(self) -> dict[str, str]:
        """Role -> name of the engine that plays it. Roles may share one."""
        return {"model": self.model}

    def settings(self) -> dict[str, Any]:
        """The keys that decide what is written; where to stop, what it costs and where files lie do not."""
        settings = self.model_dump(mode="json", exclude={"caps", "prices"})
        for key in self.FILES:
            settings = _changed(settings, key.split("."), lambda _: None)
        return settings


Kind = TypeVar("Kind", bound=Recipe)


def recipe_from(kind: type[Kind], path: Path, flags: dict[str, Any]) -> Kind:
    """A recipe from a YAML file, with some of its keys overridden by flags.

    A flag whose value is a dictionary overrides single keys of a group. Raises
    :class:`pluralign.core.errors.DataError` naming file, line and key, and :class:`UsageError` where the recipe
    sets a price for an engine it does not use.
    """
    document = parse(read_text(path), str(path))
    if isinstance(document.data, dict):
        document = document._replace(data=_merged(_at_home(document.data, kind.FILES, path.parent), flags))
    recipe = validate(kind, document)
    for name in recipe.prices:
        if name not in recipe.engines().values():
            used = ", ".join(repr(used) for used in dict.fromkeys(recipe.engines().values()))
            raise document.error(f"a price for {name!r}, which this recipe does not ask; it asks {used}", ("prices",))
    if recipe.caps.cost is not None and not recipe.prices:
        raise UsageError("a cap on the cost needs prices: give them in the recipe, as prices: {MODEL: {input: 0.1}}")
    return recipe


def _at_home(data: dict[str, Any], keys: tuple[str, ...], folder: Path) -> dict[str, Any]:
    for key in keys:
        data = _changed(data, key.split("."), lambda value: str(folder / Path(value).expanduser()))
    return data


def _changed(data: Any, path: Sequence[str], change: Callable[[str], str | None]) -> Any:
    """``data`` with every text at ``path`` changed; ``*`` stands for every key and position."""
    if not path:
        return change(data) if isinstance(data, str) and data else data
    if isinstance(data, list) and path[0] == "*":
        return [_changed(value, path[1:], change) for value in data]
    if isinstance(data, dict):
        return {
            key: _changed(value, path[1:], change) if path[0] in (key, "*") else value for key, value in data.items()
        }
    return data


def _merged(own: dict[str, Any], flags: dict[str, Any]) -> dict[str, Any]:
    merged = dict(own)
    for key, value in flags.items():
        group = merged.get(key)
        merged[key] = {**group, **value} if isinstance(value, dict) and isinstance(group, dict) else value
    return merged
