# The figures, each from result files alone.


localrules:
    figure,


rule figure:
    input:
        PLAN.of_figure,
    output:
        f"{ROOT}/figures/{{figure}}.csv",
        f"{ROOT}/figures/{{figure}}.pdf",
        f"{ROOT}/figures/{{figure}}.svg",
        f"{ROOT}/figures/{{figure}}.json",
        report(
            f"{ROOT}/figures/{{figure}}.png",
            category="Figures",
            caption="report/figure.rst",
        ),
    log:
        f"{ROOT}/logs/figures/{{figure}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=NEEDS.memory("product"),
        runtime=NEEDS.runtime("product"),
    params:
        identity=PLAN.identity("figure", "figure"),
    shell:
        'rcn-bench figure {wildcards.figure} --config "$CONFIG" > {log} 2>&1'


rule all_figures:
    input:
        expand(
            f"{ROOT}/figures/{{figure}}.{{kind}}",
            figure=PLAN.names("figure"),
            kind=["png", "pdf", "svg", "csv", "json"],
        ),
