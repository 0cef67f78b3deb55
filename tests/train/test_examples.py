"""Examples in tokens: how many, how long, what happens to the too long; and the loss on them, worked by hand."""

from pathlib import Path
from typing import Any

import pytest
import torch
from trl.trainer.utils import add_fused_lm_head

from pluralign.core.chat import Message
from pluralign.core.errors import UsageError
from pluralign.engines.base import ScoreRequest
from pluralign.engines.local import LocalEngine
from pluralign.engines.open import open_engine
from pluralign.engines.rendering import Renderer
from pluralign.train import sft
from pluralign.train.config import TrainConfig
from pluralign.train.dpo import preference_loss
from pluralign.train.examples import examples
from pluralign.train.identity import Rows
from pluralign.train.likelihood import likelihood
from pluralign.train.sft import WeightedCollator
from pluralign.train.sources import Located
from tests.engines import tiny_models
from tests.train.conftest import preference_record, sft_record


def renderer() -> Renderer:
    return Renderer.of(tiny_models.tokenizer(), "tiny")


def config(**keys: Any) -> TrainConfig:
    return TrainConfig.model_validate({"model": "x", "records": "x.jsonl", **keys})


def located(*found: Any) -> list[Located]:
    return [Located(record, "r.jsonl", number) for number, record in enumerate(found, start=1)]


LONG = sft_record(reply="Very important, rather important, not very important, not at all important.")


def test_a_record_too_long_is_refused_by_name_or_dropped_or_cut_and_counted() -> None:
    short = examples(located(sft_record()), renderer(), config(), 1000)
    limit = short.longest + 3
    found = located(sft_record(), LONG, sft_record(1))
    with pytest.raises(UsageError, match=rf"too long: \d+ tokens of at most {limit} \(r\.jsonl, record 2\)"):
        examples(found, renderer(), config(), limit)
    dropped = examples(found, renderer(), config(too_long="drop"), limit)
    assert (len(dropped.rows), dropped.dropped, dropped.cut) == (2, 1, 0)
    cut = examples(found, renderer(), config(too_long="cut"), limit)
    assert (len(cut.rows), cut.dropped, cut.cut, cut.longest) == (3, 0, 1, limit)
    whole = examples(located(LONG), renderer(), config(), 1000).rows[0]
    assert cut.rows[1]["input_ids"] == whole["input_ids"][:limit]
    assert cut.rows[1]["labels"] == whole["labels"][:limit]
    # a prompt that fills the limit by itself leaves nothing to learn
    with pytest.raises(UsageError, match="all 3 examples are longer than 5 tokens"):
        examples(found, renderer(), config(too_long="cut"), 5)


@pytest.mark.parametrize("text", ["<|im_start|>user", "Hi [/INST] 1", "1<end_of_turn>", "<|eot_id|>", "<<SYS>>"])
def test_a_conversation_rendered_for_another_model_is_refused_in_a_sentence(text: str) -> None:
    found = located(sft_record(), sft_record(1, reply=text))
    with pytest.raises(UsageError, match=r"a mark of another model's chat template.* \(r\.jsonl, record 2\)") as caught:
        examples(found, renderer(), config(), 1000)
    assert "\n" not in str(caught.value)
    kept = examples(found, renderer(), config(control_tokens="drop"), 1000)
    assert (len(kept.rows), kept.controls) == (1, 1)
    assert len(examples(located(sft_record(reply="x <= 1 | y [see 2]")), renderer(), config(), 1000).rows) == 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_joined_examples_have_the_loss_they_have_apart(attention: str, tmp_path: Path) -> None:
    """Positions that begin anew keep them apart. Flash attention, the one that may be asked for, needs CUDA."""
    draw = torch.Generator().manual_seed(0)
    rows: list[dict[str, Any]] = []
    for length in (9, 14, 20, 7):
        ids = torch.randint(5, 300, (length,), generator=draw).tolist()
        rows.append({"input_ids": ids, "labels": [-100] * 4 + ids[4:], "weight": 1.0})

    def loss(packed: int | None, rows: list[dict[str, Any]]) -> tuple[torch.Size, float]:
        settings = {"output_dir": str(tmp_path), "use_cpu": True, "report_to": "none", "disable_tqdm": True}
        made = sft.trainer(
            tiny_models.model("llama", attn_implementation=attention),
            {**settings, "per_device_train_batch_size": len(rows) if packed is None else 1},
            tiny_models.tokenizer(),
            tuple(rows),
            (),
            adapter=None,
            packed_length=packed,
            rows_of_tokens=Rows(),
            callbacks=[],
        )
        (batch,) = made.get_train_dataloader()
        return batch["input_ids"].shape, float(made.compute_loss(made.model.eval(), batch))

    apart, joined = loss(None, rows), loss(64, rows)
    assert (apart[0], joined[0]) == ((4, 20), (1, 50))
    assert joined[1] == pytest.approx(apart[1], abs=1e-5)
    as_one = {name: [one for row in rows for one in row[name]] for name in ("input_ids", "labels")}
    assert abs(loss(None, [{**as_one, "weight": 1.0}])[1] - apart[1]) > 1e-3, "read as one text, they would differ"
    with pytest.raises(UsageError, match="joined examples all pull alike"):
        loss(64, [*rows[1:], {**rows[0], "weight": 2.0}])


def test_a_pair_too_long_loses_the_end_of_its_replies() -> None:
    pair = preference_record(chosen="Very important", rejected="Not at all important, and not very")
    whole = examples(located(pair), renderer(), config(), 1000)
    limit = whole.longest - 2
    cut = examples(located(pair), renderer(), config(too_long="cut"), limit).rows[0]
    assert len(cut["prompt_ids"]) + len(cut["rejected_ids"]) == limit
    assert cut["chosen_ids"] == whole.rows[0]["chosen_ids"]
    assert cut["preference"] == 1.0


def test_soft_labels_are_read_unless_switched_off() -> None:
    pair = located(preference_record(preference=0.7))
    assert examples(pair, renderer(), config(), 1000).rows[0]["preference"] == 0.7
    hard = config(preference={"soft": False})
    assert examples(pair, renderer(), hard, 1000).rows[0]["preference"] == 1.0


def test_padding_is_never_learned_and_the_end_mark_always_is() -> None:
    rows = examples(located(sft_record(), LONG), renderer(), config(), 1000).rows
    end = tiny_models.tokenizer().eos_token_id
    batch = WeightedCollator(pad_token_id=end)(list(rows))
    assert (batch["input_ids"] == end).sum() > (batch["labels"] == end).sum(), "the mark pads, too"
    assert (batch["labels"] == end).sum(dim=1).tolist() == [1, 1], "one end of turn is learned in each"
    assert (batch["labels"][batch["attention_mask"] == 0] == -100).all()


def test_both_ways_of_computing_likelihood_agree_with_a_plain_forward_pass() -> None:
    rows = examples(located(sft_record(), LONG, sft_record(4)), renderer(), config(), 1000).rows
    batch = WeightedCollator(pad_token_id=0)(list(rows))
    batch.pop("weights")
    labels = batch.pop("labels")
    model = tiny_models.model("llama")
    with torch.no_grad():
        plain = model(**batch).logits.log_softmax(dim=-1)
        truth = [
            sum(float(plain[row, at - 1, labels[row, at]]) for at in range(1, labels.shape[1]) if labels[row, at] >= 0)
            for row in range(len(rows))
        ]
        asked = likelihood(model, batch, labels, fused=False)
        add_fused_lm_head(model, outputs=("log_probs", "is_top1"))
        fused = likelihood(model, batch, labels, fused=True)
    for found in (asked, fused):
        assert found.logprobs.sum(dim=1).tolist() == pytest.approx(truth, abs=1e-4)
        assert found.learned.sum() == (labels != -100).sum()
    assert asked.hits.sum() == fused.hits.sum()


def test_what_training_learns_is_what_a_poll_scores(tiny: Path) -> None:
    """End to end: the log-probability of a trained reply is the poll's score of that option."""
    record = sft_record(reply="2")
    engine = open_engine(str(tiny), device="cpu")
    assert isinstance(engine, LocalEngine)
    (scores,) = engine.score([ScoreRequest(record.messages[:-1], (("1",), ("2",)))])
    row = examples(located(record), engine.renderer, config(), 1000).rows[0]
    batch = {"input_ids": torch.tensor([row["input_ids"]])}
    found = likelihood(engine.model, batch, torch.tensor([row["labels"]]), fused=False)
    # learned: "2" and the end of the turn
    assert found.logprobs.shape == (1, 2)
    assert float(found.logprobs[0, 0].detach()) == pytest.approx(scores.logprobs[1], abs=1e-4)
    prompt = engine.renderer.tokens(engine.renderer.text((Message("user", record.messages[0].content),)))
    assert row["input_ids"][: len(prompt)] == list(prompt), "what chat generates after"


def test_the_preference_loss_is_least_where_people_stand() -> None:
    for share in (0.5, 0.6, 0.9):
        margin = torch.tensor([0.0], requires_grad=True)
        at = torch.logit(torch.tensor([share]))
        loss = preference_loss(margin + at, torch.tensor([share]))
        (slope,) = torch.autograd.grad(loss, margin)
        assert float(slope) == pytest.approx(0, abs=1e-6)
    # DPO: ln(1 + e^-2)
    assert float(preference_loss(torch.tensor(2.0), torch.tensor(1.0))) == pytest.approx(0.126928, abs=1e-6)
