"""What is wrong with a file of training data. Reads records, the published JSON files and constitutions; mends nothing.

=======================  ====================================================================================
rule                     it finds
=======================  ====================================================================================
prompt wrapped           the prompt holds the one it was made from, and more: the model was asked to copy it
prompt altered           the prompt is another than the one it was made from
answer altered           the first answer is another than the one it was made from
prompt echoed            an answer repeats the whole prompt
empty                    a field says nothing
revision unchanged       the revision says the same as the first answer
revision is critique     the revision says the same as the critique
same answers             chosen and rejected say the same
principle not named      neither critique nor its request shares words with the principle (needs the constitution)
invisible characters     zero-width characters, as word processors leave them
no collective            the record does not say who speaks
no model                 the record does not say who wrote it
near-duplicate           the prompt nearly repeats an earlier one of the file
leak                     a question of a survey that will measure stands in the record (needs the survey)
=======================  ====================================================================================

Rates go with them: how often each field declines, how long fields are, how often the chosen answer is the longer one,
how many different critique and revision requests there are.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pluralign.core.constitution import Constitution, has_invisible
from pluralign.curate.leaks import LeakScreen
from pluralign.curate.principles import statement
from pluralign.curate.replies import declines
from pluralign.curate.similar import near_duplicates, triples, words


class Entry(NamedTuple):
    """One record of any file, in common terms."""

    key: str
    """``line 3`` of JSONL, ``3_7`` of a published file."""
    fields: Mapping[str, str]
    """Name -> text."""
    roles: Mapping[str, str]
    """Which field plays which part: ``prompt``, ``answer`` (first), ``critique_request``, ``critique``,
    ``revision_request``, ``revision``, ``chosen``, ``rejected``, ``reply``. Absent where there is none."""
    parent: str = ""
    """Principle it was made from; for tables."""
    collective: str | None = None
    """``None`` where the file's format has no place for it."""
    model: str | None = None
    principle: int | None = None
    """The principle's position in the constitution, of published files."""
    by_people: bool = False
    """Whether no model is expected to be named."""

    def part(self, role: str) -> str | None:
        """The text that plays a part."""
        name = self.roles.get(role)
        return None if name is None else self.fields[name]


class Finding(NamedTuple):
    """One thing that is wrong."""

    rule: str
    key: str
    detail: str = ""


class Lengths(NamedTuple):
    """How long a field is and how often it declines."""

    field: str
    parent: str
    """Principle; empty for all together."""
    texts: int
    mean_words: float
    declines: int


class Requests(NamedTuple):
    """How varied a field of requests is."""

    field: str
    distinct: int
    most_frequent: int
    """How often the most frequent one occurs."""


class Longer(NamedTuple):
    """How often the chosen answer is the longer one: a trainer may learn nothing else."""

    pairs: int
    by_characters: int
    by_words: int
    mean_ratio: float
    """Mean of chosen characters over rejected characters."""


class Report(NamedTuple):
    """What was found in a file."""

    file: str
    kind: str
    entries: int
    findings: tuple[Finding, ...]
    lengths: tuple[Lengths, ...]
    """All together first, then by principle."""
    requests: tuple[Requests, ...]
    longer: Longer | None

    def count(self, rule: str) -> int:
        """Entries in which a rule found something."""
        return len({finding.key for finding in self.findings if finding.rule == rule})


Rule = Callable[[Entry], Iterator[str]]


def _prompt_echoed(entry: Entry) -> Iterator[str]:
    prompt = words(entry.part("prompt") or "")
    if len(prompt) < 5:
        return
    asked = " ".join(prompt)
    for role in ("reply", "revision", "chosen", "rejected"):
        text = entry.part(role)
        if text is not None and asked in " ".join(words(text)):
            yield entry.roles[role]


def _empty(entry: Entry) -> Iterator[str]:
    for name, text in entry.fields.items():
        if name not in OPTIONAL and not text.strip():
            yield name


def _same(one: str, other: str) -> Rule:
    def rule(entry: Entry) -> Iterator[str]:
        first, second = entry.part(one), entry.part(other)
        if first and second and words(first) == words(second):
            yield ""

    return rule


def _invisible(entry: Entry) -> Iterator[str]:
    yield from (name for name, text in entry.fields.items() if has_invisible(text))


def _no_collective(entry: Entry) -> Iterator[str]:
    if not entry.collective:
        yield "the format has no place for it" if entry.collective is None else ""


def _no_model(entry: Entry) -> Iterator[str]:
    if not entry.model and not entry.by_people:
        yield "the format has no place for it" if entry.model is None else ""


OPTIONAL = frozenset({"reasoning", "category", "critique_request", "revision_request"})
"""Fields that may be empty."""

RULES: dict[str, Rule] = {
    "prompt echoed": _prompt_echoed,
    "empty": _empty,
    "revision unchanged": _same("revision", "answer"),
    "revision is critique": _same("revision", "critique"),
    "same answers": _same("chosen", "rejected"),
    "invisible characters": _invisible,
    "no collective": _no_collective,
    "no model": _no_model,
}
"""Rules that look at one entry by itself: name -> details of what is wrong."""


def lint(
    file: str,
    kind: str,
    entries: Sequence[Entry],
    *,
    origin: Mapping[str, Entry] | None = None,
    constitution: Constitution | None = None,
    leaks: LeakScreen | None = None,
    near: float | None = 0.8,
) -> Report:
    """Look at a file's entries.

    ``origin``: key -> the red-team record that an entry was made from. ``near``: least Jaccard similarity of prompts
    that are near-duplicates; ``None`` does not look for them.
    """
    findings: list[Finding] = []
    for entry in entries:
        for name, rule in RULES.items():
            findings += [Finding(name, entry.key, detail) for detail in rule(entry)]
        if origin is not None and entry.key in origin:
            findings += _against(entry, origin[entry.key])
        if constitution is not None and entry.principle is not None:
            findings += _unnamed(entry, constitution)
        leak = leaks.find(list(entry.fields.values())) if leaks is not None else None
        if leak is not None:
            findings.append(Finding("leak", entry.key, f"{leak.share:.0%} of {leak.question} of {leak.survey}"))
    if near is not None:
        findings += _near(entries, near)
    return Report(
        file=file,
        kind=kind,
        entries=len(entries),
        findings=tuple(findings),
        lengths=tuple(_lengths(entries)),
        requests=tuple(_requests(entries)),
        longer=_longer(entries),
    )


def _against(entry: Entry, origin: Entry) -> Iterator[Finding]:
    prompt, true = entry.part("prompt"), origin.part("prompt")
    if prompt is not None and true and prompt != true:
        if true in prompt:
            yield Finding("prompt wrapped", entry.key, f"{len(prompt) - len(true)} characters too many")
        else:
            yield Finding("prompt altered", entry.key)
    answer, given = entry.part("answer"), origin.part("answer")
    if answer is not None and given is not None and answer != given:
        spaces = answer.strip() == given.strip()
        yield Finding("answer altered", entry.key, "white space only" if spaces else "")


def _unnamed(entry: Entry, constitution: Constitution) -> Iterator[Finding]:
    critique = entry.part("critique")
    if critique is None or entry.principle is None or entry.principle >= len(constitution.principles):
        return
    principle = constitution.principles[entry.principle]
    said = words(f"{entry.part('critique_request') or ''} {critique}")
    title = words(principle.title)
    named = bool(title) and f" {' '.join(title)} " in f" {' '.join(said)} "
    if not named and not (triples(words(statement(principle))) & triples(said)):
        yield Finding("principle not named", entry.key, principle.id)


def _near(entries: Sequence[Entry], threshold: float) -> Iterator[Finding]:
    """Prompts that nearly repeat another entry's; several records of one prompt are no fault."""
    first: dict[str, str] = {}
    for entry in entries:
        prompt = entry.part("prompt")
        if prompt is not None:
            first.setdefault(prompt, entry.key)
    keys = list(first.values())
    for twin in near_duplicates((("", prompt) for prompt in first), threshold):
        yield Finding("near-duplicate", keys[twin.position], f"{twin.similarity:.0%} like {keys[twin.of]}")


def _lengths(entries: Sequence[Entry]) -> Iterator[Lengths]:
    counted: dict[tuple[str, str], list[tuple[int, bool]]] = defaultdict(list)
    for entry in entries:
        for name, text in entry.fields.items():
            of_text = (len(text.split()), declines(text))
            counted[name, ""].append(of_text)
            if entry.parent:
                counted[name, entry.parent].append(of_text)
    for (name, parent), texts in sorted(counted.items(), key=lambda item: item[0][1] != ""):
        mean = statistics.fmean(count for count, _ in texts)
        yield Lengths(name, parent, len(texts), mean, sum(no for _, no in texts))


def _requests(entries: Sequence[Entry]) -> Iterator[Requests]:
    for role in ("critique_request", "revision_request"):
        counted = Counter(text for entry in entries if (text := entry.part(role)))
        if counted:
            name = next(entry.roles[role] for entry in entries if role in entry.roles)
            yield Requests(name, len(counted), counted.most_common(1)[0][1])


def _longer(entries: Iterable[Entry]) -> Longer | None:
    pairs = [
        (chosen, rejected)
        for entry in entries
        if (chosen := entry.part("chosen")) is not None and (rejected := entry.part("rejected"))
    ]
    if not pairs:
        return None
    return Longer(
        pairs=len(pairs),
        by_characters=sum(len(chosen) > len(rejected) for chosen, rejected in pairs),
        by_words=sum(len(chosen.split()) > len(rejected.split()) for chosen, rejected in pairs),
        mean_ratio=statistics.fmean(len(chosen) / len(rejected) for chosen, rejected in pairs),
    )
