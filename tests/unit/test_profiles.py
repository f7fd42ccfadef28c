"""profiles/default is read in every call, so what it limits for one machine must not bind a cluster."""

import yaml


def profile(root, name):
    return yaml.safe_load((root / f"profiles/{name}/config.yaml").read_text(encoding="utf-8"))


def test_limits_of_a_workstation_do_not_bind_a_cluster(root):
    limited = {limit.split("=")[0] for limit in profile(root, "default")["resources"]}
    scopes = dict(scope.split("=") for scope in profile(root, "slurm")["set-resource-scopes"])
    of_one_job = {"mem_mb", "disk_mb", "runtime"}  # Snakemake's own scopes
    assert "gpu" in limited and all(scopes.get(name) == "local" for name in limited - of_one_job)


def test_a_clusters_jobs_are_tried_again_and_go_on_after_a_lost_node(root):
    slurm = profile(root, "slurm")
    assert (
        slurm["executor"] == "slurm" and slurm["slurm-requeue"] and slurm["rerun-incomplete"] and slurm["retries"] == 1
    )
    assert not any("retries:" in p.read_text(encoding="utf-8") for p in (root / "workflow/rules").glob("*.smk"))
