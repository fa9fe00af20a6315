"""Promises of reports, models and experiments."""

from promises.mutant import Mutant

_COMPARISON = "qnas_jax/reporting/comparison/"

MUTANTS = (
    Mutant(
        "losses of two models are compared window by window",
        "qnas_jax/reporting/token_losses.py",
        "other.losses - self.losses, self.tokens",
        "np.sort(other.losses) - self.losses, self.tokens",
        "tests/reporting/test_token_losses.py",
    ),
    Mutant(
        "a model of which a file was changed is refused",
        "qnas_jax/export/facts.py",
        "if path.is_file() and digest_file(path) != facts.digests[path.name]:",
        "if path.is_dir():",
        "tests/export/test_model_files.py::test_a_file_that_was_changed_is_named",
    ),
    Mutant(
        "a serialised model is the same whoever calls",
        "qnas_jax/export/serialised.py",
        "jax.config.update(name, 0)",
        "jax.config.update(name, 10)",
        "tests/export/test_model_files.py",
    ),
    Mutant(
        "the cell of a process that was killed is taken over",
        "experiments/sweeping/claims.py",
        'return bool(_born(str(holder["process"])) == holder["born"])',
        "return True",
        "tests/experiments/test_sweeps.py",
    ),
    Mutant(
        "a cell is taken over by one process",
        "experiments/sweeping/claims.py",
        "return claim if self._make(claim) else None",
        "return (self._make(claim), claim)[1]",
        "tests/experiments/test_sweeps.py",
    ),
    Mutant(
        "rows that are added are there all or none",
        "experiments/measuring/rows.py",
        "replace_file(file, (whole + text).encode())",
        "file.write_text(text)",
        "tests/jobs/test_sampler_ablation.py",
    ),
    Mutant(
        "an exported model has the normalisation in its weights",
        "qnas_jax/export/folding.py",
        "np.sqrt(variance + norm.epsilon)",
        "np.sqrt(variance + 1e-12)",
        "tests/export/test_stand_alone_blocks.py",
    ),
    Mutant(
        "a form of a model whose logits differ is left out",
        "qnas_jax/export/writing.py",
        "if not difference <= _TOLERANCE * largest:",
        "if difference < 0:",
        "tests/export/test_left_out.py",
    ),
    Mutant(
        "networks are compared on the test examples that one alone has right",
        "qnas_jax/reporting/paired.py",
        "binomtest(first, first + second, 0.5)",
        "binomtest(first, first + second + 1, 0.5)",
        "tests/reporting/test_paired.py",
    ),
    Mutant(
        "a page runs its own scripts alone",
        "qnas_jax/reporting/page.py",
        "{base64.b64encode(each).decode('ascii')}'\" for each in digests",
        "{len(each)}'\" for each in digests",
        "tests/reporting/test_accessible_pages.py",
    ),
    Mutant(
        "Holm's correction over all comparisons",
        "qnas_jax/reporting/statistics.py",
        "(len(order) - rank) * p_values[index]",
        "1 * p_values[index]",
        "tests/reporting/test_reporting_statistics.py",
    ),
    Mutant(
        "a data set is a block of the mean ranks",
        _COMPARISON + "page.py",
        "[float(found[name].mean()) for found in samples]",
        "np.concatenate([found[name] for found in samples]).tolist()",
        "tests/reporting/comparison/test_comparison_page.py",
    ),
    Mutant(
        "p-values of a comparison are corrected together",
        _COMPARISON + "contrasts.py",
        "corrected = holm([test.p_value for _, test in tests])",
        "corrected = [test.p_value for _, test in tests]",
        "tests/reporting/comparison/test_comparison_page.py",
    ),
    Mutant(
        "the published protocol has the published tournament",
        "experiments/comparisons/published_protocol.py",
        "parents=10, tournament=3",
        "parents=10, tournament=5",
        "tests/experiments/test_compare_strategies.py",
    ),
    Mutant(
        "NumPy does many searches at once, and that row comes first",
        "experiments/benches/search.py",
        'f"NumPy, arrays over {chunk} searches and the population": (',
        'f"arrays over {chunk} searches and the population": (',
        "tests/experiments/test_bench_search.py",
    ),
    Mutant(
        "the winner has to leave the range of random picks, not of their mean",
        "qnas_jax/reporting/worth.py",
        "math.sqrt(1 + 1 / len(picks))",
        "math.sqrt(1 / len(picks))",
        "tests/reporting/test_worth.py",
    ),
)
