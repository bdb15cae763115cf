"""Training on arrays, and the model that comes of it."""

import json
import os
import tempfile
from pathlib import Path

import numpy as np

from .program import run, write


def train(
    params,
    X,
    y,
    num_boost_round=100,
    *,
    weight=None,
    qid=None,
    ids=None,
    evals=(),
    early_stopping_rounds=None,
    xgb_model=None,
    feature_names=None,
    categories=(),
    program=None,
):
    """Trains on rows `X` with labels `y`. `params` have XGBoost's names; NaN is a value that is missing.

    `evals` are pairs of rows and labels that the model is judged by after each round, or triples with a name, behind which a
    dictionary may have their `weight` and `qid`. `qid` are groups for ranking, `ids` numbers that stay with their rows however
    they are ordered, which sampling goes by. `categories` are the names, or numbers, of columns whose numbers, from 0, have no
    order. `xgb_model` is a Booster to go on with.
    """
    X = _matrix(X)
    names = _names(feature_names, X.shape[1])
    judges = [(_matrix(rows), {"label": labels, **(more[1] if len(more) > 1 else {})}) for rows, labels, *more in evals]
    if weight is None and any("weight" in roles for _, roles in judges):
        weight = np.ones(len(X))
    extra = {"label": y, "weight": weight, "qid": qid, "id": ids}
    extra = {_free(role, names): (role, _vector(values, X)) for role, values in extra.items() if values is not None}
    if qid is not None and any("qid" not in roles for _, roles in judges):
        raise ValueError("rows that a ranking is judged by need a `qid`: evals of (rows, labels, name, {'qid': ...})")
    judged = {name: column for name, column in extra.items() if column[0] != "id"}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        options = ["--model", folder / "model.json", "--rounds", num_boost_round, "--output", "json"]
        write(folder / "train.csv", names + list(extra), [X, *(values for _, values in extra.values())])
        for name, (role, _) in extra.items():
            options += [f"--{role}", name]
        for name in _of(categories, names):
            options += ["--categories", name]
        for number, (rows, roles) in enumerate(judges):
            # Where nothing is said of them, they are all worth the same.
            columns = [_vector(roles.get(role, np.ones(len(rows))), rows) for role, _ in judged.values()]
            write(folder / f"{number}.csv", names + list(judged), [rows, *columns])
            options += ["--valid", folder / f"{number}.csv"]
        if early_stopping_rounds is not None:
            options += ["--early-stopping", early_stopping_rounds]
        if xgb_model is not None:
            xgb_model.save_model(folder / "start.json")
            options += ["--start", folder / "start.json"]
        (folder / "params.json").write_text(json.dumps(_plain(params)), encoding="utf-8")
        told = run(program, "train", "--data", folder / "train.csv", "--params", folder / "params.json", *options)
        told = json.loads(told) | {"evals": [name[0] if name else f"validation_{at}" for at, (_, _, *name) in enumerate(evals)]}
        return Booster((folder / "model.json").read_bytes(), told, program=program)


class Booster:
    """A model. It is bytes in XGBoost's JSON, so that it can be pickled and compared."""

    def __init__(self, model, told=None, *, program=None):
        self.model, self.told, self.program = bytes(model), told or {}, program

    def __eq__(self, other):
        return isinstance(other, Booster) and self.model == other.model

    __hash__ = None

    def __repr__(self):
        return f"Booster({len(self.model)} bytes, {self.num_boosted_rounds()} rounds)"

    @classmethod
    def load_model(cls, path, *, program=None):
        """A model of Welkin or XGBoost, in JSON or UBJSON."""
        return cls(Path(path).read_bytes(), program=program)

    def save_model(self, path):
        """Writes it as it is, whole or not at all."""
        path = Path(path)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:
            draft.write(self.model)
        os.replace(draft.name, path)

    def predict(self, X, *, output_margin=False, pred_leaf=False):
        """One number for each row, or a row of numbers where the model has several outputs."""
        X = _matrix(X)
        options = ["--margin"] if output_margin else ["--leaves"] if pred_leaf else []
        names = self.feature_names or _names(None, X.shape[1])
        if X.shape[1] != len(names):
            raise ValueError(f"there are {X.shape[1]} columns, and the model has {len(names)} features")
        with self._file() as model:
            rows = Path(model).parent / "rows.csv"
            write(rows, names, [X])
            lines = run(self.program, "predict", model, rows, *options).splitlines()
        kind = np.int64 if pred_leaf else np.float32
        cells = np.array([line.split(",") for line in lines[1:]], dtype=np.float64).astype(kind)
        return cells.reshape(len(X)) if len(lines[0].split(",")) == 1 else cells.reshape(len(X), -1)

    @property
    def feature_names(self):
        """The names of its columns in their order."""
        return self._shown()["feature_names"]

    def num_boosted_rounds(self):
        """How many rounds it was trained."""
        return self._shown()["rounds"]

    def get_score(self, importance_type="weight"):
        """What features are worth that are asked for: `weight`, `gain`, `total_gain`, `cover` or `total_cover`."""
        if importance_type not in ("weight", "gain", "total_gain", "cover", "total_cover"):
            raise ValueError(f"`{importance_type}` is no importance: weight, gain, total_gain, cover and total_cover are")
        key = "splits" if importance_type == "weight" else importance_type
        return {one["feature"]: one[key] for one in self._shown()["importance"] if one["splits"] > 0}

    def get_dump(self):
        """Its trees as text, one each."""
        with self._file() as model:
            told = json.loads(run(self.program, "show", model, "--trees", "--output", "json"))
        return [tree["text"] for tree in told["trees"]]

    def evals_result(self):
        """Scores of all rounds: of each set of rows, for each metric."""
        names = self.told.get("evals", [])
        # The program calls one file `valid`, and several by their numbers.
        files = {"valid" if len(names) == 1 else str(at): name for at, name in enumerate(names)}
        result = {name: {} for name in names}
        for scores in self.told.get("history", []):
            for name, score in scores:
                of, metric = name.split("-", 1)
                result[files[of]].setdefault(metric, []).append(score)
        return result

    @property
    def best_iteration(self):
        """The round in which it was best, where it was stopped early."""
        return self.told.get("stopped", {}).get("best_round")

    def _shown(self):
        if not hasattr(self, "_known"):
            with self._file() as model:
                self._known = json.loads(run(self.program, "show", model, "--output", "json"))
        return self._known

    def _file(self):
        return _Kept(self.model)


class _Kept:
    """Bytes in a file of a folder that goes with it."""

    def __init__(self, model):
        self.model = model

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "model.json"
        path.write_bytes(self.model)
        return path

    def __exit__(self, *_):
        self.folder.cleanup()


def _matrix(X):
    X = np.asarray(X, dtype=np.float32)
    if X.ndim != 2:
        raise ValueError(f"rows are a table of two dimensions, and this has {X.ndim}")
    return X


def _vector(values, X):
    values = np.asarray(values)
    if values.shape != (len(X),):
        raise ValueError(f"there are {len(X)} rows, and not one number for each: {values.shape}")
    return values


def _names(names, count):
    names = [f"f{at}" for at in range(count)] if names is None else [str(name) for name in names]
    if len(names) != count:
        raise ValueError(f"there are {count} columns, and {len(names)} names")
    return names


def _of(columns, names):
    return [names[column] if isinstance(column, (int, np.integer)) else column for column in columns]


def _free(name, names):
    while name in names:
        name += "_"
    return name


def _plain(params):
    """Values that JSON has."""
    plain = lambda value: value.item() if isinstance(value, np.generic) else list(value) if isinstance(value, tuple) else value
    return {name: plain(value) for name, value in params.items()}
