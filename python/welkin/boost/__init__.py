"""Boosted trees that do not depend on the order of rows, with XGBoost's parameters and models.

`train` makes a `Booster` of arrays; `BoostRegressor` and `BoostClassifier` are scikit-learn's estimators, and need it. Every
training and every prediction starts the program `welkin` once. `docs/boosted-trees.md` says what that costs.
"""

from .booster import Booster, train
from .program import BoostError

__all__ = ["BoostClassifier", "BoostError", "BoostRegressor", "Booster", "train"]


def __getattr__(name):
    # Whoever has no scikit-learn can use the rest.
    if name in ("BoostClassifier", "BoostRegressor"):
        from . import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
