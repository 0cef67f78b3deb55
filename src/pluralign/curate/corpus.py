"""A community's own texts as records: read, cleaned, stripped of personal details, turned into passages or dialogues.

Who wrote what leaves the recipe as a number only. The identity token of the community is placed by ``train``, not
here. Asks no model.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

from pluralign.core.chat import Message
from pluralign.core.ids import content_hash
from pluralign.core.records import Provenance, Scalar, SftRecord
from pluralign.curate.corpus_posts import Post, Thread
from pluralign.curate.corpus_read import Fields, expand, read_threads
from pluralign.curate.corpus_recipe import Corpus, Source
from pluralign.curate.corpus_texts import LanguageTeller, clean, last_words, passages
from pluralign.curate.folds import connected, deal
from pluralign.curate.private import Scrubber
from pluralign.curate.run import Prepared, surveys_of
from pluralign.curate.similar import near_duplicates
from pluralign.curate.work import Dropped, Made, Section, Work
from pluralign.prompts import templates

NAME = "corpus"
TEMPLATE = "curate_corpus_passage.v1"
REPEATED_WORDS = 20
"""Shorter texts are not held against each other."""


class _Read(NamedTuple):
    source: Source
    thread: Thread


class _Washed(NamedTuple):
    read: _Read
    title: str
    posts: list[Post]


class _Draft(NamedTuple):
    """A record before it has a fold."""

    record: SftRecord
    source: str
    thread: str
    author: str


def prepare(recipe: Corpus) -> Prepared:
    """Read all files. Raises :class:`pluralign.core.errors.UsageError` for patterns that match nothing and
    :class:`pluralign.core.errors.DataError` for files that are not what they are said to be."""
    read: list[_Read] = []
    inputs: dict[str, str] = {}
    for source in recipe.sources:
        fields = Fields(**source.fields.model_dump())
        for path in expand(source.files):
            threads = list(read_threads(path, source.format, fields))
            inputs[f"file {path.name}"] = content_hash(
                [[thread.id, list(map(list, thread.posts))] for thread in threads]
            )
            read += [_Read(source, thread) for thread in threads]
    return Prepared(
        name=NAME,
        recipe=recipe,
        make=lambda _work: make(recipe, read, _work),
        surveys=surveys_of(recipe),
        inputs=inputs,
        templates={TEMPLATE: templates.template_hash(TEMPLATE)},
        terms=(f"Consent: {recipe.consent}",),
    )


def make(recipe: Corpus, read: Sequence[_Read], _work: Work) -> Iterator[Made]:
    """Thread by thread in the order of the files."""
    authors = {post.author for one in read for post in one.thread.posts if post.author}
    numbers = {name: str(number) for number, name in enumerate(_in_order(read), start=1)}
    scrubber = Scrubber(recipe.private.kinds, recipe.private.regions, authors | set(recipe.private.names))
    washer = _Washer(recipe, scrubber)
    washed: list[_Washed] = []
    for one in read:
        title, posts, dropped = washer.thread(one.thread)
        washed.append(_Washed(one, title, posts))
        yield from dropped
    repeated = _repeated(recipe, washed)
    drafts: list[_Draft] = []
    for one_washed in washed:
        thread, left = one_washed.read.thread, []
        for post in one_washed.posts:
            if (thread.id, post.id) in repeated:
                yield Dropped(f"{thread.id}/{post.id}", "clean", "near-duplicate", repeated[thread.id, post.id])
            else:
                left.append(post)
        for made in _of_thread(recipe, one_washed._replace(posts=left), numbers):
            if isinstance(made, Dropped):
                yield made
            else:
                drafts.append(made)
    yield Section("Personal details taken out", _account(recipe, washer))
    groups = _groups(recipe, drafts)
    folds: dict[Hashable, int] = {}
    if recipe.folds is not None:
        members = [(draft.source, group) for draft, group in zip(drafts, groups, strict=True)]
        folds = deal(members, recipe.folds, recipe.seed)
        yield Section("Folds", _fold_table(recipe.folds, [folds[group] for group in groups], drafts))
    for draft, group in zip(drafts, groups, strict=True):
        yield draft.record.model_copy(update={"group": str(group), "fold": folds.get(group)})


def _in_order(read: Sequence[_Read]) -> Iterator[str]:
    yield from dict.fromkeys(post.author for one in read for post in one.thread.posts if post.author)


class _Washer:
    """Cleans, scrubs and checks texts, and keeps count."""

    def __init__(self, recipe: Corpus, scrubber: Scrubber):
        self.found: Counter[str] = Counter()
        self.texts = 0
        self._scrubber = scrubber
        self._languages = frozenset(recipe.languages)
        self._least = recipe.least_language
        self._teller = LanguageTeller() if recipe.languages else None

    def wash(self, text: str) -> str:
        """The words alone, without personal details."""
        self.texts += 1
        scrubbed = self._scrubber.scrub(clean(text))
        self.found.update(scrubbed.found)
        return scrubbed.text

    def foreign(self, text: str) -> str | None:
        """The language, where it is told to be one that is not accepted."""
        if self._teller is None:
            return None
        language = self._teller.tell(text)
        wrong = language.code and language.code not in self._languages and language.probability >= self._least
        return language.code if wrong else None

    def thread(self, thread: Thread) -> tuple[str, list[Post], list[Dropped]]:
        """Title and posts that can be used, and what cannot."""
        posts: list[Post] = []
        dropped: list[Dropped] = []
        for post in thread.posts:
            text = self.wash(post.text)
            item = f"{thread.id}/{post.id}"
            language = self.foreign(text)
            if not text:
                dropped.append(Dropped(item, "clean", "empty"))
            elif language is not None:
                dropped.append(Dropped(item, "clean", "another language", language))
            else:
                posts.append(post._replace(text=text))
        return self.wash(thread.title) if thread.title else "", posts, dropped


def _repeated(recipe: Corpus, washed: Sequence[_Washed]) -> dict[tuple[str, str], str]:
    """(Thread, post) -> which earlier one it nearly repeats. Short ones ("thank you") may be said again."""
    if recipe.similar is None:
        return {}
    long = [
        (one.read.thread.id, post.id, post.text)
        for one in washed
        for post in one.posts
        if len(post.text.split()) >= REPEATED_WORDS
    ]
    twins = near_duplicates(((recipe.collective, text) for *_, text in long), recipe.similar)
    return {long[twin.position][:2]: f"{twin.similarity:.0%} like {'/'.join(long[twin.of][:2])}" for twin in twins}


def _of_thread(recipe: Corpus, washed: _Washed, numbers: dict[str, str]) -> Iterator[_Draft | Dropped]:
    (source, thread), title, posts = washed
    talk = recipe.turn_into == "dialogues" or (recipe.turn_into == "auto" and len(thread.posts) > 1)
    pairs = _dialogues(recipe, posts, title) if talk else _passages(recipe, posts, title)
    for number, (asked, said, post) in enumerate(pairs, start=1):
        count = len(said.split())
        if count < recipe.least_words:
            yield Dropped(f"{thread.id}/{post.id}", "cut", "too short", f"{count} words")
            continue
        author = numbers.get(post.author, "")
        parents = (f"document:{thread.id}", *((f"author:{author}",) if author else ()))
        details: dict[str, Scalar] = {"consent": recipe.consent, "part": number, "post": post.id}
        record = SftRecord(
            messages=(Message("user", asked), Message("assistant", said)),
            collective=recipe.collective,
            source=source.source,
            licence=source.licence or recipe.licence,
            provenance=Provenance(
                recipe=NAME,
                templates={} if talk else {TEMPLATE: templates.template_hash(TEMPLATE)},
                parents=parents,
                details=details,
            ),
        )
        yield _Draft(record, source.source, thread.id, author)


def _passages(recipe: Corpus, posts: Sequence[Post], title: str) -> Iterator[tuple[str, str, Post]]:
    for post in posts:
        before = ""
        for passage in passages(post.text, recipe.words):
            yield templates.render(TEMPLATE, before=before, title=title), passage, post
            before = last_words(passage, recipe.before)


def _dialogues(recipe: Corpus, posts: Sequence[Post], title: str) -> Iterator[tuple[str, str, Post]]:
    """What somebody wrote, and what somebody else replied. Posts of one person in a row are one turn."""
    turns: list[Post] = []
    turn_of: dict[str, int] = {}
    parents: list[int | None] = []
    for post in posts:
        goes_on = turns and post.author and turns[-1].author == post.author
        if goes_on and turn_of.get(post.answers, len(turns) - 1) == len(turns) - 1:
            turns[-1] = turns[-1]._replace(text=f"{turns[-1].text}\n\n{post.text}")
        else:
            before = len(turns) - 1 if turns else None
            parents.append(turn_of.get(post.answers, before) if post.answers else before)
            turns.append(post)
        turn_of[post.id] = len(turns) - 1
    for at, turn in enumerate(turns):
        line: list[str] = []
        above = parents[at]
        while above is not None and len(line) < recipe.context:
            line.append(last_words(turns[above].text, recipe.words))
            above = parents[above]
        if line:
            yield "\n\n".join(reversed(line)), passages(turn.text, recipe.words)[0], turn
        elif title:
            yield templates.render(TEMPLATE, before="", title=title), passages(turn.text, recipe.words)[0], turn


def _groups(recipe: Corpus, drafts: Sequence[_Draft]) -> list[Hashable]:
    """What must not be torn apart, per draft."""
    if recipe.group == "thread":
        return [f"document:{draft.thread}" for draft in drafts]
    if recipe.group == "author":
        return [f"author:{draft.author}" if draft.author else f"document:{draft.thread}" for draft in drafts]
    joined = connected(
        (f"document:{draft.thread}", f"author:{draft.author}" if draft.author else f"document:{draft.thread}")
        for draft in drafts
    )
    return [joined[f"document:{draft.thread}"] for draft in drafts]


def _account(recipe: Corpus, washer: _Washer) -> str:
    found = ", ".join(f"{washer.found[kind]:,} [{kind}]" for kind in recipe.private.kinds if washer.found[kind])
    return (
        f"In {washer.texts:,} texts: {found or 'nothing'}. Names were looked for among the authors of the files and "
        "those the recipe lists; others, and what people say of themselves, are still there: have people read a sample."
    )


def _fold_table(count: int, folds: Sequence[int], drafts: Sequence[_Draft]) -> str:
    cells = Counter((draft.source, fold) for draft, fold in zip(drafts, folds, strict=True))
    head = ("source", *(str(fold) for fold in range(count)))
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [
        f"| {source} | {' | '.join(f'{cells[source, fold]:,}' for fold in range(count))} |"
        for source in dict.fromkeys(draft.source for draft in drafts)
    ]
    return "Records by source and fold, before screening.\n\n" + "\n".join(lines)
