"""What `welkin.boost` promises: `test_boost.py`, with the program in WELKIN, numpy and scikit-learn. Prints a line for each check."""

import pickle
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from welkin.boost import BoostClassifier, BoostError, Booster, BoostRegressor, train


def refused(words, work):
    try:
        work()
    except ValueError as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"nothing said `{words}`")


def estimators_are_those_of_scikit_learn():
    # As many rounds as its own checks of quality need.
    for estimator in (BoostRegressor(n_estimators=20), BoostClassifier(n_estimators=20)):
        results = check_estimator(estimator, on_skip=None)
        assert len(results) > 40, len(results)
        failed = [result for result in results if result["status"] not in ("passed", "skipped")]
        assert not failed, failed


def estimators_work_in_pipelines_and_searches():
    X, y = load_breast_cancer(return_X_y=True)
    one = make_pipeline(StandardScaler(), BoostClassifier(n_estimators=10, max_depth=3))
    assert cross_val_score(one, X, y, cv=3).mean() > 0.93
    search = GridSearchCV(BoostRegressor(n_estimators=5), {"max_depth": [1, 3]}, cv=2)
    assert search.fit(*load_diabetes(return_X_y=True)).best_params_["max_depth"] in (1, 3)
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    three = BoostClassifier(n_estimators=10, learning_rate=0.5).fit(X, names)
    assert three.score(X, names) > 0.97 and three.predict_proba(X).shape == (150, 3)
    assert abs(three.feature_importances_.sum() - 1) < 1e-5


def order_of_rows_changes_no_bit():
    X, y = load_diabetes(return_X_y=True)
    order = np.random.default_rng(1).permutation(len(X))
    ids = np.arange(len(X))
    params = {"subsample": 0.5, "seed": 3}
    one = train(params, X, y, 5, ids=ids)
    assert one == train(params, X[order], y[order], 5, ids=ids[order])
    assert one != train(params, X[order], y[order], 5)


def early_stopping_and_going_on():
    X, y = load_diabetes(return_X_y=True)
    one = BoostRegressor(n_estimators=200, early_stopping_rounds=3, eval_metric="mae")
    one.fit(X[:300], y[:300], eval_set=[(X[:300], y[:300]), (X[300:], y[300:])])
    scores = one.evals_result()
    assert list(scores) == ["validation_0", "validation_1"] and list(scores["validation_1"]) == ["mae"]
    assert np.argmin(scores["validation_1"]["mae"]) == one.best_iteration
    assert one.get_booster().num_boosted_rounds() == one.best_iteration + 1 < 200
    half = train({}, X, y, 3)
    assert train({}, X, y, 3, xgb_model=half).predict(X).tolist() == train({}, X, y, 6).predict(X).tolist()


def rows_to_be_judged_have_weights_and_groups():
    X, y = load_diabetes(return_X_y=True)
    weight = np.where(np.arange(len(X)) < 100, 50.0, 1.0)
    model = train({}, X, y, 3, evals=[(X, y, "all", {"weight": weight}), (X, y)])
    assert model == train({}, X, y, 3)
    error = (model.predict(X) - y) ** 2
    scores = model.evals_result()
    assert abs(scores["all"]["rmse"][-1] - np.average(error, weights=weight) ** 0.5) < 1e-3
    assert abs(scores["validation_1"]["rmse"][-1] - error.mean() ** 0.5) < 1e-3
    groups, degrees = np.arange(len(X)) // 20, (y > np.median(y)).astype(float)
    ranked = lambda *judge: train({"objective": "rank:ndcg"}, X, degrees, 3, qid=groups, evals=[(X, degrees, *judge)])
    (scores,) = ranked("all", {"qid": groups}).evals_result()["all"].values()
    assert scores[0] < scores[-1] <= 1, scores
    refused("need a `qid`", lambda: ranked("all"))


def boosters_are_kept_and_read():
    X = np.array([[1.0, 0], [2, 1], [np.nan, 2], [4, 0]])
    model = train({"min_child_weight": 0}, X, [0, 1, 2, 3], 3, feature_names=["a,b", "label"], categories=["label"])
    assert model.feature_names == ["a,b", "label"]
    assert set(model.get_score()) <= {"a,b", "label"} and len(model.get_dump()) == 3
    assert model.predict(X, pred_leaf=True).shape == (4, 3)
    assert pickle.loads(pickle.dumps(model)) == model
    with tempfile.TemporaryDirectory() as folder:
        model.save_model(Path(folder) / "model.json")
        again = Booster.load_model(Path(folder) / "model.json")
    assert again.predict(X).tolist() == model.predict(X, output_margin=True).tolist()


def mistakes_are_told():
    X, y = np.zeros((4, 2)), np.arange(4)
    refused("`etaa`", lambda: train({"etaa": 1}, X, y))
    refused("cannot be started", lambda: train({}, X, y, program="/nowhere/welkin"))
    refused("is no importance", lambda: train({}, X, y, 1).get_score("worth"))
    refused("3 columns", lambda: train({}, X, y, 1).predict(np.zeros((1, 3))))
    refused("one class only", lambda: BoostClassifier().fit(X, [1, 1, 1, 1]))
    refused("not among those", lambda: BoostClassifier().fit(X, [0, 1, 0, 1], eval_set=[(X, [0, 1, 2, 1])]))
    assert issubclass(BoostError, ValueError)


for check in (
    order_of_rows_changes_no_bit,
    boosters_are_kept_and_read,
    early_stopping_and_going_on,
    rows_to_be_judged_have_weights_and_groups,
    mistakes_are_told,
    estimators_work_in_pipelines_and_searches,
    estimators_are_those_of_scikit_learn,
):
    check()
    print("ok", check.__name__, flush=True)
