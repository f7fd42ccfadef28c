"""The codes of one model, SAE and language that every analysis reads: concept words and rated words, labels inside."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from shared_affect.base.log import LOG
from shared_affect.features.files import CODES
from shared_affect.features.readout import mean_codes, read_dense

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class WordCodes:
    """Words of one kind.

    Attributes
    ----------
    words : tuple of str
    sparse : csr_matrix, ``[n, d_sae]``
        SAE codes, averaged over templates and read-out positions.
    dense, static : ndarray, ``[n, d]``
        Residual at the hook point, and static token embedding.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> codes = WordCodes(("joy", "fear"), csr_matrix([[0, 2.0, 0], [0, 1.0, 3.0]]), np.ones((2, 4)), np.ones((2, 4)))
    >>> codes.live()
    array([1, 2], dtype=int32)
    >>> codes.rows(["fear"]).columns([2, 0])
    array([[3., 0.]], dtype=float32)
    """

    words: tuple[str, ...]
    sparse: csr_matrix
    dense: np.ndarray
    static: np.ndarray

    def columns(self, features: ArrayLike) -> np.ndarray:
        """Codes of the given features as a dense array ``[n, len(features)]``, float32: of few words or features.

        See `only` for many: 25,000 words and 100,000 features are 10 GB here.
        """
        return np.asarray(self.sparse[:, np.asarray(features, int)].todense(), np.float32)

    def live(self) -> np.ndarray:
        """Ids of the features active on at least one word."""
        found = np.zeros(self.sparse.shape[1], bool)
        found[self.sparse.indices[self.sparse.data > 0]] = True
        return np.flatnonzero(found).astype(self.sparse.indices.dtype)

    def only(self, features: ArrayLike) -> csr_matrix:
        """Codes of the given features, float32, sparse: ``[n, len(features)]``."""
        from scipy.sparse import csr_matrix

        return csr_matrix(self.sparse[:, np.asarray(features, int)], dtype=np.float32)

    def rows(self, words: Sequence[str]) -> WordCodes:
        """The same for some of the words, in the order given.

        Raises
        ------
        ValueError
            If a word is not there.
        """
        where = {w: i for i, w in enumerate(self.words)}
        if missing := [w for w in words if w not in where]:
            raise ValueError(f"word {missing[0]!r} has no codes ({len(missing)} missing); extract the features again")
        index = np.array([where[w] for w in words], int)
        return WordCodes(tuple(words), self.sparse[index], self.dense[index], self.static[index])


@dataclass(frozen=True)
class LanguageCodes:
    """Concept words with their membership, and rated words.

    Attributes
    ----------
    emotions : tuple of str
    membership : ndarray of bool, ``[n_concept_words, n_emotions]``
        One emotion a word: words of several sets are not among `concepts`, so that nothing that reads them can be led
        by overlap.
    concepts, rated : WordCodes
    density : ndarray, ``[d_sae]``
        Share of neutral tokens on which a feature fires.
    left_out : tuple of str
        Words of the concept-sets that are not among `concepts` (of several sets, or `drop_shared_tokens`); ordinary
        words they are not.
    several : WordCodes or None
        Words that left a set because they stand in several (`concepts.own_words`), for what is shown beside the claims.
    several_membership : ndarray of bool, ``[n_several, n_emotions]``
        The sets they left.
    overlap : ndarray or None, ``[n_emotions, n_emotions]``
        Words in common to two sets, as a share of the words of either; None where no two sets overlap.

    Raises
    ------
    ValueError
        If a word stands in more or fewer sets than one.
    """

    emotions: tuple[str, ...]
    membership: np.ndarray
    concepts: WordCodes
    rated: WordCodes
    density: np.ndarray
    left_out: tuple[str, ...] = ()
    several: WordCodes | None = None
    several_membership: np.ndarray | None = None
    overlap: np.ndarray | None = None

    def __post_init__(self) -> None:
        n_sets = self.membership.sum(1)
        if (n_sets != 1).any():
            at = int(np.flatnonzero(n_sets != 1)[0])
            raise ValueError(
                f"concept word {self.concepts.words[at]!r} stands in {n_sets[at]} sets; allowed: 1 (`codes.attach_sets`"
                " leaves out words of several)"
            )

    def members(self, emotions: Sequence[str]) -> np.ndarray:
        """Membership with a column for each of these emotions, found by name, ``[n_concept_words, len(emotions)]``.

        Raises
        ------
        ValueError
            If an emotion has no concept-set here.
        """
        if missing := [e for e in emotions if e not in self.emotions]:
            raise ValueError(f"emotion {missing[0]!r} has no concept-set here; there are: {', '.join(self.emotions)}")
        return self.membership[:, [self.emotions.index(e) for e in emotions]]


def attach_sets(
    concepts: WordCodes,
    sets: Mapping[str, Sequence[str]],
    rated: WordCodes,
    density: np.ndarray,
    contrast: Collection[str] | None = None,
) -> LanguageCodes:
    """Codes of concept words with the concept-sets, words of several sets put aside.

    Parameters
    ----------
    concepts : WordCodes
        Of all words of all sets; words of no set are dropped.
    sets : mapping of emotion -> words
    rated : WordCodes
    density : ndarray, ``[d_sae]``
    contrast : collection of str, optional
        Emotions whose words no emotion outside can take from them (`concepts.own_words`); all of them by default.

    Raises
    ------
    ValueError
        If a word has no codes, or an emotion keeps fewer than two words.
    """
    from shared_affect.words.concept_sets import (  # pandas: extraction reads codes without it
        own_words,
        require_own,
    )

    require_own(sets, "concept-sets", contrast)
    where = {w: i for i, w in enumerate(concepts.words)}
    full = np.zeros((len(concepts.words), len(sets)), bool)
    for column, words in enumerate(sets.values()):
        for w in words:
            if w not in where:
                raise ValueError(f"concept word {w!r} was not extracted; extract the features again")
            full[where[w], column] = True
    own = own_words(full, None if contrast is None else np.array([e in contrast for e in sets]))
    kept, moved = own.any(1), full & ~own
    named, left = np.array(concepts.words), moved.any(1)
    beside: dict = {}
    if left.any():
        LOG.info(
            "%d of %d concept words stand in several sets (%.1f %%) and leave them: %s",
            left.sum(),
            full.any(1).sum(),
            100 * left.sum() / full.any(1).sum(),
            ", ".join(named[left]),
        )
        both = full.T.astype(int) @ full
        sizes = np.diag(both)
        beside = {
            "left_out": tuple(named[left & ~kept].tolist()),
            "several": concepts.rows(named[left].tolist()),
            "several_membership": moved[left],
            "overlap": both / (sizes[:, None] + sizes - both),
        }
    return LanguageCodes(
        tuple(sets),
        own[kept],
        concepts if kept.all() else concepts.rows(named[kept].tolist()),
        rated,
        density,
        **beside,
    )


def _stack(parts: Sequence[Mapping[str, np.ndarray]], templates: Sequence[str], readout: str) -> WordCodes:
    from scipy.sparse import csr_matrix, vstack

    words = [w for p in parts for w in p["words"].tolist()]
    first = {w: i for i, w in reversed(list(enumerate(words)))}
    keep = np.array(list(dict.fromkeys(first[w] for w in words)), int)
    codes = csr_matrix(vstack([mean_codes(p, templates, readout) for p in parts], format="csr"))
    dense = _joined([read_dense(p, templates, readout) for p in parts])
    static = _joined([p["static"] for p in parts])
    if len(keep) == len(words):
        return WordCodes(tuple(words), codes, dense, static)
    return WordCodes(tuple(words[i] for i in keep), codes[keep], dense[keep], static[keep])


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """One below the other, without a copy of a single one."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def gather(
    lists: Mapping[str, Mapping[str, np.ndarray]],
    norms: Mapping[str, np.ndarray],
    sets: Mapping[str, Sequence[str]],
    density: np.ndarray,
    templates: Sequence[str],
    readout: str,
    contrast: Collection[str] | None = None,
) -> LanguageCodes:
    """Average extracted arrays over templates and positions and attach the concept-sets.

    Parameters
    ----------
    lists : mapping of emotion -> arrays of `extraction.Extractor.words`
    norms : arrays of the rated words
    sets : mapping of emotion -> words
        The concept-sets to use; shuffled ones hold the same words otherwise distributed.
    density : ndarray, ``[d_sae]``
    templates, readout
        See `read_codes`.
    contrast
        See `attach_sets`.
    """
    return attach_sets(
        _stack(list(lists.values()), templates, readout), sets, _stack([norms], templates, readout), density, contrast
    )


LEAST, GIVEN_BACK = 2, 4
"""Words that an emotion needs without pieces of other emotions' words, and how many it has where it was given some
back: a half of them can then be told from a half."""


def drop_shared_tokens(codes: LanguageCodes, tokens: Mapping[str, Sequence[str]]) -> LanguageCodes:
    """Leave out concept words that share a word piece with a word of another emotion.

    An untrained model still maps equal tokens to equal vectors, so concept-sets with common pieces have a geometry that
    no training made. The verdict on untrained models uses what is left.

    An emotion that keeps fewer than `LEAST` words gets some of its own back, `GIVEN_BACK` in all, in the table's order:
    words that share pieces only with words which are left out themselves. Without this a study of real Chinese words
    ends here (the pieces of all words of grief stand in words of sadness, too).

    Parameters
    ----------
    codes : LanguageCodes
    tokens : mapping of word -> its word pieces

    Raises
    ------
    ValueError
        If an emotion keeps fewer than two words all the same.
    """
    user: dict[str, set[int]] = {}
    for word, member in zip(codes.concepts.words, codes.membership, strict=True):
        for piece in set(tokens[word]):
            user.setdefault(piece, set()).update(np.flatnonzero(member).tolist())
    keep = np.array(
        [
            all(user[t] <= set(np.flatnonzero(m).tolist()) for t in tokens[w])
            for w, m in zip(codes.concepts.words, codes.membership, strict=True)
        ]
    )
    _give_back(keep, codes, tokens)
    left = codes.membership[keep].sum(0)
    if (left < LEAST).any():
        raise ValueError(
            f"emotion {codes.emotions[int(left.argmin())]!r} keeps {left.min()} words without pieces of other emotions'"
            " words; needed: 2 (resources/concepts/<language>.tsv)"
        )
    words, left_out = (
        [w for w, k in zip(codes.concepts.words, keep, strict=True) if k == kept] for kept in (True, False)
    )
    return replace(
        codes,
        membership=codes.membership[keep],
        concepts=codes.concepts.rows(words),
        left_out=(*codes.left_out, *left_out),
    )


def _give_back(keep: np.ndarray, codes: LanguageCodes, tokens: Mapping[str, Sequence[str]]) -> None:
    """Mark more words of the emotions that keep too few, none with a piece of a kept word of another emotion."""
    owner: dict[str, set[int]] = {}  # emotions whose kept words have a piece
    members = [set(np.flatnonzero(m).tolist()) for m in codes.membership]

    def take(at: int) -> None:
        for piece in tokens[codes.concepts.words[at]]:
            owner.setdefault(piece, set()).update(members[at])

    for at in np.flatnonzero(keep).tolist():
        take(at)
    for emotion in np.flatnonzero(codes.membership[keep].sum(0) < LEAST).tolist():
        for at, word in enumerate(codes.concepts.words):
            if codes.membership[keep, emotion].sum() == GIVEN_BACK:
                break
            free = all(owner.get(piece, set()) <= members[at] for piece in tokens[word])
            if emotion in members[at] and not keep[at] and free:
                keep[at] = True
                take(at)
                LOG.info("untrained: %s keeps %s, or it would have too few words", codes.emotions[emotion], word)


def write_codes(path: str | Path, codes: LanguageCodes) -> None:
    """Write `LanguageCodes` as one npz file."""
    arrays: dict[str, np.ndarray] = {
        "emotions": np.array(codes.emotions),
        "membership": codes.membership,
        "density": codes.density,
        "left_out": np.array(codes.left_out, dtype=str),
    }
    parts = {"concepts": codes.concepts, "rated": codes.rated}
    if codes.several is not None:
        parts["several"] = codes.several
    beside = {"several_membership": codes.several_membership, "overlap": codes.overlap}
    arrays |= {k: v for k, v in beside.items() if v is not None}
    for kind, part in parts.items():
        arrays |= {
            f"{kind}_words": np.array(part.words),
            f"{kind}_data": part.sparse.data,
            f"{kind}_indices": part.sparse.indices,
            f"{kind}_indptr": part.sparse.indptr,
            f"{kind}_shape": np.array(part.sparse.shape),
            f"{kind}_dense": part.dense,
            f"{kind}_static": part.static,
        }
    CODES.write(path, arrays)


def load_codes(path: str | Path) -> LanguageCodes:
    """Read what `write_codes` wrote."""
    from scipy.sparse import csr_matrix

    a = CODES.read(path)
    parts = {
        k: WordCodes(
            tuple(a[f"{k}_words"].tolist()),
            csr_matrix((a[f"{k}_data"], a[f"{k}_indices"], a[f"{k}_indptr"]), shape=tuple(a[f"{k}_shape"])),
            a[f"{k}_dense"],
            a[f"{k}_static"],
        )
        for k in ("concepts", "rated", "several")
        if f"{k}_words" in a
    }
    return LanguageCodes(
        tuple(a["emotions"].tolist()),
        a["membership"],
        parts["concepts"],
        parts["rated"],
        a["density"],
        tuple(a["left_out"].tolist()),
        parts.get("several"),
        a.get("several_membership"),
        a.get("overlap"),
    )


class StoredCodes(Mapping[str, LanguageCodes]):
    """Codes by language that are read each time they are asked for: two languages of 25,000 words are 3 GB at once.

    Parameters
    ----------
    paths : mapping of language -> path
        What `write_codes` wrote.
    """

    def __init__(self, paths: Mapping[str, str | Path]):
        self._paths = dict(paths)

    def __getitem__(self, language: str) -> LanguageCodes:
        return load_codes(self._paths[language])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)
