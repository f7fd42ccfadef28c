"""The folder of a sparse autoencoder in sae-lens' disk format: one form of configuration, and tensors to match.

sae-lens has written several layouts: before version 6 facts of training stood at the top level and top-k was an
activation function of the architecture ``standard``; since then they stand in ``metadata``. Both are read to one form
here. Every key is either honoured, or allowed with the values that ask for nothing more, or known to bear on training
alone, or refused: a key that is read by nobody would be a wrong number without a word.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ARCHITECTURES = ("standard", "topk", "jumprelu", "gated")
"""What sae-lens publishes for residual streams; SAEs trained with BatchTopK are saved as JumpReLU."""

NORMALISATIONS = ("none", "constant_norm_rescale", "layer_norm")

CONFIG, WEIGHTS = "cfg.json", "sae_weights.safetensors"

FLOATS = {"F64": ("float64", 8), "F32": ("float32", 4), "F16": ("float16", 2), "BF16": ("bfloat16", 2)}
"""Types of tensors: safetensors' name, the usual name, bytes a number."""

OLD_NAMES = {
    "hook_point": "hook_name",
    "hook_point_layer": "hook_layer",
    "hook_point_head_index": "hook_head_index",
    "activation_fn_str": "activation_fn",
}

HONOURED = set(
    """
    architecture d_in d_sae k apply_b_dec_to_input normalize_activations rescale_acts_by_decoder_norm
    activation_fn activation_fn_kwargs hook_name hook_layer hf_hook_name prepend_bos sae_lens_version
    """.split()
)

AT_THE_TOP = set(
    """
    architecture d_in d_sae k apply_b_dec_to_input normalize_activations rescale_acts_by_decoder_norm
    activation_fn activation_fn_kwargs reshape_activations finetuning_scaling_factor
    """.split()
)
"""Keys that sae-lens looks for at the top level alone; in ``metadata`` they may only repeat what stands there."""

HARMLESS = {
    # where it comes from and how it is stored: tensors are read as they are stored and used in float32
    *"""
    dtype device model_name model_class_name neuronpedia_id dataset_path dataset_trust_remote_code context_size
    sae_lens_training_version exclude_special_tokens training_architecture training_architecture_details l0
    num_dead_features
    """.split(),
    # losses, initial weights and noise of training; nothing of it is part of encoding
    *"""
    l1_coefficient l1_warm_up_steps lp_norm l0_coefficient l0_warm_up_steps target_l0 mse_loss_normalization
    use_ghost_grads noise_scale normalize_sae_decoder scale_sparsity_penalty_by_decoder_norm
    aux_loss_coefficient pre_act_loss_coefficient use_sparse_activations topk_threshold_lr
    jumprelu_init_threshold jumprelu_bandwidth jumprelu_sparsity_loss_mode jumprelu_tanh_scale
    jumprelu_ste_to_input matryoshka_widths matryoshka_inner_loss_weights use_matryoshka_aux_loss
    decoder_init_norm decoder_orthogonal_init decoder_heuristic_init decoder_heuristic_init_norm
    init_encoder_as_decoder_transpose b_dec_init_method expansion_factor from_pretrained_path
    """.split(),
    # the run that trained it
    *"""
    lr lr_end lr_scheduler_name lr_warm_up_steps lr_decay_steps n_restart_cycles adam_beta1 adam_beta2
    train_batch_size_tokens train_batch_size store_batch_size_prompts store_batch_size eval_batch_size_prompts
    n_eval_batches training_tokens finetuning_tokens finetuning_method total_training_tokens n_batches_in_buffer
    tokens_per_buffer dead_feature_window dead_feature_threshold dead_feature_estimation_method
    feature_sampling_window feature_reinit_scale hook_eval hook_point_eval streaming is_dataset_tokenized
    use_cached_activations cached_activations_path act_store_device llm_device autocast autocast_lm compile_llm
    compile_sae llm_compilation_mode sae_compilation_mode seed verbose log_to_wandb wandb_project wandb_entity
    wandb_id wandb_log_frequency log_optimizer_state_to_wandb log_activations_store_to_wandb
    log_weights_to_wandb eval_every_n_wandb_logs run_name checkpoint_path n_checkpoints save_final_checkpoint
    prefetch_llm_batches activations_mixing_fraction effective_batch_size
    """.split(),
}
"""Keys that may have any value: none bears on what an SAE computes from a residual."""

HARMLESS_OF_MODEL = {
    # folding of norms, of value biases and of the unembedding leaves the residual stream as it is
    *"""
    fold_ln fold_value_biases center_unembed refactor_factored_attn_matrices n_devices device device_map dtype
    torch_dtype low_cpu_mem_usage trust_remote_code default_padding_side move_to_device n_ctx
    attn_implementation
    """.split(),
}
"""Keys of ``model_from_pretrained_kwargs`` that do not change what a block puts out."""

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
        if not _is_count(k) or k > said["d_sae"]:
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


def _is_integer(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value) -> bool:
    return _is_integer(value) and value >= 1


def _is_truth(value) -> bool:
    return isinstance(value, bool)


def _is_text(value) -> bool:
    return isinstance(value, str)


SITE = ("hook_name", "hf_hook_name", "hook_layer")

TYPES: dict[str, tuple[Callable, str]] = {
    **dict.fromkeys(("d_in", "d_sae"), (_is_count, "an integer >= 1")),
    **dict.fromkeys(
        ("apply_b_dec_to_input", "rescale_acts_by_decoder_norm", "prepend_bos"), (_is_truth, "true or false")
    ),
    **dict.fromkeys(("hook_name", "hf_hook_name"), (_is_text, "text")),
    "hook_layer": (_is_integer, "an integer"),
}
"""Honoured keys of one type: its test, and the type in words."""


def _listed(folder: Path) -> str:
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
            f"{folder} has no {CONFIG}: found {_listed(folder)}; needed: {CONFIG} and {WEIGHTS}, sae-lens' disk "
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


def _model_kwargs(value, said) -> bool:
    return isinstance(value, dict) and all(
        k in HARMLESS_OF_MODEL or v is None or (k == "center_writing_weights" and v is False) for k, v in value.items()
    )


def _is_false(value, said) -> bool:
    return value is False


ALLOWED: dict[str, tuple[Callable, str]] = {
    "reshape_activations": (lambda v, said: v == "none", "none"),
    "finetuning_scaling_factor": (_is_false, "false (multiply the factor into the weights before saving)"),
    "use_error_term": (_is_false, "false"),
    "hook_head_index": (lambda v, said: False, "null: the whole residual is read, not one attention head"),
    "hook_name_out": (
        lambda v, said: v == said.get("hook_name"),
        "null (a transcoder writes another place than it reads)",
    ),
    "hf_hook_name_out": (
        lambda v, said: v == said.get("hf_hook_name"),
        "null (a transcoder writes another place than it reads)",
    ),
    "hook_layer_out": (
        lambda v, said: v == said.get("hook_layer"),
        "null (a transcoder writes another place than it reads)",
    ),
    "hook_head_index_out": (lambda v, said: False, "null"),
    "d_out": (lambda v, said: v == said.get("d_in"), "null or d_in (a transcoder writes another width than it reads)"),
    "seqpos_slice": (
        lambda v, said: isinstance(v, list) and not any(x is not None for x in v),
        "null or [null]: features are read at every position but BOS",
    ),
    "model_from_pretrained_kwargs": (
        _model_kwargs,
        "null, or an object without keys that change the residual; center_writing_weights: false (the model is read "
        "as it was published)",
    ),
    "model_kwargs": (lambda v, said: v == {}, "null or {}"),
}
"""Keys that bear on the numbers and are not honoured: a test of the values that ask for nothing, and these in words."""


def check_site(config: SaeConfig, folder: str | Path, layer: int, where: str) -> None:
    """Hold where an SAE was trained against the block that is read; silent where its file says nothing.

    Raises
    ------
    ValueError
        If it was trained at another place.
    """
    if config.hook_name is not None and config.hook_name != f"blocks.{layer}.hook_resid_post":
        raise ValueError(
            f"{folder}/{CONFIG}: hook_name is {config.hook_name!r}; allowed: 'blocks.{layer}.hook_resid_post', the "
            f"output of block {layer} ({where}, column layer)"
        )
    if config.hook_layer is not None and config.hook_layer != layer:
        raise ValueError(
            f"{folder}/{CONFIG}: hook_layer is {config.hook_layer}; allowed: {layer} ({where}, column layer)"
        )
    if config.hf_hook_name is not None and not re.fullmatch(
        rf"(.*\.)?(layers|h|blocks)\.{layer}(\.output)?", config.hf_hook_name
    ):
        raise ValueError(
            f"{folder}/{CONFIG}: hf_hook_name is {config.hf_hook_name!r}; allowed: 'model.layers.{layer}', the output "
            f"of block {layer} ({where}, column layer)"
        )


def check_tensors(folder: str | Path, config: SaeConfig, where: str = "") -> tuple[str, int]:
    """Hold the header of the weights against the configuration: names, types and shapes; no weight is read.

    Returns
    -------
    tuple of str and int
        Type of the widest tensor (``W_dec``) and bytes of the file.

    Raises
    ------
    ValueError
        If the file is absent or cut, or a tensor is missing, unexpected, of another shape or no number.
    """
    path, place = Path(folder) / WEIGHTS, where and f" ({where})"
    if not path.is_file():
        raise ValueError(
            f"{folder} has no {WEIGHTS}: found {_listed(Path(folder))}; needed: {CONFIG} and {WEIGHTS}, sae-lens' "
            f"disk format. {REMEDY}{place}"
        )
    header, needed = _header(path, place), config.shapes()
    if missing := [k for k in needed if k not in header]:
        raise ValueError(
            f"{path}: tensor {missing[0]} is missing; found: {', '.join(header) or 'none'}; architecture "
            f"{config.architecture!r} needs: {', '.join(needed)}{place}"
        )
    for name, (kind, shape, _) in header.items():
        # an older sae-lens wrote a factor for every feature; that it is 1 is looked at when weights are read
        expected = (config.d_sae,) if name == "scaling_factor" else needed.get(name)
        if expected is None:
            raise ValueError(
                f"{path}: tensor {name} is unexpected; architecture {config.architecture!r} has: {', '.join(needed)} "
                f"and nothing else. {REMEDY}{place}"
            )
        if shape != expected:
            raise ValueError(
                f"{path}: tensor {name} has shape {list(shape)}; needed: {list(expected)}, since {CONFIG} says d_in "
                f"{config.d_in}, d_sae {config.d_sae}{place}"
            )
        if kind not in FLOATS:
            raise ValueError(
                f"{path}: tensor {name} is of type {kind}; allowed: "
                f"{', '.join(name for name, _ in FLOATS.values())}{place}"
            )
    return FLOATS[header["W_dec"][0]][0], path.stat().st_size


def _header(path: Path, place: str = "") -> dict[str, tuple[str, tuple[int, ...], int]]:
    """Name -> (type, shape, first byte) of every tensor of a safetensors file, in order of names.

    Raises
    ------
    ValueError
        If it is not whole.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np"):
            pass  # holds the header against the length of the file
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} is no whole safetensors file ({error}); remove it and let the workflow make or fetch it "
            f"again{place}"
        ) from None
    with open(path, "rb") as f:
        size = int.from_bytes(f.read(8), "little")
        tensors = json.loads(f.read(size))
    return {
        k: (t["dtype"], tuple(t["shape"]), 8 + size + t["data_offsets"][0])
        for k, t in sorted(tensors.items())
        if k != "__metadata__"
    }


def read_tensor(path: str | Path, name: str) -> np.ndarray:
    """One tensor as float32, whatever float type it is stored in; NumPy has no bfloat16 of its own.

    Raises
    ------
    ValueError
        If the file is not whole, has no such tensor, or the tensor holds NaN or infinite values.
    """
    header = _header(Path(path))
    if name not in header:
        raise ValueError(f"{path}: tensor {name} is missing; found: {', '.join(header) or 'none'}")
    kind, shape, start = header[name]
    if kind not in FLOATS:
        raise ValueError(
            f"{path}: tensor {name} is of type {kind}; allowed: {', '.join(n for n, _ in FLOATS.values())}"
        )
    stored = np.fromfile(
        path, {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}[kind], math.prod(shape), offset=start
    )
    if kind == "BF16":  # the upper half of a float32
        wide = stored.astype(np.uint32)
        wide <<= 16
        values = wide.view(np.float32)
    else:
        with np.errstate(over="ignore"):
            values = stored.astype(np.float32, copy=False)
    # a sum in float64 is finite just where all values are, and needs no mask of the tensor's size
    check_finite(path, name, values.sum(dtype=np.float64))
    return values.reshape(shape)


def check_finite(path: str | Path, name: str, total: float) -> None:
    """Stop where a tensor's sum in float64 shows that it holds NaN or infinite values.

    Raises
    ------
    ValueError
        Naming file and tensor.
    """
    if not math.isfinite(float(total)):
        raise ValueError(
            f"{path}: tensor {name} holds NaN or infinite values (in float32); allowed: finite numbers. Get or train "
            "the SAE again"
        )


def check_folder(folder: str | Path, layer: int, where: str, *, d_in: int | None = None) -> dict:
    """The early look at an SAE: all that its configuration and the header of its weights can say, without torch.

    Parameters
    ----------
    folder : path
    layer : int
        Block after which the residual is read, from 0.
    where : str
        Table and row, e.g. ``config/saes.tsv, model m, sae s``.
    d_in : int, optional
        Width of the model's residual, where it is known.

    Returns
    -------
    dict
        ``architecture, d_in, d_sae, k, layer, hook_name, prepend_bos, dtype, bytes``.

    Raises
    ------
    ConfigError
        Naming file, key or tensor, what was found and what is allowed, and the row.
    """
    from shared_affect.study.config import ConfigError

    try:
        config = read_config(folder, where)
        check_site(config, folder, layer, where)
        dtype, size = check_tensors(folder, config, where)
        if d_in is not None and config.d_in != d_in:
            raise ValueError(
                f"{folder}/{CONFIG}: d_in is {config.d_in}, but the model's residual has {d_in} dimensions: an SAE of "
                f"another model ({where}, columns model and path)"
            )
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return {
        "architecture": config.architecture,
        "d_in": config.d_in,
        "d_sae": config.d_sae,
        "k": config.k,
        "layer": layer,
        "hook_name": config.hook_name,
        "prepend_bos": config.prepend_bos,
        "dtype": dtype,
        "bytes": size,
    }
