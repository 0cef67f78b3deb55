"""``pluralign curate constitutional``: from a community's principles to records that teach a model to keep them.

After "Constitutional AI" (Bai et al. 2022) and Hugging Face's open recipe: prompts that put a principle to the test,
the model's own first answer, rounds of critique and revision by principles drawn from the constitution, and pairs:
revision against first answer, and two answers judged by the principle. Own wording throughout.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

from pluralign.core.errors import UsageError
from pluralign.core.ids import content_hash
from pluralign.curate.constitutional_keys import SLOTS, Constitutional, Ready
from pluralign.curate.constitutions import read_constitution, written
from pluralign.curate.judge import judged
from pluralign.curate.leaks import LeakScreen
from pluralign.curate.mixing import Rows, read_part, shuffled, taken
from pluralign.curate.principles import weights
from pluralign.curate.red_team import Case, drafted, written_prompts
from pluralign.curate.revise import answered, revised, revision_pair, sft_records
from pluralign.curate.run import Prepared, surveys_of
from pluralign.curate.texts import read_prompts
from pluralign.curate.wordings import Wordings
from pluralign.curate.work import Document, Made, Work, blocks, seeded

NAME = "constitutional"
HELD_OUT_FILE = "held_out.jsonl"
CONSTITUTION_FILE = "constitution.json"
BATCHES_PER_BLOCK = 4


def prepare(keys: Constitutional) -> Prepared:
    """Read every file and look every name up. Raises :class:`pluralign.core.errors.UsageError` on any that is wrong."""
    read = read_constitution(keys.constitution)
    constitution = read.constitution
    if keys.principles:
        chosen = tuple(constitution.principle(one) for one in keys.principles)
        constitution = constitution.model_copy(update={"principles": chosen})
    collective = keys.collective or constitution.collective
    if not collective:
        raise UsageError("say for whom the records speak: collective: ID, in the recipe or in the constitution")
    surveys = surveys_of(keys)
    parts = [read_part(part) for part in keys.mix]
    ready = Ready(
        keys=keys,
        constitution=constitution,
        chats=read.chats,
        collective=collective,
        source=keys.source or f"constitution “{constitution.title}”, version {constitution.version}",
        wordings=Wordings(SLOTS, keys.templates),
        leaks=LeakScreen(surveys, keys.screen.leak),
        prompts=read_prompts(keys.prompts.file, constitution) if keys.prompts.file else (),
        examples=tuple(one.prompt for one in (read_prompts(keys.prompts.few_shot) if keys.prompts.few_shot else ())),
    )
    inputs = {"constitution": constitution.hash}
    inputs |= {f"mix {part.file.name}": one.hash for part, one in zip(keys.mix, parts, strict=True)}
    if ready.prompts:
        inputs["prompts"] = content_hash([list(one) for one in ready.prompts])
    if ready.examples:
        inputs["few_shot"] = content_hash(list(ready.examples))

    terms = (f"constitution: {constitution.licence}",) if constitution.licence else ()
    return Prepared(
        name=NAME,
        recipe=keys,
        make=partial(_make, ready, parts),
        arrange=partial(shuffled, seed=keys.seed) if keys.published else tuple,
        surveys=surveys,
        inputs=inputs,
        templates=ready.wordings.hashes(),
        terms=(*terms, *(f"{part.file.name}: {part.licence}" for part in keys.mix if part.licence)),
        groups={f"principle:{one.id}": one.title or one.description[:60] for one in constitution.principles},
    )


def _make(ready: Ready, parts: Sequence[Rows], work: Work) -> Iterator[Made]:
    """Everything, from the top."""
    keys = ready.keys
    draft = yield from drafted(ready, work)
    ready = ready._replace(constitution=draft.constitution, drafted_with=draft.templates)
    yield Document(CONSTITUTION_FILE, written(ready.constitution))
    cases = yield from written_prompts(ready, work)
    cases, held_out = _held_out(cases, keys.prompts.held_out)
    if held_out:
        yield Document(HELD_OUT_FILE, "".join(_held_out_line(ready, case) for case in held_out))
    drawn = weights(keys.weigh, ready.constitution.principles)
    for_sft, for_pairs = _halves(keys, cases)
    for block in blocks(cases, BATCHES_PER_BLOCK * keys.batch):
        answers = yield from answered(ready, work, block)
        to_revise = [
            one for one in answers if one.case.id in for_sft or (one.case.id in for_pairs and "revision" in keys.pairs)
        ]
        chains = yield from revised(ready, work, to_revise, drawn)
        for chain in chains:
            if chain.answer.case.id in for_sft:
                yield from sft_records(ready, chain)
            if chain.answer.case.id in for_pairs and "revision" in keys.pairs:
                yield revision_pair(ready, chain)
        if "judged" in keys.pairs:
            yield from judged(ready, work, [one for one in answers if one.case.id in for_pairs])
    for rows in parts:
        yield from _mixed(rows, keys)


def _halves(keys: Constitutional, cases: Sequence[Case]) -> tuple[set[str], set[str]]:
    """Ids of the prompts for supervised records and for pairs."""
    ids = [case.id for case in cases]
    if keys.split == "both" or not keys.pairs:
        return set(ids), set(ids)
    if not keys.published:
        seeded(keys.seed, "halves").shuffle(ids)
    half = (len(ids) + 1) // 2
    return set(ids[:half]), set(ids[half:])


def _held_out(cases: Sequence[Case], count: int) -> tuple[list[Case], list[Case]]:
    """All but the last ``count`` prompts of each principle, and those."""
    if not count:
        return list(cases), []
    left = Counter(case.principle.id for case in cases)
    kept: list[Case] = []
    held_out: list[Case] = []
    for case in cases:
        (held_out if left[case.principle.id] <= count else kept).append(case)
        left[case.principle.id] -= 1
    return kept, held_out


def _held_out_line(ready: Ready, case: Case) -> str:
    fields = {"id": case.id, "prompt": case.prompt, "principle": case.principle.id, "collective": ready.collective}
    return json.dumps(fields, ensure_ascii=False) + "\n"


def _mixed(rows: Rows, keys: Constitutional) -> Iterator[Made]:
    records = taken(rows, seed=keys.seed, published=keys.published)
    if rows.part.split == "train":
        yield from records
        return
    for kind, file in (("sft", "sft_test.jsonl"), ("preference", "preferences_test.jsonl")):
        own = [record.model_dump_json() + "\n" for record in records if record.kind == kind]
        if own:
            yield Document(file, "".join(own))
