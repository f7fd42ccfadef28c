"""Which SAEs a study analyses, what is refused, and what is said of models that lack one."""

import pytest

from shared_affect.study.analysed import analysed, check, lacking, names_of
from shared_affect.study.config import ConfigError

ROWS = [
    {"model": m, "sae": s}
    for m, own in {
        "big": ["l9", "main", "l31"],
        "small": ["main", "l3"],
        "empty": ["main", "l9"],
        "bare": ["l9"],
    }.items()
    for s in own
]


def asked(saes, models=("big", "small"), controls=("empty",), primary="main"):
    return {"models": list(models), "control_models": list(controls), "primary_sae": primary, "saes": saes}


@pytest.mark.parametrize(
    ("saes", "found"),
    [
        ("primary", {"big": "main", "small": "main", "empty": "main"}),
        ("all", {"big": "l9 main l31", "small": "main l3", "empty": "main l9"}),
        (["l9"], {"big": "l9 main", "small": "main", "empty": "main l9"}),
        (["l3", "l31"], {"big": "main l31", "small": "main l3", "empty": "main"}),
    ],
)
def test_the_primary_sae_is_always_among_them_in_the_tables_order(saes, found):
    config = asked(saes)
    check(config, ROWS)
    assert {m: " ".join(r["sae"] for r in analysed(config, ROWS, m)) for m in found} == found
    assert set(names_of(config, ROWS)) == set(" ".join(found.values()).split())


def test_an_sae_may_be_called_like_a_word_of_the_key():
    rows = [{"model": "m", "sae": s} for s in ("primary", "all", "l9")]
    config = asked(["all"], ["m"], [], "primary")
    assert [r["sae"] for r in analysed(config, rows, "m")] == ["primary", "all"]
    assert [r["sae"] for r in analysed(config | {"saes": "primary"}, rows, "m")] == ["primary"]


def test_models_without_a_named_sae_are_said():
    assert lacking(asked("all"), ROWS) == lacking(asked("primary"), ROWS) == lacking(asked(["main"]), ROWS) == []
    (sentence,) = lacking(asked(["l9"]), ROWS)
    assert "SAE 'l9' of the key saes belongs to big, empty, and there is none of that name for small (" in sentence
    assert ["for small, empty (" in s for s in lacking(asked(["l31", "l9"]), ROWS)] == [True, False]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (asked(["l13"]), ["names 'l13'", "did you mean 'l3'", "big has l9, main, l31; small has main, l3"]),
        (asked(["l9"], ["small"], ["empty"]), ["names 'l9'", "small has main, l3"]),  # a control's alone
        (asked("all", ["big", "bare"]), ["key primary_sae is 'main'; allowed for model 'bare': l9"]),
        (asked("all", ["gone"]), ["allowed for model 'gone': none"]),
    ],
)
def test_what_no_model_that_makes_claims_has_is_refused(config, words):
    with pytest.raises(ConfigError) as error:
        check(config, ROWS)
    assert all(w in str(error.value) for w in [*words, "config.yaml", "config/saes.tsv"]), error.value
