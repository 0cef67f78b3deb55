"""Supervised fine-tuning: ``pluralign train sft CONFIG``. The loss is the surprise at the assistant's own tokens.

A record of weight w pulls w times as hard as an ordinary one. Everything else is TRL's trainer.
"""

from typing import Any

import torch
from datasets import Dataset
from trl import SFTConfig, SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from pluralign.core.errors import UsageError
from pluralign.train.identity import Rows
from pluralign.train.likelihood import can_fuse, likelihood


class WeightedCollator(DataCollatorForLanguageModeling):
    """Pads a batch and carries the records' weights along. Padding is never learned: its label is -100."""

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """The batch: ``input_ids``, ``attention_mask``, ``labels``, ``weights``."""
        batch: dict[str, Any] = super().torch_call(examples)
        batch["weights"] = torch.tensor([example["weight"] for example in examples])
        return batch


class RecordTrainer(SFTTrainer):
    """TRL's trainer on examples that are in tokens already."""

    rows: Rows = Rows()

    def create_optimizer(self, *given: Any) -> torch.optim.Optimizer:
        """The optimiser, in which the rows of identity tokens have a rate of their own."""
        optimiser: torch.optim.Optimizer = super().create_optimizer(*given)
        return self.rows.apart(optimiser, self.model)

    def _prepare_dataset(self, dataset: Any, tokenizer: Any, settings: Any, packing: bool, *more: Any) -> Any:
        """Rows are tokens already; all that may be left to do is joining them."""
        return super()._prepare_dataset(dataset, tokenizer, settings, packing, *more) if packing else dataset

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """None: ours is written at the end."""

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns = ["input_ids", "labels", "seq_lengths", "weight"]

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean surprise per learned token of the whole step, in nats, each token times its record's weight."""
        if return_outputs:
            raise NotImplementedError("only losses are computed, never whole logits")
        mode = "train" if self.model.training else "eval"
        inputs = dict(inputs)
        labels = inputs.pop("labels")
        weights = inputs.pop("weights", None)
        fused = not self.rows.ids and (can_fuse(self.model, labels.device) or self.args.packing)
        found = likelihood(model, inputs, labels, fused=fused, unsaid=self.rows.ids)
        losses = -found.logprobs if weights is None else -found.logprobs * weights[:, None]
        count = found.learned.sum() if num_items_in_batch is None else num_items_in_batch
        loss = losses.sum() / torch.as_tensor(count, device=losses.device).clamp(min=1)
        if num_items_in_batch is not None and self.args.average_tokens_across_devices:
            # The count is of all processes' tokens, and gradients are averaged over processes.
            loss = loss * self.accelerator.num_processes
        hits = self.accelerator.gather(torch.stack([found.hits.sum(), found.learned.sum()])).view(-1, 2)
        right, all_of_them = hits.sum(dim=0).tolist()
        self._metrics[mode]["accuracy"].append(right / max(all_of_them, 1))
        return loss


def trainer(
    model: Any,
    arguments: dict[str, Any],
    tokenizer: Any,
    rows: tuple[dict[str, Any], ...],
    held_out: tuple[dict[str, Any], ...],
    *,
    adapter: Any,
    packed_length: int | None,
    rows_of_tokens: Rows,
    callbacks: list[Any],
) -> RecordTrainer:
    """A trainer on these rows; see :class:`pluralign.train.examples.Examples`.

    Raises :class:`UsageError` where examples are to be joined that pull with different weights.
    """
    packing = packed_length is not None
    if packing and any(row["weight"] != 1 for row in (*rows, *held_out)):
        raise UsageError("joined examples all pull alike, and some records have a weight: set packing to false")
    settings = SFTConfig(**arguments, max_length=packed_length, packing=packing, eval_packing=False)
    pad = tokenizer.pad_token_id
    made = RecordTrainer(
        model=model,
        args=settings,
        data_collator=None if packing else WeightedCollator(pad_token_id=pad),
        train_dataset=Dataset.from_list(list(rows)),
        eval_dataset=Dataset.from_list(list(held_out)) if held_out else None,
        processing_class=tokenizer,
        peft_config=adapter,
        callbacks=callbacks,
    )
    made.rows = rows_of_tokens
    return made
