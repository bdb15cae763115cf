"""scikit-learn's estimators, with the names of XGBoost's."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from .booster import train

# Their names as parameters of a training; what is None is left to the trainer.
NAMES = {
    "learning_rate": "eta",
    "reg_alpha": "alpha",
    "reg_lambda": "lambda",
    "n_jobs": "nthread",
    "random_state": "seed",
}
NOT_PARAMETERS = ("n_estimators", "early_stopping_rounds", "categories", "program")

# Seeds that are drawn.
MOST = 2**31


class _Boost(BaseEstimator):
    def __init__(
        self,
        *,
        n_estimators=100,
        objective=None,
        max_depth=None,
        max_leaves=None,
        grow_policy=None,
        learning_rate=None,
        gamma=None,
        min_child_weight=None,
        max_delta_step=None,
        subsample=None,
        colsample_bytree=None,
        colsample_bylevel=None,
        colsample_bynode=None,
        reg_alpha=None,
        reg_lambda=None,
        scale_pos_weight=None,
        base_score=None,
        max_bin=None,
        max_cat_to_onehot=None,
        max_cat_threshold=None,
        monotone_constraints=None,
        interaction_constraints=None,
        eval_metric=None,
        early_stopping_rounds=None,
        random_state=None,
        n_jobs=None,
        categories=None,
        program=None,
    ):
        self.n_estimators = n_estimators
        self.objective = objective
        self.max_depth = max_depth
        self.max_leaves = max_leaves
        self.grow_policy = grow_policy
        self.learning_rate = learning_rate
        self.gamma = gamma
        self.min_child_weight = min_child_weight
        self.max_delta_step = max_delta_step
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.colsample_bylevel = colsample_bylevel
        self.colsample_bynode = colsample_bynode
        self.reg_alpha = reg_alpha
        self.reg_lambda = reg_lambda
        self.scale_pos_weight = scale_pos_weight
        self.base_score = base_score
        self.max_bin = max_bin
        self.max_cat_to_onehot = max_cat_to_onehot
        self.max_cat_threshold = max_cat_threshold
        self.monotone_constraints = monotone_constraints
        self.interaction_constraints = interaction_constraints
        self.eval_metric = eval_metric
        self.early_stopping_rounds = early_stopping_rounds
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.categories = categories
        self.program = program

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _parameters(self):
        given = {name: value for name, value in self.get_params(deep=False).items() if value is not None}
        params = {NAMES.get(name, name): value for name, value in given.items() if name not in NOT_PARAMETERS}
        if isinstance(self.random_state, np.random.RandomState):
            params["seed"] = int(self.random_state.randint(MOST))
        # All cores, in scikit-learn's way of saying so.
        if params.get("nthread", 1) < 0:
            del params["nthread"]
        return params

    def _train(self, X, y, sample_weight, eval_set, **more):
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
            # A row that counts nothing is as good as not there, and has no say in where values are cut.
            counted = sample_weight > 0
            if not counted.any():
                raise ValueError("all rows have the sample_weight 0")
            X, y, sample_weight = X[counted], y[counted], sample_weight[counted]
        self._booster = train(
            self._parameters() | more,
            X,
            y,
            self.n_estimators,
            weight=sample_weight,
            evals=eval_set,
            early_stopping_rounds=self.early_stopping_rounds,
            feature_names=getattr(self, "feature_names_in_", None),
            categories=self.categories or (),
            program=self.program,
        )
        return self

    def _rows(self, X):
        check_is_fitted(self)
        return validate_data(self, X, reset=False, dtype=np.float32, ensure_all_finite="allow-nan")

    def _judges(self, eval_set, labels):
        rows = lambda X: validate_data(self, X, reset=False, dtype=np.float32, ensure_all_finite="allow-nan")
        return [(rows(X), labels(y)) for X, y in eval_set or ()]

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_booster")

    def get_booster(self):
        """The model itself."""
        check_is_fitted(self)
        return self._booster

    def evals_result(self):
        """Scores of all rounds by the rows of `eval_set`."""
        return self.get_booster().evals_result()

    @property
    def best_iteration(self):
        """The round in which it was best, where it was stopped early."""
        return self.get_booster().best_iteration

    @property
    def feature_importances_(self):
        """By how much branches of a feature lower the loss on average, such that all together are 1."""
        booster = self.get_booster()
        score = booster.get_score("gain")
        gains = np.array([score.get(name, 0.0) for name in booster.feature_names], dtype=np.float32)
        return gains / (gains.sum() or 1)


class BoostRegressor(RegressorMixin, _Boost):
    """Predicts numbers; `objective` is `reg:squarederror` unless it is given."""

    def fit(self, X, y, sample_weight=None, *, eval_set=None):
        """Trains. `eval_set` are pairs of rows and labels, the last of which `early_stopping_rounds` goes by."""
        X, y = validate_data(self, X, y, dtype=np.float32, ensure_all_finite="allow-nan", y_numeric=True)
        return self._train(X, y, sample_weight, self._judges(eval_set, np.asarray))

    def predict(self, X):
        """One number for each row."""
        return self.get_booster().predict(self._rows(X))


class BoostClassifier(ClassifierMixin, _Boost):
    """Predicts classes, by `binary:logistic` for two of them and `multi:softprob` for more."""

    def fit(self, X, y, sample_weight=None, *, eval_set=None):
        """Trains. `eval_set` are pairs of rows and classes, the last of which `early_stopping_rounds` goes by."""
        X, y = validate_data(self, X, y, dtype=np.float32, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"there is one class only, {self.classes_[0]!r}; two are needed to tell rows apart")
        more = {}
        if self.objective is None:
            more["objective"] = "binary:logistic" if len(self.classes_) == 2 else "multi:softprob"
        if len(self.classes_) > 2:
            more["num_class"] = len(self.classes_)
        return self._train(X, labels, sample_weight, self._judges(eval_set, self._labels), **more)

    def _labels(self, y):
        y = np.asarray(y)
        labels = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        if not np.array_equal(self.classes_[labels], y):
            raise ValueError("eval_set has classes that are not among those that are trained on")
        return labels

    def predict_proba(self, X):
        """For each row how likely each class is, in the order of `classes_`."""
        told = self.get_booster().predict(self._rows(X))
        return told if told.ndim == 2 else np.column_stack([1 - told, told])

    def predict(self, X):
        """The likeliest class of each row."""
        likely = self.predict_proba(X).argmax(axis=1)
        return self.classes_[likely]
