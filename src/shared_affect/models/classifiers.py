"""Sequence classifiers of the Hugging Face form: a text in, a probability for each of its labels out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shared_affect.base import card_locks
from shared_affect.base.log import LOG
from shared_affect.models.cards import first_line, is_out_of_memory, resolve_device

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

MOST_TOKENS = 512
"""Of a text that a classifier reads, where its own limit is not lower."""

SEVERAL = "multi_label_classification"
"""What ``config.json`` calls a classifier that gives a text several labels, each with a probability of its own."""


def read_config(folder: str | Path, where: str) -> dict[str, Any]:
    """``config.json`` of a classifier.

    Raises
    ------
    ValueError
        If the folder, the file or a tokenizer is not there, the file is no JSON object, or the model is none that
        classifies texts.
    """
    path = Path(folder) / "config.json"
    if not path.is_file():
        raise ValueError(f"{path} does not exist; needed: a classifier in Hugging Face format ({where})")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no JSON in UTF-8 ({error}); copy or fetch it again ({where})") from None
    names = config.get("architectures") if isinstance(config, dict) else None
    if not names or not all(str(n).endswith("ForSequenceClassification") for n in names):
        raise ValueError(
            f"{folder} is {', '.join(map(str, names or ['no model']))}; needed: a class that ends in"
            f" ForSequenceClassification ({where})"
        )
    for file, what in (("tokenizer.json", "a fast tokenizer"), ("*.safetensors", "weights without pickles")):
        if not list(Path(folder).glob(file)):
            raise ValueError(f"{folder} holds no {file}; needed: {what} ({where})")
    return config


def labels_of(folder: str | Path, where: str) -> tuple[str, ...]:
    """Labels of a classifier in their order, from ``config.json`` alone.

    Raises
    ------
    ValueError
        As `read_config`; if labels are missing, doubled or not numbered from 0.
    """
    found = read_config(folder, where).get("id2label") or {}
    try:
        numbered = {int(k): str(v) for k, v in found.items()}
    except (AttributeError, ValueError):
        numbered = {}
    labels = tuple(numbered[k] for k in sorted(numbered))
    if sorted(numbered) != list(range(len(labels))) or len(labels) < 2 or len(set(labels)) < len(labels):
        raise ValueError(
            f"{folder}/config.json: id2label is {found!r:.200}; needed: two labels or more, each once, numbered from 0"
            f" ({where})"
        )
    return labels


@dataclass
class Classifier:
    """A classifier in memory (`load_classifier`).

    Attributes
    ----------
    labels : tuple of str
        Its own.
    several : bool
        Whether each label has a probability of its own; else they add up to 1.
    most : int
        Tokens of a text, at most; what is longer is cut at its end.
    rows : int
        Texts a pass.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    labels: tuple[str, ...]
    several: bool
    most: int
    rows: int

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Probability of every own label, ``[n_texts, n_labels]``, float32."""
        import torch

        found = np.zeros((len(texts), len(self.labels)), np.float32)
        device, n_cut = next(self.model.parameters()).device, 0
        for at, batch in self._batches(texts):
            given = self.tokenizer(batch, truncation=True, max_length=self.most, padding=True, return_tensors="pt")
            n_cut += int((given["attention_mask"].sum(1) >= self.most).sum())
            with torch.inference_mode():
                logits = self.model(**{k: v.to(device) for k, v in given.items()}).logits.float()
            found[at] = (logits.sigmoid() if self.several else logits.softmax(-1)).cpu().numpy()
        if n_cut:
            LOG.info("%d of %d texts have %d tokens or more and were cut there", n_cut, len(texts), self.most)
        if not np.isfinite(found).all():
            raise ValueError(f"a classifier with labels {', '.join(self.labels[:8])} gives NaN; fetch it again")
        return found

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], list[str]]]:
        """Texts of like length together."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), self.rows):
            at = order[start : start + self.rows]
            yield at, [texts[i] for i in at]


def load_classifier(folder: str | Path, *, device: str = "cpu", rows: int = 32, where: str = "") -> Classifier:
    """Load a classifier, every weight of it from its folder, in float32; no code of others is run.

    Raises
    ------
    ValueError
        As `labels_of`; if transformers cannot make it, or a weight is missing, left over, of another shape or not
        finite: transformers would fill the gap with random numbers.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    labels, config = labels_of(folder, where), read_config(folder, where)
    card_locks.take(device, str(folder), where)
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()  # what its warnings tell is looked at below
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        loaded: Any = AutoModelForSequenceClassification.from_pretrained(
            folder,
            dtype=torch.float32,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
        model, found = loaded
    except Exception as error:  # whatever transformers raises for a folder that does not fit it
        if is_out_of_memory(error):
            raise
        raise ValueError(
            f"{folder} cannot be loaded as a classifier ({where}): {type(error).__name__}: {first_line(error)}"
        ) from error
    wrong = {k: sorted(map(str, found[k])) for k in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    # numbers of positions were once kept among the weights, and are none
    wrong["unexpected_keys"] = [k for k in wrong["unexpected_keys"] if not k.endswith("position_ids")]
    if any(wrong.values()):
        told = "; ".join(f"{k.replace('_', ' ')}: {', '.join(v[:4])}" for k, v in wrong.items() if v)
        raise ValueError(
            f"{folder}: the weights are not those of its config.json ({where}). {told}. transformers would go on with"
            " random numbers there; fetch or save the classifier again"
        )
    bad = [n for n, p in model.named_parameters() if not torch.stack(p.aminmax()).isfinite().all()]
    if bad:
        raise ValueError(f"{folder}: NaN or infinite weights: {', '.join(bad[:4])}; fetch it again ({where})")
    own = [n for n in (config.get("max_position_embeddings"), tokenizer.model_max_length) if isinstance(n, int)]
    # RoBERTa counts positions from its padding on, so that two of them hold nothing
    most = min([MOST_TOKENS, *(n - 2 for n in own)])
    several = config.get("problem_type") == SEVERAL
    return Classifier(model.to(resolve_device(device, where)).eval(), tokenizer, labels, several, most, rows)
