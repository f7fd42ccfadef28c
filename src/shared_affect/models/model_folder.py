"""A language model's folder: what identifies it, and an early look at all that its files can say; no torch."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from shared_affect.base.files import digest_of, digest_of_files

WHERE = "config/models.tsv, column path"
"""Where a model is named, unless a caller knows the row."""


OTHER_SENSES = ("vision_config", "audio_config")
OF_OTHER_SENSES = re.compile(r"(^|\.)(vision|visual|image|audio|multi_?modal|embed_vision|embed_audio)")
"""Keys of a configuration, and names of weights, of eyes and ears of a model that is read as text."""


@dataclass(frozen=True)
class ModelRow:
    """What a row of the models' table says beside the folder.

    Attributes
    ----------
    where : str
        Table and row, named in errors.
    bos : str, optional
        The rule for the first token, see `tokens.load_ids`.
    """

    where: str = WHERE
    bos: str | None = None


def model_digest(folder: str | Path) -> str:
    """What identifies a model: the hub's commit if it was fetched, else sha256 over configuration and weights; no
    torch.

    Raises
    ------
    ValueError
        If the folder has no ``config.json`` or no ``*.safetensors``.
    """
    folder = Path(folder)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights or not (folder / "config.json").exists():
        raise ValueError(
            f"{folder} is no model folder: found {sorted(p.name for p in folder.glob('*')) or 'nothing'}, "
            "needed config.json and *.safetensors (config/models.tsv, column path)"
        )
    if (revision := folder / "revision.json").exists():
        facts = json.loads(revision.read_text(encoding="utf-8"))
        return digest_of({k: facts[k] for k in ("id", "commit")})
    return digest_of_files(folder / "config.json", *weights)


def tokenizer_digest(folder: str | Path) -> str:
    """sha256 over the tokenizer's file."""
    return digest_of_files(Path(folder) / "tokenizer.json")


def check_folder(folder: str | Path, where: str = WHERE, layers: Sequence[int] = ()) -> dict:
    """Look at a model's folder before anything is spent on it; reads configuration, names and shapes of weights,
    tokenizer, and no weight.

    Parameters
    ----------
    folder : path
    where : str
        Table and row named in errors.
    layers : sequence of int
        Blocks that are to be read, from 0.

    Returns
    -------
    dict
        ``architecture``, ``n_blocks``, ``hidden_size``, ``vocab_size`` (None where the files do not tell), ``dtype``
        (as saved), ``bytes`` (of the weights' files).

    Raises
    ------
    ValueError
        If the folder is not there, is not a causal language model in Hugging Face format, lacks a shard or a tensor
        that its index lists, has another number of blocks or words than its configuration or tokenizer says, or has no
        such block.

    Notes
    -----
    Neither torch nor transformers is imported. A single tensor that no index lists is found by `load.load_model`.
    """
    facts = look(folder := Path(folder), where, layers)
    if not (folder / "tokenizer.json").exists():
        raise ValueError(f"{folder} holds no tokenizer.json; a fast tokenizer is needed ({where})")
    return facts


def look(folder: Path, where: str, layers: Sequence[int] = ()) -> dict:
    """`check_folder` of a folder that may lack its tokenizer."""
    if not folder.is_dir():
        raise ValueError(f"{folder} does not exist ({where}); give the model's folder, or copy the model there")
    config = _read_json(folder / "config.json", where)
    if (folder / "adapter_config.json").exists():
        raise ValueError(
            f"{folder} holds an adapter (adapter_config.json), which is not read; merge it into the weights and save"
            f" the whole model ({where})"
        )
    architecture = _check_kind(config, folder, where)
    text = {
        **config,
        **next((config[k] for k in ("text_config", "decoder", "generator") if isinstance(config.get(k), dict)), {}),
    }
    tensors, size = _read_headers(folder, where)
    n_blocks = _check_blocks(text, tensors, folder, where)
    if n_blocks is not None and (bad := [layer for layer in layers if not 0 <= layer < n_blocks]):
        raise ValueError(
            f"{folder} has {n_blocks} blocks, layer is {bad[0]}; allowed: 0 to {n_blocks - 1} ({where};"
            " config/saes.tsv, column layer)"
        )
    rows, width = _check_vocabulary(text, tensors, folder, where)
    hidden = next((text[k] for k in ("hidden_size", "n_embd", "d_model") if isinstance(text.get(k), int)), width)
    dtype = _check_dtype(config, tensors, folder, where)
    return {
        "architecture": architecture,
        "n_blocks": n_blocks,
        "hidden_size": hidden,
        "vocab_size": rows,
        "dtype": dtype,
        "bytes": size,
    }


def _read_json(path: Path, where: str) -> dict:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(
            f"{path.parent} is no model folder: found {sorted(p.name for p in path.parent.glob('*')) or 'nothing'},"
            f" needed {path.name} and *.safetensors ({where})"
        ) from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error} ({where}); fetch it again") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds {type(found).__name__}; needed: an object ({where}); fetch it again")
    return found


@cache
def _classes(mapping: str) -> dict[str, str]:
    """A table of transformers (model_type -> class), from its source: importing it would import torch."""
    library = find_spec("transformers")
    if library is None or library.origin is None:
        raise ValueError("the library transformers is not installed; needed: this project's environment (make setup)")
    tree = ast.parse((Path(library.origin).parent / "models/auto/modeling_auto.py").read_text(encoding="utf-8"))
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(args=[pairs, *_])) if name == mapping:
                return dict(ast.literal_eval(pairs))
    raise KeyError(mapping)


def causal_class(model_type: object) -> str:
    """Class by which transformers reads a kind of model as one that predicts the next token; "" where it has none."""
    return _classes("MODEL_FOR_CAUSAL_LM_MAPPING_NAMES").get(str(model_type), "")


def _check_kind(config: Mapping, folder: Path, where: str) -> str:
    """Class of a causal language model; others are refused: with a head of random weights they would load, too."""
    kind, named = config.get("model_type"), [str(a) for a in config.get("architectures") or []]
    causal = _classes("MODEL_FOR_CAUSAL_LM_MAPPING_NAMES")
    what = (
        f"{folder}/config.json: model_type is {kind!r}, architectures {named or 'not given'}: not a causal language"
        " model"
    )
    remedy = f"needed: a decoder that predicts the next token, such as Llama, Gemma or Qwen ({where})"
    if kind not in causal:
        raise ValueError(f"{what} that this version of transformers knows; {remedy}")
    # families with a masked head are encoders unless their file says that they were trained as decoders
    reads_both_ways = kind in _classes("MODEL_FOR_MASKED_LM_MAPPING_NAMES") and not config.get("is_decoder")
    is_pair = config.get("is_encoder_decoder", False)
    other_head = named and not any(
        a.endswith(("ForCausalLM", "LMHeadModel", "Model", "ForConditionalGeneration")) or a == causal[kind]
        for a in named
    )
    if reads_both_ways or is_pair or other_head:
        raise ValueError(f"{what}; {remedy}")
    return named[0] if named else causal[kind]


def _read_headers(folder: Path, where: str) -> tuple[dict[str, tuple[list[int], str]], int]:
    """Shape and dtype of every tensor that transformers would read, and the bytes of their files."""
    from safetensors import SafetensorError, safe_open

    index = folder / "model.safetensors.index.json"
    files = sorted(folder.glob("*.safetensors"))
    shards = [f for f in files if re.fullmatch(r"model-\d+-of-\d+\.safetensors", f.name)]
    if not files and not index.exists():
        raise ValueError(
            f"{folder} is no model folder: found {sorted(p.name for p in folder.glob('*'))}, needed config.json and"
            f" *.safetensors ({where}); other formats are not read, save the model with save_pretrained"
        )
    whole = folder / "model.safetensors"
    listed = None
    if not whole.exists():
        if not index.exists():
            raise ValueError(
                f"{folder} holds {some([f.name for f in shards or files])}, but neither model.safetensors nor"
                f" {index.name}; fetch the whole model ({where})"
            )
        listed = _read_json(index, where).get("weight_map")
        if not isinstance(listed, dict) or not listed:
            raise ValueError(f"{index} has no weight_map; fetch it again ({where})")
        if absent := sorted({str(f) for f in listed.values()} - {f.name for f in files}):
            raise ValueError(
                f"{folder} lacks {some(absent)}, which {index.name} lists; fetch the whole model ({where})"
            )
    read = [whole] if listed is None else [folder / f for f in sorted(set(listed.values()))]
    tensors: dict[str, tuple[list[int], str]] = {}
    held = {}
    for path in read:
        try:
            with safe_open(path, "np") as f:
                for name in f.keys():
                    part = f.get_slice(name)
                    tensors[name], held[name] = (part.get_shape(), part.get_dtype()), path.name
        except (SafetensorError, OSError) as error:
            raise ValueError(
                f"{path} is no whole safetensors file ({error}); remove it and let the workflow make or fetch it again"
                f" ({where})"
            ) from None
    if listed is not None:
        if absent := sorted(k for k, f in listed.items() if held.get(k) != f):
            raise ValueError(
                f"{index} lists {some(absent)}, which its shard does not hold; fetch the whole model ({where})"
            )
        if beside := sorted(set(tensors) - set(listed)):
            raise ValueError(
                f"{index} does not list {some(beside)}, which a shard holds; the index is not that of these weights,"
                f" fetch it again ({where})"
            )
        if left := sorted(f.name for f in shards if f not in read):
            raise ValueError(
                f"{index} lists no tensor of {some(left)}; the index is not that of these weights, fetch it again"
                f" ({where})"
            )
    return tensors, sum(f.stat().st_size for f in read)


def _check_blocks(text: Mapping, tensors: Mapping, folder: Path, where: str) -> int | None:
    """Number of decoder blocks; each must have weights."""
    said = next(
        (text[k] for k in ("num_hidden_layers", "n_layer", "num_layers", "n_layers") if isinstance(text.get(k), int)),
        None,
    )
    numbers: dict[str, set[int]] = {}
    for name in tensors:
        if (found := re.match(r"(.*?)\.?\b(?:layers|h|blocks|layer)\.(\d+)\.", name)) and not OF_OTHER_SENSES.search(
            name
        ):
            numbers.setdefault(found[1], set()).add(int(found[2]))
    most = max(map(len, numbers.values()), default=0)
    if said is not None and most and most < said:
        raise ValueError(
            f"{folder}: config.json says {said} blocks, the weights hold {most}; fetch the whole model ({where})"
        )
    return said if said is not None else most or None


_EMBEDDING = re.compile(
    r"(^|\.)(embed_tokens|wte|embed_in|word_embeddings|embeddings?|tok_embeddings|tokens_embed|w)\.weight$"
)


def _check_vocabulary(text: Mapping, tensors: Mapping, folder: Path, where: str) -> tuple[int | None, int | None]:
    """Rows and columns of the input embedding; configuration and tokenizer must agree with them."""
    shapes = [
        shape
        for name, (shape, _) in tensors.items()
        if _EMBEDDING.search(name) and len(shape) == 2 and not OF_OTHER_SENSES.search(name)
    ]
    rows, width = max(shapes) if shapes else (None, None)
    said = text.get("vocab_size")
    if rows is not None and isinstance(said, int) and said != rows:
        raise ValueError(
            f"{folder}: config.json says a vocabulary of {said}, the weights have {rows} rows; one of them is another"
            f" model's ({where})"
        )
    rows = said if rows is None and isinstance(said, int) else rows
    tokenizer = _read_json(path, where) if (path := folder / "tokenizer.json").exists() else {}
    # special tokens may lie beyond (Gemma 3 has one for images): no word contains them
    special = {t["id"] for t in tokenizer.get("added_tokens") or [] if t.get("special")}
    own = (tokenizer.get("model") or {}).get("vocab") or {}
    ids = range(len(own)) if isinstance(own, list) else own.values()
    last = max(
        (i for i in (*ids, *(t["id"] for t in tokenizer.get("added_tokens") or [])) if i not in special), default=-1
    )
    if rows is not None and last >= rows:
        raise ValueError(
            f"{folder}: tokenizer.json has a token with number {last}, the model knows 0 to {rows - 1}; the tokenizer"
            f" is another model's ({where})"
        )
    return rows, width


def _check_dtype(config: Mapping, tensors: Mapping, folder: Path, where: str) -> str:
    """The dtype that most of the weights are saved in."""
    count: dict[str, int] = {}
    for shape, dtype in tensors.values():
        count[dtype] = count.get(dtype, 0) + math.prod(shape)
    found = max(count, key=lambda k: count[k])
    if found not in _DTYPES and not config.get("quantization_config"):
        raise ValueError(f"{folder}: the weights are saved as {found}; allowed: {', '.join(_DTYPES)} ({where})")
    return _DTYPES.get(found, found)


_DTYPES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16", "F64": "float64"}


def some(names: Sequence[str], n: int = 4) -> str:
    """The first few names, for messages."""
    return ", ".join(names[:n]) + (f" and {len(names) - n} more" if len(names) > n else "")
