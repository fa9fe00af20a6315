"""Promises of the README and BUILD.md, each with a one-line mutant that breaks it.

`python tests/mutate_promises.py` puts the mutants into a copy of the project one by one
and runs the tests that should fail. A mutant that survives is a promise without a test.
"""

from typing import NamedTuple


class Mutant(NamedTuple):
    """One broken promise.

    Attributes:
      promise: in words.
      file: from the root of the project.
      old: text that occurs once in it.
      new: what stands there instead.
      tests: what should kill it: files or tests of pytest, separated by spaces.
    """

    promise: str
    file: str
    old: str
    new: str
    tests: str


_SEARCH, _TABLES = "qnas_jax/search/", "qnas_jax/evaluation/tables/"
_NAS, _TRAINING = "qnas_jax/jobs/nas/", "qnas_jax/training/"
_REGISTERS, _COMPARISON = _SEARCH + "registers/", "qnas_jax/reporting/comparison/"

PROMISES = (
    Mutant(
        "an exported model has the normalisation in its weights",
        "qnas_jax/export/weights.py",
        "np.sqrt(variance + norm.epsilon)",
        "np.sqrt(variance + 1e-12)",
        "tests/export/test_stand_alone_blocks.py",
    ),
    Mutant(
        "a form of a model whose logits differ is left out",
        "qnas_jax/export/writing.py",
        "if not difference <= _TOLERANCE * largest:",
        "if difference < 0:",
        "tests/export/test_model_files.py",
    ),
    Mutant(
        "a model that was changed is noticed",
        "qnas_jax/jobs/nas/export.py",
        "for name in files.ALL)\n",
        "for name in ())\n",
        "tests/jobs/test_export_stage.py",
    ),
    Mutant(
        "validation picks the retrained epoch",
        _NAS + "retrain.py",
        "measure_on(state.average, *setting.valid)",
        "measure_on(state.average, *data.on_device(setting.dataset.test))",
        "tests/jobs/test_retrain_choice.py",
    ),
    Mutant(
        "the test split is read at the chosen epoch",
        _NAS + "retrain.py",
        "measure_on(state.best, *data",
        "measure_on(state.average, *data",
        "tests/jobs/test_retrain_choice.py",
    ),
    Mutant(
        "of equal epochs the first is kept, NaN never",
        _TRAINING + "retrain.py",
        "if not score > float(state.best_score):",
        "if score < float(state.best_score):",
        "tests/training/test_retraining.py",
    ),
    Mutant(
        "the averaged weights are those that are kept",
        _TRAINING + "retrain.py",
        "best=jax.tree.map(jnp.copy, state.average)",
        "best=jax.tree.map(jnp.copy, (state.params, state.stats))",
        "tests/training/test_retraining.py tests/jobs/test_retrain_choice.py",
    ),
    Mutant(
        "test values of a table open once",
        _TABLES + "sealed_test.py",
        "self._opened = True",
        "self._opened = False",
        "tests/evaluation/tables/test_table.py",
    ),
    Mutant(
        "a search on NAS-Bench-201 sees validation accuracies",
        _TABLES + "nas_bench_201.py",
        '(f"{dataset}_valid_acc_{epochs}" for epochs in EPOCHS)',
        '(f"{dataset}_test_acc_{epochs}" for epochs in EPOCHS)',
        "tests/evaluation/tables/test_nas_bench_201.py",
    ),
    Mutant(
        "a search on NAS-Bench-Macro sees the first training only",
        _TABLES + "nas_bench_macro.py",
        "(runs[:, :1] / 100,)",
        "(runs.mean(axis=1, keepdims=True) / 100,)",
        "tests/evaluation/tables/test_nas_bench_macro.py",
    ),
    Mutant(
        "an evaluation that ends after the budget does not count",
        _TABLES + "budget.py",
        "(spent <= budget).sum(axis=1)",
        "(spent < budget).sum(axis=1) + 1",
        "tests/evaluation/tables/test_budget.py",
    ),
    Mutant(
        "of equal scores the first is the incumbent",
        _TABLES + "budget.py",
        "better = own > np.pad(",
        "better = own >= np.pad(",
        "tests/evaluation/tables/test_budget.py",
    ),
    Mutant(
        "repeats may be free",
        _TABLES + "budget.py",
        "costs = np.where(first_seen(archs, places), costs, 0.0)",
        "costs = np.where(first_seen(archs, places), costs, costs)",
        "tests/evaluation/tables/test_budget.py",
    ),
    Mutant(
        "scores that are not finite never win",
        _SEARCH + "base.py",
        "jnp.where(jnp.isfinite(scores), scores, -jnp.inf)",
        "jnp.where(jnp.isnan(scores), -jnp.inf, scores)",
        "tests/search/test_search_base.py",
    ),
    Mutant(
        "a higher fidelity wins over a lower one",
        _SEARCH + "loop.py",
        "(highest > state.best_fidelity) |",
        "(highest < state.best_fidelity) |",
        "tests/search/classical/test_successive_halving.py",
    ),
    Mutant(
        "of equal scores the lower loss is the best",
        _SEARCH + "loop.py",
        "(ties[winner] > state.best_tie)",
        "(ties[winner] < state.best_tie)",
        "tests/search/test_loop.py",
    ),
    Mutant(
        "keys derive from the generation alone",
        _SEARCH + "generations.py",
        "jax.random.split(jax.random.fold_in(stream, generation))",
        "jax.random.split(jax.random.fold_in(stream, 0))",
        "tests/search/test_loop.py",
    ),
    Mutant(
        "the oldest dies",
        _SEARCH + "classical/regularized_evolution.py",
        "number % self.parents, self.parents)",
        "jnp.argmin(state.scores) + 0 * number, self.parents)",
        "tests/search/classical/test_regularized_evolution.py",
    ),
    Mutant(
        "the best of a tournament is the parent",
        _SEARCH + "classical/regularized_evolution.py",
        "ranked[jnp.max(draws)]",
        "ranked[jnp.min(draws)]",
        "tests/search/classical/test_regularized_evolution.py",
    ),
    Mutant(
        "what was evaluated is never proposed again",
        _REGISTERS + "memory.py",
        "archs[jnp.argmin(old | among(archs, chosen))]",
        "archs[jnp.argmin(among(archs, chosen))]",
        "tests/search/registers/test_memory.py",
    ),
    Mutant(
        "what is forgotten leaves the covariance",
        _REGISTERS + "memory_registers.py",
        "forgets=capacity < generations * population",
        "forgets=capacity < 0",
        "tests/search/registers/test_memory_registers.py",
    ),
    Mutant(
        "a Thompson sample, and not the mean, mutates the guide",
        _REGISTERS + "field.py",
        "mean[None] + jnp.moveaxis(deviations, -1, 0)",
        "mean[None] + 0 * jnp.moveaxis(deviations, -1, 0)",
        "tests/search/registers/test_field.py",
    ),
    Mutant(
        "no op of a register is ever closed",
        _REGISTERS + "qudit.py",
        "floor = jnp.where(own, epsilon, 0.0)",
        "floor = jnp.where(own, 0.0 * epsilon, 0.0)",
        "tests/search/registers/test_qudit.py",
    ),
    Mutant(
        "the default strategy is classical",
        _REGISTERS + "memory_registers.py",
        "    memory_registers,\n)",
        '    memory_registers,\n    acts_by="gates on amplitudes",\n)',
        "tests/search/test_strategies.py::"
        "test_what_strategies_act_by_is_what_their_states_hold",
    ),
    Mutant(
        "the best of each rung go up",
        _SEARCH + "classical/successive_halving.py",
        "order = jnp.argsort(-state.scores)",
        "order = jnp.argsort(state.scores)",
        "tests/search/classical/test_successive_halving.py",
    ),
    Mutant(
        "every architecture is scored once",
        "qnas_jax/evaluation/memo.py",
        "for each in asked if each not in self._known",
        "for each in asked",
        "tests/evaluation/test_memo.py",
    ),
    Mutant(
        "a result that is not finite is recorded with its reason",
        "qnas_jax/evaluation/function.py",
        "status=Status.NON_FINITE,",
        "status=Status.OK,",
        "tests/evaluation/test_function.py",
    ),
    Mutant(
        "recalibrated statistics are means over the calibration batches",
        "qnas_jax/evaluation/scoring.py",
        "value / len(batches), total)",
        "value, total)",
        "tests/evaluation/test_scoring.py",
    ),
    Mutant(
        "what was too much for the memory is remembered",
        "qnas_jax/evaluation/at_once.py",
        "            self._most = number\n",
        "            self._most = None\n",
        "tests/evaluation/test_at_once.py",
    ),
    Mutant(
        "paths that share a row of statistics leave its mean",
        "qnas_jax/nets/slots.py",
        "sums / jnp.maximum(counts, 1)",
        "sums / jnp.ones_like(counts)",
        "tests/training/test_supernet_training.py",
    ),
    Mutant(
        "a call of several steps ends with the epoch",
        _TRAINING + "loop.py",
        "min(step + steps_per_call, end_of_epoch)",
        "min(step + steps_per_call, end_of_epoch + 1)",
        "tests/training/test_training_loop.py",
    ),
    Mutant(
        "a supernet is trained in the precision that is asked for",
        _TRAINING + "path_learning.py",
        "return supernet.in_precision(params, precision)",
        "return params",
        "tests/training/test_precision.py",
    ),
    Mutant(
        "the balance pool holds distinct architectures",
        _TRAINING + "balance_pool.py",
        "if name in seen or not np.isfinite",
        "if not np.isfinite",
        "tests/training/test_balance_pool.py",
    ),
    Mutant(
        "the pool gets its share of the steps",
        _TRAINING + "balance_pool.py",
        "(jax.random.uniform(turn_key) < share)",
        "(jax.random.uniform(turn_key) > share)",
        "tests/training/test_balance_pool.py",
    ),
    Mutant(
        "no pool is searched before its start, and none without a share",
        _TRAINING + "balance_pool.py",
        "options.pool_share > 0 and since >= 0 and",
        "options.pool_share > 0 and",
        "tests/training/test_balance_pool.py",
    ),
    Mutant(
        "strata are drawn equally often, whatever their number of architectures",
        _TRAINING + "strata.py",
        "(stratum_key, (), 0, len(strata.counts))",
        "(stratum_key, (), 0, 1)",
        "tests/training/test_strata.py",
    ),
    Mutant(
        "cells without a way from input to output are not trained in strata",
        "qnas_jax/spaces/space.py",
        "np.where(closed, -np.inf, 0.0)",
        "np.where(closed, 0.0, 0.0)",
        "tests/training/test_strata.py",
    ),
    Mutant(
        "a sandwich trains the smallest network in each update",
        _TRAINING + "sandwich.py",
        "np.stack([smallest_arch(space, costs), ",
        "np.stack([costs.largest('macs'), ",
        "tests/training/test_samplers.py",
    ),
    Mutant(
        "the fair sampler trains each op once a round",
        _TRAINING + "paths.py",
        "jax.random.fold_in(layer_key, step // count)",
        "jax.random.fold_in(layer_key, step)",
        "tests/training/test_paths.py",
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
        "a stage is made anew if an option that it read differs",
        "qnas_jax/jobs/markers.py",
        "                if was != value:",
        "                if was is None:",
        "tests/jobs/test_runner.py",
    ),
    Mutant(
        "a field that a mark does not know counts as its default",
        "qnas_jax/jobs/markers.py",
        "before.get(field, defaults[field])",
        "before.get(field)",
        "tests/jobs/test_runner.py",
    ),
    Mutant(
        "files are written whole or not at all",
        "qnas_jax/files.py",
        "        os.replace(part, path)\n",
        "        path.write_bytes(content[:9]); os.replace(part, path)\n",
        "tests/test_files.py tests/test_runs.py",
    ),
    Mutant(
        "work folders of another layout are refused",
        "qnas_jax/runs/folder.py",
        "if layout != LAYOUT:",
        "if layout is None:",
        "tests/jobs/test_runner.py",
    ),
    Mutant(
        "a user's mistake ends with status 2",
        "qnas_jax/jobs/failures.py",
        'return Failure(f"error: {line}", USER_ERROR)',
        'return Failure(f"error: {line}", FAULT)',
        "tests/jobs/test_launch.py tests/test_command_line.py",
    ),
    Mutant(
        "streams of random numbers have names",
        "qnas_jax/jobs/setting.py",
        "jax.random.fold_in(root, zlib.crc32(stream.encode()))",
        "jax.random.fold_in(root, 0 * len(stream))",
        "tests/jobs/test_streams.py",
    ),
    Mutant(
        "examples held out for validation are not trained on",
        "qnas_jax/data/splitting.py",
        "return part.take(kept), part.take(held)",
        "return part, part.take(held)",
        "tests/data/test_splitting.py",
    ),
    Mutant(
        "a rotation is exp(-i angle/2 P)",
        "qnas_jax/quantum/gates.py",
        "jnp.cos(half) * jnp.eye(size) - 1j",
        "jnp.cos(half) * jnp.eye(size) + 1j",
        "tests/quantum/test_gates.py",
    ),
    Mutant(
        "qubit 0 is the most significant bit",
        "qnas_jax/quantum/conventions.py",
        "jnp.arange(num_qubits - 1, -1, -1, dtype",
        "jnp.arange(0, num_qubits, dtype",
        "tests/quantum/test_circuits.py",
    ),
    Mutant(
        "Grover's calls of the oracle are counted",
        "qnas_jax/optimise/grover.py",
        "jnp.asarray(1.0), jnp.asarray(1, jnp.int32))",
        "jnp.asarray(1.0), jnp.asarray(0, jnp.int32))",
        "tests/optimise/test_grover.py",
    ),
    Mutant(
        "the truth of NAS-Bench-Macro is the mean of three trainings",
        "qnas_jax/evaluation/ranking.py",
        'arrays["test_acc"].mean(axis=1) / 100.0',
        'arrays["test_acc"][:, 0] / 100.0',
        "tests/evaluation/test_ranking.py",
    ),
    Mutant(
        "a candidate that diverges is recorded with its epoch",
        "qnas_jax/evaluation/trained.py",
        "at epoch {len(trained.losses)}",
        "at epoch {len(trained.losses) - 1}",
        "tests/evaluation/test_trained.py",
    ),
    Mutant(
        "trainings that were finished when a search was stopped are kept",
        "qnas_jax/evaluation/trained.py",
        "self._kept.keep(_name(arch, epochs), outcomes[arch])",
        "self._kept.find(_name(arch, epochs))",
        "tests/evaluation/test_trained.py tests/jobs/test_trained_candidates.py",
    ),
    Mutant(
        "candidates trained together see the batches of one trained alone",
        _TRAINING + "candidate.py",
        "numbers = epoch * len(rates) +",
        "numbers = 0 * len(rates) +",
        "tests/training/test_population.py",
    ),
    Mutant(
        "a shorter training of a candidate has a schedule of its own length",
        _TRAINING + "population.py",
        "rates = self._rates(epochs)",
        "rates = self._rates(self._options.epochs)[:epochs]",
        "tests/training/test_population.py tests/evaluation/test_trained.py",
    ),
    Mutant(
        "of equal scores the first architecture is the pick",
        "qnas_jax/evaluation/ranking.py",
        'order = np.argsort(-ranked, kind="stable")',
        'order = np.argsort(ranked, kind="stable")[::-1]',
        "tests/evaluation/test_ranking.py",
    ),
    Mutant(
        "an architecture without a finite score is the worst",
        "qnas_jax/evaluation/ranking.py",
        "ranked = _ranks(np.where(finite, scores, -np.inf))",
        "ranked = _ranks(np.where(finite, scores, np.inf))",
        "tests/evaluation/test_ranking.py",
    ),
    Mutant(
        "random picks cost what the winner costs",
        "qnas_jax/spaces/equal_cost.py",
        "return drawn[within][:count]",
        "return drawn[:count]",
        "tests/spaces/test_equal_cost.py",
    ),
    Mutant(
        "the winner has to leave the range of random picks, not of their mean",
        "qnas_jax/reporting/worth.py",
        "math.sqrt(1 + 1 / len(picks))",
        "math.sqrt(1 / len(picks))",
        "tests/reporting/test_worth.py",
    ),
    Mutant(
        "positions of a split are those of the original files",
        "qnas_jax/data/split_file.py",
        "places[positions] = np.arange(count)",
        "places[:] = positions",
        "tests/data/test_split_file.py",
    ),
    Mutant(
        "a repaired architecture keeps the budget",
        _SEARCH + "repair.py",
        "return jax.lax.scan(towards_cheapest, arch, order)[0]",
        "return arch",
        "tests/search/test_repair.py",
    ),
    Mutant(
        "a cost that is hardly too much is too much",
        _SEARCH + "repair.py",
        "over = np.where(budget.columns[name] > limit, np.maximum(over, 1e-6), over)",
        "over = np.where(over < 1e-2, 0, over)",
        "tests/search/test_repair.py",
    ),
    Mutant(
        "evaluations of a job keep its constraints",
        _NAS + "search_rows.py",
        "    if setting.budget is None:\n        return archs\n",
        "    return archs\n",
        "tests/jobs/test_kept_constraints.py",
    ),
    Mutant(
        "what is beaten is not on the front",
        _NAS + "fronts.py",
        "(points >= points[place]).all(axis=1)",
        "(points > points[place]).all(axis=1)",
        "tests/jobs/test_front_of_a_job.py",
    ),
    Mutant(
        "hand-made networks are as wide as fits",
        _NAS + "hand_made.py",
        "    steps = max(low, 1)\n",
        "    steps = max(low - 1, 1)\n",
        "tests/jobs/test_hand_made_networks.py",
    ),
)
