"""The synthetic study goes through the workflow's own script functions; at full size it is `make bench-scale`."""

import numpy as np
import pytest

from shared_affect.features.codes import load_codes
from shared_affect.features.files import WORD_ARRAYS
from shared_affect.tools import bench_scale
from shared_affect.tools.bench_scale import COLUMNS, Study, main, measure, run, show
from shared_affect.tools.scale_study import LANGUAGES, Sizes, firing_rates, word_names

SMALL = Sizes(words=120, features=900, width=8, emotions=6, concept_words=6, active=30, densest=0.2)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Every stage, in this process: what `measure` does in one of its own."""
    made = Study(tmp_path_factory.mktemp("scale"), SMALL, share=0.005)
    for stage in made.stages().values():
        stage()
    return made


def test_rates_fall_off_and_sum_to_the_active_features():
    rates = firing_rates(1000, 30, 0.2)
    assert rates.sum() == pytest.approx(30) and rates[0] == 0.2 and (np.diff(rates) < 0).all()
    with pytest.raises(ValueError, match="300 of 1000 features active"):
        firing_rates(1000, 300, 0.2)


def test_words_are_different():
    for language in LANGUAGES:
        assert len(set(word_names(language, 30_000))) == 30_000


def test_all_stages_run_on_a_small_study(study):
    for k in LANGUAGES:
        codes = load_codes(study.file(f"codes_{k}.npz"))
        assert codes.rated.sparse.shape == (120, 900) and codes.concepts.sparse.shape == (36, 900)
        texts = WORD_ARRAYS.read(study.file(f"features/{k}/norms.npz"))
        on_a_text = len(texts["data"]) / (len(texts["indptr"]) - 1)
        assert 20 < on_a_text < 40 and codes.rated.sparse.nnz / 120 > 1.5 * on_a_text
        assert (study.folder / f"ratings/{k}/valence.tsv").read_text().count("\n") > 5
        assert (study.folder / f"rsa_{k}.tsv").exists()
    assert (study.folder / "ratings/zh-en/arousal.tsv").exists() and (study.folder / "cultures.tsv").exists()


def test_a_stage_is_measured_in_a_process_of_its_own(study, capfd):
    held = np.ones(200_000_000)  # 1.6 GB of the process that measures are none of the stage's
    row = measure(study, "find_dimensions", "en")
    assert held.all()
    assert list(row) == COLUMNS and row["seconds"] > 0.1 and 0.02 < row["peak_gb"] < 1 and row["written_mb"] > 0
    with pytest.raises(RuntimeError, match="stage predict_ratings  failed"):
        measure(study, "predict_ratings", "")


def test_rows_are_kept_and_stages_not_run_again(study, monkeypatch):
    asked = []

    def fake(study, stage, language):
        asked.append(stage)
        return dict.fromkeys(COLUMNS, 1) | {"stage": stage, "language": language}

    monkeypatch.setattr(bench_scale, "measure", fake)
    rows = run(study, ["draw_folds"], lambda line: None)
    assert asked == ["draw_folds"] and len(rows) == 1
    rows = run(study, (), lambda line: None)
    assert asked.count("draw_folds") == 1 and len(rows) == len(study.stages())
    assert (study.folder / "scale.csv").read_text().splitlines()[0] == ",".join(COLUMNS)
    assert len((study.folder / "scale.csv").read_text().splitlines()) == 1 + len(rows)
    assert "| draw_folds | both | 1 |" in show(rows)
    with pytest.raises(ValueError, match="holds a study of other sizes"):
        run(Study(study.folder, Sizes(), 1.0))


def test_an_unknown_stage_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--only", "gather"])
    assert "stage 'gather'; allowed: make_study, gather_codes" in capsys.readouterr().err
