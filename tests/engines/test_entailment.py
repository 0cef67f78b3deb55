"""An NLI model's label for entailment is found by name, and what is read together is read as if alone."""

from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from pluralign.core.errors import ModelError
from pluralign.engines.entailment import EntailmentModel, open_entailment
from tests.engines.tiny_models import tokenizer


def classifier(labels: dict[int, str]) -> BertForSequenceClassification:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=400,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        num_labels=len(labels),
        id2label=labels,
        initializer_range=0.5,
        attn_implementation="eager",
    )
    return BertForSequenceClassification(config)


PAIRS = [
    ("How important is family in your life?", "Family is important."),
    ("Agree.", "Disagree strongly with a long sentence about it."),
    ("Somewhat agree. " * 60, "Agree."),
]


def test_a_batch_is_read_as_each_pair_alone_and_in_the_order_given() -> None:
    nli = EntailmentModel(
        classifier({0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"}),
        tokenizer(),
        name="tiny",
        device=torch.device("cpu"),
    )
    together = nli.probabilities(PAIRS)
    assert together == pytest.approx([nli.probabilities([pair])[0] for pair in PAIRS], abs=1e-5)
    assert len(set(together)) == 3
    assert all(0 < one < 1 for one in together)
    assert nli.probabilities([]) == []


def test_the_label_is_found_wherever_it_stands(tmp_path: Path) -> None:
    model = classifier({0: "entailment", 1: "not_entailment"})
    first = EntailmentModel(model, tokenizer(), name="tiny", device=torch.device("cpu")).probabilities(PAIRS)
    model.config.id2label = {0: "not_entailment", 1: "entailment"}
    second = EntailmentModel(model, tokenizer(), name="tiny", device=torch.device("cpu")).probabilities(PAIRS)
    assert [a + b for a, b in zip(first, second, strict=True)] == pytest.approx([1.0] * 3)
    model.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    assert open_entailment(str(tmp_path), device="cpu", offline=True).probabilities(PAIRS) == pytest.approx(second)


def test_a_model_that_is_not_for_this_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no label for entailment"):
        EntailmentModel(classifier({0: "bad", 1: "good"}), tokenizer(), name="mood", device=torch.device("cpu"))
    with pytest.raises(ModelError, match="cannot load the NLI model"):
        open_entailment(str(tmp_path), device="cpu", offline=True)
