# Figures 1 to 3, from trained weights alone.


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
        figure="figure[123]",
    conda:
        ENVIRONMENT
    params:
        resolved=RESOLVED,
        config=config_hash(
            [config["tables"]["table1"], config["figures"], config["seeds"][0]]
        ),
        code=source_hash(
            "reporting/figures.py", "experiment.py", "analysis/hidden_state.py"
        ),
    shell:
        "rcn-bench figure {wildcards.figure} --config {params.resolved} > {log} 2>&1"


rule all_figures:
    input:
        expand(
            f"{ROOT}/figures/figure{{n}}.{{kind}}",
            n=[1, 2, 3],
            kind=["png", "pdf", "csv"],
        ),
