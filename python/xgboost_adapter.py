"""Puts `welkin.boost` in the place of XGBoost's Booster, for XGBoost's own tests: see `xgboost_tests.py`.

XGBoost's package brings what is around a model: containers of rows, the loop of rounds with its callbacks, its estimators, all in
Python. What grows, judges, uses, shows, saves and loads a model is its Booster, and that one is replaced here by a training of
`welkin.boost` that goes on with the model before: of one round, and where nothing changes of several ahead, of which the first is used
before the second. What Welkin has not skips the test that asks for it, with the reason.
"""

import copy
import json
import os
import re
import sys
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import xgboost
import xgboost.core
import xgboost.plotting
import xgboost.sklearn
import xgboost.training

import welkin.boost.booster as welkin
from welkin.boost import BoostError

DMatrix, Theirs, XGBoostError = xgboost.core.DMatrix, xgboost.core.Booster, xgboost.core.XGBoostError

# How often the program was asked for something.
asked = 0

# What the program says of features that it has not. Anything else that it refuses is an error, as XGBoost's are.
NOT_THERE = re.compile(
    r"should be one of|is a parameter of XGBoost that cannot be used|there is no parameter|there is no metric|means nothing"
    r"|should be `|cannot be used with|cannot judge|not there yet"
)


def not_there(what):
    pytest.skip(f"Welkin has not: {what}")


def said(error):
    """The causes alone, where the program says it in JSON."""
    try:
        return "; ".join(json.loads(str(error))["causes"])
    except (ValueError, KeyError):
        return " ".join(str(error).split())


def ask(work, *args, **options):
    try:
        return work(*args, **options)
    except BoostError as error:
        words = said(error)
        if NOT_THERE.search(words):
            not_there(words)
        raise XGBoostError(words) from error


class QuantileDMatrix(DMatrix):
    """Rows as they are: the one of XGBoost keeps bins alone."""

    def __init__(self, data, label=None, *, max_bin=None, ref=None, max_quantile_batches=None, **options):
        if isinstance(data, xgboost.DataIter):
            not_there("rows that come in batches")
        if ref is not None and ref.num_col() != np.shape(data)[1]:
            raise ValueError("the rows of `ref` have other features")
        super().__init__(data, label, **options)


class Rows:
    """What Welkin takes of a DMatrix."""

    def __init__(self, matrix):
        if matrix.get_base_margin().size:
            not_there("margins to begin with, row by row")
        if any(matrix.get_float_info(name).size for name in ("label_lower_bound", "label_upper_bound", "feature_weights")):
            not_there("bounds of labels, weights of features")
        self.count, self.width = matrix.num_row(), matrix.num_col()
        cells = matrix.get_data().tocoo()
        self.X = np.full((self.count, self.width), np.nan, dtype=np.float32)
        self.X[cells.row, cells.col] = cells.data
        label = matrix.get_label()
        if label.size not in (0, self.count):
            not_there("several labels of a row")
        self.y = label if label.size else None
        self.weight = matrix.get_weight() if matrix.get_weight().size else None
        ends = matrix.get_uint_info("group_ptr")
        self.qid = np.repeat(np.arange(len(ends) - 1), np.diff(ends.astype(np.int64))) if len(ends) > 1 else None
        if self.qid is not None and self.weight is not None:
            if self.weight.size != len(ends) - 1:
                raise XGBoostError("there is not one weight for each group")
            self.weight = self.weight[self.qid]
        self.names, self.types = matrix.feature_names, matrix.feature_types
        self.categories = [at for at, kind in enumerate(self.types or ()) if kind == "c"]

    def roles(self):
        roles = {"weight": self.weight, "qid": self.qid}
        return {role: values for role, values in roles.items() if values is not None}

    def said(self):
        return [None if values is None else hash(values.tobytes()) for values in (self.y, self.weight, self.qid)]


@dataclass
class Ahead:
    """Rounds that were trained, of which some are not asked for yet."""

    key: str
    model: bytes
    told: dict
    done: int
    rounds: int
    used: int = 0


class Booster:
    """XGBoost's interface of a model that Welkin trains."""

    def __init__(self, params=None, cache=None, model_file=None):
        self.params, self.known, self.kept, self.scores = {}, None, {}, weakref.WeakKeyDictionary()
        self.names = self.types = self.ahead = None
        self.cache = list(cache or ())
        for matrix in self.cache:
            if not isinstance(matrix, DMatrix):
                raise TypeError(f"a model is trained and judged by DMatrix, not by {type(matrix).__name__}")
            self._name(matrix)
        if isinstance(model_file, Booster):
            self.__setstate__(model_file.__getstate__() | {"params": dict(model_file.params)})
        elif model_file is not None:
            self.load_model(model_file)
        self.set_param(params or {})

    def __getattr__(self, name):
        if name.startswith("__") or hasattr(type(self), name):
            raise AttributeError(name)
        not_there(f"Booster.{name}")

    @property
    def model(self):
        """The model after the rounds that were asked for."""
        if self.known is None and self.ahead is not None:
            ahead = self.ahead
            whole = ahead.used == ahead.rounds
            self.known = ahead.model if whole else cut(ahead.model, 0, ahead.done + ahead.used)
        return self.known

    @model.setter
    def model(self, model):
        self.known, self.ahead = model, None

    # Training and judging.

    def set_param(self, params, value=None):
        pairs = [(params, value)] if isinstance(params, str) else params.items() if hasattr(params, "items") else params
        metrics = []
        for name, value in pairs:
            if isinstance(value, np.ndarray):
                value = value.tolist()
            if name == "eval_metric" and value is not None:
                metrics += value if isinstance(value, (list, tuple)) else [value]
            elif value is not None:
                self.params[name] = value
        if metrics:
            self.params["eval_metric"] = [str(metric) for metric in metrics]

    def update(self, dtrain, iteration, fobj=None):
        if not isinstance(dtrain, DMatrix):
            raise TypeError(f"rows to train on are a DMatrix, not {type(dtrain).__name__}")
        if fobj is not None:
            not_there("objectives of one's own")
        self._name(dtrain)
        rows = Rows(dtrain)
        if rows.y is None:
            raise XGBoostError("there are no labels")
        params = dict(self.params)
        if self.model is not None:
            params.setdefault("objective", self._json()["learner"]["objective"]["name"])
        # All threads, in the way of scikit-learn.
        for name in ("nthread", "n_jobs"):
            if int(params.get(name, 0)) < 0:
                del params[name]
        judged = [(matrix, Rows(matrix)) for matrix in self.cache]
        judged = [(matrix, other) for matrix, other in judged if other.y is not None]
        key = repr([sorted(params.items()), *((id(matrix), other.said()) for matrix, other in [(dtrain, rows), *judged])])
        if self.ahead is None or self.ahead.key != key or self.ahead.used == self.ahead.rounds:
            done = self.num_boosted_rounds()
            # What later rounds change in trees before them cannot be cut off.
            rounds = 1 if params.get("booster") == "dart" else min(max(done, 1), 64)
            trained = ask(
                welkin.train,
                params,
                rows.X,
                rows.y,
                rounds,
                **rows.roles(),
                evals=[(other.X, other.y, str(at), other.roles()) for at, (_, other) in enumerate(judged)],
                xgb_model=None if self.model is None else welkin.Booster(self.model),
                feature_names=rows.names,
                categories=rows.categories,
            )
            self.ahead = Ahead(key, trained.model, trained.evals_result(), done, rounds)
        self.known = None
        self.ahead.used += 1
        for at, (matrix, _) in enumerate(judged):
            told = self.ahead.told[str(at)]
            self.scores[matrix] = {metric: scores[self.ahead.used - 1] for metric, scores in told.items()}

    def eval_set(self, evals, iteration=0, feval=None, output_margin=True):
        words = [f"[{iteration}]"]
        for matrix, name in evals:
            if not isinstance(matrix, DMatrix):
                raise TypeError(f"a model is judged by a DMatrix, not by {type(matrix).__name__}")
            if matrix not in self.scores:
                not_there("scores by rows that were not named before the training")
            words += [f"{name}-{metric}:{score!r}" for metric, score in self.scores[matrix].items()]
            if feval is not None:
                told = feval(self.predict(matrix, output_margin=output_margin), matrix)
                words += [f"{name}-{metric}:{score}" for metric, score in (told if isinstance(told, list) else [told])]
        return "\t".join(words)

    def eval(self, data, name="eval", iteration=0):
        return self.eval_set([(data, name)], iteration)

    # Predicting.

    def predict(
        self,
        data,
        *,
        output_margin=False,
        pred_leaf=False,
        pred_contribs=False,
        approx_contribs=False,
        pred_interactions=False,
        validate_features=True,
        training=False,
        iteration_range=(0, 0),
        strict_shape=False,
    ):
        if not isinstance(data, DMatrix):
            raise TypeError(f"rows to predict are a DMatrix, not {type(data).__name__}")
        if pred_contribs or approx_contribs or pred_interactions:
            not_there("what features contribute to a prediction")
        if training and self.params.get("booster") == "dart":
            not_there("predictions with dropped trees")
        if validate_features:
            Theirs._validate_features(self, data.feature_names)
        rows = Rows(data)
        model = self._cut(*iteration_range) if tuple(iteration_range) != (0, 0) else self
        told = ask(model._own().predict, rows.X, output_margin=output_margin, pred_leaf=pred_leaf)
        if pred_leaf:
            told = told.reshape(rows.count, -1).astype(np.float32)
        return told.reshape(rows.count, -1) if strict_shape else told

    def inplace_predict(
        self,
        data,
        *,
        iteration_range=(0, 0),
        predict_type="value",
        missing=np.nan,
        validate_features=True,
        base_margin=None,
        strict_shape=False,
    ):
        if base_margin is not None:
            not_there("margins to begin with, row by row")
        shape = getattr(data, "shape", None)
        if shape is not None and len(shape) == 2 and shape[1] != self.num_features():
            raise ValueError(f"there are {shape[1]} features, and the model has {self.num_features()}")
        matrix = DMatrix(data, missing=missing, enable_categorical=True)
        named = validate_features and matrix.feature_names is not None
        return self.predict(
            matrix,
            output_margin=predict_type == "margin",
            iteration_range=iteration_range,
            validate_features=named,
            strict_shape=strict_shape,
        )

    # Saving, loading and showing.

    def save_raw(self, raw_format="ubj"):
        whole = self._json()
        whole["learner"]["attributes"] = {name: value for name, value in self.kept.items()}
        whole["learner"]["feature_names"] = self.names or []
        whole["learner"]["feature_types"] = self.types or []
        text = json.dumps(whole).encode()
        if raw_format == "json":
            return bytearray(text)
        if raw_format != "ubj":
            raise ValueError(f"there is no format `{raw_format}`")
        return bytearray(through(text, "ubj"))

    def save_model(self, fname):
        fname = Path(os.path.expanduser(fname))
        fname.write_bytes(self.save_raw("json" if fname.suffix == ".json" else "ubj"))

    def load_model(self, fname):
        if isinstance(fname, (str, os.PathLike)):
            try:
                fname = Path(os.path.expanduser(fname)).read_bytes()
            except OSError as error:
                raise XGBoostError(str(error)) from error
        model = bytes(fname)
        ask(welkin.Booster(model).num_boosted_rounds)
        self.model = model if model.lstrip()[:2] == b'{"' or model[1:2] in b" \n" else through(model, "json")
        learner = self._json()["learner"]
        self.kept = dict(learner.get("attributes", {}))
        self.names = learner.get("feature_names") or None
        self.types = learner.get("feature_types") or None

    def save_config(self):
        learner = {name: part for name, part in self._json()["learner"].items() if name != "gradient_booster"}
        learner["gradient_booster"] = {"name": self._json()["learner"]["gradient_booster"]["name"]}
        return json.dumps({"version": self._json()["version"], "learner": learner})

    def get_dump(self, fmap="", with_stats=False, dump_format="text"):
        if fmap or dump_format != "text":
            not_there("dumps but as text, and files of names")
        trees = ask(self._own().get_dump)
        return trees if with_stats else [re.sub(r",(gain|cover)=[^,\n]*", "", tree) for tree in trees]

    def get_score(self, fmap="", importance_type="weight"):
        if fmap:
            not_there("files of names")
        return ask(self._own().get_score, importance_type)

    def get_fscore(self, fmap=""):
        return self.get_score(fmap)

    def num_boosted_rounds(self):
        if self.known is None and self.ahead is not None:
            return self.ahead.done + self.ahead.used
        return 0 if self.model is None else ask(self._own().num_boosted_rounds)

    def num_features(self):
        if self.model is None:
            return self.cache[0].num_col() if self.cache else 0
        return ask(self._own()._shown)["features"]

    # What XGBoost makes of the rest in Python.
    best_iteration, best_score = Theirs.best_iteration, Theirs.best_score
    dump_model, trees_to_dataframe = Theirs.dump_model, Theirs.trees_to_dataframe
    get_split_value_histogram, __iter__ = Theirs.get_split_value_histogram, Theirs.__iter__

    # What is kept with it.

    @property
    def feature_names(self):
        return self.names

    @feature_names.setter
    def feature_names(self, names):
        self.names = None if names is None else list(names)

    @property
    def feature_types(self):
        return self.types

    @feature_types.setter
    def feature_types(self, types):
        self.types = None if types is None else list(types)

    def attr(self, key):
        return self.kept.get(key)

    def attributes(self):
        return dict(self.kept)

    def set_attr(self, **kwargs):
        self.kept |= {name: str(value) for name, value in kwargs.items()}
        self.kept = {name: value for name, value in self.kept.items() if kwargs.get(name, value) is not None}

    def reset(self):
        return self

    def copy(self):
        return copy.copy(self)

    def __copy__(self):
        return self.__deepcopy__(None)

    def __deepcopy__(self, _):
        other = Booster()
        other.__setstate__(self.__getstate__())
        return other

    def __getstate__(self):
        kept = {name: copy.deepcopy(getattr(self, name)) for name in ("params", "kept", "names", "types")}
        return kept | {"known": self.model}

    def __setstate__(self, state):
        self.cache, self.scores, self.ahead = [], weakref.WeakKeyDictionary(), None
        self.__dict__.update(state)

    def __getitem__(self, val):
        if isinstance(val, tuple):
            raise ValueError("rounds have one dimension")
        if isinstance(val, (int, np.integer)):
            val = slice(int(val), int(val) + 1)
        if val is Ellipsis:
            val = slice(None)
        if not isinstance(val, slice):
            raise TypeError(f"rounds are numbers or slices, not {type(val).__name__}")
        start, stop = (None if end is Ellipsis else end for end in (val.start, val.stop))
        if stop is not None and stop < (start or 0):
            raise ValueError(f"the slice {val} ends before it begins")
        return self._cut(start or 0, stop or 0, val.step or 1)

    # Helpers.

    def _name(self, matrix):
        if self.names is None:
            self.names, self.types = matrix.feature_names, matrix.feature_types
        if self.model is not None and matrix.num_col() != self.num_features():
            raise XGBoostError(f"there are {matrix.num_col()} features, and the model has {self.num_features()}")
        if self.names is not None:
            Theirs._validate_features(self, matrix.feature_names)

    def _own(self):
        if self.model is None:
            raise XGBoostError("the model has not been trained")
        return welkin.Booster(self.model)

    def _json(self):
        return json.loads(self._own().model)

    def _cut(self, begin, end, step=1):
        other = copy.copy(self)
        other.model = cut(self._own().model, begin, end, step)
        other.kept = {name: value for name, value in self.kept.items() if name not in ("best_iteration", "best_score")}
        return other


def cut(model, begin, end, step=1):
    """A model of some rounds: which trees are used is said in the file."""
    whole = json.loads(model)
    boosted = whole["learner"]["gradient_booster"]
    weights, model = boosted.get("weight_drop"), boosted.get("model") or boosted["gbtree"]["model"]
    ends = model["iteration_indptr"]
    end = end or len(ends) - 1
    if not 0 <= begin < end <= len(ends) - 1:
        raise IndexError(f"rounds {begin} to {end} of {len(ends) - 1}")
    rounds = [range(ends[at], ends[at + 1]) for at in range(begin, end, step)]
    kept = [tree for round_ in rounds for tree in round_]
    model["trees"] = [model["trees"][tree] | {"id": at} for at, tree in enumerate(kept)]
    model["tree_info"] = [model["tree_info"][tree] for tree in kept]
    model["iteration_indptr"] = [0, *np.cumsum([len(round_) for round_ in rounds]).tolist()]
    model["gbtree_model_param"]["num_trees"] = str(len(kept))
    if weights is not None:
        boosted["weight_drop"] = [weights[tree] for tree in kept]
    return json.dumps(whole).encode()


def through(model, format):
    """The same model in another format: what a training of no rounds writes."""
    shown = ask(welkin.Booster(model)._shown)
    names = shown["feature_names"] or [f"f{at}" for at in range(shown["features"])]
    settings = ["--set", f"objective={shown['objective']}"]
    if shown["objective"].startswith("multi:"):
        settings += ["--set", f"num_class={shown['outputs']}"]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "model").write_bytes(model)
        welkin.write(folder / "rows.csv", [*names, "a label", "a group"], [np.ones((2, len(names) + 2))])
        settings += ["--qid", "a group"] if shown["objective"].startswith("rank:") else ["--ignore", "a group"]
        arguments = ["--data", folder / "rows.csv", "--label", "a label", "--start", folder / "model", "--rounds", 0]
        ask(welkin.run, None, "train", *arguments, *settings, "--model", folder / f"model.{format}")
        return (folder / f"model.{format}").read_bytes()


def _counted(run):
    def counted(*args):
        global asked
        asked += 1
        return run(*args)

    return counted


def install():
    """From now on XGBoost's Booster is the one above, wherever its package names it."""
    welkin.run = _counted(welkin.run)
    ours = {
        Theirs: Booster,
        xgboost.core.QuantileDMatrix: QuantileDMatrix,
        xgboost.core.ExtMemQuantileDMatrix: lambda *_, **__: not_there("rows on disk"),
    }
    for name in [name for name in sys.modules if name.split(".")[0] == "xgboost"]:
        module = sys.modules[name]
        for key, value in list(vars(module).items()):
            if isinstance(value, type) and value in ours:
                setattr(module, key, ours[value])
