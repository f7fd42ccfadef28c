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


# ---- chats: templates in the forms of real ones, written here

GEMMA_CHAT = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role here') }}{% endif %}"
    "{% for m in messages %}<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n"
    "{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
LLAMA3_CHAT = (
    "{% for m in messages %}{% if loop.first %}{{ bos_token }}{% endif %}<|start_header_id|>{{ m['role'] }}"
    "<|end_header_id|>\n\n{{ m['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
GEMMA_TOKENS = ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>")
LLAMA3_TOKENS = ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")


def gemma_chat(folder: Path, template: str | None = GEMMA_CHAT, **declared) -> Path:
    """BOS by the tokenizer and by the template; no system role."""
    made = byte_level(template="<bos> $A", specials=GEMMA_TOKENS)
    tokens = {"bos_token": "<bos>", "eos_token": "<eos>"}
    return save(made, folder, **tokens | ({"chat_template": template} if template else {}) | declared)


def llama3_chat(folder: Path, template: str | None = LLAMA3_CHAT, **declared) -> Path:
    """BOS by the tokenizer and by the template; a system role; a turn ends with a token of its own."""
    made = byte_level(template="<|begin_of_text|> $A", specials=LLAMA3_TOKENS, split=True)
    tokens = {"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>"}
    return save(made, folder, **tokens | ({"chat_template": template} if template else {}) | declared)


def qwen_chat(folder: Path, template: str | None = CHATML, **declared) -> Path:
    """No BOS anywhere; thinking can be turned off."""
    return qwen_type(folder, **({"chat_template": template} if template else {}) | declared)
