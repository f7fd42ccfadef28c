"""Sums over the judged texts of one split: by arm, strength, target and prompt."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd

from shared_affect.steering import plan
from shared_affect.steering.intervals import ratio
from shared_affect.steering.plan import NO_EMOTION, Arm, arm_named
from shared_affect.steering.scores import Scored
from shared_affect.study.inputs import SPLITS


class Cells:
    """Sums over the texts of one split, by arm, strength, steered emotion and prompt.

    Parameters
    ----------
    scored : Scored
    split : {"choose", "score"}

    Attributes
    ----------
    prompts : list of str
    emotions : list of str
        Emotions that texts are steered to, in the order of `Scored.emotions`.

    Raises
    ------
    ValueError
        If the split is unknown, or a prompt lacks texts of an arm that others have.
    """

    def __init__(self, scored: Scored, split: str):
        if split not in SPLITS:
            raise ValueError(f"split is {split!r}; allowed: {', '.join(SPLITS)}")
        self.scored = scored
        rows = np.flatnonzero((scored.texts["split"] == split).to_numpy())
        texts = scored.texts.iloc[rows]
        self.prompts = sorted(texts["prompt"].unique())
        steered = set(scored.texts["emotion"]) - {NO_EMOTION}
        self.emotions = [e for e in scored.emotions if e in steered]
        self._targets = [scored.emotions.index(e) for e in self.emotions]
        if not self.prompts or not self.emotions:
            raise ValueError(
                f"no steered texts with prompts of split {split!r}; needed: at least one of each"
                " (resources/prompts/<set>/<language>.tsv)"
            )
        self._rows: dict[tuple[str, float], np.ndarray] = {}
        self._groups: dict[tuple[str, float], np.ndarray] = {}
        at_prompt = pd.Index(self.prompts).get_indexer(pd.Index(texts["prompt"]))
        at_emotion = pd.Index(self.emotions).get_indexer(pd.Index(texts["emotion"]))
        at_emotion = np.maximum(at_emotion, 0)  # texts of no emotion: row 0
        for key, places in texts.groupby(["arm", "strength"], sort=True).indices.items():
            arm, strength = cast("tuple[str, float]", key)
            groups = at_emotion[places] * len(self.prompts) + at_prompt[places]
            needed = len(self.prompts) * (len(self.emotions) if arm_named(arm).of_emotion else 1)
            if len(np.unique(groups)) != needed:
                raise ValueError(
                    f"arm {arm} at strength {float(strength)}: {len(np.unique(groups))} of {needed} emotion x prompt"
                    f" cells of split {split} have texts; needed: all"
                )
            self._rows[arm, float(strength)], self._groups[arm, float(strength)] = rows[places], groups
        if ("none", 0.0) not in self._rows:
            raise ValueError("no text of arm none at strength 0; needed: the unsteered texts of the same prompts")

    def strengths(self, arm: str) -> list[float]:
        """Strengths of an arm, ascending."""
        source = arm_named(arm).source
        return sorted(s for a, s in self._rows if a == source)

    def arms(self) -> list[Arm]:
        """Arms with texts; one that reads the texts to other emotions needs two emotions or more."""
        return [a for a in plan.ARMS if self.strengths(a.name) and not (a.reads and len(self.emotions) < 2)]

    def by_target(self, arm: str, strength: float, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums and counts of `values` (``[n_texts]`` or ``[n_texts, n_emotions]``, NaN left out) per target and prompt.

        A target's texts are those that its arm steers to it, those to all other emotions (`Arm.reads`), or all where
        the arm's texts belong to no emotion.

        Returns
        -------
        sums, counts : ndarray, ``[n_steered_emotions, n_prompts]``
        """
        key = (arm_named(arm).source, strength)
        if key not in self._rows:
            raise ValueError(
                f"no text of arm {key[0]} at strength {strength}; there are:"
                f" {', '.join(map(str, self.strengths(arm))) or 'none'} (config.yaml, key steering.strengths)"
            )
        x = np.asarray(values, float)[self._rows[key]]
        x = x[:, self._targets] if x.ndim == 2 else np.repeat(x[:, None], len(self.emotions), 1)
        finite = np.isfinite(x)
        sums, counts = self._add(key, np.where(finite, x, 0)), self._add(key, finite.astype(float))
        return self._pick(arm_named(arm), sums), self._pick(arm_named(arm), counts)

    def _add(self, key: tuple[str, float], x: np.ndarray) -> np.ndarray:
        out = np.zeros((len(self.emotions) * len(self.prompts), x.shape[1]))
        np.add.at(out, self._groups[key], x)
        return out.reshape(len(self.emotions), len(self.prompts), -1)

    @staticmethod
    def _pick(arm: Arm, block: np.ndarray) -> np.ndarray:
        own = np.einsum("kpk->kp", block)
        if arm.of_emotion and not arm.reads:
            return own
        total = block.sum(0).T
        return total - own if arm.reads else total

    def mean(self, arm: str, strength: float, values: np.ndarray) -> np.ndarray:
        """Mean per target, ``[n_steered_emotions]``; NaN where no text has a value."""
        return ratio(*(a.sum(1) for a in self.by_target(arm, strength, values)))

    def nll_ratio(self, arm: str, strength: float) -> tuple[np.ndarray, np.ndarray]:
        """Ratio of mean NLL to that of arm none on the same prompts, and exp of their difference, per target."""
        nll = self.scored.texts["nll"].to_numpy(float)
        steered, plain = self.mean(arm, strength, nll), self.mean("none", 0.0, nll)
        return steered / plain, np.exp(steered - plain)

    def at_strengths(self, arm: str, strengths: pd.Series, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`by_target` with every emotion at its own strength, or at the one that the arm has."""
        once = not arm_named(arm).has_strength
        wanted = np.repeat(self.strengths(arm)[:1], len(strengths)) if once else strengths.to_numpy(float)
        sums, counts = np.empty((len(wanted), len(self.prompts))), np.empty((len(wanted), len(self.prompts)))
        for s in np.unique(wanted):
            here = wanted == s
            all_sums, all_counts = self.by_target(arm, float(s), values)
            sums[here], counts[here] = all_sums[here], all_counts[here]
        return sums, counts
