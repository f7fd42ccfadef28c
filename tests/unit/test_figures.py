"""Figures: every number drawn is a number of the tables, labels keep clear of each other, and holes in a study are
said.
"""

import re
import subprocess
import sys
from itertools import product

import numpy as np
import pandas as pd
import pytest
from glyphs import missing_characters
from matplotlib.text import Text

from shared_affect.results.contracts import CONTRACTS, write_table
from shared_affect.results.figures.beyond import draw_beyond
from shared_affect.results.figures.congruence import draw_congruence
from shared_affect.results.figures.controls import draw_controls
from shared_affect.results.figures.matrix import draw_matrix
from shared_affect.results.figures.profile import draw_profile, is_marked
from shared_affect.results.figures.ratings import draw_ratings
from shared_affect.results.figures.spaces import Space, draw_spaces
from shared_affect.results.figures.steering import draw_steering
from shared_affect.results.figures.table import FIGURES, ROWS, SPACE, Material
from shared_affect.results.fonts import figure_style, register_font
from shared_affect.results.panels import Box, Names, block, new_figure, place_labels, read_tables, save
from shared_affect.spaces.rdm import rdm_from_condensed
from shared_affect.study.vocabulary import PALE, RATING_ARMS, RED, REPRESENTATIONS

EMOTIONS = ["anger", "fear", "joy", "love", "pride", "relief"]
WHO = {"control": "none", "spec": "primary", "root_seed": 100, "model": "m1", "sae": "s"}
CONTROLS = [("untrained", "m0"), ("shuffled-norms", "m1"), ("shuffled-concepts", "m1")]


@pytest.fixture(scope="module")
def font(root):
    return root / "resources/fonts/SharedAffectSansSC-subset.otf"


@pytest.fixture(scope="module")
def names(root):
    return Names(
        {"m1": "First model"},
        {"en": "English", "zh": "Chinese"},
        pd.read_csv(root / "resources/emotions.tsv", sep="\t"),
    )


def table(name, rows):
    """A published table: the given columns, the others empty."""
    return pd.DataFrame(rows).reindex(columns=CONTRACTS[name].columns)


def interval(value, half=0.05):
    return {"ci_low": value - half, "ci_high": value + half}


SAES = {"narrow": (4, 64), "s": (4, 256), "deep": (9, 64), "both": (9, 256)}
"""SAEs of a profile: layer and width; `s` makes the claims."""
QUANTITIES = [
    ("rho", "all"),
    ("rho", "within-valence"),
    ("rho", "within-positive"),
    ("r", "valence"),
    ("r", "arousal"),
    ("held_out_auroc", "-"),
    ("l0", "-"),
]


def profile_rows(saes=SAES, who=(("none", "m1"), ("untrained", "m0"), ("none", "m2"))):
    """Two models of several SAEs, one of them a control, and one of one SAE."""
    rng = np.random.default_rng(3)
    return [
        WHO
        | {"control": control, "model": model, "sae": sae, "layer": layer, "d_sae": width, "language": k}
        | {"quantity": q, "of": of, "value": value, **interval(value)}
        | {"role": "primary" if sae == "s" else "exploratory", "p": p if q in ("rho", "r") else None}
        | {"p_codes": 0.001 if q == "rho" else None, "n": 6, "unit": "words" if q == "r" else "emotions"}
        | {
            f"ceiling_{end}": top
            for end, top in (("low", 0.92), ("high", 0.95 if q == "rho" else 0.92))
            if q in ("rho", "r")
        }
        | {"beside": "x", "beside_value": chance, "beside_low": chance - 0.02, "beside_high": chance + 0.02}
        for control, model in who
        for sae, (layer, width) in saes.items()
        if model != "m2" or sae == "s"
        for k in ("en", "zh")
        for q, of in QUANTITIES
        for value, chance, p in [(rng.uniform(0.2, 0.9), rng.uniform(0, 0.1), rng.choice([0.001, 0.4]))]
    ]


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(1)
    rsa, ratings = [], []
    for (control, model), language in product([("none", "m1"), *CONTROLS], ("en", "zh")):
        who = WHO | {"control": control, "model": model, "language": language}
        suffix = "" if control == "none" else f" | {control}"
        for representation, (pairs, claim), statistic in product(
            ("sae-space", "static", "valence-sign"),
            (("all", "structure"), ("within-valence", "fine-structure")),
            ("rho-a", "spearman"),
        ):
            rho, tested = rng.uniform(-0.2, 0.6), representation == "sae-space" and statistic == "rho-a"
            rsa.append(
                who
                | {
                    "human": "h",
                    "human_language": "en",
                    "representation": representation,
                    "pairs": pairs,
                    "statistic": statistic,
                    "rho": rho,
                    **interval(rho),
                    "p": 0.03,
                    "p_adjusted": 0.06 if control != "none" else 0.001,
                    "family": claim + suffix if tested else None,
                    "ceiling_low": 0.7,
                    "ceiling_high": 0.75,
                    "n_emotions": 6,
                    "n_raters": 4,
                }
            )
        for arm, dimension in product(("all", "emotion-space", "shared"), ("valence", "arousal")):
            r = rng.uniform(0, 0.9)
            ratings.append(
                who
                | {
                    "norms": "n",
                    "dimension": dimension,
                    "arm": arm,
                    "r": r,
                    **interval(r),
                    "p": 0.5,
                    "p_adjusted": 1.0,
                    "family": f"ratings-{dimension}{suffix}" if arm == "emotion-space" else None,
                    "n_words": 200,
                    "ceiling": 0.95,
                }
            )
        ratings.append(
            who
            | {
                "language": "-".join(("en", "zh") if language == "en" else ("zh", "en")),
                "norms": "n",
                "dimension": "valence",
                "arm": "shared",
                "r": 0.5,
                **interval(0.5),
                "p": 0.001,
                "p_adjusted": 0.002,
                "family": "transfer" + suffix,
                "n_words": 200,
            }
        )
    both = [("none", "m1"), ("untrained", "m0")]
    steering = [
        WHO
        | {
            "language": k,
            "emotion": e,
            "arm": arm,
            "strength_resid_norm": s,
            "judge": judge,
            "judge_level": "fine",
            "target_rate": rate,
            **interval(rate),
            "nll_ratio": 1 + s,
            "n_prompts": 12,
            "seed": 1,
        }
        for k, e, (arm, s), judge in product(
            ("en", "zh"),
            EMOTIONS,
            [("none", 0.0), *product(("concept", "random"), (0.25, 0.5))],
            ("lexicon", "embedded"),
        )
        for rate in [rng.uniform()]
    ]
    return {
        "rsa": table("rsa", rsa),
        "ratings": table("ratings", ratings),
        "dimensions": table(
            "dimensions",
            [
                WHO | {"language": k, "human": "h", "quantity": q, "value": 0.8}
                for k in ("en", "zh")
                for q in ("loo_r2_valence", "loo_r2_arousal")
            ],
        ),
        "shared_features": table(
            "shared_features",
            [
                WHO
                | {
                    "control": c,
                    "model": m,
                    "quantity": "n_shared",
                    "value": v,
                    "expected": 4,
                    "null_high": 9,
                    "p": 0.01,
                    "p_adjusted": 0.02,
                    "family": "shared-universal" + ("" if c == "none" else f" | {c}"),
                }
                for (c, m), v in zip(both, (40, 5))
            ],
        ),
        "shared_overlap": table(
            "shared_overlap",
            [
                WHO
                | {
                    "control": c,
                    "model": m,
                    "scope": "union",
                    "emotion": "all",
                    "jaccard": 0.3,
                    "expected": 0.1,
                    "null_high": 0.2,
                }
                for c, m in both
            ],
        ),
        "cultures": table(
            "cultures",
            [
                WHO
                | {
                    "control": c,
                    "model": m,
                    "norms": "n",
                    "quantity": "valence_difference_r",
                    "r": 0.4,
                    **interval(0.4),
                    "n_pairs": 90,
                }
                for c, m in both
            ],
        ),
        "layer_profile": table("layer_profile", profile_rows()),
        "steering": table("steering", steering),
        "steering_chosen": table(
            "steering_chosen",
            [
                WHO | {"language": k, "emotion": e, "arm": "concept", "strength_resid_norm": 0.5}
                for k in ("en", "zh")
                for e in EMOTIONS
            ],
        ),
        "steering_pooled": table(
            "steering_pooled",
            [
                WHO | {"language": k, "arm": a, "judge": j, "rate": 0.4, **interval(0.4)}
                for k in ("en", "zh")
                for a in ("concept", "random", "none")
                for j in ("lexicon", "embedded")
            ],
        ),
    }


def spaces(languages=("en", "zh")):
    rng = np.random.default_rng(2)
    out = []
    for k in languages:
        xy = rng.normal(size=(len(EMOTIONS), 2))
        frame = pd.DataFrame(
            {
                "emotion": EMOTIONS,
                "x_valence": xy[:, 0],
                "y_arousal": xy[:, 1],
                "human_valence": [-0.6, -0.7, 1, 0.8, 0.5, 0.4],
                "human_arousal": xy[:, 1],
            }
        )
        rdms = [rdm_from_condensed(EMOTIONS, rng.permutation(15) + 1.0) for _ in range(2)]
        out.append(Space("m1", k, frame, *rdms, dict(zip(EMOTIONS, ["negative"] * 2 + ["positive"] * 4)), 4))
    return out


def texts(figure):
    return [t.get_text() for t in figure.findobj(Text) if t.get_text()]


def drawn_x(figure):
    """All finite x of lines drawn in data units."""
    return np.concatenate([np.asarray(line.get_xdata(), float) for ax in figure.axes for line in ax.lines])


def overlaps(centres, sizes):
    i, j = np.triu_indices(len(centres), 1)
    return ((sizes[i] + sizes[j]) / 2 - np.abs(centres[i] - centres[j]) > 1e-9).all(1).sum()


# ---- the font


def test_font_has_every_label_and_concept_word(root, font):
    files = [p for p in root.glob("resources/**/*.tsv") if "journal" not in p.parts]
    assert len(files) > 5
    assert missing_characters(font, [p.read_text(encoding="utf-8") for p in files]) == []
    assert missing_characters(font, ["爱", "ab", "\U0001f600"]) == ["\U0001f600"]
    assert font.stat().st_size < 1_000_000 and "SIL OPEN FONT LICENSE" in (font.parent / "OFL.txt").read_text(
        encoding="utf-8"
    )


def test_words_of_the_figures_are_in_the_font(root, font):
    rooms = root / "src/shared_affect"
    paths = [*rooms.glob("results/figures/*.py"), rooms / "results/panels.py", rooms / "study/vocabulary.py"]
    assert len(paths) > len(ROWS)
    sources = [p.read_text(encoding="utf-8") for p in paths]
    strings = [s for text in sources for s in re.findall(r'"([^"\n]*)"', text)]
    assert missing_characters(font, strings) == []


def test_missing_character_stops_the_figure(font, tmp_path):
    with figure_style(font):
        fig = new_figure(1)
        fig.text(0.5, 0.5, "\U0001f600")
        with pytest.raises(UserWarning, match="Glyph"):
            save(fig, pd.DataFrame(), pdf=tmp_path / "a.pdf", png=tmp_path / "a.png", csv=tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())


def test_font_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.otf"):
        register_font(tmp_path / "none.otf")


# ---- placing


@pytest.mark.parametrize("seed", range(4))
def test_labels_meet_neither_each_other_nor_points(seed):
    rng = np.random.default_rng(seed)
    points, sizes = rng.uniform(20, 380, (27, 2)), np.column_stack([rng.uniform(15, 60, 27), np.full(27, 9.0)])
    centres = place_labels(points, sizes, (0, 0, 400, 400), gap=4)
    assert overlaps(centres, sizes) == 0
    assert overlaps(points, sizes) > 0  # labels at their points would overlap: the test can fail
    assert (np.abs(centres - points) <= sizes / 2 + 4 * 13 + 1e-9).all()
    assert not (np.abs(points[:, None] - centres[None]) < sizes[None] / 2).all(2).any()
    assert (centres - sizes / 2 >= 0).all() and (centres + sizes / 2 <= 400).all()
    np.testing.assert_array_equal(centres, place_labels(points, sizes, (0, 0, 400, 400), gap=4))


def test_labels_of_two_equal_points_part():
    sizes = np.array([[40.0, 9], [40, 9]])
    assert overlaps(place_labels(np.full((2, 2), 100.0), sizes, (0, 0, 200, 200), gap=4), sizes) == 0


def test_one_label_stands_at_its_gap():
    centre = place_labels(np.array([[100.0, 100]]), np.array([[40.0, 9]]), (0, 0, 200, 200), gap=4)[0]
    np.testing.assert_allclose(np.abs(centre - 100), [24, 0], atol=1e-9)


def test_block_is_placed_in_inches():
    fig = new_figure(5)
    axes = block(fig, 2, 2, Box(top=1, height=3, left=1, right=0.2), gap=0.5, row_gap=0.4)
    boxes = np.array([[ax.get_position().extents * [7.2, 5, 7.2, 5] for ax in row] for row in axes])
    np.testing.assert_allclose(boxes[0, 0, [0, 3]], [1, 4])
    np.testing.assert_allclose(boxes[1, 1, [2, 1]], [7, 1])
    np.testing.assert_allclose([boxes[0, 1, 0] - boxes[0, 0, 2], boxes[0, 0, 1] - boxes[1, 0, 3]], [0.5, 0.4])


# ---- figures


def test_spaces_show_what_they_are_given(tables, names, font):
    with figure_style(font):
        given = spaces()
        figure, source = draw_spaces(given, tables, names)
    for ax, s in zip(figure.axes[:4:2], given):
        np.testing.assert_allclose(ax.collections[0].get_offsets(), s.coordinates[["x_valence", "y_arousal"]])
        unit = [
            np.diff(lim)[0] / size for lim, size in zip((ax.get_xlim(), ax.get_ylim()), ax.get_window_extent().size)
        ]
        assert unit[0] == pytest.approx(unit[1])
    order = ["fear", "anger", "relief", "pride", "love", "joy"]
    assert [t.get_text() for t in figure.axes[1].get_yticklabels()] == order
    assert [t.get_text() for t in figure.axes[3].get_yticklabels()] == ["恐惧", "愤怒", "宽慰", "骄傲", "爱", "快乐"]
    grid = figure.axes[1].images[0].get_array()
    model, human = (r.subset(order).values for r in (given[0].rdm, given[0].human))
    for i, j in zip(*np.tril_indices(6, -1)):
        assert grid[i, j] == pytest.approx((model[i, j] - 1) / 14) and grid[j, i] == pytest.approx(
            (human[i, j] - 1) / 14
        )
    assert source["panel"].value_counts().to_dict() == {"rdm": 30, "space": 12}
    assert {"爱", "love"} <= set(texts(figure)) and any("n = 6" in t for t in texts(figure))


def test_congruence_draws_every_estimate_with_its_interval(tables, names, font):
    with figure_style(font):
        figure, source = draw_congruence(tables, names)
    rows = tables["rsa"].query("statistic == 'rho-a' and (control == 'none' or representation == 'sae-space')")
    assert len(source) == len(rows) == 12 + 12
    assert np.isin(rows["rho"], drawn_x(figure)).all()
    ends = np.concatenate(
        [
            np.concatenate(c.get_segments())[:, 0]
            for ax in figure.axes
            for c in ax.collections
            if hasattr(c, "get_segments") and c.get_segments()
        ]
    )
    assert np.isin(rows[["ci_low", "ci_high"]].to_numpy(), ends).all()
    assert not np.isin(tables["rsa"].query("statistic == 'spearman'")["rho"], drawn_x(figure)).any()
    assert any("raters (English)" in t and "Chinese" in t for t in texts(figure))


def with_partials_and_components(rsa):
    """Rows of partial correlations and of components beside those that are there, in the main study alone."""
    main = rsa[rsa["control"] == "none"]
    partial = main.query("pairs == 'all' and statistic == 'spearman' and representation == 'sae-space'")
    partial = partial.assign(pairs="partial", rho=partial["rho"] / 3, nuisances="static;valence")
    static = main.query("representation == 'static' and statistic == 'rho-a'")
    single = [static.assign(representation=f"dense-pc{k}", rho=0.01 * k) for k in (1, 2, 10)]
    return pd.concat([rsa, partial, *single], ignore_index=True)


def test_partial_correlations_stand_beside_plain_ones_and_components_one_by_one(tables, names, font):
    rsa = with_partials_and_components(tables["rsa"])
    with figure_style(font):
        figure, source = draw_beyond({"rsa": rsa}, names)
        ladder, _ = draw_congruence({"rsa": rsa}, names)
    assert source["panel"].value_counts().to_dict() == {"components": 12, "partial": 2, "plain": 2}
    assert (source["control"] == "none").all() and np.isin(source["rho"], drawn_x(figure)).all()
    assert {"component 1", "component 10"} <= set(texts(figure))
    assert not any("component" in t for t in texts(ladder))
    # a spearman over all pairs of a rung without a partial correlation, and rho-a, are not in panel a
    others = rsa.query("control == 'none' and representation == 'static' and statistic == 'spearman'")
    assert not np.isin(others["rho"], drawn_x(figure)).any()


def test_a_study_without_partial_correlations_or_components_says_so(tables, names, font):
    with figure_style(font):
        figure, _ = draw_beyond({"rsa": tables["rsa"]}, names)
    assert {"no partial correlations\nin this study", "the residual has\nno components"} <= set(texts(figure))


def pair_rows(views, pairs=("all", "within-valence")):
    """A table of every two views, rho by its place."""
    columns = ("kind", "name", "sae", "language")
    rows, k = [], 0
    for i, a in enumerate(views):
        for b in views[i + 1 :]:
            for p in pairs:
                k += 1
                own = {f"{c}_{side}": x for side, v in (("a", a), ("b", b)) for c, x in zip(columns, v, strict=True)}
                rows.append({**own, "pairs": p, "rho": 0.01 * k, **interval(0.01 * k), "p": 0.001 if k == 3 else 0.5})
    frame = pd.DataFrame(rows).assign(control="none", spec="primary", root_seed=0, human="h")
    return frame.assign(n_permutations=99, n_emotions=6, n_pairs=15)


VIEWS = [("space", "m1", "s", "en"), ("space", "m1", "s", "zh"), ("judgements", "h", "-", "en")]


def test_the_matrix_has_all_pairs_below_and_those_within_a_class_above(names, font):
    with figure_style(font):
        figure, source = draw_matrix({"space_pairs": pair_rows(VIEWS)}, names)
    assert len(source) == 6
    ax = figure.axes[0]
    numbers = {(round(t.get_position()[1]), round(t.get_position()[0])): t for t in ax.texts}
    shown = {at: t.get_text() for at, t in numbers.items()}
    assert shown == {(1, 0): ".01", (0, 1): ".02", (2, 0): ".03*", (0, 2): ".04", (2, 1): ".05", (1, 2): ".06"}
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels[2] == "people (judgements), English" and "Chinese" in labels[1] and ", s," not in labels[0]
    several = [*VIEWS, ("space", "m1", "other", "en")]
    with figure_style(font):
        figure, _ = draw_matrix({"space_pairs": pair_rows(several)}, names)
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert ", s, " in labels[0] and ", other, " in labels[2] and labels[3].startswith("people")


def test_a_matrix_of_nothing_says_so(names, font):
    with figure_style(font):
        figure, _ = draw_matrix({"space_pairs": pair_rows(VIEWS).iloc[:0]}, names)
    assert any("nothing to compare" in t for t in texts(figure))


def test_ratings_draw_every_arm_and_both_directions(tables, names, font):
    with figure_style(font):
        figure, source = draw_ratings(tables, names)
    assert np.isin(tables["ratings"].query("control == 'none'")["r"], drawn_x(figure)).all()
    said = texts(figure)
    assert {"English → Chinese, n = 200", "Chinese → English, n = 200", "emotion space", "First model"} <= set(said)
    assert source["panel"].value_counts().to_dict() == {
        "ratings": 14,
        "shared features": 2,
        "overlap": 2,
        "cultures": 2,
    }


def points(ax, marker):
    """Estimates that are drawn with a marker: x, y, filled."""
    lines = [line for line in ax.lines if line.get_marker() == marker]
    return [
        (x, y, line.get_markerfacecolor() != "white", line.get_markeredgecolor())
        for line in lines
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    ]


def test_a_profile_shows_every_sae_by_layer_and_width_with_its_control(tables, names, font):
    with figure_style(font):
        figure, source = draw_profile(tables, names)
    table = tables["layer_profile"].query("model != 'm2' and quantity != 'l0' and of != 'within-positive'")
    pd.testing.assert_frame_equal(source, table)
    axes = np.array(figure.axes).reshape(4, 5)
    shown = [x for x in QUANTITIES if x[0] != "l0" and x[1] != "within-positive"]
    keys = ["model", "language", "quantity", "of"]
    units = [("m1", "en"), ("m1", "zh"), ("m0", "en"), ("m0", "zh")]  # the control stands below
    for row, unit in zip(axes, units, strict=True):
        for ax, panel in zip(row, shown, strict=True):
            one = table[(table[keys] == (*unit, *panel)).all(axis=1)]
            drawn = sorted([*points(ax, "o"), *points(ax, "D")])
            assert sorted(y for _, y, *_ in drawn) == sorted(one["value"]) and len(drawn) == 4
            assert [y for _, y, *_ in points(ax, "D")] == one.query("sae == 's'")["value"].tolist()
            at = one.set_index("value")
            for x, y, filled, colour in drawn:
                assert abs(x - at["layer"][y]) < 1.5 and filled == is_marked(one)[list(one["value"]).index(y)]
                assert {c for *_, v, _, c in drawn if at["d_sae"][v] == at["d_sae"][y]} == {colour}
            assert len({x for x, *_ in drawn}) == 4 and len({c for *_, c in drawn}) == 2
            ends = np.concatenate(
                [np.concatenate(c.get_segments())[:, 1] for c in ax.collections if hasattr(c, "get_segments")]
            )
            assert np.isin(one[["ci_low", "ci_high", "beside_low", "beside_high"]].to_numpy(), ends).all()
            assert np.isin(one["beside_value"], np.concatenate([line.get_ydata() for line in ax.lines])).all()
            joined = [line for line in ax.lines if line.get_marker() == "None" and len(set(line.get_xdata())) == 2]
            assert sorted(y for line in joined for y in line.get_ydata() if y in at.index) == sorted(one["value"])
            low, high = ax.get_ylim()
            assert low < one["beside_low"].min() and high > one["ci_high"].max()
    said = texts(figure)
    assert {"First model, English", "m0, Chinese", "64 features", "256 features", "SAE that makes the claims"} <= set(
        said
    )
    assert {"n = 6 emotions", "n = 6 words", "layer"} <= set(said) and not any("m2" in t for t in said)


def test_a_number_of_a_profile_is_filled_by_the_larger_p_or_above_its_control():
    frame = pd.DataFrame(
        {
            "p": [0.001, 0.001, 0.2, np.nan, np.nan, np.nan],
            "p_codes": [0.002, 0.02, np.nan, np.nan, np.nan, np.nan],
            "ci_low": [0.9, 0.9, 0.9, 0.6, 0.5, 0.6],
            "beside_high": [0.1, 0.1, 0.1, 0.55, 0.55, np.nan],
        }
    )
    assert is_marked(frame).tolist() == [True, False, False, True, False, False]


def test_saes_of_one_layer_and_width_stand_apart_and_no_line_joins_them(names, font):
    saes = SAES | {"again": (4, 64), "third": (4, 64)}
    rows = table("layer_profile", profile_rows(saes, [("none", "m1")]))
    with figure_style(font):
        figure, _ = draw_profile({"layer_profile": rows}, names)
    for ax in figure.axes:
        xs = [x for x, *_ in [*points(ax, "o"), *points(ax, "D")]]
        assert len(xs) == 6 and np.diff(sorted(xs)).min() > 0.05
        joined = [line for line in ax.lines if line.get_marker() == "None" and len(set(line.get_xdata())) == 2]
        widths = [len(line.get_xdata()) for line in joined if not set(line.get_xdata()) <= {0, 1}]
        assert widths == [2]  # those of 256 features


def test_a_profile_of_one_layer_and_one_without_several_saes_say_so(names, font):
    with figure_style(font):
        figure, source = draw_profile(
            {"layer_profile": table("layer_profile", profile_rows({"s": (4, 64), "b": (4, 256)}, [("none", "m1")]))},
            names,
        )
        assert len(source) and all(list(ax.get_xticks()) == [4] for ax in figure.axes)
        figure, source = draw_profile(
            {"layer_profile": table("layer_profile", profile_rows({"s": (4, 64)}, [("none", "m1")]))}, names
        )
    assert "no model was read through several SAEs" in texts(figure) and source.empty


def test_steering_curves_are_means_over_emotions(tables, names, font):
    with figure_style(font):
        figure, source = draw_steering(tables, names, max_nll_ratio=1.6)
    one = tables["steering"].query(
        "language == 'zh' and arm == 'concept' and strength_resid_norm == 0.5 and judge == 'embedded'"
    )["target_rate"]
    row = source.query(
        "panel == 'dose' and language == 'zh' and arm == 'concept' and strength_resid_norm == 0.5 and judge =="
        " 'embedded'"
    ).iloc[0]
    assert (
        len(one) == 6
        and row["target_rate"] == pytest.approx(sum(one) / 6)
        and row["q25"] == pytest.approx(np.percentile(one, 25))
    )
    lines = np.concatenate([line.get_ydata() for ax in figure.axes for line in ax.lines])
    assert np.isin(row["target_rate"], lines)
    # panel of single emotions: at the chosen strength, by the claims' judge
    at = tables["steering"].query("arm == 'concept' and strength_resid_norm == 0.5 and judge == 'lexicon'")[
        "target_rate"
    ]
    off = tables["steering"].query("arm == 'concept' and strength_resid_norm == 0.25 and judge == 'lexicon'")[
        "target_rate"
    ]
    last = np.concatenate([line.get_xdata() for ax in figure.axes[-2:] for line in ax.lines])
    assert np.isin(at, last).all() and not np.isin(off, last).any()


def test_steering_without_its_table_is_refused_and_with_an_empty_one_says_so(tables, names, font):
    with pytest.raises(ValueError, match="steering"):
        draw_steering({"rsa": tables["rsa"]}, names, max_nll_ratio=1.6)
    with figure_style(font):
        figure, _ = draw_steering(tables | {"steering": tables["steering"].iloc[:0]}, names, max_nll_ratio=1.6)
    assert "no steered texts in this study" in texts(figure)


def test_steering_survives_missing_choices_and_unjudged_emotions(tables, names, font):
    without = {
        "steering": (
            tables["steering"].assign(
                target_rate=tables["steering"]["target_rate"].where(tables["steering"]["emotion"] != "joy")
            )
        )
    }
    with figure_style(font):
        figure, source = draw_steering(without, names, max_nll_ratio=1.6)
    assert "no chosen strength" in texts(figure) and set(source.query("panel == 'dose'")["n_emotions"]) == {5}


def test_controls_hold_every_test_of_the_claims_and_no_other(tables, names, font):
    with figure_style(font):
        figure, source = draw_controls(tables)
    counts = source.groupby(["claim", "control"]).size()
    assert counts["structure"].to_dict() == dict.fromkeys(
        ("none", "untrained", "shuffled-norms", "shuffled-concepts"), 2
    )
    assert counts["transfer", "untrained"] == 2 and counts["shared-universal"].to_dict() == {"none": 1, "untrained": 1}
    said = texts(figure)
    assert "2 of 2" in said and "0 of 2" in said  # raw p of structure .03; of ratings .5
    pale = [line for ax in figure.axes for line in ax.lines if line.get_mec() == PALE]
    assert (
        sum(len(line.get_xdata()) for line in pale) == 6
    )  # ratings and transfer under shuffled concept-sets: no verdict counts them
    assert (
        sum(len(line.get_xdata()) for line in pale if line.get_mfc() == PALE) == 2
    )  # and yet rejections of transfer are seen
    filled = [line for ax in figure.axes for line in ax.lines if line.get_mfc() == RED]
    assert sum(len(line.get_xdata()) for line in filled) == 4  # transfer of two controls, p_adjusted .002


@pytest.mark.parametrize("drop", ["controls", "languages", "directions"])
def test_smaller_studies_are_drawn_and_say_what_is_not_there(tables, names, font, tmp_path, drop):
    def less(frame):
        if drop == "controls":
            return frame[frame["control"] == "none"]
        if "language" in frame:
            return (
                frame[frame["language"] == "en"] if drop == "languages" else frame[~frame["language"].str.contains("-")]
            )
        return frame

    small = {
        k: less(f)
        for k, f in tables.items()
        if drop == "controls" or k not in ("shared_features", "shared_overlap", "cultures")
    }
    with figure_style(font):
        drawn = [
            draw_spaces(spaces(["en"]), small, names),
            draw_congruence(small, names),
            draw_ratings(small, names),
            draw_steering(small, names, max_nll_ratio=1.6),
            draw_controls(small),
            draw_beyond(small, names),
        ]
        for n, (figure, source) in enumerate(drawn):
            save(figure, source, pdf=tmp_path / f"{n}.pdf", png=tmp_path / f"{n}.png", csv=tmp_path / f"{n}.csv")
    said = {t for figure, _ in drawn for t in texts(figure)}
    assert ("no negative control in this study" if drop == "controls" else "needs two languages") in said
    assert drop == "controls" or "not in this study" in said


def test_every_word_of_the_contracts_has_a_name(tables, names, font):
    rsa = pd.concat(
        [
            tables["rsa"].query("control == 'none' and representation == 'static'").assign(representation=r)
            for r in REPRESENTATIONS
        ]
    )
    ratings = pd.concat(
        [tables["ratings"].query("control == 'none' and arm == 'all'").assign(arm=a) for a in RATING_ARMS]
    )
    with figure_style(font):
        draw_congruence({"rsa": rsa}, names)
        draw_beyond({"rsa": rsa}, names)
        _, source = draw_ratings({"ratings": ratings}, names)
    assert set(source["arm"]) == set(RATING_ARMS)


def test_saved_figures_carry_the_banner_and_are_the_same_bytes_again(tables, names, font, tmp_path):
    for name in ("a", "b"):
        with figure_style(font):
            figure, source = draw_congruence(tables, names)
            save(
                figure,
                source,
                pdf=tmp_path / f"{name}.pdf",
                png=tmp_path / f"{name}.png",
                csv=tmp_path / f"{name}.csv",
                banner="planted (simulated) world",
            )
        assert "planted (simulated) world" in texts(figure)
    for ending in ("pdf", "png", "csv"):
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "a.csv", keep_default_na=False, na_values=[""])[["rho"]], source[["rho"]]
    )


def test_tables_are_read_as_they_were_written(tables, tmp_path):
    write_table(tmp_path / "cultures.csv", "cultures", tables["cultures"])
    found = read_tables([tmp_path / "cultures.csv"])
    assert list(found) == ["cultures"] and found["cultures"]["control"].tolist() == ["none", "untrained"]


def test_every_figure_of_the_table_is_drawn_from_the_tables_it_names_and_has_a_caption(tables, names, font, root):
    assert len(FIGURES) == len(ROWS)
    for row in ROWS:
        assert set(row.tables) <= set(CONTRACTS) and set(row.files) <= set(SPACE)
        caption = (root / f"workflow/report/figure{row.name}.rst").read_text(encoding="utf-8")
        assert f"source/figure{row.name}.csv" in caption and all(f"{t}.csv" in caption for t in row.tables), row.name
        own = {t: tables[t] for t in row.tables if t in tables}
        own |= {"space_pairs": pair_rows(VIEWS)} if row.name == "S4" else {}
        own |= {"rsa": with_partials_and_components(tables["rsa"])} if row.name == "S3" else {}
        with figure_style(font):
            figure, source = row.draw(Material(own, names, spaces() if row.files else [], 1.6))
        assert len(source) and len(figure.axes) > 1


def test_a_figure_is_drawn_anew_when_its_room_changes_and_tables_are_not(root):
    """The table enters rooms by name; the digest behind the one script must follow it."""
    from shared_affect.base.rooms import LIBRARY, rooms_behind

    def behind(script):
        found = rooms_behind(root / f"workflow/scripts/{script}.py")
        return {p.relative_to(LIBRARY).with_suffix("").as_posix() for p in found}

    rooms = {p.stem for p in (LIBRARY / "results/figures").glob("[a-z]*.py")} - {"table"}
    assert len(rooms) == len(ROWS) and {f"results/figures/{r}" for r in rooms} <= behind("draw_figure")
    assert "results/panels" not in behind("judge_claims") and "results/claims/rules" not in behind("collect_table")


def test_the_table_of_figures_is_read_without_a_plotting_library(root):
    code = "import sys; import shared_affect.results.figures.table; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
