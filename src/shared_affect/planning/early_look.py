"""Models and SAEs on disk, looked at once, before any job: what cannot be read is refused with its row.

Nothing is loaded for rows that the workflow makes or has yet to fetch; those are looked at when they are there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from shared_affect.study.config import ConfigError


def look_at_model(folder: Path, where: str, layers: Sequence[int]) -> Mapping:
    """Facts of a model's folder (`model_folder.check_folder`)."""
    from shared_affect.models import model_folder

    return model_folder.check_folder(folder, where, layers=layers)


def look_at_sae(folder: Path, layer: int, where: str, d_in: int | None) -> Mapping:
    """Facts of an SAE's folder (`sae_folder.check_folder`)."""
    from shared_affect.models import sae_folder

    return sae_folder.check_folder(folder, layer, where, d_in=d_in)


def _on_disk(row: Mapping, folder: Path, mark: str) -> bool:
    """Whether a row's folder is to be looked at now: the user's own, or fetched already.

    A folder below ``{results}`` may still be made by a rule, whatever the row's source.
    """
    if row["source"] in ("trained", "untrained-twin"):
        return False
    if row["source"] == "local":
        return not row["path"].startswith("{results}") or (folder / mark).exists()
    return (folder / mark).exists()


def look(
    names: Sequence[str], models: Sequence[Mapping], saes: Sequence[Mapping], place: Callable[[Mapping], str]
) -> None:
    """Look at every model of a study and at its SAEs.

    Parameters
    ----------
    names : sequence of str
        Models of the study.
    models, saes : rows of ``config/models.tsv`` and ``config/saes.tsv``
    place : function of a row
        Its folder.

    Raises
    ------
    ConfigError
        Naming table and row, and what is wrong with the folder.
    """
    for model in (r for r in models if r["model"] in names):
        own = [r for r in saes if r["model"] == model["model"]]
        folder, width = Path(place(model)), None
        where = f"config/models.tsv, row {model['model']}"
        if _on_disk(model, folder, "config.json" if model["source"] == "local" else "revision.json"):
            if not folder.is_dir():
                raise ConfigError(
                    f"{where}, column path: {folder.absolute()} is no folder; needed: config.json, "
                    f"tokenizer.json and *.safetensors"
                )
            width = _asked(where, look_at_model, folder, where, sorted({r["layer"] for r in own}))["hidden_size"]
        for r in own:
            at, where_sae = Path(place(r)), f"config/saes.tsv, row {r['model']} {r['sae']}"
            if not _on_disk(r, at, "cfg.json"):
                continue
            if not at.is_dir():
                raise ConfigError(
                    f"{where_sae}, column path: {at.absolute()} is no folder; needed: cfg.json and "
                    f"sae_weights.safetensors"
                )
            _asked(where_sae, look_at_sae, at, r["layer"], where_sae, width)


def _asked(where: str, look_at: Callable, *args) -> Mapping:
    """What was found, or a refusal that names the row."""
    try:
        return look_at(*args)
    except (ValueError, OSError) as error:
        text = str(error)
        raise ConfigError(text if where in text else f"{where}: {text}") from None


def classes(
    paths: str | Sequence[str],
    emotions: Sequence[str],
    split: float,
    labels: Mapping[str, str] | None = None,
    loader: str = "",
) -> dict[str, str] | None:
    """Valence class of the emotions whose valence is known, read as the job reads it; None without the file.

    Parameters
    ----------
    paths : path, or paths of norms
    emotions : sequence of str
    split : float
        Valence above which an emotion is positive.
    labels : mapping of emotion -> word, optional
        Words to look up in norms.
    loader : str
        Of the norms.
    """
    paths = [paths] if isinstance(paths, str) else list(paths)
    if not paths or not all(Path(p).is_file() for p in paths):
        return None
    from shared_affect.human.loaders import load
    from shared_affect.human.standard import read_affect

    try:
        if labels is None:
            frame = read_affect(paths[0], emotions, split)
            return dict(zip(frame["emotion"], frame["valence_class"], strict=True))
        rated = load("norms", loader, paths).set_index("word")["valence"]
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return {e: "positive" if rated[labels[e]] > split else "negative" for e in emotions if labels[e] in rated.index}
