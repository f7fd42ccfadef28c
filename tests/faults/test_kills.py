"""Killed at any moment, and resumed by the same command: every file and journal record as of an undisturbed run.

The moments are drawn anew in every session; its seed is printed, ``FAULT_SEED`` repeats it.
"""

import os
import random
import signal
import time

import pytest
from faulty import Faulty, Kill, resume, run_and_kill, same, seed

pytestmark = pytest.mark.workflow
LOG = "logs/tiny/{}/**/*.log"
RULES = (
    "write_planted_texts train_lm train_sae extract_features gather_codes select_features build_space"
    " predict_ratings generate_texts score_texts collect_table judge_claims draw_figure record_provenance"
).split()


class Made:
    """A study that was made undisturbed, what it made, and how long that took."""

    def __init__(self, folder, controls):
        self.study = Faulty(folder, controls)
        began = time.time()
        self.study.snakemake()
        self.seconds = time.time() - began
        self.wanted, self.records = self.study.result(), self.study.records()
        self.random = random.Random(seed())

    def uniform(self, n):
        """Moments drawn over the whole run, as seconds from one to the next."""
        moments = sorted(self.random.uniform(0, self.seconds) for _ in range(n))
        return [b - a for a, b in zip([0.0, *moments], moments, strict=False)]

    def begin(self, startup=3.0):
        """How long a resumed run takes until it is where the last one was."""
        return self.random.uniform(0.5, 1.5) * startup

    def killed(self, kills):
        """The kills that hit a run, one after the other in one folder; then the run that ends, and the comparison."""
        self.study.forget()
        hit = []
        for kill in kills:
            outcome = run_and_kill(self.study, kill)
            print(f"  {kill}: {outcome}", flush=True)
            if outcome == "ended before":
                break
            hit.append(kill)
        text = resume(self.study)
        same(self.study, self.wanted, self.records)
        return hit, text


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Made(tmp_path_factory.mktemp("killed"), controls=bool(os.environ.get("FAULTS")))


def test_three_kills(made):
    """One in what the journal keeps, one as the lock is taken, one anywhere."""
    anywhere = made.random.uniform(0, made.seconds / 2)
    kills = [Kill("resources/journal/*.journal", made.random.uniform(0, 0.5)), Kill("lock"), Kill("", anywhere)]
    hit, _ = made.killed(kills)
    assert len(hit) == 3


@pytest.mark.faults
@pytest.mark.parametrize("n", [8, 8])
def test_kills_at_moments_drawn_over_the_whole_run(made, n):
    hit, _ = made.killed([Kill("", gap + (made.begin() if k else 0)) for k, gap in enumerate(made.uniform(n))])
    assert len(hit) >= n - 1


@pytest.mark.faults
def test_kills_in_every_kind_of_job(made):
    """In the order in which a run comes to them, as soon as the job has begun or a little later."""
    kills = [Kill(LOG.format(rule), made.random.choice([0, made.random.uniform(0, 1)])) for rule in RULES]
    hit, _ = made.killed(kills)
    assert len(hit) == len(RULES)


@pytest.mark.faults
def test_kills_while_a_run_begins_and_while_it_ends(made):
    """Before and while the lock is taken, again and again; then as the last files are written."""
    starts = [Kill("", made.random.uniform(0, 3.5)) for _ in range(4)]
    hit, text = made.killed([*starts, Kill("lock"), Kill("lock"), Kill("results/tiny/provenance.json")])
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
    same(made.study, made.wanted, made.records)


@pytest.mark.faults
def test_killed_jobs_of_a_run_that_lives(made):
    """The run goes on with what does not hang on them, and ends with an error; the next one makes what is lacking."""
    rules = ["train_lm", "extract_features", "generate_texts", "draw_figure"]
    hit, _ = made.killed([Kill(LOG.format(rule), made.random.uniform(0, 0.5), "job") for rule in rules])
    assert len(hit) == len(rules)


@pytest.mark.faults
def test_a_run_whose_planning_process_alone_is_killed(made):
    made.killed([Kill(LOG.format("train_sae"), 0.5, "main"), Kill(LOG.format("extract_features"), 0.5, "main")])
