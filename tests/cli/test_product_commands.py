"""Tables and figures from the command line."""


def test_tables_and_figures_have_names(assert_refused, mini, tmp_path):
    assert_refused(("table", "table9", "--config", mini, "--results", tmp_path), "table9", "table6_memory")
    assert_refused(("figure", "figure9", "--config", mini, "--results", tmp_path), "figure9", "online")


def test_figure_without_w_hh_says_what_to_run(assert_refused, mini, tmp_path):
    assert_refused(("figure", "figure3", "--config", mini, "--results", tmp_path), "rcn18-t8", "rcn-bench w-hh")
