"""A bilingual world whose emotion geometry, ratings, raters and texts are known because they are simulated.

Every word has coordinates on four dimensions (valence, arousal, certainty, social). A sentence has a latent state s
that drifts through its document, and a slot of the sentence is filled by ``p(word | s) ~ freq(word) exp(-|c_word - s|^2
/ (2 sigma^2))``, a log-linear model with a drifting discourse vector (RAND-WALK: Arora et al., TACL 4, 385, 2016). No
emotion label takes part: whatever a language model learns of emotions it learns from which words keep company.

Slots of sentence templates: ``n j v`` (concept words: noun, adjective, verb), ``o p a`` (ordinary words: thing or
event, person, action), ``b`` (a bodily sign), ``N`` (a name). A Chinese ``j`` or ``v`` is filled from the Chinese ``n``
words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from shared_affect.base.reading import place
from shared_affect.base.seeds import rng

LANGUAGES = ("en", "zh")
DIMENSIONS = ("valence", "arousal", "certainty", "social")
SLOTS = ("n", "j", "v", "o", "p", "a", "x")
KINDS = ("en", "zh", "mixed", "parallel", "neutral")

_N, _J, _X = SLOTS.index("n"), SLOTS.index("j"), SLOTS.index("x")
_SWITCHABLE = [SLOTS.index(s) for s in "njopa"]
_COLUMNS = {
    "emotions": ("emotion", *DIMENSIONS, *(f"zh_shift_{d}" for d in DIMENSIONS)),
    "ordinary": ("pair", "pos", "en", "zh", "class_valence", "class_arousal"),
    "body": ("en", "zh", "valence", "arousal"),
    "names": ("language", "name"),
    "sentences": ("sentence", "language", "text"),
    "neutral": ("en", "zh"),
}


@dataclass(frozen=True)
class WorldSettings:
    """Numbers of the simulation; the defaults are the calibrated ones.

    Attributes
    ----------
    emission_width : float
        sigma of the word emission, in coordinate units (the scale runs from -1 to 1).
    body_width : float
        The same for bodily signs, over valence and arousal only.
    drift : float
        Standard deviation of the state's step from one sentence to the next.
    zipf_exponent : float
        Word frequency falls as (rank + 5)^-exponent; ranks are random.
    kind_shares : tuple of float
        Shares of English, Chinese, code-switched, parallel and affect-free documents.
    language_flip, word_switch : float
        In code-switched documents: probability that the next sentence changes language, and that a slot is filled in
        the other language.
    carrier_share : float
        Share of sentences that are one of the read-out carriers (those not held out).
    emotional_share : float
        Share of documents whose state starts at an emotion's centre.
    sentences : tuple of int
        Smallest and largest number of sentences in a document.
    centre_jitter, concept_spread, ordinary_spread, ordinary_spread_rest : float
        Standard deviations: of emotion centres between root seeds, of concept words around their centre, of ordinary
        words around their class in valence and arousal, and in the other two dimensions.
    translation_spread : float
        Standard deviation between the two words of a translation pair.
    moved_share, moved_valence : float
        Share of pairs whose Chinese word differs in valence, and by how much.
    n_raters, n_word_raters : int
        Raters of emotion pairs in each language; raters of each word.
    judgement_noise : float
        Standard deviation of a rater's dissimilarity on the 1-9 scale, before rounding. Fixed on root seed 100 so that
        the lower noise ceiling lies in .70-.75.
    judgement_scale : float
        Points of the 1-9 scale for one unit of distance.
    rating_unit : float
        Points on the raters' scale (-1 to 1) for one unit of a coordinate, so that no mean falls off the scale.
    rating_noise : float
        Standard deviation of one rater's rating of a word.
    """

    emission_width: float = 0.3
    body_width: float = 0.35
    drift: float = 0.2
    zipf_exponent: float = 0.5
    kind_shares: tuple[float, ...] = (0.15, 0.15, 0.50, 0.15, 0.05)
    language_flip: float = 0.5
    word_switch: float = 0.15
    carrier_share: float = 0.15
    emotional_share: float = 0.6
    sentences: tuple[int, int] = (4, 6)
    centre_jitter: float = 0.1
    concept_spread: float = 0.15
    ordinary_spread: float = 0.3
    ordinary_spread_rest: float = 0.45
    translation_spread: float = 0.1
    moved_share: float = 0.1
    moved_valence: float = 0.9
    n_raters: int = 40
    n_word_raters: int = 20
    judgement_noise: float = 1.0
    judgement_scale: float = 8 / 3
    rating_noise: float = 0.67
    rating_unit: float = 0.5


@dataclass(frozen=True)
class WorldTables:
    """The committed tables a world is built from.

    Attributes
    ----------
    emotions, ordinary, body, names, sentences, neutral : DataFrame
        The tables of ``resources/planted``.
    concepts, templates : mapping of language -> DataFrame
        ``resources/concepts`` (rows with ``planted`` true are used) and ``resources/templates``.
    """

    emotions: pd.DataFrame
    ordinary: pd.DataFrame
    body: pd.DataFrame
    names: pd.DataFrame
    sentences: pd.DataFrame
    neutral: pd.DataFrame
    concepts: Mapping[str, pd.DataFrame]
    templates: Mapping[str, pd.DataFrame]

    @classmethod
    def read(
        cls, planted: str | Path, concepts: Mapping[str, str | Path], templates: Mapping[str, str | Path]
    ) -> WorldTables:
        """Read the tables.

        Parameters
        ----------
        planted : path
            Folder with emotions, ordinary, body, names, sentences and neutral ``.tsv``.
        concepts, templates : mapping of language -> path

        Raises
        ------
        ValueError
            If a table lacks a column or a language is missing.
        """
        for what, paths in (("concepts", concepts), ("templates", templates)):
            if missing := [language for language in LANGUAGES if language not in paths]:
                raise ValueError(
                    f"no {what} table for language {missing[0]!r}; needed in the planted world: {', '.join(LANGUAGES)}"
                )
        return cls(
            **{name: _read(Path(planted) / f"{name}.tsv", columns) for name, columns in _COLUMNS.items()},
            concepts={k: _read(concepts[k], ("emotion", "word", "pos", "planted")) for k in LANGUAGES},
            templates={k: _read(templates[k], ("template", "text", "held_out")) for k in LANGUAGES},
        )


def _read(path: str | Path, columns: tuple[str, ...]) -> pd.DataFrame:
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8")
    if missing := [c for c in columns if c not in table]:
        raise ValueError(
            f"{place(path, parts=3)}: column {missing[0]!r} is missing; found: {', '.join(map(str, table))}; needed:"
            f" {', '.join(columns)}"
        )
    numeric = [c for c in map(str, table) if c in DIMENSIONS or c.startswith(("zh_shift_", "class_"))]
    table[numeric] = table[numeric].astype(float)
    for flag in [c for c in ("planted", "held_out") if c in table]:
        if bad := sorted(set(table[flag]) - {"true", "false"}):
            raise ValueError(f"{place(path, parts=3)}, column {flag}: found {bad[0]!r}, allowed: true, false")
        table[flag] = table[flag] == "true"
    return table


@dataclass
class _Sentences:
    """Sentences under construction: one entry each, source sentences before their translations."""

    document: np.ndarray
    language: np.ndarray  # index into LANGUAGES
    state: np.ndarray
    mixed: np.ndarray
    source: np.ndarray  # row of the sentence this one translates, or -1
    template: np.ndarray = field(default_factory=lambda: np.empty(0, int))


class World:
    """The planted world of one root seed.

    Parameters
    ----------
    tables : WorldTables
    root_seed : int
        Decides coordinates, frequencies, human noise and texts.
    affect : bool
        False gives the control world: words are drawn by frequency alone, bodily signs uniformly, and concept words are
        translated by a fixed random pairing, so that no text depends on a coordinate or an emotion. Truth, norms and
        judgements stay those of the world with affect.
    settings : WorldSettings, optional
        The calibrated ones if left out.

    Attributes
    ----------
    emotions : list of str
    words : DataFrame
        ``word language pos emotion pair`` and the four noise-free coordinates; ``emotion`` is "" for ordinary words,
        ``pair`` is "" for concept words.
    centres : dict of language -> array (emotion, dimension)
    carriers : dict of language -> list of str
        Templates that occur in the texts (not held out).

    Raises
    ------
    ValueError
        If a word stands twice in a language, an emotion is unknown, or settings are out of range.
    """

    def __init__(self, tables: WorldTables, root_seed: int, affect: bool = True, settings: WorldSettings | None = None):
        settings = settings or WorldSettings()
        if (
            len(settings.kind_shares) != len(KINDS)
            or abs(sum(settings.kind_shares) - 1) > 1e-9
            or min(settings.kind_shares) < 0
        ):
            raise ValueError(
                f"kind_shares is {settings.kind_shares}; allowed: {len(KINDS)} shares that sum to 1"
                f" ({', '.join(KINDS)})"
            )
        self.tables, self.root_seed, self.affect, self.settings = tables, root_seed, affect, settings
        self.emotions = tables.emotions["emotion"].tolist()
        self.centres = self._make_centres()
        self.words = self._make_words()
        self.carriers = {k: t.loc[~t["held_out"], "text"].tolist() for k, t in tables.templates.items()}
        self.sentence_templates = {k: self._templates_of(k) for k in LANGUAGES}
        self._index()

    # ---- coordinates

    def _rng(self, *purpose: str | int) -> np.random.Generator:
        return rng(self.root_seed, "world", *purpose)

    def _make_centres(self) -> dict[str, np.ndarray]:
        """Centres of this root seed: the table's, jittered (one jitter for both languages), valence signs kept."""
        table = self.tables.emotions
        base = table[list(DIMENSIONS)].to_numpy()
        shift = table[[f"zh_shift_{d}" for d in DIMENSIONS]].to_numpy()
        jitter = self._rng("centres").normal(0, self.settings.centre_jitter, base.shape)
        centres = {}
        for language, middle in (("en", base), ("zh", base + shift)):
            moved = np.clip(middle + jitter, -1, 1)
            moved[:, 0] = np.sign(middle[:, 0]) * np.maximum(
                np.abs(moved[:, 0]) * (np.sign(moved[:, 0]) == np.sign(middle[:, 0])), 0.05
            )
            centres[language] = moved
        return centres

    def _make_words(self) -> pd.DataFrame:
        parts = [self._concept_words(language) for language in LANGUAGES] + self._ordinary_words()
        words = pd.concat(parts, ignore_index=True)
        if (doubled := words[words.duplicated(["language", "word"])]).size:
            row = doubled.iloc[0]
            raise ValueError(
                f"the word {row['word']!r} stands twice among the planted {row['language']} words; needed: each once"
                f" (resources/concepts/{row['language']}.tsv, resources/planted/ordinary.tsv)"
            )
        return words

    def _concept_words(self, language: str) -> pd.DataFrame:
        table = self.tables.concepts[language]
        table = table[table["planted"]]
        if unknown := sorted(set(table["emotion"]) - set(self.emotions)):
            raise ValueError(
                f"{unknown[0]!r} has planted words in resources/concepts/{language}.tsv, and no row in"
                f" resources/planted/emotions.tsv; allowed: {', '.join(self.emotions)}"
            )
        place = np.array([self.emotions.index(e) for e in table["emotion"]], int)
        noise = self._rng("concept words", language).normal(0, self.settings.concept_spread, (len(table), 4))
        return self._word_frame(
            table["word"], language, table["pos"], table["emotion"], "", self.centres[language][place] + noise
        )

    def _ordinary_words(self) -> list[pd.DataFrame]:
        table, s, g = self.tables.ordinary, self.settings, self._rng("ordinary words")
        middle = np.c_[
            table["class_valence"],
            table["class_arousal"],
            np.zeros(len(table)),
            np.where(table["pos"] == "p", 0.2, 0.0),
        ]
        spread = np.array([s.ordinary_spread] * 2 + [s.ordinary_spread_rest] * 2)
        en = np.clip(middle + g.normal(size=middle.shape) * spread, -1, 1)
        zh = en + g.normal(0, s.translation_spread, en.shape)
        moved = g.random(len(table)) < s.moved_share
        zh[moved, 0] -= s.moved_valence * np.sign(zh[moved, 0])
        return [
            self._word_frame(table[k], k, table["pos"], "", table["pair"], c)
            for k, c in (("en", en), ("zh", np.clip(zh, -1, 1)))
        ]

    @staticmethod
    def _word_frame(word, language, pos, emotion, pair, coordinates) -> pd.DataFrame:
        frame = pd.DataFrame({"word": list(word)}).assign(
            language=language,
            pos=list(pos),
            emotion=emotion if isinstance(emotion, str) else list(emotion),
            pair=pair if isinstance(pair, str) else list(pair),
        )
        return frame.assign(**dict(zip(DIMENSIONS, coordinates.T)))

    def _templates_of(self, language: str) -> list[str]:
        table = self.tables.sentences
        return table.loc[table["language"] == language].sort_values("sentence")["text"].tolist()

    def _index(self) -> None:
        """Arrays the text sampler reads."""
        w = self.words
        self._text = w["word"].to_numpy(object)
        self._language = np.array([LANGUAGES.index(k) for k in w["language"]])
        self._coordinates = w[list(DIMENSIONS)].to_numpy(np.float32)
        ranks = self._rng("frequencies").permutation(len(w)) % (len(w) // 2)
        self._log_frequency = (-self.settings.zipf_exponent * np.log(ranks + 5.0)).astype(np.float32)
        pos = w["pos"].to_numpy(str)
        self._pool = {}
        for k, language in enumerate(LANGUAGES):
            for i, slot in enumerate(SLOTS):
                wanted = "n" if language == "zh" and slot in "jv" else slot
                self._pool[k, i] = np.flatnonzero((self._language == k) & ((pos == wanted) | (slot == "x")))
                if not self._pool[k, i].size:
                    raise ValueError(
                        f"no planted {language} word fills the slot {slot!r}; needed: one with that pos"
                        f" (resources/concepts/{language}.tsv, resources/planted/ordinary.tsv)"
                    )
        self._translation = self._make_translation()

    def _make_translation(self) -> dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]:
        """(language, slot) -> (candidates (word, m), their number): what a word may become in the other language.

        Ordinary words have their pair. A concept word becomes any word of the same emotion (and part of speech where
        the slot asks for one); in the control world one fixed random word, because the emotion would leak.
        """
        w, g = self.words, self._rng("pairing")
        by_pair = {(k, p): i for i, (k, p) in enumerate(zip(self._language, w["pair"])) if p}
        emotion = w["emotion"].to_numpy(object)
        tables = {}
        for k in range(len(LANGUAGES)):
            for slot in range(len(SLOTS)):
                rows = []
                pool = self._pool[k, slot]
                concepts = pool[emotion[pool] != ""]
                by_emotion = {e: concepts[emotion[concepts] == e] for e in self.emotions}
                anywhere = {e: np.flatnonzero((self._language == k) & (emotion == e)) for e in self.emotions}
                for i in range(len(w)):
                    if not emotion[i]:
                        rows.append(np.array([by_pair[k, w["pair"].iat[i]]]))
                    elif not self.affect:
                        rows.append(
                            g.choice(
                                concepts if concepts.size else np.flatnonzero((self._language == k) & (emotion != "")),
                                1,
                            )
                        )
                    else:
                        rows.append(by_emotion[emotion[i]] if by_emotion[emotion[i]].size else anywhere[emotion[i]])
                counts = np.array([len(r) for r in rows])
                if (counts == 0).any():
                    raise ValueError(
                        f"the emotion {emotion[int(counts.argmin())]!r} has no planted {LANGUAGES[k]} word; needed: one"
                        f" at least (resources/concepts/{LANGUAGES[k]}.tsv)"
                    )
                table = np.zeros((len(rows), counts.max()), int)
                for i, r in enumerate(rows):
                    table[i, : len(r)] = r
                tables[k, slot] = (table, counts)
        return tables

    # ---- what is known, and human data

    def truth(self) -> pd.DataFrame:
        """Noise-free coordinates of all words: ``word language emotion pair valence arousal certainty social``."""
        return self.words[["word", "language", "emotion", "pair", *DIMENSIONS]].copy()

    def emotion_centres(self, language: str) -> pd.DataFrame:
        """Emotion centres of a language: ``emotion valence arousal certainty social`` on the scale -1 to 1."""
        centres = self.centres[_known(language)]
        return pd.DataFrame({"emotion": self.emotions}).assign(**dict(zip(DIMENSIONS, centres.T)))

    def norms(self, language: str) -> pd.DataFrame:
        """Simulated word ratings as published norms give them.

        Returns
        -------
        DataFrame ``word valence valence_sd valence_n arousal arousal_sd arousal_n emotion``
            Means and sample SDs (ddof 1) over the raters, on a scale from -1 to 1 (`WorldSettings.rating_unit`). Single
            ratings are not clipped, so that the SD stays an honest one. `emotion` is "" for ordinary words.
        """
        words = self.words[self.words["language"] == _known(language)].reset_index(drop=True)
        n, out = self.settings.n_word_raters, pd.DataFrame({"word": words["word"]})
        for dimension in ("valence", "arousal"):
            noise = self._rng("norms", language, dimension).normal(0, self.settings.rating_noise, (len(words), n))
            ratings = self.settings.rating_unit * (words[dimension].to_numpy()[:, None] + noise)
            out[dimension], out[f"{dimension}_sd"], out[f"{dimension}_n"] = ratings.mean(1), ratings.std(1, ddof=1), n
        return out.assign(emotion=words["emotion"])

    def judgements(self, language: str) -> pd.DataFrame:
        """Simulated pairwise judgements, one row per rater and pair: ``rater emotion_a emotion_b dissimilarity_1to9``.

        Distance between the language's centres in four dimensions, on the 1-9 scale, plus rater noise, rounded.
        """
        s, centres = self.settings, self.centres[_known(language)]
        a, b = np.triu_indices(len(centres), 1)
        middle = 1 + s.judgement_scale * np.linalg.norm(centres[a] - centres[b], axis=1)
        noise = self._rng("judgements", language).normal(0, s.judgement_noise, (s.n_raters, len(a)))
        value = np.clip(np.rint(middle + noise), 1, 9).astype(int)
        names = np.array(self.emotions, object)
        return pd.DataFrame(
            {
                "rater": np.repeat([f"planted-{language}-{i:02d}" for i in range(s.n_raters)], len(a)),
                "emotion_a": np.tile(names[a], s.n_raters),
                "emotion_b": np.tile(names[b], s.n_raters),
                "dissimilarity_1to9": value.ravel(),
            }
        )

    # ---- texts

    def documents(self, n: int, purpose: str) -> list[str]:
        """Documents of all kinds, in random order; another `purpose` gives independent texts.

        Raises
        ------
        ValueError
            If `n` is negative.
        """
        if n < 0:
            raise ValueError(f"n is {n}; allowed: 0 or more documents")
        g = self._rng("documents", purpose)
        kinds = g.choice(len(KINDS), n, p=self.settings.kind_shares)
        return self._write(kinds, g, start=self.centres["en"])[0]

    def fidelity_texts(self, language: str, n: int) -> list[str]:
        """Ordinary documents in one language, from a seed of their own."""
        return self._write(
            np.full(n, LANGUAGES.index(_known(language))), self._rng("fidelity", language), start=self.centres["en"]
        )[0]

    def neutral_texts(self, language: str, n: int) -> list[str]:
        """Affect-free documents in one language."""
        g = self._rng("neutral", _known(language))
        return [_join(self._neutral_sentences(language, g)) for _ in range(n)]

    def judge_documents(self, language: str, n: int) -> pd.DataFrame:
        """Training texts of the planted judge: ``text label``, one language, a seed of their own.

        Each document starts at one of the language's emotion centres; its label is the centre nearest to the mean
        latent state of its sentences, not the one it started from.
        """
        centres = self.centres[_known(language)]
        g = self._rng("judge", language)
        texts, states = self._write(np.full(n, LANGUAGES.index(language)), g, start=centres, emotional_share=1.0)
        nearest = ((states[:, None] - centres[None]) ** 2).sum(-1).argmin(1)
        return pd.DataFrame({"text": texts, "label": [self.emotions[i] for i in nearest]})

    def _write(
        self, kinds: np.ndarray, g: np.random.Generator, start: np.ndarray, emotional_share: float | None = None
    ) -> tuple[list[str], np.ndarray]:
        """Texts of documents of the given kinds, and the mean latent state of each (document, 4)."""
        share = self.settings.emotional_share if emotional_share is None else emotional_share
        if not len(kinds):
            return [], np.empty((0, 4))
        sentences, means = self._plan(kinds, g, start, share)
        words = self._fill(sentences, g)
        parts: list[list[str]] = [[] for _ in kinds]
        for document, text in zip(sentences.document.tolist(), self._render(sentences, words, g)):
            parts[document].append(text)
        for document in np.flatnonzero(kinds == KINDS.index("neutral")).tolist():
            parts[document] = [self._neutral_sentences(LANGUAGES[k], g, 1)[0] for k in g.integers(2, size=5)]
        return [_join(p) for p in parts], means

    def _plan(self, kinds, g, start, emotional_share) -> tuple[_Sentences, np.ndarray]:
        """Latent states and languages of all sentences."""
        s, n = self.settings, len(kinds)
        low, high = s.sentences
        elsewhere = np.c_[g.normal(0, 0.6, (n, 2)), g.normal(0, 0.5, (n, 2))]
        first = np.where(
            g.random(n)[:, None] < emotional_share, start[g.integers(len(start), size=n)], elsewhere
        ) + g.normal(0, 0.2, (n, 4))
        steps = g.normal(0, s.drift, (n, high, 4))
        steps[:, 0] = first
        states = steps.cumsum(1)
        length = g.integers(low, high + 1, n)
        used = np.arange(high) < length[:, None]
        means = (states * used[..., None]).sum(1) / length[:, None]

        parallel = kinds == KINDS.index("parallel")
        flips = np.where(
            (kinds == KINDS.index("mixed"))[:, None], g.random((n, high)) < s.language_flip, parallel[:, None]
        )
        flips[:, 0] = False
        begin = np.where(kinds < 2, kinds, g.integers(2, size=n))
        language = (begin[:, None] + flips.cumsum(1)) % 2

        used &= (kinds != KINDS.index("neutral"))[:, None]
        document, place = np.nonzero(used)
        repeat = 1 + parallel[document]
        row = np.repeat(np.arange(len(document)), repeat)
        translated = np.r_[False, row[1:] == row[:-1]]
        source = np.where(translated, np.arange(len(row)) - 1, -1)
        document, place = document[row], place[row]
        spoken = (language[document, place] + translated) % 2
        mixed = (kinds == KINDS.index("mixed"))[document]
        return _Sentences(document, spoken, states[document, place].astype(np.float32), mixed, source), means

    def _fill(self, sentences: _Sentences, g) -> np.ndarray:
        """Choose templates and the words of their slots: word indices (sentence, slot), -1 where a template has no such
        slot.

        A sentence's `template` counts the language's sentence templates first, its carriers after them.
        """
        n = len(sentences.document)
        n_templates, n_carriers = len(self.sentence_templates["en"]), len(self.carriers["en"])
        carrier = g.random(n) < self.settings.carrier_share
        template = np.where(carrier, n_templates + g.integers(n_carriers, size=n), g.integers(n_templates, size=n))
        translated = sentences.source >= 0
        template[translated] = template[sentences.source[translated]]
        sentences.template = template

        has = np.stack(
            [
                [[f"{{{s}}}" in t for s in SLOTS[:-1]] + [False] for t in self.sentence_templates[k]]
                + [[False] * (len(SLOTS) - 1) + [True]] * n_carriers
                for k in LANGUAGES
            ]
        )
        wanted = has[sentences.language, template]
        switched = g.random((n, len(SLOTS))) < self.settings.word_switch
        switched[~sentences.mixed] = False
        switched[:, [i for i in range(len(SLOTS)) if i not in _SWITCHABLE]] = False
        spoken = np.where(switched, 1 - sentences.language[:, None], sentences.language[:, None])

        words = np.full((n, len(SLOTS)), -1)
        for (language, slot), pool in self._pool.items():
            rows = np.flatnonzero(wanted[:, slot] & (spoken[:, slot] == language) & ~translated)
            words[rows, slot] = pool[
                self._emit(
                    self._coordinates[pool],
                    sentences.state[rows],
                    self._log_frequency[pool],
                    self.settings.emission_width,
                    g,
                )
            ]
        self._translate(sentences, words, wanted, g)
        return words

    def _translate(self, sentences: _Sentences, words: np.ndarray, wanted: np.ndarray, g) -> None:
        """Fill translated sentences from their sources, in place. Adjective and noun answer to each other."""
        rows = np.flatnonzero(sentences.source >= 0)
        from_words = words[sentences.source[rows]]
        for slot in range(len(SLOTS)):
            original = from_words[:, slot]
            other = {_J: _N, _N: _J}.get(slot)
            if other is not None:
                original = np.where(original < 0, from_words[:, other], original)
            draw = g.random(len(rows))
            for language in range(len(LANGUAGES)):
                table, counts = self._translation[language, slot]
                use = wanted[rows, slot] & (sentences.language[rows] == language)
                if (original[use] < 0).any():
                    raise ValueError(
                        f"a sentence template has the slot {SLOTS[slot]!r} in one language only; needed: in both"
                        " (resources/planted/sentences.tsv)"
                    )
                words[rows[use], slot] = table[original[use], (draw[use] * counts[original[use]]).astype(int)]

    def _emit(self, coordinates, states, log_frequency, width: float, g, chunk: int = 8192) -> np.ndarray:
        """One index per state, drawn with p ~ freq exp(-distance^2 / (2 width^2)); without affect by frequency
        alone.
        """
        if not self.affect:
            p = np.exp(np.float64(log_frequency))
            return g.choice(len(p), len(states), p=p / p.sum())
        out = np.empty(len(states), int)
        lean = log_frequency - (coordinates**2).sum(1) / (2 * width**2)
        for i in range(0, len(states), chunk):
            z = states[i : i + chunk] @ (coordinates.T / np.float32(width**2)) + lean
            cumulated = np.exp(z - z.max(1, keepdims=True)).cumsum(1)
            threshold = g.random(len(z), dtype=np.float32)[:, None] * cumulated[:, -1:]
            out[i : i + chunk] = np.minimum((cumulated <= threshold).sum(1), len(coordinates) - 1)
        return out

    def _render(self, sentences: _Sentences, words: np.ndarray, g) -> list[str]:
        """Sentences as text."""
        body = self.tables.body
        signs = self._emit(
            body[["valence", "arousal"]].to_numpy(np.float32),
            sentences.state[:, :2],
            np.zeros(len(body), np.float32),
            self.settings.body_width,
            g,
        )
        pick_name = g.random(len(signs))
        out = np.empty(len(signs), object)
        for k, language in enumerate(LANGUAGES):
            other = self._language != k
            # a foreign word stands between spaces in Chinese; English has them anyway
            shown = np.where(other, " " + self._text + " ", self._text) if language == "zh" else self._text
            names = self.tables.names.loc[self.tables.names["language"] == language, "name"].to_numpy(object)
            templates = self.sentence_templates[language] + [
                c.replace("{word}", "{x}") for c in self.carriers[language]
            ]
            for t, template in enumerate(templates):
                rows = np.flatnonzero((sentences.language == k) & (sentences.template == t))
                fillers = {
                    "N": names[(pick_name[rows] * len(names)).astype(int)],
                    "b": body[language].to_numpy(object)[signs[rows]],
                }
                fillers |= {s: shown[words[rows, i]] for i, s in enumerate(SLOTS)}
                pieces = re.split(r"\{(\w)\}", template)
                columns = [fillers[p] if i % 2 else np.full(len(rows), p, object) for i, p in enumerate(pieces)]
                out[rows] = ["".join(c) for c in zip(*columns)]
        return [
            _tidy(text) if "  " in text or " 。" in text or " ，" in text or text[0] == " " else text
            for text in out.tolist()
        ]

    def _neutral_sentences(self, language: str, g, n: int = 5) -> list[str]:
        return self.tables.neutral[language].to_numpy(object)[g.integers(len(self.tables.neutral), size=n)].tolist()

    # ---- vocabulary

    def vocabulary(self) -> tuple[list[str], list[str]]:
        """What a tokenizer needs to know: (whole pieces, all other texts whose characters must be covered).

        Pieces: every word, the words of English templates (with a leading ``▁``), short Chinese template fragments,
        names and punctuation.
        """
        t = self.tables
        pieces = [("▁" if k == "en" else "") + w for w, k in zip(self.words["word"], self.words["language"])]
        texts = {
            k: self.sentence_templates[k] + t.templates[k]["text"].tolist() + t.body[k].tolist() + t.neutral[k].tolist()
            for k in LANGUAGES
        }
        for text in texts["en"]:
            pieces += ["▁" + w for w in re.sub(r"\{\w+\}|[.,]", " ", text).split()]
        for text in texts["zh"]:
            pieces += [f for f in re.sub(r"\{\w+\}|[。，]", " ", text).split() if len(f) < 4]
        pieces += [("▁" if k == "en" else "") + w for w, k in zip(t.names["name"], t.names["language"])]
        return list(dict.fromkeys([*pieces, ".", ",", "。", "，", "▁"])), texts["zh"]


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise ValueError(f"language is {language!r}; allowed in the planted world: {', '.join(LANGUAGES)}")
    return language


def _tidy(text: str) -> str:
    return re.sub(r" (?=[。，])", "", re.sub(r" +", " ", text)).strip()


def _join(sentences: list[str]) -> str:
    """Sentences with a space between them, except after a Chinese full stop before a Chinese sentence."""
    text = sentences[0]
    for sentence in sentences[1:]:
        text += sentence if text[-1] == "。" and not sentence.isascii() else " " + sentence
    return text
