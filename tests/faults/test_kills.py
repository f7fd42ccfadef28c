"""Killed at any moment, and resumed by the same command: every file and journal record as of an undisturbed run.

The moments are drawn anew in every session; its seed is printed, ``FAULT_SEED`` repeats it.
"""

import random
import signal

import pytest
from faulty import Kill, resume, run_and_kill, seed

pytestmark = pytest.mark.workflow
LOG = "logs/tiny/{}/**/*.log"
RULES = (
    "write_planted_texts train_lm train_sae extract_features gather_codes select_features build_space"
    " predict_ratings generate_texts score_texts collect_table judge_claims draw_figure record_provenance"
).split()


@pytest.fixture(scope="module")
def draw():
    return random.Random(seed())


def killed(made, kills):
    """The kills that hit a run, one after the other in one folder, and what the run said that followed and ended."""
    made.study.forget()
    hit = []
    for kill in kills:
        outcome = run_and_kill(made.study, kill)
        print(f"  {kill}: {outcome}", flush=True)
        if outcome == "ended before":
            break
        hit.append(kill)
    text = resume(made.study)
    made.same()
    return hit, text


def test_three_kills(made, draw):
    """One in what the journal keeps, one as the lock is taken, one anywhere."""
    anywhere = made.at(draw.uniform(0.25, 0.9) * made.seconds)
    kills = [Kill("resources/journal/*.journal", draw.uniform(0, 0.5)), Kill("lock"), anywhere]
    hit, _ = killed(made, kills)
    assert len(hit) == 3


@pytest.mark.faults
@pytest.mark.parametrize("n", [8, 8])
def test_kills_at_moments_drawn_over_the_whole_run(made, draw, n):
    hit, _ = killed(made, [made.at(m) for m in sorted(draw.uniform(0, made.seconds) for _ in range(n))])
    assert len(hit) >= n - 2  # the last moments may lie behind the last job


@pytest.mark.faults
def test_kills_in_every_kind_of_job(made, draw):
    """In the order in which a run comes to them, as soon as the job has begun or a little later.

    A kind whose jobs had all ended before its turn came (figures may be drawn before claims are judged) gets a run from
    the start.
    """
    late = {"judge_claims", "draw_figure", "record_provenance"}  # little is left behind them
    left = [Kill(LOG.format(rule), 0 if rule in late else draw.choice([0, draw.uniform(0, 1)])) for rule in RULES]
    while left:
        hit, _ = killed(made, left)
        assert hit, f"{left[0]} hits nothing even in a run from the start"
        left = [kill for kill in left if kill not in hit]


@pytest.mark.faults
def test_kills_while_a_run_begins_and_while_it_ends(made, draw):
    """Before and while the lock is taken, again and again; then as the last files are written."""
    starts = [Kill("", draw.uniform(0, 3.5)) for _ in range(4)]
    hit, text = killed(made, [*starts, Kill("lock"), Kill("lock"), Kill("results/tiny/provenance.json")])
    assert len(hit) == 7
    assert "was killed" in text or "Nothing to be done" in text


@pytest.mark.faults
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_asked_to_end_ends_cleanly(made, how):
    made.study.forget()
    assert run_and_kill(made.study, Kill(LOG.format("train_sae"), 0.5, "main", how)) == "killed"
    assert not (made.study.folder / ".snakemake/locks").exists()
    text = resume(made.study)
    assert "taken away" not in text
    made.same()


@pytest.mark.faults
def test_killed_jobs_of_a_run_that_lives(made, draw):
    """The run goes on with what does not hang on them, and ends with an error; the next one makes what is lacking."""
    rules = ["train_lm", "extract_features", "generate_texts", "draw_figure"]
    hit, _ = killed(made, [Kill(LOG.format(rule), draw.uniform(0, 0.5), "job") for rule in rules])
    assert len(hit) == len(rules)


@pytest.mark.faults
def test_a_run_whose_planning_process_alone_is_killed(made):
    killed(made, [Kill(LOG.format("train_sae"), 0.5, "main"), Kill(LOG.format("extract_features"), 0.5, "main")])
