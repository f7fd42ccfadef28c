"""What a chunk of words is: one word list in one template, in the order in which its texts are forwarded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared_affect.models.spans import Stimulus, locate
from shared_affect.models.tokens import TextIds


@dataclass(frozen=True, eq=False)
class Chunk:
    """One word list in one template.

    Attributes
    ----------
    template : str
        Text with ``{word}``.
    stimuli : tuple of Stimulus
        Sorted by number of tokens, then text.
    """

    template: str
    stimuli: tuple[Stimulus, ...]

    @classmethod
    def of(cls, tokenizer: TextIds, template: str, words: Sequence[str]) -> Chunk:
        """Words in a template, tokenised.

        Raises
        ------
        ValueError
            As `spans.locate`.
        """
        found = locate(tokenizer, template, list(words))
        return cls(template, tuple(sorted(found, key=lambda s: (len(s.ids), s.text))))

    @property
    def what(self) -> dict:
        """What its record's key holds of it."""
        return {"kind": "words", "template": self.template, "stimuli": [s.word for s in self.stimuli]}

    def common_prefix(self) -> int:
        """Number of tokens that all texts begin with, before any of their words."""
        n = min(s.first for s in self.stimuli)
        first = self.stimuli[0].ids
        return next((i for i in range(n) if any(s.ids[i] != first[i] for s in self.stimuli)), n)


def chunks_of(
    tokenizer: TextIds, lists: Mapping[str, Sequence[str]], templates: Mapping[str, str]
) -> dict[tuple[str, str], Chunk]:
    """The chunks of word lists in templates: (list, template's name) -> chunk.

    Raises
    ------
    ValueError
        If a list is empty or repeats a word, or as `spans.locate`.
    """
    for name, words in lists.items():
        if not words or len(set(words)) != len(words):
            raise ValueError(
                f"word list {name!r} has {len(words)} words, {len(set(words))} distinct; needed: at least one, all"
                " distinct"
            )
    return {
        (name, template): Chunk.of(tokenizer, text, words)
        for name, words in lists.items()
        for template, text in templates.items()
    }
