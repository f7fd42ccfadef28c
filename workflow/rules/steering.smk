# Steering: vectors, texts, judges, scores.
# Inputs: codes, residuals and concept-sets (primary configuration), prompts, judge texts, norms.
# Judges: config.yaml, keys judge_texts and judges; config/judges.tsv.
# Outputs: <results>/judges/{judge}/*; <results>/steering/{model}/{sae}/{language}/{emotion}/{vector.safetensors,generations.jsonl,scores.tsv}.
# Texts come from one accelerator job per group of emotions (config key emotions_per_job); the rest is cheap.
import re

STEERING = "<results>/steering/{model}/{sae}/{language}"
# what a judge's verdicts hang on
JUDGING = (
    "models/choices",
    "models/classifiers",
    "models/load",
    "models/tokens",
    "steering/judges",
    "steering/label_maps",
    "steering/learned",
)


rule make_vectors:
    input:
        codes="<results>/codes/{model}/{sae}/{language}.npz",
        concepts="<results>/concepts/{language}.tsv",
        sae=lambda w: f"{STUDY.sae_path(w.model, w.sae)}/cfg.json",
        emotions="resources/emotions.tsv",
    output:
        expand(f"{STEERING}/{{emotion}}/vector.safetensors", emotion=STUDY.emotions, allow_missing=True),
    log:
        "<logs>/make_vectors/{model}/{sae}/{language}.log",
    benchmark:
        "<benchmarks>/make_vectors/{model}/{sae}/{language}.tsv"
    resources:
        **needs("make_vectors"),
    params:
        sae=lambda w: STUDY.sae_path(w.model, w.sae),
        features={k: config["features"][k] for k in ("per_emotion", "fdr", "max_density")},
        n_random=config["steering"]["random_directions"],
        root_seed=config["root_seed"],
        code=code("make_vectors"),
    script:
        "../scripts/make_vectors.py"


# prompts that hold a word of an emotion are refused; those with a word of its family are named in the log
rule prepare_prompts:
    input:
        prompts=f"resources/prompts/{config['prompts']}/{{language}}.tsv",
        concepts="<results>/concepts/{language}.tsv",
    output:
        "<results>/prompts/{language}.tsv",
    log:
        "<logs>/prepare_prompts/{language}.log",
    benchmark:
        "<benchmarks>/prepare_prompts/{language}.tsv"
    priority: 20
    resources:
        **needs("prepare_prompts"),
    params:
        writing=lambda w: STUDY.writing(w.language),
        lemma_rule=lambda w: STUDY.row("languages", language=w.language)["lemma_rule"],
        code=code("prepare_prompts"),
    script:
        "../scripts/prepare_prompts.py"


if STUDY.chats:

    # before anything is read: a template that cannot wrap the requests is refused once the model is there
    rule wrap_requests:
        input:
            model=lambda w: f"{STUDY.model_path(w.model)}/config.json",
            prompts="<results>/prompts/{language}.tsv",
        output:
            "<results>/requests/{model}/{language}.tsv",
        log:
            "<logs>/wrap_requests/{model}/{language}.log",
        benchmark:
            "<benchmarks>/wrap_requests/{model}/{language}.tsv"
        priority: 20
        resources:
            **needs("wrap_requests"),
        params:
            folder=lambda w: STUDY.model_path(w.model),
            row=lambda w: STUDY.cells("models", ("model", "bos", "system_prompt"), model=w.model),
            max_new_tokens=config["steering"]["max_new_tokens"],
            code=code("wrap_requests"),
        script:
            "../scripts/wrap_requests.py"


for NUMBER, GROUP in enumerate(STUDY.groups):

    rule:
        name:
            f"generate_texts_{NUMBER}"
        input:
            model=lambda w: f"{STUDY.model_path(w.model)}/config.json",
            running="<results>/features/{model}/{sae}/{language}/running_text.npz",
            vectors=expand(f"{STEERING}/{{emotion}}/vector.safetensors", emotion=GROUP, allow_missing=True),
            prompts="<results>/prompts/{language}.tsv",
            requests=lambda w: ["<results>/requests/{model}/{language}.tsv"] if w.model in STUDY.chats else [],
        output:
            **({"baselines": f"{STEERING}/baselines.jsonl"} if NUMBER == 0 else {}),
            texts=expand(f"{STEERING}/{{emotion}}/generations.jsonl", emotion=GROUP, allow_missing=True),
            # unsteered texts and random directions belong to no emotion: the first group makes them for all
        log:
            f"<logs>/generate_texts/{{model}}/{{sae}}/{{language}}/{NUMBER}.log",
        benchmark:
            f"<benchmarks>/generate_texts/{{model}}/{{sae}}/{{language}}/{NUMBER}.tsv"
        priority: 7
        threads: 1
        resources:
            **needs("generate_texts"),
            gpu=lambda w: STUDY.gpu(w.model),
        params:
            emotions=GROUP,
            model=lambda w: STUDY.model_path(w.model),
            sae=lambda w: STUDY.sae_path(w.model, w.sae),
            layer=lambda w: STUDY.row("saes", model=w.model, sae=w.sae)["layer"],
            numerics=lambda w: STUDY.numerics(w.model, "rows"),
            bos=lambda w: STUDY.row("models", model=w.model)["bos"],
            beginning=lambda w: STUDY.beginning(w.model),
            sampling={
                k: config["steering"][k] for k in ("max_new_tokens", "samples_per_prompt", "temperature", "positions")
            },
            strengths=config["steering"]["strengths"],
            root_seed=config["root_seed"],
            journal=STUDY.journal,
            part=f"part{NUMBER}of{len(STUDY.groups)}",
            version=CHECKOUT.version_of("steering.generate"),
        script:
            "../scripts/generate_texts.py"


rule prepare_judge_texts:
    input:
        texts=lambda w: (
            f"<results>/human/{STUDY.judges.row(w.judge, w.language)['texts']}/labelled-text_{w.language}.tsv"
        ),
        map=lambda w: STUDY.judges.label_map(w.judge, w.language),
    output:
        "<results>/judges/{judge}/{language}/texts.tsv",
    log:
        "<logs>/prepare_judge_texts/{judge}/{language}.log",
    benchmark:
        "<benchmarks>/prepare_judge_texts/{judge}/{language}.tsv"
    resources:
        **needs("prepare_judge_texts"),
    params:
        emotions=STUDY.emotions,
        known=STUDY.emotion_names,
        code=code("prepare_judge_texts"),
    script:
        "../scripts/prepare_judge_texts.py"


rule train_judge:
    input:
        texts=lambda w: STUDY.judges.texts(w.judge, w.language),
        concepts="<results>/concepts/{language}.tsv",
        norms=f"<results>/human/{STUDY.norms}/norms_{{language}}.tsv",
    output:
        judge="<results>/judges/{judge}/{language}.npz",
        facts="<results>/judges/{judge}/{language}.json",
        quality="<results>/judges/{judge}/{language}/held-out.tsv",
    log:
        "<logs>/train_judge/{judge}/{language}.log",
    benchmark:
        "<benchmarks>/train_judge/{judge}/{language}.tsv"
    resources:
        **needs("train_judge"),
    params:
        corpus=lambda w: STUDY.judges.row(w.judge, w.language)["texts"],
        writing=lambda w: STUDY.writing(w.language),
        root_seed=config["root_seed"],
        code=code("train_judge"),
    script:
        "../scripts/train_judge.py"


# a judge on labelled texts, of another corpus than it learned from as far as that is known
rule assess_judge:
    input:
        unpack(lambda w: STUDY.judges.files(w.judge, w.language)),
        texts="<results>/human/{corpus}/labelled-text_{language}.tsv",
        map="resources/judges/{corpus}.tsv",
    output:
        "<results>/judges/{judge}/{language}/{corpus}.tsv",
    log:
        "<logs>/assess_judge/{judge}/{language}/{corpus}.log",
    benchmark:
        "<benchmarks>/assess_judge/{judge}/{language}/{corpus}.tsv"
    wildcard_constraints:
        corpus="|".join(re.escape(c) for c in STUDY.judges.labelled) or "none",
    resources:
        **needs("assess_judge"),
        gpu=lambda w: STUDY.judges.gpu(w.judge, w.language),
    params:
        how=lambda w: STUDY.judges.how(w.judge, w.language),
        own_map=lambda w: STUDY.judges.label_map(w.judge, w.language),
        tested_on=lambda w: STUDY.judges.tested_on(w.judge, w.language, w.corpus),
        root_seed=config["root_seed"],
        code=code_of(*JUDGING, "steering/quality"),
    script:
        "../scripts/assess_judge.py"


# judges that are models of others read the texts in jobs of their own: they may need a card
rule judge_texts:
    input:
        unpack(lambda w: STUDY.judges.files(w.judge, w.language)),
        texts=expand(f"{STEERING}/{{emotion}}/generations.jsonl", emotion=STUDY.emotions, allow_missing=True),
        baselines=f"{STEERING}/baselines.jsonl",
        concepts=expand("<results>/concepts/{language}.tsv", language=STUDY.languages),
        norms=f"<results>/human/{STUDY.norms}/norms_{{language}}.tsv",
    output:
        f"{STEERING}/judged/{{judge}}.npz",
    log:
        "<logs>/judge_texts/{model}/{sae}/{language}/{judge}.log",
    benchmark:
        "<benchmarks>/judge_texts/{model}/{sae}/{language}/{judge}.tsv"
    resources:
        **needs("judge_texts"),
        gpu=lambda w: STUDY.judges.gpu(w.judge, w.language),
    params:
        emotions=STUDY.emotions,
        languages=STUDY.languages,
        writing=lambda w: STUDY.writing(w.language),
        how=lambda w: STUDY.judges.how(w.judge, w.language),
        code=code_of(*JUDGING, "steering/scores", "words/segmentation"),
    script:
        "../scripts/judge_texts.py"


# one job for all emotions: the texts steered to the others are each emotion's wrong-emotion arm
rule score_texts:
    input:
        texts=expand(f"{STEERING}/{{emotion}}/generations.jsonl", emotion=STUDY.emotions, allow_missing=True),
        baselines=f"{STEERING}/baselines.jsonl",
        vectors=expand(f"{STEERING}/{{emotion}}/vector.safetensors", emotion=STUDY.emotions, allow_missing=True),
        concepts=expand("<results>/concepts/{language}.tsv", language=STUDY.languages),
        judge=lambda w: STUDY.judges.embedded(w.language),
        judged=lambda w: expand(f"{STEERING}/judged/{{judge}}.npz", judge=STUDY.judges.apart(w.language), **w),
        norms=f"<results>/human/{STUDY.norms}/norms_{{language}}.tsv",
    output:
        scores=expand(f"{STEERING}/{{emotion}}/scores.tsv", emotion=STUDY.emotions, allow_missing=True),
        chosen=f"{STEERING}/chosen.tsv",
        claim=f"{STEERING}/claim.tsv",
        differences=f"{STEERING}/differences.tsv",
        pooled=f"{STEERING}/pooled.tsv",
        confusion=f"{STEERING}/confusion.tsv",
        prompt_baseline=f"{STEERING}/prompt_baseline.tsv",
        agreement=f"{STEERING}/agreement.tsv",
        flips=f"{STEERING}/flips.tsv",
    log:
        "<logs>/score_texts/{model}/{sae}/{language}.log",
    benchmark:
        "<benchmarks>/score_texts/{model}/{sae}/{language}.tsv"
    resources:
        **needs("score_texts"),
    params:
        emotions=STUDY.emotions,
        languages=STUDY.languages,
        writing=lambda w: STUDY.writing(w.language),
        apart=lambda w: STUDY.judges.apart(w.language),
        settings={k: config["steering"][k] for k in ("max_nll_ratio", "max_nll_ratio_choose", "margin")}
        | {"prompts": config["prompts"]},
        root_seed=config["root_seed"],
        code=code("score_texts"),
    script:
        "../scripts/score_texts.py"
