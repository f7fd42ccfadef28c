"""Small tokenizers of the kinds that real models have, made in a second."""

import json
from pathlib import Path

TEXTS = [
    "the word is joy, and now think of a stone.",
    "Anna was afraid, and so was Frank.",
    "the table stands next to the window.",
    "小明去了公园，因为今天很高兴。",
    "这个词是快乐。",
]
END = "<|endoftext|>"


def byte_level(*, template=None, specials=(END,), split=False, prefix_space=False, size=420):
    """A byte-level BPE; `template`: e.g. ``<|endoftext|> $A``; `split`: the pattern of newer models, not GPT-2's."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    made = Tokenizer(models.BPE())
    plain = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    if split:
        pattern = Regex(r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+")
        plain = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(pattern, "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    made.pre_tokenizer, made.decoder = plain, decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(TEXTS * 20, trainer)
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    if template:
        made.post_processor = processors.TemplateProcessing(
            single=template, special_tokens=[(t, made.token_to_id(t)) for t in specials]
        )
    return made


def save(tokenizer, folder: Path, config=None, **declared) -> Path:
    """A folder with a tokenizer, what its tokenizer_config.json declares, and a config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"} | declared))
    if config is not None or not (folder / "config.json").exists():
        (folder / "config.json").write_text(json.dumps({"model_type": "llama"} | (config or {})))
    return folder


def gpt2_type(folder: Path, **declared) -> Path:
    """No BOS before a text; one token ends documents."""
    return save(
        byte_level(),
        folder,
        **{"tokenizer_class": "GPT2Tokenizer", "bos_token": END, "eos_token": END, "unk_token": END} | declared,
    )


def qwen_type(folder: Path, **declared) -> Path:
    """No BOS at all, not even named; the end token is that of a turn, documents are divided by another."""
    made = byte_level(specials=(END, "<|im_start|>", "<|im_end|>"), split=True)
    config = {"bos_token_id": made.token_to_id(END), "eos_token_id": made.token_to_id("<|im_end|>")}
    return save(
        made,
        folder,
        config,
        **{"bos_token": None, "eos_token": "<|im_end|>", "pad_token": END, "add_bos_token": False} | declared,
    )


def model_for(folder: Path, layers: int = 2, family: str = "gpt2", context: int = 512) -> Path:
    """Random weights beside the tokenizer of a folder."""
    import torch
    from tokenizers import Tokenizer
    from transformers import GPT2Config, GPT2LMHeadModel, Qwen3Config, Qwen3ForCausalLM

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    end = tokenizer.token_to_id(END)
    shape = {"vocab_size": tokenizer.get_vocab_size(), "bos_token_id": end, "eos_token_id": end}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if family == "gpt2":
            model = GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=layers, n_head=4, n_positions=context, **shape))
        else:
            model = Qwen3ForCausalLM(
                Qwen3Config(
                    hidden_size=32,
                    num_hidden_layers=layers,
                    num_attention_heads=4,
                    num_key_value_heads=2,
                    head_dim=8,
                    intermediate_size=64,
                    **shape,
                )
            )
    model.save_pretrained(folder)
    return folder
