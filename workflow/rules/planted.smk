# The planted world: texts, human data, tokenizer; language models trained on it.
# Inputs: resources/planted/*.tsv, planted rows of resources/concepts/*.tsv, resources/templates/*.tsv.
# Outputs: {R}/world/human/*, {R}/world/{world}/*, {R}/models/{model}/*.
# After these rules nothing knows that a model or a dataset was planted.
# The concept tables may grow without changing the world, so not their time but the digest of their planted rows counts.
from shared_affect.planted.rows import planted_rows

WORLD_TABLES = [
    *expand("resources/planted/{table}.tsv", table=["emotions", "ordinary", "body", "names", "sentences", "neutral"]),
    *expand("resources/templates/{language}.tsv", language=["en", "zh"]),
    *(ancient(f"resources/concepts/{language}.tsv") for language in ("en", "zh")),
]
PLANTED_ROWS = [r for k in ("en", "zh") for r in checked(planted_rows, BASE / "resources/concepts" / f"{k}.tsv")]
WORLD_PARAMS = {
    "root_seed": config["root_seed"],
    "planted_rows": hashlib.sha256("\n".join(PLANTED_ROWS).encode()).hexdigest()[:16],
    "languages": ["en", "zh"],
    "planted": "resources/planted",
    "concepts": {k: f"resources/concepts/{k}.tsv" for k in ("en", "zh")},
    "templates": {k: f"resources/templates/{k}.tsv" for k in ("en", "zh")},
}
TRAINED = [r["model"] for r in TABLES["models"] if r["source"] == "trained"]


rule make_planted_human:
    input:
        WORLD_TABLES,
    output:
        norms=expand(f"{R}/world/human/norms_{{language}}.tsv", language=["en", "zh"]),
        judgements=expand(f"{R}/world/human/judgements_{{language}}.tsv", language=["en", "zh"]),
        centres=expand(f"{R}/world/human/centres_{{language}}.tsv", language=["en", "zh"]),
        truth=expand(f"{R}/world/human/truth_{{language}}.tsv", language=["en", "zh"]),
    log:
        f"{LOGS}/make_planted_human/human.log",
    benchmark:
        f"{BENCH}/make_planted_human/human.tsv"
    params:
        **WORLD_PARAMS,
        code=code_of("planted/world"),
    script:
        "../scripts/make_planted_human.py"


rule write_planted_texts:
    input:
        WORLD_TABLES,
        prompts=expand("resources/prompts/{language}.tsv", language=["en", "zh"]),
    output:
        train=f"{R}/world/{{world}}/train.txt",
        validation=f"{R}/world/{{world}}/validation.txt",
        sae=f"{R}/world/{{world}}/sae.txt",
        fidelity=expand(f"{R}/world/{{{{world}}}}/fidelity_{{language}}.txt", language=["en", "zh"]),
        neutral=expand(f"{R}/world/{{{{world}}}}/neutral_{{language}}.txt", language=["en", "zh"]),
        judge=expand(f"{R}/world/{{{{world}}}}/judge_{{language}}.tsv", language=["en", "zh"]),
        tokenizer=multiext(f"{R}/world/{{world}}/tokenizer/", "tokenizer.json", "tokenizer_config.json"),
    log:
        f"{LOGS}/write_planted_texts/{{world}}.log",
    benchmark:
        f"{BENCH}/write_planted_texts/{{world}}.tsv"
    params:
        **WORLD_PARAMS,
        counts=config["texts"],
        # 36 tokens a document is a safe underestimate: the models take what they need
        n_train=lambda w: max(100, max(r["train_tokens"] for r in TABLES["models"] if r["world"] == w.world) // 36),
        code=code_of("planted/world", "planted/tokenizer"),
    script:
        "../scripts/write_planted_texts.py"


rule train_lm:
    input:
        train=lambda w: f"{R}/world/{row('models', model=w.model)['world']}/train.txt",
        validation=lambda w: f"{R}/world/{row('models', model=w.model)['world']}/validation.txt",
        tokenizer=lambda w: f"{R}/world/{row('models', model=w.model)['world']}/tokenizer/tokenizer.json",
    output:
        multiext(f"{R}/models/{{model}}/", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"),
        facts=f"{R}/models/{{model}}/facts.json",
    log:
        f"{LOGS}/train_lm/{{model}}.log",
    benchmark:
        f"{BENCH}/train_lm/{{model}}.tsv"
    wildcard_constraints:
        model="|".join(TRAINED),
    priority: 10
    params:
        row=lambda w: {k: row("models", model=w.model)[k] for k in ("family", "train_tokens", "max_validation_loss", "replicate")},
        root_seed=config["root_seed"],
        code=code_of("planted/language_model", "models/texts", "models/tokens"),
    script:
        "../scripts/train_lm.py"
