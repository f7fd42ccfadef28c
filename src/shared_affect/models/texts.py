"""Running text: rows of tokens from documents, a user's documents, and documents sampled from a model itself."""

from __future__ import annotations

import codecs
import contextlib
import difflib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING

from shared_affect.base.files import digest_of_files
from shared_affect.base.log import LOG, progress
from shared_affect.base.seeds import seed_sequence
from shared_affect.models.tokens import BOS_COLUMN, text_ids
from shared_affect.study.config import ConfigError

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor

NEWLINE, RETURN = b"\n", b"\r"

BYTES_A_TOKEN = 4
"""Of text in English and in Chinese, about."""

LONG, TOO_LONG = 0.01, 0.1
"""Shares of what training reads above which one line of a file is named, and refused: parts of languages differ by as
much."""

TEXTS = ("world", "sampled")
"""Training texts of an SAE besides those of a user's file or folder."""


def pack(
    tokenizer,
    texts: Iterable[str],
    sequence: int,
    n_sequences: int | None = None,
    *,
    begin: bool = False,
    at_most: int | None = None,
) -> Int[Tensor, "row sequence"]:
    """Texts as rows of token ids, each between the model's first and end token, cut without regard to text borders.

    Parameters
    ----------
    tokenizer : tokens.TextIds, or what `tokens.text_ids` takes
    texts : iterable of str
        Read only as far as needed.
    sequence : int
        Tokens in a row.
    n_sequences : int, optional
        Rows wanted; all that fill if left out.
    begin : bool
        Whether each row begins with the model's first token, as texts that the model reads do. Otherwise a row begins
        with whatever token it was cut at.
    at_most : int, optional
        Rows after which no more texts are read.

    Raises
    ------
    ValueError
        If the texts hold fewer rows than wanted.
    """
    import torch

    coder = text_ids(tokenizer)
    lead, close = list(coder.first) if begin else [], list(coder.ends[:1])
    body = sequence - len(lead)
    # where one token both ends a text and begins the next it stands once between them
    before = len(coder.first) if begin and list(coder.first) == close else 0
    ids: list[int] = []
    texts = iter(texts)
    wanted = min(math.inf if n is None else n * sequence for n in (n_sequences, at_most))
    while len(ids) < wanted and (some := list(islice(texts, 1000))):
        for one in coder.ids(some):
            ids += [*one[before:], *close]
    rows = len(ids) // body
    if n_sequences is not None and rows < n_sequences:
        raise ValueError(
            f"the texts hold {len(ids)} tokens, {n_sequences * sequence} are needed; give more documents or fewer"
            " tokens (config/models.tsv, column train_tokens)"
        )
    rows = min(rows if n is None else n for n in (n_sequences, at_most, rows))
    packed = torch.tensor(ids[: rows * body], dtype=torch.long).view(rows, body)
    return torch.cat([torch.tensor(lead, dtype=torch.long).expand(rows, -1), packed], 1) if lead else packed


def text_files(texts: str | None, where: str, place: Callable[[str], str] = str, n_tokens: int = 0) -> list[Path]:
    """Files of a user's texts: the file itself, or all ``*.txt`` of a folder in order of their names.

    Parameters
    ----------
    texts : str
        File or folder.
    where : str
        Table and row to change.
    place : callable
        Fills in what stands in braces.
    n_tokens : int
        Tokens that training reads; 0 = not known.

    Raises
    ------
    ConfigError
        If there is no such file or folder, it holds no text, or something else than UTF-8; if one line of several files
        is too long for equal parts.
    """

    def refuse(what: str) -> ConfigError:
        return ConfigError(f"{where}, column texts{what}; needed: a text a line, UTF-8")

    if texts is None or texts in TEXTS:
        why = "; the model's row names no world (config/models.tsv, column world)" if texts == "world" else ""
        raise ConfigError(
            f"{where}, column texts is {texts or ''!r}{why}; allowed: {', '.join(TEXTS)}, or a file or folder of texts"
        )
    try:
        path = Path(place(texts)).expanduser()
    except (KeyError, IndexError, ValueError) as error:
        raise ConfigError(
            f"{where}, column texts is {texts!r}, which cannot be filled in ({error}); allowed in braces: results,"
            " data_dir, models_dir, retrieved"
        ) from None
    if not path.exists():
        hint = difflib.get_close_matches(texts, TEXTS, n=1)
        raise ConfigError(
            f"{where}, column texts is {str(path)!r}{f' (did you mean {hint[0]!r}?)' if hint else ''}; allowed:"
            f" {', '.join(TEXTS)}, or a file or folder that is there"
        )
    files = sorted(path.glob("*.txt"), key=lambda p: p.name) if path.is_dir() else [path]
    if not files:
        raise refuse(f": the folder {path} holds no *.txt")
    if empty := [f for f in files if not f.stat().st_size]:
        raise refuse(f": {empty[0]} is empty")
    for file in files:
        _check_utf8(file, where)
    for file, line, share in long_lines(files, n_tokens):
        if share > TOO_LONG:
            raise ConfigError(
                f"{where}, column texts: {file}, line {line} is {share:.0%} of what training reads (column"
                f" train_tokens, {n_tokens}, at {BYTES_A_TOKEN} bytes a token), so that the files would not be read in"
                f" equal parts; needed: a text a line, none above {TOO_LONG:.0%}, such as a paragraph"
            )
    return files


def long_lines(files: Sequence[Path], n_tokens: int) -> list[tuple[Path, int, float]]:
    """The longest line of each of several files, of those that training may read: file, line, and its share of what
    training reads, where that is above `LONG`.

    Of one file there are no parts to be equal, and nothing is found.
    """
    found, needed = [], BYTES_A_TOKEN * n_tokens
    for file in files if len(files) > 1 and needed else []:
        have, longest = 0, (0, 0)
        with open(file, "rb") as f:
            for number in count(1):
                # no more than is needed: a line may be a whole file
                length = len(f.readline(needed - have))
                have, longest = have + length, max(longest, (length, -number))
                if not length or have >= needed:
                    break
        if longest[0] > LONG * needed:
            found.append((file, -longest[1], longest[0] / needed))
    return found


def _check_utf8(file: Path, where: str) -> None:
    """Read a file through, in parts: a wrong byte must not be found after hours."""
    decoder, line, blank, returns = codecs.getincrementaldecoder("utf-8")(), 1, True, 0
    with open(file, "rb") as f:
        while part := f.read(1 << 20):
            try:
                text = decoder.decode(part)
            except UnicodeDecodeError as error:
                raise ConfigError(
                    f"{where}, column texts: {file}, line {line + error.object[: error.start].count(NEWLINE)}: byte"
                    f" {error.object[error.start]:#04x} is not UTF-8; save the file as UTF-8"
                ) from None
            if "\0" in text:
                raise ConfigError(
                    f"{where}, column texts: {file}, line {line + text[: text.index(chr(0))].count(chr(10))} holds a"
                    " zero byte; is it a text in UTF-8?"
                )
            returns += part.count(RETURN)
            line, blank = line + part.count(NEWLINE), blank and not text.strip("\ufeff \t\r\n")
    if decoder.getstate()[0]:
        raise ConfigError(
            f"{where}, column texts: {file}, line {line}: the last character is cut; save the file as UTF-8"
        )
    if line == 1 and returns > 1:
        raise ConfigError(
            f"{where}, column texts: {file} ends its {returns} lines by CR alone, as old Macs did, and would be one"
            " text; save it with lines that end by LF"
        )
    if blank:
        raise ConfigError(f"{where}, column texts: {file} holds no text; needed: a text a line, UTF-8")


class Documents:
    """Texts of some files, one a line, without empty ones, read as asked for; UTF-8, which `text_files` looked at.

    Of several files, such as one a language, equal parts are read: the next text comes from the file of which fewest
    bytes have been read (a token is four to five bytes in English and in Chinese). One that ends is left out from there
    on.

    Parameters
    ----------
    files : iterable of path

    Attributes
    ----------
    read : dict of file name -> [texts, bytes]
        What has been read so far.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, text in {"en": "a long English line\\nanother\\nthe last", "zh": "快乐\\n悲伤"}.items():
    ...         written = Path(folder, f"{name}.txt").write_text(text, encoding="utf-8")
    ...     list(Documents(sorted(Path(folder).glob("*"))))
    ['a long English line', '快乐', '悲伤', 'another', 'the last']
    """

    def __init__(self, files: Iterable[str | Path]):
        self.files = [Path(f) for f in files]
        self.read = {str(f): [0, 0] for f in self.files}

    def __iter__(self) -> Iterator[str]:
        with contextlib.ExitStack() as stack:
            going = {
                str(f): _lines(stack.enter_context(open(f, encoding="utf-8-sig", newline="\n"))) for f in self.files
            }
            while going:
                name = min(going, key=lambda k: self.read[k][1])
                text = next(going[name], None)
                if text is None:
                    del going[name]
                    continue
                self.read[name][0] += 1
                self.read[name][1] += len(text.encode())
                yield text

    def facts(self) -> dict[str, dict]:
        """``documents`` and ``bytes`` read of each file, and the ``sha256`` of all of it."""
        return {k: {"documents": n, "bytes": b, "sha256": digest_of_files(k)} for k, (n, b) in self.read.items()}


def _lines(file: Iterable[str]) -> Iterator[str]:
    return (text for line in file if (text := line.strip()))


def read_documents(files: Iterable[str | Path]) -> Iterator[str]:
    """Texts of `Documents`."""
    return iter(Documents(files))


def sample_documents(
    model,
    tokenizer,
    n_tokens: int,
    seed: int,
    *,
    max_new_tokens: int = 200,
    rows: int = 64,
    temperature: float = 1.0,
    show_progress: bool = True,
) -> Iterator[str]:
    """Texts that a model writes after its first token, one line each, until they hold enough tokens.

    Parameters
    ----------
    model : causal language model
    tokenizer : tokens.TextIds, or what `tokens.text_ids` takes
        Must have a first token.
    n_tokens : int
        Tokens wanted in all.
    seed : int
        Each text has its own, made of this one and its number: how many are sampled at once does not matter.
    max_new_tokens : int
        Longest text, where the model's context is not shorter; others end at an end token.
    rows : int
        Texts sampled at once; halved where memory runs out.
    temperature : float

    Raises
    ------
    ValueError
        If there is no token to start from, or the model writes nothing.
    """
    from shared_affect.models.halving import in_batches
    from shared_affect.models.sampling import Sampling, Start, sample_texts

    coder = text_ids(tokenizer)
    if not coder.first:
        raise ValueError(
            "the model has no token to start a text from; give texts in a file instead (config/saes.tsv, column"
            f" texts), or name such a token ({BOS_COLUMN})"
        )
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    longest = min(max_new_tokens, context - len(coder.first)) if context else max_new_tokens
    sampling = Sampling(max_new_tokens=longest, temperature=temperature)

    def write(numbers: Sequence[int]) -> list[list[int]]:
        starts = [Start(coder.first, seed_sequence(seed, "document", k), "sampled texts") for k in numbers]
        return sample_texts(model, starts, None, sampling, coder.ends)

    have = 0  # a text holds a token at least, so that as many texts are enough
    batches = in_batches(range(n_tokens), rows, write, where="sampled texts", column="config/models.tsv, column rows")
    total = math.ceil(n_tokens / rows)
    for _, found in progress(batches, total=total, label="sample texts") if show_progress else batches:
        for ids in found:
            if text := " ".join(coder.decode(ids).split()):
                have += len(ids)
                yield text
                if have >= n_tokens:
                    LOG.info("sampled %d tokens", have)
                    return
    raise ValueError(
        f"the model wrote {have} tokens after {n_tokens} starts, {n_tokens} are needed; it ends its texts at once"
    )
