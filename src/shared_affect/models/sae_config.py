"""The configuration of a sparse autoencoder in sae-lens' disk format, read to one form.

sae-lens has written several layouts: before version 6 facts of training stood at the top level and top-k was an
activation function of the architecture ``standard``; since then they stand in ``metadata``. `sae_keys` says what each
key bears on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shared_affect.models.sae_keys import ALLOWED, AT_THE_TOP, HARMLESS, HONOURED, OLD_NAMES, SITE, TYPES, is_count

ARCHITECTURES = ("standard", "topk", "jumprelu", "gated")
"""What sae-lens publishes for residual streams; SAEs trained with BatchTopK are saved as JumpReLU."""

NORMALISATIONS = ("none", "constant_norm_rescale", "layer_norm")

CONFIG, WEIGHTS = "cfg.json", "sae_weights.safetensors"

REMEDY = (
    "Load it with sae-lens and write it anew: `SAE.from_pretrained(release, id).save_model(folder)`, or, for a "
    "training run's own folder, "
    "`save_inference_model(folder)`; or let the workflow fetch it (config/saes.tsv, source release)"
)


@dataclass(frozen=True)
class SaeConfig:
    """What an SAE's ``cfg.json`` says, whatever its layout.

    Attributes
    ----------
    architecture : {"standard", "topk", "jumprelu", "gated"}
    d_in, d_sae : int
    k : int or None
        Active features of ``topk``.
    apply_b_dec_to_input, rescale_acts_by_decoder_norm : bool
    normalize_activations : {"none", "constant_norm_rescale", "layer_norm"}
    hook_name, hf_hook_name : str or None
        Where it was trained, in the names of TransformerLens and of the model's own modules; None = not said.
    hook_layer : int or None
    prepend_bos : bool or None
    """

    architecture: str
    d_in: int
    d_sae: int
    k: int | None = None
    apply_b_dec_to_input: bool = True
    rescale_acts_by_decoder_norm: bool = False
    normalize_activations: str = "none"
    hook_name: str | None = None
    hf_hook_name: str | None = None
    hook_layer: int | None = None
    prepend_bos: bool | None = None

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of the tensors that this architecture has."""
        wide, narrow = (self.d_sae,), (self.d_in,)
        biases = {"gated": ("b_gate", "b_mag", "r_mag"), "jumprelu": ("b_enc", "threshold")}.get(
            self.architecture, ("b_enc",)
        )
        return {"W_enc": narrow + wide, "W_dec": wide + narrow, "b_dec": narrow, **dict.fromkeys(biases, wide)}


def read_config(folder: str | Path, where: str = "") -> SaeConfig:
    """An SAE's configuration in one form.

    Parameters
    ----------
    folder : path
    where : str
        Table and row to change, for messages.

    Raises
    ------
    ValueError
        If ``cfg.json`` is absent, cut or of another format; if it lacks a key, contradicts itself, or has a key or
        value that is not honoured. Names file, key, value and what is allowed.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> facts = {"architecture": "jumprelu", "d_in": 8, "d_sae": 64, "metadata": {"prepend_bos": True}}
    >>> _ = (folder / CONFIG).write_text(json.dumps(facts))
    >>> config = read_config(folder)
    >>> config.architecture, config.prepend_bos, config.shapes()["threshold"]
    ('jumprelu', True, (64,))
    >>> _ = (folder / CONFIG).write_text(json.dumps(facts | {"finetuning_scaling_factor": True}))
    >>> read_config(folder)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: ...cfg.json: finetuning_scaling_factor is True; allowed: false (multiply the factor into ...
    """
    path, place = Path(folder) / CONFIG, where and f" ({where})"
    refuse = _refuser(path, place)
    raw = _read_json(path, place)
    if sparsify := _sparsify(Path(folder), raw):
        raise ValueError(f"{folder}: {sparsify}{place}")
    said = _flat(raw, path, place, refuse)
    _check_keys(said, refuse)
    architecture, k = _architecture(said, refuse)
    if "architecture" not in said and architecture is None:
        raise ValueError(f"{path}: key architecture is missing; allowed: {', '.join(ARCHITECTURES)}. {REMEDY}{place}")
    if architecture not in ARCHITECTURES:
        more = " (a transcoder writes another place than it reads)" if "transcoder" in str(architecture) else ""
        refuse("architecture", architecture, ", ".join(ARCHITECTURES), f"{more}. {REMEDY}")
    for key, what in (("d_in", "width of the residual"), ("d_sae", "number of features")):
        if said.get(key) is None:
            raise ValueError(f"{path}: key {key} is missing; needed: {what}{place}")
    if architecture == "topk":
        allowed = f"an integer from 1 to {said['d_sae']} (d_sae)"
        if k is None:
            raise ValueError(f"{path}: key k is missing, which architecture topk needs; allowed: {allowed}{place}")
        if not is_count(k) or k > said["d_sae"]:
            refuse("k", k, allowed)
    elif k is not None:
        refuse("k", k, f"absent or null where architecture is {architecture!r}, which has no k")
    elif said.get("rescale_acts_by_decoder_norm"):
        fold = " (fold the norms into the weights before saving)"
        refuse("rescale_acts_by_decoder_norm", True, f"false where architecture is {architecture!r}", fold)
    normalise = said.get("normalize_activations")
    if isinstance(normalise, bool):  # the oldest layout
        normalise = "expected_average_only_in" if normalise else None
    if (normalise := "none" if normalise is None else normalise) not in NORMALISATIONS:
        fold = " (fold the factor into the weights before saving)"
        refuse("normalize_activations", normalise, ", ".join(NORMALISATIONS), fold)
    plain = ("apply_b_dec_to_input", "rescale_acts_by_decoder_norm", *SITE, "prepend_bos")
    optional = {key: said[key] for key in plain if said.get(key) is not None}
    return SaeConfig(architecture, said["d_in"], said["d_sae"], k, normalize_activations=normalise, **optional)


def _refuser(path: str | Path, place: str) -> Callable:
    """What raises the error of a key: value found, values allowed, and where."""

    def refuse(key: str, found, allowed: str, more: str = "") -> None:
        raise ValueError(f"{path}: {key} is {found!r}; allowed: {allowed}{more}{place}")

    return refuse


def _check_keys(said: Mapping, refuse: Callable) -> None:
    """Every key is honoured and of its type, or harmless, or has a value that asks for nothing, or is null."""
    for key, value in said.items():
        if key in TYPES and not (value is None and key != "apply_b_dec_to_input"):
            fits, words = TYPES[key]
            if not fits(value):
                refuse(key, value, words)
        if key in HONOURED or key in HARMLESS or value is None:
            continue
        if key not in ALLOWED:
            more = "; this key is not known, and what is not known is not taken to be harmless: if it does not bear on "
            refuse(key, value, "absent or null", f"{more}what the SAE computes, take it out of the file")
        allows, words = ALLOWED[key]
        if not allows(value, said):
            refuse(key, value, words)


def listed(folder: Path) -> str:
    names = sorted(p.name + ("/" if p.is_dir() else "") for p in folder.iterdir())
    return ", ".join(names[:8]) + (f", ... {len(names) - 8} more" if len(names) > 8 else "") if names else "nothing"


def _read_json(path: Path, place: str) -> dict:
    folder = path.parent
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; needed: one with {CONFIG} and {WEIGHTS}{place}")
    if not path.is_file():
        if other := _sparsify(folder, {}):
            raise ValueError(f"{folder}: {other}{place}")
        inside = sorted(p.parent.name for p in folder.glob(f"*/{CONFIG}"))
        more = f"It is a folder of SAEs: name one of {', '.join(inside[:8])}" if inside else REMEDY
        raise ValueError(
            f"{folder} has no {CONFIG}: found {listed(folder)}; needed: {CONFIG} and {WEIGHTS}, sae-lens' disk "
            f"format. {more}{place}"
        )

    def once(pairs):
        names = [k for k, _ in pairs]
        if twice := next((k for k in names if names.count(k) > 1), None):
            raise ValueError(f"{path}: key {twice} stands twice; allowed: once{place}")
        return dict(pairs)

    try:
        raw = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=once)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no whole JSON file ({error}); get or write it again{place}") from None
    if not isinstance(raw, dict):
        raise ValueError(
            f"{path} holds a {type(raw).__name__}; needed: one JSON object with the keys of sae-lens' "
            f"configuration{place}"
        )
    return raw


def _sparsify(folder: Path, raw: Mapping) -> str | None:
    """What to do about a folder in the layout of EleutherAI's sparsify; None if it is not one."""
    if "architecture" in raw or not (
        (folder / "sae.safetensors").is_file() or {"num_latents", "normalize_decoder", "multi_topk"} & set(raw)
    ):
        return None
    if raw.get("skip_connection") or raw.get("transcode"):
        return "a transcoder in sparsify's layout; allowed: an SAE that reads and writes the output of one block"
    return (
        f"an SAE in sparsify's layout ({CONFIG} with num_latents, sae.safetensors with encoder.weight); needed: "
        f"sae-lens' ({CONFIG} with architecture, {WEIGHTS} with W_enc). "
        'docs/models.md, "SAEs in other layouts", has the ten lines that write it anew; name the new folder in column '
        "path"
    )


def _flat(raw: Mapping, path: Path, place: str, refuse: Callable) -> dict:
    """Top level and ``metadata`` as one mapping under today's names; what stands in both must agree."""
    metadata = raw.get("metadata")
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, dict):
        refuse("metadata", metadata, "an object or null")
    said: dict = {}
    source: dict = {}
    for prefix, level in (("", raw), ("metadata.", metadata)):
        for name, value in level.items():
            if not prefix and name == "metadata":
                continue
            key = OLD_NAMES.get(name, name)
            if prefix and value is not None and key in AT_THE_TOP and said.get(key) is None:
                refuse(prefix + name, value, f"absent or null; {key} stands at the top level")
            if said.get(key) is None:
                said[key], source[key] = value, prefix + name
            elif (
                value is not None
                and (value != said[key] or isinstance(value, bool) != isinstance(said[key], bool))
                and key not in HARMLESS
            ):
                raise ValueError(
                    f"{path}: {source[key]} is {said[key]!r}, but {prefix}{name} is {value!r}; needed: one value{place}"
                )
    return said


def _before_6(said: Mapping) -> bool:
    """sae-lens' own rule for its older layouts."""
    version = re.match(r"\d+", str(said.get("sae_lens_version") or "0"))
    return version is None or int(version[0]) < 6


def _architecture(said: Mapping, refuse: Callable) -> tuple:
    """Architecture and k, where an old layout declares top-k as an activation function."""
    architecture, k, function = said.get("architecture"), said.get("k"), said.get("activation_fn")
    kwargs = said.get("activation_fn_kwargs")
    if kwargs is not None and not isinstance(kwargs, dict):
        refuse("activation_fn_kwargs", kwargs, "an object or null")
    kwargs = {name: v for name, v in (kwargs or {}).items() if v is not None}
    old = _before_6(said)
    if architecture is None and old and "d_sae" in said:
        architecture = "standard"
    if function == "topk" and architecture == "standard" and old:
        architecture = "topk"
    fitting = {"standard": ("relu",), "jumprelu": ("relu", "jumprelu"), "gated": ("relu",), "topk": ("topk",)}.get(
        str(architecture)
    )
    if function is not None and fitting and function not in fitting:
        refuse("activation_fn", function, " or ".join(fitting), f" where architecture is {architecture!r}")
    for name, value in kwargs.items():
        if name == "k" and architecture == "topk":
            if k is not None and k != value:
                refuse("activation_fn_kwargs.k", value, f"{k!r}, which key k says")
            k = value
        elif name != "signed" or value is not False:
            refuse(f"activation_fn_kwargs.{name}", value, "k (where the activation is topk), signed: false")
    return architecture, k


def check_activation(raw: Mapping, path: str | Path, where: str) -> None:
    """Hold the activation that a configuration declares against those that are read; sae-lens passes over others.

    Raises
    ------
    ValueError
        Naming the key.
    """
    place = f" ({where})"
    refuse = _refuser(path, place)
    _architecture(_flat(raw, Path(path), place, refuse), refuse)
