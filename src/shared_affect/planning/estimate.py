"""What a run will take, said before its first job: card and main memory, hours, bytes on disk, and whether they fit.

Reckoned from sizes (`sizes`) and rates (`resources`) for the jobs that are to be done, and for nothing else. What is
not known before it is fetched is named as such. A disk that cannot hold what is to come is refused with the numbers.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from shared_affect.base import card_locks
from shared_affect.models.memory import extraction_disk
from shared_affect.planning.resources import JUDGING, MADE, MB, OF_A_MODEL, PAIRS, Needs
from shared_affect.planning.sizes import SHARE_ON_TWINS
from shared_affect.study.config import ConfigError

if TYPE_CHECKING:
    from shared_affect.planning.plan import Study

Job = tuple[str, Mapping[str, str]]
"""Name of a job's script, and its wildcards; of extraction with its model."""

GB = 1e9
SMALL = 2 * GB
"""A study whose models, journal and results are all below this is told in one line."""


@dataclass
class OfModel:
    """What the jobs of one model take.

    Attributes
    ----------
    weights, ram, vram : float
        Bytes: of its files, and of its largest job.
    texts, written : int
        Words in carriers to be read; texts to be written.
    reading, writing : float
        Seconds.
    journal : float
        Bytes.
    on_card : bool
    """

    weights: float = 0
    ram: float = 0
    vram: float = 0
    texts: int = 0
    written: int = 0
    reading: float = 0
    writing: float = 0
    journal: float = 0
    on_card: bool = False


@dataclass
class Estimate:
    """What the jobs of a run take together.

    Attributes
    ----------
    jobs : int
    models : dict of model -> OfModel
    unknown : list of str
        Models whose shape, or whose number of words, is not known yet; judges, as ``judge NAME LANGUAGE``.
    seconds, without_card : float
        Of one core, for all jobs without a card; of these, what a card would take over.
    ram : float
        Bytes of the largest of them.
    journal, results, cache, fetched : float
        Bytes to be written: in the journal, below ``results/``, in the hub's cache, below ``retrieved/``.
    """

    jobs: int = 0
    models: dict[str, OfModel] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    seconds: float = 0
    without_card: float = 0
    ram: float = 0
    journal: float = 0
    results: float = 0
    cache: float = 0
    fetched: float = 0


JUDGE = "judge "
"""Before the name and the language of a judge among what is not known."""

SMALL_DOWNLOADS = ("retrieve_data", "collect_revisions", "pin_revisions")


def reckon(study: Study, jobs: Sequence[Job]) -> Estimate:
    """What some jobs of a study take.

    Parameters
    ----------
    study : plan.Study
    jobs : sequence of Job
    """
    found = Estimate(jobs=len(jobs))
    for rule, at in jobs:
        if rule in ("retrieve_model", "retrieve_sae", "retrieve_judge"):
            _add_download(found, study, rule, at)
            continue
        if rule in SMALL_DOWNLOADS:
            continue
        if rule in OF_A_MODEL or rule in MADE:
            known = _add_model_job(found, study, rule, at)
        else:
            known = _add_job(found, study, rule, at)
        if known:
            found.results += left_bytes(study, rule, at)
    return found


def _add_job(found: Estimate, study: Study, rule: str, at: Mapping[str, str]) -> bool:
    """Add a job that loads no model; whether it is known what it takes."""
    need = study.needs.need(rule, at)
    if need is not None:
        found.seconds += need.seconds
        found.ram = max(found.ram, need.ram)
    elif rule in JUDGING and (name := f"{JUDGE}{at['judge']} {at['language']}") not in found.unknown:
        found.unknown.append(name)
    return need is not None


def _add_model_job(found: Estimate, study: Study, rule: str, at: Mapping[str, str]) -> bool:
    """Add a job that loads a model; whether it is known what it takes.

    What a card is asked for is told where none is at hand, too: a plan may be made on another machine than the run.
    """
    needs, model = study.needs, at["model"]
    asked = needs if needs.sizes.a_card else Needs(study)
    need, here = asked.need(rule, at), needs.need(rule, at)
    if need is None or here is None:
        if model not in found.unknown:
            found.unknown.append(model)
        return False
    own = found.models.setdefault(model, OfModel(needs.sizes.stored_bytes(model) or 0))
    on_card, sizes = need.vram > 0, needs.sizes
    own.ram, own.on_card = max(own.ram, asked.ram(rule, at) or 0), own.on_card or on_card
    own.vram = max(own.vram, GB * (asked.vram_gb(rule, at) or 0) if on_card else 0)
    if rule == "extract_features":
        own.texts += sizes.texts(at["language"]) or 0
    if rule == "generate_texts":
        own.written += sizes.written(at["language"]) // len(study.groups)
    journal = journal_bytes(study, rule, at)
    own.journal += journal
    found.journal += journal
    if rule == "extract_features" and study.row("models", model=model)["shards"] > 1:
        return True  # it finds in the journal what the shards have read
    if on_card and rule in ("generate_texts", "sample_documents"):
        own.writing += need.seconds
    elif on_card:
        own.reading += need.seconds
    if here.vram == 0:
        found.seconds += here.seconds
        found.without_card += here.seconds if on_card else 0
        found.ram = max(found.ram, needs.ram(rule, at) or 0)
    return True


def _add_download(found: Estimate, study: Study, rule: str, at: Mapping[str, str]) -> None:
    """Weights stand in the hub's cache; SAEs there and, in this project's form, below ``retrieved/``."""
    sizes = study.needs.sizes
    if rule == "retrieve_model":
        found.cache += sizes.stored_bytes(at["model"]) or 0
    elif rule == "retrieve_judge":
        found.cache += sizes.judge_bytes(at["judge"], at["language"]) or 0
    elif sae := sizes.sae(study.row("saes", model=at["model"], sae=at["sae"])):
        found.cache += sae.facts.encoder() + sae.facts.decoder
        found.fetched += sae.facts.encoder() + sae.facts.decoder


# ---- bytes


def _extraction(study: Study, at: Mapping[str, str]):
    sizes, model, language = study.needs.sizes, at["model"], at["language"]
    facts, saes, words = sizes.model(model), sizes.saes(model), sizes.words(language)
    if facts is None or not saes or words is None:
        return None
    return extraction_disk(
        facts,
        [s.facts for s in saes],
        sizes.numerics(model),
        n_words=sum(words),
        n_templates=sizes.templates(language),
        active=sum(s.active for s in saes) // len(saes),
        n_readouts=len(study.readouts),
    )


def written_bytes(texts: int, tokens: int) -> int:
    """Bytes of records of written texts: what each says of itself, and some five bytes a token."""
    return texts * (150 + 5 * tokens)


def journal_bytes(study: Study, rule: str, at: Mapping[str, str]) -> float:
    """Bytes that a job leaves in the journal; shards write what the job after them would have."""
    if rule == "extract_features":
        disk = _extraction(study, at)
        return disk.journal_bytes if disk else 0
    if rule == "generate_texts":
        texts = study.needs.sizes.written(at["language"]) // len(study.groups)
        return written_bytes(texts, study.config["steering"]["max_new_tokens"])
    return 0


def left_bytes(study: Study, rule: str, at: Mapping[str, str]) -> float:
    """Bytes that a job leaves below ``results/``."""
    sizes, config = study.needs.sizes, study.config
    if rule == "extract_features":
        disk = _extraction(study, at)
        return disk.results_bytes if disk else 0
    if rule == "generate_texts":
        return journal_bytes(study, rule, at)
    if rule == "make_vectors":
        model = sizes.model(at["model"])
        directions = config["steering"]["random_directions"] + 2
        return 4.0 * directions * model.hidden * len(study.emotions) if model else 0
    if rule == "build_space":
        return 8.0 * PAIRS * (2 * config["rsa"]["n_draws"] + config["rsa"]["n_code_permutations"])
    if rule == "gather_codes":
        work = study.needs.work(at)
        return work.codes if work else 0
    if rule == "train_lm":
        model = sizes.model(at["model"])
        return 4.0 * model.weights() if model else 0
    if rule == "make_twin":
        return sizes.drawn_bytes(at["model"]) or 0
    if rule == "train_sae":
        sae = sizes.sae(study.row("saes", model=at["model"], sae=at["sae"]))
        return sae.facts.encoder() + sae.facts.decoder if sae else 0
    return SMALL_FILES.get(rule, 0.1) * MB


SMALL_FILES = {"write_planted_texts": 10, "score_texts": 1, "draw_figure": 0.8, "predict_ratings": 0.3}
"""MB of what hardly depends on a study's size, measured."""


# ---- disks


@dataclass(frozen=True)
class Place:
    """A folder that a run writes to: bytes to come, and those that stand there and may be part of them."""

    name: str
    folder: Path
    needed: float
    there: Callable[[], float] = lambda: 0


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    return next(p for p in (folder, *folder.parents) if p.exists())


def _held_bytes(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file() and not f.is_symlink())


def hub_cache() -> Path:
    """Where the hub's library keeps what it fetches, by the variables that it reads."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home, "hub")).expanduser()


def places(study: Study, estimate: Estimate) -> list[Place]:
    """Folders that a run writes much to."""
    begun = [study.row("models", model=m)["id"] for m in study.hub_models]

    def fetched_partly() -> int:
        return sum(_held_bytes(hub_cache() / f"models--{name.replace('/', '--')}") for name in begun)

    return [
        Place("journal", Path(study.journal), estimate.journal, lambda: _held_bytes(Path(study.journal))),
        Place("results", Path(study.results), estimate.results, lambda: _held_bytes(Path(study.results))),
        Place("downloads", Path(study.retrieved), estimate.fetched),
        Place("hub cache", hub_cache(), estimate.cache, fetched_partly),
    ]


def by_disk(
    found: Sequence[Place], usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage
) -> list[tuple[list[Place], float]]:
    """Places that stand on one file system, and the bytes that are free there.

    Parameters
    ----------
    found : sequence of Place
    usage : function of a path
        Its file system's whole, used and free bytes.
    """
    disks: dict[int, list[Place]] = {}
    for place in found:
        disks.setdefault(_existing(place.folder).stat().st_dev, []).append(place)
    return [(own, usage(_existing(own[0].folder))[2]) for own in disks.values()]


def check_space(found: Sequence[Place], usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage) -> None:
    """Refuse a run whose disks cannot hold what it writes.

    What stands there already may be part of what is reckoned, so it counts as free: a run that was killed goes on.

    Raises
    ------
    ConfigError
        Naming each place, its folder, the bytes needed and those that are free.
    """
    for own, free in by_disk(found, usage):
        needed = sum(p.needed for p in own)
        if needed <= free or needed <= free + sum(p.there() for p in own if p.needed):
            continue
        told = ", ".join(f"{p.name} {size(p.needed)} ({p.folder})" for p in own if p.needed)
        raise ConfigError(
            f"not enough disk: needed {size(needed)}: {told}; free there: {size(free)}. Make room, let one of these "
            "folders be a link to a larger disk, or ask for less: fewer models, SAEs or words (docs/workflow.md, "
            "What a run will take)"
        )


# ---- the screen


def size(n: float) -> str:
    """Bytes for people.

    Examples
    --------
    >>> size(81_300_000), size(2.44e9), size(18.5e9), size(1.234e12)
    ('81 MB', '2.4 GB', '18 GB', '1,234 GB')
    """
    return f"{n / MB:.0f} MB" if n < GB else f"{n / GB:.1f} GB" if n < 9.95 * GB else f"{n / GB:,.0f} GB"


def span(seconds: float) -> str:
    """Time for people.

    Examples
    --------
    >>> span(20), span(1500), span(36000), span(5.4e6)
    ('1 min', '25 min', '10.0 h', '1,500 h')
    """
    if seconds < 5400:
        return f"{max(1, round(seconds / 60))} min"
    return f"{seconds / 3600:.1f} h" if seconds < 360_000 else f"{seconds / 3600:,.0f} h"


def tell(study: Study, estimate: Estimate, usage=shutil.disk_usage, card=card_locks.smallest_memory) -> list[str]:
    """The estimate in lines: one for a small study, a table of models for others; none where nothing is to be done.

    Parameters
    ----------
    study : plan.Study
    estimate : Estimate
    usage : function of a path
        Its file system's whole, used and free bytes.
    card : function
        Bytes of the smallest card at hand, None where there is none.
    """
    if not estimate.jobs:
        return []
    disks = by_disk([p for p in places(study, estimate) if p.needed], usage)
    stored = "; ".join(
        f"{' + '.join(f'{p.name} {size(p.needed)}' for p in own)}, free {size(free)}" for own, free in disks
    )
    jobs = f"{estimate.jobs} job{'s' * (estimate.jobs > 1)}"
    cores = f"{jobs}, {span(estimate.seconds)} of one core, largest {size(estimate.ram)}"
    small = max([estimate.journal, estimate.results, *(m.weights for m in estimate.models.values())]) < SMALL
    head = f"Estimate: {cores}; disk: {stored or 'nothing'}"
    told = [head, *([] if small else _table(estimate)), *(_unknown(m) for m in estimate.unknown)]
    told += _foreign(study, estimate)
    if estimate.without_card:
        told.append(
            f"  no card is visible here: {span(estimate.without_card)} of this is what a card would do"
            + ("" if small else "; hours and card above are of one H100")
        )
    asking = [(name, m.vram) for name, m in estimate.models.items() if m.on_card]
    if asking and (held := card()) is not None:
        told += [
            f"  {name}: {size(vram)} reckoned, the card here has {size(held)}: its batches will be halved until they "
            "fit (rows, chunk_batch, vram_gb in config/models.tsv)"
            for name, vram in asking
            if vram > held
        ]
    return told


def _foreign(study: Study, estimate: Estimate) -> list[str]:
    """What is taken of published SAEs that are read on untrained twins, where there are some."""
    sizes = study.needs.sizes
    twins = [m for m in estimate.models if any(map(sizes.is_foreign, study.saes_of(m)))]
    return twins and [
        f"  {', '.join(twins)}: one feature in {SHARE_ON_TWINS} of a published SAE is taken to be active on an"
        " untrained twin, which is much; how many are shows in the run"
    ]


def _unknown(model: str) -> str:
    if model.startswith(JUDGE):
        return (
            f"  {model}: unknown until it is fetched, and not in these numbers (resources/shapes/judges.tsv may hold"
            " the size of its files)"
        )
    return (
        f"  {model}: unknown until it is fetched, and not in these numbers (state ram_gb, vram_gb and minutes in "
        "config/models.tsv, or its shape in resources/shapes)"
    )


COLUMNS = ("model", "weights", "card", "ram", "texts read", "hours", "written", "hours", "journal")


def _table(estimate: Estimate) -> list[str]:
    """A line a model, columns in line."""
    rows = [COLUMNS]
    for name, m in estimate.models.items():
        rows.append(
            (
                name,
                size(m.weights),
                size(m.vram) if m.on_card else "none",
                size(m.ram),
                f"{m.texts:,}",
                f"{m.reading / 3600:.2f}" if m.on_card else "-",
                f"{m.written:,}",
                f"{m.writing / 3600:.2f}" if m.on_card else "-",
                size(m.journal),
            )
        )
    wide = [max(len(r[i]) for r in rows) for i in range(len(COLUMNS))]
    lines = [
        "  " + "  ".join([r[0].ljust(wide[0]), *(c.rjust(w) for c, w in zip(r[1:], wide[1:], strict=True))])
        for r in rows
    ]
    if any(m.on_card for m in estimate.models.values()):
        lines.append("  hours: reckoned for one H100 (docs/cluster.md says from what); other cards differ")
    return lines
