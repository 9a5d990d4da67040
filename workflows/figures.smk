# Figures 1 to 3, from trained weights alone, and the accuracy while a video is being seen.


localrules:
    figure,


rule figure:
    input:
        figure_inputs,
    output:
        f"{ROOT}/figures/{{figure}}.csv",
        f"{ROOT}/figures/{{figure}}.pdf",
        report(
            f"{ROOT}/figures/{{figure}}.png",
            category="Figures",
            caption="report/figure.rst",
        ),
    log:
        f"{ROOT}/logs/figures/{{figure}}.log",
    wildcard_constraints:
        figure="|".join(FIGURES),
    conda:
        ENVIRONMENT
    params:
        resolved=RESOLVED,
        config=config_hash(
            [config["tables"]["table1"], config["figures"], config["seeds"]]
        ),
        code=source_hash(
            "reporting/figures.py",
            "experiment.py",
            "analysis/hidden_state.py",
            "intervals.py",
        ),
    shell:
        "rcn-bench figure {wildcards.figure} --config {params.resolved} > {log} 2>&1"


rule all_figures:
    input:
        expand(
            f"{ROOT}/figures/{{figure}}.{{kind}}",
            figure=FIGURES,
            kind=["png", "pdf", "csv"],
        ),
